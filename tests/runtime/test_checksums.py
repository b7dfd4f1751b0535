"""A folder's checksums are those of sha256sum, and no changed bit passes."""

import random
import subprocess

import pytest

from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import whole_folder


@pytest.fixture
def folder(tmp_path):
    with whole_folder(tmp_path / "whole") as new:
        (new / "numbers.csv").write_text("a,b\n1,2\n")
        (new / "below").mkdir()
        (new / "below/image ü.bin").write_bytes(bytes(range(64)))
        (new / "empty").write_bytes(b"")
    return tmp_path / "whole"


def test_sha256sum_agrees(folder):
    done = subprocess.run(
        ["sha256sum", "--check", checksums.LIST], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["below/image ü.bin: OK", "empty: OK", "numbers.csv: OK"]
    checksums.check(folder)


def test_no_changed_bit_passes(folder):
    rng = random.Random(0)
    for path in ("numbers.csv", "below/image ü.bin", checksums.LIST):
        whole = (folder / path).read_bytes()
        for _ in range(200):
            changed = bytearray(whole)
            changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            (folder / path).write_bytes(changed)
            with pytest.raises(StudyError, match="on its stage, which writes it again"):
                checksums.check(folder)
        (folder / path).write_bytes(whole)
    checksums.check(folder)


def test_a_missing_file_is_named(folder):
    (folder / "empty").unlink()
    with pytest.raises(StudyError, match=r"whole/empty: missing"):
        checksums.check(folder)


def test_without_a_list_nothing_is_checked(tmp_path):
    checksums.check(tmp_path / "absent")
    with whole_folder(tmp_path / "unlisted", listed=False) as new:
        (new / "a").write_text("1")
    checksums.check(tmp_path / "unlisted")
    assert [path.name for path in (tmp_path / "unlisted").iterdir()] == ["a"]


def test_an_empty_folder_is_as_it_was_written(tmp_path):
    with whole_folder(tmp_path / "empty"):
        pass
    checksums.check(tmp_path / "empty")
    (tmp_path / "empty/a").touch()
    with pytest.raises(StudyError, match="a: not in the list"):
        checksums.check(tmp_path / "empty")


def test_a_list_that_has_lost_a_line_is_noticed(folder):
    path = folder / checksums.LIST
    lines = path.read_text().splitlines(keepends=True)
    for lost in lines:
        path.write_text("".join(line for line in lines if line != lost))
        with pytest.raises(StudyError, match=rf"{lost.split('  ')[1].strip()}: not in the list SHA256SUMS"):
            checksums.check(folder)
    path.write_text("".join(lines))
    (folder / "below/.DS_Store").touch()
    checksums.check(folder)
    (folder / "added").touch()
    with pytest.raises(StudyError, match=r"whole/added: not in the list"):
        checksums.check(folder)
