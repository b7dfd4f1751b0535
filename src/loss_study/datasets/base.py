"""What a dataset is: items that can be drawn, and the arrays of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np


@dataclass(frozen=True)
class Item:
    """One picture that could be sampled; `id` is unique in its dataset and names it in reports.

    `background` and `object` are identities: two items that share one are not independent. A cut-out and its
    mirror image have one identity. None: unknown.
    """

    id: str
    background: str | None
    object: str | None


@dataclass(frozen=True)
class Example:
    """One item's arrays at the sample's size: uint8, `picture` (H, W, 3) RGB, `mask` and `depth` (H, W) or None.

    `mask` is 0 for background to 255 for foreground, with soft edges, or, where ``dataset.classes`` is 2 or more, the
    number of the class; `depth` is 0 near to 255 far. `mask_valid` and `depth_valid`, bool (H, W), say which pixels
    have a truth; None: all.
    """

    image: np.ndarray
    mask: np.ndarray | None
    depth: np.ndarray | None
    mask_valid: np.ndarray | None = None
    depth_valid: np.ndarray | None = None


class Dataset(Protocol):
    """An open dataset. Picklable, so that pictures can be made in worker processes."""

    #: Identities of the backgrounds, or None where unknown. Sorted, so that a seed means the same everywhere.
    backgrounds: Sequence[str] | None
    #: Identities of the cut-outs, or None where unknown.
    objects: Sequence[str] | None
    #: True if every item's background picture is there (6 input channels), False without (3 input channels).
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
        """Draw at most `count` different items at random among those of these backgrounds and cut-outs.

        Either argument is None where the dataset does not know that identity; where it knows neither, all items
        are candidates. Fewer than `count` are returned where there are no more.
        """
        ...

    def background(self, name: str, size: int) -> np.ndarray:
        """Return the background picture, uint8 (size, size, 3) RGB."""
        ...

    def example(self, item: Item, size: int) -> Example:
        """Return the item's arrays. The same item gives the same arrays in any process and order."""
        ...


@runtime_checkable
class HasTestList(Protocol):
    """A `Dataset` of data that come with a list of the pictures that are for the test."""

    #: Cut-outs that are for the test, sorted, some of `Dataset.objects`; None: none are.
    test_objects: Sequence[str] | None
