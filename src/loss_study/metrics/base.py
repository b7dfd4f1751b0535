"""What a metric is: how it is called, what it means, and whether more of it is better.

A file of this package defines one metric or a close family: its `Metric` objects, and beside them the functions that
compute it. All functions compute in float64 and return one value per image, (N,), NaN for an image without a valid
pixel unless they say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: Ends the name of a metric of a mask at the threshold that is best on the validation split.
AT_BEST = "_at_best"
#: Ends the name of a metric of the depth over the foreground pixels only.
FOREGROUND = "_fg"


@dataclass(frozen=True)
class Metric:
    """A metric as it is named in files and shown to readers.

    Attributes:
        name: as in ``metrics.json`` and ``per_image.csv``.
        label: as in tables and charts.
        definition: one or two sentences; empty for a metric that the project does not define.
        higher_is_better: None for a metric that the project does not define.
        unit: empty for a share between 0 and 1.
    """

    name: str
    label: str
    definition: str
    higher_is_better: bool | None = True
    unit: str = ""

    def show(self, value: float | None) -> str:
        """Return `value` rounded for reading, errors finer than shares; "-" for None."""
        if value is None:
            return "-"
        return f"{value:.4f}" if self.higher_is_better is False else f"{value:.3f}"

    def at_best_threshold(self) -> Metric:
        """Return the same metric of a mask at the threshold that is best on the validation split."""
        definition = f"{self.definition.removesuffix('.')}; at the threshold that is best on the validation split."
        return replace(self, name=self.name + AT_BEST, label=f"{self.label} at best threshold", definition=definition)

    def on_foreground(self) -> Metric:
        """Return the same metric of the depth over the foreground pixels only."""
        definition = f"{self.definition.removesuffix('.')}; over the foreground pixels only."
        return replace(self, name=self.name + FOREGROUND, label=f"{self.label}, foreground", definition=definition)


def undefined(name: str) -> Metric:
    """Return how to show a metric that the project does not define: as it is named."""
    return Metric(name, name.replace("_", " "), "", None)
