"""Probabilities to masks: which pixels are predicted to be of a class, and which are."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from loss_study.metrics.arguments import check_pair, valid_pixels

#: A pixel is foreground where the target is above this: soft edges count from one half.
TARGET_THRESHOLD = 0.5


class Masks(NamedTuple):
    """Which pixels are predicted and which are true, bool (N, C, H, W), and which are valid, bool (N, 1, H, W).

    C = 1 for a mask of one class, foreground; else both are one-hot over the K classes.
    """

    predicted: Tensor
    target: Tensor
    valid: Tensor

    @property
    def pixels(self) -> Tensor:
        """Number of valid pixels of each image, float64 (N,)."""
        return self.valid.sum(dim=(1, 2, 3)).double()

    def of_class(self, number: int) -> Masks:
        """Return the masks of one class alone."""
        return Masks(self.predicted[:, [number]], self.target[:, [number]], self.valid)


def foreground(target: Tensor) -> Tensor:
    """Return where the target of a mask of one class, in [0, 1], is foreground; bool, of the same shape."""
    return target > TARGET_THRESHOLD


def above_threshold(prediction: Tensor, target: Tensor, valid: Tensor | None = None, threshold: float = 0.5) -> Masks:
    """Return the masks of one class: foreground is predicted where the probability is above `threshold`.

    Args:
        prediction: probability of foreground, float (N, 1, H, W) in [0, 1].
        target: float (N, 1, H, W) in [0, 1] in steps of 1/255; foreground above 0.5.
        valid: 1 where a pixel has ground truth, else 0, (N, 1, H, W); None: all have.

    Raises:
        ValueError: see `check_pair`.
    """
    check_pair(prediction, target, valid)
    return Masks(prediction > threshold, foreground(target), valid_pixels(target, valid))


def most_probable(prediction: Tensor) -> Tensor:
    """Return the number of the most probable class, the lower of equals, int64 (N, H, W); `prediction` (N, K, H, W)."""
    return prediction.argmax(dim=1)


def of_classes(prediction: Tensor, target: Tensor, valid: Tensor | None = None) -> Masks:
    """Return the masks of K >= 2 classes that exclude each other: the most probable class is predicted.

    Args:
        prediction: probability of each class, float (N, K, H, W) in [0, 1].
        target: one-hot, float (N, K, H, W).
        valid: 1 where a pixel has ground truth, else 0, (N, 1, H, W); None: all have.

    Raises:
        ValueError: see `check_pair`.
    """
    check_pair(prediction, target, valid, several=True)
    predicted = F.one_hot(most_probable(prediction), prediction.shape[1]).movedim(3, 1).bool()
    return Masks(predicted, target > 0, valid_pixels(target, valid))
