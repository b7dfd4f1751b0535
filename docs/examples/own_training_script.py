"""Which loss for my model and my data: a comparison, then a training with the answer. Run it: it takes half a minute.

``python docs/examples/own_training_script.py report`` writes the report into the folder ``report``.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import loss_study
from loss_study import losses


class Discs(Dataset):
    """Made-up images: a grey disc on noise. Yours read files."""

    def __init__(self, count: int, first: int = 0) -> None:
        self.count, self.first = count, first

    def __len__(self) -> int:
        """Return the number of images."""
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return an image (3, 48, 48) and its mask (1, 48, 48), both float in [0, 1]."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        generator = torch.Generator().manual_seed(self.first + index)
        row, column, radius = (torch.rand(3, generator=generator) * torch.tensor([24, 24, 6])).tolist()
        y, x = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
        mask = ((y - 12 - row) ** 2 + (x - 12 - column) ** 2 < (4 + radius) ** 2).float()[None]
        return 0.8 * torch.rand(3, 48, 48, generator=generator) + 0.2 * mask, mask


class SmallNet(nn.Module):
    """Three convolutions. Yours is any network that returns logits of the size of its input."""

    def __init__(self, in_channels: int = 3, classes: int = 1, width: int = 8) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, width, 5, padding=2),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(width, classes, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes, H, W)."""
        return self.layers(images)


class SquaredError(nn.Module):
    """A loss of one's own: any module or function of logits and ground truth."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the mean squared error of the probabilities."""
        return (torch.sigmoid(logits) - target).square().mean()


def train(loss: nn.Module, epochs: int = 3) -> float:
    """Train with a loss of this project in a loop of one's own, and return its last value."""
    model = SmallNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(epochs):
        for images, masks in DataLoader(Discs(64), batch_size=16, shuffle=True):
            value = loss(model(images), masks)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    return value.item()


def main() -> None:
    """Compare, print the decision, write the report, train."""
    found = loss_study.compare(
        losses=["bce", losses.Dice(smooth=0.1), SquaredError],
        dataset=Discs(200),
        model=SmallNet,
        size=48,
        seeds=3,
        recipe={"epochs": 6, "search": {"lr": [0.003, 0.01, 0.03], "epochs": 3}},
    )
    print(found)
    print(found.to_dataframe().query("metric == 'iou_at_best'")[["loss", "mean", "regret_high"]])
    if sys.argv[1:]:
        print(f"report: {found.report(sys.argv[1])}")
    print(f"dice after a training of its own: {train(losses.Dice(smooth=0.1)):.3f}")


if __name__ == "__main__":
    main()
