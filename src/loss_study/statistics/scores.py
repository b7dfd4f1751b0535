"""What every trial scored on every test image, read from its ``per_image.csv``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loss_study.runtime.errors import StudyError
from loss_study.statistics.results import Result, read_csv
from loss_study.trial import Trial

Table = list[dict[str, str]]

#: The metrics that losses are compared on, the one that ranks the head first.
COMPARED = {
    "mask": ("iou_at_best", "iou", "dice", "boundary_f"),
    "depth": ("rmse_coded", "rmse_coded_fg", "rmse", "abs_rel", "ssim"),
}
IMAGE = "image"
#: Columns of ``per_image.csv`` by which images are clustered, the first one that is known.
UNITS = ("object", "background")


@dataclass(frozen=True)
class Scores:
    """One metric of one head, over the sound trials.

    Attributes:
        values: by loss, float64 (seeds, images); only losses with a sound trial, each with its own number of seeds.
        clusters: cluster of each image, int64 (images,), numbered from 0. Images of a cluster are not independent and
            are resampled together.
        unit: what a cluster is: "object", "background" or "image".
        classes: of the mask; 1 for the depth.
    """

    head: str
    metric: str
    values: dict[str, np.ndarray]
    clusters: np.ndarray
    unit: str
    classes: int = 1


def read(head: str, results: Sequence[Result]) -> list[Scores]:
    """Return the scores of `head`, one for each metric of `COMPARED` that the trials have.

    An image on which the metric is undefined (no foreground, say) is left out for all trials. Images are clustered by
    object; where that is unknown or the same for all, by background; else each image is a cluster. A metric with fewer
    than two images is left out: it has no spread.

    Raises:
        StudyError: a sound trial's file is missing or damaged, or its images are not those of the other trials.
    """
    of_head = [result for result in results if result.trial.head == head and result.sound]
    sound = [result.trial for result in of_head]
    tables = {trial: _table(trial) for trial in sound}
    for trial in sound[1:]:
        if _column(tables[trial], "id") != _column(tables[sound[0]], "id"):
            raise StudyError(
                f"{_path(trial)}: its test images differ from those of {_path(sound[0])}; run 'dvc repro' to evaluate "
                "both again"
            )
    metrics = [name for name in COMPARED[head] if sound and all(name in table[0] for table in tables.values())]
    found = [_scores(metric, tables, of_head[0].classes) for metric in metrics]
    return [scores for scores in found if len(scores.clusters) > 1]


def _scores(metric: str, tables: dict[Trial, Table], classes: int) -> Scores:
    numbers = {trial: _numbers(trial, table, metric) for trial, table in tables.items()}
    defined = np.asarray(np.isfinite(list(numbers.values())).all(axis=0))
    values: dict[str, list[np.ndarray]] = {}
    for trial, of_images in numbers.items():
        values.setdefault(trial.loss, []).append(of_images[defined])
    first = next(iter(tables))
    unit, clusters = _clusters([image for image, keep in zip(tables[first], defined, strict=True) if keep])
    stacked = {loss: np.stack(seeds) for loss, seeds in values.items()}
    return Scores(first.head, metric, stacked, clusters, unit, classes)


def _clusters(images: Table) -> tuple[str, np.ndarray]:
    for unit in UNITS:
        names = _column(images, unit)
        if all(names) and len(set(names)) > 1:
            return unit, np.unique(names, return_inverse=True)[1]
    return IMAGE, np.arange(len(images))


def _table(trial: Trial) -> Table:
    table = read_csv(_path(trial))
    if not table:
        raise StudyError(f"{_path(trial)}: missing or empty; run 'dvc repro -f evaluate@{trial.head}'")
    return table


def _numbers(trial: Trial, table: Table, metric: str) -> np.ndarray:
    try:
        return np.array([float(value or "nan") for value in _column(table, metric)])
    except (TypeError, ValueError) as error:
        message = f"{_path(trial)}: damaged in column {metric!r} ({error})"
        raise StudyError(f"{message}; run 'dvc repro -f evaluate@{trial.head}'") from None


def _column(table: Table, name: str) -> list[str]:
    return [row.get(name, "") for row in table]


def _path(trial: Trial) -> Path:
    return trial.eval_dir / "per_image.csv"
