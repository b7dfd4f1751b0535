"""Things that are chosen by name: the name is a module of a package, its options are keyword arguments.

``conf/loss/dice.yaml`` selects ``losses/dice.py``; adding a choice is adding a file. A package lists its modules that
are not choices in a constant ``SHARED``; without one it is ("base",). Its subpackages are not choices either.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from loss_study.runtime.errors import StudyError, nearest

if TYPE_CHECKING:
    from pydantic import BaseModel, ConfigDict, ValidationError

#: Modules that are not choices, of a package without a constant of this name.
SHARED = ("base",)

M = TypeVar("M", bound="BaseModel")
#: Pydantic's settings for options. It is imported when options are checked: losses can be used without it.
STRICT: ConfigDict = {"extra": "forbid", "strict": True, "allow_inf_nan": False, "arbitrary_types_allowed": True}


def names(package: str) -> list[str]:
    """Return the sorted names that can be chosen in `package`, such as ``loss_study.losses``."""
    parent = importlib.import_module(package)
    shared = getattr(parent, "SHARED", SHARED)
    modules = pkgutil.iter_modules(parent.__path__)
    return sorted(module.name for module in modules if not (module.ispkg or module.name in shared))


def load(kind: str, package: str, name: str) -> ModuleType:
    """Import the module `name` of `package`; `kind` ("loss", "model", ...) is the word used in errors.

    Raises:
        StudyError: there is no such module; the nearest known name is given.
    """
    known = names(package)
    if name not in known:
        raise StudyError(f"unknown {kind} {name!r}: {nearest(str(name), known)}")
    return importlib.import_module(f"{package}.{name}")


def check_options(
    where: str, function: Callable[..., Any], options: Mapping[str, Any], *, but: Collection[str] = ()
) -> dict[str, Any]:
    """Check `options` against the keyword-only arguments of `function` and fill in the defaults.

    Annotations are pydantic's: ``Annotated[float, Field(gt=0)]`` states a range.

    Args:
        where: the key of params.yaml that the options come from, named in errors.
        but: keyword-only arguments that are not options.

    Raises:
        StudyError: an unknown or missing option, a wrong type, a value out of range.
    """
    from pydantic import create_model  # noqa: PLC0415

    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], ... if parameter.default is inspect.Parameter.empty else parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name not in but
    }
    return dict(validate(create_model("Options", __config__=STRICT, **fields), options, where))


def validate(model: type[M], values: Mapping[str, Any], where: str) -> M:
    """Return `values` as a `model`, or raise a one-line `StudyError` that names the key below `where`."""
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise StudyError(_first_problem(error, model, where)) from None


def _first_problem(error: ValidationError, model: type[BaseModel], where: str) -> str:
    problem = error.errors(include_url=False)[0]
    path = [str(part) for part in problem["loc"]]
    key = ".".join(filter(None, [where, *path]))
    if problem["type"] == "extra_forbidden":
        return f"{key}: no such key; {nearest(path[-1], _siblings(model, path[:-1]))}"
    if problem["type"] == "missing":
        return f"{key}: missing; set it in conf/ or with -S {key}=..."
    return f"{key}: {problem['msg'].removeprefix('Value error, ')}; got {problem['input']!r}"


def _siblings(model: type[BaseModel], path: list[str]) -> list[str]:
    kind: Any = model
    for part in path:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        else:
            field = kind.model_fields.get(part) if _is_model(kind) else None
            kind = None if field is None else field.annotation
    return list(kind.model_fields) if _is_model(kind) else []


def _is_model(kind: Any) -> bool:
    from pydantic import BaseModel  # noqa: PLC0415

    return inspect.isclass(kind) and issubclass(kind, BaseModel)
