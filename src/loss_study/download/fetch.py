"""Download one file over http(s) or from Google Drive into a folder that keeps it, and resume after an interruption."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from loss_study.download import google_drive, http_download
from loss_study.download.download_record import DownloadRecord
from loss_study.download.http_download import TemporaryError
from loss_study.runtime.errors import StudyError
from loss_study.runtime.redaction import without_secrets

#: Seconds before the next attempt; one that got further than all before starts this sequence again.
BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 16.0)
#: Attempts in all, however far each of them gets.
ATTEMPTS = 1000


def fetch(url: str, downloads: Path, sha256: str | None = None) -> Path:
    """Return the file of `url`, downloaded into `downloads` unless it is there already.

    Args:
        url: http(s), a Google Drive share link, or the bare id of a Google Drive file.
        downloads: folder of finished and partial files; a second call resumes what the first one received.
        sha256: the file's hexadecimal SHA-256; it is also checked if the file was there already.

    Raises:
        StudyError: bad URL, HTTP error, too many failed attempts, disk too small, or another checksum. The bytes
            received stay for the next call, but a file with a wrong checksum is removed.
    """
    drive_id = google_drive.file_id(url)
    if drive_id is None and urlsplit(url).scheme not in ("http", "https"):
        raise StudyError(
            f"dataset.urls: {url!r} is neither an http(s) URL nor a Google Drive link; for a file set dataset.path"
        )
    record = DownloadRecord.open(url, downloads)
    if not record.is_there:
        if drive_id is None:
            _download_with_retries(record)
        else:
            google_drive.download(drive_id, record, retries=len(BACKOFF_S))
    if sha256 is not None:
        _check_sum(record, sha256)
    return record.file


def _download_with_retries(record: DownloadRecord) -> None:
    failures, furthest = 0, record.partial_size
    for number in range(1, ATTEMPTS + 1):
        try:
            return http_download.attempt(record)
        except TemporaryError as error:
            failures = 1 if record.partial_size > furthest else failures + 1
            furthest = max(furthest, record.partial_size)
            if failures > len(BACKOFF_S) or number == ATTEMPTS:
                raise StudyError(
                    f"{record.url}: {error}; {number} attempts failed, run it again later to resume"
                ) from None
            wait = BACKOFF_S[failures - 1]
            line = f"{record.url}: {error}; next attempt in {wait:g} s"
            print(without_secrets(line), file=sys.stderr, flush=True)
            time.sleep(wait)


def _check_sum(record: DownloadRecord, expected: str) -> None:
    with record.file.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        name = record.name
        record.forget()
        raise StudyError(
            f"{name} from {record.url}: SHA-256 is {actual}, dataset.sha256 says {expected}; the file was removed, the "
            "next run downloads it again"
        )
