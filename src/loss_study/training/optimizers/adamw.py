"""AdamW, with decoupled weight decay: Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.optim.adamw import adamw

from loss_study.training.optimizers._adam import AdamFamily, Beta, NonNegative


def build(
    parameters: Iterable[torch.nn.Parameter],
    *,
    beta1: Beta = 0.9,
    beta2: Beta = 0.999,
    eps: NonNegative = 1e-8,
    weight_decay: NonNegative = 0.01,
) -> AdamFamily:
    """Return AdamW over `parameters`, with torch's default options."""
    return AdamFamily(parameters, adamw, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)
