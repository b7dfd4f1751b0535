"""ResUNet: a residual encoder, a bridge, and one U-Net decoder for each head.

At width 32, with 6 input channels and both heads it has 11,033,922 parameters: 4,761,216 in encoder and bridge and
3,136,353 in each decoder. U-Net: Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597; residual blocks in it:
Zhang et al. 2018, https://arxiv.org/abs/1711.10684.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from loss_study.models.base import EncoderDecoder, Part, logit_counts

#: Of four stages; fewer take the same sizes, and others.
STRIDE = 16


class DoubleConv(nn.Sequential):
    """Twice Conv3x3 (with bias), BatchNorm, ReLU: (N, i, H, W) to (N, o, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


class ResBlock(nn.Module):
    """DoubleConv with a projected identity, then 2x2 pooling.

    (N, i, H, W) to (N, o, H/2, W/2), and the skip connection (N, o, H, W) taken before pooling.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.identity = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels))
        self.convs = DoubleConv(in_channels, out_channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pooled output and the skip connection."""
        skip = F.relu(self.convs(x) + self.identity(x))
        return F.max_pool2d(skip, 2), skip


class UpBlock(nn.Module):
    """Bilinear x2 upsampling (align_corners), concatenation with the skip, DoubleConv."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convs = DoubleConv(in_channels + skip_channels, out_channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return (N, o, 2H, 2W) from `x` (N, i, H, W) and `skip` (N, s, 2H, 2W)."""
        return self.convs(torch.cat([upsample_twice(x), skip], dim=1))


class Decoder(nn.Module):
    """As many UpBlocks as the encoder has stages, and a 1x1 convolution to `channels` logits per pixel."""

    def __init__(self, width: int, stages: int, channels: int) -> None:
        super().__init__()
        self.ups = nn.ModuleList(
            UpBlock(width << (stage + 1), width << stage, width << stage) for stage in reversed(range(stages))
        )
        self.logits = nn.Conv2d(width, channels, 1)

    def forward(self, x: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Return logits (N, channels, H, W) from the bridge's output and the skips, the largest first."""
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            x = up(x, skip)
        return self.logits(x)


class ResUNet(EncoderDecoder):
    """Shared encoder, one decoder per head; height and width of the input are multiples of 16."""

    def __init__(self, in_channels: int, heads: Sequence[str], classes: int, width: int, stages: int) -> None:
        super().__init__()
        channels = [in_channels, *(width << stage for stage in range(stages))]
        self.encoder = nn.ModuleList(ResBlock(i, o) for i, o in pairwise(channels))
        self.bridge = DoubleConv(channels[-1], width << stages)
        self.decoders = nn.ModuleDict(
            {head: Decoder(width, stages, logits) for head, logits in logit_counts(heads, classes).items()}
        )

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the skips, the largest first, and the bridge's output."""
        features = []
        for block in self.encoder:
            x, skip = block(x)
            features.append(skip)
        return [*features, self.bridge(x)]

    def decode(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return the logits of every head."""
        *skips, x = features
        return {head: decoder(x, skips) for head, decoder in self.decoders.items()}

    def parts(self) -> dict[Part, nn.ModuleList]:
        """Return encoder (with the bridge), decoder and head."""
        return {
            "encoder": nn.ModuleList([*self.encoder, self.bridge]),
            "decoder": nn.ModuleList(decoder.get_submodule("ups") for decoder in self.decoders.values()),
            "head": nn.ModuleList(decoder.get_submodule("logits") for decoder in self.decoders.values()),
        }

    def stages(self) -> list[nn.ModuleList]:
        """Return the blocks and the bridge."""
        return [nn.ModuleList([block]) for block in (*self.encoder, self.bridge)]


def build(
    in_channels: int,
    heads: Sequence[str],
    classes: int,
    *,
    width: Annotated[int, Field(ge=1)] = 32,
    stages: Annotated[int, Field(ge=1, le=4)] = 4,
) -> ResUNet:
    """Return a ResUNet of so many `stages`, the first with `width` channels and each further one with twice as many."""
    return ResUNet(in_channels, heads, classes, width, stages)


def upsample_twice(x: Tensor) -> Tensor:
    """Return `x` (N, C, H, W) bilinearly enlarged to (N, C, 2H, 2W), corners aligned; H and W at least 2.

    On a CPU as two matrix products, which makes a whole training step 5 to 7 % faster than torch's own interpolation
    (``benchmarks/step.py``). In float32 both agree to rounding. The products are made for one size, an exported graph
    takes any.
    """
    if x.device.type != "cpu" or torch.compiler.is_exporting():
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    batch, channels, height, width = x.shape
    rows, columns = (_doubling(side, x.dtype) for side in (height, width))
    x_NHWC = x.permute(0, 2, 3, 1)
    taller = (rows @ x_NHWC.reshape(batch, height, width * channels)).view(batch, 2 * height, width, channels)
    return (columns @ taller).permute(0, 3, 1, 2)


@functools.cache
def _doubling(side: int, dtype: torch.dtype) -> Tensor:
    """The matrix (2 side, side) that enlarges a line of pixels; each row holds the weights of its two neighbours."""
    # Kept for trainings, too, which can do nothing with a tensor from inference mode.
    with torch.inference_mode(mode=False):
        position = torch.linspace(0, side - 1, 2 * side, dtype=torch.float64)
        left = position.floor().clamp(max=side - 2).long()
        share = position - left
        row = torch.arange(2 * side)
        matrix = torch.zeros(2 * side, side, dtype=torch.float64)
        matrix[row, left] = 1 - share
        matrix[row, left + 1] = share
        return matrix.to(dtype)
