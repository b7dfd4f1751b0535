"""The images that an inspection looks at: a spread of the sample that the study would draw, read by the dataset."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from loss_study.config import SampleConfig
from loss_study.datasets.base import Dataset, Example, Item
from loss_study.runtime.errors import StudyError
from loss_study.sampling.pack import draw

#: Training images beside each test image, in the order of their names: frames and copies have neighbouring names.
NEIGHBOURS = 2
TRAIN, TEST = "train", "test"

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Drawn:
    """Items with the split of each, "" where none could be drawn; `refusal` says why, "" if they could.

    `notes` are those of the splits.
    """

    items: Sequence[Item]
    splits: Sequence[str]
    notes: Sequence[str] = ()
    refusal: str = ""


@dataclass(frozen=True)
class Seen:
    """An item that was read, and its background image, uint8 (size, size, 3), if the dataset has these."""

    item: Item
    split: str
    example: Example
    background: np.ndarray | None


def draw_items(dataset: Dataset, sample: SampleConfig) -> Drawn:
    """Draw the sample of the study; items without splits where the dataset has too few for it."""
    try:
        drawn = draw(dataset, sample)
    except StudyError as error:
        items = dataset.draw(dataset.backgrounds, dataset.objects, sample.images, np.random.default_rng(sample.seed))
        return Drawn(items, [""] * len(items), refusal=str(error))
    return Drawn(drawn.items, drawn.split, drawn.notes)


def choose(names: Sequence[str], splits: Sequence[str], count: int) -> list[int]:
    """Return the places of at most `count` of `names`: test images, the neighbours of each in training, and others.

    Each is a spread of all there are. Where there are no splits, the places are a spread of all names.
    """
    order = sorted(range(len(names)), key=lambda place: natural(names[place]))
    test = [place for place in order if splits[place] == TEST]
    if not test:
        return spread(order, count)
    train = [place for place in order if splits[place] == TRAIN]
    keys = [natural(names[place]) for place in train]
    chosen = dict.fromkeys(spread(test, max(1, count // (1 + NEIGHBOURS))))
    for place in list(chosen):
        after = bisect(keys, natural(names[place]))
        chosen |= dict.fromkeys(train[max(0, after - NEIGHBOURS // 2) : after + NEIGHBOURS // 2])
    others = [place for place in order if place not in chosen]
    return [*chosen, *spread(others, count - len(chosen))]


def spread(things: Sequence[Thing], count: int) -> list[Thing]:
    """Return at most `count` of `things`, evenly spaced."""
    if count < 1:
        return []
    places = np.unique(np.linspace(0, len(things) - 1, min(count, len(things))).round().astype(int))
    return [things[place] for place in places]


def natural(name: str) -> list[str | int]:
    """Return a key that sorts frame_2 before frame_10."""
    # Split by digits, text and numbers alternate: text is compared with text, numbers with numbers.
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", name)]


def read(dataset: Dataset, drawn: Drawn, count: int, size: int) -> tuple[list[Seen], list[str]]:
    """Read about `count` of the items, and return them with the errors of those that cannot be read."""
    seen, errors = [], []
    for place in choose([item.id for item in drawn.items], drawn.splits, count):
        item = drawn.items[place]
        try:
            shown = item.background if dataset.has_background_images else None
            background = None if shown is None else dataset.background(shown, size)
            seen.append(Seen(item, drawn.splits[place], dataset.example(item, size), background))
        except StudyError as error:
            errors.append(str(error))
    return seen, errors
