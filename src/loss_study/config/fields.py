"""The types of values in params.yaml, and what its sections have in common."""

from __future__ import annotations

import math
import sys
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator


class Section(BaseModel):
    """A section of params.yaml: no unknown keys, no conversions, never changed."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


def number(value: Any) -> float:
    """Return `value`, a finite number, as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("Input should be a number")
    # A whole number may be too large for a float, infinity included.
    if not -sys.float_info.max <= value <= sys.float_info.max:
        raise ValueError("Input should be finite")
    return float(value)


def weight(value: Any) -> float | list[float]:
    """Return `value`, a number above 0 or a list of such numbers from low to high, as floats."""
    weights = value if isinstance(value, list) else [value]
    for one in weights:
        numeric = isinstance(one, int | float) and not isinstance(one, bool)
        if not (numeric and 0 < one < math.inf):
            raise ValueError("Input should be a number above 0, or a list of such numbers")
    if not weights or weights != sorted(set(weights)):
        raise ValueError("Input should list different weights from low to high")
    return [float(one) for one in weights] if isinstance(value, list) else float(value)


Number = Annotated[float, PlainValidator(number)]
Positive = Annotated[float, PlainValidator(number), Field(gt=0)]
Share = Annotated[float, PlainValidator(number), Field(gt=0, lt=1)]
Probability = Annotated[float, PlainValidator(number), Field(ge=0, le=1)]
Weight = Annotated[Any, PlainValidator(weight)]
Name = Annotated[str, Field(min_length=1, pattern=r"^[a-z][a-z0-9_]*$")]
