"""Train one head and loss from all seeds of a round: ``python stages/train.py mask dice``, ``... --round 2``.

In the first round the learning rate is chosen before, by a search where the recipe has one: tuning/mask/dice/.
A joint training has "joint" for its head and its name for its loss: ``python stages/train.py joint joint_equal``.

Reads data/sample and the round's decision, which names the seeds. A loss that trains no more in the round leaves an
empty folder. On several devices: ``recipe.devices``, or
``torchrun --nproc-per-node 2 stages/train.py mask dice``.
"""

from __future__ import annotations

import argparse

from loss_study.heads import HEADS, JOINT
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.trial import RUNS, SAMPLE, decided_seeds, decision_file


def main() -> None:
    """Parse head, loss and round, and train, if the decision names seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", choices=[*HEADS, JOINT])
    parser.add_argument("loss")
    parser.add_argument("--round", type=int, default=1, help="of the study (1)")
    arguments = parser.parse_args()
    head, loss, number = arguments.head, arguments.loss, arguments.round
    decision = decision_file(number, head, loss)
    if not decision.exists():
        raise StudyError(f"{decision}: not there; run 'dvc repro'")
    if seeds := decided_seeds(number, head, loss):
        _train(head, loss, seeds, number)
    else:
        (RUNS / str(number) / head / loss).mkdir(parents=True, exist_ok=True)


def _train(head: str, loss: str, seeds: list[int], number: int) -> None:
    # Only now: importing torch takes seconds.
    from functools import partial  # noqa: PLC0415

    from loss_study.config import load_config  # noqa: PLC0415
    from loss_study.data.packed import PackedSample  # noqa: PLC0415
    from loss_study.tracking.live import LiveRun  # noqa: PLC0415
    from loss_study.training.distributed import in_processes, is_first  # noqa: PLC0415
    from loss_study.training.run import Silent  # noqa: PLC0415
    from loss_study.training.seeds import train_seeds  # noqa: PLC0415

    config = load_config()
    sample = PackedSample.open(SAMPLE)

    def train() -> None:
        # MLflow has a run for each head of a joint network, which `compare` makes.
        listen = partial(LiveRun, study=config) if is_first() and head != JOINT else Silent
        train_seeds(head, loss, config, sample, seeds=seeds, number=number, listen=listen)

    in_processes(config.recipe.devices, train)


if __name__ == "__main__":
    run_stage(main)
