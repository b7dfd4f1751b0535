"""Items/s from the packed sample to a ready float batch: ``python benchmarks/data_path.py``. Needs data/sample."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.parameters import Augmentation
from loss_study.training.device import pick, use_threads
from measuring import interleave, save, show


def epoch(batches: Batches, flip: float) -> Callable[[], int]:
    """Return a function that makes an epoch's batches and returns how many pictures they held."""
    return lambda: sum(len(batch.target) for batch in batches.shuffled(0, 1, Augmentation(flip=flip)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    batches = Batches(PackedSample.open(Path("data/sample")), "train", "mask", arguments.batch_size, pick())
    timings = interleave({"plain": epoch(batches, 0.0), "flipped": epoch(batches, 0.5)}, arguments.rounds)
    show(f"Data path, batch {arguments.batch_size}, {arguments.threads} thread(s)", "items/s", timings, "plain")
    save("data_path", timings)


if __name__ == "__main__":
    main()
