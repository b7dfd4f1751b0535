"""What a phase of a training reads: pictures for the whole model, or a frozen encoder's outputs for the rest of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from loss_study.config import RecipeConfig
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.training.phases import Phase
from loss_study.training.transfer import feature_cache
from loss_study.training.transfer.feature_batches import SPLITS, FeatureBatches, Features


class OnStep(Protocol):
    """Called after every step with the number of pictures seen in it; before the first, with words on what is done."""

    def __call__(self, pictures: int, words: str = "", /) -> None:
        """Take note."""
        ...


@dataclass(frozen=True)
class Inputs:
    """Makes the batches of one head of a sample."""

    sample: PackedSample
    head: str
    recipe: RecipeConfig
    device: torch.device
    precision: str

    def of(self, model: nn.Module, phase: Phase, on_step: OnStep) -> tuple[nn.Module, Batches, Batches]:
        """Return the network that is trained in `phase`, and its training and validation batches.

        Where the recipe keeps features and `phase` leaves the encoder as it is, the network is what comes behind the
        encoder and reads features.
        """
        recipe, sample = self.recipe, self.sample
        arguments = (self.head, recipe.batch_size, self.device)
        if not (recipe.cache_features and phase.fixed_encoder):
            return model, *(Batches(sample, split, *arguments) for split in SPLITS)
        folder = feature_cache.keep(
            model,
            sample,
            self.head,
            recipe.batch_size,
            self.precision,
            mirrored=recipe.augmentation.flip > 0,
            tell=lambda words: on_step(0, words),
        )
        features = Features(folder, sample, self.device)
        batches = (FeatureBatches(sample, split, *arguments, features) for split in SPLITS)
        return feature_cache.Decoding(model), *batches
