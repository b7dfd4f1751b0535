"""What each loss is, from its own file."""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loss_study import combination


@dataclass(frozen=True)
class About:
    """First paragraph of a loss's docstring, and by head what to know before using it there."""

    summary: str = ""
    notes: dict[str, str] = field(default_factory=dict)


def known() -> list[str]:
    """Return the names of all losses that have a file, sorted."""
    names = (module.name for module in pkgutil.iter_modules([str(combination.LOSSES)]))
    return sorted(name for name in names if not name.startswith("_"))


def about(name: str, options: Mapping[str, Any]) -> About:
    """Return what ``losses/<name>.py`` says: its docstring's first paragraph and its constant ``NOTES``.

    A combination, as `options` say, is the sum that it is, with the notes of its terms.
    """
    if not combination.is_one(options):
        return _of_file(name)
    notes: dict[str, list[str]] = {}
    for term in combination.losses_of(name, options):
        for head, note in _of_file(term).notes.items():
            notes.setdefault(head, []).append(f"{term}: {note}")
    summary = f"A weighted sum: {combination.words(options)}."
    return About(summary, {head: " ".join(of_terms) for head, of_terms in notes.items()})


def _of_file(name: str) -> About:
    path = combination.LOSSES / f"{name}.py"
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
