"""Label maps: which label is which class, without mixing any two of them."""

import numpy as np
import pytest
from PIL import Image

from loss_study.datasets.reading.labels import LabelMap, resize_nearest
from loss_study.runtime.errors import StudyError
from support.data_at_hand import save

LABELS = np.repeat(np.array([[7, 7, 9, 9], [200, 200, 9, 9]], np.uint8), 2, axis=0)


def test_labels_become_classes_and_invalid_pixels(tmp_path):
    save(tmp_path / "a.png", LABELS)
    classes, valid = LabelMap([[7], [9]], ignored=[200]).read(tmp_path / "a.png", 4)
    assert (classes.dtype, valid.dtype) == (np.uint8, bool)
    assert np.array_equal(classes, [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]])
    assert np.array_equal(valid, LABELS != 200)


def test_sizes_change_without_new_labels(tmp_path):
    rng = np.random.default_rng(0)
    save(tmp_path / "a.png", rng.choice(np.array([0, 128, 255], np.uint8), (50, 37)))
    # A mixture of two labels is not named, and would raise an error.
    for size in (16, 64):
        classes, valid = LabelMap([[0], [128], [255]]).read(tmp_path / "a.png", size)
        assert set(np.unique(classes)) == {0, 1, 2} and valid.all()


@pytest.mark.parametrize(("shape", "size"), [((50, 37), 16), ((16, 16), 48), ((5, 9), 7), ((8, 8), 8)])
def test_nearest_agrees_with_pillow(shape, size):
    array = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    expected = Image.fromarray(array).resize((size, size), Image.Resampling.NEAREST)
    assert np.array_equal(resize_nearest(array, size), expected)


def test_a_soft_mask_is_the_share_of_its_labels(tmp_path):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::4] = 7
    stripes[:, 1::4] = 9
    save(tmp_path / "a.png", stripes)
    # A quarter of each pixel is 7 and a quarter 9; Pillow's triangle reaches over whole periods.
    inside = LabelMap([[7], [0, 9]]).read_soft(tmp_path / "a.png", 8, 0)[2:-2, 2:-2]
    assert np.abs(inside.astype(int) - 64).max() <= 2
    both = LabelMap([[7, 9]], others=1).read_soft(tmp_path / "a.png", 8, 0)[2:-2, 2:-2]
    assert np.abs(both.astype(int) - 128).max() <= 2


def test_a_palette_is_read_by_its_indices_and_colours_by_name(tmp_path):
    image = Image.fromarray(LABELS // 100).convert("P")
    image = Image.fromarray((LABELS > 100).astype(np.uint8), mode="L").convert("P")
    image.putpalette([0, 0, 128, 255, 128, 0] + [0] * 762)
    image.save(tmp_path / "p.png")
    by_index, _ = LabelMap([[0], [1]]).read(tmp_path / "p.png", 4)
    by_colour, _ = LabelMap([["#000080"], ["#FF8000"]]).read(tmp_path / "p.png", 4)
    assert np.array_equal(by_index, LABELS > 100) and np.array_equal(by_colour, by_index)
    image.convert("RGB").save(tmp_path / "rgb.png")
    assert np.array_equal(LabelMap([["#000080"], ["#ff8000"]]).read(tmp_path / "rgb.png", 4)[0], by_index)
    with pytest.raises(StudyError, match=r"rgb\.png: a coloured mask; name its labels .* as colours"):
        LabelMap([[0], [1]]).read(tmp_path / "rgb.png", 4)


def test_grey_values_in_three_channels_and_sixteen_bits(tmp_path):
    save(tmp_path / "rgb.png", np.repeat(LABELS[..., None], 3, axis=2))
    save(tmp_path / "deep.png", LABELS.astype(np.uint16) * 100)
    expected = LABELS == 9
    assert np.array_equal(LabelMap([[7, 200], [9]]).read(tmp_path / "rgb.png", 4)[0], expected)
    assert np.array_equal(LabelMap([[700, 20000], [900]]).read(tmp_path / "deep.png", 4)[0], expected)
    assert np.array_equal(LabelMap([[7, 200], ["#090909"]]).read(tmp_path / "rgb.png", 4)[0], expected)


def test_a_label_without_a_meaning_or_with_two_is_an_error(tmp_path):
    save(tmp_path / "a.png", LABELS)
    for read in (lambda one: one.read(tmp_path / "a.png", 4), lambda one: one.read_soft(tmp_path / "a.png", 4, 0)):
        with pytest.raises(StudyError, match=r"a\.png: holds the label 200, which dataset.options does not name"):
            read(LabelMap([[7], [9]]))
    with pytest.raises(StudyError, match="named twice"):
        LabelMap([[7], [9]], ignored=[9])
    with pytest.raises(StudyError, match="named twice"):
        LabelMap([[7], ["#070707"]])
