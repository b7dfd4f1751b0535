"""Draw and pack the sample that all trials train on. Reads data/source/source.json, writes data/sample/."""

from __future__ import annotations

import os
from pathlib import Path

from loss_study import datasets
from loss_study.config import DepthTeacher, load_config
from loss_study.data.packed import PackedSample
from loss_study.download.source import prepared
from loss_study.runtime.errors import run_stage
from loss_study.runtime.memory import keep_freed_memory
from loss_study.sampling import depth_teacher
from loss_study.sampling.pack import pack

SOURCE = Path("data/source")
SAMPLE = Path("data/sample")


def main() -> None:
    """Load the configuration, open the dataset that `download` prepared, pack it, print a summary."""
    keep_freed_memory()
    config = load_config()
    chosen, source = config.dataset, prepared(config.dataset, SOURCE)
    dataset = datasets.open_chosen(chosen, source.path)
    teacher = _teacher(config.dataset.depth_teacher)
    pack(dataset, SAMPLE, config.dataset, config.sample, notes=source.notes, workers=_cores(), teacher=teacher)
    packed = PackedSample.open(SAMPLE).meta
    counts = ", ".join(f"{count} for {split}" for split, count in packed["images"].items())
    print(f"sample  {packed['size']}x{packed['size']} px: {counts}", *packed["notes"], sep="\nsample  ", flush=True)


def _teacher(config: DepthTeacher) -> depth_teacher.Teacher | None:
    if not config.model:
        return None
    from loss_study.training import device  # noqa: PLC0415 -- imports torch, which takes seconds

    return depth_teacher.load(config, device.pick())


def _cores() -> int:
    """Return the number of cores that this process may use, if the system tells, else that of all cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    run_stage(main)
