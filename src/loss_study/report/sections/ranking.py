"""The table of all losses of a head, best first, with a dot for each seed."""

from __future__ import annotations

from loss_study.report.charts import Axis
from loss_study.statistics.ranking import Ranking


def axis(ranking: Ranking) -> Axis:
    """Return the axis of the dots: it holds the value of every sound trial."""
    return Axis.around(value for standing in ranking.placed for value in standing.values)
