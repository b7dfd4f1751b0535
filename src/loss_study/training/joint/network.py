"""One network outside of a study, with both heads or with one: `train_network`.

.. code:: python

    train_network(folder, sample, config, losses={"mask": "dice", "depth": "ssim"}, weighting="equal", seed=0)

trains with ``config.model`` and ``config.recipe`` on the packed `sample`, shows its progress, goes on where it was
killed, and writes `folder` as a trial's: ``model.pt`` (its ``build.heads`` are ["mask", "depth"]), ``history.csv`` and
``trial.json``. On several devices call it in `training.distributed.in_processes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loss_study.config import Config, JointConfig, JointTraining
from loss_study.data.packed import PackedSample
from loss_study.heads import JOINT, Head
from loss_study.runtime.files import check_writable
from loss_study.training import distributed, record
from loss_study.training.device import use_cpu
from loss_study.training.loop import OnEpoch
from loss_study.training.outcome import Outcome
from loss_study.training.run import trained
from loss_study.trial import Trial

NAME = "network"


def train_network(
    folder: Path,
    sample: PackedSample,
    config: Config,
    *,
    losses: Mapping[Head, str],
    weighting: str = "equal",
    weighting_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    title: str = "network",
    on_epoch: OnEpoch = lambda _: None,
) -> Outcome:
    """Train one network and write `folder`; return what it has come to (its `status` may be "diverged").

    The learning rate is ``config.recipe.optimizer.lr``, the options of the losses are in ``config.loss_options``.

    Args:
        losses: of each head; with one head it is the ordinary trial of that head and loss.
        weighting: of the losses, and `weighting_options`, those that are not the defaults.
        title: of the progress.
        on_epoch: called with each epoch's row of the history, also with those before a resume.

    Raises:
        StudyError: a name or option does not exist or does not fit, another process trains the same network, or
            `folder` cannot be written.
    """
    check_writable(folder.parent)
    use_cpu(config.recipe.threads)
    if len(losses) == 1:
        ((head, loss),) = losses.items()
        trial = Trial(head, loss, seed)
    else:
        trial = Trial(JOINT, NAME, seed)
        options = JointTraining(
            mask=losses["mask"],
            depth=losses["depth"],
            weighting=weighting,
            weighting_options=dict(weighting_options or {}),
        )
        config = config.model_copy(update={"joint": JointConfig(names=[NAME], options={NAME: options})})
    with trained(trial, sample, config, title, on_epoch) as (outcome, resolved):
        if distributed.is_first():
            record.write(trial, sample, config, resolved, outcome, folder)
    return outcome
