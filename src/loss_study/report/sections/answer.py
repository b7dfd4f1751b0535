"""The first section: which loss to use for a head, how certain that is, and what limits it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.report.bound_charts import BoundChart, bound_chart
from loss_study.report.interval_charts import IntervalChart, answer_chart
from loss_study.statistics.race import Entry
from loss_study.statistics.ranking import Ranking
from loss_study.statistics.sentences import caveats, decision


@dataclass(frozen=True)
class Answer:
    """What the page says first of one head.

    Attributes:
        verdict: the first sentence of the decision.
        bound: the rest of it; "" where there is none.
        chart: of all losses; None where no trial is sound.
        bounds: how the bound shrank from round to round; None with fewer than two rounds.
        caveats: what limits the answer, and what is known of it at larger scales.
    """

    verdict: str
    bound: str
    chart: IntervalChart | None
    bounds: BoundChart | None
    caveats: list[str]


def answer(ranking: Ranking, history: Sequence[Entry], *, continued: bool = False, evidence: str = "") -> Answer:
    """Return the answer for one head.

    Args:
        ranking: of the head, on its headline metric.
        history: of the study.
        continued: whether every loss has continued from a parent.
        evidence: what larger studies say of such a choice, see `scale_evidence.sentence`.
    """
    verdict, end, bound = decision(ranking, continued=continued).partition(". ")
    return Answer(
        verdict + end.rstrip(),
        bound,
        answer_chart(ranking),
        bound_chart(history, ranking.head),
        [*caveats(ranking), *filter(None, [evidence])],
    )
