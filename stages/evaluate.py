"""Evaluate all models of a head that a round trained: ``python stages/evaluate.py mask``, ``... --round 2``.

Reads data/sample, runs/<round>/<head>/ and the round's decisions, writes eval/<round>/<head>/<loss>/<seed>/ for every
trial of the round. A head that trains no more in the round leaves an empty folder.
"""

from __future__ import annotations

import argparse

from loss_study.heads import HEADS
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.trial import DECISIONS, EVAL, SAMPLE, Trial, decided_seeds


def main() -> None:
    """Parse head and round, load the sample, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", choices=HEADS)
    parser.add_argument("--round", type=int, default=1, help="of the study (1)")
    arguments = parser.parse_args()
    head, number = arguments.head, arguments.round
    losses = sorted(path.stem for path in (DECISIONS / str(number) / head).glob("*.json"))
    of_head = [Trial(head, loss, seed, number) for loss in losses for seed in decided_seeds(number, head, loss)]
    (EVAL / str(number) / head).mkdir(parents=True, exist_ok=True)
    if not of_head:
        return
    # A loss whose training failed stops no other; `compare` names it.
    trained = [trial for trial in of_head if trial.run_dir.is_dir()]
    if not trained:
        raise StudyError(f"runs/{number}/{head}: no trained model there; run 'dvc repro'")
    for trial in of_head:
        if trial not in trained:
            print(f"{trial.name}  not trained, so not evaluated", flush=True)
    _evaluate(trained)


def _evaluate(trained: list[Trial]) -> None:
    # Only now: importing torch takes seconds.
    from loss_study.data.packed import PackedSample  # noqa: PLC0415
    from loss_study.evaluation.evaluate import evaluate_trials  # noqa: PLC0415

    evaluate_trials(trained, PackedSample.open(SAMPLE))


if __name__ == "__main__":
    run_stage(main)
