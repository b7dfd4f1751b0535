"""What metrics of masks count: pixels of an image, ratios of counts, and means that leave out what is not there."""

from __future__ import annotations

import torch
from torch import Tensor

#: On both sides of the fraction of `soft_iou`, in pixels.
SMOOTH = 0.001


def count(pixels_N1HW: Tensor) -> Tensor:
    """Return the number of true pixels of each image, float64 (N,)."""
    return pixels_N1HW.sum(dim=(1, 2, 3)).double()


def ratio(part: Tensor, whole: Tensor, either: Tensor) -> Tensor:
    """Divide; where `whole` is 0, the result is 1 if `either` is 0 as well (both masks are empty), else 0."""
    return torch.where(whole > 0, part / whole, (either == 0).double())


def mean_of_present(values_NK: Tensor) -> Tensor:
    """Return the mean of each row over what is not NaN, (N,); NaN where all is."""
    return values_NK.nanmean(dim=1)


def mean_over_images(values_N: Tensor) -> float:
    """Return the mean over the images that have a value; NaN if none has."""
    return float(values_N[~values_N.isnan()].mean())


def soft_iou(prediction: Tensor, true: Tensor, known: Tensor) -> Tensor:
    """Return (sum p t + s) / (sum (p + t - p t) + s) of each image, float64 (N,), s = 0.001.

    The sums are over all classes and known pixels together, p being the probability of the class and t 1 where it is
    the true one. An image counts by itself (not pooled), a probability by its value (not by which is largest), and a
    border that is a class of its own like the other classes: the "custom IoU" of a public SegNet on pets.

    Args:
        prediction: probabilities of all classes, float (N, K, H, W), the background being one.
        true: one-hot, bool (N, K, H, W).
        known: where there is a truth, bool (N, 1, H, W).
    """
    p = torch.where(known, prediction, 0).double()
    both = (p * true).sum(dim=(1, 2, 3))
    return (both + SMOOTH) / (p.sum(dim=(1, 2, 3)) + count(true & known) - both + SMOOTH)
