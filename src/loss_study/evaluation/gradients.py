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

from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.evaluation import regions
from loss_study.losses import LossFunction
from loss_study.losses._pixels import probability
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
    targets, valid, masks = _truths(sample, head, device)
    inside = regions.of_head(head, targets, masks, valid)
    found = {
        name: of_logits(loss, _logits(model, sample, head, precision, device), targets, inside, valid)
        for name, model in models.items()
    }
    return {**found, "images": len(targets)}


def of_logits(
    loss: LossFunction,
    logits: Tensor,
    target: Tensor,
    inside: Mapping[str, Tensor],
    valid: Tensor | None = None,
) -> dict[str, float | dict[str, float]]:
    """Return size and whereabouts of the gradient of `loss` by `logits`; logits and target are float (N, C, H, W).

    `valid` is 1 where the target is a truth, (N, 1, H, W); None: everywhere.

    Returns:
        ``norm``, the mean over images of the Euclidean norm of an image's gradient; ``relative_norm``, the same
        divided by that of bce, for several classes cross entropy, at the same logits; ``share``, for every region in
        `inside` (bool (N, 1, H, W)) the part of the sum of magnitudes that lies in it, NaN where no pixel has a
        gradient; ``pixels``, the region's part of the pixels that have a truth.
    """
    gradient = gradient_of(loss, logits, target, valid)
    known = torch.ones_like(target[:, :1]) if valid is None else valid
    # Written out, so that an edit to the loss bce measures no other loss again.
    per_pixel = (probability(logits.float()) - target) * known
    gradient_of_bce = per_pixel / known.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)
    norm, norm_of_bce = _norm(gradient), _norm(gradient_of_bce)
    magnitude = gradient.abs().double()
    total = magnitude.sum()
    return {
        "norm": float(norm),
        "relative_norm": float(norm / norm_of_bce),
        "share": {name: float((magnitude * region).sum() / total) for name, region in inside.items()},
        "pixels": {name: float(region.sum() / known.sum()) for name, region in inside.items()},
    }


def gradient_of(loss: LossFunction, logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the derivative of each image's loss by its own logits, (N, C, H, W)."""
    with torch.enable_grad():
        free = logits.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(free, target, valid).sum(), free)
    return gradient


def _norm(gradient: Tensor) -> Tensor:
    return gradient.double().flatten(1).norm(dim=1).mean()


def _batches(sample: PackedSample, head: str, device: torch.device) -> islice:
    batches = Batches(sample, "validation", head, BATCH_SIZE, device)
    return islice(batches.shuffled(seed=0, epoch=0, augmentation=None), IMAGES // BATCH_SIZE)


def _truths(sample: PackedSample, head: str, device: torch.device) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Return targets, where they are a truth (None: everywhere), and masks (None where the sample has none)."""
    batches = list(_batches(sample, head, device))
    targets = torch.cat([batch.target for batch in batches])
    valid = None if batches[0].valid is None else torch.cat([batch.valid for batch in batches])
    if sample.masks is None:
        return targets, valid, None
    return targets, valid, torch.cat([batch.target for batch in _batches(sample, "mask", device)])


@torch.no_grad()
def _logits(model: nn.Module, sample: PackedSample, head: str, precision: str, device: torch.device) -> Tensor:
    model.train()
    parts = []
    for batch in _batches(sample, head, device):
        with autocast(device, precision):
            parts.append(model(batch.inputs)[head].float())
    return torch.cat(parts)
