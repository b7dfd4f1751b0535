"""Compare all trials: write reports/ (the page, the tables, the panels) and print the ranking."""

from __future__ import annotations

from pathlib import Path

from loss_study import parameters
from loss_study.data.packed import PackedSample
from loss_study.errors import run_stage
from loss_study.report import results, terminal
from loss_study.report.build import build
from loss_study.report.publish import publish
from loss_study.report.ranking import rank

SAMPLE = Path("data/sample")


def main() -> None:
    """Read what the trials of params.yaml left, write the report, print the ranking."""
    study = parameters.load()
    found = results.read(study)
    rankings = [rank(head, found) for head in study.loss.heads]
    publish(terminal.REPORTS, build(study, found, rankings, PackedSample.open(SAMPLE)))
    terminal.show(rankings)


if __name__ == "__main__":
    run_stage(main)
