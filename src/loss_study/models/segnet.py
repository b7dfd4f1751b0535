"""SegNet: 15,274,892 parameters for 3 input channels and 3 classes, 1,749,671 with depthwise separable convolutions.

Pooling keeps the positions of its maxima, and unpooling puts values back there. Badrinarayanan, Kendall and Cipolla
2017, https://arxiv.org/abs/1511.00561, with four pooling steps instead of five.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from loss_study.models.base import EncoderDecoder, Part, logit_counts

#: Channels and number of convolutions of the encoder's blocks; each is followed by 2x2 pooling.
DOWN = ((64, 2), (128, 2), (256, 3), (512, 3))
#: Channels and number of convolutions of the decoder's blocks, but for the one that gives the logits.
UP = ((256, 3), (128, 3), (64, 2))
STRIDE = 1 << len(DOWN)

#: Makes a convolution that keeps height and width from its numbers of input and output channels.
Convolution = Callable[[int, int], nn.Module]


class SegNet(EncoderDecoder):
    """Shared encoder, one decoder per head; height and width of the input are multiples of 16.

    Args:
        relu_logits: cut the logits off at zero, a mistake that some implementations make.
    """

    def __init__(
        self, in_channels: int, heads: Sequence[str], classes: int, convolution: Convolution, relu_logits: bool
    ) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm2d(in_channels)
        self.encoder = nn.ModuleList()
        for out_channels, count in DOWN:
            channels = [in_channels] + [out_channels] * count
            self.encoder.append(_block(channels, convolution))
            in_channels = out_channels
        self.decoders = nn.ModuleDict(
            {
                head: _decoder(in_channels, logits, convolution, relu_logits)
                for head, logits in logit_counts(heads, classes).items()
            }
        )

    def features(self, x: Tensor) -> list[Tensor]:
        """Return (N, 512, H/16, W/16) and the positions (int64) of the four poolings' maxima, the largest first."""
        x = self.normalise(x)
        positions = []
        for block in self.encoder:
            x, position = F.max_pool2d(block(x), 2, return_indices=True)
            positions.append(position)
        return [x, *positions]

    def decode(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return the logits of every head."""
        x, *positions = features
        return {head: _decode(decoder, x, positions) for head, decoder in self._blocks().items()}

    def parts(self) -> dict[Part, nn.ModuleList]:
        """Return encoder (with the normalisation of the input), decoder, and the convolutions that give the logits."""
        decoders = self._blocks().values()
        return {
            "encoder": nn.ModuleList([self.normalise, *self.encoder]),
            "decoder": nn.ModuleList(nn.ModuleList([*decoder[:-1], decoder[-1][:-1]]) for decoder in decoders),
            "head": nn.ModuleList(decoder[-1][-1] for decoder in decoders),
        }

    def _blocks(self) -> dict[str, Sequence[nn.Sequential]]:
        """Return the blocks of every head's decoder."""
        return {head: cast("Sequence[nn.Sequential]", decoder) for head, decoder in self.decoders.items()}

    def stages(self) -> list[nn.ModuleList]:
        """Return the four blocks, the first with the normalisation of the input."""
        first, *others = self.encoder
        return [nn.ModuleList([self.normalise, first]), *(nn.ModuleList([block]) for block in others)]


def build(
    in_channels: int, heads: Sequence[str], classes: int, *, separable: bool = False, relu_logits: bool = False
) -> SegNet:
    """Return a SegNet.

    Args:
        separable: each convolution is one 3x3 filter per channel and a 1x1 convolution across channels (Chollet 2017,
            https://arxiv.org/abs/1610.02357).
        relu_logits: cut the logits off at zero, a mistake that some implementations make.
    """
    return SegNet(in_channels, heads, classes, _separable if separable else _plain, relu_logits)


def _plain(in_channels: int, out_channels: int) -> nn.Module:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)


def _separable(in_channels: int, out_channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False),
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
    )


def _layer(in_channels: int, out_channels: int, convolution: Convolution, relu: bool = True) -> nn.Sequential:
    layer = nn.Sequential(convolution(in_channels, out_channels), nn.BatchNorm2d(out_channels))
    return layer.append(nn.ReLU(inplace=True)) if relu else layer


def _block(channels: Sequence[int], convolution: Convolution, relu_last: bool = True) -> nn.Sequential:
    """As many convolutions as there are steps between `channels`, each with normalisation and ReLU."""
    steps = list(pairwise(channels))
    return nn.Sequential(
        *(_layer(i, o, convolution, relu=relu_last or step < len(steps)) for step, (i, o) in enumerate(steps, start=1))
    )


def _decoder(in_channels: int, logits: int, convolution: Convolution, relu_logits: bool) -> nn.ModuleList:
    """Blocks whose last convolution changes the number of channels; the last one gives the logits."""
    blocks = nn.ModuleList()
    for out_channels, count in UP:
        blocks.append(_block([in_channels] * count + [out_channels], convolution))
        in_channels = out_channels
    return blocks.append(_block([in_channels, in_channels, logits], convolution, relu_last=relu_logits))


def _decode(decoder: Sequence[nn.Sequential], x: Tensor, positions: Sequence[Tensor]) -> Tensor:
    for block, position in zip(decoder, reversed(positions), strict=True):
        x = block(F.max_unpool2d(x, position, (2, 2)))
    return x
