"""What a module of the package imports, followed to the end."""

import ast
from functools import cache

from loss_study.training.checkpoint import PACKAGE


@cache
def imported(file):
    """Return the modules of the package that `file` imports, at its top or in a function."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("loss_study"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("loss_study")]
        else:
            continue
        for name in names:
            path = PACKAGE.joinpath(*name.split(".")[1:])
            found |= {one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()}
    return frozenset(found)


def everything(file):
    """Return `file`, all that it imports, what that imports, and the packages that they are in."""
    seen, waiting = set(), [file]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += imported(one)
    return seen


def names(files):
    return {file.relative_to(PACKAGE).as_posix() for file in files}
