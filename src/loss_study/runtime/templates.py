"""Templates of Markdown pages."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape


def markdown(folder: Path) -> Environment:
    """Return the Jinja environment of the templates ``*.md.j2`` in `folder`, where an unknown name is an error.

    Nothing is escaped: Markdown has no one way to do it.
    """
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=select_autoescape(),
        keep_trailing_newline=True,
    )
