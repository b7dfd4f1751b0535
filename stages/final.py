"""Train the model that the study decided for, measure it and write it to model/: ``loss-study final`` as a stage."""

from __future__ import annotations

from loss_study.cli import parse
from loss_study.runtime.errors import run_stage


def main() -> None:
    """Do what the command does by default."""
    arguments = parse(["final"])
    arguments.main(arguments)


if __name__ == "__main__":
    run_stage(main)
