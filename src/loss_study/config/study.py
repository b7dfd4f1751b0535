"""The whole of params.yaml."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from loss_study.config import rounds
from loss_study.config.dataset import DatasetConfig, SampleConfig
from loss_study.config.fields import Name, Section
from loss_study.config.joint import JointConfig
from loss_study.config.loss import LossConfig, combination
from loss_study.config.race import CompareConfig, RaceConfig
from loss_study.config.recipe import ModelConfig, RecipeConfig


class SourcesConfig(Section):
    """The files of model, dataset and losses by import path; composition makes them, for DVC's stages.

    `losses` has ``{"head", "loss", "file"}`` for every head and loss by import path.
    """

    model: str = ""
    dataset: str = ""
    losses: dict[str, dict[str, str]] = {}


class Config(Section):
    """All of params.yaml; `scale` is the name of the file in ``conf/scale/`` that its sizes come from."""

    notice: str = ""
    dataset: DatasetConfig
    scale: Name
    sample: SampleConfig
    model: ModelConfig
    loss: LossConfig
    loss_options: dict[str, dict[str, Any]]
    joint: JointConfig = JointConfig()
    recipe: RecipeConfig
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
    race: RaceConfig = RaceConfig()
    compare: CompareConfig = CompareConfig()
    sources: SourcesConfig = SourcesConfig()

    @property
    def rounds(self) -> list[list[int]]:
        """The seeds of each round, see `rounds.divide`."""
        return rounds.divide(self.seeds, self.race.rounds, len(self.candidates), self.sample.folds)

    @property
    def losses(self) -> list[str]:
        """All losses of the study: those with a file, then the combinations, then those by import path."""
        return [*self.loss.names, *self.loss.combinations, *self.loss.imported]

    def kind_of(self, loss: str) -> str:
        """Return "combination" or "imported", which DVC has stages of their own for, "" for a loss with a file."""
        if loss in self.loss.combinations:
            return "combination"
        return "imported" if loss in self.loss.imported else ""

    @property
    def candidates(self) -> list[str]:
        """All that is compared on a head: the losses, and the joint trainings."""
        return [*self.losses, *self.joint.names]

    def options_of(self, loss: str) -> dict[str, Any]:
        """Return the options of `loss`; those of a combination with the options of each of its terms.

        Raises:
            StudyError: see `combination`.
        """
        if "terms" not in self.loss_options.get(loss, {}):
            return dict(self.loss_options.get(loss, {}))
        chosen = combination(loss, self.loss_options[loss])
        return {
            "terms": chosen.terms,
            "options": {
                term: {**self.loss_options.get(term, {}), **chosen.options.get(term, {})} for term in chosen.terms
            },
        }
