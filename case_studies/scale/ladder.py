"""What the rungs say of one another: would the choice of a smaller study have been right at a larger scale?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from scipy.stats import kendalltau

from loss_study.statistics.results import read_csv

#: The bound of 95 % of a normal distribution.
NORMAL = 1.96


@dataclass(frozen=True)
class Answer:
    """What the study of one rung says of one head; numbers in the unit of the metric.

    Attributes:
        rung: its name.
        head: "mask" or "depth".
        metric: that its losses are ranked by.
        choice: the loss that it chooses; empty where it has none.
        bound: no other loss is more than this better, with 95 % confidence; None without a bound.
        margin: of the study.
        means: of the losses with a mean.
        errors: their standard errors, or more: half of the interval, which is Student's t, divided by the normal 1.96.
        regrets: by how much each loss is worse than the best one, at least and at most, with 95 % confidence for all.
        images: of the training split.
        trainings: those of all heads, with the searches.
        trials: those of all heads that are no searches and have a result.
        seeds: the most that a loss of this head has trained from, without a failure.
        seconds: of their training.
    """

    rung: str
    head: str
    metric: str
    choice: str
    bound: float | None
    margin: float | None
    means: Mapping[str, float]
    errors: Mapping[str, float]
    regrets: Mapping[str, tuple[float, float]]
    images: int
    trainings: int
    trials: int
    seeds: int
    seconds: float

    @property
    def compared(self) -> dict[str, float]:
        """The means of the losses that the study compares: enough of their trainings succeeded."""
        return {loss: mean for loss, mean in self.means.items() if loss in self.regrets}

    @property
    def within(self) -> list[str]:
        """The losses that are, with 95 % confidence, within the margin of the best compared one."""
        if self.margin is None:
            return []
        return [loss for loss, (_, high) in self.regrets.items() if high <= self.margin]

    @property
    def decided(self) -> bool:
        """Whether the bound is within the margin."""
        return self.choice in self.within


@dataclass(frozen=True)
class Step:
    """A smaller study and a larger one, of the same head.

    Attributes:
        small, large: their answers.
        shared: how many losses both compare.
        tau: Kendall's rank correlation of their means; None for fewer than three.
        worse: by how much the small study's choice is worse than the best mean of the large one; None where the large
            study does not compare it.
        low, high: bounds of its regret at the large scale; None without them.
    """

    small: Answer
    large: Answer
    shared: int
    tau: float | None
    worse: float | None
    low: float | None
    high: float | None


def read(path: Path) -> list[Answer]:
    """Return the answers in the results of a rung, one for each head; none where it has not run."""
    rows = read_csv(path)
    return [
        _answer(path.stem, [row for row in rows if row["head"] == head], sum(int(row["trials"] or 0) for row in rows))
        for head in dict.fromkeys(row["head"] for row in rows)
    ]


def _answer(rung: str, rows: Sequence[dict[str, str]], trials: int) -> Answer:
    first = rows[0]
    regrets = {row["loss"]: (float(row["regret_low"]), float(row["regret_high"])) for row in rows if row["regret_high"]}
    return Answer(
        rung,
        first["head"],
        first["metric"],
        first["choice"],
        regrets[first["choice"]][1] if first["choice"] in regrets else None,
        float(first["margin"]) if first["margin"] else None,
        {row["loss"]: float(row["mean"]) for row in rows if row["mean"]},
        {row["loss"]: (float(row["high"]) - float(row["low"])) / 2 / NORMAL for row in rows if row["high"]},
        regrets,
        int(first["training_images"]),
        int(first["trainings"]),
        trials,
        max(int(row["trials"] or 0) for row in rows),
        float(first["seconds"]),
    )


def steps(answers: Sequence[Answer]) -> list[Step]:
    """Return a step from each answer but the last to the last one; `answers` are of one head, from small to large."""
    return [step(small, answers[-1]) for small in answers[:-1] if small.choice]


def step(small: Answer, large: Answer) -> Step:
    """Return what `large` says of the choice and the order of `small`."""
    first, second = small.compared, large.compared
    shared = [loss for loss in first if loss in second]
    tau = None
    if len(shared) > 2:
        tau = float(kendalltau(*([means[loss] for loss in shared] for means in (first, second))).statistic)
    worse = None
    if small.choice in second:
        best = max(second.values()) if large.head == "mask" else min(second.values())
        worse = abs(best - second[small.choice])
    low, high = large.regrets.get(small.choice, (None, None))
    return Step(small, large, len(shared), tau, worse, low, high)


def crossing(answers: Sequence[Answer]) -> tuple[Answer, Answer] | None:
    """Return a smaller and a larger study, as near as possible, of which neither's choice is the best in the other.

    Surely not the best: with 95 % confidence its regret there is above 0. `answers` are of one head, small to large.
    """
    pairs = sorted(combinations(range(len(answers)), 2), key=lambda pair: pair[1] - pair[0])
    for first, second in pairs:
        small, large = answers[first], answers[second]
        if _surely_worse(small, large.choice) and _surely_worse(large, small.choice):
            return small, large
    return None


def _surely_worse(answer: Answer, loss: str) -> bool:
    return answer.regrets.get(loss, (0.0, 0.0))[0] > 0


@dataclass(frozen=True)
class Place:
    """What one study says of one loss.

    Attributes:
        place: from 1 for the best mean; None where it was not compared.
        mean: None where it has none.
        most: by how much it is at most worse than the best compared one, with 95 % confidence for all losses together;
            None where it was not compared.
    """

    place: int | None
    mean: float | None
    most: float | None


def order(answers: Sequence[Answer]) -> list[tuple[str, list[Place]]]:
    """Return every loss with its place in each study.

    Args:
        answers: of one head, from small to large, each with its losses from the best to the worst; the largest one's
            order is that of the rows.
    """
    places = [{loss: place for place, loss in enumerate(one.compared, 1)} for one in answers]
    losses = dict.fromkeys(loss for answer in reversed(answers) for loss in answer.means)
    return [
        (
            loss,
            [
                Place(place.get(loss), one.means.get(loss), one.regrets.get(loss, (None, None))[1])
                for place, one in zip(places, answers, strict=True)
            ],
        )
        for loss in losses
    ]


def cheapest(found: Sequence[Step], limit: float) -> Step | None:
    """Return the step of the cheapest study whose choice surely has a regret of at most `limit`, if there is one.

    `found` is from small to large: what a study costs by the clock depends on what else the machine did.
    """
    return next((one for one in found if one.high is not None and one.high <= limit), None)
