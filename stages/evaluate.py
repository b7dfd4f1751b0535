"""Evaluate all models of a head: ``python stages/evaluate.py mask``.

Reads data/sample and runs/<head>/, writes eval/<head>/<loss>/<seed>/ for every trial of the configuration.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from loss_study.config import HEADS, load_config
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.runtime.errors import run_stage
from loss_study.trial import trials


def main() -> None:
    """Parse the head, load configuration and sample, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", choices=HEADS)
    head = parser.parse_args().head
    of_head = [trial for trial in trials(load_config()) if trial.head == head]
    evaluate_trials(of_head, PackedSample.open(Path("data/sample")))


if __name__ == "__main__":
    run_stage(main)
