"""What networks of the mask answer whose inputs are flipped apart: ``python original/answers.py``.

Adds rows to original/results/<dataset>-answers.csv. Image and mask disagree in half of the training's images: the mask
belongs to the image or to its mirror image. If nothing in an image says whether it was mirrored, a pixel of the object
alone or of its mirror image alone is foreground in half of the cases. What each loss rewards there is in expected.py.
Beside them networks of the same losses without a mistake, which say how sure a network of that training is at all, and
of some losses networks that learn from masks of mirror images alone, which say how sure one is of the mirror image.
Images of the test and of the training are shown as they are and in a mirror: do the networks know which is which?
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import plan
import pool
from measure import REGIONS, SEEN, Tests
from plan import ALL, HALF, NONE, Experiment, Plan
from pool import Row

import train
from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import run_stage
from loss_study.statistics.results import read_csv
from loss_study.trial import Trial

#: Which training a row is; `mirrored` is the share of its images whose mask is that of their mirror image.
IDENTITY = ("loss", "mirrored", "images", "epochs", "seed")
#: `foreground` is the share of foreground in the training masks.
COLUMNS = (
    *IDENTITY, "foreground", "status", "seconds", "iou", "iou_best",
    *(f"answer_{region}{seen}" for seen in SEEN for region in REGIONS),
)  # fmt: skip
#: Loss, share of mirrored masks, images, epochs and seed of a training.
Asked = tuple[str, float, int, int, int]


def main() -> None:
    """Train what is missing, for as long as there is time."""
    chosen = plan.load()
    path = results(chosen)
    rows = current(read_csv(path))
    pool.train_all(missing(chosen, rows), partial(_row, chosen), path, rows, COLUMNS, __doc__)


def results(chosen: Plan) -> Path:
    """Return where the rows are."""
    return plan.HERE / "results" / f"{chosen.dataset}-answers.csv"


def current(rows: list[Row]) -> list[Row]:
    """Return the rows that have every column; a network whose row lacks one is trained again."""
    return [row for row in rows if row.keys() >= {*COLUMNS}]


def missing(chosen: Plan, rows: list[Row]) -> list[Asked]:
    """Return the trainings without a row."""
    there = {tuple(str(row[name]) for name in IDENTITY) for row in rows}
    asked = chosen.answers
    kinds = [(loss, share) for loss in asked.losses for share in (HALF, NONE)]
    kinds += [(loss, ALL) for loss in asked.always_mirrored]
    every = [
        (loss, share, one["images"], one["epochs"], seed)
        for one in asked.trainings
        for loss, share in kinds
        for seed in asked.seeds
    ]
    return [one for one in every if tuple(map(str, one)) not in there]


def parameters(chosen: Plan, asked: Asked) -> Config:
    """Return the configuration of a training; StudyError if it does not compose."""
    loss, share, images, epochs, _ = asked
    recipe = frozenset({"flip_apart"} if share == HALF else ())
    further = (f"sample.images={images}", f"recipe.epochs={epochs}")
    return chosen.parameters(Experiment("mask", loss, ()), recipe, *further)


def mirrored(sample: PackedSample) -> PackedSample:
    """Return `sample` with the mask of each image's mirror image in place of its own."""
    return replace(sample, masks=np.ascontiguousarray(sample.targets("mask")[:, :, ::-1]))


def _row(chosen: Plan, asked: Asked) -> Row:
    loss, share, images, epochs, seed = asked
    config = parameters(chosen, asked)
    title = f"{loss} {images} images {epochs} epochs {seed}"
    sample = PackedSample.open(plan.sample_folder(config.sample))
    learned = mirrored(sample) if share == ALL else sample
    found = train.train_and_measure(Trial("mask", loss, seed), learned, config, title, Tests.measure_in_mirrors)
    own: Row = dict(zip(IDENTITY, asked, strict=True)) | {"foreground": round(sample.statistics["mask_mean"], 6)}
    return own | {name: found[name] for name in COLUMNS if name not in own}


if __name__ == "__main__":
    run_stage(main)
