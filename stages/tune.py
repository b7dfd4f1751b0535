"""Find a loss's learning rate: ``python stages/tune.py mask dice``. Reads data/sample, writes tuning/<head>-<loss>/."""

from __future__ import annotations

import argparse
from pathlib import Path

from loss_study import config
from loss_study.config import load_config
from loss_study.runtime.errors import run_stage
from loss_study.training.distributed import in_processes
from loss_study.training.search import tune
from loss_study.trial import Trial


def main() -> None:
    """Parse head and loss, load the parameters, search, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("head", choices=config.HEADS)
    parser.add_argument("loss")
    arguments = parser.parse_args()
    study = load_config()
    trial = Trial(arguments.head, arguments.loss, study.recipe.search.seed)
    in_processes(study.recipe.devices, lambda: tune(trial, Path("data/sample"), study))


if __name__ == "__main__":
    run_stage(main)
