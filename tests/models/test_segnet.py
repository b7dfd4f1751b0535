"""SegNet against its layer list, and its unpooling by hand."""

import pytest
import torch
from torch import nn

from loss_study import models


@pytest.mark.parametrize(("separable", "parameters"), [(False, 15_274_892), (True, 1_749_671)])
def test_parameters_for_three_classes(separable, parameters):
    with torch.device("meta"):
        assert models.parameter_count(models.build("segnet", 3, ["mask"], classes=3, separable=separable)) == parameters


def test_convolutions_in_order():
    with torch.device("meta"):
        model = models.build("segnet", 3, ["mask"], classes=3)
    channels = [(m.in_channels, m.out_channels) for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert channels == [
        *[(3, 64), (64, 64)],
        *[(64, 128), (128, 128)],
        *[(128, 256), (256, 256), (256, 256)],
        *[(256, 512), (512, 512), (512, 512)],
        *[(512, 512), (512, 512), (512, 256)],
        *[(256, 256), (256, 256), (256, 128)],
        *[(128, 128), (128, 64)],
        *[(64, 64), (64, 3)],
    ]


def test_separable_convolutions_filter_each_channel_by_itself():
    model = models.build("segnet", 3, ["mask"], separable=True)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    for depthwise, pointwise in zip(convolutions[::2], convolutions[1::2], strict=True):
        assert depthwise.groups == depthwise.in_channels == depthwise.out_channels == pointwise.in_channels
        assert (depthwise.kernel_size, pointwise.kernel_size) == ((3, 3), (1, 1))


@pytest.fixture
def bare():
    """A SegNet that only pools and unpools."""
    model = models.build("segnet", 1, ["mask"]).eval()
    model.normalise = nn.Identity()
    model.encoder = nn.ModuleList(nn.Identity() for _ in model.encoder)
    model.decoders["mask"] = nn.ModuleList(nn.Identity() for _ in model.decoders["mask"])
    return model


def test_unpooling_puts_each_maximum_back_in_its_place(bare):
    """Two 16x16 tiles side by side, each with its largest value in another place; the rest of the logits is zero."""
    picture = torch.rand(1, 1, 16, 32, generator=torch.Generator().manual_seed(0)) / 2
    picture[0, 0, 3, 7] = 0.9
    picture[0, 0, 14, 17] = 0.8
    expected = torch.zeros(1, 1, 16, 32)
    expected[0, 0, 3, 7] = 0.9
    expected[0, 0, 14, 17] = 0.8
    assert torch.equal(bare(picture)["mask"], expected)


def test_places_of_the_first_pooling(bare):
    """Row 5 and column 2 of a map that is 16 wide is place 5 * 16 + 2; it is the maximum of its 2x2 and of all."""
    picture = torch.zeros(1, 1, 16, 16)
    picture[0, 0, 5, 2] = 1
    x, *places = models.features(bare, picture)
    assert x.flatten().tolist() == [1]
    assert [tuple(place.shape[2:]) for place in places] == [(8, 8), (4, 4), (2, 2), (1, 1)]
    assert [int(place.flatten()[argmax]) for place, argmax in zip(places, (2 * 8 + 1, 1 * 4, 0, 0), strict=True)] == [
        *[5 * 16 + 2, 2 * 8 + 1, 1 * 4 + 0, 0]
    ]


def test_relu_behind_the_logits_is_a_switch_and_off():
    picture = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    logits = {}
    for relu_logits in (False, True):
        torch.manual_seed(0)
        model = models.build("segnet", 3, ["mask"], classes=3, separable=True, relu_logits=relu_logits)
        logits[relu_logits] = model(picture)["mask"]
    assert logits[False].min() < 0
    assert torch.equal(logits[True], logits[False].relu())
