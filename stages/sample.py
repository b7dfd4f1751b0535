"""Draw and pack the subset that every trial trains on. Reads data/source/source.json, writes data/sample/."""

from __future__ import annotations

import json
import os
from pathlib import Path

from loss_study import datasets
from loss_study.config import load_config
from loss_study.data import depth_teacher
from loss_study.data.packed import PackedSample
from loss_study.data.sampling import pack
from loss_study.runtime.errors import StudyError, run_stage

SOURCE = Path("data/source/source.json")
SAMPLE = Path("data/sample")


def main() -> None:
    """Load parameters, open the source that `download` left, pack, say what came of it."""
    chosen = load_config()
    dataset = chosen.dataset
    try:
        found = json.loads(SOURCE.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        raise StudyError(f"{SOURCE}: missing or damaged; run 'dvc repro -f download'") from None
    if found["name"] != dataset.name:
        raise StudyError(f"{SOURCE}: is of data set {found['name']!r}, not {dataset.name!r}; run 'dvc repro download'")
    source = datasets.open_dataset(dataset.name, Path(found["path"]), dataset.options)
    teacher = depth_teacher.load(dataset.depth_teacher) if dataset.depth_teacher.model else None
    pack(source, SAMPLE, dataset, chosen.sample, notes=found["notes"], workers=_cores(), teacher=teacher)
    packed = PackedSample.open(SAMPLE).meta
    counts = ", ".join(f"{count} for {split}" for split, count in packed["images"].items())
    print(f"sample  {packed['size']}x{packed['size']} px: {counts}", *packed["notes"], sep="\nsample  ", flush=True)


def _cores() -> int:
    """Cores that this process may use, where the system can tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    run_stage(main)
