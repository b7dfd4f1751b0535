"""Pixel accuracy."""

import torch

from loss_study.metrics.counting import Counts
from loss_study.metrics.masks import above_threshold, of_classes
from loss_study.metrics.pixel_accuracy import class_pixel_accuracy, pixel_accuracy
from support.predictions import blobs, mixtures


def test_it_is_the_share_of_equal_pixels():
    prediction, target = ((tensor > 0.5).float() for tensor in blobs().values())
    masks = above_threshold(prediction, target)
    expected = (prediction == target).double().mean(dim=(1, 2, 3))
    torch.testing.assert_close(pixel_accuracy(Counts.of(masks), masks.pixels), expected)


def test_of_several_classes_too():
    pair = mixtures()
    masks = of_classes(**pair)
    expected = (pair["prediction"].argmax(dim=1) == pair["target"].argmax(dim=1)).double().mean(dim=(1, 2))
    torch.testing.assert_close(class_pixel_accuracy(Counts.of(masks), masks.pixels), expected)
