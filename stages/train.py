"""Train all seeds of one head and loss: ``python stages/train.py mask dice``. Reads data/sample and what `tune` wrote.

On several devices: ``recipe.devices``, or ``torchrun --nproc-per-node 2 stages/train.py mask dice``.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from loss_study.config import HEADS, load_config
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import run_stage
from loss_study.tracking.live import LiveRun
from loss_study.training.distributed import in_processes, is_first
from loss_study.training.run import Silent, train_seeds


def main() -> None:
    """Parse head and loss, load the config and the sample, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", choices=HEADS)
    parser.add_argument("loss")
    arguments = parser.parse_args()
    config = load_config()
    sample = PackedSample.open(Path("data/sample"))

    def train() -> None:
        listen = partial(LiveRun, study=config) if is_first() else Silent
        train_seeds(arguments.head, arguments.loss, config, sample, listen=listen)

    in_processes(config.recipe.devices, train)


if __name__ == "__main__":
    run_stage(main)
