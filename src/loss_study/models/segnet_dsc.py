"""SegNet with depthwise separable convolutions: 1,749,671 parameters for 3 input channels and 3 classes.

Each convolution is one 3x3 filter per channel and a 1x1 convolution across channels: Chollet 2017,
https://arxiv.org/abs/1610.02357.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from loss_study.models.segnet import STRIDE, SegNet

__all__ = ["STRIDE", "build"]


def build(in_channels: int, heads: Sequence[str], classes: int, *, relu_logits: bool = False) -> SegNet:
    """Return a SegNet; `relu_logits` cuts its logits off at zero, a mistake that some implementations make."""
    return SegNet(in_channels, heads, classes, _convolution, relu_logits)


def _convolution(in_channels: int, out_channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False),
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
    )
