"""Metrics of a mask of several classes, against hand-worked values and torchmetrics; absent classes."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from loss_study import metrics
from loss_study.evaluation.per_image import classes, mask
from loss_study.metrics import iou
from loss_study.metrics.headline import Headline
from support.predictions import mixtures

NAMES = ["pet", "background", "border"]


def one_hot(*rows):
    """An image from strings of class numbers, (1, 3, H, W)."""
    numbers = torch.tensor([[int(character) for character in row] for row in rows])
    return F.one_hot(numbers, 3).movedim(-1, 0)[None].float()


def test_values_by_hand():
    target, predicted = one_hot("0011", "0011"), one_hot("0001", "0021")
    values = classes.columns(prediction=0.8 * predicted + 0.1 * (1 - predicted), target=target, class_names=NAMES)
    # Class 0: four in both, one more predicted. Class 1: two in both, two missed. Class 2: one predicted in vain.
    ious, dices = [4 / 5, 2 / 4, 0 / 1], [8 / 9, 4 / 6, 0]
    right = 6 * 0.8 + 2 * 0.1
    assert {name: value.item() for name, value in values.items() if name != "boundary_f"} == pytest.approx(
        {
            "iou": sum(ious) / 3,
            "dice": sum(dices) / 3,
            "pixel_accuracy": 6 / 8,
            "custom_iou": (right + 0.001) / (8 + 8 - right + 0.001),
            **dict(zip([f"iou_{name}" for name in NAMES], ious, strict=True)),
            "true_positives_pet": 4,
            "true_positives_background": 2,
            "true_positives_border": 0,
            "false_positives_pet": 1,
            "false_positives_background": 0,
            "false_positives_border": 1,
            "false_negatives_pet": 0,
            "false_negatives_background": 2,
            "false_negatives_border": 0,
        }
    )


def test_agrees_with_torchmetrics_image_by_image():
    from torchmetrics.functional import classification

    pair = mixtures()
    values = classes.columns(**pair, class_names=NAMES)
    of_class = torch.stack([values[f"iou_{name}"] for name in NAMES], dim=1)
    for image in range(len(of_class)):
        p, t = pair["prediction"][[image]], pair["target"][[image]].argmax(dim=1)
        jaccard = classification.multiclass_jaccard_index(p, t, 3, average=None)
        assert of_class[image].tolist() == pytest.approx(jaccard.tolist(), abs=1e-6)
        assert values["iou"][image] == pytest.approx(jaccard.mean().item(), abs=1e-6)
        f1 = classification.multiclass_f1_score(p, t, 3, average="macro")
        assert values["dice"][image] == pytest.approx(f1.item(), abs=1e-6)
        accuracy = classification.multiclass_accuracy(p, t, 3, average="micro")
        assert values["pixel_accuracy"][image] == pytest.approx(accuracy.item(), abs=1e-6)
    pooled = classification.multiclass_jaccard_index(pair["prediction"], pair["target"].argmax(dim=1), 3)
    summary = classes.summary(values)
    assert summary["iou_dataset"] == pytest.approx(pooled.item(), abs=1e-6)
    assert abs(summary["iou_dataset"] - summary["iou"]) > 1e-4


def test_invalid_pixels_agree_with_torchmetrics():
    from torchmetrics.functional import classification

    pair = mixtures(seed=1)
    valid = (torch.rand(5, 1, 24, 24, generator=torch.Generator().manual_seed(2)) < 0.7).float()
    values = classes.columns(**pair, valid=valid, class_names=NAMES)
    numbers = torch.where(valid[:, 0] > 0, pair["target"].argmax(dim=1), 9)
    for image in range(5):
        p, t = pair["prediction"][[image]], numbers[[image]]
        expected = classification.multiclass_jaccard_index(p, t, 3, ignore_index=9)
        assert values["iou"][image] == pytest.approx(expected.item(), abs=1e-6)


def test_a_class_that_is_nowhere_is_left_out():
    target = one_hot("0011", "0011")
    values = classes.columns(prediction=target, target=target, class_names=NAMES)
    assert values["iou"].item() == values["dice"].item() == values["boundary_f"].item() == 1
    assert values["iou_border"].isnan().all()
    with_border = one_hot("0022", "0022")
    both = {name: torch.cat([target, with_border]) for name in ("prediction", "target")}
    summary = classes.summary(classes.columns(**both, class_names=NAMES))
    assert summary["iou_border"] == summary["iou_background"] == 1, "the mean over the images that have it"


def test_two_classes_are_a_mask_and_its_background():
    """The mean over two classes is the mean IoU of the mask of one class; so is the soft one."""
    generator = torch.Generator().manual_seed(3)
    prediction = torch.rand(4, 1, 16, 16, generator=generator)
    target = (torch.rand(4, 1, 16, 16, generator=generator) < 0.3).float()
    of_mask = mask.columns(prediction=prediction, target=target)
    pair = {"prediction": torch.cat([1 - prediction, prediction], 1), "target": torch.cat([1 - target, target], 1)}
    of_classes = classes.columns(**pair, class_names=["background", "foreground"])
    for name, other in (("mean_iou", "iou"), ("iou", "iou_foreground"), ("custom_iou", "custom_iou")):
        torch.testing.assert_close(of_mask[name], of_classes[other])


def test_the_table_holds_every_metric_and_no_other():
    summary = classes.summary(classes.columns(**mixtures(), class_names=NAMES))
    of_class = {iou.of_class(name).name for name in NAMES}
    assert set(summary) == set(metrics.CLASSES) | of_class


def test_batches_joined_are_the_whole():
    pair = mixtures()
    parts = [
        classes.columns(**{name: tensor[part] for name, tensor in pair.items()}, class_names=NAMES)
        for part in (slice(0, 2), slice(2, None))
    ]
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    whole = classes.columns(**pair, class_names=NAMES)
    assert classes.summary(joined) == pytest.approx(classes.summary(whole))


def test_the_headline_is_the_mean_iou():
    pair = mixtures()
    expected = classes.columns(**pair, class_names=NAMES)["iou"].mean().item()
    headline = Headline("mask")
    headline.add(**pair)
    assert headline.value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prediction": torch.zeros(1, 2, 4, 4)}, r"must both be \(N, K, H, W\)"),
        ({"target": torch.full((1, 3, 4, 4), 0.123)}, "are prediction and target swapped"),
        ({"valid": torch.ones(1, 3, 4, 4)}, r"valid .* must be \(1, 1, 4, 4\)"),
        ({"valid": torch.full((1, 1, 4, 4), 0.5)}, "every value 0 or 1"),
    ],
)
def test_unfit_arguments_are_refused(change, message):
    target = torch.zeros(1, 3, 4, 4)
    with pytest.raises(ValueError, match=message):
        classes.columns(**{"prediction": target, "target": target} | change, class_names=NAMES)
