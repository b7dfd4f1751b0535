"""Evaluate all models of a head: ``python stages/evaluate.py mask``.

Reads data/sample and runs/<head>/, writes eval/<head>/<loss>/<seed>/ for every trial of the configuration.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from loss_study.config import HEADS, load_config
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.trial import trials


def main() -> None:
    """Parse the head, load configuration and sample, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", choices=HEADS)
    head = parser.parse_args().head
    of_head = [trial for trial in trials(load_config()) if trial.head == head]
    # A loss whose training failed stops no other; `compare` names it.
    trained = [trial for trial in of_head if trial.run_dir.is_dir()]
    if not trained:
        raise StudyError(f"runs/{head}: no trained model there; run 'dvc repro'")
    for trial in of_head:
        if trial not in trained:
            print(f"{trial.name}  not trained, so not evaluated", flush=True)
    evaluate_trials(trained, PackedSample.open(Path("data/sample")))


if __name__ == "__main__":
    run_stage(main)
