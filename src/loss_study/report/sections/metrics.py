"""The tables of all test metrics of a head, one row per loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.metrics import find
from loss_study.metrics.groups import Group, groups
from loss_study.report.interval_charts import IntervalChart, means_chart
from loss_study.statistics.ranking import Ranking
from loss_study.statistics.sentences import listed


@dataclass(frozen=True)
class MetricTables:
    """What stands in the tables of one head.

    Attributes:
        groups: the metrics, one table for each group.
        best: the best mean of each metric; None where no loss is marked.
    """

    groups: list[Group]
    best: dict[str, float | None]


def finding(rankings: Sequence[Ranking]) -> str:
    """Return per head which loss has the best mean on each metric that the losses are compared on."""
    sentences = []
    for head in dict.fromkeys(ranking.head for ranking in rankings):
        of_head = [ranking for ranking in rankings if ranking.head == head and len(ranking.compared) > 1]
        best: dict[str, list[str]] = {}
        for ranking in of_head:
            best.setdefault(_first(ranking), []).append(ranking.metric.label)
        if best:
            texts = [f"{losses} ({'; '.join(labels)})" for losses, labels in best.items()]
            whose = "" if of_head[0].all_compared else " of a compared loss"
            sentences.append(f"{head.capitalize()}: the best mean{whose} is that of {', '.join(texts)}.")
    return " ".join(sentences)


def _first(ranking: Ranking) -> str:
    """Return the compared losses that share the best mean, as it is shown."""
    metric = ranking.metric
    first = metric.show(ranking.compared[0].mean)
    return listed([row.loss for row in ranking.compared if metric.show(row.mean) == first])


def means_charts(rankings: Sequence[Ranking]) -> list[IntervalChart]:
    """Return a chart of the means for each of the rankings of a head that has intervals."""
    return [means_chart(one, one.metric.label_with_unit) for one in rankings if one.has_intervals and one.placed]


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
