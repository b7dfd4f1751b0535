"""Everything around the training of a trial: its checkpoint, its progress, the folder that it leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch

from loss_study import losses
from loss_study.choices import imported
from loss_study.config import Config
from loss_study.data.packed import PackedSample, fold_of
from loss_study.heads import JOINT
from loss_study.metrics import Metric, headline_of
from loss_study.runtime.files import check_writable
from loss_study.runtime.progress import Reporter, duration, reporting
from loss_study.training import distributed, record
from loss_study.training.checkpoint import Checkpoint, code_files, key
from loss_study.training.device import pick, pick_precision, use_cpu
from loss_study.training.joint.options import resolve
from loss_study.training.loop import OnEpoch
from loss_study.training.outcome import Outcome
from loss_study.training.train import train
from loss_study.trial import Trial, parent_dir, trials_of_round


class Listener(Protocol):
    """Told of one trial's epochs while it is trained; what it raises ends the training."""

    def epoch(self, row: dict[str, float], /) -> None:
        """Take an epoch's row of the history."""
        ...

    def close(self, status: str, /) -> None:
        """Take note of the end: "finished", "diverged" or "interrupted"."""
        ...


#: Makes the listener of a trial; the config has the learning rate and the weights that the trial is trained with.
Listen = Callable[[Trial, Config], Listener]


class Silent:
    """A listener that does nothing."""

    def __init__(self, trial: Trial, config: Config) -> None: ...

    def epoch(self, row: dict[str, float], /) -> None:
        """Do nothing."""

    def close(self, status: str, /) -> None:
        """Do nothing."""


def train_trials(chosen: Sequence[Trial], config: Config, sample: PackedSample, *, listen: Listen = Silent) -> None:
    """Train the trials `chosen` one after the other as `config` says, and write the folder of each.

    A trial's numbers are those that it has when it is trained alone. One that diverges does not stop the others. A
    process that is started again after it was killed goes on where it was: finished trials are not trained again.
    Where `sample` has folds, the seeds of `config` take turns at them.

    Args:
        chosen: the trials.
        config: with the learning rate and the weights that they are trained with, see `choice.applied`.
        sample: the packed sample.
        listen: called for each trial.

    Raises:
        StudyError: a name or option does not exist, another process trains one of the trials, or a folder cannot be
            written to.
    """
    for trial in chosen:
        check_writable(trial.run_dir.parent)
    samples = {trial: sample.of_fold(fold_of(trial.seed, config.seeds, sample.folds)) for trial in chosen}
    use_cpu(config.recipe.threads)
    # DVC deletes the folders of all trials before it runs a stage again, so every checkpoint stays until all are done.
    with ExitStack() as until_all_are_written:
        for trial in chosen:
            _train_and_write(until_all_are_written, trial, config, samples[trial], listen)


def _train_and_write(
    until_all_are_written: ExitStack, trial: Trial, config: Config, sample: PackedSample, listen: Listen
) -> None:
    started = time.perf_counter()
    with _listening(listen, trial, config) as listener:
        training = trained(trial, sample, config, _title(trial, config), listener.epoch)
        outcome, options = until_all_are_written.enter_context(training)
        if distributed.is_first():
            record.write(trial, sample, config, options, outcome, trial.run_dir)
            listener.close(outcome.status)
            _conclude(trial, headline_of(trial.head, sample.classes), outcome, time.perf_counter() - started)


