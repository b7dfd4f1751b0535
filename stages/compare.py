"""Compare all trials: write reports/ (page, tables, panels), print the answer, complete MLflow."""

from __future__ import annotations

import argparse
import sys

from loss_study.config import Config, load_config
from loss_study.report import terminal
from loss_study.report.renew import renew
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.tracking.mirror import fill_in
from loss_study.tracking.study import gather
from loss_study.trial import trials


def main() -> None:
    """Read what the trials of the configuration left, write the report, print the answer, then tell MLflow."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    config = load_config()
    terminal.show(renew(config), config)
    _mirror(config)


def _mirror(config: Config) -> None:
    """Bring every trial into MLflow. The report does not need it, so a store that fails is only a warning."""
    try:
        print(fill_in(trials(config), config), flush=True)
        gather(trials(config), config, terminal.REPORTS)
    except StudyError as error:
        print(f"warning: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_stage(main)
