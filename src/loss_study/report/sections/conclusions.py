"""What can be concluded: a forest plot for each metric that losses are compared on, and its sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loss_study.report.charts import Axis
from loss_study.statistics.ranking import Ranking, Standing
from loss_study.statistics.sentences import caveats, decision

#: A loss this many times farther from the best than the median loss is off the axis and drawn as an arrow.
FAR = 6


@dataclass(frozen=True)
class Forest:
    """A ranking drawn: mean and interval of every placed loss on a shared `axis`, without the losses far off."""

    ranking: Ranking
    axis: Axis

    @classmethod
    def of(cls, ranking: Ranking) -> Forest:
        """Return the plot of `ranking`, which has intervals."""
        means = {row.loss: row.mean for row in ranking.placed if row.mean is not None}
        best = means[ranking.placed[0].loss]
        reach = FAR * median(abs(means[row.loss] - best) for row in ranking.compared)
        near = [row for row in ranking.placed if abs(means[row.loss] - best) <= reach]
        return cls(ranking, Axis.around(end for row in near for end in (row.low, row.high) if end is not None))

    def beyond(self, row: Standing) -> str:
        """Return on which side of the axis the mean of `row` lies, "left" or "right"; "" if it is on the axis."""
        assert row.mean is not None
        place = round(self.axis.percent(row.mean), 6)
        return "left" if place < 0 else "right" if place > 100 else ""

    @property
    def sentence(self) -> str:
        """The decision; "" on a metric that decides nothing."""
        return decision(self.ranking) if self.ranking.is_headline else ""


@dataclass(frozen=True)
class Conclusions:
    """What can be concluded for one head; the first plot is of its headline metric where that has intervals."""

    head: str
    forests: tuple[Forest, ...]
    caveats: tuple[str, ...]


def conclusions(rankings: Sequence[Ranking]) -> list[Conclusions]:
    """Return the conclusions of every head that has rankings with intervals."""
    found = [ranking for ranking in rankings if ranking.has_intervals]
    heads = dict.fromkeys(ranking.head for ranking in found)
    return [_conclusions(head, [ranking for ranking in found if ranking.head == head]) for head in heads]


def _conclusions(head: str, rankings: Sequence[Ranking]) -> Conclusions:
    return Conclusions(head, tuple(map(Forest.of, rankings)), tuple(caveats(rankings[0])))
