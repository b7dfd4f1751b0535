"""Train the model that the study decided for, measure it and write it to model/: ``loss-study final`` as a stage.

Takes the options of that command: ``python stages/final.py --epochs 20``.
"""

from __future__ import annotations

import sys

from loss_study.cli import parse
from loss_study.runtime.errors import run_stage


def main() -> None:
    """Do what the command does."""
    arguments = parse(["final", *sys.argv[1:]])
    arguments.main(arguments)


if __name__ == "__main__":
    run_stage(main)
