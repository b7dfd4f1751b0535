"""What a dataset is: items that can be drawn, and the arrays of each item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

#: A mask, uint8, or depth map, uint16, (H, W), and which of its pixels are valid, bool (H, W); None: all of them.
Target = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Item:
    """One image that can be drawn; `id` is unique in its dataset and names the image in reports.

    `background` and `object` are identities: two items that share one are not independent of each other. An object and
    its mirror image have one identity. None: unknown.
    """

    id: str
    background: str | None
    object: str | None


@dataclass(frozen=True)
class Example:
    """The arrays of one item, stretched to a square of the sample's size: `image` is uint8 (H, W, 3) RGB.

    `mask`, uint8 (H, W) or None, is 0 for background to 255 for foreground, with soft edges; where ``dataset.classes``
    is 2 or more it holds the number of the class. `depth`, uint16 (H, W) or None, is 0 near to 65535 far (of uint8, 255
    stands for 65535); a dataset that knows metres says how they are coded, see
    `loss_study.data.depth_scale.HasDepthScale`. `mask_valid` and `depth_valid`, bool (H, W), say which pixels have
    ground truth; None: all.
    """

    image: np.ndarray
    mask: np.ndarray | None
    depth: np.ndarray | None
    mask_valid: np.ndarray | None = None
    depth_valid: np.ndarray | None = None


class Dataset(Protocol):
    """An open dataset. Picklable, so that worker processes can make its images."""

    #: Identities of the backgrounds, sorted so that a seed always means the same; None where they are unknown.
    backgrounds: Sequence[str] | None
    #: Identities of the objects, sorted; None where they are unknown.
    objects: Sequence[str] | None
    #: Whether every item has a background image: a model's input has 6 channels then, otherwise 3.
    has_background_images: bool
    #: Sentences for the report: where depth comes from, which identities are unknown, what was left out.
    notes: Sequence[str]

    def draw(
        self,
        backgrounds: Sequence[str] | None,
        objects: Sequence[str] | None,
        count: int,
        rng: np.random.Generator,
    ) -> list[Item]:
        """Draw at most `count` different items at random among those of these backgrounds and objects.

        Fewer are returned if there are no more. Either argument is None where the dataset does not know that identity:
        then it restricts nothing.
        """
        ...

    def background(self, name: str, size: int) -> np.ndarray:
        """Return the background image, uint8 (size, size, 3) RGB."""
        ...

    def example(self, item: Item, size: int) -> Example:
        """Return the item's arrays: the same item gives the same arrays in any process and order."""
        ...


class Paths(Protocol):
    """Paths by their number."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Path: ...


@runtime_checkable
class HasFiles(Protocol):
    """A `Dataset` that reads files."""

    #: The files of each kind ("image", "mask", ...) that are in use.
    files: Mapping[str, Paths]


@runtime_checkable
class HasTestList(Protocol):
    """A `Dataset` that comes with a list of its test images."""

    #: Objects of the test split, sorted, a subset of `Dataset.objects`; None: no list is in use.
    test_objects: Sequence[str] | None


@runtime_checkable
class HasSplits(Dataset, Protocol):
    """A `Dataset` that comes with splits of its own, in folders or lists."""

    #: Those that it has, "train" and "validation", "test" or both; None: no such splits are in use.
    own_splits: Sequence[str] | None

    def of_split(self, split: str) -> Dataset:
        """Return the images of one of `own_splits`; their items are also items of this dataset."""
        ...


@runtime_checkable
class NamesGroups(Protocol):
    """A `Dataset` that says what its objects are."""

    #: The singular: "object", "patient", "scene", "clip".
    group: str


@runtime_checkable
class NamesObjects(Protocol):
    """A `Dataset` whose objects may be told apart by the names of its files alone."""

    #: Whether they are: a copy or a mirror image under another name then counts as another object.
    objects_by_name: bool


@runtime_checkable
class MakesNew(Protocol):
    """A `Dataset` without end: it makes as many new objects and backgrounds as are asked for."""

    def make_new(self, count: int, rng: np.random.Generator) -> list[Item]:
        """Return `count` items, each with an object and a background of its own that `Dataset.draw` never gives.

        A larger `count` adds items at the end.
        """
        ...
