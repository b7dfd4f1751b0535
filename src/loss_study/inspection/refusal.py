"""What the stage `check` prints of a dataset that it refuses: what is in the folder."""

from __future__ import annotations

import shlex
from pathlib import Path

from loss_study.config import DatasetConfig
from loss_study.datasets.layouts import scan
from loss_study.datasets.layouts.recognise import recognise
from loss_study.inspection import proposal
from loss_study.inspection.findings import console, show_table
from loss_study.runtime.errors import StudyError


def explain(error: StudyError, dataset: DatasetConfig) -> None:
    """Print what is in the folder of `dataset`, if `error` is about it."""
    if dataset.path not in str(error) or not Path(dataset.path).is_dir():
        return
    listing = scan(Path(dataset.path))
    show_table(proposal.folders(listing), console())
    show_table(proposal.layout(recognise(listing)), console())
    print(f"'loss-study inspect {shlex.quote(dataset.path)}' shows more")
