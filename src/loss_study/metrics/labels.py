"""How metrics are named, grouped and rounded for a reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loss_study.metrics import AT_BEST, FOREGROUND, find

_GROUPS = {"": "", AT_BEST: "at the threshold that is best on validation", FOREGROUND: "on the foreground alone"}


@dataclass(frozen=True)
class Shown:
    """A metric as a reader sees it; `higher_is_better` is None for one that the project does not define."""

    name: str
    label: str
    higher_is_better: bool | None
    unit: str
    definition: str

    def show(self, value: float | None) -> str:
        """Return the value rounded for reading, errors finer than shares; "-" where there is none."""
        if value is None:
            return "-"
        return f"{value:.4f}" if self.higher_is_better is False else f"{value:.3f}"


def shown(name: str, classes: int = 1) -> Shown:
    """Return how to show the metric `name`; one that the project does not define is shown as it is named.

    Args:
        classes: of the mask, if it is one.
    """
    metric = find(name, classes)
    if metric is None:
        return Shown(name, name.replace("_", " "), None, "", "")
    return Shown(name, metric.label, metric.higher_is_better, metric.unit, metric.definition)


@dataclass(frozen=True)
class Group:
    """Metrics that are shown in one table, and what they have in common ("" for the plain ones)."""

    title: str
    columns: tuple[tuple[str, Shown], ...]


def groups(names: Iterable[str], classes: int = 1) -> list[Group]:
    """Sort metrics into the plain ones and their variants; a column is (heading, metric). `classes` as in `shown`."""
    columns: dict[str, list[tuple[str, Shown]]] = {}
    for name in names:
        suffix = next((suffix for suffix in (AT_BEST, FOREGROUND) if name.endswith(suffix)), "")
        heading = shown(name.removesuffix(suffix), classes).label
        columns.setdefault(suffix, []).append((heading, shown(name, classes)))
    return [Group(_GROUPS[suffix], tuple(metrics)) for suffix, metrics in columns.items()]
