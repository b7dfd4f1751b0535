"""Predictions of many images: read ahead, computed in batches and written, each in threads of its own."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from loss_study.inference import overlay
from loss_study.inference.batch_size import BatchSize
from loss_study.inference.contract import Contract, Mask
from loss_study.inference.inputs import Loaded, Task, load
from loss_study.inference.outputs import Format, Prediction, write
from loss_study.inference.runtimes import Runtime
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import write_csv
from loss_study.runtime.printable import cell

#: Columns of ``predictions.csv``: one row for each image and class of the mask, and one for its depth. `share` is that
#: of the image's pixels, `depth_median` is in `unit`, `seconds` is the image's share of the time that its batch took.
COLUMNS = ("file", "head", "class", "share", "depth_median", "unit", "seconds", "output")
TABLE = "predictions.csv"
#: Threads that read and write: Pillow and NumPy let others run meanwhile.
WORKERS = 4

Row = dict[str, object]


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
    size = BatchSize(needed.channels * needed.size**2, batch_size)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(WORKERS) as pool:
        writing: deque[Future[list[Row]]] = deque()
        for batch in _batches(_read_ahead(pool, tasks, contract, size), size, summary, on_image):
            started = time.perf_counter()
            found = runtime(np.stack([one.array for one in batch]))
            seconds = time.perf_counter() - started
            size.took(len(batch), seconds)
            for number, one in enumerate(batch):
                values = {head: prediction[number] for head, prediction in found.items()}
                writing.append(pool.submit(_write, one, values, contract, wanted, seconds / len(batch)))
            # No more results wait in memory than two batches have.
            while len(writing) > 2 * size.size:
                rows += writing.popleft().result()
            for _ in batch:
                on_image("")
            summary.predicted += len(batch)
        rows += [row for future in writing for row in future.result()]
    summary.batch_size = size.size
    if wanted.table:
        write_csv(wanted.folder / TABLE, rows, COLUMNS)
    return summary


def _read_ahead(
    pool: ThreadPoolExecutor, tasks: Sequence[Task], contract: Contract, size: BatchSize
) -> Iterator[Loaded | str]:
    """Yield each image, or why it is skipped, in order; those of the next two batches are read meanwhile."""
    reading: deque[Future[Loaded | str]] = deque()
    for task in tasks:
        reading.append(pool.submit(_read, task, contract))
        if len(reading) > 2 * size.size:
            yield reading.popleft().result()
    for future in reading:
        yield future.result()


def _read(task: Task, contract: Contract) -> Loaded | str:
    try:
        return load(task, contract.input)
    except StudyError as error:
        return str(error)


def _batches(
    images: Iterable[Loaded | str], size: BatchSize, summary: Summary, on_image: Callable[[str], None]
) -> Iterator[list[Loaded]]:
    batch: list[Loaded] = []
    for image in images:
        if isinstance(image, str):
            summary.skipped.append(image)
            on_image(image)
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
    if wanted.overlays:
        path = wanted.folder / task.name.with_name(f"{task.name.name}.overlay.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        overlay.sheet(task.image, predictions).save(path, quality=90)
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
