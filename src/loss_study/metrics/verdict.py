"""Predictions that are no better than a constant: such a trial is no basis for an average."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from loss_study.metrics.arguments import DEPTH_STEPS, at_valid, check_pair
from loss_study.metrics.constant import best_constant
from loss_study.metrics.counting import mean_over_images
from loss_study.metrics.masks import Masks, above_threshold, of_classes
from loss_study.metrics.rmse import rmse

#: Less than this share of a class's pixels predicted as "not this class" means that the class is all there is.
COLLAPSED_SHARE = 0.01
#: A standard deviation below this share of the target's means that the depth is constant.
CONSTANT_SHARE = 0.05


def collapse(
    head: str,
    *,
    prediction: Tensor,
    target: Tensor,
    valid: Tensor | None = None,
    class_names: Sequence[str] = (),
    threshold: float = 0.5,
    constant: float | None = None,
) -> str:
    """Name the way in which the predictions of a whole split have collapsed; "" if they have not.

    - "all background": over all images together, less than 1 % as many pixels are above `threshold` as in the
      target.
    - "all foreground": the same of the pixels that are not above `threshold`.
    - "all <class>", of several classes: the same of the pixels that are not of this class.
    - "constant depth": the standard deviation over all pixels of all images is below 5 % of the target's.
    - "no better than a constant depth": the RMSE of coded depth, mean over images, is not below that of `constant`.

    Where the target itself is empty, full or constant, so may the prediction be.

    Args:
        head: "mask" or "depth".
        prediction: (N, C, H, W) in [0, 1].
        target: (N, C, H, W) in [0, 1].
        valid: 1 where a pixel has ground truth, else 0, (N, 1, H, W); None: all have.
        class_names: of a mask of several classes.
        threshold: of a mask of one class, the one that it is judged at.
        constant: the mean depth of the training split; None: the prediction is not compared with it.
    """
    if head == "depth":
        return _collapsed_depth(prediction, target, valid, constant)
    if prediction.shape[1] == 1:
        return _collapsed_mask(above_threshold(prediction, target, valid, threshold))
    return _collapsed_classes(of_classes(prediction, target, valid), class_names)


def _collapsed_mask(masks: Masks) -> str:
    predicted, target, valid = masks
    if _nearly_none(predicted, target, valid):
        return "all background"
    return "all foreground" if _nearly_none(~predicted, ~target, valid) else ""


def _collapsed_classes(masks: Masks, class_names: Sequence[str]) -> str:
    for number, name in enumerate(class_names):
        predicted, target, valid = masks.of_class(number)
        if _nearly_none(~predicted, ~target, valid):
            return f"all {name}"
    return ""


def _nearly_none(predicted: Tensor, target: Tensor, valid: Tensor) -> bool:
    return int((predicted & valid).sum()) < COLLAPSED_SHARE * int((target & valid).sum())


def _collapsed_depth(prediction: Tensor, target: Tensor, valid: Tensor | None, constant: float | None) -> str:
    check_pair(prediction, target, valid, steps=DEPTH_STEPS)
    of_prediction, of_target = (at_valid(tensor, valid).double().std() for tensor in (prediction, target))
    if of_prediction < CONSTANT_SHARE * of_target:
        return "constant depth"
    least = best_constant("depth", target, valid, constant)
    if least is None or not of_target > 0:
        return ""
    weight = None if valid is None else valid.double()
    error = mean_over_images(rmse(prediction.double(), target.double(), weight))
    return "" if error < least else "no better than a constant depth"
