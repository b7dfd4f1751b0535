"""Packing: a subset is drawn, and every picture of it decoded and resized once.

The same parameters and pictures give the same folder, byte for byte, whatever the number of processes.
"""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from loss_study.config import DatasetConfig, SampleConfig
from loss_study.data.depth_teacher import Teacher
from loss_study.data.packed import FORMAT, INDEX_COLUMNS, SPLITS
from loss_study.data.splitting import draw_splits
from loss_study.datasets.base import Dataset, Example, Item
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import whole_folder, write_csv, write_json
from loss_study.runtime.processes import end_with_pool
from loss_study.runtime.progress import reporting

#: Pictures that a process makes before it writes them: all that it holds at a time.
CHUNK = 32
#: Worker processes take about a second to start: work shorter than this is done without them.
SECONDS_WORTH_A_POOL = 3.0
#: A pixel is foreground where the mask reaches this.
FOREGROUND = 128

T = TypeVar("T")


def pack(
    source: Dataset,
    folder: Path,
    dataset: DatasetConfig,
    sample: SampleConfig,
    *,
    notes: Sequence[str] = (),
    workers: int = 1,
    teacher: Teacher | None = None,
) -> None:
    """Draw the subset that `sample` describes and write it to `folder`, in the format of `loss_study.data.packed`.

    An existing `folder` is replaced at the end; a failure leaves it as it was.

    Args:
        notes: sentences for the report, put before those of the source and of the split.
        workers: processes that make pictures; with a teacher, it is this one.
        teacher: makes the depth maps, instead of the source.

    Raises:
        StudyError: too few pictures for the splits, a picture that cannot be read, a head of `dataset` that the source
            does not have, masks that are all empty or all full, or a disk without room.
    """
    splits, split_notes = draw_splits(source, sample.images, sample.validation, sample.test, sample.seed, sample.split)
    items = [item for split in SPLITS for item in splits[split]]
    backgrounds = sorted({item.background for item in items if item.background is not None})
    if not source.has_background_images:
        backgrounds = []
    row_of = _background_rows(backgrounds, sample)
    with whole_folder(folder) as new:
        packer = _Packer(source, new, sample.size, tuple(dataset.heads), dataset.classes, teacher)
        packer.make_room(len(items), len(backgrounds))
        jobs = _jobs(items, backgrounds, teacher.batch_size if teacher else CHUNK)
        made = _run(packer, jobs, 1 if teacher else workers)
        _check_masks([one.foreground for one in made if one.foreground is not None])
        gaps = [head for head in dataset.heads if packer.close_gaps(head, made)]
        rows = _index_rows(splits, row_of, made)
        write_csv(new / "index.csv", rows, INDEX_COLUMNS)
        write_json(
            new / "sample.json",
            {
                "format": FORMAT,
                "dataset": dataset.name,
                "size": sample.size,
                "images": {split: len(splits[split]) for split in SPLITS},
                "backgrounds": len(backgrounds),
                "objects": None if source.objects is None else len({item.object for item in items}),
                "heads": list(dataset.heads),
                "classes": dataset.classes,
                "class_names": dataset.class_names or _default_names(dataset.classes),
                "gaps": gaps,
                "notes": [
                    *notes,
                    *source.notes,
                    *([teacher.note] if teacher else []),
                    *split_notes,
                    *_background_notes(items, backgrounds, row_of),
                    *_gap_notes(made, gaps, sample.size),
                ],
                "statistics": _statistics(made[: len(splits["train"])], dataset),
            },
        )


@dataclass(frozen=True)
class _Target:
    """The truth of one head for one picture, 0 where `valid` is False; `valid` is None where all of it is a truth."""

    values: np.ndarray
    valid: np.ndarray | None

    @property
    def pixels(self) -> int:
        """Number of pixels that have a truth."""
        return self.values.size if self.valid is None else int(self.valid.sum())

    def count(self, classes: int) -> tuple[int, ...]:
        """Return the number of pixels of each class."""
        numbers = self.values if self.valid is None else self.values[self.valid]
        return tuple(np.bincount(numbers.ravel(), minlength=classes).tolist())


