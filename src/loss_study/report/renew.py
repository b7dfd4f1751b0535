"""The report of what the trials have left so far: the stage `compare`, and `make study` after each round."""

from __future__ import annotations

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.report import terminal
from loss_study.report.build import build
from loss_study.report.publish import publish
from loss_study.statistics import results
from loss_study.statistics.ranking import Ranking, rank_all
from loss_study.trial import SAMPLE


def renew(config: Config) -> list[Ranking]:
    """Write ``reports/`` anew, from the rounds of `config` that have been evaluated, and return the rankings.

    Raises:
        StudyError: nothing has been evaluated, or a file is damaged.
    """
    found = results.read(config)
    rankings = rank_all(found, config)
    publish(terminal.REPORTS, build(config, found, rankings, PackedSample.open(SAMPLE)))
    return rankings
