"""Combinations: losses that are weighted sums of losses with a file, written in the configuration.

.. code:: yaml

    loss: {combinations: [dice_bce]}
    loss_options:
      dice_bce: {terms: {dice: 1.0, bce: 0.5}}

The values of the terms are multiplied by their weights and added. A term has the options that ``loss_options`` gives
the loss of its name; ``options: {dice: {smooth: 0.1}}`` beside ``terms`` changes some for this combination only. A
weight may be a list, from low to high: then it is searched together with the learning rate, see
`loss_study.training.search`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

from torch import Tensor

from loss_study.heads import HEADS
from loss_study.losses.shared.base import CASES, Case, Loss, Output, TargetStatistics, names, with_a_file
from loss_study.runtime.errors import StudyError, nearest

#: The terms of a combination by name; the weight of each, a number or a list to choose from.
Terms = Mapping[str, Loss]
Weights = Mapping[str, float | list[float]]


def load(name: str, options: Mapping[str, Any]) -> Loss:
    """Return the combination `name`.

    Its options are `terms`, the weights, and `options`, those of every term, checked and completed with the defaults.

    Raises:
        StudyError: `name` is a loss with a file; an unknown term; options as in `config.combination` and `losses.load`;
            terms whose predictions are not made in the same way.
    """
    from loss_study.config import combination  # noqa: PLC0415 -- needs more than torch

    if name in names():
        raise StudyError(f"loss_options.{name}.terms: {name} is a loss of its own; choose another name")
    config = combination(name, options)
    for term in config.terms:
        if term not in names():
            raise StudyError(f"loss_options.{name}.terms.{term}: unknown loss {term!r}: {nearest(term, names())}")
    terms = {term: with_a_file(term).with_options(config.options.get(term, {})) for term in config.terms}
    if len({loss.output for loss in terms.values()}) > 1:
        raise StudyError(f"loss_options.{name}.terms: {', '.join(terms)} read the network's output differently")
    return Loss(
        partial(_values, terms),
        heads=tuple(head for head in HEADS if all(head in loss.heads for loss in terms.values())),
        multiclass=all(loss.multiclass for loss in terms.values()),
        minimised_by_target=tuple(
            case for case in CASES if all(case in loss.minimised_by_target for loss in terms.values())
        ),
        notes=_notes(terms),
        resolve_options=partial(_resolve, name, terms),
        output_of=partial(_output, terms),
        options={"terms": config.terms, "options": {term: loss.options for term, loss in terms.items()}},
        name=name,
        summary=f"A weighted sum: {words(config.terms)}.",
        terms=tuple(terms.values()),
    )


def words(weights: Weights) -> str:
    """Return the sum in words, such as ``dice + 0.5 bce``."""
    return " + ".join(_term(term, weight) for term, weight in weights.items())


def _term(term: str, weight: float | list[float]) -> str:
    if isinstance(weight, list):
        return f"({' or '.join(f'{one:g}' for one in weight)}) {term}"
    return term if weight == 1 else f"{weight:g} {term}"


def _values(
    losses: Terms,
    logits: Tensor,
    target: Tensor,
    *,
    valid: Tensor | None = None,
    terms: Mapping[str, float],
    options: Mapping[str, Mapping[str, Any]],
) -> Tensor:
    resolved = _with_options(losses, options)
    return cast("Tensor", sum(weight * resolved[term](logits, target, valid) for term, weight in terms.items()))


def _resolve(name: str, losses: Terms, options: Mapping[str, Any], statistics: TargetStatistics) -> dict[str, Any]:
    from loss_study.config import refuse_open_weights  # noqa: PLC0415

    refuse_open_weights(name, options)
    terms = _with_options(losses, options["options"])
    return {**options, "options": {term: loss.resolve(statistics).options for term, loss in terms.items()}}


def _output(losses: Terms, *, terms: Weights, options: Mapping[str, Mapping[str, Any]]) -> Output:
    """Return the output of any term: `load` checks that all are the same."""
    return _with_options(losses, options)[next(iter(terms))].output


def _with_options(losses: Terms, options: Mapping[str, Mapping[str, Any]]) -> dict[str, Loss]:
    return {term: replace(loss, options=options[term]) for term, loss in losses.items()}


def _notes(terms: Terms) -> dict[Case, str]:
    return {
        case: " ".join(f"{term}: {loss.notes[case]}" for term, loss in terms.items() if case in loss.notes)
        for case in CASES
        if any(case in loss.notes for loss in terms.values())
    }
