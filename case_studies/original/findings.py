"""What the trainings of one experiment say: numbers, and sentences that are printed only where intervals carry them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import collapses
import effects
import numpy as np
from effects import TEST, Effect, Values
from measure import AUGMENTED, COLLAPSE, MEASURES
from plan import Experiment, Plan, Recipe
from pool import Row

from loss_study.statistics.sentences import listed

#: What the author of the original study reported and could not explain.
QUESTIONS = {
    "mask-bce": "Why did cross-entropy (BCE) not work for the mask?",
    "mask-dice": "Why did Dice disappoint for the mask?",
    "mask-l1": "Why was L1 on the mask all black or white?",
    "depth-l1": "L1 on the depth",
    "depth-dice": "Dice on the depth",
    "joint-l1": "Why was the joint run, L1 on both heads, all black or white?",
}
WORDS = {"iou": "IoU at 0.5", "iou_best": "IoU at the best threshold", "rmse": "RMSE"}
_HIGHER_IS_BETTER = {"iou", "iou_best"}
_DIGITS = {"iou": 2, "iou_best": 2, "rmse": 3}
TEST_TITLE = "augmented test split"
#: Pairs of mistakes are named in a sentence up to so many; all of them are in the table.
PAIRS = 3


@dataclass(frozen=True)
class Change:
    """A mistake alone, at one end of the design: the mean without it and with it, and what it costs.

    Attributes:
        collapsed: networks that collapsed without it and with it, and how many there are of each.
        effect: what it costs, of networks that do not collapse.
    """

    factor: str
    without: float
    having: float
    collapsed: tuple[collapses.Share, collapses.Share]
    effect: Effect

    @property
    def cost(self) -> Effect | None:
        """The effect; None if a network collapsed: a few networks do not tell how often the next ones will."""
        return None if any(share.count for share in self.collapsed) else self.effect


@dataclass(frozen=True)
class Measured:
    """One experiment on one measure, for each recipe by seed.

    Attributes:
        plain: values of the measure on the test split.
        augmented: the same on the test split that is changed as in training.
        collapsed: whether the network collapsed, at the measure's threshold.
    """

    plan: Plan
    experiment: Experiment
    measure: str
    plain: Values
    augmented: Values
    collapsed: collapses.Collapsed

    @property
    def is_complete(self) -> bool:
        """Whether all recipes have values of two seeds, without which there are no effects."""
        return effects.complete(self.plain, self.experiment.factors)

    @property
    def has_ends(self) -> bool:
        """Whether the recipes of the two one-at-a-time views have values of two seeds."""
        return all(len(self.plain.get(recipe, ())) > 1 for recipe in self.experiment.ends)

    @cached_property
    def effects(self) -> list[Effect]:
        """Effects of mistakes on the cost, of the test split, then of pairs; none if it is not complete."""
        if not self.is_complete:
            return []
        return effects.effects(self._costs(self.plain), self._costs(self.augmented), self.experiment.factors)

    @cached_property
    def ends(self) -> tuple[list[Change], list[Change]]:
        """Each mistake made alone, and each made beside all others; all intervals of both hold together."""
        if not self.has_ends:
            return [], []
        names = (*self.experiment.factors, TEST)
        bases = {("alone", name): frozenset[str]() for name in names}
        bases |= {("beside", name): self.original - {name} for name in names}
        pairs = {(end, name): self._pair(base, name) for (end, name), base in bases.items()}
        found = effects.differences({key: self._cost_of(key[1], *pair) for key, pair in pairs.items()})
        means = {key: [float(np.mean(values)) for values in pair] for key, pair in pairs.items()}
        changes = [
            Change(key[1], *means[key], self._shares(base, key[1]), effect)
            for (key, base), effect in zip(bases.items(), found, strict=True)
        ]
        return changes[: len(names)], changes[len(names) :]

    @property
    def original(self) -> Recipe:
        """The recipe that makes every mistake."""
        return frozenset(self.experiment.factors)

    def mean(self, recipe: Recipe) -> float:
        """Return the mean over seeds on the test split."""
        return float(np.mean(self.plain[recipe]))

    def written(self, value: float) -> str:
        """Return a value or a difference with the digits in which recipes differ."""
        return f"{value:z.{_DIGITS[self.measure]}f}"

    def interval(self, effect: Effect) -> str:
        """Return ``0.31 (0.28 to 0.34)``."""
        return f"{self.written(effect.value)} ({self.written(effect.low)} to {self.written(effect.high)})"

    @property
    def least(self) -> float:
        """An effect that may be smaller is not named: as it is written, its interval would end at 0."""
        return 0.5 * 10 ** -_DIGITS[self.measure]

    def told(self, effect: Effect) -> int:
        """1: it is shown to be `least` or more; -1: to be `-least` or less; 0: neither."""
        return int(effect.low >= self.least) - int(effect.high <= -self.least)

    def title(self, factor: str) -> str:
        """Return what a mistake is called."""
        return TEST_TITLE if factor == TEST else self.plan.mistakes[factor].title

    def _pair(self, without: Recipe, name: str) -> tuple[list[float], list[float]]:
        """Return the values without and with a mistake; of `TEST` those of networks, which make all others or none."""
        if name != TEST:
            return list(self.plain[without]), list(self.plain[without | {name}])
        return list(self.plain[without]), list(self.augmented[without])

    def _shares(self, without: Recipe, name: str) -> tuple[collapses.Share, collapses.Share]:
        """Return how many networks collapsed without a mistake and with it; with `TEST` they are the same networks."""
        having = without if name == TEST else without | {name}
        one, other = (collapses.Share(sum(own), len(own)) for own in map(self.collapsed.__getitem__, (without, having)))
        return one, other

    def _cost_of(
        self, name: str, without: Sequence[float], having: Sequence[float]
    ) -> tuple[Sequence[float], Sequence[float]]:
        """Return a pair of values as costs; those of `TEST`, which are of the same networks, as differences from 0."""
        one, other = np.multiply(without, self._sign), np.multiply(having, self._sign)
        return (np.zeros(len(one)), other - one) if name == TEST else (one, other)

    @property
    def _sign(self) -> int:
        return -1 if self.measure in _HIGHER_IS_BETTER else 1

    def _costs(self, values: Values) -> Values:
        return {recipe: [self._sign * value for value in found] for recipe, found in values.items()}


def measured(plan: Plan, experiment: Experiment, rows: Sequence[Row]) -> list[Measured]:
    """Return the measures of `experiment`; `rows` are those of the results, of any experiment."""
    own = sorted(of(experiment, rows), key=lambda row: int(row["seed"]))
    return [
        Measured(
            plan,
            experiment,
            name,
            _by_recipe(experiment, own, name),
            _by_recipe(experiment, own, name + AUGMENTED),
            _collapsed(experiment, own, COLLAPSE[name]),
        )
        for name in MEASURES[experiment.head]
    ]


def of(experiment: Experiment, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of `experiment`."""
    return [row for row in rows if (row["head"], row["loss"]) == (experiment.head, experiment.loss)]


