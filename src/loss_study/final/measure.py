"""The one evaluation on the test split: each head's metrics, with intervals and units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from loss_study import losses, metrics
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate
from loss_study.evaluation.splits import Splits
from loss_study.final.training import Trained
from loss_study.statistics.estimates import Estimates
from loss_study.statistics.scores import BACKGROUND, OBJECT, Identities

#: Of each side of an interval.
LEVEL = 0.025
#: What the card tells, as far as the head has it; a mask of several classes also has the IoU of each of them.
TOLD = {
    "mask": ("iou_at_best", "dice_at_best", "precision_at_best", "recall_at_best", "boundary_f_at_best"),
    "classes": ("iou", "dice", "pixel_accuracy", "boundary_f"),
    "depth": ("rmse", "mae", "abs_rel", "delta1", "rmse_coded", "rmse_coded_fg", "rmse_coded_aligned", "ssim"),
}
#: Metrics are computed as the exported model computes.
PRECISION = "float32"


@dataclass(frozen=True)
class Measured:
    """A metric of the model: mean over the test images, and 95 % interval for new images, None where it is unknown."""

    metric: str
    label: str
    unit: str
    higher_is_better: bool | None
    value: float
    low: float | None
    high: float | None
    images: int


@dataclass(frozen=True)
class OfHead:
    """A head on the test split: what is wrong with its predictions ("" for nothing), the threshold, the metrics."""

    verdict: str
    threshold: float | None
    metrics: list[Measured]

    def as_json(self) -> dict[str, Any]:
        """Return it as it stands in ``model.json``."""
        return {"verdict": self.verdict, "metrics": [asdict(one) for one in self.metrics]}


def measure(network: Trained, head: str, sample: PackedSample, threshold: float | None = None) -> OfHead:
    """Measure a head of `network` on the test split of `sample`.

    Args:
        threshold: of a mask of one class; None: the best one on the validation split.
    """
    loss = network.description.losses[head]
    splits = Splits.of(sample, head)
    output = losses.load(loss["name"], loss["options"]).output
    found = evaluate(network.module, splits, PRECISION, output, threshold=threshold)
    network.module.cpu()
    rows = [sample.index[row] for row in splits.test.rows]
    shared = {name: [row[name] for row in rows] for name in (OBJECT, BACKGROUND)}
    told = _told(head, sample)
    known = {name: found.columns[name] for name in told if name in found.columns}
    classes = sample.classes if head == "mask" else 1
    values = [_measured(metrics.find(name, classes), column, shared) for name, column in known.items()]
    return OfHead(found.summary["verdict"], found.summary["threshold"], [one for one in values if one is not None])


def _told(head: str, sample: PackedSample) -> Sequence[str]:
    if head == "mask" and sample.classes > 1:
        return [*TOLD["classes"], *(f"iou_{name}" for name in sample.class_names)]
    return TOLD[head]


def _measured(metric: metrics.Metric, column: np.ndarray, shared: dict[str, list[str]]) -> Measured | None:
    defined = np.isfinite(column)
    if not defined.any():
        return None
    values = column[defined].astype(np.float64)
    mean = float(values.mean())
    low, high = _interval(metric, values, [np.array(shared[name])[defined] for name in (OBJECT, BACKGROUND)])
    about = metric.name, metric.label, metric.unit, metric.higher_is_better
    return Measured(*about, mean, low, high, len(values))


def _interval(
    metric: metrics.Metric, values: np.ndarray, shared: Sequence[np.ndarray]
) -> tuple[float, float] | tuple[None, None]:
    if len(values) < 2:
        return None, None
    objects, backgrounds = (Identities.of(list(names)).numbers for names in shared)
    reach = float(Estimates.of([values[None]], objects, backgrounds).of_means().reach(LEVEL)[0])
    mean = float(values.mean())
    return metric.within(mean - reach), metric.within(mean + reach)
