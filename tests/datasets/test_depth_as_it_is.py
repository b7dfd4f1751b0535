"""Depth maps as people have them: read right, or refused with words that read them right when they are typed."""

import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from loss_study import datasets
from loss_study.datasets.reading import colour_maps
from loss_study.runtime.errors import StudyError
from support.data_at_hand import everything, save
from support.typed_words import alternatives, opened, options

SIZE, COUNT = 32, 4
KEY = "dataset.options"
RNG = np.random.default_rng(0)
ONLY_DEPTH = ['dataset.options.files={image:"images/{name}",mask:null,depth:"depth/{name}"}']
RGBD_FILES = ['dataset.options.files.image="images/{name}"']


def metres(number):
    """Return a slope from 0.8 to 6 m and beyond, different in each map."""
    rows, columns = np.mgrid[:SIZE, :SIZE] / SIZE
    return 0.8 + 5 * rows + columns / 5 + number / 100


def with_gaps(depth, value):
    """Return `depth` with a tenth of its readings missing."""
    return np.where(np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 10 == 0, value, depth)


def coded(depth_m, halfway_m=3.0, far_m=10.0):
    """Return metres as they are stored."""
    near = np.minimum(depth_m, far_m)
    return np.rint(65535 * near / (near + halfway_m))


def build(root, depth, suffix=".png"):
    """Write images and depth maps; `depth` makes an array from a number."""
    for number in range(COUNT):
        save(root / f"images/p{number}.png", np.full((SIZE, SIZE, 3), 30 * number, np.uint8))
        path, made = root / f"depth/p{number}{suffix}", depth(number)
        path.parent.mkdir(exist_ok=True)
        if suffix == ".npy":
            np.save(path, made)
        elif suffix == ".npz":
            np.savez_compressed(path, depth=made)
        elif suffix == ".exr":
            openexr = pytest.importorskip("OpenEXR")
            openexr.File({"type": openexr.scanlineimage}, {"Z": made}).write(str(path))
        elif made.dtype == np.float64:
            tifffile.imwrite(path, made)
        else:
            save(path, made)
    return root


def read(root, *words, name="folder"):
    """Return the example of every image, with what is typed for maps in these folders."""
    source = opened(root, name, [*(RGBD_FILES if name == "rgbd" else ONLY_DEPTH), *words])
    return [source.example(item, SIZE) for item in everything(source)]


def refusal(root, match, name="folder"):
    """Return the words that the refusal of these maps offers."""
    with pytest.raises(StudyError, match=match) as refused:
        read(root, name=name)
    assert "\n" not in str(refused.value)
    return alternatives(str(refused.value))


def check_metres(found):
    """Check maps with gaps; half a millimetre is 7 of 65535 at 0.8 m, and the precision of float16 5 at 6 m."""
    valid = with_gaps(np.ones((SIZE, SIZE)), 0) > 0
    for number, example in enumerate(found):
        assert np.array_equal(example.depth_valid, valid)
        assert np.abs(example.depth[valid] - coded(metres(number))[valid]).max() <= 8


#: Maps with numbers in metres or millimetres, and what marks a missing reading.
MEASURED = {
    "millimetres": (lambda depth: np.rint(1000 * depth).astype(np.uint16), ".png", 0),
    "millimetres in 32 bits": (lambda depth: np.rint(1000 * depth).astype(np.int32), ".tif", 0),
    "metres in TIFF": (lambda depth: depth.astype(np.float32), ".tiff", np.nan),
    "metres in .npy": (lambda depth: depth, ".npy", 0),
    "metres in .npz": (lambda depth: depth.astype(np.float16).astype(np.float64), ".npz", np.inf),
    "metres in EXR": (lambda depth: depth.astype(np.float32), ".exr", -1),
}


@pytest.mark.parametrize("kind", MEASURED)
def test_measured_depth_in_a_folder_is_read_in_metres_with_the_words_of_the_message(tmp_path, kind):
    make, suffix, missing = MEASURED[kind]
    build(tmp_path, lambda number: make(with_gaps(metres(number), missing)), suffix)
    *_, words = refusal(tmp_path, r"depth: depth maps of .*; if .*metre")
    check_metres(read(tmp_path, *words))
    heads = datasets.heads_with_invalid_pixels("folder", options("folder", (*ONLY_DEPTH, *words)))
    assert heads == ("depth",)


