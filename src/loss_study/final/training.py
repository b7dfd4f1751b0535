"""The networks of the final model, trained as the trials of a study are: with progress, checkpoints and devices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Any

from torch import nn

from loss_study.config import Config, JointConfig, JointTraining, with_weights
from loss_study.data.packed import PackedSample
from loss_study.final.decision import Weighting, Winner
from loss_study.heads import HEADS, JOINT
from loss_study.inference.torch_runtime import NetworkDescription
from loss_study.runtime.errors import StudyError
from loss_study.training import choice
from loss_study.training.device import use_cpu
from loss_study.training.outcome import Outcome
from loss_study.training.run import trained
from loss_study.trial import Trial

#: The name of the joint training, in progress and checkpoints.
FINAL = "final"


@dataclass(frozen=True)
class Trained:
    """A network after its training.

    Attributes:
        description: how it is built.
        module: on the CPU, in evaluation mode.
        lr: the learning rate.
        outcome: of the training.
        weighting: of the losses of two heads, with its options; empty for one head.
    """

    description: NetworkDescription
    module: nn.Module
    lr: float
    outcome: Outcome
    weighting: Mapping[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """What ``model.json`` says of the training."""
        outcome = self.outcome
        return {
            "heads": self.description.heads,
            "losses": {head: loss["name"] for head, loss in self.description.losses.items()},
            "weighting": dict(self.weighting),
            "lr": self.lr,
            "epochs": len(outcome.history),
            "kept_epoch": outcome.kept_epoch,
            "seconds": sum(row["seconds"] for row in outcome.history),
            "parameters": outcome.parameters,
        }


@contextmanager
def networks(
    winners: Sequence[Winner], config: Config, sample: PackedSample, seed: int, weighting: Weighting | None
) -> Iterator[list[Trained]]:
    """Yield the trained networks: a joint one for both heads, or one for each of `winners`.

    A training that was interrupted is resumed. The checkpoints are removed when the block, in which the model is
    written, ends without an error.

    Args:
        weighting: of the losses in a joint network; None: a network for each head.

    Raises:
        StudyError: a training diverged, or the weighting does not exist.
    """
    use_cpu(config.recipe.threads)
    # The name is in the key of the checkpoint: a trial of the study with this seed may be trained on fewer images.
    recipe = config.recipe.model_copy(update={"name": f"final_{config.recipe.name}"})
    config = config.model_copy(update={"recipe": recipe})
    with ExitStack() as until_written:
        if weighting is not None and len(winners) == len(HEADS):
            yield [until_written.enter_context(_joint(winners, config, sample, seed, weighting))]
        else:
            yield [until_written.enter_context(_single(winner, config, sample, seed)) for winner in winners]


def joint_rate(winners: Sequence[Winner]) -> float:
    """Return the learning rate of a joint network: the geometric mean of those that its losses were given."""
    return geometric_mean(winner.choice.lr for winner in winners)


@contextmanager
def _single(winner: Winner, config: Config, sample: PackedSample, seed: int) -> Iterator[Trained]:
    trial = Trial(winner.head, winner.loss, seed)
    applied = choice.applied(config, winner.loss, winner.choice)
    with trained(trial, sample, applied, f"final {trial.name}") as (outcome, options):
        losses = {winner.head: {"name": winner.loss, "options": options}}
        yield _finished(outcome, losses, applied, sample, {})


@contextmanager
def _joint(
    winners: Sequence[Winner], config: Config, sample: PackedSample, seed: int, weighting: Weighting
) -> Iterator[Trained]:
    chosen, options = {}, dict(config.loss_options)
    for winner in winners:
        # Weights that a search found belong to the head; both may have the same combination.
        name = f"{winner.loss}_{winner.head}" if winner.choice.weights else winner.loss
        options[name] = with_weights(config.loss_options[winner.loss], winner.choice.weights)
        chosen[winner.head] = name
    training = JointTraining(
        mask=chosen["mask"], depth=chosen["depth"], weighting=weighting.name, weighting_options=dict(weighting.options)
    )
    optimizer = config.recipe.optimizer.model_copy(update={"lr": joint_rate(winners)})
    applied = config.model_copy(
        update={
            "joint": JointConfig(names=[FINAL], options={FINAL: training}),
            "loss_options": options,
            "recipe": config.recipe.model_copy(update={"optimizer": optimizer}),
        }
    )
    words = ", ".join(f"{winner.head} {winner.loss}" for winner in winners)
    with trained(Trial(JOINT, FINAL, seed), sample, applied, f"final {words}") as (outcome, resolved):
        losses = {one.head: {"name": one.loss, "options": resolved[one.head]["options"]} for one in winners}
        yield _finished(outcome, losses, applied, sample, resolved["weighting"])


def _finished(
    outcome: Outcome,
    losses: Mapping[str, Mapping[str, Any]],
    config: Config,
    sample: PackedSample,
    weighting: Mapping[str, Any],
) -> Trained:
    """Return the network of `outcome`; StudyError if it diverged."""
    if outcome.status == "diverged":
        raise StudyError(f"the training of the final model diverged: {outcome.reason}; try another --seed")
    model = config.model
    description = NetworkDescription(model.name, sample.in_channels, sample.classes, model.options, losses)
    module = description.build()
    module.load_state_dict(outcome.weights)
    return Trained(description, module.eval(), config.recipe.optimizer.lr, outcome, weighting)
