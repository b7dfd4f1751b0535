"""What each loss is trained with: ``choice.json``, which the first round writes and the later ones read.

The learning rate, and the weights of a combination that were left open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loss_study.config import Config, with_weights
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import whole_folder, write_json
from loss_study.trial import TUNING, Trial

FILE = "choice.json"
#: A column of ``search.csv`` for every weight that was searched: ``weight_bce``.
WEIGHT = "weight_"
#: Where a better value may lie if the search ended at this edge of its grid.
OUTSIDE = {"lower": "below", "upper": "above"}


@dataclass(frozen=True)
class Choice:
    """A learning rate, and the weight of every term whose weight ``loss_options`` leaves open."""

    lr: float
    weights: Mapping[str, float] = field(default_factory=dict)


def write_recipes_own(head: str, loss: str, lr: float) -> None:
    """Write the learning rate of a recipe without a search to ``choice.json``."""
    with whole_folder(TUNING / head / loss) as folder:
        write_json(folder / FILE, {"head": head, "loss": loss, "lr": lr, "weights": {}})


def read(trial: Trial) -> Choice:
    """Return the choice for the head and loss of `trial`; StudyError if the first round has not made it."""
    checksums.check(trial.tuning_dir)
    path = trial.tuning_dir / FILE
    try:
        return of(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise StudyError(f"{path}: not there; run 'dvc repro train@{trial.head}-{trial.loss}'") from None


def of(record: Mapping[str, Any]) -> Choice:
    """Return the choice in a ``choice.json`` or ``trial.json``."""
    return Choice(record["lr"], record["weights"])


def applied(config: Config, loss: str, choice: Choice) -> Config:
    """Return `config` with the learning rate of `choice`, and with its weights in the options of `loss`."""
    recipe = config.recipe
    optimizer = recipe.optimizer.model_copy(update={"lr": choice.lr})
    options = with_weights(config.loss_options.get(loss, {}), choice.weights)
    return config.model_copy(
        update={
            "recipe": recipe.model_copy(update={"optimizer": optimizer}),
            "loss_options": {**config.loss_options, loss: options},
        }
    )
