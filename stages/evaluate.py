"""Evaluate one trial: ``python stages/evaluate.py mask dice 0``. Reads runs/<trial>/, writes eval/<trial>/."""

from __future__ import annotations

from pathlib import Path

from loss_study import trial
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.runtime.errors import run_stage


def main() -> None:
    """Parse the trial, load the sample, evaluate, write."""
    evaluate_trials([trial.from_command_line(__doc__)], PackedSample.open(Path("data/sample")))


if __name__ == "__main__":
    run_stage(main)
