"""Consecutive frames of a video: clips of them are the groups that are never in two splits."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from loss_study.datasets.layouts.background_check import distance, small
from loss_study.datasets.layouts.listing import Files
from loss_study.datasets.layouts.pattern import NUMBER
from loss_study.runtime.errors import StudyError

CLIP = "clip"
_LAST_NUMBER = re.compile(r"(?s)(.*?)(\d+)(\D*)")
#: Names look like those of frames if this share of the numbers follow each other. So many pairs of images are compared
#: then: neighbours are frames if they differ by less than this share of what distant ones do.
CONSECUTIVE, COMPARED, ALIKE = 0.8, 8, 0.5
#: Suggested clips, and the fewest images for a suggestion.
CLIPS, FEWEST = 20, 40


def clips(images: Files, words: Sequence[dict[str, str]], frames: int) -> list[str]:
    """Return the clip of each image: about `frames` consecutive ones of a sequence, whose paths differ in a number.

    Raises:
        StudyError: an image without a number.
    """
    clip_of = [""] * len(images)
    for members in _sequences(images, words):
        order = sorted(members, key=members.__getitem__)
        for part in np.array_split(order, max(1, round(len(order) / frames))):
            first, last = (images.relative(int(number)) for number in (part[0], part[-1]))
            for number in part:
                clip_of[number] = f"{first} to {last}"
    return clip_of


def suggestion(images: Files) -> int | None:
    """Return how many frames a clip should have if the images look like consecutive frames, otherwise None.

    They do if their numbers follow each other and neighbours show nearly the same.
    """
    try:
        sequences = _sequences(images, [{}] * len(images))
    except StudyError:
        return None
    ordered = [sorted((value, number) for number, value in members.items()) for members in sequences]
    pairs = [
        (one, other)
        for members in ordered
        for (value, one), (following, other) in pairwise(members)
        if following - value == 1
    ]
    if len(images) < FEWEST or len(pairs) < CONSECUTIVE * len(images):
        return None
    some = [pairs[place] for place in np.linspace(0, len(pairs) - 1, COMPARED).astype(int)]
    views = [(small(images, one), small(images, other)) for one, other in some]
    near = np.median([distance(one, other) for one, other in views])
    apart = np.median([distance(one, views[place - COMPARED // 2][0]) for place, (one, _) in enumerate(views)])
    return max(2, len(images) // CLIPS) if near < ALIKE * apart else None


def _sequences(images: Files, words: Sequence[dict[str, str]]) -> list[dict[int, int]]:
    """Return the sequences, each the value of the frame number by the number of the image."""
    found: dict[tuple[str, ...], dict[int, int]] = defaultdict(dict)
    for number, of_image in enumerate(words):
        if NUMBER in of_image:
            key = tuple(text for word, text in sorted(of_image.items()) if word != NUMBER)
            found[key][number] = int(of_image[NUMBER])
            continue
        path = images.relative(number)
        match = _LAST_NUMBER.fullmatch(path.rpartition(".")[0])
        if match is None or "/" in match[3]:
            raise StudyError(f"{images.path(number)}: dataset.options.files.frames needs a number in each name; add it")
        found[match[1], match[3]][number] = int(match[2])
    return list(found.values())
