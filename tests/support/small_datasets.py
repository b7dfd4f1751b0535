"""Two tiny made-up datasets: a mask of three classes, and depth with missing readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from loss_study.config import Config, composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.datasets.base import Example, Item
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.report.build import build
from loss_study.report.publish import publish
from loss_study.sampling.pack import pack
from loss_study.statistics import results
from loss_study.statistics.ranking import Ranking, headlines, rank_all
from loss_study.training import run as training_run
from loss_study.trial import trials

CLASSES = ["pet", "background", "border"]


@dataclass(frozen=True)
class _Drawn:
    """A dataset of `count` images, each independent of the others."""

    count: int = 60
    backgrounds: Sequence[str] | None = None
    objects: Sequence[str] | None = None
    has_background_images: bool = False
    notes: Sequence[str] = ("Drawn from nothing.",)

    def draw(self, backgrounds, objects, count, rng):
        numbers = rng.choice(self.count, size=min(count, self.count), replace=False)
        return [Item(f"drawn-{number}", None, None) for number in numbers]

    def _disc(self, item: Item, size: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
        """Return a noisy grey image, and the distance of every pixel from a disc's outline, negative inside."""
        rng = np.random.default_rng(int(item.id.removeprefix("drawn-")))
        row, column = np.mgrid[:size, :size]
        centre, radius = rng.uniform(0.35, 0.65, 2) * size, rng.uniform(0.18, 0.3) * size
        distance = np.hypot(row - centre[0], column - centre[1]) - radius
        return rng.integers(60, 110, (size, size, 3), dtype=np.uint8), distance, rng


@dataclass(frozen=True)
class ThreeClasses(_Drawn):
    """Bright discs in much noise: 0 the disc, 1 everything else, 2 a ring between them, darker than both."""

    def example(self, item: Item, size: int) -> Example:
        image, distance, rng = self._disc(item, size)
        classes = np.where(np.abs(distance) < size / 16, 2, distance > 0).astype(np.uint8)
        grey = np.array([170, 85, 40])[classes] + rng.normal(0, 30, (size, size))
        return Example(np.clip(image * 0.2 + grey[..., None], 0, 255).astype(np.uint8), classes, None)


@dataclass(frozen=True)
class RgbdWithInvalidPixels(_Drawn):
    """A disc in front of a ramp, the nearer the brighter; a strip at its left has no reading, and every tenth pixel.

    Where there is none the depth says 65535, as sensors do: were it counted, all metrics would show it.
    """

    def example(self, item: Item, size: int) -> Example:
        image, distance, rng = self._disc(item, size)
        depth = np.where(distance < 0, 50, np.linspace(240, 120, size)[:, None] * np.ones(size))
        image = (image / 4 + (255 - depth)[..., None] * 0.75).astype(np.uint8)
        shadow = (distance > 0) & (np.roll(distance, -size // 10, axis=1) < 0)
        missing = shadow | (rng.random((size, size)) < 0.1)
        return Example(image, None, np.where(missing, 65535, 257 * depth).astype(np.uint16), depth_valid=~missing)


def study(folder: Path, losses: Sequence[str], *, size: int = 32, **dataset) -> Config:
    """Write the params.yaml of a study of `losses` on a dataset, and load it."""
    heads = dataset["heads"]
    composition.compose(
        folder / "params.yaml", ["scale=smoke", "recipe.batch_size=4", "recipe.epochs=6", "model.options.stages=2"]
    )
    values = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    values["dataset"] = {"name": "folder", "path": "images", **dataset}
    values["loss"] = {"names": list(losses), "heads": heads}
    values["loss_options"] = {name: {} for name in losses}
    values["sample"] |= {"images": 60, "size": size}
    (folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return load_config(folder / "params.yaml")


def run(config: Config, dataset: _Drawn) -> tuple[PackedSample, list[Ranking]]:
    """Sample, train, evaluate and compare in the working directory, as the stages do; the report is in reports/.

    Returns:
        The packed sample, and the ranking of each head on its headline metric.
    """
    pack(dataset, Path("data/sample"), config.dataset, config.sample)
    sample = PackedSample.open(Path("data/sample"))
    for trial in trials(config):
        training_run.train_trials([trial], config, sample)
        evaluate_trials([trial], sample)
    found = results.read(config)
    rankings = rank_all(found, config)
    publish(Path("reports"), build(config, found, rankings, sample))
    return sample, headlines(rankings)
