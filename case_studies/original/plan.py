"""The recipes that params.yaml beside this file names, as configurations of the study, and their trainings in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, product
from pathlib import Path
from typing import Any

import yaml

from loss_study.config import Config, SampleConfig
from loss_study.config.composition import composed
from loss_study.heads import JOINT
from loss_study.runtime.errors import StudyError, nearest
from loss_study.trial import Trial

HERE = Path("original")
SAMPLES = Path("data/replay")
PARAMS = HERE / "params.yaml"

#: Shares of a training's images whose mask is that of their mirror image; half of them, if inputs are flipped apart.
NONE, HALF, ALL = 0.0, 0.5, 1.0
#: The mistakes that a recipe makes, by name.
Recipe = frozenset[str]


@dataclass(frozen=True)
class Mistake:
    """Something wrong with the original recipe.

    Attributes:
        title: a few words.
        what: a sentence.
        fix: overrides without which the recipe makes the mistake.
        losses: those that can make it; None: all.
        beside: other overrides to fix it with, in recipes that make the mistake named.
        not_in: experiments that cannot make it.
    """

    title: str
    what: str
    fix: list[str]
    losses: list[str] | None = None
    beside: dict[str, list[str]] = field(default_factory=dict)
    not_in: list[str] = field(default_factory=list)

    def fixed(self, recipe: Recipe) -> list[str]:
        """Return the overrides that fix it in `recipe`."""
        return next((fix for other, fix in self.beside.items() if other in recipe), self.fix)


@dataclass(frozen=True)
class Experiment:
    """A head and a loss, and the mistakes that can be made with it: `factors`, in their order.

    `JOINT` stands in the place of a head for networks with both heads, each with this loss.
    """

    head: str
    loss: str
    factors: tuple[str, ...]

    @property
    def name(self) -> str:
        """Such as ``mask-bce``."""
        return f"{self.head}-{self.loss}"

    @property
    def recipes(self) -> list[Recipe]:
        """Every set of mistakes: the whole factorial. Of networks with both heads the `ends` alone."""
        return self.ends if self.head == JOINT else self._sets

    @property
    def ends(self) -> list[Recipe]:
        """The recipe without a mistake and that with all, and those that differ from one of them in one mistake."""
        count = len(self.factors)
        return sorted((one for one in self._sets if len(one) in {0, 1, count - 1, count}), key=len)

    @property
    def _sets(self) -> list[Recipe]:
        chosen = product((False, True), repeat=len(self.factors))
        return [frozenset(name for name, made in zip(self.factors, one, strict=True) if made) for one in chosen]


@dataclass(frozen=True)
class Training:
    """One network to train."""

    experiment: Experiment
    recipe: Recipe
    seed: int

    @property
    def trial(self) -> Trial:
        """The trial that trains it."""
        head, loss = self.experiment.head, self.experiment.loss
        return Trial(head, f"joint_{loss}_{loss}" if head == JOINT else loss, self.seed)


@dataclass(frozen=True)
class Answers:
    """Networks of `losses` on the mask whose inputs are flipped apart, and without a mistake, from each of `seeds`.

    Those of the losses `always_mirrored` are trained with masks of the mirror images alone, too. `trainings` says how
    all are trained: `images` of the sample, and `epochs`.
    """

    losses: list[str]
    always_mirrored: list[str]
    trainings: list[dict[str, int]]
    seeds: list[int]


@dataclass(frozen=True)
class Plan:
    """All of params.yaml."""

    dataset: str
    path: str
    study: list[str]
    experiments: list[Experiment]
    of_experiment: dict[str, list[str]]
    seeds: list[int]
    seeds_of_ends: list[int]
    mistakes: dict[str, Mistake]
    answers: Answers

    def trainings(self) -> list[Training]:
        """Return all trainings in their order: the ends of all experiments, then experiment by experiment the rest."""
        ends = [
            Training(experiment, recipe, seed)
            for experiment in self.experiments
            for seed in self.seeds_of_ends
            for recipe in experiment.ends
        ]
        every = [
            Training(experiment, recipe, seed)
            for experiment in self.experiments
            for seed in self.seeds
            for recipe in experiment.recipes
        ]
        return list(dict.fromkeys([*ends, *every]))

    def experiment(self, name: str) -> Experiment:
        """Return the experiment of that name; StudyError if there is none."""
        found = {one.name: one for one in self.experiments}
        if name not in found:
            raise StudyError(f"unknown experiment {name!r}: {nearest(name, found)}")
        return found[name]

    def parameters(self, experiment: Experiment, recipe: Recipe, *further: str) -> Config:
        """Return the study's configuration with `recipe` and `further` overrides; StudyError if it does not compose."""
        place = [f"dataset={self.dataset}", f"dataset.path='{self.path}'"]
        return composed([*place, *self._overrides(experiment, recipe), *further])

    def digest(self, experiment: Experiment, recipe: Recipe) -> str:
        """Return a hash of all that params.yaml says of `recipe`, but for the images."""
        return sha256("\n".join(self._overrides(experiment, recipe)).encode()).hexdigest()[:8]

    def _overrides(self, experiment: Experiment, recipe: Recipe) -> list[str]:
        fixed = [mistake.fixed(recipe) for name, mistake in self.mistakes.items() if name not in recipe]
        return [*self.study, *self.of_experiment.get(experiment.name, []), *chain.from_iterable(fixed)]

    def samples(self) -> Iterator[Config]:
        """Yield parameters for each sample that a recipe needs, each once: splits and backgrounds differ."""
        experiment = self.experiments[0]
        for made in ((), ("wrong_background",), ("order",), ("wrong_background", "order")):
            yield self.parameters(experiment, frozenset(made))
        own = self.parameters(experiment, frozenset()).sample.images
        for images in sorted({one["images"] for one in self.answers.trainings} - {own}):
            yield self.parameters(experiment, frozenset(), f"sample.images={images}")


def sample_folder(sample: SampleConfig) -> Path:
    """Return where the sample is packed."""
    return SAMPLES / f"{sample.split}-{'wrong' if sample.wrong_background else 'right'}-{sample.images}"


def load(path: Path = PARAMS) -> Plan:
    """Read params.yaml; StudyError where a name in it stands for nothing."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    mistakes = {name: Mistake(**given) for name, given in values["mistakes"].items()}
    for name, mistake in mistakes.items():
        for other in mistake.beside:
            _known(f"mistakes.{name}.beside", other, mistakes)
    experiments = [_experiment(name, mistakes) for name in values["experiments"]]
    names = [one.name for one in experiments]
    for key, given in {"of_experiment": values["of_experiment"], **_not_in(mistakes)}.items():
        for name in given:
            _known(key, name, names)
    return Plan(
        values["dataset"],
        values["path"],
        values["study"],
        experiments,
        values["of_experiment"],
        values["seeds"],
        values["seeds_of_ends"],
        mistakes,
        Answers(**values["answers"]),
    )


def _not_in(mistakes: Mapping[str, Mistake]) -> dict[str, list[str]]:
    return {f"mistakes.{name}.not_in": mistake.not_in for name, mistake in mistakes.items()}


def _experiment(name: str, mistakes: Mapping[str, Mistake]) -> Experiment:
    head, _, loss = name.partition("-")
    of_loss = [one for one, mistake in mistakes.items() if mistake.losses is None or loss in mistake.losses]
    factors = tuple(one for one in of_loss if name not in mistakes[one].not_in)
    return Experiment(head, loss, factors)


def _known(key: str, name: str, names: Any) -> None:
    if name not in names:
        raise StudyError(f"{PARAMS}: {key}: unknown name {name!r}: {nearest(name, names)}")