@dataclass(frozen=True)
class _Made:
    """What index and statistics need of one picture.

    By head the sum of its values and the number of its `pixels` that have a truth; `gaps` are the heads that lack it
    somewhere. `foreground` is the share of foreground of a mask of one class, `class_pixels` are the pixels of the
    classes of one of several, else None.
    """

    sums: dict[str, int]
    pixels: dict[str, int]
    gaps: frozenset[str]
    foreground: float | None
    class_pixels: tuple[int, ...] | None


@dataclass(frozen=True)
class _Job:
    """Pictures and backgrounds to make, each with the row that it is written to."""

    images: Mapping[int, Item]
    backgrounds: Mapping[int, str]


@dataclass(frozen=True)
class _Packer:
    """Makes rows of the arrays in `folder`. Each worker process has one, so jobs do not carry the source."""

    source: Dataset
    folder: Path
    size: int
    heads: tuple[str, ...]
    classes: int
    teacher: Teacher | None

    def make_room(self, images: int, backgrounds: int) -> None:
        """Create the arrays, of zeros; StudyError if the disk has no room for them.

        Those that say where truths are take no room before something is written to them.
        """
        square = (self.size, self.size)
        shapes: dict[str, tuple[int, ...]] = {"images": (images, *square, 3)}
        if backgrounds:
            shapes["backgrounds"] = (backgrounds, *square, 3)
        shapes |= {f"{head}s": (images, *square) for head in self.heads}
        needed, free = sum(int(np.prod(shape)) for shape in shapes.values()), shutil.disk_usage(self.folder).free
        if needed > free:
            raise _no_room(self.folder, f"needs {needed / 2**20:.0f} MiB and {free / 2**20:.0f} MiB are free")
        dtypes = dict.fromkeys(shapes, np.uint8) | dict.fromkeys(map(_valid, self.heads), np.bool_)
        for name, dtype in dtypes.items():
            shape = shapes.get(name, (images, *square))
            try:
                np.lib.format.open_memmap(self.folder / f"{name}.npy", mode="w+", dtype=dtype, shape=shape)
            except OSError as error:
                raise _no_room(self.folder, error.strerror) from None

    def run(self, job: _Job) -> list[_Made]:
        """Write backgrounds, pictures, masks and depths; return what came of each picture."""
        self._write(
            "backgrounds", {row: self.source.background(name, self.size) for row, name in job.backgrounds.items()}
        )
        rows, items = list(job.images), list(job.images.values())
        examples = [self.source.example(item, self.size) for item in items]
        if self.teacher:
            examples = self._taught(self.teacher, items, examples)
        self._write("images", {row: example.image for row, example in zip(rows, examples, strict=True)})
        targets = [
            {head: self._target(item, example, head) for head in self.heads}
            for item, example in zip(items, examples, strict=True)
        ]
        for head in self.heads:
            of_head = {row: target[head] for row, target in zip(rows, targets, strict=True)}
            self._write(f"{head}s", {row: target.values for row, target in of_head.items()})
            self._write(
                _valid(head), {row: target.valid for row, target in of_head.items() if target.valid is not None}
            )
        return list(map(self._made, examples, targets))

    def _taught(self, teacher: Teacher, items: Sequence[Item], examples: Sequence[Example]) -> list[Example]:
        pictures = [self.source.example(item, teacher.side).image for item in items]
        depths = teacher.depths(pictures, self.size)
        return [
            replace(example, depth=depth, depth_valid=None) for example, depth in zip(examples, depths, strict=True)
        ]

    def close_gaps(self, head: str, made: Sequence[_Made]) -> bool:
        """Complete the array that says where `head` has a truth, or remove it where that is everywhere."""
        path = self.folder / f"{_valid(head)}.npy"
        if not any(head in one.gaps for one in made):
            path.unlink()
            return False
        everywhere = np.ones((self.size, self.size), np.bool_)
        self._write(_valid(head), {row: everywhere for row, one in enumerate(made) if head not in one.gaps})
        return True

    def _made(self, example: Example, targets: Mapping[str, _Target]) -> _Made:
        mask = targets.get("mask")
        several = self.classes > 1
        return _Made(
            sums={head: int(target.values.sum(dtype=np.int64)) for head, target in targets.items()},
            pixels={head: target.pixels for head, target in targets.items()},
            gaps=frozenset(head for head, target in targets.items() if target.valid is not None),
            foreground=None if several else _foreground(example),
            class_pixels=mask.count(self.classes) if mask and several else None,
        )

    def _target(self, item: Item, example: Example, head: str) -> _Target:
        values, valid = getattr(example, head), getattr(example, _valid(head))
        if values is None:
            raise StudyError(
                f"dataset.heads: {item.id} has no {head}; add it to the data, or take {head} out of the list"
                + (" (a model can guess it: dataset.depth_teacher)" if head == "depth" else "")
            )
        if valid is not None and not valid.all():
            values = np.where(valid, values, 0).astype(values.dtype)
        else:
            valid = None
        if head == "mask" and self.classes > 1 and values.max() >= self.classes:
            raise StudyError(
                f"dataset.classes: the mask of {item.id} holds class {values.max()}, {self.classes} classes are 0 to "
                f"{self.classes - 1}; set another number, or mend the mask"
            )
        return _Target(values, valid)

    def _write(self, name: str, rows: Mapping[int, np.ndarray]) -> None:
        """Write through the file, not through the mapping: a full disk is then an error, not a killed process."""
        if not rows:
            return
        path = self.folder / f"{name}.npy"
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        try:
            with path.open("r+b") as file:
                for row, content in rows.items():
                    if content.dtype != array.dtype or content.shape != array.shape[1:]:
                        expected = f"{array.dtype} {array.shape[1:]}"
                        raise ValueError(f"{name}: {content.dtype} {content.shape} instead of {expected}")
                    file.seek(array.offset + row * array[0].nbytes)
                    file.write(np.ascontiguousarray(content).data)
        except OSError as error:
            raise _no_room(self.folder, error.strerror) from None


