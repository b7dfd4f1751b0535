"""Somebody's datasets with a length and numbered items as a `Dataset` of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from loss_study.data.packed import SPLITS
from loss_study.datasets.base import Example, Item
from loss_study.datasets.indexed import arrays
from loss_study.runtime.errors import StudyError

#: The split of a dataset that comes without splits.
ALL = "all"

Opening = Callable[[], Mapping[str, Any]]


class IndexedDataset:
    """A `Dataset` of items that `opening` makes: a mapping from splits, or from `ALL`, to what has a length and items.

    It is opened again in every process. A dataset may have an attribute ``groups``, the patient, scene or video of
    every item: no group is in two splits then.
    """

    def __init__(
        self, opening: Opening, title: str, heads: Sequence[str], classes: int = 1, only: str | None = None
    ) -> None:
        """Open it.

        Args:
            opening: makes the datasets.
            title: what messages and the report call them.
            heads: the kinds of ground truth that are read.
            classes: of the mask.
            only: the split that this part is of; None: the whole.

        Raises:
            StudyError: what `opening` makes has no length or no items, or not the right splits.
        """
        self._arguments = (opening, title, heads, classes, only)
        self._title, self._heads, self._classes = title, heads, classes
        self._parts = {name: part for name, part in _checked(opening(), title).items() if only in (None, name)}
        self._groups = {name: _groups(part, title) for name, part in self._parts.items()}
        self.backgrounds: Sequence[str] | None = None
        known = list(self._groups.values())
        self.objects: Sequence[str] | None = (
            None if None in known else sorted({group for part in known for group in part or ()})
        )
        self.has_background_images = False
        #: The splits that the data comes with.
        self.own_splits: Sequence[str] | None = (
            None if ALL in self._parts else [name for name in SPLITS if name in self._parts]
        )
        counts = (f"{len(part)}{'' if name == ALL else f' for {name}'}" for name, part in self._parts.items())
        self.notes: Sequence[str] = [f"{title}: {', '.join(counts)} images."]

    def __reduce__(self) -> tuple[type[IndexedDataset], tuple[Any, ...]]:
        return IndexedDataset, self._arguments

    def of_split(self, split: str) -> IndexedDataset:
        """Return the part of one of `own_splits`."""
        opening, title, heads, classes, _ = self._arguments
        return IndexedDataset(opening, title, heads, classes, split)

    def draw(
        self,
        backgrounds: Sequence[str] | None,
        objects: Sequence[str] | None,
        count: int,
        rng: np.random.Generator,
    ) -> list[Item]:
        """Draw at most `count` items at random among those of these groups."""
        wanted = None if objects is None else set(objects)
        items = [
            Item(f"{name}-{number}", None, group)
            for name, part in self._parts.items()
            for number, group in enumerate(self._groups[name] or [None] * len(part))
            if wanted is None or group in wanted
        ]
        return [items[place] for place in sorted(rng.permutation(len(items))[:count])]

    def background(self, name: str, size: int) -> np.ndarray:
        """There are none."""
        raise NotImplementedError(name)

    def example(self, item: Item, size: int) -> Example:
        """Return the item's arrays.

        Raises:
            StudyError: it cannot be read; the message names the dataset and the item.
        """
        name, _, number = item.id.rpartition("-")
        try:
            return arrays.example(self._parts[name][int(number)], self._heads, self._classes, size)
        except StudyError:
            raise
        except Exception as error:
            # Whatever somebody's dataset raises.
            words = " ".join(f"{type(error).__name__}: {error}".split())
            raise StudyError(f"{self._title}: item {number} of {name}: {words}") from None


def _checked(parts: Mapping[str, Any], title: str) -> Mapping[str, Any]:
    if set(parts) - {ALL, *SPLITS} or (ALL not in parts and not {"train", "test"} <= set(parts)):
        raise StudyError(f"{title}: has the parts {', '.join(parts)}; give train, validation and test")
    for name, part in parts.items():
        if not (hasattr(part, "__len__") and hasattr(part, "__getitem__")):
            raise StudyError(f"{title}: {name} is a {type(part).__name__}, without a length or without items")
    return parts


def _groups(part: Any, title: str) -> list[str] | None:
    """Return the group of every item; None where the dataset names none."""
    groups = getattr(part, "groups", None)
    if groups is not None and len(groups) != len(part):
        raise StudyError(f"{title}: {len(groups)} groups for {len(part)} items; give each item one")
    return None if groups is None else [str(group) for group in groups]
