"""Image files as they are: sizes and formats."""

import numpy as np
import pytest

from loss_study.inspection import files
from support.data_at_hand import save


@pytest.fixture
def paths(tmp_path):
    arrays = {
        "a.png": np.zeros((4, 6), np.uint8),
        "b.png": np.zeros((8, 6), np.uint16),
        "c.jpg": np.zeros((2, 9, 3), np.uint8),
    }
    for name, array in arrays.items():
        save(tmp_path / name, array)
    return [tmp_path / name for name in arrays]


def test_sizes_and_formats_are_told(paths):
    assert files.headers(paths[:1]) == ("6x4", "8-bit grey PNG")
    sizes, formats = files.headers([*paths, paths[0]])
    assert sizes == "9x2 to 6x8"
    assert formats == "8-bit grey PNG (2), 16-bit grey PNG (1), 8-bit RGB JPEG (1)"


def test_the_table_counts_all_files_and_those_looked_at(paths):
    table = files.table({"image": paths[2:] * 100, "mask": paths[:1]})
    assert [row[:4] for row in table.rows] == [("image", "100", "60", "9x2"), ("mask", "1", "1", "6x4")]


def test_the_pixels_of_one_image_are_those_of_all_its_files(paths):
    assert files.pixels({"image": paths[2:], "mask": paths[:1], "depth": []}) == 18 + 24


def test_the_values_of_masks_are_counted(tmp_path):
    mask = np.zeros((10, 10), np.uint8)
    mask[:3], mask[3:4] = 7, 255
    save(tmp_path / "grey.png", mask)
    found = files.values([tmp_path / "grey.png"])
    assert found.rows == [("0", "60.0%"), ("7", "30.0%"), ("255", "10.0%")] and "grey values" in found.explanation
    save(tmp_path / "colour.png", np.array([[(255, 128, 0)] * 4] * 4, np.uint8))
    found = files.values([tmp_path / "colour.png"])
    assert found.rows == [("#ff8000", "100.0%")] and "colours" in found.explanation
    cut_out = np.zeros((8, 8, 4), np.uint8)
    cut_out[:4, :, 3] = 255
    save(tmp_path / "cut-out.png", cut_out)
    assert "transparency" in files.values([tmp_path / "cut-out.png"]).explanation


def test_a_file_that_is_no_image_is_told(tmp_path):
    (tmp_path / "bad.png").write_text("no image")
    assert files.headers([tmp_path / "bad.png"]) == ("", "unreadable .png")
