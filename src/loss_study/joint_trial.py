"""What a joint training left, seen from one of its heads: as if it had been a trial of that head alone.

Nothing here imports more than the standard library: reports read thousands of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from loss_study.trial import Trial

T = TypeVar("T")
#: The key of ``trial.json`` under which a joint training has what differs between its heads.
OF_HEADS = "of_heads"
#: What of it the loss of the head is called; other trials are named after their loss.
TRAINED_WITH = "trained_with"
#: The columns of ``history.csv`` that a joint training has of each head, too: ``validation_mask``.
COLUMNS = ("train_loss", "validation")


def record_of(trial: Trial, record: dict[str, Any]) -> dict[str, Any]:
    """Return the ``trial.json`` of `trial`; of a joint training with the loss and the metric of the trial's head."""
    return record | record[OF_HEADS][trial.head] if trial.joint and record else record


def history_of(trial: Trial, rows: Sequence[dict[str, T]]) -> list[dict[str, T]]:
    """Return the rows of ``history.csv``; of a joint training with the loss and the metric of the trial's head."""
    if not trial.joint:
        return list(rows)
    return [row | {name: row[f"{name}_{trial.head}"] for name in COLUMNS} for row in rows]


def loss_of(trial: Trial, record: Mapping[str, Any]) -> str:
    """Return the loss that the head of `trial` was trained with; `record` as `record_of` returns it."""
    return record.get(TRAINED_WITH, trial.loss)
