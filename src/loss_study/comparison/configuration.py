"""The configuration of a study in one process: the defaults of ``conf/``, which is not installed with the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loss_study.choices.imported import TARGET
from loss_study.comparison.chosen_losses import ChosenLosses
from loss_study.config import Config, checked, rounds

#: ``conf/recipe/tuned.yaml`` at the scale ``quick``.
RECIPE: dict[str, Any] = {
    "name": "compare",
    "epochs": 5,
    "batch_size": 16,
    "optimizer": {"name": "adamw", "lr": 0.01, "options": {"weight_decay": 0.01}},
    "search": {"lr": [0.004, 0.02, 0.1], "epochs": 3, "seed": 1000},
    "schedule": {"name": "onecycle", "options": {"warmup": 0.25, "start_divisor": 25.0, "end_divisor": 25000.0}},
    "augmentation": {"flip": 0.5},
    "precision": "float32",
    "threads": 0,
    "early_stop": 0,
}
#: ``conf/config.yaml``.
SAMPLE: dict[str, Any] = {"validation": 0.15, "test": 0.2, "seed": 0}
ENDS = [3, 6, 12, 20]


def configuration(
    losses: ChosenLosses,
    paths: Mapping[str, str],
    *,
    model: str,
    model_options: Mapping[str, Any],
    heads: Sequence[str],
    class_names: Sequence[str],
    seeds: int,
    sample: Mapping[str, Any],
    recipe: Mapping[str, Any],
    margin: Mapping[str, float],
) -> Config:
    """Return the checked configuration.

    Args:
        losses: of the study.
        paths: import paths of "dataset" and somebody's losses, by name.
        model: a name of ours, or "imported" with the `model_options` that say of whom.
        heads: "mask", "depth" or both.
        class_names: of the mask, none for one class.
        seeds: the most that a loss is trained from.
        sample: keys of the section that differ from the defaults, as are `recipe` and `margin`.

    Raises:
        StudyError: a key or a value that is not valid.
    """
    names, combinations, theirs = losses.names, losses.combinations, list(losses.theirs)
    ends = sorted({min(end, seeds) for end in ENDS})
    folds = int(sample.get("folds", 1))
    of_rounds = (list(range(seeds)), ends, folds, names, combinations, theirs)
    return checked(
        {
            "dataset": {
                "name": "imported",
                "path": ".",
                "heads": list(heads),
                "classes": max(1, len(class_names)),
                "class_names": list(class_names),
                "options": {TARGET: paths["dataset"]},
            },
            "scale": "compare",
            "sample": SAMPLE | dict(sample),
            "model": {"name": model, "options": dict(model_options)},
            "loss": {"names": names, "combinations": combinations, "imported": theirs, "heads": list(heads)},
            "loss_options": losses.imported(paths),
            "recipe": _merged(RECIPE, recipe),
            "seeds": list(range(seeds)),
            "race": {"rounds": ends, "later": rounds.later(*of_rounds), "previous": rounds.previous(*of_rounds)},
            "compare": {"margin": dict(margin)},
        }
    )


def _merged(defaults: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `defaults` with `changes`, section by section; options belong to a name and are replaced as a whole."""
    result = dict(defaults)
    if changes.get("name", defaults.get("name")) != defaults.get("name"):
        result.pop("options", None)
    for key, value in changes.items():
        nested = isinstance(value, Mapping) and key != "options"
        result[key] = _merged(result.get(key) or {}, value) if nested else value
    return result
