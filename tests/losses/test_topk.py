"""The loss `topk`: values worked out by hand, and where it is cross-entropy."""

from __future__ import annotations

import math

import pytest
import torch

from support.loss_examples import class_pair, configured, mask_pair, row, values


def test_the_worst_pixels_count():
    # Probabilities of the true class: 1/2, 3/4, 1/4, 1/5.
    logits, target = row(0.0, math.log(3), math.log(3), -math.log(4)), row(1.0, 1.0, 0.0, 1.0)
    torch.testing.assert_close(values("topk", logits, target, share=0.25), torch.tensor([math.log(5)]))
    torch.testing.assert_close(values("topk", logits, target, share=0.5), torch.tensor([math.log(20) / 2]))
    assert values("topk", logits, target, share=1e-6) == values("topk", logits, target, share=0.25)


def test_only_valid_pixels_are_counted():
    logits, target = row(0.0, math.log(3), math.log(3), -math.log(4)), row(1.0, 1.0, 0.0, 1.0)
    found = configured("topk", share=0.5)(logits, target, row(1.0, 1.0, 0.0, 0.0))
    torch.testing.assert_close(found, torch.tensor([math.log(2)]))


@pytest.mark.parametrize("pair", [mask_pair, class_pair])
def test_all_pixels_are_cross_entropy(pair):
    torch.testing.assert_close(values("topk", *pair(), share=1.0), values("cross_entropy", *pair()))


@pytest.mark.parametrize(("pixels", "count"), [(64, 6), (66, 7), (4, 1)])
def test_the_share_is_rounded_to_the_nearest_number_of_pixels(pixels, count):
    """Of pixels that cost 0 or log 2, as many cost log 2 as are counted and one more is not."""
    logits = torch.full((1, 1, 1, pixels), 30.0)
    logits[..., :count] = 0.0
    target = torch.ones_like(logits)
    assert values("topk", logits, target, share=0.1).item() == pytest.approx(math.log(2))
    logits[..., count - 1] = 30.0
    assert values("topk", logits, target, share=0.1).item() == pytest.approx(math.log(2) * (count - 1) / count)
