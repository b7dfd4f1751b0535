"""The validation and the test split of one head, shared by all models that are evaluated on them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from loss_study.config import Augmentation
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.losses import Output
from loss_study.training.device import pick
from loss_study.training.loop import predictions

BATCH_SIZE = 64


class Split:
    """The images of one split, in order, and their ground truth.

    Attributes:
        rows: image numbers, int64 (N,).
        target: of the head, float32 (N, C, H, W) in [0, 1], on the CPU.
        valid: 1 where a pixel of the target has ground truth, else 0, float32 (N, 1, H, W); None: all have.
        foreground: target of a mask of one class, float32 (N, 1, H, W), 0 where it has no ground truth; None where the
            sample has no such mask.
    """

    def __init__(
        self,
        sample: PackedSample,
        name: str,
        head: str,
        device: torch.device,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.head = head
        self.rows = sample.rows(name)
        self.foreground = _foreground(sample, name)
        self._batches = Batches(sample, name, [head], BATCH_SIZE, device)
        self._augmentation = augmentation
        targets = [batch.targets[head] for batch in self._batches.in_order(augmentation)]
        self.target = torch.cat([target.values.cpu() for target in targets])
        valid = [target.valid.cpu() for target in targets if target.valid is not None]
        self.valid = torch.cat(valid) if valid else None

    def predict(self, model: nn.Module, precision: str, output: Output) -> Tensor:
        """Return the predictions of `model`, which is on the split's device, float32 (N, C, H, W), on the CPU."""
        found = predictions(model, self._batches, self.head, precision, output, self._augmentation)
        return torch.cat([prediction.cpu() for prediction, _, _ in found])


@dataclass(frozen=True)
class Splits:
    """What a model of `head` is evaluated on."""

    sample: PackedSample
    head: str
    device: torch.device
    validation: Split
    test: Split

    @classmethod
    def of(cls, sample: PackedSample, head: str, test_augmentation: Augmentation | None = None) -> Splits:
        """Return the splits of `sample`, for models on the device that `pick` returns.

        Args:
            head: "mask" or "depth".
            test_augmentation: changes the test split, which is a mistake of the original study.
        """
        device = pick()
        validation = Split(sample, "validation", head, device)
        return cls(sample, head, device, validation, Split(sample, "test", head, device, test_augmentation))

    @property
    def several_classes(self) -> bool:
        """Whether the head is a mask of several classes."""
        return self.head == "mask" and self.sample.classes > 1


def _foreground(sample: PackedSample, name: str) -> Tensor | None:
    if sample.masks is None or sample.classes > 1:
        return None
    return torch.from_numpy(sample.masks[sample.rows(name)])[:, None].float() / 255
