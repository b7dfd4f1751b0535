"""Unpack zip and tar archives from untrusted places; nothing is written outside the target folder.

Refused are absolute names, ``..``, names that are not UTF-8, links that leave the folder, devices, encrypted zips, and
archive bombs: more members, more bytes or a higher compression ratio than `Limits` allow.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, Literal, Self

from loss_study.download.byte_progress import ByteProgress
from loss_study.runtime.errors import StudyError
from loss_study.runtime.printable import printable

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
OTHER_SUFFIXES = (".rar", ".7z", ".tar.zst", ".tzst", ".gz", ".bz2", ".xz", ".zst")
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
#: How to read a compressed tar, by its first bytes.
TAR_MODES: dict[bytes, Literal["r:gz", "r:bz2", "r:xz"]] = {
    b"\x1f\x8b": "r:gz",
    b"BZh": "r:bz2",
    b"\xfd7zXZ\x00": "r:xz",
}
COMPRESSED_TAR_MAGIC = tuple(TAR_MODES)
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
CHUNK = 1 << 20
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)
#: Bytes of a compressed tar whose files are listed before it is unpacked, which takes some seconds.
LISTED_BYTES = 2**28
#: Bytes of a long name or of extended attributes in a tar; the library reads them whole.
HEADER_BYTES = 2**20
HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


@dataclass(frozen=True)
class Limits:
    """Limits of an unpacked archive. The fg_bg data has about 1.4 million files and 8 GB.

    Image files have a compression ratio of about 1, flat BMP masks up to about 150, a bomb of zeros 1,000.
    """

    #: Files, folders and links.
    members: int = 5_000_000
    bytes: int = 500 * 10**9
    ratio: int = 300
    #: Unpacked bytes from which on the ratio is checked.
    ratio_from: int = 100 * 10**6


class _Budget:
    """Counts what was unpacked; a StudyError at the limits."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        self.archive, self.limits = archive, limits
        self.packed = archive.stat().st_size
        self.files = self.members = self.bytes = 0
        #: The name of the member that is being unpacked.
        self.member = ""

    def add_member(self, name: str, *, is_file: bool) -> None:
        self.member = printable(name)
        self.members += 1
        self.files += is_file
        if self.members > self.limits.members:
            raise StudyError(f"{self.archive}: refused, contains more than {self.limits.members:,} files and folders")

    def add_bytes(self, count: int) -> None:
        self.bytes += count
        if self.bytes > self.limits.bytes:
            raise StudyError(f"{self.archive}: refused, unpacks to more than {self.limits.bytes:,} bytes")
        if self.bytes > max(self.limits.ratio_from, self.limits.ratio * self.packed):
            raise StudyError(
                f"{self.archive}: refused, unpacks to more than {self.limits.ratio} times its size (an archive bomb?)"
            )


def is_archive(path: Path) -> bool:
    """Whether `path` is a zip or tar archive, by its first bytes.

    Raises:
        StudyError: the name is that of an archive but the content is not, or the format is not supported.
    """
    name = path.name.lower()
    with path.open("rb") as file:
        head = file.read(TAR_MAGIC_AT + len(TAR_MAGIC))
    if _is_zip(head) or head.startswith(COMPRESSED_TAR_MAGIC) or head[TAR_MAGIC_AT:] == TAR_MAGIC:
        return True
    if name.endswith(SUFFIXES):
        raise StudyError(f"{path}: has an archive's name but is not one ({_guess(head)}); download or copy it again")
    if name.endswith(OTHER_SUFFIXES):
        formats = "zip, tar, tar.gz, tar.bz2 and tar.xz"
        raise StudyError(f"{path}: only {formats} are supported; unpack it and set dataset.path to the folder")
    return False


class _Member(tarfile.TarInfo):
    """A member of a tar; ReadError if its header would fill the memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if member.type in HEADERS and member.size > HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {member.size:,} bytes")
        return member


def names(archive: Path) -> list[str] | None:
    """Return the paths of the files in an archive; None if it is damaged, or a large compressed tar.

    All of a compressed tar is unpacked to list its files.
    """
    try:
        with archive.open("rb") as file:
            head = file.read(TAR_MAGIC_AT + len(TAR_MAGIC))
        if _is_zip(head):
            with zipfile.ZipFile(archive) as source:
                return [member.filename.replace("\\", "/") for member in source.infolist() if not member.is_dir()]
        plain = head[TAR_MAGIC_AT:] == TAR_MAGIC
        size = archive.stat().st_size
        if not plain and (size > LISTED_BYTES or not head.startswith(COMPRESSED_TAR_MAGIC)):
            return None
        with tarfile.open(archive, _tar_mode(head), tarinfo=_Member) as source:
            found = []
            for member in _members(source):
                if not plain and source.offset > max(Limits.ratio_from, Limits.ratio * size):
                    return None
                if member.isfile():
                    found.append(member.name.removeprefix("./"))
            return found
    except Exception:
        # The stage that unpacks says what is wrong.
        return None


def stem(path: Path) -> str:
    """Return the archive's name without its suffix: ``fg_bg`` of ``fg_bg.tar.gz``."""
    suffixes = [suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)]
    return path.name[: -len(max(suffixes, key=len))] if suffixes else path.stem


