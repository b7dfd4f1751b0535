"""The ladders and rungs that params.yaml beside this file names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from loss_study.runtime.errors import StudyError, nearest

HERE = Path("scale")
PARAMS = HERE / "params.yaml"


@dataclass(frozen=True)
class Ladder:
    """Studies that differ in one thing, or in all of them together.

    Attributes:
        title: for the page.
        rungs: their names, from small to large.
        fit: what curves are fitted against, "images" or "compute" (images times epochs); "" for none.
        see: a sentence that points to where more is found, in Markdown; "" for none.
    """

    title: str
    rungs: tuple[str, ...]
    fit: str = ""
    see: str = ""


@dataclass(frozen=True)
class Plan:
    """All of params.yaml."""

    dataset: str
    path: str
    study: list[str]
    ladders: dict[str, Ladder]
    rungs: dict[str, list[str]]

    def datasets(self) -> list[Plan]:
        """Return the plans of its own dataset, then of the others that have results."""
        others = sorted(path.name for path in (HERE / "results").iterdir() if path.name != self.dataset)
        return [self, *(replace(self, dataset=name) for name in others)]

    def choices(self, rung: str) -> list[str]:
        """Return what the study of `rung` chooses, as for ``dvc exp run -S``; StudyError if there is no such rung."""
        if rung not in self.rungs:
            raise StudyError(f"unknown rung {rung!r}: {nearest(rung, self.rungs)}")
        return [f"dataset={self.dataset}", f"dataset.path='{self.path}'", *self.study, *self.rungs[rung]]

    def results(self, rung: str) -> Path:
        """Return where the answer of `rung` is."""
        return HERE / "results" / self.dataset / f"{rung}.csv"


def load(path: Path = PARAMS) -> Plan:
    """Read params.yaml; StudyError where a ladder has a rung that is not described."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    ladders = {name: Ladder(**(one | {"rungs": tuple(one["rungs"])})) for name, one in values.pop("ladders").items()}
    for name, ladder in ladders.items():
        for rung in ladder.rungs:
            if rung not in values["rungs"]:
                raise StudyError(f"{path}: ladders.{name}: unknown rung {rung!r}: {nearest(rung, values['rungs'])}")
    return Plan(**values, ladders=ladders)