def test_openexr_files_need_a_package_that_the_message_names(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    build(tmp_path, metres, ".npy")
    (tmp_path / "depth/p2.npy").unlink()
    (tmp_path / "depth/p2.exr").write_bytes(b"\x76\x2f\x31\x01 and more")
    with pytest.raises(StudyError, match=r"p2\.exr: OpenEXR files need a package: pip install '\.\[exr\]'"):
        read(tmp_path)


@pytest.mark.parametrize("kind", MEASURED)
def test_rgbd_reads_the_same_files(tmp_path, kind):
    make, suffix, missing = MEASURED[kind]
    build(tmp_path, lambda number: make(with_gaps(metres(number), missing)), suffix)
    if kind.startswith("millimetres"):
        check_metres(read(tmp_path, name="rgbd"))
    else:
        (words,) = refusal(tmp_path, r"99 % of the readings lie within 1 % of far_m", name="rgbd")
        check_metres(read(tmp_path, *words, name="rgbd"))


def test_a_wrong_unit_is_refused_with_the_share_that_is_too_far(tmp_path):
    # 16 to 124 m: 7 of 100 rows are within 23.56 m, and 50 rows within 70 m.
    rows = np.repeat(np.linspace(16, 124, 100)[:, None], SIZE, axis=1)
    build(tmp_path, lambda _: np.rint(1000 / 2.5 * rows).astype(np.uint16))
    word = ["dataset.options.metres_per_unit=0.0025", "dataset.options.far_m=23.56"]
    with pytest.raises(StudyError) as refused:
        read(tmp_path, *word, "dataset.options.fit=stretched", name="rgbd")
    assert (
        "93 % of the readings lie beyond far_m = 23.56 m (median 70 m): check dataset.options.metres_per_unit (0.0025)"
        in str(refused.value)
    )
    (words,) = alternatives(str(refused.value))
    (example, *_) = read(tmp_path, *words, "dataset.options.fit=stretched", name="rgbd")
    halfway, far = (
        float(next(word for word in words if key in word).partition("=")[2]) for key in ("halfway", "far_m")
    )
    assert 70 <= halfway <= 71 and 123 <= far <= 130
    assert abs(int(example.depth[0, 0]) - int(coded(rows[1, 0], halfway, far))) < 100


def test_what_is_missing_or_too_far_stands_in_the_notes(tmp_path):
    build(tmp_path, lambda number: np.rint(1000 * with_gaps(metres(number), 0)).astype(np.uint16))
    source = opened(tmp_path, "rgbd", [*RGBD_FILES, "dataset.options.far_m=5"])
    kept = np.stack([metres(number)[with_gaps(np.ones((SIZE, SIZE)), 0) > 0] for number in range(COUNT)])
    beyond = f"{100 * (kept > 5).mean():.0f} % of the others lie beyond 5 m"
    assert source.notes[-1] == (
        f"Of the readings in 4 depth maps 10 % are missing, and {beyond}; their median is {np.median(kept):.3g} m."
    )


def test_gaps_in_maps_of_8_bits_are_missing_readings_where_the_user_says_so(tmp_path):
    grey = [np.rint(30 * metres(number)).astype(np.uint8) for number in range(COUNT)]
    build(tmp_path, lambda number: with_gaps(grey[number], 0).astype(np.uint8))
    depth, missing = refusal(tmp_path, r"10 % of the depth readings are 0, and none is near it")
    for number, example in enumerate(read(tmp_path, *depth)):
        assert example.depth_valid is None and np.array_equal(
            example.depth, 257 * with_gaps(grey[number], 0).astype(int)
        )
    for number, example in enumerate(read(tmp_path, *missing)):
        valid = with_gaps(grey[number], 0) > 0
        assert np.array_equal(example.depth_valid, valid)
        assert np.array_equal(example.depth, 257 * with_gaps(grey[number], 0).astype(int))
    heads = [
        datasets.heads_with_invalid_pixels("folder", options("folder", (*ONLY_DEPTH, *words)))
        for words in (depth, missing)
    ]
    assert heads == [(), ("depth",)]


def test_zeros_next_to_other_small_readings_are_depth(tmp_path):
    ramp = np.tile(np.arange(SIZE, dtype=np.uint8) * 8, (SIZE, 1))
    for example in read(build(tmp_path, lambda _: ramp)):
        assert np.array_equal(example.depth, 257 * ramp.astype(int)) and example.depth_valid is None


def test_sixteen_bits_that_fill_their_range_are_relative_depth(tmp_path):
    ramp = [np.rint(np.linspace(300, 65535 - number, SIZE * SIZE)).reshape(SIZE, SIZE) for number in range(COUNT)]
    for number, example in enumerate(read(build(tmp_path, lambda number: ramp[number].astype(np.uint16)))):
        assert np.array_equal(example.depth, ramp[number])


def test_other_numbers_of_16_bits_are_relative_depth_with_the_words_of_the_message(tmp_path):
    ramp = np.arange(SIZE * SIZE).reshape(SIZE, SIZE) * 4 + 3
    build(tmp_path, lambda _: ramp.astype(np.uint16))
    words, _ = refusal(tmp_path, "depth maps of 16 bits that do not fill their range; if they are relative")
    for example in read(tmp_path, *words):
        assert np.array_equal(example.depth, np.rint(65535 * (ramp / ramp.max())))


def test_fractions_are_relative_depth_with_the_words_of_the_message(tmp_path):
    shares = [np.linspace(0, 1 - number / 10, SIZE * SIZE).reshape(SIZE, SIZE) for number in range(COUNT)]
    build(tmp_path, lambda number: shares[number], ".npy")
    (words,) = refusal(tmp_path, "depth maps of floating-point numbers; if 0 is nearest and 1 farthest")
    for number, example in enumerate(read(tmp_path, *words)):
        assert np.abs(example.depth - 65535 * shares[number]).max() <= 0.51
    for number, example in enumerate(
        read(tmp_path, "dataset.options.depth_range=[0.5,1]", "dataset.options.near=bright")
    ):
        assert np.abs(65535 - example.depth - 65535 * (2 * shares[number] - 1).clip(0, 1)).max() <= 0.51


def test_numbers_that_are_no_depth_need_a_word_too(tmp_path):
    build(tmp_path, lambda number: with_gaps(metres(number), np.nan), ".npy")
    known = ["dataset.options.metres_per_unit=1", "dataset.options.invalid=[]"]
    with pytest.raises(StudyError, match=r"hold numbers that are no depth \(NaN.*\), such as p0\.npy;") as refused:
        read(tmp_path, *known)
    ((word,),) = alternatives(str(refused.value))
    check_metres(read(tmp_path, known[0], word))


def test_maps_of_8_bits_are_relative_in_rgbd_with_the_words_of_the_message(tmp_path):
    grey = np.tile(np.arange(4, 4 + 6 * SIZE, 6, dtype=np.uint8), (SIZE, 1))
    build(tmp_path, lambda _: grey)
    (words,) = refusal(tmp_path, "depth maps of 8 bits are relative; read them as such", name="rgbd")
    for example in read(tmp_path, *words, name="rgbd"):
        assert np.array_equal(example.depth, 257 * grey.astype(int))


@pytest.mark.parametrize("name", ["jet", "plasma"])
def test_coloured_depth_in_a_folder_is_converted_back(tmp_path, name):
    values = np.tile(np.arange(8, 8 + 7 * SIZE, 7, dtype=np.uint8), (SIZE, 1))
    build(tmp_path, lambda _: colour_maps.colours(name)[values])
    for example in read(tmp_path):
        assert np.abs(example.depth / 257 - values).max() <= 2
    source = opened(tmp_path, words=ONLY_DEPTH)
    assert any(f"have the colour map '{name}'" in note for note in source.notes)


def test_gaps_in_coloured_depth_are_noticed(tmp_path):
    values = np.tile(np.arange(30, 30 + 6 * SIZE, 6, dtype=np.uint8), (SIZE, 1))
    values[:13, :8] = 0
    build(tmp_path, lambda _: colour_maps.colours("jet")[values])
    _, missing = refusal(tmp_path, r"10 % of the depth readings are 0, and none is near it")
    for example in read(tmp_path, *missing):
        assert np.array_equal(example.depth_valid, values > 0)


def test_unknown_colours_are_refused(tmp_path):
    build(tmp_path, lambda _: RNG.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))
    assert refusal(tmp_path, "depth maps in colours of no known colour map; save their values") == []


