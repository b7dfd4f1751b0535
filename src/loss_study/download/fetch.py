"""Fetch one file over http(s) or from Google Drive, resumably, into a folder that outlives the attempt.

Below the downloads folder, with <key> made from the URL: ``<key>.json`` is what is known of the file, ``<key>.partial``
is there while it is on its way, and ``<key>/`` holds the finished file under its own name.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from loss_study.download import kaggle
from loss_study.download.archives import check_space
from loss_study.download.byte_progress import ByteProgress
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import write_json

if TYPE_CHECKING:
    import requests

#: Small, for a dropped connection loses the chunk that it cuts.
CHUNK = 1 << 15
TIMEOUT_S = (10.0, 60.0)  # to connect, between two packets
#: Seconds before the next attempt; an attempt that brought bytes begins this row anew.
BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 16.0)
AGAIN_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
DRIVE_HOSTS = ("drive.google.com", "docs.google.com", "drive.usercontent.google.com")
DRIVE_ID = re.compile(r"[\w-]{25,}")


class _AgainError(Exception):
    """An attempt failed in a way that the next one may not; `progressed` says that it brought bytes."""

    def __init__(self, reason: str, *, progressed: bool = False) -> None:
        super().__init__(reason)
        self.progressed = progressed


@dataclass
class _Download:
    """What is known of a URL's file."""

    url: str
    base: str
    name: str = ""
    etag: str = ""
    last_modified: str = ""
    size: int | None = None
    finished: bool = False

    @classmethod
    def open(cls, url: str, downloads: Path) -> _Download:
        base = downloads / hashlib.sha256(url.encode()).hexdigest()[:16]
        base.mkdir(parents=True, exist_ok=True)
        try:
            known = json.loads(base.with_suffix(".json").read_text(encoding="utf-8"))
            return cls(**{**known, "url": url, "base": str(base)})
        except (FileNotFoundError, ValueError, TypeError):
            return cls(url, str(base))

    def save(self) -> None:
        write_json(self.folder.with_suffix(".json"), asdict(self))

    def finish(self) -> None:
        self.finished = True
        self.save()

    @property
    def folder(self) -> Path:
        return Path(self.base)

    @property
    def file(self) -> Path:
        return self.folder / self.name

    @property
    def partial(self) -> Path:
        return self.folder.with_suffix(".partial")

    @property
    def is_there(self) -> bool:
        return self.finished and self.file.is_file()

    @property
    def validator(self) -> str:
        """For If-Range, which wants a strong ETag or a date."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    def forget(self) -> None:
        """Remove whatever arrived, so that the next attempt begins at the first byte."""
        for path in (self.partial, self.folder.with_suffix(".json"), *self.folder.iterdir()):
            path.unlink(missing_ok=True)
        self.name, self.etag, self.last_modified, self.size, self.finished = "", "", "", None, False


def fetch(url: str, downloads: Path, sha256: str | None = None) -> Path:
    """Return the file of `url`, fetched into `downloads` unless it is there already.

    Args:
        url: http(s), a Google Drive share link, or the bare id of a Google Drive file.
        downloads: where finished and partial files live; a second call goes on where the first ended.
        sha256: the file's hexadecimal SHA-256; checked also where the file was there already.

    Raises:
        StudyError: bad URL, HTTP error, too many failed attempts, disk too small, or another checksum. What has
            arrived stays for the next call, but a file with the wrong checksum is removed.
    """
    file_id = drive_id(url)
    if file_id is None and urlsplit(url).scheme not in ("http", "https"):
        raise StudyError(f"dataset.urls: {url!r} is no http(s) URL and no Google Drive link; files go in dataset.path")
    download = _Download.open(url, downloads)
    if not download.is_there:
        _persist(url, lambda: _fetch_http(download) if file_id is None else _fetch_drive(file_id, download))
    if sha256 is not None:
        _check_sum(download, sha256)
    return download.file


def drive_id(url: str) -> str | None:
    """Return the id of a Google Drive file from a share link, a download link or the bare id; None for other URLs.

    Raises:
        StudyError: the link leads to a folder, or names no file.
    """
    if DRIVE_ID.fullmatch(url):
        return url
    parts = urlsplit(url)
    if parts.hostname not in DRIVE_HOSTS:
        return None
    if "/folders/" in parts.path:
        raise StudyError(f"{url}: a Google Drive folder; name the share links of its files in dataset.urls")
    found = [*parse_qs(parts.query).get("id", []), *re.findall(r"/d/([\w-]+)", parts.path)]
    if not found:
        raise StudyError(f"{url}: no Google Drive file id in this link; copy the file's own share link")
    return found[0]


def _persist(url: str, attempt: Callable[[], None]) -> None:
    """Call `attempt` until it succeeds, waiting longer after each failure in a row."""
    failures = 0
    while True:
        try:
            return attempt()
        except _AgainError as error:
            failures = 1 if error.progressed else failures + 1
            if failures > len(BACKOFF_S):
                raise StudyError(f"{url}: {error}; given up after {failures} attempts, run it again later") from None
            wait = BACKOFF_S[failures - 1]
            print(f"{url}: {error}; next attempt in {wait:g} s", file=sys.stderr, flush=True)
            time.sleep(wait)


def _fetch_http(download: _Download) -> None:
    import requests  # noqa: PLC0415 -- 0.3 s that no other data set needs

    before = _size(download.partial)
    headers = {"Accept-Encoding": "identity"}
    if kaggle.is_kaggle(download.url):
        # The library keeps it from the host that Kaggle sends it on to.
        headers["Authorization"] = kaggle.authorization(download.url)
    if before:
        headers["Range"] = f"bytes={before}-"
    if before and download.validator:
        headers["If-Range"] = download.validator
    try:
        with requests.get(download.url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
            _receive(response, download, _accept(response, download, before))
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.TooManyRedirects,
        requests.exceptions.SSLError,
    ) as error:
        raise StudyError(f"{download.url}: {error}") from None
    except requests.RequestException as error:
        raise _AgainError(_reason(error), progressed=_size(download.partial) > before) from None
    download.partial.replace(download.file)
    download.finish()


def _accept(response: requests.Response, download: _Download, offset: int) -> int:
    """Return the byte at which the answer begins: `offset` where the server goes on from there, else 0."""
    if response.status_code == 206 and _goes_on(response, download, offset):
        return offset
    if response.status_code in (206, 416):
        download.forget()
        raise _AgainError("the file has changed on the server; starting over")
    if response.status_code in AGAIN_LATER:
        raise _AgainError(f"HTTP {response.status_code} {response.reason}")
    if response.status_code in (401, 403) and kaggle.is_kaggle(download.url):
        raise kaggle.refusal(download.url, response.status_code)
    if response.status_code != 200:
        raise StudyError(
            f"{download.url}: HTTP {response.status_code} {response.reason}; check the link and its access"
        )
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise StudyError(f"{download.url}: leads to a web page, not to a file; give the direct link")
    download.name = _file_name(response, download.url)
    download.etag = response.headers.get("ETag", "")
    download.last_modified = response.headers.get("Last-Modified", "")
    download.size = int(response.headers["Content-Length"]) if "Content-Length" in response.headers else None
    download.save()
    return 0


def _goes_on(response: requests.Response, download: _Download, offset: int) -> bool:
    """True if the answer is the rest of the file whose first `offset` bytes are there.

    A server that gives neither ETag nor date is believed if the size is the same.
    """
    span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
    same_etag = response.headers.get("ETag", download.etag) == download.etag
    return span is not None and same_etag and (int(span[1]), int(span[3])) == (offset, download.size)


def _receive(response: requests.Response, download: _Download, offset: int) -> None:
    """Append the answer's body to the partial file from byte `offset` on."""
    if download.size is not None:
        check_space(download.folder, download.size - offset, download.url)
    done = offset
    with (
        download.partial.open("r+b" if offset else "wb") as file,
        ByteProgress(f"downloading {download.name}", download.size, offset) as progress,
    ):
        file.seek(offset)
        for chunk in response.iter_content(CHUNK):
            file.write(chunk)
            done += len(chunk)
            progress.reach(done)
    if download.size not in (None, done):
        raise _AgainError(f"the connection ended after {done:,} of {download.size:,} bytes", progressed=done > offset)


