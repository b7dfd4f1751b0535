"""The configuration of a study: what params.yaml may say, and which of its sections contradict each other.

Each section has a file; ``study.py`` has the whole, ``load.py`` reads it, ``consistency.py`` has what contradicts, and
``composition.py`` makes params.yaml of ``conf/``. `loss_study.checks.check` then checks names, options and paths, which
takes the packages that they are about.
"""

from __future__ import annotations

from loss_study.config.dataset import DatasetConfig, DepthTeacher, SampleConfig
from loss_study.config.joint import JointConfig, JointTraining
from loss_study.config.load import PARAMS, checked, load_config
from loss_study.config.loss import (
    CombinationConfig,
    LossConfig,
    combination,
    open_weights,
    refuse_open_weights,
    with_weights,
)
from loss_study.config.race import CompareConfig, Margin, RaceConfig
from loss_study.config.recipe import (
    PARTS,
    Augmentation,
    Colour,
    FineTune,
    ModelConfig,
    OptimizerConfig,
    ParentConfig,
    Part,
    RecipeConfig,
    ScheduleConfig,
    SearchConfig,
)
from loss_study.config.study import Config, SourcesConfig
from loss_study.config.values import flat

__all__ = [
    "PARAMS",
    "PARTS",
    "Augmentation",
    "Colour",
    "CombinationConfig",
    "CompareConfig",
    "Config",
    "DatasetConfig",
    "DepthTeacher",
    "FineTune",
    "JointConfig",
    "JointTraining",
    "LossConfig",
    "Margin",
    "ModelConfig",
    "OptimizerConfig",
    "ParentConfig",
    "Part",
    "RaceConfig",
    "RecipeConfig",
    "SampleConfig",
    "ScheduleConfig",
    "SearchConfig",
    "SourcesConfig",
    "checked",
    "combination",
    "flat",
    "load_config",
    "open_weights",
    "refuse_open_weights",
    "with_weights",
]
