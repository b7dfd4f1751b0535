"""The sheet for people."""

import numpy as np
from PIL import Image

from loss_study.data.depth_scale import DepthScale
from loss_study.inference import overlay
from loss_study.inference.contract import Depth, Mask
from loss_study.inference.outputs import Prediction
from support.data_at_hand import save

SIZE = 400
FOREGROUND = Mask(1, ("foreground",), 0.5)


def square():
    """A mask of one square in the middle, (1, SIZE, SIZE)."""
    values = np.zeros((1, SIZE, SIZE), np.float32)
    values[:, 100:300, 100:300] = 1
    return values


def test_a_sheet_shows_tint_and_outline_of_the_mask_and_the_depth_in_colours(tmp_path):
    save(tmp_path / "image.png", np.full((SIZE, SIZE, 3), 100, np.uint8))
    ramp = np.repeat(np.linspace(0, 1, SIZE, dtype=np.float32)[:, None], SIZE, axis=1)[None]
    predictions = {
        "mask": Prediction.of(FOREGROUND, square(), SIZE, SIZE),
        "depth": Prediction.of(Depth(DepthScale(9.0, 80.0)), ramp, SIZE, SIZE),
    }
    sheet = np.asarray(overlay.sheet(tmp_path / "image.png", predictions)).astype(int)
    assert sheet.shape == (SIZE + overlay._CAPTION, 2 * SIZE, 3)
    colour = overlay.CLASS_COLOURS[0].astype(int)
    assert (sheet[50, 50] == 100).all()
    assert np.abs(sheet[200, 200] - (0.55 * 100 + 0.45 * colour)).max() <= 1
    assert (sheet[100, 200] == colour).all() and (sheet[200, 299] == colour).all()
    dark, bright = overlay.VIRIDIS[0], overlay.VIRIDIS[-1]
    assert (sheet[0, SIZE + 200] == dark).all() and (sheet[SIZE - 1, SIZE + 200] == bright).all()
    assert sheet[SIZE:].any()


def test_large_images_are_shown_smaller_and_small_ones_larger(tmp_path):
    for side, shown in ((1100, overlay.LONGEST), (32, overlay.NARROWEST)):
        save(tmp_path / "image.png", np.zeros((side, side, 3), np.uint8))
        found = overlay.sheet(tmp_path / "image.png", {"mask": Prediction.of(FOREGROUND, square(), side, side)})
        assert found.size == (shown, shown + overlay._CAPTION)


def test_classes_have_colours_of_their_own_and_the_background_has_none():
    output = Mask(3, ("pet", "background", "border"), None)
    assert overlay._numbered(output).tolist() == [1, 0, 3]
    image = Image.fromarray(np.zeros((40, 40, 3), np.uint8))
    classes = np.zeros((40, 40), np.uint8)
    classes[:, :20], classes[:, 20:30] = 1, 3
    found = np.asarray(overlay.tinted(image, classes)).astype(int)
    assert np.abs(found[20, 10] - 0.45 * overlay.CLASS_COLOURS[0]).max() <= 1
    assert np.abs(found[20, 25] - 0.45 * overlay.CLASS_COLOURS[2]).max() <= 1
    assert not found[20, 35].any()


def test_an_outline_is_as_wide_as_asked():
    classes = np.zeros((9, 9), np.uint8)
    classes[2:8, 2:8] = 1
    inner = overlay.outlines(classes, 2) & (classes > 0)
    assert inner.sum() == 36 - 4 and not inner[4:6, 4:6].any()


def test_constant_depth_is_one_colour():
    constant = Prediction.of(Depth(None), np.full((1, 4, 4), 0.5, np.float32), 4, 4)
    found = np.asarray(overlay.in_colours(constant, (8, 8)))
    assert len(np.unique(found.reshape(-1, 3), axis=0)) == 1


def test_an_image_of_more_than_8_bits_is_shown_by_its_own_range(tmp_path):
    save(tmp_path / "deep.png", np.linspace(1000, 3000, 1600).reshape(40, 40).astype(np.uint16))
    shown = np.asarray(overlay._as_seen(tmp_path / "deep.png"))
    assert shown.shape == (40, 40, 3) and shown[0, 0, 0] <= 1 and shown[-1, -1, 0] >= 254
