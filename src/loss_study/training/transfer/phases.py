"""Phases of a training with frozen parts: one, or a second one that fine-tunes the last stages of a frozen encoder.

Each phase has an optimiser of its own and goes through the learning-rate schedule from beginning to end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from torch import nn

from loss_study import models
from loss_study.config import RecipeConfig
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import StudyError
from loss_study.training.loop import OnStep, Phase, Training, validated
from loss_study.training.transfer import feature_cache, freezing
from loss_study.training.transfer.feature_batches import SPLITS, FeatureBatches, Features


@dataclass(frozen=True)
class Span:
    """The epochs from `first` to `last`, counted from 1, at the recipe's learning rate times `lr_factor`.

    Of a frozen encoder, the last `open_stages` are trained.
    """

    first: int
    last: int
    lr_factor: float = 1.0
    open_stages: int = 0


def plan(
    training: Training, sample: PackedSample, on_step: OnStep, one_phase: Callable[[Training, PackedSample], Phase]
) -> Iterator[Phase]:
    """Freeze the recipe's parts and yield the phases that have epochs left, each once the one before is over.

    `one_phase` makes the phase of all epochs and all of the model, which they are parts of.

    Raises:
        StudyError: the encoder has fewer stages than are to be fine-tuned, or nothing of the model is left to train.
    """
    for span in spans(training.recipe, training.model, after=training.outcome.last_epoch):
        yield _phase(training, sample, one_phase(training, sample), span, on_step)


def spans(recipe: RecipeConfig, model: nn.Module, after: int) -> list[Span]:
    """Return those spans of `recipe` that have epochs after epoch `after`; StudyError as in `plan`."""
    fine_tune = recipe.fine_tune
    found = [Span(1, recipe.epochs)]
    if fine_tune.epochs:
        stages = len(models.stages(model))
        if fine_tune.stages > stages:
            raise StudyError(f"recipe.fine_tune.stages: the encoder has {stages} stages; got {fine_tune.stages}")
        found.append(Span(recipe.epochs + 1, recipe.all_epochs, fine_tune.lr_factor, fine_tune.stages))
    return [span for span in found if span.last > after]


def _phase(training: Training, sample: PackedSample, whole: Phase, span: Span, on_step: OnStep) -> Phase:
    model, recipe = training.model, training.recipe
    frozen = freezing.freeze(model, recipe.freeze, span.open_stages)
    training.outcome.trainable_parameters = models.parameter_count(model)
    phase = replace(
        whole,
        first=span.first,
        last=span.last,
        lr=recipe.optimizer.lr * span.lr_factor,
        set_training=partial(freezing.set_training, model, frozen),
    )
    if recipe.cache_features and "encoder" in recipe.freeze and not span.open_stages:
        return _on_features(training, sample, phase, on_step)
    return phase


def _on_features(training: Training, sample: PackedSample, phase: Phase, on_step: OnStep) -> Phase:
    """Return `phase` with what comes after the encoder for its network, and cached features for its inputs."""
    trial, recipe = training.trial, training.recipe
    folder = feature_cache.keep(
        training.model,
        sample,
        trial.head,
        recipe.batch_size,
        training.precision,
        mirrored=recipe.augmentation.flip > 0,
        tell=lambda words: on_step(0, words),
    )
    features = Features(folder, sample, training.device)
    network = feature_cache.Decoding(training.model)
    train_batches, validation_batches = (
        FeatureBatches(sample, split, trial.head, recipe.batch_size, training.device, features) for split in SPLITS
    )
    return replace(
        phase,
        network=network,
        batches=lambda epoch: train_batches.shuffled(trial.seed, epoch, recipe.augmentation),
        validate=lambda: validated(training, network, validation_batches),
    )
