"""Items/s to a ready float batch, from the packed sample and the original way: ``python benchmarks/data_path.py``.

The original way decodes, resizes and stacks in ``__getitem__``; without workers, and with two. Each side has a process
of its own.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import original_way
from images_on_disk import packed, write
from loss_study.config import Augmentation
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.training.device import pick, use_cpu
from measuring import Apart, in_turn, save, show, speed

#: Epochs of the packed side in a round: one alone is too short to time.
EPOCHS = 20


def ours(folder: Path, batch_size: int, threads: int, flip: float) -> Callable[[], float]:
    """Return the packed side: it makes the batches of some epochs and returns its speed."""
    use_cpu(threads)
    batches = Batches(PackedSample.open(folder), "train", ["mask"], batch_size, pick())

    def epochs() -> int:
        return sum(
            len(batch) for epoch in range(EPOCHS) for batch in batches.shuffled(0, epoch, Augmentation(flip=flip))
        )

    return partial(speed, epochs)


def theirs(stored: Path, folder: Path, size: int, batch_size: int, workers: int) -> Callable[[], float]:
    """Return the original way, which reads all images once and returns its speed."""
    files = original_way.Folder(stored, PackedSample.open(folder), "train", size, flip=True)
    return partial(speed, original_way.items(files, batch_size, workers))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=0, help="of the packed side; 0: all cores")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    size, batch_size, threads = arguments.size, arguments.batch_size, arguments.threads
    with tempfile.TemporaryDirectory() as name:
        stored, folder = Path(name) / "stored", Path(name) / "sample"
        write(stored, arguments.images)
        packed(stored, folder, arguments.images, size)
        sides = {
            "packed, flipped": Apart(ours, folder, batch_size, threads, 0.5),
            "packed, plain": Apart(ours, folder, batch_size, threads, 0.0),
            "original way": Apart(theirs, stored, folder, size, batch_size, 0),
            "original way, 2 workers": Apart(theirs, stored, folder, size, batch_size, 2),
        }
        timings = in_turn(sides, arguments.rounds)
    title = f"Data path, {size} px, batch {batch_size}"
    show(title, "items/s", timings, "original way")
    ratio = timings["packed, flipped"].median / timings["original way"].median
    save("data_path", timings | {"data_vs_original": ratio})


if __name__ == "__main__":
    main()
