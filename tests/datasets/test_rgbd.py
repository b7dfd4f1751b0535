"""RGB-D pairs: metres from readings, and invalid pixels where there is no reading."""

import numpy as np
import pytest
from PIL import Image

from loss_study import datasets
from loss_study.data.depth_scale import DepthScale
from loss_study.runtime.errors import StudyError
from support.data_at_hand import composed, everything, save

FILES = {"image": "rgb/{name}", "depth": "depth/{name}"}
#: Millimetres; two kinds of missing readings, and one beyond the far limit of 10 m.
READINGS = np.array([[0, 65535, 1, 40], [1000, 2500, 5000, 9980], [10000, 10001, 30000, 65534], [20, 39, 59, 60]])
#: 65535 z / (z + 3 m) at most at 10 m, rounded by hand: 1 m is 16383.75, 2.5 m 29788.6, 10 m 50411.5.
DEPTH = np.array(
    [[0, 0, 22, 862], [16384, 29789, 40959, 50388], [50412, 50412, 50412, 50412], [434, 841, 1264, 1285]], np.uint16
)


def options(**changes):
    fixed = {"files": dict(FILES), "metres_per_unit": 0.001, "halfway_m": 3.0, "far_m": 10.0, "invalid": [0, 65535]}
    return fixed | changes


def build(root, readings=READINGS, count=4):
    for number in range(count):
        save(root / f"rgb/{number}.png", np.full((*readings.shape, 3), 50 * number, np.uint8))
        save(root / f"depth/{number}.png", readings.astype(np.uint16))
    return root


def open_rgbd(root, **changes):
    return datasets.open_dataset("rgbd", root, options(**changes))


def first(source, size=4):
    return source.example(everything(source)[0], size)


def test_readings_are_coded_at_full_precision_up_to_the_far_limit(tmp_path):
    example = first(open_rgbd(build(tmp_path)))
    assert np.array_equal(example.depth_valid, (READINGS != 0) & (READINGS != 65535))
    assert example.depth.dtype == np.uint16 and np.array_equal(example.depth, DEPTH)
    assert example.mask is None and example.mask_valid is None


def test_scale_far_limit_and_missing_readings_are_options(tmp_path):
    build(tmp_path)
    far = first(open_rgbd(tmp_path, far_m=20))
    assert far.depth[2].tolist() == [50412, round(65535 * 10.001 / 13.001), *[round(65535 * 20 / 23)] * 2]
    doubled = open_rgbd(tmp_path, metres_per_unit=0.002, halfway_m=6.0, far_m=20.0)
    assert np.array_equal(first(doubled).depth, DEPTH)
    assert doubled.depth_scale == DepthScale(6.0, 20.0)
    none = first(open_rgbd(tmp_path, invalid=[]))
    assert none.depth_valid.all() and none.depth[0].tolist() == [0, 50412, 22, 862]


def test_a_missing_reading_is_never_mixed_in(tmp_path):
    rng = np.random.default_rng(0)
    readings = np.where(rng.random((60, 80)) < 0.5, rng.choice([0, 65535], (60, 80)), 5000)
    build(tmp_path, readings)
    for size in (16, 33, 96):
        example = first(open_rgbd(tmp_path), size)
        assert 0.3 < example.depth_valid.mean() < 0.7
        assert np.unique(example.depth[example.depth_valid]).tolist() == [40959]
        assert np.unique(example.depth[~example.depth_valid]).tolist() == [0]


def test_masks_come_along_where_there_are_any(tmp_path):
    build(tmp_path)
    for number in range(4):
        save(tmp_path / f"masks/{number}.png", np.tile(np.array([0, 3, 3, 9], np.uint8), (4, 1)))
    files = {**FILES, "mask": "masks/{name}"}
    example = first(open_rgbd(tmp_path, files=files, labels={"classes": {"cup": [3]}, "ignored": [9]}))
    assert np.array_equal(example.mask[0], [0, 255, 255, 0]) and np.array_equal(example.mask_valid[0], [1, 1, 1, 0])
    assert np.array_equal(example.depth, DEPTH)
    labels = {"classes": {"cup": [3]}, "ignored": [9]}
    assert datasets.heads_with_invalid_pixels("rgbd", options(files=files, labels=labels)) == ("mask", "depth")
    assert datasets.heads_with_invalid_pixels("rgbd", options()) == ("depth",)
    assert datasets.heads_with_invalid_pixels("rgbd", options(invalid=[])) == ()


def test_eight_bits_are_no_measured_depth(tmp_path):
    build(tmp_path)
    Image.fromarray(DEPTH.astype(np.uint8)).save(tmp_path / "depth/0.png")
    with pytest.raises(StudyError, match=r"0\.png: has 8 bits, unlike other depth maps; replace or remove it"):
        first(open_rgbd(tmp_path))


def test_an_image_without_depth_is_an_error_or_left_out(tmp_path):
    build(tmp_path)
    (tmp_path / "depth/2.png").unlink()
    with pytest.raises(StudyError, match=r"1 images have no depth map \(first: rgb/2\.png\)"):
        open_rgbd(tmp_path)
    assert [item.id for item in everything(open_rgbd(tmp_path, allow_missing=True))] == ["0", "1", "3"]


def test_the_configuration_composes(tmp_path, monkeypatch):
    build(tmp_path)
    dataset = composed(tmp_path, monkeypatch, "dataset=rgbd", f"dataset.path={tmp_path}", "loss=l1").dataset
    assert dataset.heads == ["depth"]
    source = datasets.open_dataset("rgbd", tmp_path, dataset.options)
    assert np.array_equal(first(source).depth, DEPTH)
    notes = " ".join(source.notes)
    assert "1 unit is 0.001 m" in notes and "readings of 0 or 65535 are invalid" in notes
    assert "12 % are missing, and 21 % of the others lie beyond 10 m; their median is 1.75 m" in notes
