"""Losses, models and datasets as somebody writes them: some that work, and some that are broken."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset


class Squared(nn.Module):
    """Squared error of the probabilities."""

    def __init__(self, weight=1.0):
        super().__init__()
        self.weight = weight

    def forward(self, logits, target):
        return self.weight * (torch.sigmoid(logits) - target).square().mean()


def squared(logits, target, weight=1.0):
    """The same as a function, one value per image."""
    return weight * (torch.sigmoid(logits) - target).square().mean(dim=(1, 2, 3))


def valid_squared(logits, target, valid=None):
    """The same, over valid pixels."""
    error = (torch.sigmoid(logits) - target).square()
    valid = torch.ones_like(error) if valid is None else valid
    return (error * valid).sum(dim=(1, 2, 3)) / valid.sum(dim=(1, 2, 3))


class PerPixel(nn.Module):
    def forward(self, logits, target):
        return F.binary_cross_entropy_with_logits(logits, target, reduction="none")


class BatchDice(nn.Module):
    """Dice over all images of a batch together: a value per batch that is no mean over images."""

    def forward(self, logits, target):
        p = torch.sigmoid(logits)
        return 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)


class OnProbabilities(nn.Module):
    def forward(self, prediction, target):
        return (prediction - target).abs().mean()


class OnNumbers(nn.Module):
    """Cross-entropy of the numbers of the classes, of two or more."""

    def __init__(self, weight=None):
        super().__init__()
        self.register_buffer("weight", weight)

    def forward(self, logits, target):
        return F.nll_loss(logits.log_softmax(dim=1), target, weight=self.weight)


class NeedsArgument(nn.Module):
    def __init__(self, alpha):
        super().__init__()


class Crashes(nn.Module):
    def forward(self, logits, target):
        raise KeyError("no such thing")


class Detached(nn.Module):
    def forward(self, logits, target):
        return F.mse_loss(torch.sigmoid(logits.detach()), target)


class NotFinite(nn.Module):
    def forward(self, logits, target):
        return (torch.sigmoid(logits) - target).abs().mean() / 0


class Flat(nn.Module):
    def forward(self, logits, target):
        return (logits * 0).sum() + target.mean()


class Similarity(nn.Module):
    """Grows as the prediction becomes right: its sign is wrong."""

    def forward(self, logits, target):
        return (torch.sigmoid(logits) * target).mean()


class Net(nn.Module):
    """One convolution."""

    def __init__(self, in_channels, classes, width=4):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, classes, 1)
        )

    def forward(self, x):
        return self.layers(x)


class OutNet(Net):
    def forward(self, x):
        return {"out": self.layers(x), "aux": None}


class HalfNet(Net):
    def forward(self, x):
        return F.max_pool2d(self.layers(x), 2)


class DetachedNet(Net):
    def forward(self, x):
        return self.layers(x).detach()


class NotFiniteNet(Net):
    def forward(self, x):
        return self.layers(x) / 0


class TwoHeads(nn.Module):
    """A mask of `classes` and the depth."""

    def __init__(self, in_channels, classes):
        super().__init__()
        self.classes, self.network = classes, Net(in_channels, classes + 1)

    def forward(self, x):
        logits = self.network(x)
        return {"mask": logits[:, : self.classes], "depth": logits[:, self.classes :]}


class SixChannels(Net):
    def __init__(self, classes):
        super().__init__(6, classes)


class CrashingNet(Net):
    def forward(self, x):
        raise TypeError("this is broken")


def no_module(classes):
    return "nothing"


class Discs(Dataset):
    """Bright discs on noise; two images of each `group`."""

    def __init__(self, count=40, size=24, first=0):
        self.count, self.size, self.first = count, size, first
        self.groups = [(first + number) // 2 for number in range(count)]

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(self.first + index)
        y, x = torch.meshgrid(torch.arange(self.size), torch.arange(self.size), indexing="ij")
        cy, cx = (6 + (self.size - 12) * torch.rand(2, generator=generator)).tolist()
        mask = ((y - cy) ** 2 + (x - cx) ** 2 < 20).float()
        return (0.3 * torch.rand(3, self.size, self.size, generator=generator) + 0.6 * mask).clamp(0, 1), mask[None]


class Normalised(Discs):
    def __getitem__(self, index):
        image, mask = super().__getitem__(index)
        return image - 0.5, mask


class InSplits(Discs):
    """Called for each split."""

    def __init__(self, split, path):
        super().__init__({"train": 20, "validation": 8, "test": 12}[split], first={"train": 0}.get(split, 100))
        self.path = path


class WithDepth(Discs):
    def __getitem__(self, index):
        image, mask = super().__getitem__(index)
        depth = np.linspace(0, 1, self.size)[:, None].repeat(self.size, 1)
        return {"image": (255 * image.movedim(0, 2)).byte().numpy(), "mask": mask[0].bool(), "depth": depth}
