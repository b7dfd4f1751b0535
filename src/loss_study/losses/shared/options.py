"""What the options of losses may be: conditions in their annotations, checked with pydantic and without it.

``smooth: Annotated[float, Range(ge=0)] = 1.0`` is an option that is 0 or more. A study checks its options with
pydantic, see `loss_study.choices.registry`; `checked` is for programs that only have torch.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from loss_study.runtime.errors import nearest


@dataclass(frozen=True)
class Condition:
    """Stands in an annotation: `check` returns the value, or raises a ValueError that says what it should be.

    `check` sees the value after its type has been checked, with `first` before that.
    """

    check: Callable[[Any], Any]
    first: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """Return the schema that pydantic asks for."""
        from pydantic_core import core_schema  # noqa: PLC0415 -- pydantic asks, so it is installed

        order = "before" if self.first else "after"
        return getattr(core_schema, f"no_info_{order}_validator_function")(self.check, handler(source))


def Range(  # noqa: N802 -- reads like pydantic's Field
    *, gt: float | None = None, ge: float | None = None, lt: float | None = None, le: float | None = None
) -> Condition:
    """Return the condition of a number that is finite and within these limits, those of pydantic's ``Field``."""
    limits = [
        (gt, "greater than", lambda value, limit: value > limit),
        (ge, "greater than or equal to", lambda value, limit: value >= limit),
        (lt, "less than", lambda value, limit: value < limit),
        (le, "less than or equal to", lambda value, limit: value <= limit),
    ]

    def check(value: Any) -> Any:
        for limit, words, holds in limits:
            if limit is not None and not holds(value, limit):
                raise ValueError(f"Input should be {words} {limit:g}")
        return value

    return Condition(check)


def checked(
    where: str, function: Callable[..., Any], options: Mapping[str, Any], *, but: Collection[str] = ()
) -> dict[str, Any]:
    """Return `options` completed with the defaults of the keyword-only arguments of `function`.

    Args:
        where: stands before the name of an option in errors.
        but: keyword-only arguments that are not options.

    Raises:
        TypeError: an unknown option, or one of a wrong type.
        ValueError: a value that does not meet its condition.
    """
    hints = get_type_hints(function, include_extras=True)
    defaults = {name: parameter.default for name, parameter in of(function).items() if name not in but}
    for name, value in options.items():
        if name not in defaults:
            raise TypeError(f"{where}: no option {name!r}; {nearest(name, defaults)}")
        _check(f"{where}: {name}", hints[name], value)
    return {**defaults, **options}


def of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the keyword-only arguments of `function`."""
    parameters = inspect.signature(function).parameters.items()
    return {name: one for name, one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY}


def _check(where: str, hint: Any, value: Any) -> None:
    kind, *conditions = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    conditions = [one for one in conditions if isinstance(one, Condition)]
    if not any(one.first for one in conditions):
        _check_type(where, kind, value)
    for condition in conditions:
        try:
            condition.check(value)
        except ValueError as error:
            raise ValueError(f"{where}: {error}; got {value!r}") from None


def _check_type(where: str, kind: Any, value: Any) -> None:
    kinds = {float: (int, float), int: (int,), bool: (bool,), str: (str,)}.get(kind)
    if kinds and (not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool)):
        raise TypeError(f"{where}: should be a {kind.__name__}; got {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: should be finite; got {value!r}")
