"""One trial from its first weights to its outcome: the loop, with whatever else the recipe asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from loss_study import losses
from loss_study.config import ModelConfig, RecipeConfig
from loss_study.data.packed import PackedSample
from loss_study.heads import JOINT
from loss_study.runtime.errors import StudyError
from loss_study.training import distributed, loop
from loss_study.training.device import pick
from loss_study.training.joint.objective import JointObjective
from loss_study.training.joint.phase import one_phase as joint_phase
from loss_study.training.loop import OnEpoch, OnStep, Phase, Training
from loss_study.training.objective import Objective, OneHead
from loss_study.training.outcome import Outcome
from loss_study.training.transfer import phases
from loss_study.trial import Trial


class Saved(Protocol):
    """What a training needs of a `Checkpoint`."""

    def load(self) -> dict[str, Any] | None:
        """Return the state that was saved last."""
        ...

    def save(self, state: dict[str, Any]) -> None:
        """Save `state` if it is time."""
        ...

    def save_now(self, state: dict[str, Any]) -> None:
        """Save `state`."""
        ...


def train(
    trial: Trial,
    sample: PackedSample,
    model_config: ModelConfig,
    recipe: RecipeConfig,
    loss_options: dict[str, Any],
    checkpoint: Saved,
    on_step: OnStep,
    on_epoch: OnEpoch,
) -> Outcome:
    """Train `trial` on the training split and return its best epoch by the head's metric on the validation split.

    With ``recipe.keep`` "last" the last epoch takes the place of the best one. The same arguments give the same
    numbers, to the last digit on a CPU with the same number of threads; so does a training that was interrupted and is
    resumed from `checkpoint`. At the end the checkpoint holds the outcome, so that it is not trained a second time.
    On several devices, each process calls this and returns the same outcome; see `distributed`.

    Args:
        loss_options: resolved, see `Loss.resolve`; of a joint training, see `joint.options.resolve`.
    """
    saved = distributed.from_first(checkpoint.load)
    if saved is not None and "model" not in saved:
        outcome = Outcome(**saved["outcome"])
        for row in outcome.history:
            on_epoch(row)
        return outcome
    if recipe.batchnorm == "recomputed" and distributed.size() > 1:
        raise StudyError("recipe.batchnorm: recomputed works on one device; set it to running")
    objective, one_phase = _objective(trial, loss_options)
    training = loop.start(trial, sample, model_config, recipe, objective, saved)
    outcome = training.outcome
    for row in outcome.history:
        on_epoch(row)

    def on_shared_step(images: int, words: str = "") -> None:
        on_step(images * distributed.size(), words)

    frozen = recipe.freeze
    plan = phases.plan(training, sample, on_step, one_phase) if frozen else [one_phase(training, sample)]
    for phase in plan:
        if outcome.status != "diverged":
            loop.train(training, distributed.shared(phase), checkpoint.save, on_shared_step, on_epoch)
    checkpoint.save_now({"outcome": vars(outcome)})
    return outcome


def _objective(trial: Trial, options: dict[str, Any]) -> tuple[Objective, Callable[[Training, PackedSample], Phase]]:
    """Return what the steps of `trial` make smaller, and what makes the phase of all its epochs."""
    if trial.head == JOINT:
        return JointObjective.of(options, pick()), joint_phase
    return OneHead(trial.head, losses.load(trial.loss, options)), loop.one_phase
