"""What a logged model is: a trained network with one head and the way its output becomes a prediction."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class Predictor(nn.Module):
    """Predicts with one head of `network`.

    Attributes:
        network: takes float images (N, C, H, W) in [0, 1] and returns logits by head.
        head: "mask" or "depth".
        predict: from the head's logits to predictions in [0, 1].
    """

    def __init__(self, network: nn.Module, head: str, predict: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.head, self.predict = network, head, predict

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the predictions for `inputs`, float32 (N, classes, H, W) for the mask and (N, 1, H, W) for depth."""
        return self.predict(self.network(inputs)[self.head].float())
