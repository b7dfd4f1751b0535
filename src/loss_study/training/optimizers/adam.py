"""Adam, with L2 regularisation: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.optim.adam import adam

from loss_study.training.optimizers._adam import AdamFamily, Beta, NonNegative


def build(
    parameters: Iterable[torch.nn.Parameter],
    *,
    beta1: Beta = 0.9,
    beta2: Beta = 0.999,
    eps: NonNegative = 1e-8,
    weight_decay: NonNegative = 0.0,
) -> AdamFamily:
    """Return Adam over `parameters`, with torch's default options."""
    return AdamFamily(parameters, adam, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay)
