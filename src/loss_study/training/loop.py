"""The training loop: one trial from random weights to the best epoch, read from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from loss_study import losses, metrics, models
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.parameters import Augmentation, Model, Recipe
from loss_study.training import optimizers, schedules
from loss_study.training.checkpoint import Checkpoint
from loss_study.training.device import autocast, pick, pick_precision
from loss_study.training.schedules import Moment
from loss_study.trial import Trial

#: Called after every step with the number of pictures seen in it.
OnStep = Callable[[int], None]
#: Called after every epoch with its row of the history; a resumed training begins with those of its earlier epochs.
OnEpoch = Callable[[dict[str, float]], None]

#: The columns of an epoch's row in the history.
HISTORY = ("epoch", "train_loss", "validation", "learning_rate", "seconds", "images_per_second")


@dataclass
class Outcome:
    """What a training leaves: the weights of the best epoch, the history, and how it ended.

    `history` has one row per epoch: epoch (from 1), train_loss (mean over pictures), validation (the head's metric),
    learning_rate (of the epoch's last step), seconds, images_per_second. `status` is "finished" or "diverged".
    """

    weights: dict[str, torch.Tensor]
    parameters: int
    best_epoch: int = 0
    best_validation: float = math.nan
    status: str = "finished"
    reason: str = ""
    history: list[dict[str, float]] = field(default_factory=list)


def train(
    trial: Trial,
    sample: PackedSample,
    model_choice: Model,
    recipe: Recipe,
    loss_options: dict[str, Any],
    checkpoint: Checkpoint,
    on_step: OnStep,
    on_epoch: OnEpoch,
) -> Outcome:
    """Train `trial` on the training split and return its best epoch by the head's metric on the validation split.

    With ``recipe.keep`` "last" the last epoch takes the place of the best one.
    The same arguments give the same numbers, to the last digit on a CPU with the same number of threads; so does a
    training that was interrupted and is resumed from `checkpoint`. A loss that becomes NaN or infinite ends the
    training with status "diverged" and the best weights so far.

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
    optimizer = optimizers.build(recipe.optimizer.name, model.parameters(), **recipe.optimizer.options)
    schedule = schedules.build(recipe.schedule.name, **recipe.schedule.options)
    train_batches = Batches(sample, "train", trial.head, recipe.batch_size, device)
    validation_batches = Batches(sample, "validation", trial.head, recipe.batch_size, device)
    steps = train_batches.steps

    outcome = Outcome(_copy(model), models.parameter_count(model))
    first_epoch = _resume(checkpoint, model, optimizer, outcome)
    for row in outcome.history:
        on_epoch(row)
    for epoch in range(first_epoch, recipe.epochs + 1):
        if recipe.early_stop and epoch - outcome.best_epoch > recipe.early_stop:
            break
        started = time.perf_counter()
        total_loss = torch.zeros((), device=device)
        seen = 0
        model.train()
        batches = train_batches.shuffled(trial.seed, epoch, recipe.augmentation)
        validations = tuple(row["validation"] for row in outcome.history)
        for step, batch in enumerate(batches, start=(epoch - 1) * steps):
            moment = Moment(step, recipe.epochs * steps, steps, validations, metrics.rises(trial.head))
            learning_rate = recipe.optimizer.lr * schedule(moment)
            with autocast(device, precision):
                logits = model(batch.inputs)[trial.head]
            loss = loss_function(logits, batch.target, batch.valid).mean()
            for parameter in optimizer.parameters:
                parameter.grad = None
            loss.backward()
            optimizer.step(learning_rate)
            total_loss += loss.detach() * len(batch.target)
            seen += len(batch.target)
            on_step(len(batch.target))
        train_loss = total_loss.item() / seen
        seconds = time.perf_counter() - started

        if not math.isfinite(train_loss):
            outcome.status = "diverged"
            outcome.reason = f"the loss became {train_loss} in epoch {epoch}"
            break
        validation = validate(model, validation_batches, trial.head, precision, output)
        outcome.history.append(
            dict(zip(HISTORY, (epoch, train_loss, validation, learning_rate, seconds, seen / seconds), strict=True))
        )
        better = outcome.best_epoch == 0 or metrics.is_better(trial.head, validation, outcome.best_validation)
        if better or recipe.keep == "last":
            outcome.best_epoch, outcome.best_validation = epoch, validation
            outcome.weights = _copy(model)
        checkpoint.save(_state(model, optimizer, outcome))
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


def _copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def _state(model: nn.Module, optimizer: optimizers.Optimizer, outcome: Outcome) -> dict[str, Any]:
    return {"model": model.state_dict(), "optimizer": optimizer.state(), "outcome": vars(outcome)}


def _resume(checkpoint: Checkpoint, model: nn.Module, optimizer: optimizers.Optimizer, outcome: Outcome) -> int:
    """Put a saved state back, if there is one, and return the first epoch that is still to be trained."""
    state = checkpoint.load()
    if state is None:
        return 1
    model.load_state_dict(state["model"])
    optimizer.load(state["optimizer"])
    vars(outcome).update(state["outcome"])
    return len(outcome.history) + 1
