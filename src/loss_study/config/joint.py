"""The section `joint`: trainings of one network with both heads."""

from __future__ import annotations

from typing import Any

from loss_study.config.fields import Name, Section
from loss_study.heads import Head


class JointTraining(Section):
    """One network with both heads: the loss of each, a loss with a file or a combination, and how they are weighed.

    `weighting` is a file of ``training/joint/weightings/``, and `weighting_options` are its options.
    """

    mask: Name
    depth: Name
    weighting: Name = "equal"
    weighting_options: dict[str, Any] = {}

    @property
    def losses(self) -> dict[Head, str]:
        """The loss of each head."""
        return {"mask": self.mask, "depth": self.depth}

    @property
    def words(self) -> str:
        """The training in a few words: ``dice + rmse, equal``."""
        return f"{self.mask} + {self.depth}, {self.weighting}"


class JointConfig(Section):
    """The joint trainings of the study, which are ranked beside its losses on both heads; `options` has one by name."""

    names: list[Name] = []
    options: dict[str, JointTraining] = {}
