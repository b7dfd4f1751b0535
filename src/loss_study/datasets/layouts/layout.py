"""The schema of a layout: how a copy of some data lies on disk. conf/dataset/fg_bg.yaml has examples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from loss_study.datasets.layouts.pattern import NUMBER, SPLIT, Pattern, check_patterns

#: As the pattern of a kind of file: found by the names of folders and files, see `recognise`.
AUTO = "auto"
OBJECT = "object"
#: Words that name a group without being told to, as the names of folders say them: patient07, scene_3.
GROUPS = frozenset(
    """animal bird building car case clip house object participant patient person plant plot recording room scan scene
    seq sequence session shot site slide specimen subject take tree video volume""".split()  # noqa: SIM905
)
KINDS = ("image", "mask", "depth", "background")


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


class TimeLists(_Section):
    """Text files, each line a time in seconds and a path, of images and of the depth maps that lie beside them.

    `image` and `depth` are patterns of the lists' paths. An image belongs with the depth map that is nearest in time,
    at most `max_seconds` away; each is used once.
    """

    image: str
    depth: str
    max_seconds: Annotated[float, Field(gt=0)] = 0.02


class Layout(_Section):
    """Patterns of the files of each kind; files in which a word has the same text belong together.

    What is ``auto`` is found by the names of folders and files, see `recognise`. A word that only the pattern of the
    masks has means several masks for an image, which are united; one that only the backgrounds have, several
    backgrounds, of which the first is used. Folders that match one of the patterns `exclude` are left out.

    `group` is the word that names what is never in two splits; with ``auto`` it is the first one of `GROUPS`. `frames`
    makes groups of so many consecutive images instead: by ``{number}``, or by the last number in the name. The texts of
    ``{split}`` name the dataset's own splits; `split_list` is a pattern with ``{split}`` of text files that list their
    images.

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
    exclude: Annotated[list[str], BeforeValidator(_as_list)] = []
    group: str = AUTO
    frames: Annotated[int, Field(ge=2)] | None = None
    split_list: str | None = None
    background_by: Literal["name", "number", "position", "list"] = "name"
    images_per_background: Annotated[int, Field(ge=1)] = 1
    first_number: Annotated[int, Field(ge=0)] | None = None
    list_file: ListFile | None = None
    time_lists: TimeLists | None = None

    @property
    def group_word(self) -> str:
        """The word that names the groups: `group`, or the first word of the images that is one of `GROUPS`."""
        if self.group != AUTO:
            return self.group
        return next((word for word in Pattern(self.image[0]).words if word in GROUPS), OBJECT)

    @property
    def automatic(self) -> tuple[str, ...]:
        """The kinds of file whose pattern is ``auto``."""
        return tuple(kind for kind in KINDS if AUTO in getattr(self, kind))

    @model_validator(mode="after")
    def _is_consistent(self) -> Layout:
        if self.split_list not in (None, AUTO) and SPLIT not in Pattern(self.split_list).words:
            raise ValueError(f"split_list {self.split_list!r}: has no {{split}}")
        if (self.list_file is not None and self.list_file.is_table) or self.time_lists is not None or self.automatic:
            return self
        for image in map(Pattern, self.image):
            self._check_image(image)
        if self.background_by == "list" and self.list_file is None:
            raise ValueError("background_by list: name the list in list_file")
        return self

    def _check_image(self, image: Pattern) -> None:
        for kind in ("mask", "depth", *(["background"] if self.background_by == "name" else [])):
            for other in map(Pattern, getattr(self, kind)):
                self._check_words(kind, other, image)
        if self.background_by in ("number", "position") and NUMBER not in image.words:
            raise ValueError(f"background_by {self.background_by}: image {image.text!r} has no {{number}}")
        if self.group not in (AUTO, OBJECT, *image.words):
            raise ValueError(f"group {self.group!r}: image {image.text!r} has no {{{self.group}}}")

    def _check_words(self, kind: str, other: Pattern, image: Pattern) -> None:
        shared, own = set(other.words) & set(image.words), set(other.words) - set(image.words)
        if not shared or (own and kind == "depth"):
            raise ValueError(f"{kind} {other.text!r} needs words, all of them also in image {image.text!r}")
