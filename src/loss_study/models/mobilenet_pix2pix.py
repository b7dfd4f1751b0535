"""A U-Net whose encoder is a pretrained MobileNetV2 and whose decoder is that of pix2pix.

For 3 input channels and one output 6,501,345 parameters, counted as Keras does, with the running means and variances
of the normalisation layers (32,832 of them); 4,657,441 can be trained when the encoder is frozen. MobileNetV2: Sandler
et al. 2018, https://arxiv.org/abs/1801.04381; pix2pix: Isola et al. 2017, https://arxiv.org/abs/1611.07004.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from loss_study.models.base import EncoderDecoder, Part, logit_counts
from loss_study.models.pretrained import Normalise, State, Weights, fetching, load_into

STRIDE = 32
#: Channels of what the decoder reads, at strides 2, 4, 8, 16 and 32.
TAPS = (96, 144, 192, 576, 320)
#: Channels that the decoder's steps give, before the tap of that size is added.
UP = (512, 256, 128, 64)


class Decoder(nn.Module):
    """Four times an upsampling and the tap of the new size, then one upsampling to `logits` per pixel."""

    def __init__(self, logits: int) -> None:
        super().__init__()
        *skips, bottleneck = TAPS
        inputs = [bottleneck, *(up + skip for up, skip in zip(UP, reversed(skips), strict=True))]
        self.ups = nn.ModuleList(
            nn.Sequential(_doubling(i, o, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))
            for i, o in zip(inputs, UP, strict=False)
        )
        self.logits = _doubling(inputs[-1], logits, bias=True)

    def forward(self, taps: Sequence[Tensor]) -> Tensor:
        """Return logits (N, logits, H, W) from the taps, the largest first."""
        *skips, x = taps
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            x = torch.cat([up(x), skip], dim=1)
        return self.logits(x)


class MobileNetPix2Pix(EncoderDecoder):
    """Shared encoder, one decoder per head; height and width of the input are multiples of 32."""

    def __init__(self, in_channels: int, heads: Sequence[str], classes: int, layers: nn.Sequential) -> None:
        super().__init__()
        self.normalise = Normalise(in_channels)
        self.encoder = _cut_at_the_taps(layers)
        self.decoders = nn.ModuleDict({head: Decoder(logits) for head, logits in logit_counts(heads, classes).items()})

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the five taps, the largest first."""
        x = self.normalise(x)
        taps = []
        for stage in self.encoder:
            x = stage(x)
            taps.append(x)
        return taps

    def decode(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return the logits of every head."""
        return {head: decoder(features) for head, decoder in self.decoders.items()}

    def parts(self) -> dict[Part, nn.ModuleList]:
        """Return encoder, decoder, and the last upsamplings as head."""
        return {
            "encoder": self.encoder,
            "decoder": nn.ModuleList(decoder.get_submodule("ups") for decoder in self.decoders.values()),
            "head": nn.ModuleList(decoder.get_submodule("logits") for decoder in self.decoders.values()),
        }

    def stages(self) -> list[nn.ModuleList]:
        """Return the layers up to each tap."""
        return [nn.ModuleList([stage]) for stage in self.encoder]


def build(in_channels: int, heads: Sequence[str], classes: int, *, weights: Weights = "none") -> MobileNetPix2Pix:
    """Return the model; its encoder has the ImageNet weights of torchvision, random ones, or those of a file.

    Args:
        weights: "imagenet", "none", or a file with the state of torchvision's ``mobilenet_v2``.
    """
    from torchvision.models import mobilenet_v2  # noqa: PLC0415

    layers = mobilenet_v2().features
    if in_channels != 3:
        layers[0][0] = nn.Conv2d(in_channels, layers[0][0].out_channels, 3, stride=2, padding=1, bias=False)
    load_into(layers, weights, _imagenet)
    return MobileNetPix2Pix(in_channels, heads, classes, layers)


def _imagenet() -> State:
    from torchvision.models import MobileNet_V2_Weights  # noqa: PLC0415

    weights = MobileNet_V2_Weights.IMAGENET1K_V2
    with fetching("MobileNetV2's ImageNet weights", weights.url):
        return weights.get_state_dict(check_hash=True, weights_only=True)


def _cut_at_the_taps(layers: nn.Sequential) -> nn.ModuleList:
    """The layers up to each tap: the expansions of blocks 1, 3, 6 and 13, and block 16's projection, not normalised."""
    cuts = [(2, 1), (4, 1), (7, 1), (14, 1), (17, 3)]
    first = nn.Sequential(*layers[: cuts[0][0]], _convolutions(layers[cuts[0][0]])[: cuts[0][1]])
    return nn.ModuleList([first, *(_between(layers, *cut) for cut in pairwise(cuts))])


def _between(layers: nn.Sequential, start: tuple[int, int], end: tuple[int, int]) -> nn.Sequential:
    (block, layer), (last_block, last_layer) = start, end
    first, last = _convolutions(layers[block]), _convolutions(layers[last_block])
    return nn.Sequential(first[layer:], *layers[block + 1 : last_block], last[:last_layer])


def _convolutions(block: nn.Module) -> nn.Sequential:
    """The layers of one of torchvision's inverted residual blocks."""
    return cast("nn.Sequential", block.conv)


def _doubling(in_channels: int, out_channels: int, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1, bias=bias)
