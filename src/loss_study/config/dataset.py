"""The sections `dataset` and `sample`: where images come from, and the subset that is packed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from loss_study.choices.imported import TARGET
from loss_study.config.fields import Name, Section, Share
from loss_study.heads import Head


class DepthTeacher(Section):
    """A monocular depth model that predicts the depth maps of a sample; see `loss_study.sampling.depth_teacher`.

    `model` is a folder or a name on the Hugging Face hub, there at `revision`; empty: no teacher. Its input are images
    of `side` pixels, `batch_size` at a time. `predicts` says whether its large values are near or far; with auto that
    is known for the common families.
    """

    model: str = ""
    revision: str = "main"
    predicts: Literal["auto", "nearness", "distance"] = "auto"
    side: Annotated[int, Field(ge=32)] = 384
    batch_size: Annotated[int, Field(ge=1)] = 8


class DatasetConfig(Section):
    """Where images come from.

    `path` is the file or folder that DVC watches for changes. Where it is neither a folder nor an archive, `urls` are
    fetched by `download`, each checked against the hexadecimal SHA-256 at its place in `sha256` (as many as urls, or
    none). `classes` is the number of mask logits: 1 for foreground or not, 2 and more for classes that exclude each
    other, whose names are `class_names` (as many as classes, or none). A `depth_teacher` predicts depth maps for images
    that have none.
    """

    name: Name
    path: Annotated[str, Field(min_length=1)]
    urls: list[str] = []
    sha256: list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = []
    heads: Annotated[list[Head], Field(min_length=1)]
    classes: Annotated[int, Field(ge=1, le=255)] = 1
    class_names: list[Name] = []
    depth_teacher: DepthTeacher = DepthTeacher()
    options: dict[str, Any] = {}

    @property
    def title(self) -> str:
        """What reports call the data: the folder or archive that `path` is; for the path of code its name."""
        path, name = Path(self.path), str(self.options.get(TARGET, self.name)).rpartition(".")[2]
        return name if path.suffix == ".py" else path.name.split(".")[0] or name

    @property
    def heads_in_files(self) -> list[Head]:
        """The heads whose ground truth is in files: a depth teacher makes that of depth."""
        return [head for head in self.heads if head == "mask" or not self.depth_teacher.model]


class SampleConfig(Section):
    """The packed subset: number of images, side in pixels, shares of the splits, the seed that draws it.

    Validation and test have at least `validation_images` and `test_images`, as far as the dataset has these; their
    shares of `images` may be more.

    With `folds` of 3 or more objects and backgrounds are dealt to so many parts, and the seeds of a loss take turns: of
    one seed a part is for the test, the next part for validation and all others for training. Shares and least numbers
    mean nothing then.

    Two mistakes of the original study can be repeated. `split` "order" splits the items in the order of a listing,
    whatever their backgrounds and objects; "disjoint" puts no background and no object into two splits.
    `wrong_background` looks every background up in a shuffled listing, so that nearly every image gets a wrong one.
    """

    images: Annotated[int, Field(ge=12)]
    size: Annotated[int, Field(ge=16, multiple_of=16)]
    validation: Share
    test: Share
    validation_images: Annotated[int, Field(ge=0)] = 0
    test_images: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int, Field(ge=0)]
    folds: Annotated[int, Field(ge=1)] = 1
    split: Literal["disjoint", "order"] = "disjoint"
    wrong_background: bool = False
