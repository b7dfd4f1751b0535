"""What every model is made of: one encoder, and for each head a decoder and a head that gives its logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from loss_study.config import Part


class EncoderDecoder(nn.Module, ABC):
    """A network in two halves: `features` runs the encoder, `decode` the rest, forward one after the other.

    The halves share nothing else, so features that were computed once can be decoded any number of times.
    """

    @abstractmethod
    def features(self, x: Tensor) -> list[Tensor]:
        """Return what the decoders read of the images `x`, float (N, in_channels, H, W) in [0, 1].

        Tensors of any shape whose first dimension is N; indices of a pooling are int64.
        """

    @abstractmethod
    def decode(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return the logits of every head, (N, classes, H, W) for the mask and (N, 1, H, W) for depth."""

    @abstractmethod
    def parts(self) -> dict[Part, nn.ModuleList]:
        """Return the modules of each part; every parameter is in exactly one part."""

    @abstractmethod
    def stages(self) -> list[nn.ModuleList]:
        """Return the encoder's stages from the input to the bottleneck; together they are the encoder."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return the logits of every head for the images `x`."""
        return self.decode(self.features(x))


def logit_counts(heads: Iterable[str], classes: int) -> dict[str, int]:
    """Return the number of logits per pixel of every head: `classes` for the mask, one for depth."""
    return {head: classes if head == "mask" else 1 for head in heads}
