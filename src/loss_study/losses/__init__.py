"""Losses: one file each, chosen by name.

``losses/dice.py`` holds the loss ``dice``: a function of logits and target that returns one value per image, and
``LOSS = Loss(dice, ...)``; see `shared.base.Loss`. The first paragraph of the file's docstring says what the loss does;
the report shows it. A combination, a weighted sum of such losses that needs no file, is in `shared.weighted_sum`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loss_study.losses.shared import weighted_sum
from loss_study.losses.shared.base import PROBABILITY, Loss, Output, TargetStatistics, names, with_a_file

__all__ = ["PROBABILITY", "Loss", "Output", "TargetStatistics", "load", "names", "with_a_file"]

#: All modules are losses; what they share is a package.
SHARED = ()


def load(name: str, options: Mapping[str, Any] | None = None) -> Loss:
    """Return the loss `name` with checked `options`, completed with the defaults.

    Options with `terms` are those of a combination, see `weighted_sum.load`; all others are the keyword-only arguments
    of the function in ``losses/<name>.py``.

    Raises:
        StudyError: unknown loss, unknown option, or a value of a wrong type or out of range; the message names the key.
    """
    options = options or {}
    return weighted_sum.load(name, options) if "terms" in options else with_a_file(name).with_options(options)
