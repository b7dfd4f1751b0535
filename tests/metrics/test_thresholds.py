"""IoU at every threshold, and the best threshold."""

from __future__ import annotations

import pytest
import torch

from loss_study.evaluation.per_image import mask
from loss_study.metrics.thresholds import best_threshold, iou_by_threshold
from support.predictions import blobs, grid


@pytest.mark.parametrize("seed", [0, 1])
def test_best_threshold_is_that_of_trying_them_all(seed):
    pair = blobs(seed=seed)
    # Some predictions lie exactly on thresholds.
    pair["prediction"][0] = (pair["prediction"][0] * 100).round() / 100
    tried = torch.stack([mask.columns(**pair, threshold=k / 100)["iou"] for k in range(1, 100)], dim=1)
    torch.testing.assert_close(iou_by_threshold(**pair), tried)
    best = best_threshold(**pair)
    assert tried[:, round(best * 100) - 1].mean().item() == pytest.approx(tried.mean(dim=0).max().item())
    assert best != 0.5


def test_best_threshold_of_equals_is_the_nearest_to_a_half():
    target = grid("##..", "##..", "....", "....")
    assert best_threshold(prediction=target, target=target) == 0.5
    assert best_threshold(prediction=target * 0.3, target=target) == 0.29
    assert best_threshold(prediction=0.6 + target * 0.2, target=target) == 0.6
