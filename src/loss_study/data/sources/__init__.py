"""Where pictures come from: one module per data set, all ending in the same packed sample.

A module ``sources/<name>.py`` is chosen by ``dataset.name`` and offers ``open_source(path, *, <options>)``,
which returns a `Source`. Its keyword-only arguments are ``dataset.options``. Two more functions of these options, both
optional, let mistakes be refused at once: ``gaps(*, <options>)`` returns the heads that have no truth at some pixels,
``class_names(*, <options>)`` the names of the mask's classes, none for one class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from loss_study import choices

PACKAGE = __name__


@dataclass(frozen=True)
class Item:
    """One picture that could be sampled; `id` is unique in its source and names it in reports.

    `background` and `cutout` are identities: two items that share one are not independent. A cut-out and its
    mirror image have one identity. None: unknown.
    """

    id: str
    background: str | None
    cutout: str | None


@dataclass(frozen=True)
class Example:
    """One item's arrays at the sample's size: uint8, `picture` (H, W, 3) RGB, `mask` and `depth` (H, W) or None.

    `mask` is 0 for background to 255 for foreground, with soft edges, or, where ``dataset.classes`` is 2 or more, the
    number of the class; `depth` is 0 near to 255 far. `mask_valid` and `depth_valid`, bool (H, W), say which pixels
    have a truth; None: all.
    """

    picture: np.ndarray
    mask: np.ndarray | None
    depth: np.ndarray | None
    mask_valid: np.ndarray | None = None
    depth_valid: np.ndarray | None = None


class Source(Protocol):
    """An open data set. Picklable, so that pictures can be made in worker processes."""

    #: Identities of the backgrounds, or None where unknown. Sorted, so that a seed means the same everywhere.
    backgrounds: Sequence[str] | None
    #: Identities of the cut-outs, or None where unknown.
    cutouts: Sequence[str] | None
    #: True if every item's background picture is there (6 input channels), False without (3 input channels).
    has_background_pictures: bool
    #: Sentences for the report: where depth comes from, which identities are unknown, what was left out.
    notes: Sequence[str]

    def draw(
        self,
        backgrounds: Sequence[str] | None,
        cutouts: Sequence[str] | None,
        count: int,
        rng: np.random.Generator,
    ) -> list[Item]:
        """Draw at most `count` different items at random among those of these backgrounds and cut-outs.

        Either argument is None where the source does not know that identity; where it knows neither, all items
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
class ListsItsTest(Protocol):
    """A `Source` of data that come with a list of the pictures that are for the test."""

    #: Cut-outs that are for the test, sorted, some of `Source.cutouts`; None: none are.
    test_cutouts: Sequence[str] | None


def names() -> list[str]:
    """Return the names that ``dataset.name`` may take."""
    return choices.names(PACKAGE)


def check(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` with defaults filled in; StudyError for an unknown data set or option."""
    module = choices.load("data set", PACKAGE, name)
    return choices.check_options("dataset.options", module.open_source, options)


def gaps(name: str, options: Mapping[str, Any]) -> Sequence[str]:
    """Return the heads that have no truth at some pixels, as far as the options tell; StudyError as `check`."""
    checked = check(name, options)
    module = choices.load("data set", PACKAGE, name)
    return module.gaps(**checked) if hasattr(module, "gaps") else ()


def class_names(name: str, options: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of the classes that the options give the mask, () for one class; StudyError as `check`."""
    checked = check(name, options)
    module = choices.load("data set", PACKAGE, name)
    return module.class_names(**checked) if hasattr(module, "class_names") else ()


def open_source(name: str, path: Path, options: Mapping[str, Any]) -> Source:
    """Open the data set `name` at `path`; StudyError says what is missing or wrong there."""
    checked = check(name, options)
    return choices.load("data set", PACKAGE, name).open_source(path, **checked)
