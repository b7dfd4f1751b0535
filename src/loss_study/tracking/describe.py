"""The names and values that MLflow gets of a trial and a study; MLflow itself is not imported."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loss_study.config import Config, ParentConfig, flat
from loss_study.heads import JOINT
from loss_study.tracking.outputs import Outputs
from loss_study.trial import SAMPLE, Trial, training_stage

#: Tag of a run that is complete, set last: a hash of what it holds, for a trial `Outputs.content`.
CONTENT = "loss_study.content"
#: Tag of a trial's run: which training it is of, known before the training starts.
TRAINING = "loss_study.training"
#: Tag of a trial's run: the checkout that fills it in. Half-filled runs of other checkouts are not touched.
FILLER = "loss_study.filler"
#: Tag of a run that a training opened: "open" until the mirror begins to complete it.
LIVE = "loss_study.live"
#: What stages change in the checkout; it says nothing about the code that a trial ran.
_NOT_CODE = (":!reports", ":!dvc.lock", ":!rounds/dvc.lock")

#: key, value, milliseconds since 1970, step
Point = tuple[str, float, int, int]


def run_name(name: str) -> str:
    """Return `name` with the name of the DVC experiment in which this process runs, where there is one."""
    experiment = os.environ.get("DVC_EXP_NAME")
    return f"{name} ({experiment})" if experiment else name


def as_trained(config: Config, record: Mapping[str, Any]) -> Config:
    """Return `config` with the learning rate and the weights that `record`, a ``trial.json``, was trained with."""
    loss, recipe = record["loss"], config.recipe
    optimizer = recipe.optimizer.model_copy(update={"lr": record["lr"]})
    options = dict(config.loss_options.get(loss, {}))
    if record["weights"]:
        options["terms"] = record["weights"]
    return config.model_copy(
        update={
            "recipe": recipe.model_copy(update={"optimizer": optimizer}),
            "loss_options": {**config.loss_options, loss: options},
        }
    )


def parameters_of(trial: Trial, config: Config) -> dict[str, str]:
    """Return the flat names and values that become columns of the runs table.

    Args:
        config: what the trial is trained with, see `as_trained`.
    """
    recipe, sample = config.recipe, config.sample
    values: dict[str, Any] = {
        "head": trial.head,
        "loss": trial.loss,
        "seed": trial.seed,
        "model": config.model.name,
        "optimizer": recipe.optimizer.name,
        "lr": recipe.optimizer.lr,
        "schedule": recipe.schedule.name,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "recipe": recipe.name,
        "precision": recipe.precision,
        "devices": recipe.devices,
        "early_stop": recipe.early_stop,
        "keep": recipe.keep,
        "flip": recipe.augmentation.flip,
        "flip_apart": recipe.augmentation.flip_apart,
        "erase": recipe.augmentation.erase,
        "augmented_test": recipe.augmentation.test,
        "crop": recipe.augmentation.crop,
        "rotation": recipe.augmentation.rotation,
        "parent": _parent(recipe.parent) if recipe.continues else "none",
        "batchnorm": recipe.batchnorm,
        "freeze": " ".join(recipe.freeze) or "nothing",
        "dataset": config.dataset.name,
        "classes": config.dataset.classes if trial.head == "mask" else 1,
        "scale": config.scale,
        "sample.images": sample.images,
        "sample.size": sample.size,
        "sample.seed": sample.seed,
        "sample.validation": sample.validation,
        "sample.test": sample.test,
        "sample.validation_images": sample.validation_images,
        "sample.test_images": sample.test_images,
        "sample.split": sample.split,
        "sample.wrong_background": sample.wrong_background,
        **_prefixed("loss", flat(config.options_of(trial.loss))),
        **(_prefixed("joint", flat(config.joint.options[trial.loss].model_dump())) if trial.joint else {}),
        **_prefixed("model", config.model.options),
        **_prefixed("optimizer", recipe.optimizer.options),
        **_prefixed("schedule", recipe.schedule.options),
        **_prefixed("colour", recipe.augmentation.colour.model_dump()),
        **_prefixed("fine_tune", recipe.fine_tune.model_dump()),
        **_prefixed("dataset", config.dataset.options),
    }
    return {key: str(value) for key, value in values.items()}


def _parent(parent: ParentConfig) -> str:
    return f"{parent.loss}, {parent.epochs} epochs, seed {parent.seed}"


def trained_key(outputs: Outputs, config: Config) -> str:
    """Return the `training_key` of a trial that was trained; `config` is the study's."""
    return training_key(outputs.trial, as_trained(config, outputs.record))