def recipe_of(experiment: Experiment, row: Row) -> Recipe:
    """Return the mistakes that a row's recipe makes."""
    return frozenset(name for name in experiment.factors if str(row[name]) == "1")


def _by_recipe(experiment: Experiment, rows: Sequence[Row], column: str) -> dict[Recipe, list[float]]:
    found: dict[Recipe, list[float]] = {}
    for row in rows:
        found.setdefault(recipe_of(experiment, row), []).append(float(row[column]))
    return found


def state(results: Sequence[Measured]) -> list[str]:
    """Say what the two ends of the design reach, on every measure."""
    if not results[0].has_ends:
        return []
    first = results[0]
    ends = [
        listed([f"{one.written(one.mean(recipe))} {WORDS[one.measure]}" for one in results])
        for recipe in (first.original, frozenset())
    ]
    seeds = len(first.plain[first.original])
    return [f"With every mistake the network reaches {ends[0]}; without any, {ends[1]} (means over {seeds} seeds)."]


def on_largest(result: Measured) -> list[str]:
    """Name the mistake that costs more than any other, over all recipes: its interval is above those of all others."""
    mains = _mains(result)
    first = max(mains, key=lambda one: one.low, default=None)
    if first is None or not result.told(first) > 0 or any(one.high >= first.low for one in mains if one is not first):
        return []
    return [f"No other mistake costs as much {WORDS[result.measure]} as {result.title(first.factors[0])}."]


