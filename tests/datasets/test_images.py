"""Image files: content over name, orientation, bit depth, and one-line errors for what cannot be read."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from loss_study.datasets.reading import images
from loss_study.datasets.reading.images import decode, list_images, read_grey, read_rgb
from loss_study.runtime.errors import StudyError

RNG = np.random.default_rng(0)


def noise(height, width, channels=3):
    return RNG.integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_rgb_is_read_exactly_when_no_resizing_is_needed(tmp_path):
    values = noise(16, 16)
    Image.fromarray(values).save(tmp_path / "a.png")
    read = read_rgb(tmp_path / "a.png", 16)
    assert np.array_equal(read, values)
    assert read.flags.writeable


def test_resizing_averages_instead_of_skipping_pixels(tmp_path):
    checkers = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(checkers).save(tmp_path / "a.png")
    inner = read_grey(tmp_path / "a.png", 16)[1:-1, 1:-1]
    assert np.abs(inner.astype(int) - 128).max() <= 1


def test_an_image_is_stretched_to_the_square(tmp_path):
    halves = np.zeros((20, 80), np.uint8)
    halves[:, 40:] = 255
    Image.fromarray(halves).save(tmp_path / "a.png")
    read = read_grey(tmp_path / "a.png", 20)
    assert read.shape == (20, 20)
    assert (read[:, :8] == 0).all() and (read[:, 12:] == 255).all()


def test_nearest_makes_no_new_values(tmp_path):
    labels = np.repeat(np.array([[1, 2, 3]], np.uint8), 30, axis=0).repeat(11, axis=1)
    Image.fromarray(labels).save(tmp_path / "a.png")
    assert set(np.unique(read_grey(tmp_path / "a.png", 20, nearest=True))) == {1, 2, 3}


def test_exif_orientation_is_applied(tmp_path):
    upright = noise(16, 16)
    sideways = Image.fromarray(np.rot90(upright))  # counter-clockwise, so orientation 6 (rotate clockwise) mends it
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_rgb(tmp_path / "a.png", 16), upright)


def test_gif_named_jpg_is_read_by_its_content(tmp_path):
    grey = RNG.integers(0, 256, (12, 12), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.jpg", format="GIF")
    assert np.array_equal(read_grey(tmp_path / "a.jpg", 12), grey)


def test_rgba_png_named_jpg_loses_its_alpha(tmp_path):
    values = noise(12, 12, 4)
    values[..., 3] = 255
    Image.fromarray(values).save(tmp_path / "a.jpg", format="PNG")
    assert np.array_equal(read_rgb(tmp_path / "a.jpg", 12), values[..., :3])


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    values = np.array([[0, 257], [32896, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert read_grey(tmp_path / "a.png", 2).tolist() == [[0, 1], [128, 255]]


def test_three_channel_grey_is_its_luminance(tmp_path):
    grey = RNG.integers(0, 256, (9, 9), dtype=np.uint8)
    Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).save(tmp_path / "a.png")
    assert np.array_equal(read_grey(tmp_path / "a.png", 9), grey)


def test_decoding_a_jpeg_at_a_fraction_of_its_size_changes_little(tmp_path):
    rows, columns = np.indices((512, 512)) / 512
    smooth = np.stack([rows, columns, rows * columns], axis=2) * 255
    Image.fromarray(smooth.astype(np.uint8)).save(tmp_path / "a.jpg", quality=95)
    assert decode(tmp_path / "a.jpg", at_least=32).size == (64, 64)
    direct = decode(tmp_path / "a.jpg").resize((32, 32), Image.Resampling.BILINEAR)
    assert np.abs(read_rgb(tmp_path / "a.jpg", 32).astype(int) - np.asarray(direct)).max() <= 3


def test_list_is_sorted_and_passes_over_stray_files(tmp_path):
    for name in ("b.PNG", "a.jpg", "._a.jpg", ".DS_Store", "Thumbs.db", "readme.md", "list.txt", "a.mat"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    assert [path.name for path in list_images(tmp_path)] == ["a.jpg", "b.PNG"]


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"bg: no such folder"):
        list_images(tmp_path / "bg")


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_truncated_file_is_named(tmp_path, format_):
    path = tmp_path / "broken.jpg"
    Image.fromarray(noise(64, 64)).save(path, format=format_)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StudyError, match=r"broken\.jpg: not a readable image .*replace or remove it"):
        read_rgb(path, 64)


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n" + b"\0" * 20])
def test_a_file_that_is_no_image_is_named(tmp_path, content):
    (tmp_path / "note.png").write_bytes(content)
    with pytest.raises(StudyError, match=r"note\.png: not a readable image"):
        read_rgb(tmp_path / "note.png", 8)


@pytest.mark.parametrize("format_", ["EPS", "PDF", "ICO", "SGI"])
def test_formats_of_other_readers_are_refused_whatever_the_name_says(tmp_path, format_):
    path = tmp_path / "a.png"
    Image.new("RGB", (16, 16), "red").save(path, format=format_)
    with pytest.raises(StudyError, match=r"a\.png: not a readable image"):
        read_rgb(path, 16)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(StudyError, match=r"gone\.png: no such file"):
        read_rgb(tmp_path / "gone.png", 8)


def test_floating_point_shades_are_shares_of_white(tmp_path):
    Image.fromarray(np.array([[0, 0.5], [0.25, 1]], np.float32)).save(tmp_path / "a.tiff")
    assert read_grey(tmp_path / "a.tiff", 2).tolist() == [[0, 128], [64, 255]]
    Image.fromarray(np.full((4, 4), 1.5, np.float32)).save(tmp_path / "b.tiff")
    with pytest.raises(StudyError, match=r"b\.tiff: .*floating-point values that are not between 0 and 1"):
        read_grey(tmp_path / "b.tiff", 4)


@pytest.mark.parametrize("factor", [1.5, 4])
def test_too_large_image_is_refused_before_it_is_decoded(tmp_path, monkeypatch, factor):
    Image.fromarray(noise(20, 20)).save(tmp_path / "a.png")
    monkeypatch.setattr(images.Image, "MAX_IMAGE_PIXELS", int(400 / factor))
    with pytest.raises(StudyError, match=r"a\.png: more than \d+ pixels; scale it down"):
        read_rgb(tmp_path / "a.png", 8)


@pytest.mark.parametrize(("kind", "largest"), [("P5", 255), ("P5", 65535), ("P2", 255)])
def test_the_numbers_of_a_pgm_are_read_as_they_are(tmp_path, kind, largest):
    values = np.array([[0, 1], [20, 200]], dtype=">u2" if largest > 255 else "u1")
    body = values.tobytes() if kind == "P5" else " ".join(map(str, values.flatten())).encode()
    (tmp_path / "a.pgm").write_bytes(f"{kind}\n2 2\n{largest}\n".encode() + body)
    assert np.asarray(images.decode(tmp_path / "a.pgm")).tolist() == values.tolist()


@pytest.mark.parametrize("kind", ["P5", "P2"])
@pytest.mark.parametrize("largest", [20, 4095])
def test_a_pgm_whose_numbers_would_be_scaled_is_refused(tmp_path, kind, largest):
    """Millimetres in 12 bits were read as sixteen times as far, and label 1 of 20 as 13."""
    values = np.array([[0, 1], [1, 0]], dtype=">u2" if largest > 255 else "u1")
    body = values.tobytes() if kind == "P5" else b"0 1 1 0"
    (tmp_path / "a.pgm").write_bytes(f"{kind}\n2 2\n{largest}\n".encode() + body)
    with pytest.raises(
        StudyError, match=f"a.pgm: a PGM whose largest value is {largest}, not 255 or 65535; save it as PNG"
    ):
        images.decode(tmp_path / "a.pgm")