def test_depth_of_backgrounds_is_relative_or_refused(tmp_path):
    cut_out = np.zeros((SIZE, SIZE, 4), np.uint8)
    cut_out[8:24, 8:24] = (200, 30, 30, 255)
    for number in range(3):
        save(tmp_path / f"bg/b{number}.png", np.full((SIZE, SIZE, 3), 40 * number, np.uint8))
        save(tmp_path / f"bg_depth/b{number}.png", np.rint(1000 * metres(number)).astype(np.uint16))
        save(tmp_path / f"fg/f{number}.png", np.roll(cut_out, 5 * number, axis=1))
    with pytest.raises(StudyError, match=r"bg_depth: depth maps of 16 bits that do not fill .*; save relative depth"):
        opened(tmp_path, "composites")
    values = np.tile(np.arange(8, 8 + 7 * SIZE, 7, dtype=np.uint8), (SIZE, 1))
    for number in range(3):
        save(tmp_path / f"bg_depth/b{number}.png", colour_maps.colours("jet")[values])
    source = opened(tmp_path, "composites")
    example = source.example(everything(source)[0], SIZE)
    bare = example.mask == 0
    assert np.abs(example.depth / 257 - values)[bare].max() <= 2


@pytest.mark.parametrize(("content", "match"), [
    ({"a": np.zeros((4, 4)), "b": np.zeros((4, 4))}, "holds 2 arrays; save one array in each file"),
    ({"a": np.zeros(7)}, r"an array of shape \(7,\)"),
    ({"a": np.zeros((4, 4), complex)}, "an array of type complex128"),
    ({"a": np.array([[None]])}, "not a readable image"),
])  # fmt: skip
def test_files_of_other_arrays_are_named(tmp_path, content, match):
    build(tmp_path, metres, ".npy")
    (tmp_path / "depth/p2.npy").unlink()
    np.savez(tmp_path / "depth/p2.npz", **content)
    with pytest.raises(StudyError, match=rf"p2\.npz: {match}"):
        read(tmp_path)


