"""Frozen parts of a model: their weights and their BatchNorm statistics stay as they are.

An encoder whose last stages are fine-tuned stays in evaluation mode as a whole: with the statistics of a few small
batches it would lose what it has learned (https://keras.io/guides/transfer_learning/, "freezing and fine-tuning").
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from loss_study import models
from loss_study.config import Part
from loss_study.runtime.errors import StudyError


def freeze(model: nn.Module, frozen: Sequence[Part], open_stages: int = 0) -> list[nn.Module]:
    """Let all of `model` be trained except the parts `frozen`; of the encoder, the last `open_stages` are trained.

    Returns:
        The modules that `set_training` has to keep in evaluation mode.

    Raises:
        StudyError: the model has no parts, or none of its parameters is left to train.
    """
    model.requires_grad_(True)
    if not frozen:
        return []
    still: list[nn.Module] = [models.parts(model)[part] for part in frozen]
    for part in still:
        part.requires_grad_(False)
    for stage in models.stages(model)[-open_stages:] if open_stages else []:
        stage.requires_grad_(True)
    if not models.parameter_count(model):
        raise StudyError(f"recipe.freeze: without {', '.join(frozen)} nothing of this model is left to train")
    return still


def set_training(model: nn.Module, still: Sequence[nn.Module]) -> None:
    """Put `model` into training mode, but `still` into evaluation mode: fixed statistics, no dropout."""
    model.train()
    for part in still:
        part.eval()
