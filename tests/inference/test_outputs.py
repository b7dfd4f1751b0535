"""What is written for an image: values, units and types of each format, in the original size."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loss_study.data.depth_scale import DepthScale
from loss_study.inference.contract import Depth, Mask
from loss_study.inference.outputs import Prediction, write

FOREGROUND = Mask(1, ("foreground",), 0.4)
CLASSES = Mask(3, ("pet", "background", "border"), None)
METRES = Depth(DepthScale(9.0, 80.0))


def written(tmp_path, output, values, format_, size=None):
    values = np.asarray(values, np.float32)
    width, height = size or values.shape[:0:-1]
    head = "mask" if isinstance(output, Mask) else "depth"
    path = write(Prediction.of(output, values, width, height), tmp_path, Path("a"), head, format_)
    assert path == tmp_path / f"a.{head}.{'npy' if format_ == 'npy' else 'png'}"
    return np.load(path) if format_ == "npy" else np.asarray(Image.open(path))


@pytest.mark.parametrize("format_", ["png", "png16"])
def test_a_mask_is_black_and_white_at_its_threshold(tmp_path, format_):
    found = written(tmp_path, FOREGROUND, [[[0.39, 0.41], [0.0, 1.0]]], format_)
    assert found.dtype == np.uint8 and found.tolist() == [[0, 255], [0, 255]]


def test_classes_are_numbers(tmp_path):
    values = [[[0.5, 0.1]], [[0.3, 0.2]], [[0.2, 0.7]]]
    assert written(tmp_path, CLASSES, values, "png").tolist() == [[0, 2]]
    np.testing.assert_allclose(written(tmp_path, CLASSES, values, "npy"), values, atol=1e-7)
    shares = Prediction.of(CLASSES, np.array(values, np.float32), 2, 1).shares()
    assert shares == {"pet": 0.5, "background": 0.0, "border": 0.5}


def test_depth_with_16_bits_is_in_millimetres(tmp_path):
    # z = 9 c / (1 - c): 0.1 is 1 m, 0.5 is 9 m, 0.8 is 36 m, 0.89 is 72.8 m, beyond what 16 bits hold.
    found = written(tmp_path, METRES, [[[0.1, 0.5, 0.8, 0.89]]], "png16")
    assert found.dtype == np.uint16 and found.tolist() == [[1000, 9000, 36000, 65535]]


def test_depth_as_numbers_is_in_metres_and_never_beyond_the_scale(tmp_path):
    found = written(tmp_path, METRES, [[[0.1, 0.5, 1.0, -0.2]]], "npy")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[1.0, 9.0, 80.0, 0.001]], rtol=1e-5)


def test_relative_depth_fills_the_bits(tmp_path):
    values = [[[0.0, 0.5, 1.0, 1.2]]]
    assert written(tmp_path, Depth(None), values, "png16").tolist() == [[0, 32768, 65535, 65535]]
    assert written(tmp_path, Depth(None), values, "png").tolist() == [[0, 128, 255, 255]]
    np.testing.assert_array_equal(written(tmp_path, Depth(None), values, "npy"), np.float32(values[0]))


def test_results_have_the_original_size_and_smooth_outlines(tmp_path):
    left = np.repeat([[1.0, 0.0]], 2, axis=0)[None]
    found = written(tmp_path, Mask(1, ("foreground",), 0.5), left, "png", size=(8, 6))
    assert found.shape == (6, 8)
    assert (found[:, :4] == 255).all() and (found[:, 4:] == 0).all()
    # Between the centres of two pixels depth rises evenly: 1/8, 3/8, 5/8 and 7/8 of the way.
    ramp = written(tmp_path, Depth(None), [[[0.0, 1.0], [0.0, 1.0]]], "npy", size=(8, 2))
    np.testing.assert_allclose(ramp[0], [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1], atol=1e-6)


def test_a_smaller_original_is_averaged(tmp_path):
    values = np.tile([[0.0, 1.0]], (4, 2))[None]
    np.testing.assert_allclose(written(tmp_path, Depth(None), values, "npy", size=(1, 1)), [[0.5]], atol=1e-6)


def test_compression_is_worth_its_time(tmp_path):
    """Files are much smaller than their pixels, where depth is smooth and a mask has few outlines."""
    coarse = Image.fromarray(np.random.default_rng(0).random((8, 8), dtype=np.float32))
    smooth = np.asarray(coarse.resize((64, 64), Image.Resampling.BICUBIC))[None]
    for output, values, share in ((METRES, 0.1 + 0.4 * smooth, 0.7), (FOREGROUND, smooth, 0.05)):
        prediction = Prediction.of(output, np.float32(values), 224, 224)
        path = write(prediction, tmp_path, Path("a"), "head", "png16")
        assert path.stat().st_size < share * np.asarray(Image.open(path)).nbytes
