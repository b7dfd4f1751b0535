"""The training loop: one model on one device in one phase, read from top to bottom.

`start` builds what a trial begins with, `one_phase` says what is trained and how far, and `train` goes through the
epochs. Frozen parts, fine-tuning, cached features (`transfer`) and several devices (`distributed`) stand beside it:
they replace fields of the `Phase`. `loss_study.training.train` puts them together.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from loss_study import losses, metrics, models
from loss_study.config import Augmentation, ModelConfig, RecipeConfig
from loss_study.data.batches import Batch, Batches
from loss_study.data.packed import PackedSample
from loss_study.training import optimizers, schedules
from loss_study.training.device import autocast, pick, pick_precision
from loss_study.training.outcome import HISTORY, Outcome, weights_of
from loss_study.training.record import weights_of_parent
from loss_study.training.schedules import Moment, Schedule
from loss_study.trial import Trial

#: Called after every epoch with its row of the history; a resumed training begins with those of its earlier epochs.
OnEpoch = Callable[[dict[str, float]], None]
#: Called after every epoch with all that a training needs to go on from there.
Save = Callable[[dict[str, Any]], None]


class OnStep(Protocol):
    """Called after every step with the number of images seen in it; before the first, with words on what is done."""

    def __call__(self, images: int, words: str = "", /) -> None:
        """Take note."""
        ...


@dataclass
class Training:
    """One trial while it is trained: what it consists of, and what it has reached."""

    trial: Trial
    recipe: RecipeConfig
    device: torch.device
    precision: str
    model: nn.Module
    loss: losses.Loss
    schedule: Schedule
    outcome: Outcome
    #: The optimiser's tensors in the checkpoint, None for a training that begins.
    optimizer_state: dict[str, list[Tensor]] | None


def _totals(loss: Tensor, images: int) -> tuple[float, int]:
    return loss.item(), images


@dataclass(frozen=True)
class Phase:
    """The epochs from `first` to `last`, counted from 1, that have one optimiser and go once through the schedule.

    `lr` is the learning rate that the schedule multiplies. `batches(epoch)` yields the `steps` training batches of an
    epoch, `network` takes their inputs to logits by head, `set_training()` puts the model into training mode,
    `validate()` returns the metric on the validation split. `totals` adds up an epoch's loss and its images.
    """

    first: int
    last: int
    lr: float
    network: nn.Module
    steps: int
    batches: Callable[[int], Iterator[Batch]]
    set_training: Callable[[], object]
    validate: Callable[[], float]
    totals: Callable[[Tensor, int], tuple[float, int]] = _totals

    def moments(self, epoch: int, history: Sequence[dict[str, float]], rising: bool) -> Iterator[Moment]:
        """Yield the moment of each step of `epoch`; `rising` as in `Moment`."""
        validation = tuple(row["validation"] for row in history if row["epoch"] >= self.first)
        for step in range((epoch - self.first) * self.steps, (epoch - self.first + 1) * self.steps):
            yield Moment(step, (self.last - self.first + 1) * self.steps, self.steps, validation, rising)


def start(
    trial: Trial,
    sample: PackedSample,
    model_config: ModelConfig,
    recipe: RecipeConfig,
    loss_options: dict[str, Any],
    saved: dict[str, Any] | None = None,
) -> Training:
    """Return the training of `trial` before its first epoch, or where the checkpoint `saved` left it.

    Args:
        loss_options: resolved, see `Loss.resolve`.
    """
    device = pick()
    torch.manual_seed(trial.seed)
    heads, options = [trial.head], model_config.options
    model = models.build(model_config.name, sample.in_channels, heads, classes=sample.classes, **options)
    model = model.to(device).to(memory_format=torch.channels_last).requires_grad_(True)
    if recipe.continues:
        model.load_state_dict(weights_of_parent(trial.head, sample.fold))
    outcome = Outcome(weights_of(model), models.total_count(model), models.parameter_count(model))
    if saved is not None:
        model.load_state_dict(saved["model"])
        outcome = Outcome(**saved["outcome"])
    return Training(
        trial,
        recipe,
        device,
        pick_precision(recipe.precision, device),
        model,
        losses.load(trial.loss, loss_options),
        schedules.build(recipe.schedule.name, **recipe.schedule.options),
        outcome,
        None if saved is None else saved["optimizer"],
    )


def one_phase(training: Training, sample: PackedSample) -> Phase:
    """Return the phase of a training that has one: all epochs, all of the model."""
    trial, recipe, model = training.trial, training.recipe, training.model
    arguments = (trial.head, recipe.batch_size, training.device)
    train_batches, validation_batches = (Batches(sample, split, *arguments) for split in ("train", "validation"))

    def validated() -> float:
        if recipe.batchnorm == "recomputed":
            recompute_batchnorm(model, train_batches, training.precision)
        return validate(model, validation_batches, trial.head, training.precision, training.loss.output)

    return Phase(
        first=1,
        last=recipe.epochs,
        lr=recipe.optimizer.lr,
        network=model,
        steps=train_batches.steps,
        batches=lambda epoch: train_batches.shuffled(trial.seed, epoch, recipe.augmentation),
        set_training=model.train,
        validate=validated,
    )


def train(training: Training, phase: Phase, save: Save, on_step: OnStep, on_epoch: OnEpoch) -> None:
    """Train the epochs of `phase` that are not over; ``training.outcome`` grows.

    A loss that becomes NaN or infinite ends the training with status "diverged" and the best weights so far.
    ``recipe.early_stop`` ends the phase.
    """
    trial, recipe, model, outcome = training.trial, training.recipe, training.model, training.outcome
    optimizer = optimizers.build(recipe.optimizer.name, model.parameters(), **recipe.optimizer.options)
    if training.optimizer_state is not None and outcome.last_epoch >= phase.first:
        optimizer.load(training.optimizer_state)
    for epoch in range(max(phase.first, outcome.last_epoch + 1), phase.last + 1):
        if recipe.early_stop and epoch - max(outcome.best_epoch, phase.first - 1) > recipe.early_stop:
            return
        started = time.perf_counter()
        total_loss = torch.zeros((), device=training.device)
        images = 0
        phase.set_training()
        # Dropout draws from torch's global generator; so it draws the same after a resume.
        torch.manual_seed((trial.seed << 20) + epoch)
        moments = phase.moments(epoch, outcome.history, metrics.rises(trial.head))
        for batch, moment in zip(phase.batches(epoch), moments, strict=True):
            learning_rate = phase.lr * training.schedule(moment)
            with autocast(training.device, training.precision):
                logits = phase.network(batch.inputs)[trial.head]
            loss = training.loss(logits, batch.target, batch.valid).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step(learning_rate)
            total_loss += loss.detach() * len(batch.target)
            images += len(batch.target)
            on_step(len(batch.target))
        total, images = phase.totals(total_loss, images)
        train_loss = total / images
        seconds = time.perf_counter() - started

        if not math.isfinite(train_loss):
            outcome.diverge(train_loss, epoch)
            return
        row = (epoch, train_loss, phase.validate(), learning_rate, seconds, images / seconds)
        outcome.add(dict(zip(HISTORY, row, strict=True)), model, trial.head, recipe.keep)
        save({"model": model.state_dict(), "optimizer": optimizer.state(), "outcome": vars(outcome)})
        on_epoch(outcome.history[-1])


def recompute_batchnorm(model: nn.Module, batches: Batches, precision: str) -> None:
    """Replace the running statistics of BatchNorm by their means over the training `batches`, not augmented.

    The batches are the same for every trial and epoch; as in training, an incomplete last one is left out.
    """
    with autocast(batches.device, precision):
        update_bn((batch.inputs for batch in batches.shuffled(0, 0, None)), model)


@torch.no_grad()
def predictions(
    model: nn.Module,
    batches: Batches,
    head: str,
    precision: str,
    output: losses.Output,
    augmentation: Augmentation | None = None,
) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
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
    """Return the metric that ranks the head over a whole split, see `metrics.Headline`."""
    headline = metrics.Headline(head)
    for prediction, target, valid in predictions(model, batches, head, precision, output, augmentation):
        headline.add(prediction=prediction, target=target, valid=valid)
    return headline.value
