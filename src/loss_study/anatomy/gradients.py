"""Where on real pictures a loss's gradient lies, and how large it is.

The gradient is that of the loss by the logits, before any weight of the network comes in: what the loss asks of each
pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from loss_study.anatomy import regions
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.losses import LossFunction
from loss_study.training.device import autocast

#: At most so many validation images are looked at: shares are sums over thousands of pixels of each, and settle soon.
IMAGES = 96
BATCH_SIZE = 32


def measure(
    models: Mapping[str, nn.Module],
    loss: LossFunction,
    sample: PackedSample,
    head: str,
    precision: str,
    device: torch.device,
) -> dict[str, Any]:
    """Return what `of_logits` says of each of `models` by its name, and the number of ``images`` looked at.

    The images are a fixed random part of the validation split, the same for all trials. The models, on `device`, run in
    training mode, as in a step of the optimiser; statistics that they keep are changed by it.
    """
    targets, masks = _truths(sample, head, device)
    inside = regions.of_head(head, targets, masks)
    found = {
        name: of_logits(loss, _logits(model, sample, head, precision, device), targets, inside)
        for name, model in models.items()
    }
    return {**found, "images": len(targets)}


def of_logits(
    loss: LossFunction, logits: Tensor, target: Tensor, inside: Mapping[str, Tensor]
) -> dict[str, float | dict[str, float]]:
    """Return size and whereabouts of the gradient of `loss` by `logits`, both float (N, 1, H, W).

    Returns:
        ``norm``, the mean over images of the Euclidean norm of an image's gradient; ``relative_norm``, the same
        divided by that of bce at the same logits; ``share``, for every region in `inside` (bool (N, 1, H, W)) the
        part of the sum of magnitudes that lies in it, NaN where no pixel has a gradient; ``pixels``, the region's
        part of the pixels.
    """
    gradient = gradient_of(loss, logits, target)
    # Written out, so that an edit to the loss bce measures no other loss again.
    gradient_of_bce = (torch.sigmoid(logits.float()) - target) / target[0].numel()
    norm, norm_of_bce = _norm(gradient), _norm(gradient_of_bce)
    magnitude = gradient.abs().double()
    total = magnitude.sum()
    return {
        "norm": float(norm),
        "relative_norm": float(norm / norm_of_bce),
        "share": {name: float((magnitude * region).sum() / total) for name, region in inside.items()},
        "pixels": {name: float(region.double().mean()) for name, region in inside.items()},
    }


def gradient_of(loss: LossFunction, logits: Tensor, target: Tensor) -> Tensor:
    """Return the derivative of each image's loss by its own logits, (N, 1, H, W)."""
    with torch.enable_grad():
        free = logits.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(free, target).sum(), free)
    return gradient


def _norm(gradient: Tensor) -> Tensor:
    return gradient.double().flatten(1).norm(dim=1).mean()


def _batches(sample: PackedSample, head: str, device: torch.device) -> islice:
    batches = Batches(sample, "validation", head, BATCH_SIZE, device)
    return islice(batches.shuffled(seed=0, epoch=0, augmentation=None), IMAGES // BATCH_SIZE)


def _truths(sample: PackedSample, head: str, device: torch.device) -> tuple[Tensor, Tensor | None]:
    targets = torch.cat([batch.target for batch in _batches(sample, head, device)])
    if sample.masks is None:
        return targets, None
    return targets, torch.cat([batch.target for batch in _batches(sample, "mask", device)])


@torch.no_grad()
def _logits(model: nn.Module, sample: PackedSample, head: str, precision: str, device: torch.device) -> Tensor:
    model.train()
    parts = []
    for batch in _batches(sample, head, device):
        with autocast(device, precision):
            parts.append(model(batch.inputs)[head].float())
    return torch.cat(parts)
