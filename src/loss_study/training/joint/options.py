"""The losses and the weighting of a joint training, with all their options: ``trial.json`` keeps them."""

from __future__ import annotations

from typing import Any

import torch

from loss_study import losses
from loss_study.choices.imported import TARGET
from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.heads import HEADS
from loss_study.runtime.errors import StudyError, nearest
from loss_study.training.joint import weightings


def check(config: Config, name: str, *, classes: int, invalid: set[str]) -> None:
    """Check the names and options of the joint training `name`.

    Args:
        classes: of the mask.
        invalid: the heads with invalid pixels.

    Raises:
        StudyError: a loss or a weighting that does not exist or does not fit; the message names its key.
    """
    where, training = f"joint.options.{name}", config.joint.options[name]
    for head, loss in training.losses.items():
        made = (other for other, options in config.loss_options.items() if "terms" in options or TARGET in options)
        known = [*losses.names(), *made]
        if loss not in known:
            raise StudyError(f"{where}.{head}: unknown loss {loss!r}: {nearest(loss, known)}")
        found = losses.load(loss, config.options_of(loss))
        found.check_fit(head, classes=classes, invalid=head in invalid, key=f"{where}.{head}")
    checked = weightings.check(training.weighting, training.weighting_options, where)
    weighting = weightings.build(training.weighting, HEADS, torch.device("cpu"), checked)
    if config.recipe.devices > 1 and not weighting.of_sum:
        raise StudyError(f"recipe.devices: {where}.weighting {training.weighting} works on one device; set it to 1")


def resolve(config: Config, name: str, sample: PackedSample) -> dict[str, Any]:
    """Return the options of the joint training `name` with numbers for what depends on the training split.

    ``{"mask": {"loss": ..., "options": ...}, "depth": the same, "weighting": {"name": ..., "options": ...}}``

    Raises:
        StudyError: as in `check`.
    """
    training = config.joint.options[name]
    check(config, name, classes=sample.classes, invalid={h for h in training.losses if sample.valid(h) is not None})
    options: dict[str, Any] = {}
    for head, loss in training.losses.items():
        statistics = losses.TargetStatistics.of(sample.statistics, head, sample.classes)
        resolved = losses.load(loss, config.options_of(loss)).resolve(statistics)
        options[head] = {"loss": loss, "options": dict(resolved.options)}
    checked = weightings.check(training.weighting, training.weighting_options, f"joint.options.{name}")
    return options | {"weighting": {"name": training.weighting, "options": checked}}