def on_effects(result: Measured) -> list[str]:
    """Say which mistakes cost something over all recipes, which improve, and how much the others can do at most."""
    if not result.is_complete:
        return []
    mains = _mains(result)
    where = f"Over all {len(result.plain)} recipes, on {WORDS[result.measure]}"
    worse = _named(result, [one for one in mains if result.told(one) > 0])
    better = _named(result, [one for one in mains if result.told(one) < 0], -1)
    open_ones = [one for one in mains if not result.told(one)]
    none = f"no mistake is shown to cost {result.least:g} or more"
    sentences = [f"{where}, these cost: {worse}." if worse else f"{where}, {none}."]
    if better:
        sentences.append(f"These improve {WORDS[result.measure]}: {better}.")
    if open_ones:
        most = max(max(-one.low, one.high) for one in open_ones)
        names = listed([result.title(one.factors[0]) for one in open_ones])
        changes = f"Not shown to change {WORDS[result.measure]} by {result.least:g} or more"
        sentences.append(f"{changes}, and by no more than {result.written(most + result.least)}: {names}.")
    return sentences


def on_datasets(results: Mapping[str, Measured]) -> list[str]:
    """Say which mistakes are shown to do the same on every dataset, over all recipes, and which the opposite.

    Args:
        results: one measure of one experiment on each dataset; nothing is said of fewer than two complete ones.
    """
    complete = {name: result for name, result in results.items() if result.is_complete}
    if len(complete) < 2:
        return []
    first = next(iter(complete.values()))
    mains = [{one.factors[0]: one for one in _mains(result)} for result in complete.values()]
    by_factor = {factor: [own[factor] for own in mains] for factor in mains[0]}
    costly, helpful = (_on_every(first, by_factor, sign) for sign in (1, -1))
    where, words = listed([f"on {name}" for name in complete]), WORDS[first.measure]
    none = f"No mistake is shown to cost {first.least:g} {words} or more {where}."
    sentences = [f"These cost {words}: {costly}." if costly else none]
    if helpful:
        sentences.append(f"These improve {words}: {helpful}.")
    return sentences + [
        f"{first.title(factor)[0].upper()}{first.title(factor)[1:]} {_by_dataset(first, list(complete), own)}."
        for factor, own in by_factor.items()
        if {1, -1} <= {first.told(one) for one in own}
    ]


def on_collapses_of_datasets(results: Mapping[str, Measured]) -> list[str]:
    """Say with which mistakes more networks are shown to collapse on every dataset.

    Args:
        results: one measure of one experiment on each dataset; nothing is said of fewer than two complete ones.
    """
    complete = {name: result for name, result in results.items() if result.is_complete}
    if len(complete) < 2:
        return []
    first = next(iter(complete.values()))
    factors = first.experiment.factors
    compared = zip(*(collapses.comparisons(one.collapsed, factors) for one in complete.values()), strict=True)
    named = [
        f"{first.title(own[0].factor)} ({listed([str(one.having) for one in own])}; without it "
        f"{listed([str(one.without) for one in own])})"
        for own in compared
        if all(one.sign > 0 for one in own)
    ]
    return [f"More networks {_HOW[first.experiment.head]} with {listed(named)}."] if named else []


def _on_every(result: Measured, by_factor: Mapping[str, Sequence[Effect]], sign: int) -> str:
    """Name the mistakes whose effect is told with `sign` on every dataset, those that do most first."""
    same = {factor: own for factor, own in by_factor.items() if all(result.told(one) == sign for one in own)}
    order = sorted(same, key=lambda factor: -sum(abs(one.value) for one in same[factor]))
    values = {factor: listed([result.written(abs(one.value)) for one in same[factor]]) for factor in order}
    return listed([f"{result.title(factor)} ({values[factor]})" for factor in order]) if order else ""


def _by_dataset(result: Measured, names: Sequence[str], own: Sequence[Effect]) -> str:
    return listed([f"{_does(result, one)} on {name}" for name, one in zip(names, own, strict=True) if result.told(one)])


def _mains(result: Measured) -> list[Effect]:
    return [effect for effect in result.effects if len(effect.factors) == 1]


def flips_harm(result: Measured) -> bool:
    """Whether inputs flipped apart are shown to cost something over all recipes."""
    return any(one.factors == ("flip_apart",) and result.told(one) > 0 for one in result.effects)


def pairs(result: Measured) -> list[Effect]:
    """Return the pairs of mistakes that are shown to change the effects of each other, those that do most first."""
    found = [one for one in result.effects if len(one.factors) > 1 and result.told(one)]
    return sorted(found, key=lambda one: -abs(one.value))


