"""Train one trial: ``python stages/train.py mask dice 0``. Reads data/sample, writes runs/<trial>/."""

from __future__ import annotations

import argparse
from pathlib import Path

from loss_study import parameters
from loss_study.data.packed import PackedSample
from loss_study.errors import run_stage
from loss_study.training.trial_run import run
from loss_study.trial import Trial


def main() -> None:
    """Parse the trial, load parameters and sample, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("head", choices=parameters.HEADS)
    parser.add_argument("loss")
    parser.add_argument("seed", type=int)
    arguments = parser.parse_args()
    trial = Trial(arguments.head, arguments.loss, arguments.seed)
    run(trial, PackedSample.open(Path("data/sample")), parameters.load())


if __name__ == "__main__":
    run_stage(main)
