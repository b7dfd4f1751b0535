"""Compare all trials: write reports/ (the page, the tables, the panels), fill MLflow in, print the ranking."""

from __future__ import annotations

import sys
from pathlib import Path

from loss_study.config import Config, load_config
from loss_study.data.packed import PackedSample
from loss_study.report import terminal
from loss_study.report.build import build
from loss_study.report.publish import publish
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.statistics import results
from loss_study.statistics.compare import compare_all
from loss_study.statistics.ranking import rank
from loss_study.tracking.mirror import fill_in
from loss_study.tracking.study import gather
from loss_study.trial import trials

SAMPLE = Path("data/sample")


def main() -> None:
    """Read what the trials of params.yaml left, write the report, print the ranking."""
    study = load_config()
    found = results.read(study)
    rankings = [rank(head, found) for head in study.loss.heads]
    comparisons = compare_all(found)
    publish(terminal.REPORTS, build(study, found, rankings, comparisons, PackedSample.open(SAMPLE)))
    _mirror(study)
    terminal.show(rankings, comparisons)


def _mirror(study: Config) -> None:
    """Bring every trial into MLflow; the report stands without it, so a store that fails is a warning."""
    try:
        print(fill_in(trials(study), study), flush=True)
        gather(trials(study), study, terminal.REPORTS)
    except StudyError as error:
        print(f"warning: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_stage(main)
