"""Metrics with their units, as every part of the report writes them."""

from __future__ import annotations

from loss_study.metrics import Metric


def heading(metric: Metric) -> str:
    """Return what stands above bare numbers of `metric`: ``RMSE (m)``, or the label alone where there is no unit."""
    return f"{metric.label} ({metric.unit})" if metric.unit else metric.label


def shown(metric: Metric, number: str) -> str:
    """Return a `number` that is already rounded, with the unit of `metric` or, where it has none, with its label."""
    return f"{number} {metric.unit or metric.label}"
