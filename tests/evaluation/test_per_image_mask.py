"""The metrics of a mask of one class: values by hand, torchmetrics, empty masks, pooled counts."""

from __future__ import annotations

import pytest
import torch

from loss_study.evaluation.per_image import mask
from support.predictions import blobs, grid


def test_values_by_hand():
    target = grid("##..", "##..", "....", "....")
    prediction = grid(".##.", ".##.", ".#..", "....") * 0.8 + 0.1
    values = mask.columns(prediction=prediction, target=target)
    # Two pixels in both, three predicted in vain, two missed, nine rightly left out.
    # Softly, foreground 0.9 and background 0.1 where it is marked, the other way round elsewhere: of 16 pixels the 11
    # right ones are right by 0.9, the 5 wrong ones by 0.1, and prediction and target weigh 16 each.
    right = 11 * 0.9 + 5 * 0.1
    assert {name: value.item() for name, value in values.items() if name != "boundary_f"} == pytest.approx(
        {
            "iou": 2 / 7,
            "dice": 4 / 9,
            "mean_iou": (2 / 7 + 9 / 14) / 2,
            "custom_iou": (right + 0.001) / (32 - right + 0.001),
            "pixel_accuracy": 11 / 16,
            "precision": 2 / 5,
            "recall": 2 / 4,
            "true_positives": 2,
            "false_positives": 3,
            "false_negatives": 2,
        }
    )


def test_agrees_with_torchmetrics_image_by_image():
    from torchmetrics.functional import classification

    pair = blobs()
    values = mask.columns(**pair, threshold=0.3)
    references = {
        "iou": classification.binary_jaccard_index,
        "dice": classification.binary_f1_score,
        "pixel_accuracy": classification.binary_accuracy,
        "precision": classification.binary_precision,
        "recall": classification.binary_recall,
    }
    for name, reference in references.items():
        expected = [
            reference(p, t.int(), threshold=0.3).item() for p, t in zip(pair["prediction"], pair["target"], strict=True)
        ]
        assert 0 < min(expected) < max(expected) < 1
        assert values[name].tolist() == pytest.approx(expected, abs=1e-6), name


EMPTY, FULL, SPOT = (
    grid(*["......"] * 6),
    grid(*["######"] * 6),
    grid("......", "......", "..##..", "..##..", "......", "......"),
)
RATIOS = ("iou", "dice", "precision", "recall", "boundary_f")


@pytest.mark.parametrize(
    ("prediction", "target", "expected"),
    [
        (EMPTY, EMPTY, (1, 1, 1, 1, 1)),
        (EMPTY, SPOT, (0, 0, 0, 0, 0)),
        (SPOT, EMPTY, (0, 0, 0, 0, 0)),
        (SPOT, SPOT, (1, 1, 1, 1, 1)),
        (FULL, FULL, (1, 1, 1, 1, 1)),
        (FULL, EMPTY, (0, 0, 0, 0, 0)),
        (FULL, SPOT, (1 / 9, 1 / 5, 1 / 9, 1, 0)),
    ],
    ids=["both empty", "missed", "false alarm", "right", "both full", "full on empty", "full on spot"],
)
def test_rules_for_empty_and_full_masks(prediction, target, expected):
    values = mask.columns(prediction=prediction, target=target)
    assert [values[name].item() for name in RATIOS] == pytest.approx(expected)


def test_soft_edges_of_the_target_count_from_one_half():
    target = torch.tensor([0, 127, 128, 255]).view(1, 1, 2, 2) / 255
    assert mask.columns(prediction=torch.ones(1, 1, 2, 2), target=target)["precision"].item() == 0.5


def test_the_summary_pools_the_counts():
    # 1 of 1 pixel found, and 1 of 9: the mean of the IoUs is 5/9, that of all pixels together 2/10.
    target = torch.cat([grid("#...", "....", "....", "...."), grid("###.", "###.", "###.", "....")])
    prediction = torch.cat([grid("#...", "....", "....", "....")] * 2)
    result = mask.summary(mask.columns(prediction=prediction, target=target))
    assert result["iou"] == pytest.approx(5 / 9)
    assert result["iou_dataset"] == pytest.approx(2 / 10)
    assert result["dice"] == pytest.approx((1 + 2 / 10) / 2)
    assert result["dice_dataset"] == pytest.approx(4 / 12)
