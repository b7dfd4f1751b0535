"""The variants of the original recipe that params.yaml beside this file names, as parameters of the study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loss_study.config import Config, SampleConfig
from loss_study.config.composition import composed
from loss_study.runtime.errors import StudyError, nearest
from loss_study.trial import Trial

HERE = Path("original")
SAMPLES = Path("data/replay")
#: What the original study judged each head by: the mask at a threshold of 0.5.
METRICS = {"mask": "iou", "depth": "rmse_coded"}


@dataclass(frozen=True)
class Mistake:
    """Something wrong with the recipe, in a few words and in a sentence, and the overrides that mend it."""

    title: str
    what: str
    mend: list[str]


@dataclass(frozen=True)
class Variant:
    """The recipe with the `mistakes` named; `trials` are those that are trained with it."""

    name: str
    mistakes: frozenset[str]
    trials: list[Trial]


@dataclass(frozen=True)
class Plan:
    """All of params.yaml."""

    dataset: str
    path: str
    study: list[str]
    of_trial: dict[str, list[str]]
    seeds: list[int]
    jobs: int
    mistakes: dict[str, Mistake]
    variants: dict[str, Variant]

    def variant(self, name: str) -> Variant:
        """Return the variant of that name; StudyError if there is none."""
        if name not in self.variants:
            raise StudyError(f"unknown variant {name!r}: {nearest(name, self.variants)}")
        return self.variants[name]

    def parameters(self, variant: Variant, head: str, loss: str) -> Config:
        """Return the study's parameters for a head and a loss in `variant`; StudyError where they do not compose."""
        absent = [mistake for name, mistake in self.mistakes.items() if name not in variant.mistakes]
        overrides = [
            *self.study,
            f"dataset={self.dataset}",
            f"dataset.path='{self.path}'",
            *self.of_trial.get(f"{head}-{loss}", []),
            *(override for mistake in absent for override in mistake.mend),
        ]
        return composed(overrides)

    def samples(self) -> Iterator[Config]:
        """Yield parameters for each sample that a variant needs, each once."""
        seen = set()
        for variant in self.variants.values():
            first = variant.trials[0]
            found = self.parameters(variant, first.head, first.loss)
            if sample_folder(found.sample) not in seen:
                seen.add(sample_folder(found.sample))
                yield found


def sample_folder(sample: SampleConfig) -> Path:
    """Return where the sample is packed: the variants differ in its split and its backgrounds."""
    return SAMPLES / f"{sample.split}-{'wrong' if sample.wrong_background else 'right'}"


def load(path: Path = HERE / "params.yaml") -> Plan:
    """Read params.yaml; StudyError where a variant names a mistake that there is not."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Plan(
        values["dataset"],
        values["path"],
        values["study"],
        values["of_trial"],
        values["seeds"],
        values["jobs"],
        {name: Mistake(**given) for name, given in values["mistakes"].items()},
        {name: _variant(name, given, values) for name, given in values["variants"].items()},
    )


def _variant(name: str, given: dict[str, Any], values: dict[str, Any]) -> Variant:
    for mistake in given["mistakes"]:
        if mistake not in values["mistakes"]:
            raise StudyError(f"variants.{name}: unknown mistake {mistake!r}: {nearest(mistake, values['mistakes'])}")
    trials = [
        Trial(head, loss, seed)
        for head in given.get("heads", values["losses"])
        for loss in values["losses"][head]
        if loss in given.get("losses", [loss])
        for seed in values["seeds"]
    ]
    return Variant(name, frozenset(given["mistakes"]), trials)
