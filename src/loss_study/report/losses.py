"""What the losses' own files say about themselves, read without importing them (that would import torch)."""

from __future__ import annotations

import ast
import pkgutil
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "loss_study.losses"


@dataclass(frozen=True)
class About:
    """First paragraph of a loss's docstring, and by head what has to be known before it is used there."""

    summary: str = ""
    notes: dict[str, str] = field(default_factory=dict)


def known() -> list[str]:
    """Return the names of all losses that the project has, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules([str(_folder())]))


def about(name: str) -> About:
    """Return what ``losses/<name>.py`` says: its docstring's first paragraph and its constant ``NOTES``."""
    path = _folder() / f"{name}.py"
    if not path.is_file():
        return About()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree) or ""
    return About(" ".join(docstring.split("\n\n")[0].split()), _notes(tree))


def _notes(tree: ast.Module) -> dict[str, str]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "NOTES" for target in targets):
            return ast.literal_eval(node.value)
    return {}


def _folder() -> Path:
    spec = find_spec(PACKAGE)
    return Path(spec.submodule_search_locations[0])
