"""Where on images of the sample a loss's gradient lies, and how large it is.

The gradient is that of the loss by the logits, before any weight of the network comes in: what the loss asks of each
pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from loss_study.data.batches import Batch, Batches
from loss_study.data.packed import PackedSample
from loss_study.evaluation.error_analysis import regions
from loss_study.losses import Loss
from loss_study.losses.shared.pixels import probability
from loss_study.training.device import autocast

#: At most so many validation images are looked at: shares are sums over thousands of pixels of each, and settle soon.
IMAGES = 96
BATCH_SIZE = 32


class GradientImages:
    """A fixed random part of the validation split, the same for all trials of a head, with the head's regions."""

    def __init__(self, sample: PackedSample, head: str, device: torch.device) -> None:
        self.head = head
        self.device = device
        heads = [head] if sample.masks is None else list(dict.fromkeys([head, "mask"]))
        self._batches = Batches(sample, "validation", heads, BATCH_SIZE, device)
        targets = [batch.targets for batch in _first(self._batches)]
        self.target = torch.cat([one[head].values for one in targets])
        valid = [found for one in targets if (found := one[head].valid) is not None]
        self.valid = torch.cat(valid) if valid else None
        masks = None if sample.masks is None else torch.cat([one["mask"].values for one in targets])
        self.regions = regions.of_head(head, self.target, masks, self.valid)

    @torch.no_grad()
    def logits(self, model: nn.Module, precision: str) -> Tensor:
        """Return the logits of `model`, float32 (N, C, H, W), in training mode, as in a step of the optimiser.

        Statistics that the model keeps are changed by it.
        """
        model.train()
        parts = []
        for batch in _first(self._batches):
            with autocast(self.device, precision):
                parts.append(model(batch.inputs)[self.head].float())
        return torch.cat(parts)


def _first(batches: Batches) -> Iterator[Batch]:
    return islice(batches.shuffled(seed=0, epoch=0, augmentation=None), IMAGES // BATCH_SIZE)


def measure(models: Mapping[str, nn.Module], loss: Loss, images: GradientImages, precision: str) -> dict[str, Any]:
    """Return `of_logits` for each of `models` by its name, and the number of ``images`` looked at.

    The models are on the device of `images`; see `GradientImages.logits` for what happens to them.
    """
    found = {
        name: of_logits(loss, images.logits(model, precision), images.target, images.regions, images.valid)
        for name, model in models.items()
    }
    return {**found, "images": len(images.target)}


def of_logits(
    loss: Loss,
    logits: Tensor,
    target: Tensor,
    inside: Mapping[str, Tensor],
    valid: Tensor | None = None,
) -> dict[str, float | dict[str, float]]:
    """Return how large the gradient of `loss` by `logits` is, and where it lies.

    Args:
        loss: one value per image.
        logits: float (N, C, H, W).
        target: the same.
        inside: regions by name, bool (N, 1, H, W).
        valid: 1 where the target has ground truth, (N, 1, H, W); None: everywhere.

    Returns:
        ``norm``, the mean over images of the Euclidean norm of an image's gradient; ``relative_norm``, the same
        divided by that of bce, for several classes cross entropy, at the same logits; ``share``, for every region the
        part of the sum of magnitudes that lies in it, NaN where no pixel has a gradient; ``pixels``, the region's part
        of the valid pixels.
    """
    gradient = gradient_of(loss, logits, target, valid)
    counted = torch.ones_like(target[:, :1]) if valid is None else valid
    # Written out, so that an edit to the loss bce measures no other loss again.
    per_pixel = (probability(logits.float()) - target) * counted
    gradient_of_bce = per_pixel / counted.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1)
    norm, norm_of_bce = _mean_norm(gradient), _mean_norm(gradient_of_bce)
    magnitude = gradient.abs().double()
    total = magnitude.sum()
    return {
        "norm": float(norm),
        "relative_norm": float(norm / norm_of_bce),
        "share": {name: float((magnitude * region).sum() / total) for name, region in inside.items()},
        "pixels": {name: float(region.sum() / counted.sum()) for name, region in inside.items()},
    }


def gradient_of(loss: Loss, logits: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Return the derivative of each image's loss by its own logits, (N, C, H, W)."""
    with torch.enable_grad():
        free = logits.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(free, target, valid).sum(), free)
    return gradient


def _mean_norm(gradient: Tensor) -> Tensor:
    return gradient.double().flatten(1).norm(dim=1).mean()