@contextmanager
def trained(
    trial: Trial, sample: PackedSample, config: Config, title: str, on_epoch: OnEpoch = lambda _: None
) -> Iterator[tuple[Outcome, dict[str, Any]]]:
    """Train with progress under `title`, resuming where there is a checkpoint; yield outcome and resolved loss options.

    The block is where the result is written: the checkpoint is removed when it ends without an error.
    """
    recipe, options = config.recipe, resolved_options(trial, sample, config)
    if not distributed.is_first():
        yield train(trial, sample, config.model, recipe, options, **distributed.UNHEARD), options
        return
    images = len(sample.rows("train")) * recipe.all_epochs
    metric = headline_of(trial.head, sample.classes)
    with Checkpoint(trial.name, checkpoint_key(trial, sample, config, options)) as checkpoint:
        with reporting(title, images) as reporter:

            def on_every_epoch(row: dict[str, float]) -> None:
                _note(reporter, metric, row, recipe.all_epochs)
                on_epoch(row)

            outcome = train(trial, sample, config.model, recipe, options, checkpoint, reporter.advance, on_every_epoch)
        yield outcome, options
        checkpoint.remove()


def resolved_options(trial: Trial, sample: PackedSample, config: Config) -> dict[str, Any]:
    """Return the options of the loss of `trial`, or of its joint training, as `train` takes them.

    Raises:
        StudyError: a name or option that does not exist, or does not fit the sample.
    """
    if trial.head == JOINT:
        return resolve(config, trial.loss, sample)
    loss = losses.load(trial.loss, config.options_of(trial.loss))
    loss.check_fit(trial.head, classes=sample.classes, invalid=sample.valid(trial.head) is not None)
    return dict(loss.resolve(losses.TargetStatistics.of(sample.statistics, trial.head, sample.classes)).options)


def checkpoint_key(trial: Trial, sample: PackedSample, config: Config, options: dict[str, Any]) -> str:
    """Return a hash of all that decides the numbers of `trial`; `options` are the resolved ones of its loss."""
    device = pick()
    parts = {
        "trial": trial.name,
        "fold": sample.fold,
        "model": config.model.model_dump(),
        "recipe": config.recipe.model_dump(),
        "loss_options": options,
        "device": device.type,
        "precision": pick_precision(config.recipe.precision, device),
        "threads": torch.get_num_threads(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }
    parent = [parent_dir(trial.head, sample.fold) / record.MODEL] if config.recipe.continues else []
    return key(parts, [*code_files(), *_imported_files(trial, config), *sample.folder.iterdir(), *parent])


def _imported_files(trial: Trial, config: Config) -> list[Path]:
    """Return the files of the model and the loss that are given by import path."""
    options = {
        "model.options": config.model.options,
        f"loss_options.{trial.loss}": config.loss_options.get(trial.loss, {}),
    }
    found = [imported.source(key, one) for key, one in options.items() if imported.TARGET in one]
    return [path for path in found if path is not None]


@contextmanager
def _listening(listen: Listen, trial: Trial, config: Config) -> Iterator[Listener]:
    listener = listen(trial, config)
    try:
        yield listener
    except BaseException:
        listener.close("interrupted")
        raise


def _title(trial: Trial, config: Config) -> str:
    everyone = trials_of_round(config, trial.round)
    if trial not in everyone:
        return trial.name
    of_round = f" of round {trial.round}" if len(config.rounds) > 1 else ""
    return f"[{everyone.index(trial) + 1} of {len(everyone)}{of_round}] {trial.name}"


def _note(reporter: Reporter, metric: Metric, row: dict[str, float], epochs: int) -> None:
    reporter.note(
        f"epoch {row['epoch']:.0f}/{epochs}  loss {row['train_loss']:.4f}  validation {metric.name} "
        f"{row['validation']:.4f}  {row['images_per_second']:.0f} images/s"
    )


def _conclude(trial: Trial, metric: Metric, outcome: Outcome, seconds: float) -> None:
    if outcome.status == "diverged":
        print(f"{trial.name} diverged: {outcome.reason}; keeping epoch {outcome.kept_epoch}", flush=True)
    else:
        print(
            f"{trial.name} done in {duration(seconds)}: validation {metric.name} {outcome.kept_validation:.4f} "
            f"in epoch {outcome.kept_epoch}, which is kept",
            flush=True,
        )
