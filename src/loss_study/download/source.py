"""Where a dataset's files are, as the stage `download` left it for the stages after it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from loss_study.config import DatasetConfig
from loss_study.runtime.errors import StudyError

SOURCE = "source.json"


@dataclass(frozen=True)
class Source:
    """The path of `datasets.open_dataset`, and sentences for the report."""

    path: Path
    notes: list[str]


def prepared(dataset: DatasetConfig, folder: Path) -> Source:
    """Return what `prepare.prepare` left in `folder`; StudyError if it is missing, damaged, or of another dataset."""
    file = folder / SOURCE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        raise StudyError(f"{file}: missing or damaged; run 'dvc repro -f download'") from None
    if found["name"] != dataset.name:
        raise StudyError(f"{file}: is of dataset {found['name']!r}, not {dataset.name!r}; run 'dvc repro download'")
    return Source(Path(found["path"]), found["notes"])
