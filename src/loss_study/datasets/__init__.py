"""Datasets: one file each, chosen by ``dataset.name``. All of them end in the same packed sample.

A file ``datasets/<name>.py`` has a function ``open_dataset(path, *, <options>)`` that returns a `base.Dataset`. Its
keyword-only arguments are ``dataset.options``, but for ``heads``, the kinds of ground truth that are needed, and
``mask_classes``, their number. Three optional functions of the same arguments let `check` refuse mistakes before the
data is read: ``heads_with_invalid_pixels(*, <options>)`` returns the heads that lack ground truth at some pixels,
``class_names(*, <options>)`` the names of the mask's classes, none for one class, and ``check_files(listing, *,
<options>)`` refuses files that do not fit. Where options are no such arguments, ``check_options(options)`` checks them.

A name that exists only in conf/dataset/, such as ``pets_trimap``, says there which file it uses.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loss_study.config import DatasetConfig
    from loss_study.datasets.base import Dataset
    from loss_study.datasets.layouts.listing import Listing

PACKAGE = __name__
#: The keyword arguments that are no options.
ASKED = ("heads", "mask_classes")


def names() -> list[str]:
    """Return the names that ``dataset.name`` may take."""
    return _registry().names(PACKAGE)


def check(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` with defaults filled in; StudyError for an unknown dataset or option."""
    module = _registry().load("dataset", PACKAGE, name)
    if hasattr(module, "check_options"):
        module.check_options(options)
        return dict(options)
    return _registry().check_options("dataset.options", module.open_dataset, options, but=ASKED)


def heads_with_invalid_pixels(name: str, options: Mapping[str, Any]) -> Sequence[str]:
    """Return the heads that lack ground truth at some pixels, as far as the options tell; StudyError as `check`."""
    checked = check(name, options)
    module = _registry().load("dataset", PACKAGE, name)
    return module.heads_with_invalid_pixels(**checked) if hasattr(module, "heads_with_invalid_pixels") else ()


def class_names(name: str, options: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of the mask's classes with these options, () for one class; StudyError as `check`."""
    checked = check(name, options)
    module = _registry().load("dataset", PACKAGE, name)
    return module.class_names(**checked) if hasattr(module, "class_names") else ()


def open_dataset(
    name: str, path: Path, options: Mapping[str, Any], heads: Sequence[str] | None = None, classes: int = 1
) -> Dataset:
    """Open the dataset `name` at `path`; StudyError says what is missing or wrong there.

    Args:
        heads: the kinds of ground truth that are needed, "mask", "depth" or both; None: those that there are.
        classes: of the mask, for a dataset that does not know it by itself.
    """
    checked = check(name, options)
    function = _registry().load("dataset", PACKAGE, name).open_dataset
    return function(path, **checked, **_asked(function, heads=heads, mask_classes=classes))


def open_chosen(config: DatasetConfig, path: Path) -> Dataset:
    """Open the dataset of `config` at `path`, as `open_dataset`."""
    return open_dataset(config.name, path, config.options, config.heads_in_files, config.classes)


def check_files(
    name: str, look: Callable[[], Listing | None], options: Mapping[str, Any], heads: Sequence[str] | None = None
) -> None:
    """Check the files that `look` lists, None where that takes long; StudyError and `heads` as `open_dataset`."""
    checked = check(name, options)
    module = _registry().load("dataset", PACKAGE, name)
    listing = look() if hasattr(module, "check_files") else None
    if listing is not None:
        module.check_files(listing, **checked, **_asked(module.check_files, heads=heads))


def _registry() -> ModuleType:
    """Return the registry, which needs packages that reading an image does not: `loss_study.inference` has few."""
    from loss_study.choices import registry  # noqa: PLC0415

    return registry


def _asked(function: Callable[..., Any], **values: Any) -> dict[str, Any]:
    """Return those of `values` that `function` takes."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in values.items() if name in known}
