"""Combinations: losses that are weighted sums of others, written in configuration and not in a file.

.. code:: yaml

    loss: {names: [dice_bce]}
    loss_options:
      dice_bce: {terms: {dice: 1.0, bce: 0.5}}

The terms are losses with a file, by name; their values are multiplied by the weights and added. A term has the options
that ``loss_options`` gives the loss of its name, the defaults where it gives none; ``options: {dice: {smooth: 0.1}}``
beside ``terms`` changes some for this combination alone. A weight may be a list, from low to high: then it is chosen
together with the learning rate, see `loss_study.training.search`.

Nothing here imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, PlainValidator

from loss_study import registry
from loss_study.runtime.errors import StudyError, nearest

LOSSES = Path(__file__).parent / "losses"


def _weight(value: Any) -> float | list[float]:
    weights = value if isinstance(value, list) else [value]
    for weight in weights:
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not (number and 0 < weight < math.inf):
            raise ValueError("Input should be a number above 0, or a list of such numbers")
    if not weights or weights != sorted(set(weights)):
        raise ValueError("Input should list different weights from low to high")
    return [float(weight) for weight in weights] if isinstance(value, list) else float(value)


class Combination(BaseModel):
    """The weight of each term, or a list of weights to choose from, and the options that differ from the study's."""

    model_config = registry.STRICT

    terms: Annotated[dict[str, Annotated[Any, PlainValidator(_weight)]], Field(min_length=1)]
    options: dict[str, dict[str, Any]] = {}


def is_one(options: Mapping[str, Any]) -> bool:
    """Return whether `options` are those of a combination."""
    return "terms" in options


def read(name: str, options: Mapping[str, Any]) -> Combination:
    """Return `options`, those of the combination `name`, checked but for the losses that they name.

    Raises:
        StudyError: an unknown key, a weight that is none, or options for a loss that is no term.
    """
    combination = registry.validate(Combination, options, f"loss_options.{name}")
    for term in combination.options:
        if term not in combination.terms:
            known = nearest(term, combination.terms)
            raise StudyError(f"loss_options.{name}.options.{term}: no such term; {known}")
    return combination


def options_of(name: str, loss_options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the options of the loss `name`; those of a combination with all that the study says of its terms.

    Raises:
        StudyError: see `read`.
    """
    options = loss_options[name]
    if not is_one(options):
        return dict(options)
    combination = read(name, options)
    return {
        "terms": combination.terms,
        "options": {
            term: {**loss_options.get(term, {}), **combination.options.get(term, {})} for term in combination.terms
        },
    }


def losses_of(name: str, options: Mapping[str, Any]) -> list[str]:
    """Return the losses with a file that the loss `name` consists of: its terms, or itself."""
    return list(options["terms"]) if is_one(options) else [name]


def files_of(name: str, options: Mapping[str, Any]) -> list[Path]:
    """Return the files of `losses_of`."""
    return [LOSSES / f"{loss}.py" for loss in losses_of(name, options)]


def searched(options: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the weights to choose from, by term; empty where all are given."""
    return {term: weight for term, weight in options.get("terms", {}).items() if isinstance(weight, list)}


def refuse_open_weights(name: str, options: Mapping[str, Any]) -> None:
    """Raise a StudyError if the loss `name` has weights to choose from, as without a search nothing chooses."""
    for term, weights in searched(options).items():
        raise StudyError(
            f"loss_options.{name}.terms.{term}: {weights} are weights to choose from, which takes a search; "
            f"say -S recipe=tuned, or -S loss_options.{name}.terms.{term}={weights[0]:g}"
        )


def with_weights(options: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, Any]:
    """Return the `options` of any loss with `weights`, by term, in the place of those that they have."""
    return {**options, "terms": {**options["terms"], **weights}} if weights else dict(options)


def words(options: Mapping[str, Any]) -> str:
    """Return a combination as a sum, such as ``dice + 0.5 bce``."""
    return " + ".join(_term(term, weight) for term, weight in options["terms"].items())


def _term(term: str, weight: float | list[float]) -> str:
    if isinstance(weight, list):
        return f"({' or '.join(f'{one:g}' for one in weight)}) {term}"
    return term if weight == 1 else f"{weight:g} {term}"


def flat(options: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the options of any loss with dotted names: ``{"terms.dice": 1.0, "options.dice.smooth": 1.0}``."""
    values: dict[str, Any] = {}
    for name, value in options.items():
        values |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return values