def extract(archive: Path, folder: Path, limits: Limits | None = None) -> int:
    """Unpack `archive` into the new folder `folder`, which appears only when it is complete.

    Returns:
        The number of files.

    Raises:
        StudyError: damaged, truncated, encrypted or unsupported archive, or one that is refused (see the module);
            nothing is left behind.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    budget = _Budget(archive, limits or Limits())
    try:
        with archive.open("rb") as file:
            unpack = _unpack_zip if _is_zip(file.read(4)) else _unpack_tar
        unpack(archive, partial, budget)
        partial.chmod(0o755)
        partial.rename(folder)
    except StudyError:
        raise
    except Exception as error:
        # Changed bytes cause nearly any error in the readers.
        if isinstance(error, OSError) and error.errno in OF_THE_DISK:
            raise
        what = f"{budget.member}: " if budget.member else ""
        words = str(error) or type(error).__name__
        raise StudyError(
            f"{archive}: damaged or truncated archive ({what}{words}); download or copy it again"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return budget.files


def _is_zip(head: bytes) -> bool:
    return head.startswith(ZIP_MAGIC)


def _guess(head: bytes) -> str:
    start = head.lstrip()[:15].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    return "an empty file" if not head else "unknown content"


def _checked_name(archive: Path, name: str) -> PurePosixPath:
    """Return `name` as a relative path; zips made on Windows may contain backslashes."""
    if name != name.encode("utf-8", "replace").decode():
        raise StudyError(f"{archive}: refused, the name {printable(name)} is not UTF-8; unpack it, and rename the file")
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or "\0" in name:
        raise StudyError(f"{archive}: refused, {name!r} would be written outside the folder")
    return path


def _unpack_zip(archive: Path, folder: Path, budget: _Budget) -> None:
    with zipfile.ZipFile(archive) as source:
        members = source.infolist()
        total = sum(member.file_size for member in members)
        check_space(folder, total, archive)
        with ByteProgress(f"unpacking {archive.name}", total) as progress:
            for member in members:
                _unpack_zip_member(source, member, folder, budget)
                progress.reach(budget.bytes)


def _unpack_zip_member(source: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, budget: _Budget) -> None:
    budget.add_member(member.filename, is_file=not member.is_dir())
    target = folder / _checked_name(budget.archive, member.filename)
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    if member.flag_bits & 1:
        raise StudyError(f"{budget.archive}: encrypted; unpack it with its password and set dataset.path to the folder")
    # The upper half of external_attr is the Unix mode.
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise StudyError(f"{budget.archive}: refused, {member.filename!r} is a link or a device, not a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open(member) as packed, target.open("wb") as file:
            while chunk := packed.read(CHUNK):
                budget.add_bytes(len(chunk))
                file.write(chunk)
    except NotImplementedError as error:
        raise StudyError(f"{budget.archive}: {error}; unpack it and set dataset.path to the folder") from None


def _unpack_tar(archive: Path, folder: Path, budget: _Budget) -> None:
    with archive.open("rb") as packed, ByteProgress(f"unpacking {archive.name}", budget.packed) as progress:
        mode = _tar_mode(_check_tar_ends(archive, packed))
        # A lower bound: the unpacked size of a tar is only known at its end.
        check_space(folder, budget.packed, archive)
        with tarfile.open(fileobj=packed, mode=mode, tarinfo=_Member) as source:
            for member in _members(source):
                _unpack_tar_member(source, member, folder, budget)
                progress.reach(packed.tell())


def _members(source: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := source.next()) is not None:
        yield member
        # The library keeps every member, about 1 KB each.
        source.members.clear()  # type: ignore[attr-defined]


def _unpack_tar_member(source: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, budget: _Budget) -> None:
    budget.add_member(member.name, is_file=member.isfile())
    name = _checked_name(budget.archive, member.name)
    if member.isfile():
        budget.add_bytes(member.size)
    target = folder / name
    # No file is written through a link, wherever the filter below lets the link point.
    if any(path.is_symlink() for path in (target, *target.parents[: len(name.parts)])):
        raise StudyError(f"{budget.archive}: refused, {member.name!r} would be written through a link")
    try:
        source.extract(member, folder, filter="data")
    except tarfile.FilterError as error:
        raise StudyError(f"{budget.archive}: refused, {error}") from None


def _tar_mode(head: bytes) -> Literal["r:", "r:gz", "r:bz2", "r:xz"]:
    return next((mode for magic, mode in TAR_MODES.items() if head.startswith(magic)), "r:")


def _check_tar_ends(archive: Path, packed: BinaryIO) -> bytes:
    """Return the first bytes of a tar; ReadError if a plain one lacks its final empty blocks.

    tarfile accepts one that was cut off between two files.
    """
    head = packed.read(6)
    packed.seek(-min(2 * tarfile.BLOCKSIZE, archive.stat().st_size), os.SEEK_END)
    tail = packed.read()
    packed.seek(0)
    if not head.startswith(COMPRESSED_TAR_MAGIC) and tail.strip(b"\0"):
        raise tarfile.ReadError("no end-of-archive mark")
    return head


def check_space(folder: Path, needed: int, what: Path | str) -> None:
    """Raise a StudyError if the disk of `folder` has fewer than `needed` bytes free for `what`."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StudyError(
            f"{what}: needs {needed / 1e9:.2f} GB in {folder}, where {free / 1e9:.2f} GB are free; make room"
        )
