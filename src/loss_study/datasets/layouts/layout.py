"""The schema of a layout: how a copy of some data lies on disk. conf/dataset/fg_bg.yaml has examples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from loss_study.datasets.layouts.pattern import NUMBER, Pattern, check_patterns


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else [] if value is None else value


#: One pattern or several, tried in order; null is none.
Patterns = Annotated[list[str], BeforeValidator(_as_list), AfterValidator(check_patterns)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ListFile(_Section):
    """A text or CSV file that says which files belong together.

    `file` is a pattern of its path. Where `image` names a column, the file is a table whose columns name the files of
    each kind. Otherwise it is a log: each line holds the names of an image and of its background.
    """

    file: str
    image: str | None = None
    mask: str | None = None
    depth: str | None = None
    background: str | None = None

    @property
    def is_table(self) -> bool:
        """Whether columns are named."""
        return self.image is not None


class Layout(_Section):
    """Patterns of the files of each kind; files in which a word has the same text belong together.

    `background_by` says how the background of an image is found:

    - ``name``: by the words that both patterns have;
    - ``number``: the background whose ``{number}`` is (number - first_number) // images_per_background;
    - ``position``: the same number, as the position in the naturally sorted folder; a `first_number` of null is
      worked out from the files;
    - ``list``: by `list_file`.
    """

    image: Annotated[Patterns, Field(min_length=1)]
    mask: Patterns = []
    depth: Patterns = []
    background: Patterns = []
    background_by: Literal["name", "number", "position", "list"] = "name"
    images_per_background: Annotated[int, Field(ge=1)] = 1
    first_number: Annotated[int, Field(ge=0)] | None = None
    list_file: ListFile | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Layout:
        if self.list_file is not None and self.list_file.is_table:
            return self
        for image in map(Pattern, self.image):
            for kind in ("mask", "depth", *(["background"] if self.background_by == "name" else [])):
                for other in map(Pattern, getattr(self, kind)):
                    if not other.words or not set(other.words) <= set(image.words):
                        raise ValueError(f"{kind} {other.text!r} needs words, all of them also in image {image.text!r}")
            if self.background_by in ("number", "position") and NUMBER not in image.words:
                raise ValueError(f"background_by {self.background_by}: image {image.text!r} has no {{number}}")
        if self.background_by == "list" and self.list_file is None:
            raise ValueError("background_by list: name the list in list_file")
        return self
