"""The page's section on what can be concluded: one forest plot per metric, and the sentences beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from loss_study.report.charts import Axis
from loss_study.statistics.compare import Comparison, Estimate
from loss_study.statistics.sentences import caveats, conclusion

#: A loss this many times farther from the best than the median loss does not stretch the axis: it is an arrow.
FAR = 6


@dataclass(frozen=True)
class Forest:
    """A comparison drawn: mean and interval of every loss on a shared `axis`, which losses far off do not stretch."""

    comparison: Comparison
    axis: Axis

    @classmethod
    def of(cls, comparison: Comparison) -> Forest:
        """Return the plot of `comparison`."""
        best = comparison.best.mean
        reach = FAR * median(abs(row.mean - best) for row in comparison.compared)
        near = [row for row in comparison.estimates if abs(row.mean - best) <= reach]
        return cls(comparison, Axis.around(end for row in near for end in (row.low, row.high)))

    def beyond(self, row: Estimate) -> str:
        """Return at which end of the axis `row` lies outside, "left" or "right"; "" if its mean is on it."""
        place = round(self.axis.percent(row.mean), 6)
        return "left" if place < 0 else "right" if place > 100 else ""

    @property
    def sentence(self) -> str:
        """What the plot says."""
        return conclusion(self.comparison)


@dataclass(frozen=True)
class Conclusions:
    """What can be concluded for one head; the first plot is that of the metric that ranks it."""

    head: str
    forests: tuple[Forest, ...]
    caveats: tuple[str, ...]


def conclusions(comparisons: Sequence[Comparison]) -> list[Conclusions]:
    """Return the conclusions of every head that has comparisons."""
    heads = dict.fromkeys(comparison.head for comparison in comparisons)
    return [_conclusions(head, [found for found in comparisons if found.head == head]) for head in heads]


def _conclusions(head: str, comparisons: Sequence[Comparison]) -> Conclusions:
    return Conclusions(head, tuple(map(Forest.of, comparisons)), tuple(caveats(comparisons[0])))
