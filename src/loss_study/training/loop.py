"""The training loop: one model on one device in one phase, read from top to bottom.

`start` builds what a trial begins with, `one_phase` says what is trained and how far, and `train` goes through the
epochs. Frozen parts, fine-tuning, cached features (`transfer`), several heads (`joint`) and several devices
(`distributed`) stand beside it: they replace fields of the `Phase`. `loss_study.training.train` puts them together.
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
from loss_study.metrics.headline import Headline
from loss_study.training import optimizers, schedules
from loss_study.training.device import autocast, pick, pick_precision
from loss_study.training.objective import Objective, OneHead
from loss_study.training.outcome import Outcome, weights_of
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
    objective: Objective
    schedule: Schedule
    outcome: Outcome
    #: The optimiser's tensors in the checkpoint, None for a training that begins.
    optimizer_state: dict[str, list[Tensor]] | None


def _totals(losses: Tensor, images: int) -> tuple[list[float], int]:
    return losses.reshape(-1).tolist(), images


@dataclass(frozen=True)
class Phase:
    """The epochs from `first` to `last`, counted from 1, that have one optimiser and go once through the schedule.

    `lr` is the learning rate that the schedule multiplies. `batches(epoch)` yields the `steps` training batches of an
    epoch, `network` takes their inputs to logits by head, `set_training()` puts the model into training mode,
    `validate()` returns what the history says of the validation split, the metric as "validation". `totals` adds up an
    epoch's losses and its images.
    """

    first: int
    last: int
    lr: float
    network: nn.Module
    steps: int
    batches: Callable[[int], Iterator[Batch]]
    set_training: Callable[[], object]
    validate: Callable[[], dict[str, float]]
    totals: Callable[[Tensor, int], tuple[list[float], int]] = _totals

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
    objective: Objective,
    saved: dict[str, Any] | None = None,
) -> Training:
    """Return the training of `trial` before its first epoch, or where the checkpoint `saved` left it."""
    device = pick()
    torch.manual_seed(trial.seed)
    heads, options = objective.heads, model_config.options
    model = models.build(model_config.name, sample.in_channels, heads, classes=sample.classes, **options)
    model = model.to(device).to(memory_format=torch.channels_last).requires_grad_(True)
    if recipe.continues:
        model.load_state_dict(weights_of_parent(trial.head, sample.fold))
    outcome = Outcome(weights_of(model), models.total_count(model), models.parameter_count(model))
    if saved is not None:
        model.load_state_dict(saved["model"])
        outcome = Outcome(**saved["outcome"])
        for parameter, tensor in zip(objective.parameters, saved["objective"], strict=True):
            parameter.data.copy_(tensor)
    return Training(
        trial,
        recipe,
        device,
        pick_precision(recipe.precision, device),
        model,
        objective,
        schedules.build(recipe.schedule.name, **recipe.schedule.options),
        outcome,
        None if saved is None else saved["optimizer"],
    )


def one_phase(training: Training, sample: PackedSample) -> Phase:
    """Return the phase of a training of one head that has one phase: all epochs, all of the model."""
    arguments = ([training.trial.head], training.recipe.batch_size, training.device)
    train_batches, validation_batches = (Batches(sample, split, *arguments) for split in ("train", "validation"))
    return phase_of(training, train_batches, lambda: validated(training, training.model, validation_batches))


def phase_of(training: Training, train_batches: Batches, validate: Callable[[], dict[str, float]]) -> Phase:
    """Return the phase of all epochs and all of the model on `train_batches`; `validate` as in `Phase`."""
    trial, recipe, model = training.trial, training.recipe, training.model

    def with_statistics() -> dict[str, float]:
        if recipe.batchnorm == "recomputed":
            recompute_batchnorm(model, train_batches, training.precision)
        return validate()

    return Phase(
        first=1,
        last=recipe.epochs,
        lr=recipe.optimizer.lr,
        network=model,
        steps=train_batches.steps,
        batches=lambda epoch: train_batches.shuffled(trial.seed, epoch, recipe.augmentation),
        set_training=model.train,
        validate=with_statistics,
    )


def train(training: Training, phase: Phase, save: Save, on_step: OnStep, on_epoch: OnEpoch) -> None:
    """Train the epochs of `phase` that are not over; ``training.outcome`` grows.

    A loss that becomes NaN or infinite ends the training with status "diverged" and the best weights so far.
    ``recipe.early_stop`` ends the phase.
    """
    trial, recipe, model, outcome = training.trial, training.recipe, training.model, training.outcome
    objective = training.objective
    parameters = [*model.parameters(), *objective.parameters]
    optimizer = optimizers.build(recipe.optimizer.name, parameters, **recipe.optimizer.options)
    if training.optimizer_state is not None and outcome.last_epoch >= phase.first:
        optimizer.load(training.optimizer_state)
    for epoch in range(max(phase.first, outcome.last_epoch + 1), phase.last + 1):
        if recipe.early_stop and epoch - max(outcome.kept_epoch, phase.first - 1) > recipe.early_stop:
            return
        started = time.perf_counter()
        (train_loss, *others), images, learning_rate = _train_epoch(training, phase, optimizer, epoch, on_step)
        seconds = time.perf_counter() - started
        if not math.isfinite(train_loss):
            outcome.diverge(train_loss, epoch)
            return
        row = {
            "epoch": epoch,
            "train_loss": train_loss,
            **phase.validate(),
            "learning_rate": learning_rate,
            "seconds": seconds,
            "images_per_second": images / seconds,
            **dict(zip(objective.columns[1:], others, strict=True)),
        }
        outcome.add(row, model, trial.head, recipe.keep)
        own = [parameter.detach() for parameter in objective.parameters]
        state = {"model": model.state_dict(), "optimizer": optimizer.state(), "objective": own}
        save(state | {"outcome": vars(outcome)})
        on_epoch(outcome.history[-1])


def _train_epoch(
    training: Training, phase: Phase, optimizer: optimizers.Optimizer, epoch: int, on_step: OnStep
) -> tuple[list[float], int, float]:
    """Return the mean of each loss over the images of `epoch`, how many they are, and the last learning rate."""
    objective, total_losses, images = training.objective, torch.zeros((), device=training.device), 0
    phase.set_training()
    # Dropout draws from torch's global generator; so it draws the same after a resume.
    torch.manual_seed((training.trial.seed << 20) + epoch)
    moments = phase.moments(epoch, training.outcome.history, metrics.rises(training.trial.head))
    for batch, moment in zip(phase.batches(epoch), moments, strict=True):
        learning_rate = phase.lr * training.schedule(moment)
        optimizer.zero_grad()
        with autocast(training.device, training.precision):
            logits = phase.network(batch.inputs)
        losses = objective.backward(logits, batch, optimizer.parameters)
        optimizer.step(learning_rate)
        total_losses = total_losses + losses * len(batch)
        images += len(batch)
        on_step(len(batch))
    totals, images = phase.totals(total_losses, images)
    return [total / images for total in totals], images, learning_rate


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
    """Yield the prediction of every batch of a split, in evaluation mode, with the values and valid pixels of `Target`.

    A prediction is float32 (N, C, H, W) in [0, 1].
    """
    model.eval()
    for batch in batches.in_order(augmentation):
        with autocast(batches.device, precision):
            logits = model(batch.inputs)[head]
        yield output.predict(logits.float()), *batch.targets[head]


def validated(training: Training, network: nn.Module, batches: Batches) -> dict[str, float]:
    """Return the metric of the head of `training` on `batches`, as `Phase` has it."""
    objective = training.objective
    assert isinstance(objective, OneHead)
    return {"validation": validate(network, batches, objective.head, training.precision, objective.loss.output)}


def validate(model: nn.Module, batches: Batches, head: str, precision: str, output: losses.Output) -> float:
    """Return the metric that ranks the head over a whole split, see `Headline`."""
    headline = Headline(head)
    for prediction, target, valid in predictions(model, batches, head, precision, output):
        headline.add(prediction=prediction, target=target, valid=valid)
    return headline.value
