"""What a trial is judged by: one table of metrics, the same for every loss.

`metrics.mask`, `metrics.classes` (a mask of several classes) and `metrics.depth` compute values per image, so that
batches are concatenated and then aggregated. Predictions and truths are arguments by name only: a prediction is the
sigmoid or softmax of the logits, a truth a uint8 picture divided by 255 or one-hot classes, and one given in place of
the other is refused. `valid` is 1 where a pixel has a truth, else 0, (N, 1, H, W); None: all have. The others count
nowhere.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

HEADLINE = {"mask": "iou", "depth": "rmse"}
AT_BEST = "_at_best"
FOREGROUND = "_fg"
CUSTOM_IOU = "custom_iou"
#: Followed by a name of a class. Names that would make another metric of it are `NOT_CLASSES`.
CLASS_IOU = "iou_"
NOT_CLASSES = ("dataset", "at_best", "dataset_at_best")


@dataclass(frozen=True)
class Metric:
    """How a metric is shown to people; `unit` is empty for a share between 0 and 1."""

    head: str
    label: str
    unit: str
    higher_is_better: bool
    definition: str


_CUSTOM_IOU = "Soft IoU of all classes together, background and border among them, by probabilities; mean over images."


def _mask_metrics() -> dict[str, Metric]:
    definitions = {
        "iou": ("IoU", "Pixels marked in both, over pixels marked in prediction or truth; mean over images."),
        "dice": ("Dice", "Twice the pixels marked in both, over the pixels marked in each; mean over images."),
        "mean_iou": ("mIoU", "IoU of the foreground and IoU of the background, their mean; mean over images."),
        "pixel_accuracy": ("Pixel accuracy", "Share of the pixels that are classified as in the truth."),
        "precision": ("Precision", "Share of the predicted foreground that is foreground."),
        "recall": ("Recall", "Share of the foreground that is predicted."),
        "boundary_f": ("Boundary F", "F-measure of the outlines, matched within 0.75 % of the picture's diagonal."),
        "iou_dataset": ("IoU, pooled", "IoU of the pixels of all images counted together."),
        "dice_dataset": ("Dice, pooled", "Dice of the pixels of all images counted together."),
    }
    table = {name: Metric("mask", label, "", True, text) for name, (label, text) in definitions.items()}
    for name, (label, text) in definitions.items():
        better = f"{text.removesuffix('.')}; at the threshold that is best on the validation split."
        table[name + AT_BEST] = Metric("mask", f"{label} at best threshold", "", True, better)
    return table | {CUSTOM_IOU: Metric("mask", "Custom IoU", "", True, _CUSTOM_IOU)}


def _class_metrics() -> dict[str, Metric]:
    definitions = {
        "iou": ("mIoU", "IoU of each class that an image or its prediction has, their mean; mean over images."),
        "dice": ("mDice", "Dice of each class that an image or its prediction has, their mean; mean over images."),
        "pixel_accuracy": ("Pixel accuracy", "Share of the pixels whose class is right."),
        "boundary_f": (
            "Boundary F",
            "F-measure of the outlines of each class, their mean; within 0.75 % of the diagonal.",
        ),
        CUSTOM_IOU: ("Custom IoU", _CUSTOM_IOU),
        "iou_dataset": ("mIoU, pooled", "IoU of each class over the pixels of all images together, their mean."),
        "dice_dataset": ("mDice, pooled", "Dice of each class over the pixels of all images together, their mean."),
    }
    return {name: Metric("mask", label, "", True, text) for name, (label, text) in definitions.items()}


def _depth_metrics() -> dict[str, Metric]:
    depth = "depth range"
    definitions = {
        "rmse": ("RMSE", depth, False, "Root of the mean squared error of an image, 1 being the whole depth range."),
        "mae": ("MAE", depth, False, "Mean absolute error, 1 being the whole depth range."),
        "abs_rel": ("AbsRel", "", False, "Mean absolute error relative to the true depth."),
        "log10": ("log10", "decades", False, "Mean absolute difference of the decimal logarithms of the depths."),
        "delta1": ("δ < 1.25", "", True, "Share of the pixels whose depth is right within a factor of 1.25."),
        "delta2": ("δ < 1.25²", "", True, "Share of the pixels whose depth is right within a factor of 1.5625."),
        "delta3": ("δ < 1.25³", "", True, "Share of the pixels whose depth is right within a factor of 1.953."),
        "ssim": ("SSIM", "", True, "Structural similarity of the depth maps: 1 is equal, 0 unrelated."),
    }
    table = {name: Metric("depth", *row) for name, row in definitions.items()}
    for name, (label, unit, higher, text) in definitions.items():
        inside = f"{text.removesuffix('.')}; over the foreground pixels only."
        table[name + FOREGROUND] = Metric("depth", f"{label}, foreground", unit, higher, inside)
    return table


METRICS: dict[str, Metric] = _mask_metrics() | _depth_metrics()
#: Those of a mask of several classes; beside them is one for every class, see `of_class`.
CLASS_METRICS: dict[str, Metric] = _class_metrics()


def of_class(name: str) -> str:
    """Return the name of the metric IoU of the class `name`."""
    return CLASS_IOU + name


def find(name: str, classes: int = 1) -> Metric | None:
    """Return the metric `name` of the depth or of a mask of `classes` classes; None where there is no such."""
    if classes == 1:
        return METRICS.get(name)
    if name in CLASS_METRICS:
        return CLASS_METRICS[name]
    if not name.startswith(CLASS_IOU):
        return METRICS.get(name)
    of = name.removeprefix(CLASS_IOU).replace("_", " ")
    return Metric("mask", f"IoU {of}", "", True, f"IoU of the class {of}; mean over the images that have it.")


def headline(head: str, *, prediction: torch.Tensor, target: torch.Tensor, valid: torch.Tensor | None = None) -> float:
    """Return the metric that ranks `head`, mean over images: IoU at 0.5, mean IoU of several classes, or RMSE.

    NaN if a prediction is NaN.

    Args:
        head: "mask" or "depth".
        prediction: sigmoid or softmax of the logits, (N, C, H, W) in [0, 1].
        target: truth, (N, C, H, W) in [0, 1].
    """
    if prediction.isnan().any():
        return math.nan
    metric = getattr(_module(head, prediction), HEADLINE[head])
    values = metric(prediction=prediction, target=target, valid=valid)
    return float(values.mean() if valid is None else values.nanmean())


def is_better(head: str, a: float, b: float) -> bool:
    """Say whether the headline value `a` is strictly better than `b`; NaN is worse than every number."""
    if math.isnan(a) or math.isnan(b):
        return not math.isnan(a)
    return a > b if rises(head) else a < b


def rises(head: str) -> bool:
    """Say whether a higher headline value is a better one."""
    return METRICS[HEADLINE[head]].higher_is_better


def collapse(
    head: str,
    *,
    prediction: torch.Tensor,
    target: torch.Tensor,
    valid: torch.Tensor | None = None,
    class_names: Sequence[str] = (),
) -> str:
    """Name the way in which the predictions of a whole split have collapsed; "" if they have not.

    - "all background": over all images together, less than 1 % as many pixels are above 0.5 as in the truth.
    - "all foreground": the same of the pixels that are not above 0.5.
    - "all <class>", of several classes: the same of the pixels that are not of this class.
    - "constant depth": the standard deviation over all pixels of all images is below 5 % of the truth's.

    A truth that is itself empty, full or constant accuses no one.

    Args:
        class_names: of a mask of several classes.
    """
    names = {"class_names": class_names} if prediction.shape[1] > 1 else {}
    return _module(head, prediction).collapse(prediction=prediction, target=target, valid=valid, **names)


def _module(head: str, prediction: torch.Tensor) -> ModuleType:
    # Imported when needed: the table above is also read where torch is not, and torch takes seconds to import.
    return importlib.import_module(f"{__name__}.{'classes' if prediction.shape[1] > 1 else head}")
