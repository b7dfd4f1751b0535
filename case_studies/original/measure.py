"""What a trained network is worth, and what it answers: one row of the results."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from loss_study.config import Augmentation
from loss_study.data.packed import PackedSample
from loss_study.evaluation.splits import Split
from loss_study.heads import JOINT
from loss_study.losses import Output
from loss_study.metrics.rmse import rmse
from loss_study.metrics.thresholds import THRESHOLDS, best_threshold, iou_by_threshold
from loss_study.metrics.verdict import collapse
from loss_study.training.device import pick

#: What is measured on the test split as it is and, in a second column, on the test split changed as in training.
MEASURES = {"mask": ("iou", "iou_best"), "depth": ("rmse",), JOINT: ("iou", "iou_best", "rmse")}
#: The column that says whether a network has collapsed, by measure.
COLLAPSE = {"iou": "collapse", "iou_best": "collapse_best", "rmse": "collapse_depth"}
AUGMENTED = "_augmented"
#: Suffixes of answers on images seen in a mirror, and on those of the training instead of the test split.
MIRRORED, TRAINED = "_mirrored", "_trained"
#: All that there are; without one: the test split as it is.
SEEN = ("", MIRRORED, TRAINED, TRAINED + MIRRORED)
#: Regions of a mask and its mirror image, in whose pixels the mean prediction is taken.
REGIONS = ("object", "mirror", "both", "neither")
#: Pixels with a mask between these are at the edge of an object, and in no region.
CLEAR = 0.1
_DIGITS = 6


@dataclass(frozen=True)
class Tests:
    """The splits that networks of one head and sample are measured on; `augmentation` is that of the training."""

    sample: PackedSample
    head: str
    augmentation: Augmentation

    @cached_property
    def validation(self) -> Split:
        """Where the best threshold is found."""
        return Split(self.sample, "validation", self.head, pick())

    @cached_property
    def plain(self) -> Split:
        """The test split."""
        return Split(self.sample, "test", self.head, pick())

    @cached_property
    def further(self) -> dict[str, Split]:
        """The test split seen in a mirror, and the training split as it is and in one, by their suffix.

        In a mirror inputs and targets are flipped left-right, all of them together.
        """
        mirror = Augmentation(flip=1.0)
        return {
            MIRRORED: Split(self.sample, "test", self.head, pick(), mirror),
            TRAINED: Split(self.sample, "train", self.head, pick()),
            TRAINED + MIRRORED: Split(self.sample, "train", self.head, pick(), mirror),
        }

    @cached_property
    def augmented(self) -> Split:
        """The test split, changed as in training."""
        return Split(self.sample, "test", self.head, pick(), self.augmentation)

    def measure(self, model: nn.Module, precision: str, output: Output) -> dict[str, Any]:
        """Return the columns of the head for `model`."""
        plain, changed = (split.predict(model, precision, output) for split in (self.plain, self.augmented))
        if self.head == "depth":
            found = self._depth(plain, changed)
        else:
            found = self._mask(plain, changed, self.validation.predict(model, precision, output))
        return _rounded(found)

    def measure_in_mirrors(self, model: nn.Module, precision: str, output: Output) -> dict[str, Any]:
        """Return the columns of a mask for `model`, and its answers on the splits `further`."""
        found: dict[str, Any] = {}
        for suffix, split in self.further.items():
            given = answers(split.predict(model, precision, output), split.target)
            found |= {name + suffix: answer for name, answer in given.items()}
        return self.measure(model, precision, output) | _rounded(found)

    def _depth(self, plain: Tensor, changed: Tensor) -> dict[str, Any]:
        constant = self.sample.statistics["depth_mean"]
        return {
            "rmse": _rmse(plain, self.plain.target),
            "rmse" + AUGMENTED: _rmse(changed, self.augmented.target),
            "collapse_depth": collapse("depth", prediction=plain, target=self.plain.target, constant=constant),
        }

    def _mask(self, plain: Tensor, changed: Tensor, validation: Tensor) -> dict[str, Any]:
        threshold = best_threshold(prediction=validation, target=self.validation.target)
        pair = {"prediction": plain, "target": self.plain.target}
        iou, iou_changed = (
            iou_by_threshold(prediction=prediction, target=target).mean(dim=0)
            for prediction, target in ((plain, self.plain.target), (changed, self.augmented.target))
        )
        half, best = (int((THRESHOLDS - at).abs().argmin()) for at in (0.5, threshold))
        return {
            "iou": float(iou[half]),
            "iou_best": float(iou[best]),
            "iou" + AUGMENTED: float(iou_changed[half]),
            "iou_best" + AUGMENTED: float(iou_changed[best]),
            "threshold": threshold,
            "collapse": collapse("mask", **pair),
            "collapse_best": collapse("mask", **pair, threshold=threshold),
            **answers(plain, self.plain.target),
        }


def answers(prediction: Tensor, target: Tensor) -> dict[str, float]:
    """Return the mean prediction over all pixels, and over those of each of `REGIONS`.

    Where inputs are mirrored in half of the training's images and their masks are not, a pixel of the object alone or
    of its mirror image alone is foreground with probability 1/2, one of both always, and one of neither never.

    Args:
        prediction: of a mask, float (N, 1, H, W) in [0, 1].
        target: the same.
    """
    mirrored = target.flip(3)
    inside, outside = target >= 1 - CLEAR, target <= CLEAR
    inside_mirrored, outside_mirrored = mirrored >= 1 - CLEAR, mirrored <= CLEAR
    regions = (
        inside & outside_mirrored,
        outside & inside_mirrored,
        inside & inside_mirrored,
        outside & outside_mirrored,
    )
    means = {name: float(prediction[where].mean()) for name, where in zip(REGIONS, regions, strict=True)}
    return {"answer": float(prediction.mean())} | {f"answer_{name}": mean for name, mean in means.items()}


def _rounded(found: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in found.items()}


def _rmse(prediction: Tensor, target: Tensor) -> float:
    return float(rmse(prediction.double(), target.double()).nanmean())
