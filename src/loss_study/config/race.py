"""The sections `race` and `compare`: the rounds of a study, and when its losses are equivalent."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loss_study.config.fields import Positive, Section


class Margin(Section):
    """By how much two losses may differ and count as equivalent.

    `mask` is in IoU; `depth` is a share of the best loss's error, since errors have units.
    """

    mask: Positive = 0.02
    depth: Positive = 0.05


class CompareConfig(Section):
    """When two losses are equivalent, and whether trials of different arithmetic are compared."""

    margin: Margin = Margin()
    mixed: bool = False


class RaceConfig(Section):
    """The rounds of a study: after each the losses are compared, and those that are out of reach train no more.

    `rounds` are the numbers of seeds that a loss has trained with after each round, ascending. `later` are the numbers
    of all rounds but the first, `previous` the round before each of them; composition makes both, for DVC's stages.
    """

    rounds: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=4)] = [3, 6, 12, 20]
    later: list[int] = []
    previous: dict[str, int] = {}
