"""The model's card, ``README.md``, from what ``model.json`` says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loss_study import metrics
from loss_study.runtime.templates import markdown


def card(description: Mapping[str, Any]) -> str:
    """Return the card of the model that `description`, the content of ``model.json``, is of: Markdown."""
    templates = markdown(Path(__file__).parent)
    templates.trim_blocks = templates.lstrip_blocks = True
    templates.filters["value"] = value
    templates.filters["interval"] = interval
    return templates.get_template("card.md.j2").render(description)


def value(measured: Mapping[str, Any]) -> str:
    """Return a metric's value with its unit."""
    return metrics.find(measured["metric"]).show_with_unit(measured["value"])


def interval(measured: Mapping[str, Any]) -> str:
    """Return a metric's interval, ``0.584 to 0.630``; "-" where it is not known."""
    if measured["low"] is None:
        return "-"
    metric = metrics.find(measured["metric"])
    return f"{metric.show(measured['low'])} to {metric.show(measured['high'])}"
