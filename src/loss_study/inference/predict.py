"""Predictions of many images: read ahead, computed in batches and written, each in threads of its own."""

from __future__ import annotations

import io
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from loss_study.inference import overlay
from loss_study.inference.batch_size import BatchSize
from loss_study.inference.contract import Contract, Mask
from loss_study.inference.inputs import Loaded, Task, load
from loss_study.inference.outputs import Format, Prediction, write
from loss_study.inference.runtimes import Runtime
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import write_bytes, write_csv
from loss_study.runtime.printable import cell, printable

#: Columns of ``predictions.csv``: one row for each image and class of the mask, and one for its depth. `share` is that
#: of the image's pixels, `depth_median` is in `unit`, `seconds` is the image's share of the time that its batch took.
COLUMNS = ("file", "head", "class", "share", "depth_median", "unit", "seconds", "output")
TABLE = "predictions.csv"
#: Threads that read and write: Pillow and NumPy let others run meanwhile.
WORKERS = 4

Row = dict[str, object]
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Wanted:
    """What is written into `folder`: each head's prediction as `format`, sheets for people, a table."""

    folder: Path
    format: Format = "png16"
    overlays: bool = True
    table: bool = False


@dataclass
class Summary:
    """What was done: images that were `predicted`, reasons for those that were `skipped`, the last batch's size."""

    predicted: int = 0
    skipped: list[str] = field(default_factory=list)
    batch_size: int = 0


def predict(
    runtime: Runtime,
    contract: Contract,
    tasks: Sequence[Task],
    wanted: Wanted,
    *,
    batch_size: int = 0,
    on_image: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Predict on every image that can be read, and write the results.

    Args:
        batch_size: images at once; 0: chosen while predicting, see `BatchSize`.
        on_image: called after every image: with "", or with the reason why it was skipped.

    Raises:
        OSError: a result cannot be written.
    """
    needed, summary, rows = contract.input, Summary(), []
    size = BatchSize(needed.channels * needed.size**2 * runtime.at_once, batch_size)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with _threads(WORKERS) as workers, _threads(runtime.at_once) as computing:
        writing: deque[Future[list[Row]]] = deque()
        images = _ahead(workers, partial(_read, contract=contract), tasks, partial(_waiting, size))
        batches = _batches((image for _, image in images), size, summary, on_image)
        for batch, computed in _ahead(computing, partial(_compute, runtime), batches, lambda: runtime.at_once):
            size.took(len(batch), computed.seconds)
            for number, one in enumerate(batch):
                values = {head: prediction[number] for head, prediction in computed.found.items()}
                writing.append(workers.submit(_write, one, values, contract, wanted, computed.seconds / len(batch)))
            while len(writing) > _waiting(size):
                rows += writing.popleft().result()
            for _ in batch:
                on_image("")
            summary.predicted += len(batch)
        rows += [row for future in writing for row in future.result()]
    summary.batch_size = size.size
    if wanted.table:
        write_csv(wanted.folder / TABLE, rows, COLUMNS)
    return summary


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Yield `count` threads. After Ctrl-C or an error, they do nothing that has not begun."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _waiting(size: BatchSize) -> int:
    """How many images wait in memory at most to be computed, and how many to be written: as the model sees them."""
    return max(2 * size.size, 2 * WORKERS)


def _ahead(
    pool: ThreadPoolExecutor, function: Callable[[T], U], items: Iterable[T], most: Callable[[], int]
) -> Iterator[tuple[T, U]]:
    """Yield each item with what `function` returns for it, in order; `pool` does `most` more meanwhile."""
    begun: deque[tuple[T, Future[U]]] = deque()
    for item in items:
        begun.append((item, pool.submit(function, item)))
        if len(begun) > most():
            first, future = begun.popleft()
            yield first, future.result()
    for item, future in begun:
        yield item, future.result()


def _read(task: Task, contract: Contract) -> Loaded | str:
    try:
        return load(task, contract.input)
    except StudyError as error:
        return str(error)


@dataclass(frozen=True)
class _Computed:
    """What a runtime `found` of a batch, and how long that took."""

    found: dict[str, np.ndarray]
    seconds: float


def _compute(runtime: Runtime, batch: Sequence[Loaded]) -> _Computed:
    inputs = np.stack([one.array for one in batch])
    started = time.perf_counter()
    found = runtime(inputs)
    return _Computed(found, time.perf_counter() - started)


def _batches(
    images: Iterable[Loaded | str], size: BatchSize, summary: Summary, on_image: Callable[[str], None]
) -> Iterator[list[Loaded]]:
    batch: list[Loaded] = []
    for image in images:
        if isinstance(image, str):
            reason = printable(image)
            summary.skipped.append(reason)
            on_image(reason)
            continue
        batch.append(image)
        if len(batch) >= size.size:
            yield batch
            batch = []
    if batch:
        yield batch


def _write(
    image: Loaded, values: dict[str, np.ndarray], contract: Contract, wanted: Wanted, seconds: float
) -> list[Row]:
    task = image.task
    predictions = {
        head: Prediction.of(output, values[head], image.width, image.height)
        for head, output in contract.outputs.items()
    }
    (wanted.folder / task.name).parent.mkdir(parents=True, exist_ok=True)
    if wanted.overlays:
        content = io.BytesIO()
        overlay.sheet(task.image, predictions).save(content, "jpeg", quality=90)
        write_bytes(wanted.folder / task.name.with_name(f"{task.name.name}.overlay.jpg"), content.getbuffer())
    rows: list[Row] = []
    for head, prediction in predictions.items():
        path = write(prediction, wanted.folder, task.name, head, wanted.format)
        files = {"file": cell(str(task.image)), "output": cell(str(path))}
        known = {**files, "head": head, "seconds": f"{seconds:.6f}"}
        if wanted.table:
            rows += [known | row for row in _described(prediction)]
    return rows


def _described(prediction: Prediction) -> list[Row]:
    if isinstance(prediction.output, Mask):
        return [{"class": cell(name), "share": f"{share:.6g}"} for name, share in prediction.shares().items()]
    return [{"depth_median": f"{np.median(prediction.depth):.6g}", "unit": prediction.output.unit}]
