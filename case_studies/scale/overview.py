"""What all ladders say together: how many choices of smaller studies were right at their ladder's largest study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ladder import Answer, Step

from loss_study.metrics import Metric
from loss_study.statistics.sentences import at_least, at_most, listed


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
    """Count the choices of one head that were right, surely wrong and neither, and say by how much they were.

    Args:
        metric: of the head.
        judged: the choices; nothing is said of none, or without any margin.
    """
    margins = sorted(one.step.large.margin for one in judged if one.step.large.margin is not None)
    if not margins:
        return []
    limit = " to ".join(dict.fromkeys(at_least(metric, margin) for margin in (margins[0], margins[-1])))
    good, bad = (sum(one.verdict is verdict for one in judged) for verdict in (Verdict.GOOD, Verdict.BAD))
    told = [
        f"In {good} of {len(judged)} comparisons the choice of the smaller study is, with 95 % confidence each, within "
        f"the margin ({metric.with_unit(limit)}) of the best compared loss of the ladder's largest study."
    ]
    if bad:
        told.append(f"In {bad} it is with as much confidence farther from it.")
    if others := len(judged) - good - bad:
        told.append(f"In {others} that is open.")
    worse = [one.step.worse for one in judged]
    if None not in worse:
        best, most = sum(value == 0 for value in worse), metric.with_unit(at_most(metric, max(worse)))
        told.append(f"By the means, it is the best compared loss there in {best}, and never more than {most} worse.")
    return told


def on_default(found: Mapping[str, Sequence[Judged]]) -> list[str]:
    """Count the right choices of each scale, and say that the last one is the default for it.

    Args:
        found: by scale, from small to large, their choices, judged by the same larger studies.
    """
    right = {scale: sum(one.verdict is Verdict.GOOD for one in judged) for scale, judged in found.items()}
    *smaller, last = right
    if not found[last] or any(right[scale] >= right[last] for scale in smaller):
        return []
    counts = listed([f"that of `{scale}` in {right[scale]}" for scale in right])
    return [
        f"Larger studies than both have {len(found[last])} answers, of all heads and datasets. By them the choice of a "
        f"scale is surely within the margin of the best compared loss, {counts}: that is why `{last}` is what runs if "
        "no scale is chosen."
    ]


def on_first_round(answers: Sequence[Answer], seeds: int) -> str:
    """Count the answers that were decided after the first round, of `seeds` seeds."""
    count = sum(answer.decided and answer.seeds <= seeds for answer in answers)
    were = "was" if count == 1 else "were"
    return f"{count or 'none'} of the {len(answers)} answers above {were} decided"
