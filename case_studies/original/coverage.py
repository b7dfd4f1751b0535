"""How often all intervals of a made-up experiment hold: ``python original/coverage.py``.

Those of the effects over all recipes, and those of the two one-at-a-time views.

The true effects are counted from the made-up chances, recipe by recipe and pair by pair, by no code of `effects`.
Nothing is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import effects
import findings
import numpy as np
import plan
from effects import TEST
from plan import Experiment, Recipe

from loss_study.runtime.errors import run_stage


@dataclass(frozen=True)
class Chance:
    """What a network costs: `collapsed` with `chance`, else about `mean`; `test` is added on the changed split."""

    mean: float
    deviation: float
    chance: float
    collapsed: float
    test: float

    @property
    def expected(self) -> float:
        """The mean over networks."""
        return self.chance * self.collapsed + (1 - self.chance) * self.mean

    @property
    def expected_test(self) -> float:
        """The mean of what the changed test split adds."""
        return (1 - self.chance) * self.test

    def draw(self, rng: np.random.Generator) -> tuple[float, float]:
        """Return the costs of one network on the test split and on the changed one."""
        if rng.random() < self.chance:
            return self.collapsed, self.collapsed
        cost = rng.normal(self.mean, self.deviation)
        return cost, cost + rng.normal(self.test, self.deviation / 4)


def nothing(recipe: Recipe) -> Chance:
    """No mistake does anything."""
    return Chance(0.4, 0.02, 0.0, 1.0, 0.0)


def added(recipe: Recipe) -> Chance:
    """Each mistake costs something, none collapses anything; three are noisier."""
    return Chance(0.4 + 0.05 * ("a" in recipe) + 0.02 * ("b" in recipe), 0.01 * (1 + len(recipe)), 0.0, 1.0, 0.01)


def one_collapses(recipe: Recipe) -> Chance:
    """One mistake collapses every network, so that nothing else matters beside it."""
    return Chance(0.4 + 0.05 * ("b" in recipe), 0.02, float("a" in recipe), 1.0, 0.1 * ("c" in recipe))


def several_collapse(recipe: Recipe) -> Chance:
    """Any of three mistakes collapses half of the networks, two of them nearly all; the others do nothing."""
    return Chance(0.4, 0.03, (0.0, 0.5, 0.9, 1.0)[len(recipe & {"a", "b", "c"})], 1.0, 0.0)


def rarely(recipe: Recipe) -> Chance:
    """Every network collapses once in ten times, whatever the mistakes."""
    return Chance(0.4, 0.02, 0.1, 1.0, 0.0)


def half(recipe: Recipe) -> Chance:
    """Every second network collapses, whatever the mistakes."""
    return Chance(0.4, 0.02, 0.5, 1.0, 0.0)


WORLDS: tuple[Callable[[Recipe], Chance], ...] = (nothing, added, one_collapses, several_collapse, rarely, half)


def main() -> None:
    """Print for each world and number of seeds how often all intervals hold, and how often a claim is false."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--factors", type=int, default=6)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--seeds-of-ends", type=int, nargs="+", default=[2, 4], help="of the one-at-a-time views")
    given = parser.parse_args()
    factors = "abcdefgh"[: given.factors]
    _table(simulated, factors, given.seeds, given.experiments, "mean half-width of a mistake")
    print()
    _table(simulated_ends, factors, given.seeds_of_ends, given.experiments, "share of mistakes judged")


def _table(simulate: Callable[..., tuple[float, ...]], factors: str, seeds: list[int], count: int, last: str) -> None:
    """Print what `simulate` returns, as means over `count` experiments of each world and number of seeds."""
    print(f"| world | seeds | all intervals hold | a false claim | {last} |\n|---|---|---|---|---|")
    for world in WORLDS:
        for number in seeds:
            found = [simulate(world, factors, number, np.random.default_rng([number, one])) for one in range(count)]
            held, false, other = np.mean(found, axis=0)
            print(f"| {world.__name__} | {number} | {held:.3f} | {false:.3f} | {other:.3f} |", flush=True)


