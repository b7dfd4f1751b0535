"""How the study was run: what a reader needs to judge its numbers and to repeat them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loss_study import losses
from loss_study.config import Config
from loss_study.data.packed import SPLITS, PackedSample
from loss_study.report.search import searches
from loss_study.statistics.results import Result


@dataclass(frozen=True)
class Origin:
    """Which state of the project made the report; "" where that is not known."""

    commit: str
    changed: bool
    experiment: str


def origin() -> Origin:
    """Ask git for the commit and whether tracked files differ from it, and DVC for the experiment's name."""
    commit = _git("rev-parse", "HEAD")
    # params.yaml is rewritten by `dvc exp run`, reports/ by compare itself: the page shows both anyway.
    changed = _git(
        "--no-optional-locks",
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        ".",
        ":!params.yaml",
        ":!reports",
        ":!dvc.lock",
    )
    return Origin(commit, bool(changed), os.environ.get("DVC_EXP_NAME", ""))


def _git(*arguments: str) -> str:
    try:
        process = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return process.stdout.strip() if process.returncode == 0 else ""


def describe(config: Config, results: Sequence[Result], sample: PackedSample, origin: Origin) -> dict[str, Any]:
    """Return everything that the page says about how the study was run."""
    return {
        "origin": origin,
        "coverage": coverage(config),
        "searches": searches(config),
        "notes": sample.meta.get("notes", []),
        "splits": splits(sample),
        "sharing": sharing(sample),
        "parameters": {
            # The table of all layouts that fg_bg understands would fill the page; the notes say which one it was.
            "Data set": flat(config.dataset.model_dump(exclude={"heads": True, "options": {"layouts"}})),
            "Sample": flat(config.sample.model_dump()) | _statistics(sample),
            "Model": flat(config.model.model_dump()),
            "Recipe": flat(config.recipe.model_dump()),
        },
        "machine": {name: facts(results, name) for name in ("device", "threads", "precision")},
        "versions": versions(results),
    }


def _statistics(sample: PackedSample) -> dict[str, str]:
    statistics = dict(sample.statistics)
    shares = dict(zip(sample.class_names, statistics.pop("class_shares", ()), strict=False))
    named = statistics | {f"share of {name}": share for name, share in shares.items()}
    return {f"{name} of training": f"{value:.4f}" for name, value in named.items()}


def coverage(config: Config) -> str:
    """Return which heads, losses and seeds the report covers, and which of the project's losses it leaves out."""
    covered = config.losses
    left_out = [name for name in losses.names() if name not in covered]
    heads, seeds = config.loss.heads, config.seeds
    sentence = (
        f"{_count(heads, 'head')} ({', '.join(heads)}), {_count(covered, 'loss', 'losses')} ({', '.join(covered)}), "
        f"{_count(seeds, 'seed')} ({', '.join(map(str, seeds))})."
    )
    return f"{sentence} Not covered: {', '.join(left_out)}." if left_out else sentence


def _count(things: Sequence[Any], one: str, many: str | None = None) -> str:
    return f"{len(things)} {one if len(things) == 1 else many or one + 's'}"


def splits(sample: PackedSample) -> list[dict[str, Any]]:
    """Return per split: the number of images, backgrounds and cut-outs (None where identities are unknown)."""
    return [
        {
            "split": split,
            "images": len(sample.rows(split)),
            "backgrounds": len(_identities(sample, split, "background")) or None,
            "objects": len(_identities(sample, split, "object")) or None,
        }
        for split in SPLITS
    ]


def sharing(sample: PackedSample) -> list[str]:
    """Return a sentence each on cut-outs and backgrounds: whether two splits share any, counted in the index."""
    return [_sharing(sample, column, word) for column, word in (("object", "cut-out"), ("background", "background"))]


def _sharing(sample: PackedSample, column: str, word: str) -> str:
    train, validation, test = (_identities(sample, split, column) for split in SPLITS)
    if not train | validation | test:
        return f"The {word}s' identities are unknown: the same {word} may stand in training and test."
    shared = (train & validation) | (train & test) | (validation & test)
    if shared:
        return f"Careful: splits share {_count(list(shared), word)}, so the test flatters every loss."
    return f"No {word} stands in two splits."


def _identities(sample: PackedSample, split: str, column: str) -> set[str]:
    return {row[column] for row in sample.index if row["split"] == split and row[column]}


def facts(results: Sequence[Result], key: str) -> str:
    """Return the different values that the trials' ``trial.json`` have at `key`, joined; "" where none has it."""
    values = dict.fromkeys(str(result.run[key]) for result in results if result.run.get(key) is not None)
    return ", ".join(values)


def versions(results: Sequence[Result]) -> dict[str, str]:
    """Return the versions that the trials ran with, by program; several where trials differ."""
    found: dict[str, dict[str, None]] = {}
    for result in results:
        for program, version in result.run.get("versions", {}).items():
            found.setdefault(program, {})[str(version)] = None
    return {program: ", ".join(values) for program, values in found.items()}


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with dotted keys: ``{"optimizer.lr": 0.01}``; what is empty is left out."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result.update(flat(value, f"{prefix}{key}."))
        elif value not in ("", []):
            result[f"{prefix}{key}"] = value
    return result
