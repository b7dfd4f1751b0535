"""What every trial scored on every test image, read from its ``per_image.csv``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loss_study.metrics import HEADLINE
from loss_study.runtime.errors import StudyError
from loss_study.statistics.results import Result, read_columns
from loss_study.trial import Trial

#: The metrics that losses are compared on, beside the one that ranks the head.
COMPARED = {
    "mask": ("iou_at_best", "iou", "dice", "boundary_f"),
    "depth": ("rmse_coded", "rmse_coded_fg", "rmse", "abs_rel", "ssim"),
}
#: The columns of ``per_image.csv`` that name what an image shares with others.
OBJECT, BACKGROUND = "object", "background"


@dataclass(frozen=True)
class Identities:
    """Which test images share an object or a background, by one of the two.

    Attributes:
        numbers: of each image, int64 (images,). An image without a name is alone.
        known: how many are named; 0 where fewer than two are: then each image counts as alone, and nothing is known of
            new objects or backgrounds.
    """

    numbers: np.ndarray
    known: int

    @classmethod
    def of(cls, names: Sequence[str]) -> Identities:
        """Number the `names`, one for each image; "" is unknown."""
        known = len({name for name in names if name})
        if known < 2:
            return cls(np.arange(len(names)), 0)
        unlike = [(name, -1) if name else ("", image) for image, name in enumerate(names)]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(unlike))}
        return cls(np.array([numbers[name] for name in unlike]), known)


@dataclass(frozen=True)
class Scores:
    """One metric of one head, over the sound trials.

    Attributes:
        values: by loss, float64 (seeds, images); only losses with a sound trial, each with its own number of seeds.
        objects, backgrounds: what the images share.
        classes: of the mask; 1 for the depth.
    """

    head: str
    metric: str
    values: dict[str, np.ndarray]
    objects: Identities
    backgrounds: Identities
    classes: int = 1

    @property
    def images(self) -> int:
        """Number of test images."""
        return len(self.objects.numbers)


@dataclass(frozen=True)
class PerImage:
    """One ``per_image.csv``: the names of the images in order, and their values by metric, float64 (images,)."""

    ids: tuple[str, ...]
    objects: tuple[str, ...]
    backgrounds: tuple[str, ...]
    values: dict[str, np.ndarray]


def compared(head: str) -> list[str]:
    """Return the metrics that losses are compared on, the one that ranks the head first."""
    return list(dict.fromkeys([HEADLINE[head], *COMPARED[head]]))


def read(results: Sequence[Result]) -> dict[Trial, PerImage]:
    """Return what each sound trial of `results`, all of one head, scored on the test images.

    Raises:
        StudyError: a sound trial's file is missing or damaged, or its images are not those of the other trials.
    """
    tables = {result.trial: _table(result.trial) for result in results if result.sound}
    for trial, table in tables.items():
        first = next(iter(tables))
        if table.ids != tables[first].ids:
            raise StudyError(
                f"{_path(trial)}: its test images differ from those of {_path(first)}; run 'dvc repro' to evaluate "
                "both again"
            )
    return tables


def scores_of(metric: str, results: Sequence[Result], tables: Mapping[Trial, PerImage]) -> Scores | None:
    """Return the scores of the sound trials of `results`, all of one head.

    An image on which the metric is undefined (no foreground, say) is left out for all trials. None where a trial does
    not have the metric, or where it is defined on fewer than two images: then it has no spread.
    """
    sound = [result for result in results if result.sound]
    if not sound or any(metric not in tables[result.trial].values for result in sound):
        return None
    table = tables[sound[0].trial]
    defined = np.all([np.isfinite(tables[result.trial].values[metric]) for result in sound], axis=0)
    if np.count_nonzero(defined) < 2:
        return None
    values: dict[str, list[np.ndarray]] = {}
    for result in sound:
        values.setdefault(result.trial.loss, []).append(tables[result.trial].values[metric][defined])
    objects, backgrounds = (
        Identities.of([name for name, keep in zip(names, defined, strict=True) if keep])
        for names in (table.objects, table.backgrounds)
    )
    stacked = {loss: np.stack(seeds) for loss, seeds in values.items()}
    return Scores(sound[0].trial.head, metric, stacked, objects, backgrounds, sound[0].classes)


def _table(trial: Trial) -> PerImage:
    columns = read_columns(_path(trial))
    if not columns.get("id"):
        raise StudyError(f"{_path(trial)}: missing or empty; run 'dvc repro -f evaluate@{trial.head}'")
    ids = columns["id"]
    objects, backgrounds = (columns.get(name, ("",) * len(ids)) for name in (OBJECT, BACKGROUND))
    values = {name: _numbers(trial, columns[name], name) for name in compared(trial.head) if name in columns}
    return PerImage(ids, objects, backgrounds, values)


def _numbers(trial: Trial, cells: Sequence[str], metric: str) -> np.ndarray:
    try:
        return np.array([float(cell or "nan") for cell in cells])
    except ValueError as error:
        message = f"{_path(trial)}: damaged in column {metric!r} ({error})"
        raise StudyError(f"{message}; run 'dvc repro -f evaluate@{trial.head}'") from None


def _path(trial: Trial) -> Path:
    return trial.eval_dir / "per_image.csv"
