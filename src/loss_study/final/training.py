"""The networks of the final model, trained as the trials of a study are: with progress, checkpoints and devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.final.decision import Winner
from loss_study.inference.torch_runtime import NetworkDescription
from loss_study.runtime.errors import StudyError
from loss_study.training import choice
from loss_study.training.device import use_cpu
from loss_study.training.outcome import Outcome
from loss_study.training.run import trained
from loss_study.trial import Trial


@dataclass(frozen=True)
class Trained:
    """A network after its training: how it is built, the module on the CPU, its learning rate and its outcome."""

    description: NetworkDescription
    module: nn.Module
    lr: float
    outcome: Outcome

    @property
    def facts(self) -> dict[str, Any]:
        """What ``model.json`` says of the training."""
        outcome = self.outcome
        return {
            "heads": self.description.heads,
            "losses": {head: loss["name"] for head, loss in self.description.losses.items()},
            "lr": self.lr,
            "epochs": len(outcome.history),
            "kept_epoch": outcome.best_epoch,
            "seconds": sum(row["seconds"] for row in outcome.history),
            "parameters": outcome.parameters,
        }


@contextmanager
def networks(winners: Sequence[Winner], config: Config, sample: PackedSample, seed: int) -> Iterator[list[Trained]]:
    """Yield the trained networks, one for each of `winners`.

    A training that was interrupted is resumed. The checkpoints are removed when the block, in which the model is
    written, ends without an error.

    Raises:
        StudyError: a training diverged.
    """
    use_cpu(config.recipe.threads)
    with ExitStack() as until_written:
        yield [until_written.enter_context(_single(winner, config, sample, seed)) for winner in winners]


@contextmanager
def _single(winner: Winner, config: Config, sample: PackedSample, seed: int) -> Iterator[Trained]:
    trial = Trial(winner.head, winner.loss, seed)
    # The name is in the key of the checkpoint: a trial of the study with this seed may be trained on fewer images.
    recipe = config.recipe.model_copy(update={"name": f"final_{config.recipe.name}"})
    applied = choice.applied(config.model_copy(update={"recipe": recipe}), winner.loss, winner.choice)
    with trained(trial, sample, applied, f"final {trial.name}") as (outcome, options):
        if outcome.status == "diverged":
            raise StudyError(f"the final training of {trial.name} diverged: {outcome.reason}; try another --seed")
        losses = {winner.head: {"name": winner.loss, "options": options}}
        description = NetworkDescription(
            config.model.name, sample.in_channels, sample.classes, config.model.options, losses
        )
        yield Trained(description, _with(description, outcome), winner.choice.lr, outcome)


def _with(description: NetworkDescription, outcome: Outcome) -> nn.Module:
    module = description.build()
    module.load_state_dict(outcome.weights)
    return module.eval()
