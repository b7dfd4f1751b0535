"""Everything around the training loop: the checkpoint, progress, live logging, and the trial's files."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

import loss_study
from loss_study import combination, losses, metrics, protocol
from loss_study.config import Config, ModelConfig, RecipeConfig
from loss_study.data.packed import PackedSample
from loss_study.runtime.files import check_writable, whole_folder, write_csv, write_json
from loss_study.runtime.progress import Reporter, duration, reporting
from loss_study.tracking.live import LiveRun
from loss_study.training import distributed
from loss_study.training.checkpoint import Checkpoint, key, save_atomically
from loss_study.training.device import pick, pick_precision, use_cpu
from loss_study.training.loop import OnEpoch, train
from loss_study.training.outcome import HISTORY, Outcome
from loss_study.training.search import tuned
from loss_study.trial import Trial, trials


def run(trial: Trial, sample: PackedSample, config: Config) -> None:
    """Train `trial` and write ``runs/<trial>/``: ``model.pt``, ``history.csv``, ``trial.json``.

    Resumes from ``checkpoints/`` where an earlier process was ended in the middle.

    Raises:
        StudyError: a choice or option that does not exist, another process training the same trial, or a folder that
            cannot be written to.
    """
    check_writable(trial.run_dir.parent)
    use_cpu(config.recipe.threads)
    study = tuned(trial, config)
    started = time.perf_counter()
    title = _title(trial, config)
    with (
        _live(trial, config) as live,
        trained(trial, sample, study, title, live.epoch) as (outcome, options),
    ):
        if distributed.is_first():
            _write(trial, sample, study.model, study.recipe, options, outcome)
            live.close(outcome.status)
            _conclude(trial, outcome, time.perf_counter() - started)


@contextmanager
def trained(
    trial: Trial, sample: PackedSample, config: Config, title: str, on_epoch: OnEpoch
) -> Iterator[tuple[Outcome, dict[str, Any]]]:
    """Train with progress under `title`, resuming where there is a checkpoint; yield outcome and resolved loss options.

    The block is where the result is written: the checkpoint is removed when it ends without an error.
    """
    recipe, options = config.recipe, combination.options_of(trial.loss, config.loss_options)
    gaps = sample.valid(trial.head) is not None
    losses.check_fit(trial.loss, options, trial.head, classes=sample.classes, gaps=gaps)
    options = losses.resolve(trial.loss, options, statistics=losses.TargetStatistics.of(sample, trial.head))
    if not distributed.is_first():
        yield train(trial, sample, config.model, recipe, options, **distributed.UNHEARD), options
        return
    pictures = len(sample.rows("train")) * recipe.all_epochs
    with Checkpoint(trial.name, _key(trial, sample, config.model, recipe, options)) as checkpoint:
        with reporting(title, pictures) as reporter:

            def told(row: dict[str, float]) -> None:
                _note(reporter, trial, row, recipe.all_epochs)
                on_epoch(row)

            outcome = train(
                trial,
                sample,
                config.model,
                recipe,
                options,
                checkpoint,
                on_step=reporter.advance,
                on_epoch=told,
            )
        yield outcome, options
        checkpoint.remove()


@contextmanager
def _live(trial: Trial, config: Config) -> Iterator[LiveRun]:
    live = LiveRun(trial, config)
    try:
        yield live
    except BaseException:
        live.close("interrupted")
        raise


def _title(trial: Trial, config: Config) -> str:
    everyone = trials(config)
    if trial not in everyone:
        return trial.name
    return f"[{everyone.index(trial) + 1} of {len(everyone)}] {trial.name}"


def _note(reporter: Reporter, trial: Trial, row: dict[str, float], epochs: int) -> None:
    metric = metrics.HEADLINE[trial.head]
    reporter.note(
        f"epoch {row['epoch']:.0f}/{epochs}  loss {row['train_loss']:.4f}  validation {metric} {row['validation']:.4f}"
        f"  {row['images_per_second']:.0f} images/s"
    )


def _conclude(trial: Trial, outcome: Outcome, seconds: float) -> None:
    metric = metrics.HEADLINE[trial.head]
    if outcome.status == "diverged":
        print(f"{trial.name} diverged: {outcome.reason}; keeping epoch {outcome.best_epoch}", flush=True)
    else:
        print(
            f"{trial.name} done in {duration(seconds)}: best validation {metric} {outcome.best_validation:.4f}"
            f" in epoch {outcome.best_epoch}",
            flush=True,
        )


def _key(trial: Trial, sample: PackedSample, model: ModelConfig, recipe: RecipeConfig, options: dict[str, Any]) -> str:
    parts = {
        "trial": trial.name,
        "model": model.model_dump(),
        "recipe": recipe.model_dump(),
        "loss_options": options,
    }
    code = protocol.training_code(trial.loss, options, model.name)
    return key(parts, [*code, *sample.folder.iterdir()])


def _write(
    trial: Trial,
    sample: PackedSample,
    model: ModelConfig,
    recipe: RecipeConfig,
    options: dict[str, Any],
    outcome: Outcome,
) -> None:
    build = {
        "name": model.name,
        "in_channels": sample.in_channels,
        "heads": [trial.head],
        "classes": sample.classes,
        "options": model.options,
    }
    with whole_folder(trial.run_dir) as folder:
        save_atomically({"state": outcome.weights, "build": build}, folder / "model.pt")
        write_csv(folder / "history.csv", outcome.history, HISTORY)
        write_json(folder / "trial.json", _description(trial, sample, recipe, options, outcome))


def _description(
    trial: Trial, sample: PackedSample, recipe: RecipeConfig, options: dict[str, Any], outcome: Outcome
) -> dict[str, Any]:
    device = pick()
    seconds = sum(row["seconds"] for row in outcome.history)
    pictures = sum(row["images_per_second"] * row["seconds"] for row in outcome.history)
    return {
        "head": trial.head,
        "loss": trial.loss,
        "seed": trial.seed,
        "status": outcome.status,
        "reason": outcome.reason,
        "epochs_run": len(outcome.history),
        "best_epoch": outcome.best_epoch,
        "metric": metrics.HEADLINE[trial.head],
        "best_validation": outcome.best_validation,
        "loss_options": options,
        "augmentation": recipe.augmentation.model_dump(),
        "parameters": outcome.parameters,
        "trainable_parameters": outcome.trainable_parameters,
        "freeze": recipe.freeze,
        "fine_tune": recipe.fine_tune.model_dump(),
        "training_images": len(sample.rows("train")),
        "batch_size": recipe.batch_size,
        "epochs": recipe.all_epochs,
        "lr": recipe.optimizer.lr,
        "seconds": seconds,
        "images_per_second": pictures / seconds if seconds else 0.0,
        "precision": pick_precision(recipe.precision, device),
        "device": _device_name(device),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "loss_study": loss_study.__version__,
        },
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