def on_pairs(result: Measured) -> list[str]:
    """Say of the pairs that change the effects of each other most what each costs without the other and beside it."""
    mains = {one.factors[0]: one for one in _mains(result)}
    sentences = []
    for pair in pairs(result)[:PAIRS]:
        # The effect of a mistake is that on the test split as it is: a pair with the test is told from the test's side.
        one, other = pair.factors[::-1] if TEST in pair.factors else pair.factors
        without, beside = (_sum(mains[one], pair, side) for side in (-1, 1))
        if result.told(without) or result.told(beside):
            alike = result.told(without) == result.told(beside)
            then = result.written(abs(beside.value)) if alike else _does(result, beside)
            sentences.append(
                f"On average, {result.title(one)} {_does(result, without)} without {result.title(other)} and "
                f"{then} beside it."
            )
    return sentences


def _sum(main: Effect, pair: Effect, side: int) -> Effect:
    """Return the effect of a mistake beside another one, or without it (`side` -1); it holds where its two parts do."""
    low, high = sorted((side * pair.low, side * pair.high))
    return Effect(main.factors, main.value + side * pair.value, main.low + low, main.high + high)


def _does(result: Measured, effect: Effect) -> str:
    """Return what an effect does; of one that has 0 in its interval, that none is shown."""
    verbs = {1: "costs", -1: "saves"}
    told = result.told(effect)
    return f"{verbs[told]} {result.written(abs(effect.value))}" if told else "is not shown to change anything"


def on_ends(result: Measured) -> list[str]:
    """Say which mistakes cost something when made alone, and which fixes improve the original recipe by themselves."""
    if not result.has_ends:
        return []
    alone, beside = result.ends
    return [
        *_on_end(result, alone, "Made alone", "cost"),
        *_on_end(result, beside, "Fixed alone in the original recipe", "gain"),
    ]


def _on_end(result: Measured, changes: Sequence[Change], how: str, verb: str) -> list[str]:
    words = WORDS[result.measure]
    judged = [change.cost for change in changes if change.cost is not None]
    left = [result.title(change.factor) for change in changes if change.cost is None]
    named = _named(result, [cost for cost in judged if result.told(cost) > 0])
    if not judged:
        return [f"{how}, no mistake can be judged on {words}, since networks collapsed."]
    if not left:
        none = f"no mistake is shown to {verb} {result.least:g} {words} or more"
        return [f"{how}, {f'these {verb} {words}: {named}' if named else none}."]
    others = f"these {verb}: {named}" if named else f"none is shown to {verb} {result.least:g} or more"
    skipped = f"these cannot be judged on {words}, since networks collapsed: {listed(left)}"
    return [f"{how}, {skipped}. Of the others, {others}."]


def on_threshold(results: Sequence[Measured]) -> list[str]:
    """Say that the threshold hides what the original's network knows, where every seed is better at another one."""
    of_measure = {one.measure: one for one in results}
    if "iou" not in of_measure or not results[0].has_ends:
        return []
    half, best = of_measure["iou"], of_measure["iou_best"]
    seeds = list(zip(half.plain[half.original], best.plain[best.original], strict=True))
    if not all(other - one > _WORTH for one, other in seeds):
        return []
    return [
        f"The threshold of 0.5 hides a part: each of the {len(seeds)} networks with every mistake reaches more at the "
        "best one."
    ]


#: A gain of IoU below this is not worth a sentence.
_WORTH = 0.02


def _collapsed(experiment: Experiment, rows: Sequence[Row], column: str) -> collapses.Collapsed:
    """Return for each recipe whether each network answers the same everywhere, as `column` says, or diverged."""
    found: dict[Recipe, list[bool]] = {}
    for row in rows:
        is_collapsed = bool(row[column]) or row["status"] == "diverged"
        found.setdefault(recipe_of(experiment, row), []).append(is_collapsed)
    return found


def on_collapses(result: Measured, rows: Sequence[Row]) -> list[str]:
    """Count the networks that collapsed, and name the mistakes with which there are more or fewer of them."""
    if not result.is_complete:
        return []
    found, column = result.collapsed, COLLAPSE[result.measure]
    count, networks = sum(map(sum, found.values())), sum(map(len, found.values()))
    names = sorted({str(row[column]) for row in of(result.experiment, rows) if row[column]})
    kinds = f" ({', '.join(names)})" if names and result.experiment.head == "mask" else ""
    sentences = [f"{count or 'None'} of {networks} networks {_HOW[result.experiment.head]}{kinds}."]
    told = [one for one in collapses.comparisons(found, result.experiment.factors) if one.sign]
    told.sort(key=lambda one: one.without.count - one.having.count)
    return sentences + [
        f"Collapsed with {result.title(one.factor)}: {_share(one.having)}; without: {_share(one.without)}."
        for one in told
    ]


