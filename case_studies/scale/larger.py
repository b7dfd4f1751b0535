"""Which losses the studies choose that are larger than the default one, and which are good enough there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ladder import Answer


@dataclass(frozen=True)
class Larger:
    """What the larger studies of a dataset say of the losses of a head.

    Attributes:
        studies: how many there are.
        chosen: in how many of them each loss is the choice.
        within: in how many it is, with 95 % confidence each, within the margin of the best compared loss.
    """

    dataset: str
    head: str
    studies: int
    chosen: Counter[str]
    within: Counter[str]


def count(dataset: str, answers: Sequence[Answer]) -> list[Larger]:
    """Count what the `answers` of larger studies say, for each head."""
    return [
        _of_head(dataset, head, [answer for answer in answers if answer.head == head])
        for head in dict.fromkeys(answer.head for answer in answers)
    ]


def _of_head(dataset: str, head: str, answers: Sequence[Answer]) -> Larger:
    within = [loss for answer in answers for loss in answer.within]
    chosen = [answer.choice for answer in answers if answer.choice]
    return Larger(dataset, head, len(answers), Counter(chosen), Counter(within))


def most_often(found: Sequence[Larger]) -> str:
    """Return which loss is chosen more often than every other one, and how often; "" where none is."""
    first, *others = losses(found) or [""]
    chosen, within = _totals(found)
    if not first or any(chosen[loss] == chosen[first] for loss in others):
        return ""
    total = sum(one.studies for one in found)
    return (
        f"Of the {total} answers of studies larger than `default` {chosen[first]} choose `{first}`, more than any "
        f"other loss; in {within[first]} it is surely within the margin."
    )


def losses(found: Sequence[Larger]) -> list[str]:
    """Return the losses that any study chooses or finds good enough, those first that are chosen most often."""
    chosen, within = _totals(found)
    return sorted({*chosen, *within}, key=lambda loss: (-chosen[loss], -within[loss], loss))


def _totals(found: Sequence[Larger]) -> tuple[Counter[str], Counter[str]]:
    """Return how often each loss is chosen, and how often it is within the margin, of all datasets and heads."""
    return sum((one.chosen for one in found), Counter()), sum((one.within for one in found), Counter())
