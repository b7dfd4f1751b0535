"""Downloads from a real server on loopback that drops connections, gives wrong answers and changes its files."""

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from loss_study.config import DatasetConfig
from loss_study.download import archives
from loss_study.download import fetch as fetching
from loss_study.download.fetch import fetch
from loss_study.download.google_drive import file_id
from loss_study.download.prepare import prepare
from loss_study.runtime.errors import StudyError
from support.file_server import serving

ROOT = Path(__file__).parents[2]
DATA = bytes(range(256)) * 4096  # 1 MiB
DRIVE_FILE = "1aB2cD3eF4gH5iJ6kL7mN8oP9qR0sT-u_"


@pytest.fixture
def server(monkeypatch):
    with serving(monkeypatch) as one:
        one.files["/data.zip"] = DATA
        yield one


def spans(server):
    return [span for _, span in server.requests]


def test_a_file_is_fetched_once(server, tmp_path, capsys):
    file = fetch(server.url("/data.zip"), tmp_path)
    assert (file.name, file.read_bytes()) == ("data.zip", DATA)
    assert fetch(server.url("/data.zip"), tmp_path, hashlib.sha256(DATA).hexdigest()) == file
    assert spans(server) == [None]
    assert re.search(r"data\.zip  1\.0 of 1\.0 MB  [\d.]+ MB/s", capsys.readouterr().out)
    assert not list(tmp_path.glob("*.partial"))


def test_dropped_connections_go_on_where_they_ended(server, tmp_path):
    # More drops than there are waits: each brings bytes, so the row of waits begins anew.
    server.mishaps = ["drop"] * 4
    assert fetch(server.url("/data.zip"), tmp_path).read_bytes() == DATA
    assert spans(server) == [None, *(f"bytes={len(DATA) - len(DATA) // 2**n}-" for n in range(1, 5))]


def test_the_line_of_a_new_attempt_shows_no_secret(server, tmp_path, capsys):
    server.files["/private.zip?token=hidden"] = server.files["/private.zip"] = DATA
    server.mishaps = ["drop"]
    assert fetch(server.url("/private.zip?token=hidden"), tmp_path).read_bytes() == DATA
    said = capsys.readouterr()
    assert "private.zip" in said.err and "hidden" not in said.out + said.err


def test_the_next_run_goes_on_where_the_last_ended(server, tmp_path):
    server.mishaps = ["drop", 503, 503, 503]
    with pytest.raises(StudyError, match=r"HTTP 503 .*4 attempts failed"):
        fetch(server.url("/data.zip"), tmp_path)
    server.requests.clear()
    assert fetch(server.url("/data.zip"), tmp_path).read_bytes() == DATA
    assert spans(server) == [f"bytes={len(DATA) // 2}-"]


def test_a_server_without_ranges_starts_over(server, tmp_path):
    server.ranges, server.mishaps = False, ["drop"]
    assert fetch(server.url("/data.zip"), tmp_path).read_bytes() == DATA
    assert len(server.requests) == 2