def on_both_heads(results: Sequence[Measured], alone: Measured, rows: Sequence[Row]) -> list[str]:
    """Count the collapsed masks and depths of networks with both heads, and compare with networks for the mask alone.

    Args:
        results: of the networks with both heads, on IoU at 0.5, IoU at the best threshold, and RMSE.
        alone: the networks for the mask, with the same loss, on IoU at 0.5.
        rows: of the results.
    """
    mask, best, depth = results
    if not (mask.has_ends and alone.has_ends):
        return []
    found = of(mask.experiment, rows)
    every = [sum(collapsed) for collapsed in mask.collapsed.values()]
    at_best = sum(map(sum, best.collapsed.values()))
    sentences = [
        f"{sum(every) or 'None'} of {len(found)} networks with both heads give the same mask everywhere at 0.5"
        f"{_kinds(found, mask)} or diverged, {at_best or 'none'} at the best threshold{_kinds(found, best)}."
    ]
    if not any(every):
        return sentences
    singles = [(mask.title(name), mask.collapsed[frozenset({name})]) for name in mask.experiment.factors]
    named = [f"{title} {_of(collapsed)}" for title, collapsed in singles if any(collapsed)]
    sentences.append(
        f"At 0.5, with every mistake {_of(mask.collapsed[mask.original])} do and without any "
        f"{_of(mask.collapsed[frozenset()])}; with one mistake alone {listed(named) if named else 'none'}."
    )
    compared = collapses.versus(alone.collapsed, mask.collapsed)
    told = {1: "so more do with both heads", -1: "so fewer do with both heads", 0: "a difference is not shown"}
    return [
        *sentences,
        f"Of networks for the mask alone (see above), with the same recipes, {compared.without} do: "
        f"{told[compared.sign]}.",
        f"Beside such a mask {_of(_depths_beside(mask, depth))} networks have learned a depth that is better than a "
        "constant.",
    ]


def _depths_beside(mask: Measured, depth: Measured) -> list[bool]:
    """Return of each network with a collapsed mask whether its depth has not collapsed."""
    return [
        not depth_too
        for recipe, of_mask in mask.collapsed.items()
        for mask_too, depth_too in zip(of_mask, depth.collapsed[recipe], strict=True)
        if mask_too
    ]


def _of(these: Sequence[bool]) -> str:
    return f"{sum(these)} of {len(these)}"


def _kinds(rows: Sequence[Row], result: Measured) -> str:
    counts = Counter(str(row[COLLAPSE[result.measure]]) for row in rows)
    named = [f"{name} {count}" for name, count in sorted(counts.items()) if name]
    return f" ({', '.join(named)})" if named else ""


def on_both_heads_of_datasets(pairs: Mapping[str, tuple[Measured, Measured]]) -> list[str]:
    """Count the collapsed masks of networks with both heads and of those for the mask alone, on every dataset.

    Args:
        pairs: by dataset both kinds of networks, see `on_both_heads`; those without the ends are left out.
    """
    known = {name: (both, alone) for name, (both, alone) in pairs.items() if both.has_ends and alone.has_ends}
    compared = {name: collapses.versus(alone.collapsed, both.collapsed) for name, (both, alone) in known.items()}
    if not compared:
        return []
    both, alone = (
        listed([f"{share} on {name}" for name, share in zip(compared, shares, strict=True)])
        for shares in zip(*((one.having, one.without) for one in compared.values()), strict=True)
    )
    words = {1: "more do with both heads", -1: "fewer do with both heads"}
    shown = [f"{words[one.sign]} on {name}" for name, one in compared.items() if one.sign]
    return [
        f"Of networks with both heads {both} give the same mask everywhere at 0.5 or diverge; of those for the mask "
        f"alone, with the same recipes, {alone} do: {listed(shown) if shown else 'a difference is not shown'}."
    ]


#: What a collapsed network does, by head.
_HOW = {
    "mask": "give the same answer everywhere or diverge",
    "depth": "answer a constant depth, or are no better than one, or diverge",
}


def _share(share: collapses.Share) -> str:
    low, high = share.interval
    return f"{share} ({100 * low:.0f} % to {100 * high:.0f} %)"


def _named(result: Measured, found: Sequence[Effect], sign: int = 1) -> str:
    order: Callable[[Effect], float] = lambda one: -abs(one.value)  # noqa: E731 -- typed
    turned = [one if sign > 0 else Effect(one.factors, -one.value, -one.high, -one.low) for one in found]
    named = [f"{result.title(one.factors[-1])} {result.interval(one)}" for one in sorted(turned, key=order)]
    return listed(named) if named else ""
