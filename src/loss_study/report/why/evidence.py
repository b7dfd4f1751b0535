"""What is known of each loss beyond its metrics: the anatomies, values per image and histories of its trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from loss_study.statistics.ranking import Ranking
from loss_study.statistics.results import Result, read_json, rows


@dataclass(frozen=True)
class Evidence:
    """One loss on one head.

    Attributes:
        loss: which loss.
        value: mean of the headline metric over the sound trials, None without any.
        evaluated: ``error_analysis.json`` of every evaluated trial: a trial that collapsed says most by its gradient.
        sound: those of the sound trials.
        failed: the other evaluated trials, each with its anatomy.
        images: columns of ``per_image.csv`` of the sound trials, each float (test images,), NaN where empty.
        results: the sound trials.
    """

    loss: str
    value: float | None
    evaluated: tuple[dict[str, Any], ...]
    sound: tuple[dict[str, Any], ...]
    failed: tuple[tuple[Result, dict[str, Any]], ...]
    images: tuple[dict[str, np.ndarray], ...]
    results: tuple[Result, ...]

    def per_image(self, metric: str) -> np.ndarray | None:
        """Return `metric` of every test image, mean over the sound trials; None where none has it."""
        columns = [image[metric] for image in self.images if metric in image]
        return np.mean(columns, axis=0) if columns else None


def gather(ranking: Ranking) -> list[Evidence]:
    """Return the evidence on every loss of a head, in the order of the ranking."""
    return [
        Evidence(
            standing.loss,
            standing.value,
            tuple(filter(None, map(_anatomy, standing.results))),
            tuple(filter(None, map(_anatomy, standing.sound))),
            tuple((result, anatomy) for result in standing.failed if (anatomy := _anatomy(result))),
            tuple(filter(None, map(_images, standing.sound))),
            tuple(standing.sound),
        )
        for standing in ranking.standings
    ]


def mean(anatomies: Sequence[dict[str, Any]], *path: str) -> float | None:
    """Return the mean of the number at `path` over the trials that have one, None if none has."""
    return _mean(_at(anatomy, path) for anatomy in anatomies)


def mean_curve(anatomies: Sequence[dict[str, Any]], *path: str) -> list[float]:
    """Return the mean of the list at `path` over the trials, place by place, NaN where no trial has a value."""
    lists = [found for anatomy in anatomies if (found := _at(anatomy, path)) is not None]
    means = [_mean(column) for column in zip(*lists, strict=True)]
    return [math.nan if value is None else value for value in means]


def _mean(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _at(anatomy: dict[str, Any], path: Sequence[str]) -> Any:
    found: Any = anatomy
    for key in path:
        found = (found or {}).get(key)
    return found


def _anatomy(result: Result) -> dict[str, Any]:
    return read_json(result.trial.eval_dir / "error_analysis.json")


def _images(result: Result) -> dict[str, np.ndarray]:
    table = rows(result.trial.eval_dir / "per_image.csv")
    numeric = [name for name in (table[0] if table else {}) if name not in ("id", "background", "object")]
    return {name: np.array([float(row[name] or "nan") for row in table]) for name in numeric}
