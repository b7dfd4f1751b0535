"""One network with both heads against two with one head each: what the rankings say of it.

A joint training is compared, on each head, with the separate networks that were trained with the same loss; the
intervals are those of all pairs of the ranking, which hold together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.config import Config
from loss_study.statistics.ranking import Ranking, Standing
from loss_study.statistics.sentences import at_least, at_most, listed

#: What of two trials has to be the same for their training times to be compared.
SAME_MACHINE = ("device", "threads", "precision", "training_images", "epochs")


@dataclass(frozen=True)
class Comparison:
    """A joint training against the separate networks of one head.

    Attributes:
        name: of the joint training.
        loss: of the head in it, and of the separate networks.
        ranking: of the head, on its headline metric.
        joint, separate: their standings; None where the study has none.
        gain: by how much the joint training is better, in the unit of the metric; negative where it is worse.
        low, high: interval of `gain`. These three are None where the two are not compared.
    """

    name: str
    loss: str
    ranking: Ranking
    joint: Standing | None
    separate: Standing | None
    gain: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def known(self) -> bool:
        """Whether there is an interval with a length."""
        return self.gain is not None and not self.ranking.without_spread

    @property
    def no_worse(self) -> bool:
        """Whether the joint training is worse by no more than the margin."""
        margin = self.ranking.margin
        return self.known and margin is not None and self.low is not None and self.low >= -margin


def described(name: str, config: Config) -> str:
    """Return what the joint training `name` is, without a full stop."""
    training = config.joint.options[name]
    return (
        f"One network with both heads: {training.mask} for the mask, {training.depth} for the depth, weighting "
        f"{training.weighting}"
    )


def comparisons(rankings: Sequence[Ranking], config: Config) -> list[Comparison]:
    """Return every joint training of `config` on every head; `rankings` are on the headline metrics."""
    return [_comparison(name, ranking, config) for name in config.joint.names for ranking in rankings]


def _comparison(name: str, ranking: Ranking, config: Config) -> Comparison:
    loss = getattr(config.joint.options[name], ranking.head)
    standings = {standing.loss: standing for standing in ranking.standings}
    plain = Comparison(name, loss, ranking, standings.get(name), standings.get(loss))
    pair = next((pair for pair in ranking.pairs if {pair.better, pair.worse} == {name, loss}), None)
    if pair is None:
        return plain
    # A pair is the first minus the second, in the unit of the metric.
    sign = (1 if pair.better == name else -1) * (-1 if ranking.metric.higher_is_better is False else 1)
    low, high = sorted((sign * pair.low, sign * pair.high))
    return Comparison(name, loss, ranking, plain.joint, plain.separate, sign * pair.difference, low, high)


def sentences(rankings: Sequence[Ranking], config: Config) -> list[str]:
    """Return what is known of every joint training: what it is, then on each head, then its time.

    Nothing without joint trainings.
    """
    found = comparisons(rankings, config)
    lines = []
    for name in config.joint.names:
        of_name = [one for one in found if one.name == name]
        known = [*(on_head(one) for one in of_name), *replaces(of_name), *time(of_name)]
        lines.append(f"{name}: {described(name, config)}. {' '.join(known)}")
    return [*lines, *(line for ranking in rankings for line in best_of(ranking, config))]


def on_head(one: Comparison) -> str:
    """Return what is known of a joint training on one head.

    - The separate loss is not in the study, or one of the two failed: that they are not compared.
    - No interval, or one without a length: that nothing is known.
    - The interval is above 0: better, by how much; below 0: worse.
    - It has 0 in it, and the joint training is no worse than the margin: no worse by more than its lower end.
    - Else that it is open, with both ends.
    """
    head = one.ranking.head
    if one.separate is None:
        return f"On the {head} there is no separate network with {one.loss} to compare it with."
    incomplete = [row for row in (one.joint, one.separate) if row is None or row.failed]
    if one.gain is None and incomplete:
        why = "have no result" if all(row is None or row.without_result for row in incomplete) else "failed"
        return f"On the {head} it is not compared with separate networks trained with {one.loss}: trials {why}."
    if not one.known:
        return f"On the {head} nothing is known beyond these trials."
    return f"On the {head} it is {_interval(one)}."


def _interval(one: Comparison) -> str:
    metric, margin, low, high = one.ranking.metric, one.ranking.margin, one.low, one.high
    assert low is not None and high is not None
    separate = f"{'the separate network' if one.ranking.of_networks else 'separate networks'} trained with {one.loss}"
    if low > 0 or high < 0:
        least, most = sorted((abs(low), abs(high)))
        ends = metric.with_unit(f"{at_least(metric, least)} to {at_most(metric, most)}")
        return f"{'better' if low > 0 else 'worse'} than {separate}, by {ends}"
    worst, gain = at_most(metric, -low), at_most(metric, high)
    if one.no_worse and margin is not None:
        return (
            f"at most {metric.with_unit(worst)} worse than {separate}, within the margin of "
            f"{at_most(metric, margin)}, and at most {gain} better"
        )
    return f"perhaps better or worse than {separate}: from {worst} worse to {metric.with_unit(gain)} better"


def replaces(of_name: Sequence[Comparison]) -> list[str]:
    """Return that one network can replace two, where on every head it is no worse by more than the margin.

    It may be worse by less. Nothing with one seed: a training is not known from one network.
    """
    if all(one.no_worse and not one.ranking.of_networks for one in of_name):
        return ["One network can replace two: on neither head it is worse by more than the margin."]
    return []


def time(of_name: Sequence[Comparison]) -> list[str]:
    """Return the training time of the joint network beside that of the separate ones together.

    Nothing where a head has no separate network, or where the trials ran on different machines or data.
    """
    trials = [
        one for comparison in of_name for row in (comparison.joint, comparison.separate) if row for one in row.sound
    ]
    complete = all(row and row.sound for one in of_name for row in (one.joint, one.separate))
    if not complete or any(len({str(trial.run.get(key)) for trial in trials}) > 1 for key in SAME_MACHINE):
        return []
    joint = next(one.joint.seconds for one in of_name if one.joint)
    separate = [one.separate.seconds for one in of_name if one.separate]
    if joint is None or any(one is None for one in separate):
        return []
    total = sum(one for one in separate if one is not None)
    return [f"A training takes {seconds(joint)}, the {len(separate)} separate ones take {seconds(total)} together."]


def seconds(value: float) -> str:
    """Return a duration with three digits or, if it is long, in whole seconds: ``27.4 s``, ``1,234 s``."""
    return f"{value:,.0f} s" if value >= 1000 else f"{value:.3g} s"


def best_of(ranking: Ranking, config: Config) -> list[str]:
    """Return which joint training has the best mean on a head, and which ones are significantly worse.

    Nothing with fewer than two of them, or without intervals.
    """
    joint = [row.loss for row in ranking.compared if row.loss in config.joint.names]
    if len(joint) < 2 or not ranking.pairs or ranking.without_spread:
        return []
    worse = [pair.worse for pair in ranking.significant if pair.better == joint[0] and pair.worse in joint]
    known = (
        f"{listed(worse)} {'is' if len(worse) == 1 else 'are'} worse" if worse else "no other one is known to be worse"
    )
    of_networks = " of these networks" if ranking.of_networks else ""
    return [
        f"Of the compared joint trainings {joint[0]} has the best mean on the {ranking.head}{of_networks}; {known}."
    ]
