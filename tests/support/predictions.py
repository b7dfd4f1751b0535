"""Predictions and targets that overlap in part: masks of one class, of several, and depths."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F


def grid(*rows):
    """An image from strings: '#' is 1, '.' is 0; (1, 1, H, W)."""
    return torch.tensor([[float(character == "#") for character in row] for row in rows])[None, None]


def blobs(images=6, size=32, seed=0):
    """Prediction and target that overlap in part: smooth noise, and the same with more noise."""
    generator = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(generator.normal(size=(images, size, size)), (0, 4, 4))
    other = noise + ndimage.gaussian_filter(generator.normal(size=noise.shape), (0, 3, 3)) * 0.5
    target = torch.from_numpy(noise > np.quantile(noise, 0.85, axis=(1, 2), keepdims=True)).float()[:, None]
    prediction = torch.sigmoid(torch.from_numpy(other - np.quantile(other, 0.85)).float()[:, None] * 40)
    return {"prediction": prediction, "target": target}


def ramps(images=5, size=24, seed=0):
    """Prediction and target of the depth; the target is a multiple of 1/255, at least 1/255."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(1, 256, (images, 1, size, size), generator=generator) / 255
    noise = torch.rand(target.shape, generator=generator)
    return {"prediction": (0.7 * target + 0.3 * noise).clamp(1 / 255, 1), "target": target}


def mixtures(images=5, size=24, seed=0):
    """Probabilities of three classes, and a target of the most probable classes for two pixels in three."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, 3, size, size, generator=generator)
    likely = logits.argmax(dim=1)
    other = torch.randint(0, 3, likely.shape, generator=generator)
    changed = torch.rand(likely.shape, generator=generator) < 0.5
    target = F.one_hot(torch.where(changed, other, likely), 3).movedim(-1, 1).float()
    return {"prediction": logits.softmax(dim=1), "target": target}