def _file_name(response: requests.Response, url: str) -> str:
    """Return the name that the server gives the file, else the last part of the URL's path."""
    header = Message()
    header["Content-Disposition"] = response.headers.get("Content-Disposition", "")
    given = header.get_filename() or unquote(urlsplit(url).path)
    return Path(given.replace("\\", "/").replace("\0", "")).name.lstrip(".") or "download"


def _reason(error: Exception) -> str:
    """The library's messages nest three libraries deep; the innermost says what happened."""
    while error.args and isinstance(inner := getattr(error, "reason", error.args[0]), Exception):
        error = inner
    return str(error.args[0]) if error.args else type(error).__name__


def _fetch_drive(file_id: str, download: _Download) -> None:
    """Fetch through gdown, which knows the page that asks for confirmation of large files."""
    import gdown  # noqa: PLC0415 -- half a second
    import requests  # noqa: PLC0415
    from gdown import exceptions  # noqa: PLC0415

    with ByteProgress(f"downloading {file_id} from Google Drive", None) as progress:

        def report(done: int, total: int | None) -> None:
            if total is not None and progress.total is None:
                check_space(download.folder, total - done, download.url)
                progress.total = total
            progress.reach(done)

        try:
            path = gdown.download(
                id=file_id,
                output=f"{download.folder}/",
                quiet=True,
                use_cookies=False,
                resume=True,
                progress=report,
                timeout=TIMEOUT_S,
                retries=len(BACKOFF_S),
            )
        except exceptions.FileURLRetrievalError:
            raise StudyError(
                f"{download.url}: Google Drive does not hand out this file; share it with 'Anyone with the link', "
                "or wait a day where too many people have fetched it"
            ) from None
        except (exceptions.DownloadError, requests.RequestException) as error:
            raise StudyError(
                f"{download.url}: {_reason(error)}; run it again to go on, or remove {download.folder} to start over"
            ) from None
    download.name = Path(str(path)).name
    download.finish()


def _check_sum(download: _Download, expected: str) -> None:
    with download.file.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        name = download.name
        download.forget()
        raise StudyError(
            f"{name} from {download.url}: SHA-256 is {actual}, dataset.sha256 says {expected}; "
            "removed, the next run fetches it anew"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
