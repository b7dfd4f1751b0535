"""Checks a configuration against what exists: names, options, paths, and whether they fit together.

Runs once, before any work; `loss_study.config` has checked types, ranges and consistency.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from loss_study import datasets, losses, models
from loss_study.checks.tiny_batch import try_loss, try_model
from loss_study.choices.sources import IMPORTED
from loss_study.config import Config, DatasetConfig, ModelConfig, open_weights, with_weights
from loss_study.datasets.layouts.listing import Listing, listed, scan
from loss_study.download import archives
from loss_study.download.prepare import archives_in
from loss_study.runtime.errors import StudyError, nearest
from loss_study.runtime.printable import printable
from loss_study.sampling import depth_teacher
from loss_study.training import device, optimizers, schedules
from loss_study.training.joint import options


def check_choices(config: Config) -> None:
    """Check every name and option in `config`, and that the dataset's path exists.

    Raises:
        StudyError: the first thing that does not exist or does not fit; the message names its key.
    """
    dataset, recipe = config.dataset, config.recipe
    _check_dataset(dataset)
    model = config.model
    _check_model(model, config)
    _check_losses(config)
    _check_parent(config)
    optimizers.check(recipe.optimizer.name, recipe.optimizer.options)
    schedules.check(recipe.schedule.name, recipe.schedule.options)
    device.pick_precision(recipe.precision, device.pick())


def _check_dataset(dataset: DatasetConfig) -> None:
    names = _class_names(dataset)
    if dataset.classes != max(1, len(names)) or dataset.class_names not in ([], names):
        raise StudyError(
            f"dataset.classes: with these dataset.options {dataset.name} has {max(1, len(names))}, "
            f"not {dataset.classes}; set dataset.classes={max(1, len(names))} and "
            f"dataset.class_names=[{','.join(names)}]"
        )
    depth_teacher.check(dataset)
    path = Path(dataset.path)
    if not path.exists():
        raise StudyError(f"dataset.path: {dataset.path} does not exist; set it with -S dataset.path=/absolute/path")
    if path.is_dir():
        _check_names(path)
    if path.is_dir() or path.suffix != ".py":
        # Lists in an archive cannot be read before it is unpacked.
        with suppress(NotADirectoryError):
            datasets.check_files(dataset.name, lambda: _listing(path), dataset.options, dataset.heads_in_files)
    if dataset.sha256 and len(dataset.sha256) != len(dataset.urls):
        raise StudyError(f"dataset.sha256: {len(dataset.sha256)} checksums for {len(dataset.urls)} urls; give one each")


def _class_names(dataset: DatasetConfig) -> list[str]:
    """Return the names of the classes that the options say; one by import path has those of the configuration."""
    found = list(datasets.class_names(dataset.name, dataset.options))
    if dataset.name != IMPORTED or found or dataset.classes == 1:
        return found
    return dataset.class_names or [f"class{number}" for number in range(dataset.classes)]


def _check_names(path: Path) -> None:
    """Raise a StudyError if DVC could not read the folder `path`: it takes all names for UTF-8."""
    names = [name for _, folders, files in os.walk(path) for name in (*folders, *files)]
    others = [name for name in names if name != name.encode("utf-8", "replace").decode()]
    if others:
        raise StudyError(
            f"dataset.path: {path}: DVC cannot read names that are not UTF-8 ({len(others)}, first: "
            f"{printable(others[0])}); rename them, for example with: convmv -r --notest -f latin1 -t utf8 {path}"
        )


def _listing(path: Path) -> Listing | None:
    """Return the files of a folder or archive before it is unpacked; None where only unpacking tells."""
    packed = archives_in(path) if path.is_dir() else [path]
    if not packed:
        return scan(path)
    files: dict[str, list[str]] = {}
    for archive in packed:
        names = archives.names(archive)
        if names is None:
            return None
        around = f"{archives.stem(archive)}/" if len(packed) > 1 else ""
        for name in names:
            folder, _, own = f"{around}{name}".rpartition("/")
            files.setdefault(folder, []).append(own)
    return listed(path, files)


def _check_model(model: ModelConfig, config: Config) -> None:
    classes, size = config.dataset.classes, config.sample.size
    if model.name != IMPORTED:
        models.check_fit(model.name, model.options, config.loss.heads, classes, size)
        return
    # As in a trial, which has one head.
    for head in config.loss.heads:
        try_model(model.name, model.options, [head], classes, size)


def _check_losses(config: Config) -> None:
    invalid = _heads_with_invalid_pixels(config.dataset)
    for name in config.losses:
        given = config.options_of(name)
        loss = losses.load(name, given)
        for head in config.loss.heads:
            loss.check_fit(head, classes=config.dataset.classes, invalid=head in invalid)
            first = {term: weights[0] for term, weights in open_weights(given).items()}
            one = losses.load(name, with_weights(given, first)) if first else loss
            try_loss(one, head, config.dataset.classes, config.sample.size)
    for name in config.joint.names:
        options.check(config, name, classes=config.dataset.classes, invalid=invalid)


def _check_parent(config: Config) -> None:
    """Check the loss of the parent, also where there is none to train: DVC watches the loss's file."""
    name, key = config.recipe.parent.loss, "recipe.parent.loss"
    if name not in losses.names():
        raise StudyError(f"{key}: no loss has the file {name}.py; {nearest(name, losses.names())}")
    if config.recipe.continues:
        invalid = _heads_with_invalid_pixels(config.dataset)
        for head in config.loss.heads:
            losses.load(name).check_fit(head, classes=config.dataset.classes, invalid=head in invalid, key=key)


def _heads_with_invalid_pixels(dataset: DatasetConfig) -> set[str]:
    """Return the heads that have invalid pixels; a depth teacher predicts the depth of every pixel."""
    predicted = {"depth"} if dataset.depth_teacher.model else set()
    return set(datasets.heads_with_invalid_pixels(dataset.name, dataset.options)) - predicted
