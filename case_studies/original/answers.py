"""What networks of the mask answer whose inputs are flipped apart: ``python original/answers.py``.

Adds rows to original/results/<dataset>-answers.csv. Image and mask disagree in half of the training's images: the mask
belongs to the image or to its mirror image. If nothing in an image says whether it was mirrored, a pixel of the object
alone or of its mirror image alone is foreground in half of the cases. What each loss rewards there is in expected.py.
Beside them networks of the same losses without a mistake, which say how sure a network of that training is at all.
Images of the test and of the training are shown as they are and in a mirror: do the networks know which is which?
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import plan
import pool
from measure import REGIONS, SEEN, Tests
from plan import Experiment, Plan, Recipe
from pool import Row

import train
from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import run_stage
from loss_study.statistics.results import read_csv
from loss_study.trial import Trial

#: `foreground` is the share of foreground in the training masks.
COLUMNS = (
    "loss", "flip_apart", "images", "epochs", "seed", "foreground", "status", "seconds", "iou", "iou_best",
    *(f"answer_{region}{seen}" for seen in SEEN for region in REGIONS),
)  # fmt: skip
RECIPES: tuple[Recipe, Recipe] = (frozenset({"flip_apart"}), frozenset())
#: Loss, recipe, images, epochs and seed of a training.
Asked = tuple[str, Recipe, int, int, int]


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
    there = {tuple(str(row[name]) for name in ("loss", "flip_apart", "images", "epochs", "seed")) for row in rows}
    asked = chosen.answers
    every = [
        (loss, recipe, one["images"], one["epochs"], seed)
        for one in asked.trainings
        for loss in asked.losses
        for recipe in RECIPES
        for seed in asked.seeds
    ]
    return [one for one in every if (one[0], str(len(one[1])), *map(str, one[2:])) not in there]


def parameters(chosen: Plan, asked: Asked) -> Config:
    """Return the configuration of a training; StudyError if it does not compose."""
    loss, recipe, images, epochs, _ = asked
    further = (f"sample.images={images}", f"recipe.epochs={epochs}")
    return chosen.parameters(Experiment("mask", loss, ()), recipe, *further)


def _row(chosen: Plan, asked: Asked) -> Row:
    loss, recipe, images, epochs, seed = asked
    config = parameters(chosen, asked)
    title = f"{loss} {images} images {epochs} epochs {seed}"
    found = train.train_and_measure(Trial("mask", loss, seed), config, title, Tests.measure_in_mirrors)
    foreground = PackedSample.open(plan.sample_folder(config.sample)).statistics["mask_mean"]
    own = {"loss": loss, "flip_apart": len(recipe), "images": images, "epochs": epochs, "seed": seed}
    own |= {"foreground": round(foreground, 6)}
    return own | {name: found[name] for name in COLUMNS if name not in own}


if __name__ == "__main__":
    run_stage(main)
