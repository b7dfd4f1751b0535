"""Packing and an epoch at growing numbers of images: ``python benchmarks/scale.py [--images 1000 10000 100000]``.

Scenes at 32 px and a ResUNet of width 4, small so that a hundred thousand images take minutes: what is asked is
whether time grows linearly and memory stays flat. Memory is what the processes hold themselves (RssAnon): pages of the
mapped sample belong to the system, which takes them back when it wants. Where time is linear, a thousand images at
112 and 224 px, with width 8, say what 400,000 would take.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from measuring import save

MIB = 2**20


@dataclass(frozen=True)
class Run:
    """What one number of images took; memory in MiB, the most at any time, and the sample on disk."""

    images: int
    size: int
    pack_seconds: float
    pack_mib: float
    epoch_seconds: float
    epoch_mib: float
    disk_mib: float


def measure(images: int, size: int, width: int, folder: Path) -> Run:
    """Pack `images` scenes below `folder` and train one epoch on them."""
    from loss_study import datasets  # noqa: PLC0415
    from loss_study.config import load_config  # noqa: PLC0415
    from loss_study.data.packed import PackedSample  # noqa: PLC0415
    from loss_study.runtime.processes import cores  # noqa: PLC0415
    from loss_study.sampling.pack import pack  # noqa: PLC0415
    from our_way import epoch_seconds  # noqa: PLC0415 -- the parent process must not pay for torch

    study = load_config()
    chosen = study.sample.model_copy(update={"images": images, "size": size})
    source = datasets.open_dataset("scenes", Path(), {"backgrounds": 400, "objects": 400})
    pack_seconds, pack_mib = _watched(lambda: pack(source, folder / "sample", study.dataset, chosen, workers=cores()))
    model = study.model.model_copy(update={"options": {"width": width}})
    study = study.model_copy(update={"model": model})
    sample = PackedSample.open(folder / "sample")
    trained_seconds, trained_mib = _watched(lambda: epoch_seconds(sample, study, 1, folder))
    disk = sum(path.stat().st_size for path in (folder / "sample").iterdir())
    return Run(images, size, pack_seconds, pack_mib, trained_seconds, trained_mib, disk / MIB)


def _watched(work: Callable[[], object]) -> tuple[float, float]:
    started = time.perf_counter()
    with _peak() as peak:
        work()
    return time.perf_counter() - started, peak[0] / MIB


@contextmanager
def _peak() -> Iterator[list[int]]:
    """Yield a list whose one number is the most memory that this process and its children have held."""
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            peak[0] = max(peak[0], _anonymous_bytes())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _anonymous_bytes() -> int:
    this = psutil.Process()
    held = 0
    for process in [this, *this.children(recursive=True)]:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except FileNotFoundError:
            continue
        held += sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon"))
    return held


def measured(images: int, size: int, width: int) -> Run:
    """`measure` in a process of its own, whose memory is that of this run alone."""
    options = ["--one", "--size", str(size), "--width", str(width), "--images", str(images)]
    command = [sys.executable, __file__, *options]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Run(**json.loads(printed.splitlines()[-1]))


def show(title: str, runs: Sequence[Run]) -> None:
    """Print the table."""
    table = Table(title=title, title_justify="left")
    for column in ("images", "px", "pack s", "per 1,000", "MiB", "epoch s", "per 1,000", "MiB", "on disk MiB"):
        table.add_column(column, justify="right")
    for run in runs:
        table.add_row(
            f"{run.images:,}", f"{run.size}",
            f"{run.pack_seconds:,.1f}", f"{1000 * run.pack_seconds / run.images:.2f}", f"{run.pack_mib:.0f}",
            f"{run.epoch_seconds:,.1f}", f"{1000 * run.epoch_seconds / run.images:.2f}", f"{run.epoch_mib:.0f}",
            f"{run.disk_mib:,.1f}",
        )  # fmt: skip
    Console().print(table)


def extrapolated(run: Run, images: int) -> Run:
    """What `images` images would take if time and disk grow with their number, and memory does not."""
    factor = images / run.images
    return replace(
        run,
        images=images,
        pack_seconds=factor * run.pack_seconds,
        epoch_seconds=factor * run.epoch_seconds,
        disk_mib=factor * run.disk_mib,
    )


def main() -> None:
    """Measure each number in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--one", action="store_true", help="measure here and write JSON")
    arguments = parser.parse_args()
    if arguments.one:
        with tempfile.TemporaryDirectory() as folder:
            run = measure(arguments.images[0], arguments.size, arguments.width, Path(folder))
        print(json.dumps(asdict(run)))
        return
    runs = [measured(images, arguments.size, arguments.width) for images in arguments.images]
    show(f"Growing samples, width {arguments.width}", runs)
    thousand = [measured(1000, size, 8) for size in (112, 224)]
    show(
        "A thousand images, width 8, and what 400,000 would take",
        [*thousand, *(extrapolated(run, 400_000) for run in thousand)],
    )
    save("scale", {f"{run.images} at {run.size} px": asdict(run) for run in [*runs, *thousand]})


if __name__ == "__main__":
    main()
