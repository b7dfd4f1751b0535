"""Datasets: one file each, chosen by name, all ending in the same packed sample.

A file ``datasets/<name>.py`` is chosen by ``dataset.name`` and offers ``open_dataset(path, *, <options>)``, which returns
a `base.Dataset`. Its keyword-only arguments are ``dataset.options``. Two more functions of these options, both optional,
let mistakes be refused at once: ``gaps(*, <options>)`` returns the heads that have no ground truth at some pixels,
``class_names(*, <options>)`` the names of the mask's classes, none for one class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loss_study import registry
from loss_study.datasets.base import Dataset

PACKAGE = __name__


def names() -> list[str]:
    """Return the names that ``dataset.name`` may take."""
    return registry.names(PACKAGE)


def check(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` with defaults filled in; StudyError for an unknown dataset or option."""
    module = registry.load("dataset", PACKAGE, name)
    return registry.check_options("dataset.options", module.open_dataset, options)


def gaps(name: str, options: Mapping[str, Any]) -> Sequence[str]:
    """Return the heads that have no truth at some pixels, as far as the options tell; StudyError as `check`."""
    checked = check(name, options)
    module = registry.load("dataset", PACKAGE, name)
    return module.gaps(**checked) if hasattr(module, "gaps") else ()


def class_names(name: str, options: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of the classes that the options give the mask, () for one class; StudyError as `check`."""
    checked = check(name, options)
    module = registry.load("dataset", PACKAGE, name)
    return module.class_names(**checked) if hasattr(module, "class_names") else ()


def open_dataset(name: str, path: Path, options: Mapping[str, Any]) -> Dataset:
    """Open the dataset `name` at `path`; StudyError says what is missing or wrong there."""
    checked = check(name, options)
    return registry.load("dataset", PACKAGE, name).open_dataset(path, **checked)
