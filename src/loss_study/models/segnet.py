"""SegNet with 3x3 convolutions: 15,274,892 parameters for 3 input channels and 3 classes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from loss_study.models._parts import segnet

STRIDE = segnet.STRIDE


def build(in_channels: int, heads: Sequence[str], classes: int, *, relu_logits: bool = False) -> segnet.SegNet:
    """Return a SegNet; `relu_logits` cuts its logits off at zero, a mistake that some implementations make."""
    return segnet.SegNet(in_channels, heads, classes, _convolution, relu_logits)


def _convolution(in_channels: int, out_channels: int) -> nn.Module:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
