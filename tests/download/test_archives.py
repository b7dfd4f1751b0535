import gzip
import io
import random
import re
import stat
import tarfile
import zipfile

import pytest

from loss_study.download import archives
from loss_study.download.archives import Limits, extract, is_archive, stem
from loss_study.runtime.errors import StudyError

CONTENT = {"fg_bg/Image_1_2.jpg": b"composite" * 50, "fg_bg_mask/Image_1_2.jpg": b"mask", "empty.txt": b""}
TAR_MODES = {".tar": "w", ".tar.gz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}


def write_zip(path, content=CONTENT, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def write_tar(path, content=CONTENT, members=(), mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in members:
            archive.addfile(member)
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_refused(archive, match, limits=None):
    """The archive is refused in one line, and nothing is left in or around the folder."""
    folder = archive.parent / "out" / "files"
    before = tree(archive.parent)
    with pytest.raises(StudyError, match=match) as refused:
        extract(archive, folder, limits)
    assert archive.name in str(refused.value)
    assert tree(archive.parent) == before
    assert list((archive.parent / "out").iterdir()) == []


@pytest.mark.parametrize("suffix", [".zip", *TAR_MODES])
def test_every_format_is_unpacked(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    if suffix == ".zip":
        write_zip(path)
    else:
        write_tar(path, mode=TAR_MODES[suffix])
    assert is_archive(path)
    assert extract(path, tmp_path / "new" / "files") == 3
    assert tree(tmp_path / "new" / "files") == CONTENT
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["files"]


def test_a_zip_from_windows_has_backslashes(tmp_path):
    extract(write_zip(tmp_path / "data.zip", {"bg\\a.jpg": b"a"}), tmp_path / "files")
    assert tree(tmp_path / "files") == {"bg/a.jpg": b"a"}


@pytest.mark.parametrize("name", ["../evil", "bg/../../evil", "/tmp/evil", "..\\evil", "C:\\evil", "C:evil"])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_that_leave_the_folder_are_refused(tmp_path, name, write):
    check_refused(write(tmp_path / "data.archive", {"good": b"1", name: b"2"}), "outside the folder")


@pytest.mark.parametrize(
    ("members", "match"),
    [
        ([link("a", "/etc/passwd")], "refused"),
        ([link("a", "../../outside")], "refused"),
        ([link("a", "../outside", tarfile.LNKTYPE)], "refused"),
        ([link("sub/a", ".."), link("sub/a/b", "x")], "through a link"),
        ([link("device", "", tarfile.CHRTYPE)], "refused"),
        ([link("pipe", "", tarfile.FIFOTYPE)], "refused"),
    ],
)
def test_links_that_leave_and_devices_are_refused(tmp_path, members, match):
    (tmp_path / "outside").write_text("untouched")
    check_refused(write_tar(tmp_path / "data.tar", members=members), match)


def test_a_file_is_not_written_through_a_link(tmp_path):
    path = tmp_path / "data.tar"
    with tarfile.open(path, "w") as archive:
        archive.addfile(link("here", "."))
        member = tarfile.TarInfo("here/file")
        archive.addfile(member, io.BytesIO())
    check_refused(path, "through a link")


def test_a_link_inside_the_folder_is_kept(tmp_path):
    extract(write_tar(tmp_path / "data.tar", members=[link("again", "empty.txt")]), tmp_path / "files")
    assert (tmp_path / "files" / "again").resolve() == (tmp_path / "files" / "empty.txt").resolve()


def test_a_link_in_a_zip_is_refused(tmp_path):
    member = zipfile.ZipInfo("link")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    check_refused(tmp_path / "data.zip", "is a link")


@pytest.mark.parametrize("write", [write_zip, lambda path, content: write_tar(path, content, mode="w:gz")])
@pytest.mark.parametrize(
    ("content", "limits", "match"),
    [
        ({str(n): b"" for n in range(11)}, Limits(members=10), "more than 10 files and folders"),
        ({"a": b"1" * 600, "b": b"2" * 600}, Limits(bytes=1000), "more than 1,000 bytes"),
        ({"bomb": bytes(10**6)}, Limits(ratio=100, ratio_from=1000), "bomb"),
    ],
)
def test_bombs_are_refused(tmp_path, write, content, limits, match):
    check_refused(write(tmp_path / "data", content), match, limits)


def test_small_archives_may_compress_well(tmp_path):
    extract(write_zip(tmp_path / "flat.zip", {"mask.bmp": bytes(10**6)}), tmp_path / "files")


@pytest.mark.parametrize("suffix", [".zip", *TAR_MODES])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.75])
def test_a_truncated_archive_is_damaged(tmp_path, suffix, share):
    path = tmp_path / f"data{suffix}"
    content = {f"{n}.bin": bytes((n * k) % 251 for k in range(1500)) for n in range(20)}
    if suffix == ".zip":
        write_zip(path, content)
    else:
        write_tar(path, content, mode=TAR_MODES[suffix])
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    check_refused(path, "damaged or truncated")


def test_a_tar_cut_between_two_files_is_damaged(tmp_path):
    path = write_tar(tmp_path / "data.tar", {"a": b"1" * 512, "b": b"2" * 512})
    path.write_bytes(path.read_bytes()[:1024])
    check_refused(path, "damaged or truncated")


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".tar.xz"])
def test_changed_bytes_are_damage_and_nothing_else(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    content = {f"{n}.bin": bytes((n * k * k) % 251 for k in range(400)) for n in range(4)}
    write_zip(path, content) if suffix == ".zip" else write_tar(path, content, mode=TAR_MODES[suffix])
    whole = path.read_bytes()
    damaged = 0
    for place in range(8, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            extract(path, tmp_path / f"files{place}")
        except StudyError:
            damaged += 1
            assert not (tmp_path / f"files{place}").exists()
    assert damaged > len(whole) // 11 // 2


@pytest.mark.parametrize("suffix", [".zip", *TAR_MODES])
def test_the_files_of_an_archive_are_listed_without_unpacking_it(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"data{suffix}"
    write_zip(path) if suffix == ".zip" else write_tar(path, mode=TAR_MODES[suffix])
    assert sorted(archives.names(path)) == sorted(CONTENT)
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.setattr(archives, "LISTED_BYTES", 10)
    listed = archives.names(path)
    assert (listed is None) == (suffix not in (".zip", ".tar"))


def test_a_bomb_is_listed_no_further_than_it_would_be_unpacked(tmp_path, monkeypatch):
    path = write_tar(tmp_path / "data.tar.gz", {"a": b"", "zeros": bytes(10**6), "b": b""}, mode="w:gz")
    assert archives.names(path) == ["a", "zeros", "b"]
    monkeypatch.setattr(Limits, "ratio_from", 10**5)
    assert archives.names(path) is None


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_header_that_would_fill_the_memory_is_refused_before_it_is_read(tmp_path, kind):
    member = tarfile.TarInfo("long")
    member.type, member.size = kind, archives.HEADER_BYTES + 1
    path = tmp_path / "data.tar"
    path.write_bytes(member.tobuf() + bytes(tarfile.RECORDSIZE))
    check_refused(path, "damaged or truncated archive .a header of 1,048,577 bytes")
    assert archives.names(path) is None


@pytest.mark.parametrize("kind", [tarfile.DIRTYPE, tarfile.SYMTYPE])
def test_folders_and_links_count(tmp_path, kind):
    members = [link(f"m{number}", "elsewhere", kind) for number in range(11)]
    check_refused(write_tar(tmp_path / "a.tar", {}, members), "more than 10 files and folders", Limits(members=10))
    extract(tmp_path / "a.tar", tmp_path / "whole", Limits(members=11))


def with_header(name, **headers):
    """A member with extended attributes, as POSIX has them."""
    member = tarfile.TarInfo(name)
    member.pax_headers = headers
    return member


@pytest.mark.parametrize(
    "member",
    [
        link("link", "absent", tarfile.LNKTYPE),
        with_header("when", mtime="inf"),
        with_header("when", mtime="nan"),
        with_header("when", mtime="1e400"),
        with_header("sparse", **{"GNU.sparse.map": "1,x", "GNU.sparse.size": "5"}),
        with_header("sparse", **{"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"}),
        with_header("size", size="-9"),
    ],
    ids=lambda member: member.name + str(list(member.pax_headers.values())[:1]),
)
def test_a_strange_member_is_one_line_or_harmless(tmp_path, member):
    path = write_tar(tmp_path / "data.tar", {"a": b"1"}, [member])
    try:
        extract(path, tmp_path / "files")
    except StudyError as error:
        assert re.fullmatch(r"\S*data\.tar: (damaged or truncated archive|refused).*", str(error))
        assert not (tmp_path / "files").exists()


def test_a_hard_link_to_an_absent_name_says_which_member_it_is(tmp_path):
    path = write_tar(tmp_path / "data.tar", {"a": b"1"}, [link("hard", "absent", tarfile.LNKTYPE)])
    check_refused(path, r"damaged or truncated archive \(hard: ")


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    with tarfile.open(tmp_path / "data.tar", "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("für.jpg"))
    check_refused(tmp_path / "data.tar", r"the name f\\xfcr\.jpg is not UTF-8")


def test_a_file_below_a_file_is_one_line(tmp_path):
    for path in (
        write_zip(tmp_path / "a.zip", {"a": b"1", "a/b": b"2"}),
        write_tar(tmp_path / "a.tar", {"a": b"1", "a/b": b""}),
    ):
        check_refused(path, r"damaged or truncated archive \(a/b: ")


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_random_changes_are_refused_in_one_line_or_change_nothing_but_contents(tmp_path, suffix):
    path, rng = tmp_path / f"data{suffix}", random.Random(0)
    write_zip(path) if suffix == ".zip" else write_tar(path, members=[link("hard", "a")], mode=TAR_MODES[suffix])
    whole = path.read_bytes()
    places = [place for place, byte in enumerate(whole) if byte]
    for number in range(150):
        changed = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            changed[rng.choice(places)] = rng.randrange(256)
        path.write_bytes(changed)
        archives.names(path)
        try:
            extract(path, tmp_path / str(number))
        except StudyError as error:
            assert "\n" not in str(error)


def test_an_encrypted_zip_says_so(tmp_path):
    path = write_zip(tmp_path / "data.zip", {"a.jpg": b"secret"}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + flags] |= 1
    path.write_bytes(data)
    check_refused(path, "encrypted")


def test_a_plain_gz_is_no_tar(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(b"hello"))
    check_refused(path, r"^[^\n]*damaged or truncated archive[^\n]*$")


def test_too_little_space_is_said_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: archives.shutil._ntuple_diskusage(10, 9, 1))
    check_refused(write_zip(tmp_path / "data.zip"), "needs .* GB in .* free")


def test_what_is_no_archive_is_told_by_its_content(tmp_path):
    for name, data, match in (
        ("data.zip", b"  <!DOCTYPE html><html>", "HTML page"),
        ("data.tar.gz", b"", "empty file"),
        ("data.rar", b"Rar!\x1a\x07", "only zip, tar"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(StudyError, match=match):
            is_archive(tmp_path / name)
    (tmp_path / "scenes.py").write_text("code")
    assert not is_archive(tmp_path / "scenes.py")
    write_zip(tmp_path / "download")
    assert is_archive(tmp_path / "download")


@pytest.mark.parametrize(("name", "expected"), [("a.zip", "a"), ("a.b.tar.gz", "a.b"), ("A.TGZ", "A"), ("a", "a")])
def test_the_stem_of_an_archive(tmp_path, name, expected):
    assert stem(tmp_path / name) == expected
