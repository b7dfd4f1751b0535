"""What a metric is: how it is called, what it means, and whether more of it is better.

A file of this package defines one metric or a close family: its `Metric` objects, and beside them the functions that
compute it. All functions compute in float64 and return one value per image, (N,), NaN for an image without a valid
pixel unless they say otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

#: Ends the name of a metric of a mask at the threshold that is best on the validation split.
AT_BEST = "_at_best"
#: Ends the name of a metric of the depth that is computed on depth as it is coded, in [0, 1].
CODED = "_coded"
#: Ends the name of a metric of the depth after scale and shift of the prediction were fitted to the ground truth.
ALIGNED = "_aligned"
#: Ends the name of a metric of the depth over the foreground pixels only.
FOREGROUND = "_fg"

METRES = "m"
#: The unit of errors of depth that is not in metres.
DEPTH_RANGE = "of the depth range"
#: What becomes of depth before a metric that ends in `ALIGNED`.
_FITTED = "after fitting scale and shift of each predicted depth map to the ground truth"


@dataclass(frozen=True)
class Metric:
    """A metric as it is named in files and shown to readers.

    Attributes:
        name: as in ``metrics.json`` and ``per_image.csv``.
        label: as in tables and charts.
        definition: one or two sentences; empty for a metric that the project does not define.
        higher_is_better: None for a metric that the project does not define.
        unit: empty for shares and ratios.
        family: what variants of one metric have in common: that of `IoU at the threshold chosen on validation` is IoU.
            Empty: the label.
        lowest, highest: the metric of an image is never outside of these.
    """

    name: str
    label: str
    definition: str
    higher_is_better: bool | None = True
    unit: str = ""
    family: str = ""
    lowest: float = -math.inf
    highest: float = math.inf

    @property
    def short_label(self) -> str:
        """What a sentence calls the metric, where it is clear which variant is meant: ``IoU``."""
        return self.family or self.label

    @property
    def label_with_unit(self) -> str:
        """The label for a heading above bare numbers: ``RMSE (m)``; the label alone where there is no unit."""
        if not self.unit:
            return self.label
        return f"{self.label[:-1]}, {self.unit})" if self.label.endswith(")") else f"{self.label} ({self.unit})"

    def within(self, value: float) -> float:
        """Return the possible value that is closest to `value`."""
        return min(max(value, self.lowest), self.highest)

    @property
    def span(self) -> float:
        """The largest difference that two values can have; infinite where there is none."""
        return self.highest - self.lowest

    def show(self, value: float | None) -> str:
        """Return `value` rounded for reading, without its unit, errors finer than shares; "-" for None."""
        if value is None:
            return "-"
        # The z keeps what rounds to zero from being shown as -0.000.
        return f"{value:z.4f}" if self.higher_is_better is False and self.unit != METRES else f"{value:z.3f}"

    def show_with_unit(self, value: float | None) -> str:
        """Return `value` as in `show` with its unit: ``1.204 m``; without one where there is none."""
        return f"{self.show(value)} {self.unit}" if self.unit and value is not None else self.show(value)

    def with_unit(self, number: str) -> str:
        """Return a `number` that is already rounded with the unit or, where there is none, with the short label."""
        return f"{number} {self.unit or self.short_label}"

    def at_best_threshold(self) -> Metric:
        """Return the same metric of a mask at the threshold that is best on the validation split."""
        definition = f"{self.definition.removesuffix('.')}; at the threshold that is best on the validation split."
        return replace(
            self,
            name=self.name + AT_BEST,
            label=f"{self.label} at the threshold chosen on validation",
            definition=definition,
            family=self.short_label,
        )

    def coded(self) -> Metric:
        """Return the same error of depth as it is coded."""
        return replace(
            self,
            name=self.name + CODED,
            label=f"{self.label} (coded depth)",
            definition=f"{self.definition.removesuffix('.')}, of depth as it is coded.",
            unit=DEPTH_RANGE,
            family=self.short_label,
        )

    def aligned(self) -> Metric:
        """Return the same error of depth after scale and shift were fitted."""
        definition = f"{self.definition.removesuffix('.')}, {_FITTED}."
        return replace(self, name=self.name + ALIGNED, label=f"{self.label}, aligned", definition=definition)

    def on_foreground(self) -> Metric:
        """Return the same metric of the depth over the foreground pixels only."""
        definition = f"{self.definition.removesuffix('.')}; over the foreground pixels only."
        return replace(self, name=self.name + FOREGROUND, label=f"{self.label}, foreground", definition=definition)


def undefined(name: str) -> Metric:
    """Return how to show a metric that the project does not define: as it is named."""
    return Metric(name, name.replace("_", " "), "", None)
