"""What a training leaves, and what it has reached while it goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from torch import Tensor, nn

from loss_study import metrics

#: The columns of an epoch's row in the history; a joint training has more, see `training.joint`.
HISTORY = ("epoch", "train_loss", "validation", "learning_rate", "seconds", "images_per_second")


@dataclass
class Outcome:
    """The weights of the epoch that is kept, the history, and how the training ended.

    `history` has one row per epoch: epoch (from 1), train_loss (mean over images), validation (the head's metric),
    learning_rate (of the epoch's last step), seconds, images_per_second. `status` is "finished" or "diverged".
    `kept_epoch` and `kept_validation` are those of the weights; 0 and NaN before the first epoch is over.
    `parameters` counts all of the model's, `trainable_parameters` those that were trained in any phase.
    """

    weights: dict[str, Tensor]
    parameters: int
    trainable_parameters: int = 0
    kept_epoch: int = 0
    kept_validation: float = math.nan
    status: str = "finished"
    reason: str = ""
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def last_epoch(self) -> int:
        """The number of the last epoch that is over, 0 before the first."""
        return int(self.history[-1]["epoch"]) if self.history else 0

    def add(self, row: dict[str, float], model: nn.Module, head: str, keep: str) -> None:
        """Take an epoch's row, and the weights of `model` if it is the best epoch so far or `keep` is "last"."""
        self.history.append(row)
        better = self.kept_epoch == 0 or metrics.is_better(head, row["validation"], self.kept_validation)
        if better or keep == "last":
            self.kept_epoch, self.kept_validation = int(row["epoch"]), row["validation"]
            self.weights = weights_of(model)

    def diverge(self, train_loss: float, epoch: int) -> None:
        """End with status "diverged" because of the loss in `epoch`."""
        self.status = "diverged"
        self.reason = f"the loss became {train_loss} in epoch {epoch}"


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the model's state on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
