"""Evaluate one trial: ``python stages/evaluate.py mask dice 0``. Reads runs/<trial>/, writes eval/<trial>/."""

from __future__ import annotations

import argparse
from pathlib import Path

from loss_study import parameters
from loss_study.data.packed import PackedSample
from loss_study.errors import run_stage
from loss_study.evaluation import evaluate_trial
from loss_study.trial import Trial


def main() -> None:
    """Parse the trial, load sample and parameters, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("head", choices=parameters.HEADS)
    parser.add_argument("loss")
    parser.add_argument("seed", type=int)
    arguments = parser.parse_args()
    trial = Trial(arguments.head, arguments.loss, arguments.seed)
    evaluate_trial(trial, PackedSample.open(Path("data/sample")))


if __name__ == "__main__":
    run_stage(main)
