"""One attempt to download a file over http(s), from the byte on where the last attempt ended."""

from __future__ import annotations

import re
import shutil
from email.message import Message
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests
from urllib3.exceptions import HTTPError

from loss_study.download import kaggle
from loss_study.download.archives import check_space
from loss_study.download.byte_progress import ByteProgress
from loss_study.download.download_record import DownloadRecord
from loss_study.runtime.errors import StudyError

#: Bytes of a chunk: small, because a dropped connection loses the chunk that was under way.
CHUNK = 1 << 15
#: Seconds to connect, and between two packets.
TIMEOUT_S = (10.0, 60.0)
#: Bytes that a download of unknown size leaves free on the disk, and those between two looks at it.
RESERVE_BYTES, BYTES_BETWEEN_LOOKS = 10**9, 1 << 26
#: HTTP status codes after which the same request may succeed later.
TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})


class TemporaryError(Exception):
    """An attempt failed, but the next one may succeed."""


def attempt(record: DownloadRecord) -> None:
    """Download the file of `record`, or the rest of it.

    Raises:
        TemporaryError: a dropped connection, a server that is down, or a file that changed on the server.
        StudyError: any other failure.
    """
    before = record.partial_size
    try:
        with requests.get(
            record.url, headers=_request_headers(record, before), stream=True, timeout=TIMEOUT_S
        ) as response:
            _receive(response, record, _accept(response, record, before))
    except (requests.exceptions.TooManyRedirects, requests.exceptions.SSLError, ValueError, HTTPError) as error:
        # What a URL must not be, that of a redirect included, is a ValueError or an HTTPError of urllib3.
        raise StudyError(f"{record.url}: {error}; correct dataset.urls") from None
    except requests.RequestException as error:
        raise TemporaryError(innermost_reason(error)) from None
    record.partial.replace(record.file)
    record.finish()


def _request_headers(record: DownloadRecord, offset: int) -> dict[str, str]:
    # Without compression, so that byte positions are those of the file.
    headers = {"Accept-Encoding": "identity"}
    if kaggle.is_kaggle(record.url):
        # requests does not send this header to another host that Kaggle redirects to.
        headers["Authorization"] = kaggle.authorization(record.url)
    if offset:
        headers["Range"] = f"bytes={offset}-"
    if offset and record.validator:
        headers["If-Range"] = record.validator
    return headers


def _accept(response: requests.Response, record: DownloadRecord, offset: int) -> int:
    """Return the byte at which the response starts: `offset` if the server resumes there, else 0."""
    if response.status_code == 206 and _resumes(response, record, offset):
        return offset
    if response.status_code in (206, 416):
        record.forget()
        raise TemporaryError("the file has changed on the server; starting over")
    if response.status_code in TEMPORARY:
        raise TemporaryError(f"HTTP {response.status_code} {response.reason}")
    if response.status_code in (401, 403) and kaggle.is_kaggle(record.url):
        raise kaggle.refusal(record.url, response.status_code)
    if response.status_code != 200:
        raise StudyError(f"{record.url}: HTTP {response.status_code} {response.reason}; check the link and its access")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise StudyError(f"{record.url}: leads to a web page, not to a file; set dataset.urls to the direct link")
    record.name = _file_name(response, record.url)
    record.etag = response.headers.get("ETag", "")
    record.last_modified = response.headers.get("Last-Modified", "")
    record.size = _size(response)
    record.save()
    return 0


def _size(response: requests.Response) -> int | None:
    """Return the size of the file in bytes, None where the server does not say: a compressed body has another one."""
    length = response.headers.get("Content-Length", "")
    compressed = response.headers.get("Content-Encoding", "identity") != "identity"
    return int(length) if re.fullmatch(r"[0-9]{1,18}", length) and not compressed else None


def _resumes(response: requests.Response, record: DownloadRecord, offset: int) -> bool:
    """Whether the response is the rest of the file whose first `offset` bytes were received.

    If the server gives neither ETag nor date, the same size has to be enough.
    """
    span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
    same_etag = response.headers.get("ETag", record.etag) == record.etag
    return span is not None and same_etag and (int(span[1]), int(span[3])) == (offset, record.size)


def _receive(response: requests.Response, record: DownloadRecord, offset: int) -> None:
    """Write the response's body to the partial file from byte `offset` on."""
    if record.size is not None:
        check_space(record.folder, record.size - offset, record.url)
    done = offset
    with (
        record.partial.open("r+b" if offset else "wb") as file,
        ByteProgress(f"downloading {record.name}", record.size, offset) as progress,
    ):
        file.seek(offset)
        for chunk in response.iter_content(CHUNK):
            if record.size is None and done % BYTES_BETWEEN_LOOKS < len(chunk):
                _check_reserve(record)
            file.write(chunk)
            done += len(chunk)
            progress.reach(done)
    if record.size not in (None, done):
        raise TemporaryError(f"the connection ended after {done:,} of {record.size:,} bytes")


def _check_reserve(record: DownloadRecord) -> None:
    """Raise a StudyError if a file of unknown size has left little room on the disk."""
    free = shutil.disk_usage(record.folder).free
    if free < RESERVE_BYTES:
        raise StudyError(
            f"{record.url}: the server does not say how large the file is, and {free / 1e9:.2f} GB are free in "
            f"{record.folder}; make room"
        )


def _file_name(response: requests.Response, url: str) -> str:
    """Return the name that the server gives the file, else the last part of the URL's path; never a path."""
    header = Message()
    header["Content-Disposition"] = response.headers.get("Content-Disposition", "")
    given = header.get_filename() or unquote(urlsplit(url).path)
    return Path(given.replace("\\", "/").replace("\0", "")).name.lstrip(".") or "download"


def innermost_reason(error: Exception) -> str:
    """Return the message of the innermost error: those of requests contain those of urllib3 and the socket."""
    while error.args and isinstance(inner := getattr(error, "reason", error.args[0]), Exception):
        error = inner
    return str(error.args[0]) if error.args else type(error).__name__
