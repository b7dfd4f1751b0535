"""The files that a trained network leaves in its folder: ``model.pt``, ``history.csv`` and ``trial.json``."""

from __future__ import annotations

import math
import platform
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed

import loss_study
from loss_study import metrics
from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.heads import HEADS, JOINT
from loss_study.joint_trial import OF_HEADS, TRAINED_WITH
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import whole_folder, write_csv, write_json
from loss_study.training.checkpoint import DamagedError, load_saved, save_atomically
from loss_study.training.device import pick, pick_precision
from loss_study.training.outcome import HISTORY, Outcome
from loss_study.trial import Trial, parent_dir

MODEL = "model.pt"


def write(
    trial: Trial, sample: PackedSample, config: Config, loss_options: dict[str, Any], outcome: Outcome, folder: Path
) -> None:
    """Write `folder`; `config` and the resolved `loss_options` are what `trial` was trained with."""
    model = config.model
    build = {
        "name": model.name,
        "in_channels": sample.in_channels,
        "heads": list(HEADS) if trial.head == JOINT else [trial.head],
        "classes": sample.classes,
        "options": model.options,
    }
    with whole_folder(folder) as new:
        save_atomically({"state": outcome.weights, "build": build}, new / MODEL)
        others = dict.fromkeys(name for row in outcome.history for name in row if name not in HISTORY)
        write_csv(new / "history.csv", outcome.history, [*HISTORY, *others])
        write_json(new / "trial.json", _description(trial, sample, config, loss_options, outcome))


def weights_of_parent(head: str, fold: int) -> dict[str, Tensor]:
    """Return the weights that the trials of `head` in `fold` continue from; StudyError if they cannot be read."""
    path = parent_dir(head, fold) / MODEL
    try:
        return load_saved(path)["state"]
    except FileNotFoundError:
        raise StudyError(f"{path}: not there; run 'dvc repro parent@{head}'") from None
    except (DamagedError, KeyError) as error:
        raise StudyError(f"{path}: damaged ({error}); run 'dvc repro -f parent@{head}'") from None


def _description(
    trial: Trial, sample: PackedSample, config: Config, loss_options: dict[str, Any], outcome: Outcome
) -> dict[str, Any]:
    device, recipe = pick(), config.recipe
    seconds = sum(row["seconds"] for row in outcome.history)
    images = sum(row["images_per_second"] * row["seconds"] for row in outcome.history)
    return {
        "head": trial.head,
        "loss": trial.loss,
        "seed": trial.seed,
        **({OF_HEADS: _of_heads(sample, loss_options, outcome)} if trial.head == JOINT else {}),
        **({"fold": sample.fold} if sample.folds > 1 else {}),
        "status": outcome.status,
        "reason": outcome.reason,
        "epochs_run": len(outcome.history),
        "kept_epoch": outcome.kept_epoch,
        "metric": metrics.headline_of(trial.head, sample.classes).name,
        "kept_validation": outcome.kept_validation,
        "loss_options": loss_options,
        "augmentation": recipe.augmentation.model_dump(),
        "parameters": outcome.parameters,
        "trainable_parameters": outcome.trainable_parameters,
        **({"parent": recipe.parent.model_dump()} if recipe.continues else {}),
        "batchnorm": recipe.batchnorm,
        "freeze": recipe.freeze,
        "fine_tune": recipe.fine_tune.model_dump(),
        "training_images": len(sample.rows("train")),
        "batch_size": recipe.batch_size,
        "epochs": recipe.all_epochs,
        "lr": recipe.optimizer.lr,
        "weights": dict(config.loss_options.get(trial.loss, {}).get("terms", {})),
        "seconds": seconds,
        "images_per_second": images / seconds if seconds else 0.0,
        "precision": pick_precision(recipe.precision, device),
        "device": _device_name(device),
        "devices": distributed.get_world_size() if distributed.is_initialized() else 1,
        "processor": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "loss_study": loss_study.__version__,
        },
    }


def _of_heads(sample: PackedSample, options: dict[str, Any], outcome: Outcome) -> dict[str, dict[str, Any]]:
    """Return what is different for each head of a joint training, see `joint_trial.record_of`."""
    best = next((row for row in outcome.history if row["epoch"] == outcome.kept_epoch), {})
    return {
        head: {
            "head": head,
            TRAINED_WITH: options[head]["loss"],
            "loss_options": options[head]["options"],
            "metric": metrics.headline_of(head, sample.classes).name,
            "kept_validation": best.get(f"validation_{head}", math.nan),
        }
        for head in HEADS
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
