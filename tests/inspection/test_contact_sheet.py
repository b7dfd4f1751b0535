"""The contact sheet shows what the network gets, pixel by pixel."""

import io

import numpy as np
from PIL import Image

from loss_study.datasets.base import Example, Item
from loss_study.inspection import contact_sheet
from loss_study.inspection.examples import Seen

SIZE = 16
ENLARGED = 8


def seen(name="one", share=0.5, depth=False, valid=None, background=False, mask=True):
    rng = np.random.default_rng(len(name))
    image = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    shape = np.zeros((SIZE, SIZE), np.uint8)
    shape[: round(SIZE * share)] = 255
    far = np.linspace(0, 65535, SIZE * SIZE).astype(np.uint16).reshape(SIZE, SIZE) if depth else None
    example = Example(image, shape if mask else None, far, valid)
    return Seen(Item(name, None, None), "test", example, 255 - image if background else None)


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def cell(sheet, column, row=0):
    """The pixels of one cell of the first block, at the size of the example."""
    side = SIZE * ENLARGED
    top, left = 20 + row * (side + 26), column * (side + 6)
    return sheet[top : top + side : ENLARGED, left : left + side : ENLARGED, :3]


def test_every_column_is_the_array_of_the_example():
    one = seen(depth=True, background=True)
    sheet = opened(contact_sheet.draw([one], 1))
    image, mask = one.example.image, one.example.mask
    assert np.array_equal(cell(sheet, 0), image) and np.array_equal(cell(sheet, 1), 255 - image)
    assert np.array_equal(cell(sheet, 2), np.repeat(mask[..., None], 3, 2))
    assert np.array_equal(cell(sheet, 3)[mask == 255], image[mask == 255])
    assert np.abs(cell(sheet, 3)[mask == 0] - image[mask == 0] / 4).max() <= 0.5
    near, far = cell(sheet, 4)[0, 0], cell(sheet, 4)[-1, -1]
    assert far.sum() > near.sum() + 150


def test_columns_that_the_data_lacks_are_left_out():
    width = SIZE * ENLARGED + 6
    assert opened(contact_sheet.draw([seen(mask=False)], 1)).shape[1] == width - 6
    assert opened(contact_sheet.draw([seen()], 1)).shape[1] == 3 * width - 6
    # Of several classes each has a colour.
    sheet = opened(contact_sheet.draw([seen(share=0)], 2))
    assert sheet.shape[1] == 2 * width - 6 and (cell(sheet, 1) == (0, 0x72, 0xB2)).all()


def test_invalid_pixels_are_striped():
    valid = np.ones((SIZE, SIZE), bool)
    valid[:, 8:] = False
    mask = cell(opened(contact_sheet.draw([seen(valid=valid)], 1)), 1)
    assert set(np.unique(mask[:, :8])) == {0, 255} and set(np.unique(mask[:, 8:])) == {112, 176}


def test_a_dozen_from_the_smallest_mask_to_the_largest():
    many = [seen(str(number), number / 40) for number in np.random.default_rng(0).permutation(40)]
    chosen = contact_sheet.choose(many, 1)
    shares = [(one.example.mask > 0).mean() for one in chosen]
    assert len(chosen) == 12 and shares == sorted(shares) and shares[0] == 0 and shares[-1] > 0.95
    assert len(contact_sheet.choose([seen(mask=False)] * 3, 1)) == 3


def test_any_file_name_is_drawn():
    for name in ("x" * 255, "two\nlines", "\udcff broken", "字 é"):
        assert opened(contact_sheet.draw([seen(name)], 1)).shape == opened(contact_sheet.draw([seen()], 1)).shape


def test_the_middle_of_a_long_name_is_left_out():
    assert contact_sheet.shortened("abcdefghij", 7) == "ab...ij"
    assert contact_sheet.shortened("short", 7) == "short"
