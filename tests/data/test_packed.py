"""A damaged packed sample is refused in one line."""

import pytest

from loss_study.data.packed import PackedSample
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from support.samples import write_sample


@pytest.mark.parametrize("name", ["images.npy", "depths.npy", "index.csv", "sample.json"])
def test_no_changed_bit_of_a_sample_is_used(tmp_path, name):
    folder = write_sample(tmp_path / "sample", images=16, size=32)
    checksums.write(folder)
    PackedSample.open(folder)
    path = folder / name
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    with pytest.raises(StudyError, match=rf"{name}: changed since it was written; run 'dvc repro -f' on its stage"):
        PackedSample.open(folder)


@pytest.mark.parametrize(
    "shape", [b")\\, 32, 32, 3)", b"(9, 32, 32, 3)", b"(16 32, 32, 3)", b"((((((((((((((", b"\xff6, 32, 32, 3)"]
)
def test_a_damaged_array_header_is_a_damaged_sample(tmp_path, shape):
    folder = write_sample(tmp_path / "sample", images=16, size=32)
    path = folder / "images.npy"
    path.write_bytes(path.read_bytes().replace(b"(16, 32, 32, 3)"[: len(shape)], shape, 1))
    with pytest.raises(StudyError, match="damaged"):
        PackedSample.open(folder)
