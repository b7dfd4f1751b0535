"""The files of somebody's losses, models and datasets, for DVC: an edit of one runs again what depends on it.

``conf/config.yaml`` asks for them when it is composed, since dvc.yaml cannot look up where a class is defined. See
`loss_study.choices.imported`; of each it is the file that defines it, not those that this file imports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loss_study.choices import imported

#: The name of models and datasets by import path.
IMPORTED = "imported"


def of_model(model: Mapping[str, Any]) -> str:
    """Return the file of the section `model`."""
    return _of_section("model", model, f"src/loss_study/models/{model['name']}.py")


def of_dataset(dataset: Mapping[str, Any]) -> str:
    """Return the file of the section `dataset`."""
    return _of_section("dataset", dataset, f"src/loss_study/datasets/{dataset['name']}.py")


def of_losses(
    heads: Sequence[str], names: Sequence[str], options: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """Return head, loss and file of every head and every loss by import path, ``{"mask-mine": {...}}``.

    The losses `names` are those of ``loss.imported``, `options` all of ``loss_options``.
    """
    return {
        f"{head}-{name}": {"head": head, "loss": name, "file": _file(f"loss_options.{name}", options.get(name) or {})}
        for head in heads
        for name in names
    }


def _of_section(key: str, section: Mapping[str, Any], own: str) -> str:
    if section["name"] != IMPORTED:
        return own
    return _file(f"{key}.options", section.get("options") or {})


def _file(key: str, options: Mapping[str, Any]) -> str:
    # What is written in C has no file of its own: its package is watched by nobody, as are all installed libraries.
    return str(imported.source(key, options) or "src/loss_study/choices/imported.py")
