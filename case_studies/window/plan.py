"""The studies that params.yaml beside this file describes, one for each size of the images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from loss_study.config import Config
from loss_study.config.composition import composed
from loss_study.runtime.errors import StudyError

HERE = Path("window")
PARAMS = HERE / "params.yaml"


@dataclass(frozen=True)
class Plan:
    """All of params.yaml."""

    dataset: str
    path: str
    study: list[str]
    sizes: list[int]

    def datasets(self) -> list[Plan]:
        """Return the plans of its own dataset, then of the others that have results."""
        others = sorted(path.name for path in (HERE / "results").iterdir() if path.name != self.dataset)
        return [self, *(replace(self, dataset=name) for name in others)]

    def choices(self, size: int) -> list[str]:
        """Return what the study of images of `size` px chooses, as for ``dvc exp run -S``; StudyError if none is."""
        if size not in self.sizes:
            raise StudyError(f"{PARAMS}: no study has images of {size} px, only of {self.sizes}")
        return [f"dataset={self.dataset}", f"dataset.path='{self.path}'", *self.study, f"sample.size={size}"]

    def config(self, size: int) -> Config:
        """Return the parameters of the study of images of `size` px."""
        return composed(self.choices(size))

    def results(self, size: int) -> Path:
        """Return where the rows of its trainings are."""
        return HERE / "results" / self.dataset / f"{size}.csv"


def load(path: Path = PARAMS) -> Plan:
    """Read params.yaml."""
    return Plan(**yaml.safe_load(path.read_text(encoding="utf-8")))


def windows(config: Config) -> dict[str, int]:
    """Return the side of the window of SSIM in pixels of each loss that has one, from narrow to wide."""
    found = {}
    for loss, options in config.loss_options.items():
        own = options["options"]["ssim"] if "terms" in options else options
        if "window" in own:
            found[loss] = int(own["window"])
    return dict(sorted(found.items(), key=lambda one: one[1]))
