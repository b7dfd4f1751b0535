"""Evaluate a joint training on both heads: ``python stages/evaluate_joint.py joint_equal``, ``... --round 2``.

Reads data/sample, runs/<round>/joint/<name>/ and the round's decision, writes
eval/<round>/joint/<name>/<head>/<seed>/ for every head that asked for the training in the round.
"""

from __future__ import annotations

import argparse

from loss_study.heads import HEADS, JOINT
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.trial import EVAL, SAMPLE, Trial, decided_seeds


def main() -> None:
    """Parse name and round, load the sample, evaluate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--round", type=int, default=1, help="of the study (1)")
    arguments = parser.parse_args()
    name, number = arguments.name, arguments.round
    asked = [(head, seed) for head in HEADS for seed in decided_seeds(number, head, name, joint=True)]
    trials = [Trial(head, name, seed, number, joint=True) for head, seed in asked]
    folder = EVAL / str(number) / JOINT / name
    folder.mkdir(parents=True, exist_ok=True)
    if not trials:
        return
    if not all(trial.run_dir.is_dir() for trial in trials):
        raise StudyError(f"{trials[0].run_dir.parent}: no trained model there; run 'dvc repro'")
    _evaluate(trials)


def _evaluate(trials: list[Trial]) -> None:
    # Only now: importing torch takes seconds.
    from loss_study.data.packed import PackedSample  # noqa: PLC0415
    from loss_study.evaluation.evaluate import evaluate_trials  # noqa: PLC0415

    evaluate_trials(trials, PackedSample.open(SAMPLE))


if __name__ == "__main__":
    run_stage(main)
