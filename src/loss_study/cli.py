"""The command `loss-study`, also `python -m loss_study`; each subcommand is a module with add_arguments and main."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from loss_study import __version__
from loss_study.runtime.errors import run_stage
from loss_study.runtime.processes import signals_end_at_once


@dataclass(frozen=True)
class Command:
    """A subcommand: its name, the module that does the work, and one line for ``loss-study --help``."""

    name: str
    module: str
    help: str


COMMANDS = (
    Command("run", "loss_study.orchestration.local", "run the study, several trials at a time"),
    Command("inspect", "loss_study.inspection.command", "look at your data, and say how to study it"),
    Command("compose", "loss_study.config.composition", "compose conf/ into params.yaml"),
    Command("fit-scale", "loss_study.orchestration.fit_scale", "choose the largest scale that fits a time here"),
    Command("show", "loss_study.report.terminal", "print the ranking of the last study"),
    Command("final", "loss_study.final.command", "train the model that the study decided for, write it to model/"),
    Command("predict", "loss_study.inference.command", "predict masks and depth maps with that model"),
    Command("agree", "loss_study.statistics.agreement", "compare the rankings of two studies"),
    Command("verify", "loss_study.orchestration.verify", "check every file and every number of the last study"),
    Command("ui", "loss_study.tracking.ui", "browse the runs in MLflow"),
    Command("cluster", "loss_study.cluster.study", "run the study on a Ray cluster"),
    Command("repair", "loss_study.orchestration.repair", "repair lock files that a killed DVC process left behind"),
)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Parse the words of a command line; the subcommand's `main` is in the attribute of that name.

    Only the chosen subcommand's module is imported: `cluster` and `ui` need packages that `compose` does not.
    """
    parser = argparse.ArgumentParser(
        prog="loss-study", description="Compare losses for segmentation masks and depth maps.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="command", required=True)
    for command in COMMANDS:
        subparser = commands.add_parser(
            command.name, help=command.help, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        if command.name in words[:1]:
            module = import_module(command.module)
            subparser.description = module.__doc__
            subparser.set_defaults(main=module.main)
            module.add_arguments(subparser)
    return parser.parse_args(words)


def main() -> None:
    """Run the subcommand that the command line names; errors are one line (see `run_stage`)."""
    signals_end_at_once()  # Ctrl-C during the imports gives one line, too.
    arguments = parse(sys.argv[1:])
    run_stage(lambda: arguments.main(arguments))