@pytest.mark.parametrize("headers", [{}, {"ETag": None}], ids=["etag", "no validator"])
@pytest.mark.parametrize("size", [len(DATA) // 2 - 100, len(DATA) + 512])
def test_a_file_changed_in_between_starts_over(server, tmp_path, headers, size):
    server.headers, server.mishaps = headers, ["drop", 404]
    with pytest.raises(StudyError, match="HTTP 404"):
        fetch(server.url("/data.zip"), tmp_path)
    changed = server.files["/data.zip"] = (bytes(reversed(range(256))) * 8192)[:size]
    assert fetch(server.url("/data.zip"), tmp_path).read_bytes() == changed


def test_a_file_whose_size_is_unknown(server, tmp_path):
    server.headers = {"Content-Length": None}
    assert fetch(server.url("/data.zip"), tmp_path).read_bytes() == DATA


def test_a_server_that_is_gone_is_given_up(server, tmp_path):
    url = server.url("/data.zip").replace(str(server.server_port), "9")
    with pytest.raises(StudyError, match=r"127\.0\.0\.1:9/data\.zip: .*4 attempts failed"):
        fetch(url, tmp_path)


@pytest.mark.parametrize(
    ("url", "headers", "match"),
    [
        ("/absent.zip", {}, "HTTP 404 Not Found"),
        ("/data.zip", {"Content-Type": "text/html; charset=utf-8"}, "leads to a web page"),
    ],
)
def test_what_waiting_cannot_mend_is_an_error_at_once(server, tmp_path, url, headers, match):
    server.headers = headers
    with pytest.raises(StudyError, match=match):
        fetch(server.url(url), tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize("length", ["-5", "abc", "", "1.5"])
def test_a_length_that_is_none_is_taken_as_unknown(server, tmp_path, length):
    server.headers = {"Content-Length": length}
    assert fetch(server.url("/data.zip"), tmp_path).read_bytes() == DATA
    assert len(server.requests) == 1


def test_a_body_that_is_compressed_although_nobody_asked_is_unpacked(server, tmp_path):
    server.files["/data.zip"] = gzip.compress(DATA)
    server.headers = {"Content-Encoding": "gzip"}
    assert fetch(server.url("/data.zip"), tmp_path).read_bytes() == DATA
    assert len(server.requests) == 1


def test_a_body_that_never_has_the_length_that_is_said_is_given_up(server, tmp_path):
    server.headers = {"Content-Length": str(len(DATA) + 9)}
    with pytest.raises(StudyError, match=r"4 attempts failed"):
        fetch(server.url("/data.zip"), tmp_path)


def test_a_server_that_gets_a_little_further_each_time_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "ATTEMPTS", 6)
    server.mishaps = ["drop"] * 9
    with pytest.raises(StudyError, match=r"Connection broken: .*; 6 attempts failed"):
        fetch(server.url("/data.zip"), tmp_path)
    assert len(server.requests) == 6


def test_a_file_of_unknown_size_does_not_fill_the_disk(server, tmp_path, monkeypatch):
    server.headers = {"Content-Length": None}
    usage = archives.shutil
    monkeypatch.setattr(usage, "disk_usage", lambda _: usage._ntuple_diskusage(10**10, 10**10 - 10**8, 10**8))
    with pytest.raises(StudyError, match=r"does not say how large the file is, and 0\.10 GB are free in .*; make room"):
        fetch(server.url("/data.zip"), tmp_path)


@pytest.mark.parametrize(
    "target", ["http://[::1", "http://a..b/", "http://", "http://host:port/", "//[", "http://\x7f/"]
)
def test_a_redirect_to_no_address_is_one_line(server, tmp_path, target):
    server.redirects["/data.zip"] = target
    with pytest.raises(StudyError, match=r"/data\.zip: .*(; correct dataset\.urls|attempts failed)"):
        fetch(server.url("/data.zip"), tmp_path)


def test_a_wrong_checksum_removes_the_file(server, tmp_path):
    expected = "0" * 64
    with pytest.raises(StudyError, match=rf"data\.zip .*{hashlib.sha256(DATA).hexdigest()}.*{expected}"):
        fetch(server.url("/data.zip"), tmp_path, expected)
    assert not list(tmp_path.rglob("data.zip"))
    fetch(server.url("/data.zip"), tmp_path, hashlib.sha256(DATA).hexdigest())
    assert spans(server) == [None, None]


def test_a_full_disk_is_said_beforehand(server, tmp_path, monkeypatch):
    usage = archives.shutil
    monkeypatch.setattr(usage, "disk_usage", lambda _: usage._ntuple_diskusage(10, 9, 1))
    with pytest.raises(StudyError, match=r"needs .* GB in .* free"):
        fetch(server.url("/data.zip"), tmp_path)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="fg bg.zip"', "fg bg.zip"),
        ("attachment; filename*=UTF-8''f%C3%BC.zip", "fü.zip"),
        ('attachment; filename="../../evil.zip"', "evil.zip"),
        (None, "data.zip"),
    ],
)
def test_the_server_may_name_the_file(server, tmp_path, header, name):
    server.headers = {"Content-Disposition": header}
    file = fetch(server.url("/data.zip?x=1"), tmp_path)
    assert (file.name, file.parent.parent) == (name, tmp_path)


