"""Losses with options, and images, masks and depth maps to compute them on."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from loss_study import losses
from loss_study.losses import TargetStatistics

MASK_MEAN = 0.1
#: A logit whose sigmoid is 1 in float32.
CERTAIN = 1e4


def of_mean(mean):
    """The statistics of a mask or a depth with this mean."""
    return TargetStatistics(mean, (1 - mean, mean))


def configured(name, **options):
    """The loss `name` with `options`."""
    return losses.load(name, options)


def resolved(name, **options):
    """The same for a training split with a tenth of foreground."""
    return losses.load(name, options).resolve(of_mean(MASK_MEAN))


def resolved_for_classes(name, classes=3, **options):
    """The same for a training split in which all classes have the same share."""
    return losses.load(name, options).resolve(TargetStatistics(1 / classes, (1 / classes,) * classes))


def values(name, logits, target, **options):
    """The values of a loss with `options`."""
    return losses.load(name, options)(logits, target)


def values_of(name, prediction, target, **options):
    """The values of a loss for a prediction in [0, 1]."""
    return losses.load(name, options)(torch.logit(prediction), target)


def discs(size=24, radius=6, images=2):
    """One disc per image, each somewhere else, some of it near the border."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    centres = [(radius + 3 * image, size - radius - 2 * image) for image in range(images)]
    return torch.stack([((y - cy) ** 2 + (x - cx) ** 2 <= radius**2).float()[None] for cy, cx in centres])


def classes_of_discs(size=24):
    """Background, a disc and a smaller disc on it, one-hot (2, 3, H, W)."""
    outer, inner = discs(size, radius=7), discs(size, radius=4)
    return torch.cat([1 - torch.maximum(outer, inner), outer * (1 - inner), inner], dim=1)


def depths(size=24, images=2):
    """A smooth ramp with a step in it, strictly between 0 and 1."""
    ramp = torch.linspace(0.15, 0.6, size).expand(images, 1, size, size).clone()
    ramp[:, :, 6:14, 4:12] = 0.85
    return ramp


def soft_pair(images=3, size=16, dtype=torch.float32):
    """Random logits and random targets in [0, 1], (N, 1, H, W)."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(images, 1, size, size, generator=generator, dtype=dtype) * 2
    return logits, torch.rand(images, 1, size, size, generator=generator, dtype=dtype)


def mask_pair(images=3, size=16):
    """Random logits and masks of zeros and ones, (N, 1, H, W)."""
    logits, target = soft_pair(images, size)
    return logits, (target > 0.7).float()


def class_pair(images=3, size=16, classes=3):
    """Random logits (N, K, H, W) and random classes, one-hot."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(images, classes, size, size, generator=generator) * 2
    indices = torch.randint(classes, (images, size, size), generator=generator)
    return logits, F.one_hot(indices, classes).movedim(3, 1).float()


def depth_pair(images=3, size=16):
    """Two random images (N, 1, H, W) between 0.1 and 0.9: a prediction and a target."""
    generator = torch.Generator().manual_seed(0)
    return [0.1 + 0.8 * torch.rand(images, 1, size, size, generator=generator) for _ in range(2)]


def corner(*target):
    """Logits of 0 and an image of 2 x 2 with this target: every pixel is predicted as 0.5."""
    return torch.zeros(1, 1, 2, 2), torch.tensor(target).view(1, 1, 2, 2)


def row(*numbers):
    """An image of one row."""
    return torch.tensor(numbers).view(1, 1, 1, -1)


def descend(function, logits, target, steps, step):
    """Every pixel takes a step of the same length against the sign of its gradient."""
    for _ in range(steps):
        logits = logits.detach().requires_grad_()
        function(logits, target).sum().backward()
        logits = logits - step * logits.grad.sign()
    return logits.detach()


def agree(name, theirs, logits, target, theirs_target=None, **options):
    """Compare a loss with that of a library, which takes the mean over a batch, image by image."""
    of_images = zip(logits, target if theirs_target is None else theirs_target, strict=True)
    expected = torch.stack([theirs(z[None], t[None]) for z, t in of_images])
    torch.testing.assert_close(values(name, logits, target, **options), expected, atol=1e-5, rtol=1e-4)