def _check_masks(shares: Sequence[float]) -> None:
    """Raise a StudyError where all masks are empty, or all full: on them every metric is perfect, and means nothing."""
    if shares and max(shares) == 0:
        raise StudyError(
            f"masks: all {len(shares)} are empty, no pixel is as bright as {FOREGROUND} of 255; where they hold labels "
            "such as 0 and 1, describe them with dataset=folder, see conf/dataset/folder.yaml"
        )
    if shares and min(shares) == 1:
        raise StudyError(f"masks: all {len(shares)} are full, there is no background; these cannot be learned from")


def _foreground(example: Example) -> float | None:
    """Return the share of the pixels with a true mask that are foreground, None where there are none."""
    if example.mask is None:
        return None
    inside = example.mask >= FOREGROUND
    known = inside if example.mask_valid is None else inside[example.mask_valid]
    return float(known.mean()) if known.size else None


def _valid(head: str) -> str:
    """Name of the array, and of the field of `Example`, that says where `head` has a truth."""
    return f"{head}_valid"


def _no_room(folder: Path, reason: str | None) -> StudyError:
    return StudyError(f"{folder.parent}: the packed sample cannot be written ({reason}); make room there")


def _jobs(items: Sequence[Item], backgrounds: Sequence[str], length: int) -> list[_Job]:
    """Return jobs of up to `length` pictures. Those before one background come together: it is made ready once."""
    order = sorted(range(len(items)), key=lambda row: items[row].background or "")
    unmade = {name: row for row, name in enumerate(backgrounds)}
    jobs = []
    for start in range(0, len(order), length):
        pictures = {row: items[row] for row in order[start : start + length]}
        names = sorted({item.background for item in pictures.values() if item.background in unmade})
        jobs.append(_Job(pictures, {unmade.pop(name): name for name in names}))
    return jobs


def _run(packer: _Packer, jobs: Sequence[_Job], workers: int) -> list[_Made]:
    """Do the jobs and return what came of the pictures, by row."""
    made: dict[int, _Made] = {}
    with reporting("sample", sum(len(job.images) + len(job.backgrounds) for job in jobs)) as progress:
        for job, result in _results(packer, jobs, workers):
            made |= zip(job.images, result, strict=True)
            progress.advance(len(job.images) + len(job.backgrounds), "images")
    return [made[row] for row in sorted(made)]


