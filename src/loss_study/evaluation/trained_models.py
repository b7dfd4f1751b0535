"""What training left of a trial: its model and its description."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from loss_study import models
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.training.checkpoint import DamagedError, load_saved


def load_description(path: Path) -> dict[str, Any]:
    """Return what ``trial.json`` in `path` says; StudyError if the file is missing or damaged."""
    checksums.check(path.parent)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _missing(path) from None
    except ValueError as error:
        raise StudyError(f"{path}: damaged ({error}); train it again") from None


def load_model(path: Path) -> nn.Module:
    """Return the model that training left in `path`, on the CPU; StudyError if the file is missing or damaged."""
    try:
        saved = load_saved(path)
        model = _build(models.blank, saved["build"])
        model.load_state_dict(saved["state"])
    except FileNotFoundError:
        raise _missing(path) from None
    except (DamagedError, RuntimeError, KeyError, TypeError) as error:
        raise StudyError(f"{path}: damaged model file ({type(error).__name__}); train it again") from None
    return model


def initial_model(path: Path, seed: int, parent: Path | None = None) -> nn.Module:
    """Return the model of `path`, which `load_model` can read, with the weights that its training began with.

    They are those in `parent`, or were drawn from `seed`; torch's global generator is seeded with it in either case.
    """
    build = load_saved(path)["build"]
    torch.manual_seed(seed)
    return _build(models.build, build) if parent is None else load_model(parent)


def _build(function: Callable[..., nn.Module], build: dict[str, Any]) -> nn.Module:
    heads, classes = build["heads"], build["classes"]
    return function(build["name"], build["in_channels"], heads, classes=classes, **build["options"])


def _missing(path: Path) -> StudyError:
    return StudyError(f"{path}: no trained model there; run 'dvc repro'")