def test_only_http_and_drive_are_fetched(tmp_path):
    for url in ("ftp://example.org/a.zip", "/absolute/a.zip", "file:///etc/passwd"):
        with pytest.raises(StudyError, match=r"neither an http"):
            fetch(url, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        DRIVE_FILE,
        f"https://drive.google.com/file/d/{DRIVE_FILE}/view?usp=sharing",
        f"https://drive.google.com/file/d/{DRIVE_FILE}/view?usp=drive_link&resourcekey=0-x",
        f"https://drive.google.com/open?id={DRIVE_FILE}",
        f"https://drive.google.com/uc?export=download&id={DRIVE_FILE}",
        f"https://drive.usercontent.google.com/download?id={DRIVE_FILE}&export=download",
        f"https://drive.google.com/file/u/0/d/{DRIVE_FILE}/edit",
    ],
)
def test_google_drive_links_are_known(url):
    assert file_id(url) == DRIVE_FILE


def test_google_drive_folders_and_pages_are_refused():
    assert file_id("https://example.org/file/d/abc/view") is None
    with pytest.raises(StudyError, match="folder"):
        file_id(f"https://drive.google.com/drive/folders/{DRIVE_FILE}")
    with pytest.raises(StudyError, match="no Google Drive file id"):
        file_id("https://drive.google.com/drive/my-drive")


@pytest.fixture
def drive(server, monkeypatch):
    """Google Drive as far as it is known: requests to it reach the loopback server, which asks for confirmation."""
    import requests

    page = (
        '<html><form id="download-form" action="https://drive.usercontent.google.com/download" method="get">'
        f'<input type="hidden" name="id" value="{DRIVE_FILE}"><input type="hidden" name="confirm" value="t"></form>'
    )
    send = requests.adapters.HTTPAdapter.send

    def reroute(adapter, request, **options):
        asked = request.url
        confirmed = "confirm=t" in asked
        request.url = server.url("/data.zip" if confirmed else "/page")
        server.headers = (
            {"Content-Disposition": 'attachment; filename="fg_bg.zip"'}
            if confirmed
            else {"Content-Type": "text/html; charset=utf-8"}
        )
        answer = send(adapter, request, **options)
        answer.url = asked
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", reroute)
    server.files["/page"] = page.encode()
    return server


def test_google_drive_asks_for_confirmation_and_drops(drive, tmp_path):
    drive.mishaps = [None, "drop"]
    url = f"https://drive.google.com/file/d/{DRIVE_FILE}/view?usp=sharing"
    file = fetch(url, tmp_path, hashlib.sha256(DATA).hexdigest())
    assert (file.name, file.read_bytes()) == ("fg_bg.zip", DATA)
    assert [path for path, _ in drive.requests] == ["/page", "/data.zip", "/data.zip"]
    assert spans(drive)[-1] == f"bytes={len(DATA) // 2}-"
    assert fetch(url, tmp_path) == file
    assert len(drive.requests) == 3


def test_google_drive_that_refuses_says_what_to_do(drive, tmp_path):
    drive.files["/page"] = b'<html><p class="uc-error-subcaption">Too many users have viewed this file</p></html>'
    with pytest.raises(StudyError, match="Anyone with the link"):
        fetch(DRIVE_FILE, tmp_path)


def dataset(**values):
    return DatasetConfig(**{"name": "fg_bg", "path": "unused", "heads": ["mask"], **values})


def write_zip(path, *names):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def prepared(folder):
    """Return source.json and the files that were unpacked beside it."""
    files = sorted(p.relative_to(folder / "files").as_posix() for p in (folder / "files").rglob("*") if p.is_file())
    return json.loads((folder / "source.json").read_text()), files