def training_key(trial: Trial, config: Config) -> str:
    """Return what identifies a training before it has run: its parameters and its data; `config` as above."""
    values = {**parameters_of(trial, config), "sample": sample_digest()}
    return _short_hash(json.dumps(values, sort_keys=True).encode())


def study_key(config: Config) -> str:
    """Return what identifies a study: its whole configuration."""
    values = config.model_dump(mode="json", exclude={"notice"})
    return _short_hash(json.dumps(values, sort_keys=True).encode())


def study_name(config: Config) -> str:
    """Return what a study is called; studies that differ elsewhere have the same name."""
    return f"study of {config.dataset.title}, {config.scale}, {config.recipe.name}"


def study_tag(config: Config) -> str:
    """Return the name of the tag that the runs of all trials of a study have, and those of no other; see `study`."""
    return f"study.{study_key(config)}"


def sample_digest() -> str:
    """Return the packed sample's short hash, of its description and its index."""
    return _short_hash((SAMPLE / "sample.json").read_bytes() + (SAMPLE / "index.csv").read_bytes())


def tags_of(trial: Trial, training: str, study: Config) -> dict[str, str]:
    """Return the tags that lead from a trial's run to its DVC stage, its DVC experiment, its commit and its study."""
    at, head = commit(), JOINT if trial.joint else trial.head
    stage = training_stage(head, trial.loss, trial.round, study.kind_of(trial.loss))
    tags = {
        TRAINING: training,
        study_tag(study): study_name(study),
        "dvc.stage": stage,
        "dvc.experiment": os.environ.get("DVC_EXP_NAME", ""),
        "git.commit": at,
        "git.dirty": str(bool(_git("status", "--porcelain", "--untracked-files=no", "--", ".", *_NOT_CODE))).lower(),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": f"dvc repro {stage}",
        "mlflow.source.git.commit": at,
    }
    return {key: value for key, value in tags.items() if value}


def commit() -> str:
    """Return the commit of the checkout, "" outside of git."""
    return _git("rev-parse", "HEAD")


def outcome_tags(outputs: Outputs) -> dict[str, str]:
    """Return how the trial ended, ``verdict``: "finished", or how it collapsed or diverged; and where it ran."""
    tags = {"verdict": outputs.verdict, "device": str(outputs.record["device"])}
    # The numbers that options such as "auto" were resolved to; the parameters say what params.yaml says.
    resolved = _prefixed("loss", flat(outputs.record["loss_options"]))
    tags |= {key: str(value) for key, value in resolved.items()}
    if outputs.record["reason"]:
        tags["reason"] = outputs.record["reason"]
    return tags


def outcome_metrics(outputs: Outputs) -> dict[str, float]:
    """Return the single numbers of a trial: ``kept/...`` (validation, of the epoch kept), ``test/...``, and sizes."""
    record, evaluation = outputs.record, outputs.evaluation
    values = {
        f"kept/{record['metric']}": record["kept_validation"],
        "kept/epoch": record["kept_epoch"],
        **_prefixed("test", evaluation["test"], "/"),
        "test/threshold": evaluation["threshold"],
        "seconds": record["seconds"],
        "parameters": record["parameters"],
        "trainable_parameters": record["trainable_parameters"],
    }
    return {_metric_name(key): float(value) for key, value in values.items() if value is not None}


def curve(metric: str, rows: Sequence[Mapping[str, float]], start_ms: int) -> Iterator[Point]:
    """Yield the points of the curves of `rows`, mappings with the columns of ``history.csv``.

    Args:
        metric: name of the one on the validation split.
        start_ms: when the training began, in milliseconds since 1970.
    """
    elapsed = 0.0
    for row in rows:
        elapsed += row["seconds"]
        now, step = start_ms + round(elapsed * 1000), int(row["epoch"])
        yield "train_loss", row["train_loss"], now, step
        yield f"validation_{metric}", row["validation"], now, step
        yield "learning_rate", row["learning_rate"], now, step
        yield "images_per_second", row["images_per_second"], now, step


def _metric_name(name: str) -> str:
    """Return `name` with an underscore for each character that MLflow or its pages do not accept."""
    return "".join(character if character.isalnum() or character in "_-./" else "_" for character in name)


def _prefixed(prefix: str, values: Mapping[str, Any], separator: str = ".") -> dict[str, Any]:
    """Return flat names; nested values, such as a table of layouts, cannot become a column and are left out."""
    return {f"{prefix}{separator}{key}": value for key, value in values.items() if not isinstance(value, Mapping)}


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _short_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