def simulated(
    world: Callable[[Recipe], Chance], factors: str, seeds: int, rng: np.random.Generator
) -> tuple[bool, bool, float]:
    """Return of one made-up experiment whether all intervals hold, whether a claim is false, and a half-width."""
    chances = {recipe: world(recipe) for recipe in Experiment("mask", "bce", tuple(factors)).recipes}
    drawn = {recipe: np.array([chance.draw(rng) for _ in range(seeds)]) for recipe, chance in chances.items()}
    plain, augmented = ({recipe: found[:, side].tolist() for recipe, found in drawn.items()} for side in (0, 1))
    true = dict(true_effects(chances, factors))
    found = effects.effects(plain, augmented, factors)
    held = all(one.low - 1e-12 <= true[one.factors] <= one.high + 1e-12 for one in found)
    false = any(one.sign and np.sign(true[one.factors].round(12)) != one.sign for one in found)
    return held, false, (found[0].high - found[0].low) / 2


def simulated_ends(
    world: Callable[[Recipe], Chance], factors: str, seeds: int, rng: np.random.Generator
) -> tuple[bool, bool, float]:
    """Return of the one-at-a-time views whether all intervals hold, whether a claim is false, and the share judged.

    An interval is to hold of the networks that do not collapse.
    """
    experiment = Experiment("depth", "l1", tuple(factors))
    drawn = {recipe: np.array([world(recipe).draw(rng) for _ in range(seeds)]) for recipe in experiment.ends}
    plain, augmented = ({recipe: found[:, side].tolist() for recipe, found in drawn.items()} for side in (0, 1))
    collapsed = {recipe: [cost == world(recipe).collapsed for cost in found] for recipe, found in plain.items()}
    ends = findings.Measured(plan.load(), experiment, "rmse", plain, augmented, collapsed).ends
    bases = (frozenset[str](), frozenset(factors))
    found = [
        (change.cost, _true_change(world, base, change.factor))
        for base, changes in zip(bases, ends, strict=True)
        for change in changes
        if change.cost is not None
    ]
    held = all(cost.low - 1e-12 <= true <= cost.high + 1e-12 for cost, true in found)
    false = any(cost.sign and np.sign(round(true, 12)) != cost.sign for cost, true in found)
    return held, false, len(found) / (2 * len(ends[0]))


def _true_change(world: Callable[[Recipe], Chance], base: Recipe, factor: str) -> float:
    """Return what a mistake costs networks that do not collapse, beside the others of `base`."""
    if factor == TEST:
        return world(base).test
    return world(base | {factor}).mean - world(base - {factor}).mean


def true_effects(chances: dict[Recipe, Chance], factors: str) -> Iterator[tuple[tuple[str, ...], np.float64]]:
    """Yield each effect from the means of the recipes, by going through the recipes that differ in it alone."""
    plain = {recipe: chance.expected for recipe, chance in chances.items()}
    test = {recipe: chance.expected_test for recipe, chance in chances.items()}
    yield (TEST,), np.mean(list(test.values()))
    for one in factors:
        without = [recipe for recipe in chances if one not in recipe]
        yield (one,), np.mean([plain[recipe | {one}] - plain[recipe] for recipe in without])
        yield (one, TEST), np.mean([(test[recipe | {one}] - test[recipe]) / 2 for recipe in without])
    for one, other in combinations(factors, 2):
        neither = [recipe for recipe in chances if not recipe & {one, other}]
        beside = [plain[recipe | {one, other}] - plain[recipe | {other}] for recipe in neither]
        alone = [plain[recipe | {one}] - plain[recipe] for recipe in neither]
        yield (one, other), np.mean(np.subtract(beside, alone)) / 2


if __name__ == "__main__":
    run_stage(main)