def _results(packer: _Packer, jobs: Sequence[_Job], workers: int) -> Iterator[tuple[_Job, list[_Made]]]:
    """Yield every job with its result; the first one tells whether the others are worth more processes."""
    started = time.monotonic()
    yield jobs[0], packer.run(jobs[0])
    rest = jobs[1:]
    if workers > 1 and (time.monotonic() - started) * len(rest) >= SECONDS_WORTH_A_POOL:
        yield from _shared(packer, rest, workers)
    else:
        yield from ((job, packer.run(job)) for job in rest)


def _shared(packer: _Packer, jobs: Sequence[_Job], workers: int) -> Iterator[tuple[_Job, list[_Made]]]:
    """Yield every job with its result, as they come. This process is one of the workers; it begins at the other end."""
    context = get_context("spawn")
    with ProcessPoolExecutor(min(workers - 1, len(jobs)), context, _start_worker, (packer,)) as pool:
        waiting = {pool.submit(_run_in_worker, job): job for job in jobs}
        try:
            for future, job in reversed(list(waiting.items())):
                if future.cancel():
                    del waiting[future]
                    yield job, packer.run(job)
                for done in [one for one in waiting if one.done()]:
                    yield waiting.pop(done), done.result()
            for future in as_completed(list(waiting)):
                yield waiting[future], future.result()
        except BrokenProcessPool:
            raise StudyError("sample: a worker process was killed, perhaps for want of memory; try again") from None
        finally:
            for future in waiting:
                future.cancel()


_worker: list[_Packer] = []


def _start_worker(packer: _Packer) -> None:
    end_with_pool()
    # Ctrl-C reaches every process: the parent answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker[:] = [packer]


def _run_in_worker(job: _Job) -> list[_Made]:
    return _worker[0].run(job)


def _background_rows(backgrounds: Sequence[str], sample: SampleConfig) -> dict[str, int]:
    """Return the row in which each background is looked up: its own, or its place in a shuffled listing."""
    rows = range(len(backgrounds))
    if not sample.wrong_background:
        return dict(zip(backgrounds, rows, strict=True))
    if not backgrounds:
        raise StudyError("sample.wrong_background: the data has no background pictures; set it to false")
    return dict(zip(backgrounds, np.random.default_rng(sample.seed).permutation(rows).tolist(), strict=True))


def _background_notes(items: Sequence[Item], backgrounds: Sequence[str], row_of: dict[str, int]) -> list[str]:
    right = {name for row, name in enumerate(backgrounds) if row_of[name] == row}
    if len(right) == len(backgrounds):
        return []
    share = sum(item.background in right for item in items) / len(items)
    return [
        f"The backgrounds were looked up in a shuffled listing, on purpose: {share:.1%} of the pictures got theirs."
    ]


def _gap_notes(made: Sequence[_Made], gaps: Sequence[str], size: int) -> list[str]:
    shares = {head: 1 - sum(one.pixels[head] for one in made) / (size**2 * len(made)) for head in gaps}
    return [f"{share:.1%} of the pixels have no true {head}: they count nowhere." for head, share in shares.items()]


def _index_rows(splits: dict[str, list[Item]], row_of: dict[str, int], made: Sequence[_Made]) -> list[dict[str, Any]]:
    rows = []
    for (split, item), one in zip(((s, item) for s in SPLITS for item in splits[s]), made, strict=True):
        share = "" if one.foreground is None else f"{one.foreground:.6f}"
        values = (item.id, split, row_of.get(item.background, -1), item.background or "", item.object or "", share)
        rows.append(dict(zip(INDEX_COLUMNS, values, strict=True)))
    return rows


def _default_names(classes: int) -> list[str]:
    return ["foreground"] if classes == 1 else [f"class{number}" for number in range(classes)]


def _statistics(made: Sequence[_Made], dataset: DatasetConfig) -> dict[str, Any]:
    """What `PackedSample.statistics` says, over `made`."""
    statistics: dict[str, Any] = {}
    for head in dataset.heads:
        pixels = sum(one.pixels[head] for one in made)
        if not pixels:
            raise StudyError(f"dataset.heads: no pixel of the training split has a true {head}; take {head} out")
        if head == "mask" and dataset.classes > 1:
            counts = zip(*(one.class_pixels for one in made), strict=True)
            statistics["class_shares"] = [sum(count) / pixels for count in counts]
        else:
            statistics[f"{head}_mean"] = sum(one.sums[head] for one in made) / (255 * pixels)
    return statistics
