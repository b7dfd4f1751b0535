"""Check the configuration before any work starts.

Writes data/check.json, which the next stage waits for, and decisions/1/: in the first round every loss trains.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from loss_study import decisions
from loss_study.checks.check import check_choices
from loss_study.config import load_config
from loss_study.inspection import refusal
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.runtime.files import write_json


def main() -> None:
    """Load the configuration and check that everything it names exists and fits."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    config = load_config()
    try:
        check_choices(config)
    except StudyError as error:
        refusal.explain(error, config.dataset)
        raise
    decisions.write(config, 1, dict.fromkeys(config.loss.heads, config.candidates))
    Path("data").mkdir(exist_ok=True)
    # The same whatever the configuration: the next stages rerun for parameters of their own only.
    write_json(Path("data/check.json"), {"configuration": "checked"})


if __name__ == "__main__":
    run_stage(main)
