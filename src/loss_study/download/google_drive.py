"""Files on Google Drive, downloaded by gdown, which answers the page that asks to confirm large files."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import gdown
import requests
from gdown import exceptions

from loss_study.download.archives import check_space
from loss_study.download.byte_progress import ByteProgress
from loss_study.download.download_record import DownloadRecord
from loss_study.download.http_download import TIMEOUT_S, innermost_reason
from loss_study.runtime.errors import StudyError

HOSTS = ("drive.google.com", "docs.google.com", "drive.usercontent.google.com")
FILE_ID = re.compile(r"[\w-]{25,}")


def file_id(url: str) -> str | None:
    """Return the id of a Google Drive file from a share link, a download link or the bare id; None for other URLs.

    Raises:
        StudyError: the link leads to a folder, or names no file.
    """
    if FILE_ID.fullmatch(url):
        return url
    parts = urlsplit(url)
    if parts.hostname not in HOSTS:
        return None
    if "/folders/" in parts.path:
        raise StudyError(f"{url}: a Google Drive folder; set dataset.urls to the share links of its files")
    found = [*parse_qs(parts.query).get("id", []), *re.findall(r"/d/([\w-]+)", parts.path)]
    if not found:
        raise StudyError(f"{url}: no Google Drive file id in this link; copy the file's own share link")
    return found[0]


def download(drive_id: str, record: DownloadRecord, retries: int) -> None:
    """Download the file `drive_id` into the folder of `record`, resuming what an earlier call received.

    Raises:
        StudyError: Google Drive refuses the file, or `retries` attempts failed.
    """
    with ByteProgress(f"downloading {drive_id} from Google Drive", None) as progress:

        def report(done: int, total: int | None) -> None:
            if total is not None and progress.total is None:
                check_space(record.folder, total - done, record.url)
                progress.total = total
            progress.reach(done)

        try:
            path = gdown.download(
                id=drive_id,
                output=f"{record.folder}/",
                quiet=True,
                use_cookies=False,
                resume=True,
                progress=report,
                timeout=TIMEOUT_S,
                retries=retries,
            )
        except exceptions.FileURLRetrievalError:
            raise StudyError(
                f"{record.url}: Google Drive refuses this file; share it with 'Anyone with the link', or wait a day if "
                "too many people have downloaded it"
            ) from None
        except (exceptions.DownloadError, requests.RequestException) as error:
            raise StudyError(
                f"{record.url}: {innermost_reason(error)}; run it again to resume, or remove {record.folder} to start "
                "over"
            ) from None
    record.name = Path(str(path)).name
    record.finish()
