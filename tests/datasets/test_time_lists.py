"""Lists of times: which depth map is nearest, and how far away it may be."""

import pytest

from loss_study.datasets.layouts import time_lists
from loss_study.datasets.layouts.layout import TimeLists
from loss_study.datasets.layouts.listing import listed
from loss_study.runtime.errors import StudyError


def pairs(root, images, depths, most):
    """Return the pairs of images at the times `images` and depth maps at the times `depths`, by their times."""
    for name, times in (("rgb", images), ("depth", depths)):
        (root / f"{name}.txt").write_text("# time path\n" + "".join(f"{time} {name}/{time}.png\n" for time in times))
    files = {
        "": ["rgb.txt", "depth.txt"],
        "rgb": [f"{time}.png" for time in images],
        "depth": [f"{time}.png" for time in depths],
    }
    found = time_lists.match(listed(root, files), TimeLists(image="rgb", depth="depth", max_seconds=most))
    paths = [(found.images.files.relative(n), found.depths.relative(n)) for n in range(len(found.depths))]
    return [tuple(float(path.split("/")[1].removesuffix(".png")) for path in pair) for pair in paths], found.notes


@pytest.mark.parametrize(
    ("images", "depths", "expected"),
    [
        ([1.0, 2.0], [2.25, 1.25], [(1.0, 1.25), (2.0, 2.25)]),
        # Both are near enough to 1.5; the nearer one has it, and the other one has the next.
        ([1.0, 1.25], [1.5], [(1.25, 1.5)]),
        ([1.0, 1.25], [1.5, 0.75], [(1.0, 0.75), (1.25, 1.5)]),
        # As far as is allowed, and a little farther.
        ([1.0, 5.0], [1.5, 5.5625], [(1.0, 1.5)]),
        ([1.0, 5.0], [0.5, 4.4375], [(1.0, 0.5)]),
    ],
)
def test_the_nearest_come_together_first_and_each_is_used_once(tmp_path, images, depths, expected):
    found, notes = pairs(tmp_path, images, depths, 0.5)
    assert found == expected
    alone = len(images) - len(expected)
    assert notes == ([f"{alone} images without a depth map within 0.5 s"] if alone else [])


def test_without_any_pair_the_option_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"no image has a depth map within 0.25 s; .*time_lists.max_seconds"):
        pairs(tmp_path, [1.0], [1.5], 0.25)
