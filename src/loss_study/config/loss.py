"""The sections `loss` and `loss_options`: the losses of the study, and the weights of combinations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from loss_study.choices.registry import validate
from loss_study.config.fields import Name, Section, Weight
from loss_study.heads import Head
from loss_study.runtime.errors import StudyError, nearest


class LossConfig(Section):
    """The losses of the study.

    `names` are losses with a file ``losses/<name>.py``; `combinations` are weighted sums of such losses, whose terms
    are in ``loss_options``, see `CombinationConfig`; `imported` are losses by import path, whose ``loss_options`` say
    ``_target_``, see `loss_study.losses.shared.imported`.
    """

    names: list[Name]
    combinations: list[Name] = []
    imported: list[Name] = []
    heads: Annotated[list[Head], Field(min_length=1)]


class CombinationConfig(Section):
    """``loss_options.<name>`` of a combination.

    `terms` are the weights, above 0, by loss: numbers, or lists from low to high that a search chooses from. `options`
    are options of terms that hold in this combination only.
    """

    terms: Annotated[dict[str, Weight], Field(min_length=1)]
    options: dict[str, dict[str, Any]] = {}


def combination(name: str, options: Mapping[str, Any]) -> CombinationConfig:
    """Return `options`, those of the combination `name`, checked, but not whether its terms exist.

    Raises:
        StudyError: an unknown key, a weight that is not valid, or options for a loss that is not a term.
    """
    chosen = validate(CombinationConfig, options, f"loss_options.{name}")
    for term in chosen.options:
        if term not in chosen.terms:
            raise StudyError(f"loss_options.{name}.options.{term}: no such term; {nearest(term, chosen.terms)}")
    return chosen


def open_weights(options: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the weights in the options of a loss that a search chooses from, by term; empty where there are none."""
    return {term: weight for term, weight in options.get("terms", {}).items() if isinstance(weight, list)}


def refuse_open_weights(name: str, options: Mapping[str, Any]) -> None:
    """Raise a StudyError if the loss `name` has weights to choose from, as only a search does."""
    for term, weights in open_weights(options).items():
        raise StudyError(
            f"loss_options.{name}.terms.{term}: {weights} are weights to choose from, which takes a search; "
            f"say -S recipe=tuned, or -S loss_options.{name}.terms.{term}={weights[0]:g}"
        )


def with_weights(options: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, Any]:
    """Return the `options` of any loss with these `weights`, by term, in the place of its own."""
    return {**options, "terms": {**options["terms"], **weights}} if weights else dict(options)
