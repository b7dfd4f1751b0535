"""Losses, models and datasets by import path: ``_target_: my_package.MyLoss`` in a configuration, Hydra's convention.

``_target_`` names a class, a function or a factory that can be imported, from an installed package or from the working
directory; the keys beside it are its arguments. An argument may have a ``_target_`` of its own, such as ``weight:
{_target_: torch.tensor, data: [1.0, 2.0]}``. Keys that begin with an underscore are not arguments; each adapter says
which ones it takes.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loss_study.runtime.errors import StudyError, in_one_line, nearest

TARGET = "_target_"
#: Objects of this process that have no import path, by what stands in the place of one; see `given`.
_GIVEN: dict[str, Any] = {}


def find(key: str, path: Any) -> Any:
    """Return what `path`, such as ``my_package.losses.MyLoss``, names.

    Args:
        key: of the configuration, named in errors.

    Raises:
        StudyError: there is no such module, it cannot be imported, or it holds no such name.
    """
    if path in _GIVEN:
        return _GIVEN[path]
    if not isinstance(path, str) or "." not in path:
        raise StudyError(f"{key}: {path!r} is no import path; write it as my_package.MyClass")
    module_name, _, name = path.rpartition(".")
    try:
        with _working_directory():
            module = importlib.import_module(module_name)
    except Exception as error:
        # Whatever the module does when it is imported.
        raise StudyError(f"{key}: {path}: cannot import {module_name} ({in_one_line(error)}); install it") from None
    if not hasattr(module, name):
        names = [known for known in dir(module) if not known.startswith("_")]
        raise StudyError(f"{key}: {module_name} has no {name!r}: {nearest(name, names)}")
    found = getattr(module, name)
    if not callable(found):
        raise StudyError(f"{key}: {path} is a {type(found).__name__}, not a class or a function")
    return found


def made(key: str, options: Mapping[str, Any], **offered: Any) -> Any:
    """Return what the ``_target_`` in `options` makes of the other keys, and of those of `offered` that it takes.

    Raises:
        StudyError: as `find`; it does not take an argument, or fails with them. The message names it.
    """
    found = find(f"{key}.{TARGET}", options.get(TARGET))
    given = arguments(key, options)
    known = parameters(found)
    given = {name: value for name, value in offered.items() if name in known} | given
    try:
        return found(**given)
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(f"{key}: {title(options)}({_listed(given)}): {in_one_line(error)}") from None


def arguments(key: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments in `options`: those without a leading underscore, and what is nested in them made."""
    return {name: _value(f"{key}.{name}", value) for name, value in options.items() if not name.startswith("_")}


def _value(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return (
            made(key, value) if TARGET in value else {name: _value(f"{key}.{name}", one) for name, one in value.items()}
        )
    return [_value(key, one) for one in value] if isinstance(value, list) else value


def title(options: Mapping[str, Any]) -> str:
    """Return how messages call the target of `options`."""
    return str(options.get(TARGET, ""))


def refuse_unknown(key: str, options: Mapping[str, Any], known: Mapping[str, tuple[str, ...]]) -> None:
    """Raise a StudyError unless the keys of `options` that begin with an underscore are `known`, with these values."""
    for name, value in options.items():
        if name.startswith("_") and name != TARGET:
            if name not in known:
                raise StudyError(f"{key}.{name}: no such key; {nearest(name, known)}")
            if value not in known[name]:
                raise StudyError(f"{key}.{name}: {nearest(str(value), known[name])}; got {value!r}")


def source(key: str, options: Mapping[str, Any]) -> Path | None:
    """Return the file that defines the target of `options`, relative to the working directory where it is below it.

    None for one of this process, or one that is not written in Python.
    """
    found = find(f"{key}.{TARGET}", options.get(TARGET))
    try:
        path = Path(inspect.getsourcefile(inspect.unwrap(found)) or "").resolve()
    except TypeError:
        return None
    if title(options) in _GIVEN or not path.is_file():
        return None
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextmanager
def given(objects: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Let configurations name `objects` of this process within the block; yield their paths by name."""
    paths = {}
    for name, one in objects.items():
        named = one if hasattr(one, "__qualname__") else type(one)
        path = f"{named.__module__}.{named.__qualname__}"
        paths[name] = path if path not in _GIVEN else f"{path} ({name})"
        _GIVEN[paths[name]] = one
    try:
        yield paths
    finally:
        for path in paths.values():
            del _GIVEN[path]


@contextmanager
def _working_directory() -> Iterator[None]:
    """Search the working directory too, behind all other places."""
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)


def parameters(found: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of `found`, none where it does not tell."""
    try:
        return inspect.signature(found).parameters
    except (TypeError, ValueError):
        return {}


def _listed(given: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in given.items())
