"""Making rows of a packed sample: an item's arrays, checked and written; a summary of each for the statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from loss_study.data.depth_scale import widened
from loss_study.datasets.base import Dataset, Example, Item
from loss_study.runtime.errors import StudyError
from loss_study.sampling.array_writer import ArrayWriter, valid_name
from loss_study.sampling.depth_teacher import Teacher

#: A pixel is foreground from this value of the mask on.
FOREGROUND = 128


@dataclass(frozen=True)
class Job:
    """Images and backgrounds to make, each with the row that it is written to."""

    images: Mapping[int, Item]
    backgrounds: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.images) + len(self.backgrounds)


@dataclass(frozen=True)
class Summary:
    """What index and statistics need of one image.

    By head: the sum of its values over the valid pixels, and the number of these. `invalid` are the heads with invalid
    pixels. A mask of one class has a `foreground` share (None if no pixel is valid), one of several classes has
    `class_pixels`, the number of pixels of each. `digest` is the same for images of the same pixels.
    """

    sums: dict[str, int]
    pixels: dict[str, int]
    invalid: frozenset[str]
    foreground: float | None
    class_pixels: tuple[int, ...] | None
    digest: bytes


@dataclass(frozen=True)
class _Target:
    """The ground truth of one head, 0 where `valid` is False; `valid` is None if all pixels are valid."""

    values: np.ndarray
    valid: np.ndarray | None

    @property
    def pixels(self) -> int:
        """Number of valid pixels."""
        return self.values.size if self.valid is None else int(self.valid.sum())

    def count(self, classes: int) -> tuple[int, ...]:
        """Return the number of pixels of each class."""
        numbers = self.values if self.valid is None else self.values[self.valid]
        return tuple(np.bincount(numbers.ravel(), minlength=classes).tolist())


@dataclass(frozen=True)
class Packer:
    """Makes rows of the arrays. Each worker process has a copy, so that jobs need not carry the dataset."""

    dataset: Dataset
    writer: ArrayWriter
    classes: int
    teacher: Teacher | None

    def run(self, job: Job) -> list[Summary]:
        """Make and write the images, targets and backgrounds of `job`; return a summary of each image.

        Raises:
            StudyError: an image that cannot be read, a head that the data lacks, a class that does not exist, or a
                full disk.
        """
        write, size = self.writer.write, self.writer.size
        write("backgrounds", {row: self.dataset.background(name, size) for row, name in job.backgrounds.items()})
        rows, items = list(job.images), list(job.images.values())
        examples = [self.dataset.example(item, size) for item in items]
        if self.teacher:
            examples = self._with_depth_of(self.teacher, items, examples)
        write("images", {row: example.image for row, example in zip(rows, examples, strict=True)})
        targets = [
            {head: self._target(item, example, head) for head in self.writer.heads}
            for item, example in zip(items, examples, strict=True)
        ]
        for head in self.writer.heads:
            of_head = {row: target[head] for row, target in zip(rows, targets, strict=True)}
            write(f"{head}s", {row: target.values for row, target in of_head.items()})
            write(valid_name(head), {row: target.valid for row, target in of_head.items() if target.valid is not None})
        return list(map(self._summary, examples, targets))

    def _with_depth_of(self, teacher: Teacher, items: Sequence[Item], examples: Sequence[Example]) -> list[Example]:
        images = [self.dataset.example(item, teacher.side).image for item in items]
        depths = teacher.depths(images, self.writer.size)
        return [
            replace(example, depth=depth, depth_valid=None) for example, depth in zip(examples, depths, strict=True)
        ]

    def _target(self, item: Item, example: Example, head: str) -> _Target:
        values, valid = getattr(example, head), getattr(example, valid_name(head))
        if values is None:
            raise StudyError(
                f"dataset.heads: {item.id} has no {head}; add it to the data, or take {head} out of the list"
                + (" (a model can predict it: dataset.depth_teacher)" if head == "depth" else "")
            )
        values = widened(values) if head == "depth" else values
        if valid is not None and not valid.all():
            values = np.where(valid, values, 0).astype(values.dtype)
        else:
            valid = None
        if head == "mask" and self.classes > 1 and values.max() >= self.classes:
            raise StudyError(
                f"dataset.classes: the mask of {item.id} holds class {values.max()}, but {self.classes} classes are 0 "
                f"to {self.classes - 1}; correct the number, or the mask"
            )
        return _Target(values, valid)

    def _summary(self, example: Example, targets: Mapping[str, _Target]) -> Summary:
        mask = targets.get("mask")
        several = self.classes > 1
        return Summary(
            sums={head: int(target.values.sum(dtype=np.int64)) for head, target in targets.items()},
            pixels={head: target.pixels for head, target in targets.items()},
            invalid=frozenset(head for head, target in targets.items() if target.valid is not None),
            foreground=None if several else _foreground(example),
            class_pixels=mask.count(self.classes) if mask and several else None,
            digest=blake2b(example.image.tobytes(), digest_size=16).digest(),
        )


def _foreground(example: Example) -> float | None:
    """Return the share of the valid pixels that are foreground, None if there are none."""
    if example.mask is None:
        return None
    inside = example.mask >= FOREGROUND
    valid = inside if example.mask_valid is None else inside[example.mask_valid]
    return float(valid.mean()) if valid.size else None
