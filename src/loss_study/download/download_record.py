"""What is known of one download: its files in the downloads folder, and the server's answer.

Below the downloads folder, with <key> made from the URL: ``<key>.json`` is the record, ``<key>.partial`` holds the
bytes received so far, and ``<key>/`` holds the finished file under its own name.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from loss_study.runtime.files import write_json


@dataclass
class DownloadRecord:
    """The record of a URL's file; `name`, `etag`, `last_modified` and `size` (bytes) are those the server gave."""

    url: str
    base: str
    name: str = ""
    etag: str = ""
    last_modified: str = ""
    size: int | None = None
    finished: bool = False

    @classmethod
    def open(cls, url: str, downloads: Path) -> DownloadRecord:
        """Read the record of `url` in the folder `downloads`, or start a new one."""
        base = downloads / hashlib.sha256(url.encode()).hexdigest()[:16]
        base.mkdir(parents=True, exist_ok=True)
        try:
            known = json.loads(base.with_suffix(".json").read_text(encoding="utf-8"))
            return cls(**{**known, "url": url, "base": str(base)})
        except (FileNotFoundError, ValueError, TypeError):
            return cls(url, str(base))

    def save(self) -> None:
        """Write the record."""
        write_json(self.folder.with_suffix(".json"), asdict(self))

    def finish(self) -> None:
        """Write that the file is complete."""
        self.finished = True
        self.save()

    @property
    def folder(self) -> Path:
        """The folder of the finished file."""
        return Path(self.base)

    @property
    def file(self) -> Path:
        """The finished file."""
        return self.folder / self.name

    @property
    def partial(self) -> Path:
        """The file with the bytes received so far."""
        return self.folder.with_suffix(".partial")

    @property
    def partial_size(self) -> int:
        """Number of bytes received so far."""
        return self.partial.stat().st_size if self.partial.exists() else 0

    @property
    def is_there(self) -> bool:
        """Whether the finished file exists."""
        return self.finished and self.file.is_file()

    @property
    def validator(self) -> str:
        """The value of the header If-Range, which must be a strong ETag or a date; empty if there is none."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    def forget(self) -> None:
        """Remove all that was received, so that the next attempt starts at the first byte."""
        for path in (self.partial, self.folder.with_suffix(".json"), *self.folder.iterdir()):
            path.unlink(missing_ok=True)
        self.name, self.etag, self.last_modified, self.size, self.finished = "", "", "", None, False
