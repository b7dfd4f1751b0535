"""The networks of a model as one torch module, from ``model.safetensors``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from loss_study import losses, models
from loss_study.inference.folder import WEIGHTS, ModelFolder
from loss_study.runtime.errors import StudyError
from loss_study.training.device import pick, use_cpu


@dataclass(frozen=True)
class NetworkDescription:
    """How a network is built, and how its heads' raw outputs become predictions; an entry of ``networks``.

    `losses` has the name and the resolved options of the loss that each head was trained with.
    """

    name: str
    in_channels: int
    classes: int
    options: Mapping[str, Any]
    losses: Mapping[str, Mapping[str, Any]]

    @property
    def heads(self) -> list[str]:
        """The heads of the network."""
        return list(self.losses)

    def build(self) -> nn.Module:
        """Return the network, for weights to be loaded into."""
        return models.blank(self.name, self.in_channels, self.heads, classes=self.classes, **self.options)


class Networks(nn.Module):
    """Predicts with all heads: each belongs to one of `networks`, a joint one or one for each head."""

    def __init__(self, networks: Sequence[nn.Module], descriptions: Sequence[NetworkDescription]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self._predict = [
            {head: losses.load(loss["name"], loss["options"]).output.predict for head, loss in one.losses.items()}
            for one in descriptions
        ]

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        """Return the predictions by head for float images (N, C, H, W) in [0, 1]."""
        found: dict[str, Tensor] = {}
        for network, predict in zip(self.networks, self._predict, strict=True):
            logits = network(inputs)
            found |= {head: function(logits[head].float()) for head, function in predict.items()}
        return found


def load(folder: ModelFolder) -> Networks:
    """Return the networks in `folder`, in evaluation mode on the CPU; StudyError if a file is damaged."""
    path = folder.file(WEIGHTS)
    try:
        descriptions = [NetworkDescription(**one) for one in folder.description["networks"]]
        weights = load_file(path)
        if not folder.target:
            _check_shapes(descriptions, weights)
        networks = Networks([one.build() for one in descriptions], descriptions)
        networks.load_state_dict(weights)
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
        # torch's own text has a line for each tensor.
        reason = type(error).__name__
        raise StudyError(f"{path}: does not fit model.json ({reason}); copy the folder again") from None
    return networks.eval()


def _check_shapes(descriptions: Sequence[NetworkDescription], weights: Mapping[str, Tensor]) -> None:
    """Raise a ValueError unless the networks have just these weights, before memory is taken for what they say."""
    try:
        with torch.device("meta"):
            expected = Networks([one.build() for one in descriptions], descriptions).state_dict()
    except (RuntimeError, NotImplementedError):
        return  # Somebody's encoder that computes while it is built.
    if {name: one.shape for name, one in expected.items()} != {name: one.shape for name, one in weights.items()}:
        raise ValueError("other shapes")


class TorchRuntime:
    """The networks on the device that `pick` returns, in float32."""

    name = "torch"
    #: torch's threads are those of the whole process.
    at_once = 1

    def __init__(self, folder: ModelFolder, threads: int = 0) -> None:
        use_cpu(threads)
        self._device = pick()
        self._networks = load(folder).to(self._device).to(memory_format=torch.channels_last)

    # Not inference_mode: what a model keeps for the next images could not be trained with in the same process.
    @torch.no_grad()
    def __call__(self, inputs: np.ndarray, /) -> dict[str, np.ndarray]:
        """Return the predictions of float32 (N, C, H, W) in [0, 1] by head."""
        tensor = torch.from_numpy(inputs).to(self._device).contiguous(memory_format=torch.channels_last)
        return {head: prediction.cpu().numpy() for head, prediction in self._networks(tensor).items()}
