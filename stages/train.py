"""Train one trial: ``python stages/train.py mask dice 0``. Reads data/sample, writes runs/<trial>/."""

from __future__ import annotations

from pathlib import Path

from loss_study import parameters, trial
from loss_study.data.packed import PackedSample
from loss_study.errors import run_stage
from loss_study.training.trial_run import run


def main() -> None:
    """Parse the trial, load parameters and sample, train, write."""
    run(trial.from_command_line(__doc__), PackedSample.open(Path("data/sample")), parameters.load())


if __name__ == "__main__":
    run_stage(main)
