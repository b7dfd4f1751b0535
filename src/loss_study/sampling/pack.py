"""Packing a sample: a subset of a dataset is drawn and split, and every image of it is made and resized once.

The same configuration and data give the same folder, byte for byte, whatever the number of processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loss_study.config import DatasetConfig, SampleConfig
from loss_study.data.depth_scale import DEPTH_STEPS, HasDepthScale
from loss_study.data.packed import FOLD, FORMAT, INDEX_COLUMNS, SPLITS, split_of
from loss_study.datasets.base import Dataset, Item, NamesGroups, NamesObjects
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import whole_folder, write_csv, write_json
from loss_study.runtime.printable import printable
from loss_study.sampling import sample_notes, worker_pool
from loss_study.sampling.array_writer import ArrayWriter
from loss_study.sampling.depth_teacher import Teacher
from loss_study.sampling.packer import FOREGROUND, Job, Packer, Summary
from loss_study.sampling.splitting import draw_folds, draw_splits

#: Images of one job: a process holds so many in memory before it writes them.
CHUNK = 16


@dataclass(frozen=True)
class Drawn:
    """The images in their order: `split` of each, in fold 0 where there are folds, `part` of each, or () without."""

    items: list[Item]
    split: list[str]
    part: list[int]
    notes: list[str]

    @property
    def part_or_split(self) -> list[str]:
        """Where images must not have a copy: the fold's part of each, or its split."""
        return [f"part {number + 1}" for number in self.part] or self.split


def pack(
    dataset: Dataset,
    folder: Path,
    config: DatasetConfig,
    sample: SampleConfig,
    *,
    notes: Sequence[str] = (),
    workers: int = 1,
    teacher: Teacher | None = None,
) -> None:
    """Draw the subset that `sample` describes and write it to `folder`, in the format of `loss_study.data.packed`.

    An existing `folder` is replaced at the end; a failure leaves it as it was.

    Args:
        notes: sentences for the report, before those of the dataset and of the split.
        workers: processes that make images; with a teacher there is only this one.
        teacher: makes the depth maps instead of the dataset.

    Raises:
        StudyError: too few images for the splits, a file that cannot be read, a head of `config` that the dataset
            lacks, masks that are all empty or all full, or a disk without room.
    """
    drawn = draw(dataset, sample)
    items = drawn.items
    backgrounds = _backgrounds(items) if dataset.has_background_images else []
    row_of = _background_rows(backgrounds, sample)
    with whole_folder(folder) as new:
        writer = ArrayWriter(new, sample.size, tuple(config.heads))
        writer.create(len(items), len(backgrounds))
        packer = Packer(dataset, writer, config.classes, teacher)
        jobs = _jobs(items, backgrounds, teacher.batch_size if teacher else CHUNK)
        summaries = worker_pool.run(packer, jobs, 1 if teacher else workers)
        _check_masks([one.foreground for one in summaries if one.foreground is not None])
        invalid = [head for head in config.heads if _has_invalid_pixels(writer, head, summaries)]
        write_csv(new / "index.csv", _index_rows(drawn, row_of, summaries), _columns(sample))
        own_notes = [
            *notes,
            *dataset.notes,
            *([teacher.note] if teacher else []),
            *drawn.notes,
            *sample_notes.on_wrong_backgrounds(items, row_of, backgrounds),
            *sample_notes.on_identical_images(items, drawn.part_or_split, summaries),
            *sample_notes.on_invalid_pixels(summaries, invalid, sample.size),
            sample_notes.on_size(sample.size),
        ]
        description = {
            "format": FORMAT,
            **_of_dataset(dataset, config, teacher),
            "size": sample.size,
            "images": {split: drawn.split.count(split) for split in SPLITS},
            "backgrounds": len(backgrounds),
            "objects": None if dataset.objects is None else len({item.object for item in items}),
            "invalid_pixels": invalid,
            "notes": [printable(note) for note in own_notes],
            "statistics": _statistics(_training(summaries, drawn.split), config),
            **_folds(summaries, drawn, sample.folds, config),
        }
        write_json(new / "sample.json", description)


def _of_dataset(dataset: Dataset, config: DatasetConfig, teacher: Teacher | None) -> dict[str, Any]:
    """Return what ``sample.json`` says of the dataset alone, whatever is drawn of it."""
    return {
        "dataset": config.name,
        "group": dataset.group if isinstance(dataset, NamesGroups) else "object",
        "objects_by_name": isinstance(dataset, NamesObjects) and dataset.objects_by_name,
        "heads": list(config.heads),
        "classes": config.classes,
        "class_names": config.class_names or _default_names(config.classes),
        "depth": _depth(dataset, teacher),
    }


def draw(dataset: Dataset, sample: SampleConfig) -> Drawn:
    """Draw the subset that `sample` describes; StudyError as `draw_splits` and `draw_folds`."""
    if sample.folds > 1:
        parts, notes = draw_folds(dataset, sample.images, sample.folds, sample.seed)
        part = [number for number, items in enumerate(parts) for _ in items]
        items = [item for of_part in parts for item in of_part]
        return Drawn(items, [split_of(number, 0, sample.folds) for number in part], part, notes)
    at_least = {"validation": sample.validation_images, "test": sample.test_images}
    splits, notes = draw_splits(
        dataset, sample.images, sample.validation, sample.test, sample.seed, sample.split, at_least
    )
    items = [item for split in SPLITS for item in splits[split]]
    return Drawn(items, [split for split in SPLITS for _ in splits[split]], [], notes)


