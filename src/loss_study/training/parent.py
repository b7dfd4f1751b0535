"""The network that every loss continues from, one for each head: the stage `parent`.

With folds there is one for each of them, since a network must not have seen what it is tested on.
"""

from __future__ import annotations

from contextlib import ExitStack

from loss_study.config import Config, FineTune, ParentConfig
from loss_study.data.packed import PackedSample
from loss_study.metrics import headline_of
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import check_writable
from loss_study.training import distributed, record
from loss_study.training.device import use_cpu
from loss_study.training.run import trained
from loss_study.trial import PARENTS, Trial, parent_dir


def train_parents(head: str, sample: PackedSample, config: Config) -> None:
    """Train the parents of `head`, one for each fold of `sample`, and write the folder of each.

    Raises:
        StudyError: one diverged, or its loss does not suit the head.
    """
    parent = config.recipe.parent
    trial = Trial(head, parent.loss, parent.seed)
    config = as_parent(config)
    check_writable(PARENTS)
    use_cpu(config.recipe.threads)
    with ExitStack() as until_all_are_written:
        for fold in range(sample.folds):
            _train_and_write(until_all_are_written, trial, sample.of_fold(fold), config)


def as_parent(config: Config) -> Config:
    """Return `config` as the parent is trained with it: from random weights, to the end of its epochs."""
    recipe = config.recipe
    own = {"epochs": recipe.parent.epochs, "parent": ParentConfig(), "keep": "last", "early_stop": 0}
    # Fine-tuning ends a training, and a parent is one that is not ended.
    own |= {"fine_tune": FineTune()}
    return config.model_copy(
        update={
            "recipe": recipe.model_copy(update=own),
            "loss_options": {**config.loss_options, recipe.parent.loss: {}},
        }
    )


def _train_and_write(until_all_are_written: ExitStack, trial: Trial, sample: PackedSample, config: Config) -> None:
    name = f"parent of {trial.head}" + (f", fold {sample.fold}" if sample.folds > 1 else "")
    outcome, options = until_all_are_written.enter_context(trained(trial, sample, config, name))
    if outcome.status == "diverged":
        raise StudyError(f"recipe.parent: the {name} diverged, {outcome.reason}; lower recipe.optimizer.lr")
    if distributed.is_first():
        record.write(trial, sample, config, options, outcome, parent_dir(trial.head, sample.fold))
        metric = headline_of(trial.head, sample.classes).name
        print(f"{name}  {trial.loss}: validation {metric} {outcome.kept_validation:.4f}", flush=True)
