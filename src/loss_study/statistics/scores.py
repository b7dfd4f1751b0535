"""What every trial scored on every test image, read from its ``per_image.csv``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loss_study.metrics import HEADLINE
from loss_study.runtime.errors import StudyError
from loss_study.statistics.folds import mean_of_known
from loss_study.statistics.results import Result, comparable, read_columns
from loss_study.trial import Trial

#: The metrics that losses are compared on, beside the one that ranks the head.
COMPARED = {
    "mask": ("iou", "dice", "boundary_f"),
    "depth": ("rmse_coded_fg", "rmse", "abs_rel", "ssim"),
}
#: The columns of ``per_image.csv`` that name what an image shares with others.
OBJECT, BACKGROUND = "object", "background"


@dataclass(frozen=True)
class Identities:
    """Which test images share an object or a background, by one of the two.

    Attributes:
        numbers: of each image, int64 (images,). An image without a name is alone; so are all where there is one name,
            which says nothing of new objects or backgrounds.
        known: how many names there are; 0 where some image has none.
    """

    numbers: np.ndarray
    known: int

    @classmethod
    def of(cls, names: Sequence[str]) -> Identities:
        """Number the `names`, one for each image; "" is unknown."""
        known = set(names)
        if len(known - {""}) < 2:
            return cls(np.arange(len(names)), int("" not in known))
        unlike = [(name, -1) if name else ("", image) for image, name in enumerate(names)]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(unlike))}
        return cls(np.array([numbers[name] for name in unlike]), 0 if "" in known else len(known))


@dataclass(frozen=True)
class Scores:
    """One metric of one head, over the sound trials.

    Attributes:
        values: by loss, float64 (seeds, images); only losses with a sound trial, each with its own number of seeds.
            With folds, all planned seeds have a row, and what a seed's fold does not test is NaN.
        objects, backgrounds: what the images share.
        classes: of the mask; 1 for the depth.
        folds: that the seeds take turns at; 1 for a fixed split.
        tested: how many of the folds the images are of.
    """

    head: str
    metric: str
    values: dict[str, np.ndarray]
    objects: Identities
    backgrounds: Identities
    classes: int = 1
    folds: int = 1
    tested: int = 1

    def mean(self, loss: str) -> float:
        """Return the mean of a loss over seeds and images; with folds every image counts once."""
        values = self.values[loss]
        return float(values.mean() if self.folds == 1 else mean_of_known(mean_of_known(values, axis=0), axis=0))

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
    return [HEADLINE[head], *COMPARED[head]]


def read(results: Sequence[Result]) -> dict[Trial, PerImage]:
    """Return what each trial of `results` that has scores, all of one head, scored on the test images.

    Raises:
        StudyError: such a trial's file is missing or damaged, or its images are not those of its fold's other trials.
    """
    folds = {result.trial: result.fold for result in results if result.has_scores}
    tables = {trial: _table(trial) for trial in folds}
    for trial, table in tables.items():
        first = next(other for other, fold in folds.items() if fold == folds[trial])
        if table.ids != tables[first].ids:
            raise StudyError(
                f"{_path(trial)}: its test images differ from those of {_path(first)}; run 'dvc repro' to evaluate "
                "both again"
            )
    return tables


def scores_of(
    metric: str, results: Sequence[Result], tables: Mapping[Trial, PerImage], folds: int = 1
) -> Scores | None:
    """Return the scores of the sound trials of `results`, all of one head.

    An image on which the metric is undefined (no foreground, say) is left out for all trials. None where a trial does
    not have the metric, or where it is defined on fewer than two images: then it has no spread.

    With `folds` the images are those of the folds that every loss that is compared has been tested on.
    """
    sound = [result for result in results if result.sound]
    if not sound or any(metric not in tables[result.trial].values for result in sound):
        return None
    if folds > 1:
        return _of_folds(metric, results, tables, folds)
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


def _of_folds(metric: str, results: Sequence[Result], tables: Mapping[Trial, PerImage], folds: int) -> Scores | None:
    by_loss = {one.trial.loss: [other for other in results if other.trial.loss == one.trial.loss] for one in results}
    by_loss = {loss: trials for loss, trials in by_loss.items() if any(one.sound for one in trials)}
    tested = set.intersection(*({one.fold for one in by_loss[loss] if one.sound} for loss in comparable(by_loss)))
    columns: dict[int, slice] = {}
    kept: dict[int, np.ndarray] = {}
    names: list[tuple[str, str]] = []
    for fold in sorted(tested):
        of_fold = [tables[one.trial] for one in results if one.sound and one.fold == fold]
        kept[fold] = np.flatnonzero(np.all([np.isfinite(table.values[metric]) for table in of_fold], axis=0))
        columns[fold] = slice(len(names), len(names) + len(kept[fold]))
        names += [(of_fold[0].objects[place], of_fold[0].backgrounds[place]) for place in kept[fold]]
    if len(names) < 2:
        return None
    values = {loss: np.full((len(trials), len(names)), np.nan) for loss, trials in by_loss.items()}
    for loss, trials in by_loss.items():
        for row, one in zip(values[loss], trials, strict=True):
            if one.sound and one.fold in tested:
                row[columns[one.fold]] = tables[one.trial].values[metric][kept[one.fold]]
    values = {loss: scores for loss, scores in values.items() if np.isfinite(scores).any()}
    objects, backgrounds = (Identities.of([pair[which] for pair in names]) for which in (0, 1))
    first = next(one for one in results if one.sound)
    return Scores(first.trial.head, metric, values, objects, backgrounds, first.classes, folds, len(tested))


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
