"""What holds for the metrics of every head: joined batches, the table, unfit arguments."""

from __future__ import annotations

import math

import pytest
import torch

from loss_study import metrics
from loss_study.data.depth_scale import DepthScale
from loss_study.evaluation.per_image import depth, mask
from support.predictions import blobs, ramps

SCALE = DepthScale(9.0, 80.0)


@pytest.mark.parametrize(("module", "pair"), [(mask, blobs()), (depth, ramps())], ids=["mask", "depth"])
def test_batches_joined_are_the_whole(module, pair):
    batches = [
        module.columns(**{name: tensor[part] for name, tensor in pair.items()})
        for part in (slice(0, 2), slice(2, None))
    ]
    joined = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
    assert module.summary(joined) == pytest.approx(module.summary(module.columns(**pair)))


def test_the_table_holds_every_metric_and_no_other():
    pair = blobs()
    at_best = {name + metrics.AT_BEST: column for name, column in mask.at_threshold(**pair, threshold=0.3).items()}
    of_mask = mask.summary(mask.columns(**pair) | at_best)
    of_depth = depth.summary(depth.columns(**ramps(), foreground=torch.ones(5, 1, 24, 24), scale=SCALE))
    for head, table, result in (("mask", metrics.MASK, of_mask), ("depth", metrics.DEPTH, of_depth)):
        assert set(result) == set(table)
        assert metrics.HEADLINE[head] in result
    assert of_mask["iou_dataset_at_best"] != of_mask["iou_dataset"]


@pytest.mark.parametrize(
    ("module", "pair", "changed"),
    [(mask, blobs(), ("precision", "recall")), (depth, ramps(), ("abs_rel",))],
    ids=["mask", "depth"],
)
def test_prediction_and_target_cannot_be_swapped_unnoticed(module, pair, changed):
    swapped = {"prediction": pair["target"], "target": pair["prediction"]}
    with pytest.raises(ValueError, match="are prediction and target swapped"):
        module.columns(**swapped)
    with pytest.raises(TypeError):
        module.columns(pair["prediction"], pair["target"])
    # The guard is needed: between two images that both could be targets the swap changes the figures.
    scale = {"scale": SCALE} if module is depth else {}
    steps = {name: (tensor * 255).round() / 255 for name, tensor in pair.items()}
    values = module.columns(**steps, **scale)
    others = module.columns(prediction=steps["target"], target=steps["prediction"], **scale)
    for name in changed:
        assert (values[name] - others[name]).abs().max() > 0.02, name


@pytest.mark.parametrize("module", [mask, depth])
@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        (torch.zeros(2, 1, 16, 16), torch.zeros(2, 16, 16), r"must both be \(N, 1, H, W\)"),
        (torch.zeros(2, 2, 16, 16), torch.zeros(2, 2, 16, 16), r"must both be \(N, 1, H, W\)"),
        (torch.zeros(0, 1, 16, 16), torch.zeros(0, 1, 16, 16), r"must both be \(N, 1, H, W\)"),
        (torch.full((1, 1, 16, 16), 3.0), torch.zeros(1, 1, 16, 16), r"prediction must be .* in \[0, 1\]"),
        (torch.full((1, 1, 16, 16), math.nan), torch.zeros(1, 1, 16, 16), r"prediction must be .* in \[0, 1\]"),
        (torch.zeros(1, 1, 16, 16), torch.full((1, 1, 16, 16), 255.0), r"target must be .* in \[0, 1\]"),
        (torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16, dtype=torch.uint8), "target must be floating point"),
    ],
    ids=["dimensions", "channels", "no image", "logits", "nan", "bytes as float", "bytes"],
)
def test_unfit_arguments_are_refused(module, prediction, target, message):
    with pytest.raises(ValueError, match=message):
        module.columns(prediction=prediction, target=target)
