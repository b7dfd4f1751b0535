"""How the study was run: what is needed to judge its numbers and to repeat them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loss_study import losses
from loss_study.config import Config
from loss_study.data.packed import SPLITS, PackedSample
from loss_study.statistics import arithmetic
from loss_study.statistics.results import Result


@dataclass(frozen=True)
class Origin:
    """Which commit and experiment made the report; "" where that is unknown."""

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
        ":!rounds/dvc.lock",
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
        "coverage": coverage(config, results),
        "notes": sample.meta.get("notes", []),
        "splits": splits(sample),
        "group": sample.group,
        "sharing": sharing(sample),
        "config": {
            # The table of all layouts that fg_bg knows would fill the page; the notes name the one that was used.
            "Dataset": flat(config.dataset.model_dump(exclude={"heads": True, "options": {"layouts"}})),
            "Sample": flat(config.sample.model_dump()) | _statistics(sample),
            "Model": flat(config.model.model_dump()),
            "Recipe": flat(config.recipe.model_dump()),
        },
        "machine": {name: facts(results, name) for name in ("device", "threads", "precision")},
        "versions": versions(results),
        "mixed": arithmetic.in_words(arithmetic.differences(result.run for result in results)),
    }


def _statistics(sample: PackedSample) -> dict[str, str]:
    statistics = dict(sample.statistics)
    shares = dict(zip(sample.class_names, statistics.pop("class_shares", ()), strict=False))
    named = statistics | {f"share of {name}": share for name, share in shares.items()}
    return {f"{name} of training": f"{value:.4f}" for name, value in named.items()}


def finding(results: Sequence[Result], origin: Origin) -> str:
    """Return how many trials there are, on which device, in which arithmetic, and from which commit."""
    parts = [_count(results, "trial")]
    parts += [value for name in ("device", "precision") if (value := facts(results, name))]
    if origin.commit:
        parts.append(f"commit {origin.commit[:7]}{' with uncommitted changes' if origin.changed else ''}")
    return f"{', '.join(parts)}."


def coverage(config: Config, results: Sequence[Result]) -> str:
    """Return which heads, losses and seeds the report covers, and which of the project's losses are not in it."""
    covered = config.losses
    left_out = [name for name in losses.names() if name not in covered]
    heads, seeds = config.loss.heads, sorted({result.trial.seed for result in results if not result.missing})
    sentence = (
        f"{_count(heads, 'head')} ({', '.join(heads)}), {_count(covered, 'loss', 'losses')} ({', '.join(covered)}), "
        f"{_count(seeds, 'seed')} ({', '.join(map(str, seeds))})."
    )
    if config.joint.names:
        sentence += f" {_count(config.joint.names, 'joint training')} ({', '.join(config.joint.names)})."
    return f"{sentence} Losses not in this study: {', '.join(left_out)}." if left_out else sentence


def _count(things: Sequence[Any], one: str, many: str | None = None) -> str:
    return f"{len(things)} {one if len(things) == 1 else many or one + 's'}"


def splits(sample: PackedSample) -> list[dict[str, Any]]:
    """Return per split: number of images, backgrounds and objects (None where these are unknown)."""
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
    """Return a sentence each on objects and backgrounds: whether two splits share any, counted in the index."""
    return [_sharing(sample, column) for column in ("object", "background")]


def _sharing(sample: PackedSample, column: str) -> str:
    train, validation, test = (_identities(sample, split, column) for split in SPLITS)
    name = sample.group if column == "object" else column
    if not train | validation | test:
        return f"The {name}s are unknown: the same {name} may be in the training and the test split."
    shared = (train & validation) | (train & test) | (validation & test)
    if shared:
        return f"Warning: splits share {_count(list(shared), name)}, so test results are too good for every loss."
    if column == "object" and sample.meta.get("objects_by_name"):
        return f"No {name}'s name is in two splits; a copy or a mirror image under another name may be."
    return f"No {name} is in two splits."


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