def _training(summaries: Sequence[Summary], split: Sequence[str]) -> list[Summary]:
    return [one for one, of_image in zip(summaries, split, strict=True) if of_image == "train"]


def _folds(summaries: Sequence[Summary], drawn: Drawn, folds: int, config: DatasetConfig) -> dict[str, Any]:
    """Return what ``sample.json`` says of the folds, nothing for a fixed split."""
    if folds == 1:
        return {}
    splits = ([split_of(part, fold, folds) for part in drawn.part] for fold in range(folds))
    return {"folds": folds, "statistics_of_folds": [_statistics(_training(summaries, one), config) for one in splits]}


def _columns(sample: SampleConfig) -> tuple[str, ...]:
    return (*INDEX_COLUMNS, FOLD) if sample.folds > 1 else INDEX_COLUMNS


def _backgrounds(items: Sequence[Item]) -> list[str]:
    return sorted({item.background for item in items if item.background is not None})


def _background_rows(backgrounds: Sequence[str], sample: SampleConfig) -> dict[str, int]:
    """Return the row of the background that each background's images get: its own, or one of a shuffled order."""
    rows = range(len(backgrounds))
    if not sample.wrong_background:
        return dict(zip(backgrounds, rows, strict=True))
    if not backgrounds:
        raise StudyError("sample.wrong_background: the data has no background images; set it to false")
    return dict(zip(backgrounds, np.random.default_rng(sample.seed).permutation(rows).tolist(), strict=True))


def _jobs(items: Sequence[Item], backgrounds: Sequence[str], length: int) -> list[Job]:
    """Return jobs of up to `length` images; those with one background are together, so that it is decoded once."""
    order = sorted(range(len(items)), key=lambda row: items[row].background or "")
    unmade = {name: row for row, name in enumerate(backgrounds)}
    jobs = []
    for start in range(0, len(order), length):
        images = {row: items[row] for row in order[start : start + length]}
        names = sorted({item.background for item in images.values() if item.background in unmade})
        jobs.append(Job(images, {unmade.pop(name): name for name in names}))
    return jobs


def _check_masks(shares: Sequence[float]) -> None:
    """Raise a StudyError if all masks are empty, or all are full: every metric would be perfect and mean nothing."""
    if shares and max(shares) == 0:
        raise StudyError(
            f"masks: all {len(shares)} are empty, no pixel is as bright as {FOREGROUND} of 255; if they hold labels "
            "such as 0 and 1, describe these with dataset=folder, see conf/dataset/folder.yaml"
        )
    if shares and min(shares) == 1:
        raise StudyError(f"masks: all {len(shares)} are full, there is no background; check the mask files")


def _has_invalid_pixels(writer: ArrayWriter, head: str, summaries: Sequence[Summary]) -> bool:
    all_valid = [row for row, one in enumerate(summaries) if head not in one.invalid]
    return writer.finish_valid(head, all_valid, len(summaries))


def _index_rows(drawn: Drawn, row_of: Mapping[str, int], summaries: Sequence[Summary]) -> list[dict[str, Any]]:
    rows = []
    for split, item, one in zip(drawn.split, drawn.items, summaries, strict=True):
        share = "" if one.foreground is None else f"{one.foreground:.6f}"
        background = item.background or ""
        values = (item.id, split, row_of.get(background, -1), background, item.object or "", share)
        rows.append(dict(zip(INDEX_COLUMNS, values, strict=True)))
    for row, part in zip(rows, drawn.part, strict=False):
        row[FOLD] = part
    return rows


def _default_names(classes: int) -> list[str]:
    return ["foreground"] if classes == 1 else [f"class{number}" for number in range(classes)]


def _depth(dataset: Dataset, teacher: Teacher | None) -> dict[str, Any]:
    """Return what depth is measured in: metres, and how they are coded, or nothing where it is relative."""
    if teacher is None and isinstance(dataset, HasDepthScale):
        return {"unit": "m", **asdict(dataset.depth_scale)}
    return {"unit": ""}


def _statistics(summaries: Sequence[Summary], config: DatasetConfig) -> dict[str, Any]:
    """Return `PackedSample.statistics` over `summaries`."""
    statistics: dict[str, Any] = {}
    for head in config.heads:
        pixels = sum(one.pixels[head] for one in summaries)
        if not pixels:
            raise StudyError(
                f"dataset.heads: no pixel of the training split has {head} ground truth; take {head} out of the list"
            )
        if head == "mask" and config.classes > 1:
            counts = zip(*(one.class_pixels for one in summaries if one.class_pixels), strict=True)
            statistics["class_shares"] = [sum(count) / pixels for count in counts]
        else:
            largest = DEPTH_STEPS if head == "depth" else 255
            statistics[f"{head}_mean"] = sum(one.sums[head] for one in summaries) / (largest * pixels)
    return statistics
