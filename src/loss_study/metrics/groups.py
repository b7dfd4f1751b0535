"""Metrics sorted into tables: the plain ones, those at the best threshold, those on the foreground."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loss_study.metrics import find
from loss_study.metrics.base import AT_BEST, FOREGROUND, Metric

_TITLES = {"": "", AT_BEST: "at the threshold chosen on validation", FOREGROUND: "on the foreground alone"}


@dataclass(frozen=True)
class Group:
    """Metrics that are shown in one table, and what they have in common ("" for the plain ones)."""

    title: str
    columns: tuple[tuple[str, Metric], ...]


def groups(names: Iterable[str], classes: int = 1) -> list[Group]:
    """Sort metrics into the plain ones and their variants; `classes` as in `find`.

    A column is (heading, metric); the heading has the unit.
    """
    columns: dict[str, list[tuple[str, Metric]]] = {}
    for name in names:
        suffix = next((suffix for suffix in (AT_BEST, FOREGROUND) if name.endswith(suffix)), "")
        heading = find(name.removesuffix(suffix), classes).label_with_unit
        columns.setdefault(suffix, []).append((heading, find(name, classes)))
    return [Group(_TITLES[suffix], tuple(metrics)) for suffix, metrics in columns.items()]
