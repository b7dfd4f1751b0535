"""Find, fetch and unpack the data set that `dataset` names; writes data/source/, keeps downloads in downloads/."""

from __future__ import annotations

from pathlib import Path

from loss_study import parameters
from loss_study.data.download import prepare
from loss_study.errors import run_stage


def main() -> None:
    """Load parameters, prepare."""
    prepare(parameters.load().dataset, Path("data/source"), Path("downloads"))


if __name__ == "__main__":
    run_stage(main)
