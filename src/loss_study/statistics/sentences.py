"""A ranking in sentences. Each says only what its rule found: see `decision` for the rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from loss_study.metrics import Metric
from loss_study.statistics.ranking import BEST, EQUIVALENT, OPEN, WORSE, Ranking, Standing

#: In a sentence.
MOST_NAMES = 8


def decision(ranking: Ranking, *, continued: bool = False) -> str:
    """Return the decision in one or two sentences; `ranking` is on a headline metric.

    Where every loss has `continued` from a parent, the choice is one to finish a training with.

    - No trial has a result, or none is sound: nothing to choose.
    - One loss is compared: there is nothing to compare it with.
    - Fewer than two test images, no spread at all, or too few shared seeds: the order of the means, and that nothing is
      known beyond it.
    - One seed of some losses, and more of others: the order of the means, and which losses nothing is known of.
    - One seed: which trained network is best on these images, and that this is nothing about losses.
    - Else the choice and the bound of its regret, and where that is above the margin, that the question is open.
    """
    best = ranking.best
    if best is None and all(row.without_result for row in ranking.standings):
        return f"Nothing is known of the {ranking.head} yet: no trial has a result."
    if best is None:
        of_those = " that has a result" if any(one.missing for row in ranking.standings for one in row.results) else ""
        return f"No loss trained a {ranking.head}: every trial{of_those} failed."
    if len(ranking.compared) == 1:
        return f"Only {best.loss} {_alone(ranking, best)}: there is nothing to compare it with."
    if ranking.of_networks:
        return _of_networks(ranking, best)
    unknown = _unknown(ranking)
    return f"{_first(ranking, best)} {unknown}" if unknown else _with_bound(ranking, continued)


def _unknown(ranking: Ranking) -> str:
    """Return why there is no bound of a regret; "" where there is one."""
    if not ranking.has_intervals:
        common = "that all compared losses were tested on " if ranking.folds > 1 else ""
        return f"Of the test images {common}fewer than two have a value: nothing is known of others."
    if ranking.without_spread:
        return "All seeds and test images show the same differences: nothing is known of others."
    single = [row.loss for row in ranking.compared if row.trials == 1]
    if single:
        return f"Of other trainings with {listed(single)} nothing is known after one seed."
    few = "Some of the compared losses share fewer than two sound seeds: nothing is known of their difference."
    return few if ranking.regret_bound is None else ""


def _with_bound(ranking: Ranking, continued: bool) -> str:
    bound, metric = ranking.regret_bound, ranking.metric
    assert bound is not None and ranking.margin is not None
    measure = f"{metric.short_label} ({metric.unit})" if metric.unit else metric.short_label
    better = f"more than {at_most(metric, bound)} {measure} better" if bound > 0 else f"better on {metric.short_label}"
    known = f"With 95 % confidence {no_other(ranking.all_compared)} is {better}"
    use = f"{'Finish with' if continued else 'Use'} {ranking.choice}"
    if ranking.decided:
        return f"{use}. {known}."
    rivals = [row.loss for row in ranking.group(OPEN) if row.loss != ranking.choice]
    against = f" between {_few(sorted({str(ranking.choice), *rivals}))}" if rivals else ""
    return (
        f"{use} for the time being. {known}: that is above the margin of {at_least(metric, ranking.margin)}, "
        f"so the question is open{against}."
    )


def no_other(all_compared: bool, thing: str = "loss") -> str:
    """Return what is not better: nothing is known of losses that failed, and so are not compared."""
    return f"no other {thing}" if all_compared else f"no other compared {thing}"


def _few(losses: Sequence[str]) -> str:
    """Return the names of some losses, of many their number: the chart beside the sentence has their names."""
    return listed(losses) if len(losses) <= MOST_NAMES else f"{len(losses)} losses"


def _of_networks(ranking: Ranking, best: Standing) -> str:
    """With one seed nothing is said of losses."""
    ties = _ties(ranking, best)
    which = f"those trained with {listed(ties)} score" if len(ties) > 1 else f"the one trained with {best.loss} scores"
    return (
        f"Of these {len(ranking.compared)} trained networks {which} best on these test images: "
        f"{_value(ranking.metric, best)}. With {_one(ranking)} per loss nothing is known of other "
        "trainings with the same losses."
    )


def _one(ranking: Ranking) -> str:
    """Return what each loss has one of, where none has more than one sound trial: others may have failed."""
    return "one sound trial" if any(row.failed for row in ranking.compared) else "one seed"


def _first(ranking: Ranking, best: Standing) -> str:
    ties = _ties(ranking, best)
    scores = f"best on these test images: {_value(ranking.metric, best)}."
    return f"{listed(ties)} score {scores}" if len(ties) > 1 else f"{best.loss} scores {scores}"


def _ties(ranking: Ranking, best: Standing) -> list[str]:
    return [row.loss for row in ranking.compared if row.mean == best.mean]


def _value(metric: Metric, standing: Standing) -> str:
    return f"{metric.short_label} {metric.show(standing.mean)}"


def _alone(ranking: Ranking, best: Standing) -> str:
    """Return what is true of the only loss that is compared, and of no other."""
    others = [row for row in ranking.standings if row.loss != best.loss]
    if not others:
        return "trained in this study"
    if all(row.without_result and not row.sound for row in others):
        return "trained so far"
    if not best.failed and not any(row.without_result for row in others):
        return "trained without a failure"
    return "has enough sound trials to be compared"


def on_losses(ranking: Ranking) -> list[str]:
    """Return what is known of each loss: the groups, then those that failed; `ranking` is on a headline metric."""
    return [*groups(ranking), *_failed(ranking)]


def groups(ranking: Ranking) -> list[str]:
    """Return a sentence for each group that has losses, except where nothing is known of losses.

    `ranking` is on a headline metric.
    """
    if ranking.regret_bound is None or ranking.without_spread:
        return []
    titles = group_titles(ranking, f"the margin of {ranking.metric.show(ranking.margin)}")
    return [
        f"{title}: {listed([_named(ranking.metric, row) for row in rows])}."
        for group, title in titles.items()
        if (rows := ranking.group(group))
    ]


def group_titles(ranking: Ranking, margin: str = "the margin") -> dict[str, str]:
    """Return what is known of the losses in each group, in words.

    Where no compared loss is better than the choice, the others can at most be as good.

    Args:
        ranking: on a headline metric.
        margin: in words.
    """
    best, others = f"May be the best, within {margin} of it", "May be the best"
    if ranking.regret_bound == 0:
        others = "May be as good as the best"
        alone = len(ranking.group(BEST)) == 1
        none = no_other(ranking.all_compared).capitalize()
        best = f"{none} is better than this one" if alone else f"As good as the best, or within {margin} of it"
    return {
        BEST: best,
        EQUIVALENT: f"Not the best, but within {margin} of it",
        OPEN: f"{others}, but may be worse by more than the margin",
        WORSE: "Worse than the best",
    }


def _named(metric: Metric, row: Standing) -> str:
    if row.group != WORSE:
        return row.loss
    assert row.regret_low is not None and row.regret_high is not None
    return f"{row.loss} by {at_least(metric, row.regret_low)} to {at_most(metric, row.regret_high)}"


def caveats(ranking: Ranking) -> list[str]:
    """Return what limits the ranking: what its intervals are from, unknown identities, failed trials."""
    return [*_basis(ranking), *_identities(ranking), *_failed(ranking)]


def _basis(ranking: Ranking) -> list[str]:
    if not ranking.has_intervals:
        return []
    counts_of = {f"{ranking.object_name}s": ranking.objects, "backgrounds": ranking.backgrounds}
    known = [f"{count:,} {name}" for name, count in counts_of.items() if count > 1]
    images = f"{ranking.images:,} test images" + (f" of {listed(known)}" if known else "")
    if ranking.of_networks:
        one = f"{_one(ranking).capitalize()} per loss"
        return [f"{one}: the intervals are of these trained networks on images like the {images}.", *_folds(ranking)]
    counts = sorted({row.trials for row in ranking.compared})
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    sentences = [f"The intervals are from {seeds} seeds per loss and the {images}."]
    if ranking.look.planned > 1:
        sentences.append(
            f"This is comparison {ranking.look.number} of at most {ranking.look.planned}: the confidence holds for all "
            "of them together."
        )
    if counts[0] == 2:
        sentences.append("Two seeds show little of the variation between seeds: their intervals are wide.")
    return [*sentences, *_folds(ranking)]


def _folds(ranking: Ranking) -> list[str]:
    """Return which of the folds are tested; nothing with a fixed split."""
    if ranking.folds == 1:
        return []
    thing = ranking.object_name if ranking.objects else "image"
    if ranking.tested < ranking.folds:
        return [
            f"All compared losses have sound trials on {ranking.tested} of {ranking.folds} folds: the {thing}s that "
            "the others test are left out."
        ]
    return [f"Every {thing} is tested: the seeds take turns at {ranking.folds} folds."]


def _identities(ranking: Ranking) -> list[str]:
    if not ranking.has_intervals:
        return []
    counts = {ranking.object_name: ranking.objects, "background": ranking.backgrounds}
    same = [name for name, count in counts.items() if count == 1]
    sentences = [f"All test images have one {name}: nothing is known of other {name}s." for name in same]
    unknown = [name for name, count in counts.items() if not count]
    if not unknown:
        return sentences
    plural = listed([f"{name}s" for name in unknown])
    either = " or ".join(unknown)
    return [
        *sentences,
        f"Which test images share {'an' if unknown[0][0] in 'aeiou' else 'a'} {either} is unknown: if some do, the "
        f"intervals are too narrow for new {plural}.",
    ]


def _failed(ranking: Ranking) -> list[str]:
    """Return which losses failed, how often, and whether they are compared all the same; nothing where none did."""
    if ranking.best is None:
        return []
    if any(row.failed for row in ranking.compared):
        sentences = _of_sound_trials(ranking)
    else:
        sentences = [
            f"{row.loss} {_how(row)}: its numbers are those of the other seeds. It is ranked behind the losses without "
            "a failure, and not compared."
            for row in ranking.not_compared
        ]
    missing = [row.loss for row in ranking.failed if row.without_result]
    partly = [row.loss for row in ranking.failed if row.loss not in missing and any(one.missing for one in row.failed)]
    always = [row.loss for row in ranking.failed if row.loss not in [*missing, *partly]]
    sentences += [f"{listed(always)} failed with every seed."] if always else []
    sentences += [f"{listed(partly)} failed with every seed that has a result."] if partly else []
    return sentences + ([f"Without a result: {listed(missing)}."] if missing else [])


def _of_sound_trials(ranking: Ranking) -> list[str]:
    """Say that losses are compared although they failed with some seeds; how often the choice did; which are not."""
    safe = [row.loss for row in ranking.compared if not row.failed]
    first = f"Only {listed(safe)} has" if safe else "No loss has"
    sentences = [f"{first} a sound trial of every seed: the ranking is of the sound trials."]
    sentences += [f"{row.loss} {_how(row)}." for row in ranking.compared if row.loss == ranking.choice and row.failed]
    return sentences + [f"{row.loss} {_how(row)}, too many to compare it." for row in ranking.not_compared]


def _how(row: Standing) -> str:
    number = f"{len(row.failed)} of {len(row.results)} seeds"
    if row.without_result:
        return f"has no result of {number}"
    kinds = dict.fromkeys(one.failure.partition(":")[0] for one in row.failed)
    return f"failed with {number} ({listed(list(kinds))})"


def at_most(metric: Metric, value: float) -> str:
    """Return `value` as `metric` shows it, rounded up, so that "no more than" is true."""
    return metric.show(_rounded(metric, value, math.ceil))


def at_least(metric: Metric, value: float) -> str:
    """Return `value` as `metric` shows it, rounded down, so that "at least" is true."""
    return metric.show(_rounded(metric, value, math.floor))


def _rounded(metric: Metric, value: float, whole: Callable[[float], int]) -> float:
    number = metric.show(value).split()[0]
    step = 10.0 ** -len(number.partition(".")[2])
    # What is a multiple of the step but for rounding errors stays as it is.
    return whole(round(value / step, 6)) * step


def listed(names: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
