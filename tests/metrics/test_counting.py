"""Counts, ratios and means: what every metric of a mask goes through."""

import math

import pytest
import torch

from loss_study.metrics import counting
from loss_study.metrics.counting import Counts
from loss_study.metrics.masks import above_threshold, of_classes
from support.predictions import blobs, grid, mixtures


def test_counts_by_hand():
    masks = above_threshold(0.9 * grid(".##.", "##.."), grid("##..", "##.."))
    counts = Counts.of(masks)
    assert [count.tolist() for count in counts] == [[3.0], [1.0], [1.0]]
    assert counts.union.tolist() == [5.0] and masks.pixels.tolist() == [8.0]
    assert all(count.dtype == torch.float64 for count in counts)


def test_a_pixel_on_the_threshold_is_background():
    values = torch.tensor([0.5, 0.501]).view(1, 1, 1, 2)
    masks = above_threshold(values, torch.tensor([127, 128]).view(1, 1, 1, 2) / 255)
    assert masks.predicted.flatten().tolist() == masks.target.flatten().tolist() == [False, True]


def test_invalid_pixels_are_not_counted():
    pair = blobs()
    valid = torch.zeros_like(pair["target"])
    valid[..., :10] = 1
    cut = above_threshold(*(tensor[..., :10] for tensor in pair.values()))
    masks = above_threshold(**pair, valid=valid)
    assert all(torch.equal(a, b) for a, b in zip(Counts.of(masks), Counts.of(cut), strict=True))
    assert torch.equal(masks.pixels, cut.pixels)


def test_the_counts_and_true_negatives_make_up_the_image():
    masks = above_threshold(**blobs(), threshold=0.3)
    counts = Counts.of(masks)
    background = (~masks.predicted & ~masks.target).sum(dim=(1, 2, 3))
    assert torch.equal(counts.union + background, masks.pixels)


def test_several_classes_are_counted_one_by_one():
    masks = of_classes(**mixtures())
    counts = Counts.of(masks)
    assert counts.true_positives.shape == (5, 3)
    for number in range(3):
        alone = Counts.of(masks.of_class(number))
        assert all(torch.equal(a, b[:, number]) for a, b in zip(alone, counts, strict=True))
    # Each wrong pixel is missed by one class and wrongly marked by another.
    assert torch.equal(counts.false_positives.sum(dim=1), counts.false_negatives.sum(dim=1))


def test_of_equally_probable_classes_the_lower_number_is_predicted():
    prediction = torch.full((1, 3, 1, 1), 1 / 3)
    assert of_classes(prediction, torch.eye(3)[2].view(1, 3, 1, 1)).predicted.flatten().tolist() == [True, False, False]


def test_a_ratio_without_a_whole_is_one_only_where_there_is_nothing_at_all():
    part, whole, union = (torch.tensor(values).double() for values in ([1, 0, 0], [4, 0, 0], [5, 3, 0]))
    assert counting.ratio(part, whole, union).tolist() == [0.25, 0.0, 1.0]


def test_counts_summed_over_images():
    columns = {name + "_at_best": torch.tensor([1.0, 2.0]) for name in Counts._fields}
    assert [float(count) for count in Counts.summed(columns, "_at_best")] == [3.0, 3.0, 3.0]


def test_means_leave_out_what_is_not_there():
    nan = math.nan
    assert counting.mean_over_images(torch.tensor([0.5, nan, 1.0])) == 0.75
    assert math.isnan(counting.mean_over_images(torch.tensor([nan])))
    means = counting.mean_of_present(torch.tensor([[0.5, nan], [nan, nan]]))
    assert means[0] == 0.5 and means[1].isnan()


@pytest.mark.parametrize("weight", [None, 1.0])
def test_the_mean_over_all_pixels_with_and_without_weights(weight):
    values = torch.rand(3, 1, 7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = None if weight is None else torch.ones_like(values)
    expected = values.flatten(1).sum(dim=1) / 35
    torch.testing.assert_close(counting.mean_over_pixels(values, weights), expected)
    assert counting.mean_over_pixels(values, torch.zeros_like(values)).isnan().all()
