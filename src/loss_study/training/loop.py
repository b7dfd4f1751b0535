"""The training loop: one trial from random weights to the best epoch, read from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from loss_study import losses, metrics, models
from loss_study.config import Augmentation, ModelConfig, RecipeConfig
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.training import distributed, optimizers, phases, schedules
from loss_study.training.checkpoint import Checkpoint
from loss_study.training.device import autocast, pick, pick_precision
from loss_study.training.inputs import Inputs, OnStep
from loss_study.training.outcome import HISTORY, Outcome, weights_of
from loss_study.training.transfer import freezing
from loss_study.trial import Trial

#: Called after every epoch with its row of the history; a resumed training begins with those of its earlier epochs.
OnEpoch = Callable[[dict[str, float]], None]


def train(
    trial: Trial,
    sample: PackedSample,
    model_choice: ModelConfig,
    recipe: RecipeConfig,
    loss_options: dict[str, Any],
    checkpoint: Checkpoint,
    on_step: OnStep,
    on_epoch: OnEpoch,
) -> Outcome:
    """Train `trial` on the training split and return its best epoch by the head's metric on the validation split.

    With ``recipe.keep`` "last" the last epoch takes the place of the best one.
    The same arguments give the same numbers, to the last digit on a CPU with the same number of threads; so does a
    training that was interrupted and is resumed from `checkpoint`. A loss that becomes NaN or infinite ends the
    training with status "diverged" and the best weights so far. ``recipe.early_stop`` ends a phase, not the training.
    On several devices, each process calls this and returns the same outcome; see `distributed`.

    Args:
        loss_options: resolved, see `losses.resolve`.
    """
    device = pick()
    precision = pick_precision(recipe.precision, device)
    torch.manual_seed(trial.seed)
    heads, options = [trial.head], model_choice.options
    model = models.build(model_choice.name, sample.in_channels, heads, classes=sample.classes, **options)
    model = model.to(device, memory_format=torch.channels_last)
    loss_function = losses.build(trial.loss, **loss_options)
    output = losses.output(trial.loss, **loss_options)
    schedule = schedules.build(recipe.schedule.name, **recipe.schedule.options)
    inputs = Inputs(sample, trial.head, recipe, device, precision)

    outcome = Outcome(weights_of(model), models.total_count(model))
    saved = distributed.from_first(checkpoint.load)
    if saved is not None:
        model.load_state_dict(saved["model"])
        vars(outcome).update(saved["outcome"])
    for row in outcome.history:
        on_epoch(row)
    for phase in phases.plan(recipe, model, after=outcome.last_epoch):
        frozen = freezing.freeze(model, phase.frozen, phase.open_stages)
        outcome.trainable_parameters = models.parameter_count(model)
        optimizer = optimizers.build(recipe.optimizer.name, model.parameters(), **recipe.optimizer.options)
        if saved is not None and outcome.last_epoch >= phase.first:
            optimizer.load(saved["optimizer"])
        network, train_batches, validation_batches = inputs.of(model, phase, on_step)
        replica = distributed.data_parallel(network)
        for epoch in phase.epochs(outcome, recipe.early_stop):
            started = time.perf_counter()
            total_loss = torch.zeros((), device=device)
            seen = 0
            freezing.set_training(model, frozen)
            # Dropout draws from torch's global generator; so it draws the same after a resume.
            torch.manual_seed((trial.seed << 20) + epoch)
            batches = distributed.share(train_batches.shuffled(trial.seed, epoch, recipe.augmentation))
            moments = phase.moments(epoch, train_batches.steps, outcome, metrics.rises(trial.head))
            for batch, moment in zip(batches, moments, strict=True):
                learning_rate = recipe.optimizer.lr * phase.lr_factor * schedule(moment)
                with autocast(device, precision):
                    logits = replica(batch.inputs)[trial.head]
                loss = loss_function(logits, batch.target, batch.valid).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step(learning_rate)
                total_loss += loss.detach() * len(batch.target)
                seen += distributed.size() * len(batch.target)
                on_step(distributed.size() * len(batch.target))
            train_loss = distributed.total(total_loss) / seen
            seconds = time.perf_counter() - started

            if not math.isfinite(train_loss):
                outcome.diverge(train_loss, epoch)
                return outcome
            validation = distributed.from_first(validate, network, validation_batches, trial.head, precision, output)
            row = (epoch, train_loss, validation, learning_rate, seconds, seen / seconds)
            outcome.add(dict(zip(HISTORY, row, strict=True)), model, trial.head, recipe.keep)
            checkpoint.save({"model": model.state_dict(), "optimizer": optimizer.state(), "outcome": vars(outcome)})
            on_epoch(outcome.history[-1])
    return outcome


@torch.no_grad()
def predictions(
    model: nn.Module,
    batches: Batches,
    head: str,
    precision: str,
    output: losses.Output,
    augmentation: Augmentation | None = None,
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]]:
    """Yield prediction, target and `Batch.valid` of every batch of a split, in evaluation mode.

    The first two are float32 (N, C, H, W) in [0, 1].
    """
    model.eval()
    for batch in batches.in_order(augmentation):
        with autocast(batches.device, precision):
            logits = model(batch.inputs)[head]
        yield output.predict(logits.float()), batch.target, batch.valid


def validate(
    model: nn.Module,
    batches: Batches,
    head: str,
    precision: str,
    output: losses.Output,
    augmentation: Augmentation | None = None,
) -> float:
    """Return the head's metric over a split, the mean over its images that have a truth."""
    total, images = 0.0, 0
    for prediction, target, valid in predictions(model, batches, head, precision, output, augmentation):
        count = len(target) if valid is None else int(valid.flatten(1).any(dim=1).sum())
        if count:
            total += metrics.headline(head, prediction=prediction, target=target, valid=valid) * count
            images += count
    return total / images if images else math.nan
