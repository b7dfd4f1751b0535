"""What all ladders say together: how many choices of smaller studies were right at their ladder's largest study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ladder import Step

from loss_study.metrics import Metric
from loss_study.statistics.sentences import at_least, listed


class Verdict(Enum):
    """What the largest study says of a choice, with 95 % confidence: it is within the margin of the best, or not."""

    GOOD = "within"
    OPEN = "perhaps"
    BAD = "beyond"


@dataclass(frozen=True)
class Judged:
    """A smaller study's choice, judged by the largest one of its ladder."""

    dataset: str
    step: Step

    @property
    def verdict(self) -> Verdict:
        """See `Verdict`; open without bounds."""
        margin, low, high = self.step.large.margin, self.step.low, self.step.high
        if margin is None or low is None or high is None:
            return Verdict.OPEN
        if high <= margin:
            return Verdict.GOOD
        return Verdict.BAD if low > margin else Verdict.OPEN


def sentences(metric: Metric, judged: Sequence[Judged]) -> list[str]:
    """Count the choices of one head that were right, and name them; those that were surely wrong; and the others.

    Args:
        metric: of the head.
        judged: the choices; nothing is said of none, or without any margin.
    """
    margins = sorted(one.step.large.margin for one in judged if one.step.large.margin is not None)
    if not margins:
        return []
    limit = " to ".join(dict.fromkeys(at_least(metric, margin) for margin in (margins[0], margins[-1])))
    good, bad = ([one for one in judged if one.verdict is verdict] for verdict in (Verdict.GOOD, Verdict.BAD))
    told = [
        f"{len(good)} of {len(judged)} choices of smaller studies {_are(good)} with 95 % confidence within the margin "
        f"({metric.with_unit(limit)}) of the best loss of the ladder's largest study{_names(good)}."
    ]
    if bad:
        told.append(f"{len(bad)} {_are(bad)} with as much confidence farther from it{_names(bad)}.")
    if others := len(judged) - len(good) - len(bad):
        told.append(f"It is open for {others} of them.")
    return told


def _are(found: Sequence[Judged]) -> str:
    return "is" if len(found) == 1 else "are"


def _names(found: Sequence[Judged]) -> str:
    names = [f"`{one.step.small.rung}` at `{one.step.large.rung}` on {one.dataset}" for one in found]
    return f": {listed(names)}" if names else ""