def test_a_folder_or_a_program_is_used_in_its_place(tmp_path):
    write_zip(tmp_path / "data" / "spare.zip", "a")
    (tmp_path / "data" / "bg").mkdir()
    (tmp_path / "scenes.py").write_text("")
    for path in (tmp_path / "data", tmp_path / "scenes.py"):
        prepare(dataset(path=str(path)), tmp_path / "source", tmp_path / "downloads")
        assert prepared(tmp_path / "source") == ({"name": "fg_bg", "path": str(path), "notes": []}, [])


def test_an_archive_is_unpacked(tmp_path):
    archive = write_zip(tmp_path / "data.zip", "bg/a.jpg", "fg_bg/b.jpg")
    prepare(dataset(path=str(archive)), tmp_path / "source", tmp_path / "downloads")
    source, files = prepared(tmp_path / "source")
    assert source == {"name": "fg_bg", "path": str(tmp_path / "source/files"), "notes": ["Unpacked from data.zip."]}
    assert files == ["bg/a.jpg", "fg_bg/b.jpg"]


def test_each_of_several_archives_gets_its_folder_and_lists_are_copied(tmp_path):
    write_zip(tmp_path / "data/bg.zip", "a.jpg")
    write_zip(tmp_path / "data/fg_bg.zip", "a.jpg")
    (tmp_path / "data/map.csv").write_text("x")
    (tmp_path / "data/.DS_Store").write_text("x")
    prepare(dataset(path=str(tmp_path / "data")), tmp_path / "source", tmp_path / "downloads")
    assert prepared(tmp_path / "source")[1] == ["bg/a.jpg", "fg_bg/a.jpg", "map.csv"]


def test_urls_are_fetched_checked_and_unpacked(server, tmp_path):
    for name in ("bg", "fg_bg"):
        server.files[f"/{name}.zip"] = write_zip(tmp_path / f"{name}.zip", "a.jpg").read_bytes()
    sums = [hashlib.sha256(server.files[f"/{name}.zip"]).hexdigest() for name in ("bg", "fg_bg")]
    chosen = dataset(urls=[server.url("/bg.zip"), server.url("/fg_bg.zip")], sha256=sums)
    for _ in range(2):
        prepare(chosen, tmp_path / "source", tmp_path / "downloads")
        assert prepared(tmp_path / "source")[1] == ["bg/a.jpg", "fg_bg/a.jpg"]
    assert len(server.requests) == 2


def test_a_failure_leaves_nothing_half_done(tmp_path):
    write_zip(tmp_path / "data/a.zip", "a.jpg")
    (tmp_path / "data/b.zip").write_bytes((tmp_path / "data/a.zip").read_bytes()[:-30])
    with pytest.raises(StudyError, match=r"b\.zip: damaged"):
        prepare(dataset(path=str(tmp_path / "data")), tmp_path / "new/source", tmp_path / "downloads")
    assert not list((tmp_path / "new").iterdir())


def test_a_path_that_is_not_there_says_what_to_set(tmp_path):
    with pytest.raises(StudyError, match=r"dataset\.path: .*nowhere does not exist; set it to your data"):
        prepare(dataset(path=str(tmp_path / "nowhere")), tmp_path / "source", tmp_path / "downloads")


def run_stage(folder, **changes):
    """Run the stage in `folder` with the project's own parameters but for the dataset's."""
    import yaml

    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["dataset"] |= changes
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    command = [sys.executable, str(ROOT / "stages" / "download.py")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=dict(os.environ), check=False)


def test_the_stage_writes_source_json_or_one_line(tmp_path):
    (tmp_path / "scenes.py").write_text("")
    done = run_stage(tmp_path, path="scenes.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "data/source/source.json").read_text())["path"] == "scenes.py"
    failed = run_stage(tmp_path, path="nowhere")
    assert failed.returncode == 1
    assert re.fullmatch(r"error: dataset\.path: nowhere does not exist; .*\n", failed.stderr)
