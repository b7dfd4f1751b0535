"""What DVC holds of a trial: the files that ``train`` and ``evaluate`` wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loss_study.joint_trial import history_of, record_of
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.statistics.results import read_csv, read_json
from loss_study.trial import Trial

#: What differs between two runs of the same training; not part of a trial's identity.
_INCIDENTAL = ("seconds", "images_per_second", "threads", "versions")


@dataclass(frozen=True)
class Outputs:
    """A trial's files, read: ``trial.json``, ``history.csv`` (one mapping per epoch) and ``metrics.json``."""

    trial: Trial
    record: dict[str, Any]
    history: list[dict[str, float]]
    evaluation: dict[str, Any]

    @property
    def verdict(self) -> str:
        """How the trial ended: "finished", or how it collapsed or diverged."""
        return self.evaluation["verdict"] or "finished"

    @property
    def model(self) -> Path:
        """The trained weights; a trial that diverged in its first epoch has none."""
        return self.trial.run_dir / "model.pt"

    @property
    def predictions(self) -> Path:
        """The predictions of the panel's images, uint8 (P, H, W)."""
        return self.trial.eval_dir / "predictions.npy"

    @property
    def content(self) -> str:
        """SHA-256 of what the trial is: its results, model and predictions, not its time or machine."""
        digest = hashlib.sha256()
        for described in (self.record, self.evaluation):
            digest.update(json.dumps(_lasting(described), sort_keys=True).encode())
        digest.update(json.dumps([_lasting(row) for row in self.history], sort_keys=True).encode())
        for path in (self.model, self.predictions):
            digest.update(hashlib.sha256(path.read_bytes()).digest() if path.exists() else b"none")
        return digest.hexdigest()


def read(trial: Trial) -> Outputs | None:
    """Read the files of `trial`; None if it was not trained or not evaluated.

    Raises:
        StudyError: a file is damaged; the message names it.
    """
    for folder in (trial.run_dir, trial.eval_dir):
        checksums.check(folder)
    record, evaluation = read_json(trial.run_dir / "trial.json"), read_json(trial.eval_dir / "metrics.json")
    if not (record and evaluation):
        return None
    history = history_of(trial, _history(trial.run_dir / "history.csv"))
    return Outputs(trial, record_of(trial, record), history, evaluation)


def _lasting(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in _INCIDENTAL}


def _history(path: Path) -> list[dict[str, float]]:
    try:
        return [{key: float(value) for key, value in row.items()} for row in read_csv(path)]
    except (ValueError, TypeError, AttributeError) as error:
        raise StudyError(f"{path}: damaged ({error}); run 'dvc repro -f' on its stage") from None
