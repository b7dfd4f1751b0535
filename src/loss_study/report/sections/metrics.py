"""The tables of all test metrics of a head, one row per loss."""

from __future__ import annotations

from dataclasses import dataclass

from loss_study.metrics import find
from loss_study.metrics.groups import Group, groups
from loss_study.statistics.ranking import Ranking


@dataclass(frozen=True)
class MetricTables:
    """What stands in the tables of one head.

    Attributes:
        groups: the metrics, one table for each group.
        best: the best mean of each metric; None where no loss is marked.
    """

    groups: list[Group]
    best: dict[str, float | None]


def metric_tables(ranking: Ranking) -> MetricTables:
    """Return the tables of a head."""
    names = dict.fromkeys(name for standing in ranking.standings for name in standing.means)
    return MetricTables(groups(names, ranking.classes), {name: _best(ranking, name) for name in names})


def _best(ranking: Ranking, name: str) -> float | None:
    """Return the best mean among losses without a failed trial; None where fewer than two have the metric."""
    direction = find(name, ranking.classes).higher_is_better
    values = [standing.means[name] for standing in ranking.placed if name in standing.means and not standing.failed]
    if direction is None or len(values) < 2:
        return None
    return max(values) if direction else min(values)
