"""The losses of one head on one metric: means, intervals, pairs, and on the headline metric the decision."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from loss_study.config import Config, Margin
from loss_study.metrics import Metric, find, headline_of
from loss_study.statistics import scores as reading
from loss_study.statistics.estimates import Errors, Estimates
from loss_study.statistics.folds import FoldEstimates
from loss_study.statistics.looks import ONLY, SIGNIFICANCE, Look
from loss_study.statistics.pairwise import Pair, compare_pairs
from loss_study.statistics.regret import choose, continuing, regrets, within_span
from loss_study.statistics.results import Result, comparable, mark
from loss_study.statistics.scores import PerImage, Scores, scores_of
from loss_study.trial import Trial

#: The groups of the compared losses, see `Standing.group`.
BEST, EQUIVALENT, WORSE, OPEN = GROUPS = ("best", "equivalent", "worse", "open")

#: Intervals of differences that are shorter than this have no length but rounding errors.
LEAST = 1e-12


@dataclass(frozen=True)
class Standing:
    """One loss in a ranking: its trials, one per seed, and what is known of its mean.

    Attributes:
        loss: which loss.
        metric: of the ranking.
        results: all trials that the study asked for of the loss on this head, in the order of the seeds.
        mean: over the sound trials and the test images; None without a sound trial.
        low, high: interval of the mean, within what the metric can be; those of all losses of the ranking hold together
            in 95 % of studies. None where there is nothing to judge by.
        group: what is known of the loss, with 95 % confidence for all losses together: "best" (it may be the best one,
            and is within the margin of it), "equivalent" (not the best one, but within the margin), "worse" (not the
            best one, and perhaps not within the margin) or "open" (it may be the best one, or be worse by more than the
            margin). "" for a loss that is not compared, and on metrics that decide nothing.
        regret_low, regret_high: how much worse than the best loss it is at least and at most, 0 or more, in the unit of
            the metric; None where nothing is known of it.
    """

    loss: str
    metric: Metric
    results: tuple[Result, ...]
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    group: str = ""
    regret_low: float | None = None
    regret_high: float | None = None

    @property
    def sound(self) -> list[Result]:
        """The trials that enter the means."""
        return [result for result in self.results if result.sound]

    @property
    def failed(self) -> list[Result]:
        """The trials that diverged, collapsed or are missing; they enter no mean."""
        return [result for result in self.results if not result.sound]

    @property
    def without_result(self) -> bool:
        """Whether nothing is known of those trials that enter no mean; it has such trials."""
        return bool(self.failed) and all(result.missing for result in self.failed)

    @property
    def trials(self) -> int:
        """Number of the trials that enter the means."""
        return len(self.sound)

    @property
    def values(self) -> list[float]:
        """The metric of each sound trial that has it, in the order of the seeds."""
        return [result.test[self.metric.name] for result in self.sound if self.metric.name in result.test]

    @property
    def means(self) -> dict[str, float]:
        """Every test metric, averaged over the sound trials; empty where none is sound."""
        return _means([result.test for result in self.sound])

    @property
    def seconds(self) -> float | None:
        """Mean training time over the sound trials, in seconds."""
        return fmean(result.run["seconds"] for result in self.sound) if self.sound else None


@dataclass(frozen=True)
class Ranking:
    """The losses of one head on one metric, best mean first.

    Compared are the losses without a failed trial. A loss with one stands behind them, whatever the mean of its other
    trials, and is not compared: a loss that sometimes fails is no safe choice, and failures are not a matter of the
    test images. But where no two losses are without, all are compared that have a sound trial, or rather two where any
    has two: a loss that never fails because it never gets far is no answer. Losses without a sound trial are last and
    have no place.

    Only the headline metric decides: on others there are means, intervals and pairs, as descriptions.

    Attributes:
        head: "mask" or "depth".
        metric: what the losses are ranked by.
        standings: every loss, best first.
        choice: the loss with the best mean, of those within the margin if there are any (`regret.choose`); None on
            other than headline metrics, with one seed, and where no trial is sound.
        margin: by how much losses may differ and count as equivalent, in the unit of the metric; None where nothing is
            decided.
        contenders: the losses that train in the next round, best first; none where the study is decided or ends.
        pairs: every two of the compared losses of which something is known; empty where there are no intervals.
        images, objects, backgrounds: how many the test split has; objects and backgrounds 0 where they are unknown,
            images 0 where fewer than two have a value.
        object_name: what the objects are, in the singular.
        look: which comparison of the study this is, and how many are planned.
        classes: of the mask; 1 for the depth.
        folds: that the seeds take turns at; 1 for a fixed split.
        tested: how many of the folds the images are of.
        earlier: on the headline metric, the rankings after the rounds before this one.
    """

    head: str
    metric: Metric
    standings: tuple[Standing, ...]
    choice: str | None = None
    margin: float | None = None
    contenders: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    images: int = 0
    objects: int = 0
    backgrounds: int = 0
    object_name: str = "object"
    look: Look = ONLY
    classes: int = 1
    folds: int = 1
    tested: int = 1
    earlier: tuple[Ranking, ...] = ()

    @property
    def is_headline(self) -> bool:
        """True if the metric is the one that the head is ranked by."""
        return self.metric.name == headline_of(self.head, self.classes).name

    @property
    def has_intervals(self) -> bool:
        """True if there are intervals."""
        return self.images > 0

    @property
    def of_networks(self) -> bool:
        """True if no loss has more than one sound seed.

        Then intervals and pairs are about these trained networks on new test images, and nothing is about losses.
        """
        return self.seeds == 1

    @property
    def without_spread(self) -> bool:
        """True if every difference of two losses is the same for all seeds and test images."""
        return bool(self.pairs) and all(pair.high - pair.low < LEAST for pair in self.pairs)

    @property
    def regret_bound(self) -> float | None:
        """No other compared loss is better than the choice by more than this, in the unit of the metric.

        None if unknown.
        """
        return next((standing.regret_high for standing in self.standings if standing.loss == self.choice), None)

    @property
    def decided(self) -> bool:
        """True if the regret bound is within the margin."""
        return self.regret_bound is not None and self.margin is not None and self.regret_bound <= self.margin

    @property
    def placed(self) -> list[Standing]:
        """The losses that have a sound trial, best first."""
        return [standing for standing in self.standings if standing.sound]

    @property
    def best(self) -> Standing | None:
        """The choice; where there is none, the first one; None where no trial is sound."""
        chosen = [standing for standing in self.placed if standing.loss == self.choice]
        return next(iter([*chosen, *self.placed]), None)

    @property
    def compared(self) -> list[Standing]:
        """The losses that are compared with one another, best first."""
        losses = comparable({standing.loss: standing.results for standing in self.standings})
        return [standing for standing in self.standings if standing.loss in losses]

    @property
    def not_compared(self) -> list[Standing]:
        """The losses that have a sound trial, but are not compared, since they failed with another seed."""
        compared = [standing.loss for standing in self.compared]
        return [standing for standing in self.placed if standing.loss not in compared]

    @property
    def all_compared(self) -> bool:
        """True if the bound of the regret is one for every loss of the study."""
        return len(self.compared) == len(self.standings)

    @property
    def failed(self) -> list[Standing]:
        """The losses without a sound trial."""
        return [standing for standing in self.standings if not standing.sound]

    @property
    def significant(self) -> list[Pair]:
        """The pairs whose difference is significant."""
        return [pair for pair in self.pairs if pair.significant]

    @property
    def seeds(self) -> int:
        """The largest number of sound trials of a loss."""
        return max((standing.trials for standing in self.standings), default=0)

    def group(self, name: str) -> list[Standing]:
        """Return the losses of a group, best mean first."""
        return [standing for standing in self.standings if standing.group == name]


def rank_all(results: Sequence[Result], config: Config, round_number: int | None = None) -> list[Ranking]:
    """Rank the losses of every head on every metric of `scores.compared` that its trials have, the headline first.

    Every head has a ranking on its headline metric, without intervals where fewer than two test images have a value.
    Trials that no round asked for, because their loss was dropped or the head decided before, are left out.

    Args:
        results: of all trials of the study.
        config: of the study; it has the seeds of the rounds, and the margin.
        round_number: take the trials of this round and of those before it; None: of all rounds that were evaluated.

    Raises:
        StudyError: what a sound trial scored per image is missing, damaged, or of other images than another trial's.
    """
    rankings = []
    for head in dict.fromkeys(result.trial.head for result in results):
        tables = _tables(head, results)
        *earlier, last = after_rounds(head, results, config, tables, round_number)
        rankings.append(replace(last, earlier=tuple(earlier)))
        asked_for = [result for standing in last.standings for result in standing.results]
        others = [metric for metric in reading.compared(head) if metric != last.metric.name]
        for metric in others:
            found = scores_of(metric, asked_for, tables, config.sample.folds)
            if found is not None:
                rankings.append(rank(found, asked_for, last.look))
    return rankings


def headlines(rankings: Sequence[Ranking]) -> list[Ranking]:
    """Return the ranking of each head on its headline metric."""
    return [ranking for ranking in rankings if ranking.is_headline]


def after_rounds(
    head: str,
    results: Sequence[Result],
    config: Config,
    tables: Mapping[Trial, PerImage] | None = None,
    last: int | None = None,
) -> Iterator[Ranking]:
    """Yield the ranking of `head` on its headline metric after each of its rounds, at least the first one.

    They end with the decision, with the last planned round, with round `last`, or before the first one of which nothing
    has been evaluated.

    Args:
        head: "mask" or "depth".
        results: of all trials of the study.
        config: of the study.
        tables: what the sound trials scored per image, if it has been read before.
        last: number of the last round to look at; it may lack evaluations, which then count as failures.

    Raises:
        StudyError: see `rank_all`.
    """
    tables = _tables(head, results) if tables is None else tables
    seeds = tuple(np.cumsum([len(new) for new in config.rounds]).tolist())
    training: Sequence[str] = config.candidates
    have: list[Result] = []
    planned: set[int] = set()
    known: set[Trial] = set()
    for number, of_round in enumerate(config.rounds, start=1):
        planned |= set(of_round)
        new = [one for one in results if (one.trial.head, one.trial.loss) in {(head, loss) for loss in training}]
        # A loss that comes back has trained from the seeds that it had missed, too.
        new = [one for one in new if one.trial.seed in planned and one.trial not in known]
        known |= {one.trial for one in new}
        if number > 1 and last is None and not any(one.test for one in new):
            return
        have += new
        # Later rounds may show that a trial learned little, which was not known at this one.
        ranking = _headline(head, mark(have), tables, Look(number, seeds), config)
        yield ranking
        training = ranking.contenders
        if not training or number == last:
            return


def rank(scores: Scores, results: Sequence[Result], look: Look = ONLY, margin: Margin | None = None) -> Ranking:
    """Rank the losses of a head by `scores`, with intervals and pairs, and with a `margin` also decide.

    Args:
        scores: of the sound trials of the head.
        results: of all its trials.
        look: which of the planned looks.
        margin: for a headline metric; None for a metric that decides nothing.
    """
    metric = find(scores.metric, scores.classes)
    trials = _by_loss(results)
    means = {loss: scores.mean(loss) for loss in scores.values}
    losses = _best_first(means, trials, metric)
    estimates = _estimates(scores, losses)
    far = estimates.of_means().reach(look.share_of(SIGNIFICANCE / 2 / len(losses)))
    ends = {
        loss: (metric.within(means[loss] - reach), metric.within(means[loss] + reach))
        for loss, reach in zip(losses, far.tolist(), strict=True)
        if math.isfinite(reach)
    }
    standings = [Standing(loss, metric, trials[loss], means[loss], *ends.get(loss, ())) for loss in losses]
    plain = Ranking(
        scores.head,
        metric,
        (*standings, *_unplaced(means, trials, metric)),
        images=scores.images,
        objects=scores.objects.known,
        backgrounds=scores.backgrounds.known,
        look=look,
        classes=scores.classes,
        folds=scores.folds,
        tested=scores.tested,
    )
    compared = [standing.loss for standing in plain.compared]
    errors = _estimates(scores, compared).of_differences()
    pairs = compare_pairs(scores, compared, errors, look, metric.span, higher_is_better=_rises(metric))
    ranking = replace(plain, pairs=tuple(pairs))
    return ranking if margin is None else _decide(ranking, errors, margin)


def margin_of(ranking: Ranking, margin: Margin) -> float:
    """Return the margin in the unit of the metric; for the depth it is a share of the best mean of a compared loss."""
    if ranking.head == "mask":
        return margin.mask
    return margin.depth * min(abs(standing.mean) for standing in ranking.compared if standing.mean is not None)


def _decide(ranking: Ranking, errors: Errors, margin: Margin) -> Ranking:
    """Add the decision to a ranking on a headline metric; `errors` are of the differences of its compared losses."""
    compared = ranking.compared
    ranking = replace(ranking, margin=margin_of(ranking, margin))
    ends = ranking.look.number == ranking.look.planned
    if len(compared) == 1:
        return replace(ranking, choice=compared[0].loss)
    if any(standing.trials == 1 for standing in compared) or not np.isfinite(errors.reach(SIGNIFICANCE)).all():
        # With one seed nothing is known of other seeds of a loss, nor with folds of two losses that share one seed.
        known = {standing.loss: replace(standing, group=OPEN) for standing in compared}
        return replace(ranking, standings=_with(ranking, known), contenders=() if ends else tuple(known))
    assert ranking.margin is not None
    sign = 1 if _rises(ranking.metric) else -1
    means, span = sign * np.array([standing.mean for standing in compared]), ranking.metric.span
    found = within_span(regrets(means, errors, ranking.look), span)
    choice = int(choose(found, ranking.margin))
    known = {
        standing.loss: replace(
            standing, group=_group(low, high, ranking.margin), regret_low=float(low), regret_high=float(high)
        )
        for standing, low, high in zip(compared, found.low, found.high, strict=True)
    }
    goes_on = np.zeros(len(compared), bool) if ends else continuing(found, ranking.margin)
    return replace(
        ranking,
        standings=_with(ranking, known),
        choice=compared[choice].loss,
        contenders=tuple(standing.loss for standing, goes in zip(compared, goes_on, strict=True) if goes),
    )


def _group(low: float, high: float, margin: float) -> str:
    if high <= margin:
        return EQUIVALENT if low > 0 else BEST
    return WORSE if low > 0 else OPEN


def _with(ranking: Ranking, known: Mapping[str, Standing]) -> tuple[Standing, ...]:
    return tuple(known.get(standing.loss, standing) for standing in ranking.standings)


def _estimates(scores: Scores, losses: Sequence[str]) -> Estimates | FoldEstimates:
    design = Estimates if scores.folds == 1 else FoldEstimates
    return design.of([scores.values[loss] for loss in losses], scores.objects.numbers, scores.backgrounds.numbers)


def _tables(head: str, results: Sequence[Result]) -> dict[Trial, PerImage]:
    return reading.read([result for result in results if result.trial.head == head])


def _headline(
    head: str, results: Sequence[Result], tables: Mapping[Trial, PerImage], look: Look, config: Config
) -> Ranking:
    metric = headline_of(head, max(result.classes for result in results))
    found = scores_of(metric.name, results, tables, config.sample.folds)
    if found is None:
        return without_intervals(head, results, look, config.sample.folds)
    return rank(found, results, look, config.compare.margin)


def without_intervals(head: str, results: Sequence[Result], look: Look, folds: int) -> Ranking:
    """Order the losses by the means of their trials on the headline metric, where test images are too few.

    With folds more seeds can bring images that all compared losses are tested on.
    """
    classes = max(result.classes for result in results)
    metric = headline_of(head, classes)
    trials = _by_loss(results)
    values = {loss: [one.test[metric.name] for one in of_loss if one.sound] for loss, of_loss in trials.items()}
    means = {loss: fmean(of_loss) for loss, of_loss in values.items() if of_loss}
    standings = [Standing(loss, metric, trials[loss], means[loss]) for loss in _best_first(means, trials, metric)]
    placed = (*standings, *_unplaced(means, trials, metric))
    ranking = Ranking(head, metric, placed, look=look, classes=classes, folds=folds, tested=0)
    if folds == 1 or look.number == look.planned or len(ranking.compared) < 2:
        return ranking
    return replace(ranking, contenders=tuple(standing.loss for standing in ranking.compared))


def _by_loss(results: Sequence[Result]) -> dict[str, tuple[Result, ...]]:
    losses = dict.fromkeys(result.trial.loss for result in results)
    return {loss: tuple(result for result in results if result.trial.loss == loss) for loss in losses}


def _best_first(means: Mapping[str, float], trials: Mapping[str, Sequence[Result]], metric: Metric) -> list[str]:
    """Return the losses that have a mean: those that are compared first, each part by its means."""
    sign = -1 if _rises(metric) else 1
    compared = comparable(trials)
    return sorted(means, key=lambda loss: (loss not in compared, sign * means[loss]))


def _unplaced(means: Mapping[str, float], trials: Mapping[str, tuple[Result, ...]], metric: Metric) -> list[Standing]:
    return [Standing(loss, metric, of_loss) for loss, of_loss in trials.items() if loss not in means]


def _rises(metric: Metric) -> bool:
    return metric.higher_is_better is not False


def _means(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each metric over the mappings that have it."""
    names = dict.fromkeys(name for values in metrics for name in values)
    return {name: fmean(values[name] for values in metrics if name in values) for name in names}
