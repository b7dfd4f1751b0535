"""What a JSON file of annotations must hold to be read; anything else in it is passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loss_study.runtime.errors import StudyError

M = TypeVar("M", bound=BaseModel)
Pixels = Annotated[int, Field(gt=0, lt=2**20)]
Id = int | str
#: Of a polygon: x and y by turns, of three corners at least.
Flat = Annotated[list[float], Field(min_length=6)]
Point = Annotated[list[float], Field(min_length=2, max_length=2)]


class _File(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class RunLengths(_File):
    counts: str | list[Annotated[int, Field(ge=0)]]
    size: Annotated[list[Pixels], Field(min_length=2, max_length=2)]


class CocoImage(_File):
    id: Id
    file_name: Annotated[str, Field(min_length=1)]
    width: Pixels
    height: Pixels


class CocoAnnotation(_File):
    image_id: Id
    category_id: Id
    segmentation: list[Flat] | RunLengths | None = None
    area: float = 0


class CocoCategory(_File):
    id: Id
    name: Id


class Coco(_File):
    """https://cocodataset.org/#format-data"""

    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]


class LabelmeShape(_File):
    label: Id
    points: list[Point]
    shape_type: str | None = None
    mask: str | None = None


class Labelme(_File):
    """https://github.com/wkentaro/labelme"""

    shapes: list[LabelmeShape]
    imageWidth: Pixels | None = None  # noqa: N815 -- the file's name
    imageHeight: Pixels | None = None  # noqa: N815 -- the file's name


def read(path: Path, model: type[M], what: str) -> dict[str, Any]:
    """Return the values in a JSON file that fits `model`.

    Raises:
        StudyError: it is no JSON, or not `what`, such as "annotations of COCO"; the message says where.
    """
    try:
        values = json.loads(path.read_bytes())
        model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "all"
        raise StudyError(f"{path}: not {what} ({place}: {first['msg']}); correct it, or move it away") from None
    except (ValueError, RecursionError) as error:
        raise StudyError(f"{path}: not valid JSON ({error}); replace it, or move it away") from None
    return values
