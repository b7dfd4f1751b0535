"""What all ladders say together: how many choices of smaller studies were right at their ladder's largest study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import ladder
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
    others = len(judged) - good - bad
    told = [
        f"Of {len(judged)} choices of smaller studies {good} are surely within the margin "
        f"({metric.with_unit(limit)}) of the best compared loss of their ladder's largest study, {bad or 'none'} "
        f"surely beyond it; {others or 'none'} are open."
    ]
    worse = [one.step.worse for one in judged if one.step.worse is not None]
    if worse:
        best, most = sum(value == 0 for value in worse), metric.with_unit(at_most(metric, max(worse)))
        those = "" if len(worse) == len(judged) else f" of the {len(worse)} compared"
        told.append(f"By the means there, {best}{those} are the best, and none is more than {most} worse.")
    return told


def on_crossings(ladders: Sequence[Sequence[Answer]]) -> str:
    """Count the ladders, each from small to large, on which the choice changes, and those whose losses surely cross."""
    changed = [one for one in ladders if len({answer.choice for answer in one if answer.choice}) > 1]
    crossed = sum(ladder.crossing(one) is not None for one in changed)
    return (
        f"The choice changes on {len(changed)} of {len(ladders)} ladders; that losses cross is shown on "
        f"{crossed or 'none'} of them."
    )


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
        "The choice of a scale is surely within the margin of the best compared loss in so many of the "
        f"{len(found[last])} answers of larger studies: {counts}. That is why `{last}` is what runs if no scale is "
        "chosen."
    ]


def on_first_round(answers: Sequence[Answer], seeds: int) -> str:
    """Count the answers that were decided after the first round, of `seeds` seeds."""
    count = sum(answer.decided and answer.seeds <= seeds for answer in answers)
    were = "was" if count == 1 else "were"
    return f"{count or 'none'} of the {len(answers)} answers above {were} decided"