def test_an_array_saved_by_a_truncated_write_is_named(tmp_path):
    build(tmp_path, metres, ".npy")
    path = tmp_path / "depth/p1.npy"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StudyError, match=r"p1\.npy: not a readable image"):
        read(tmp_path)
    Image.new("L", (4, 4)).save(path, format="PNG")
    with pytest.raises(StudyError, match=r"p1\.npy"):
        read(tmp_path, "dataset.options.metres_per_unit=1")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("suffix", [".npy", ".exr", ".tif"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1, 1e300])
def test_one_number_that_is_no_depth_is_refused_with_its_file_or_is_a_missing_reading(tmp_path, suffix, value):
    type_ = np.float32 if suffix == ".exr" else np.float64

    def one(number):
        depth = metres(number).astype(type_)
        with np.errstate(over="ignore"):
            depth[5, 6] = value if number == 2 else depth[5, 6]
        return depth

    build(tmp_path, one, suffix)
    unit = "dataset.options.metres_per_unit=1"
    with pytest.raises(StudyError, match=rf"such as p2\{suffix}; if nothing was measured there") as refused:
        read(tmp_path, unit, "dataset.options.invalid=[]")
    ((word,),) = alternatives(str(refused.value))
    for number, example in enumerate(read(tmp_path, unit, word)):
        missing = np.argwhere(~example.depth_valid).tolist()
        assert missing == ([[5, 6]] if number == 2 else [])
        assert np.abs(example.depth[0] - coded(metres(number))[0]).max() <= 1


@pytest.mark.parametrize("value", [40_000, 1e9, 1e30])
def test_an_absurd_distance_is_the_farthest_that_counts(tmp_path, value):
    build(tmp_path, lambda number: np.where(np.arange(SIZE) == 7, value, metres(number)), ".npy")
    for example in read(tmp_path, "dataset.options.metres_per_unit=1"):
        assert (example.depth[:, 7] == coded(np.float64(10))).all() and example.depth_valid.all()


def test_a_reading_that_is_no_depth_in_a_map_that_was_not_looked_at_is_refused_when_it_is_read(tmp_path):
    shares = f"{KEY}.depth_range=[0,1]"
    for number in range(120):
        save(tmp_path / f"images/p{number:03}.png", np.full((SIZE, SIZE, 3), number, np.uint8))
        (tmp_path / "depth").mkdir(exist_ok=True)
        depth = (metres(number) / 10).astype(np.float32)
        depth[3, 4] = np.nan if number == 1 else depth[3, 4]
        np.save(tmp_path / f"depth/p{number:03}.npy", depth)
    with pytest.raises(StudyError, match=r"p001\.npy: holds numbers that are no depth") as error:
        read(tmp_path, shares)
    (missing,) = alternatives(str(error.value))
    one = read(tmp_path, shares, *missing)[1]
    assert not one.depth_valid[3, 4] and one.depth_valid.sum() == SIZE**2 - 1
    assert abs(int(one.depth[9, 9]) - 65535 * metres(1)[9, 9] / 10) <= 1
