"""What the trials of each loss left beyond their metrics: ``error_analysis.json``, values per image, histories."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from loss_study.statistics.ranking import Ranking
from loss_study.statistics.results import Result, read_columns, read_json
from loss_study.statistics.sentences import listed

#: The columns of ``per_image.csv`` that are read beside the headline metric.
OF_IMAGES = ("iou", "foreground")


@dataclass(frozen=True)
class Evidence:
    """One loss on one head.

    Attributes:
        loss: which loss.
        value: mean of the headline metric over the sound trials, None without any.
        evaluated: ``error_analysis.json`` of every evaluated trial: the gradient of a collapsed trial matters, too.
        sound: those of the sound trials.
        failed: the other evaluated trials, each with its analysis.
        images: the headline metric and `OF_IMAGES` of the sound trials that have them, each float (test images,),
            NaN where empty; with folds of those of the first one, whose images the report shows.
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


#: A number that a loss may have.
Number = Callable[[Evidence], float | None]
#: (losses, number) where a number is smallest and where it is largest; several losses that share it in words.
Extremes = tuple[tuple[str, float], tuple[str, float]]


def gather(ranking: Ranking) -> list[Evidence]:
    """Return the evidence on every loss of a head, in the order of the ranking."""
    return [
        Evidence(
            standing.loss,
            standing.mean,
            tuple(filter(None, map(_analysis, standing.results))),
            tuple(filter(None, map(_analysis, standing.sound))),
            tuple((result, analysis) for result in standing.failed if (analysis := _analysis(result))),
            tuple(filter(None, (_images(result, ranking.metric.name) for result in standing.sound if not result.fold))),
            tuple(standing.sound),
        )
        for standing in ranking.standings
    ]


def extremes(evidence: Sequence[Evidence], number: Number, show: Callable[[float], str]) -> Extremes | None:
    """Return (losses, number) where the number is smallest and where it is largest; None where no loss has it.

    Losses whose numbers look the same when `show` writes them are named together.
    """
    found = [(known.loss, value) for known in evidence if (value := number(known)) is not None]
    if not found:
        return None
    least, most = (choice(value for _, value in found) for choice in (min, max))
    low, high = (listed([loss for loss, value in found if show(value) == show(end)]) for end in (least, most))
    return (low, least), (high, most)


def contrasted(evidence: Sequence[Evidence], number: Number, show: Callable[[float], str]) -> Extremes | None:
    """Return `extremes` where they differ when `show` writes them, else None: then there is nothing to say."""
    found = extremes(evidence, number, show)
    return None if found is None or show(found[0][1]) == show(found[1][1]) else found


def subjects(evidence: Sequence[Evidence]) -> tuple[str, str]:
    """Return what the numbers are about, singular and plural: with one sound trial per loss the trained networks."""
    of_networks = max((len(known.results) for known in evidence), default=0) == 1
    return ("network", "trained networks") if of_networks else ("loss", "losses")


def over_seeds(evidence: Sequence[Evidence]) -> str:
    """Return what the numbers of a table are besides their definition: means, where a loss has several sound trials."""
    return "; mean over seeds" if subjects(evidence)[0] == "loss" else ""


def mean_of(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are there, None without any."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def mean(analyses: Sequence[dict[str, Any]], *path: str) -> float | None:
    """Return the mean of the number at `path` over the trials that have one, None if none has."""
    return mean_of(_at(analysis, path) for analysis in analyses)


def mean_curve(analyses: Sequence[dict[str, Any]], *path: str) -> list[float]:
    """Return the mean of the list at `path` over the trials, place by place, NaN where no trial has a value."""
    lists = [found for analysis in analyses if (found := _at(analysis, path)) is not None]
    means = [mean_of(column) for column in zip(*lists, strict=True)]
    return [math.nan if value is None else value for value in means]


def _at(analysis: dict[str, Any], path: Sequence[str]) -> Any:
    found: Any = analysis
    for key in path:
        found = (found or {}).get(key)
    return found


def _analysis(result: Result) -> dict[str, Any]:
    return read_json(result.trial.eval_dir / "error_analysis.json")


def _images(result: Result, metric: str) -> dict[str, np.ndarray]:
    columns = read_columns(result.trial.eval_dir / "per_image.csv")
    needed = [name for name in (metric, *OF_IMAGES) if name in columns]
    return {name: np.array([float(cell or "nan") for cell in columns[name]]) for name in needed}
