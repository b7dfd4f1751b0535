"""Test images with the predictions of all losses, those that `evaluate` set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from loss_study.data.packed import PackedSample
from loss_study.report.panels import Panel, Prediction, panel, scores
from loss_study.statistics.ranking import Ranking
from loss_study.statistics.results import Result


def panels(ranking: Ranking, sample: PackedSample) -> list[Panel]:
    """Return a panel for each image that evaluation set aside; the losses stand in the order of the ranking.

    Each loss is shown by its first seed that has predictions, with folds by its first seed of the first fold.
    """
    results = [_with_predictions(standing.results) for standing in ranking.standings]
    numbers = next((result.panel for result in results if result.panel), ())
    scored = [(result, scores(result)) for result in results]
    return [
        panel(ranking.head, str(place), number, [_prediction(*one, place) for one in scored], sample)
        for place, number in enumerate(numbers)
    ]


def _with_predictions(results: Sequence[Result]) -> Result:
    return next((result for result in results if result.panel and not result.fold), results[0])


def _prediction(result: Result, of_images: Mapping[str, str], place: int) -> Prediction:
    path = result.trial.eval_dir / "predictions.npy"
    if place >= len(result.panel) or result.fold or not path.is_file():
        return Prediction(result, None)
    return Prediction(result, np.load(path, mmap_mode="r", allow_pickle=False)[place], of_images)
