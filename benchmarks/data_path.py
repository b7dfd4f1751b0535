"""Items/s to a ready float batch, from the packed sample and the original way: ``python benchmarks/data_path.py``.

The original way decodes, resizes and stacks in ``__getitem__``; without workers, and with two.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import original_way
from loss_study.batching.batches import Batches
from loss_study.parameters import Augmentation
from loss_study.training.device import pick, use_threads
from measuring import interleave, save, show
from pictures_on_disk import packed, write

#: Epochs of the packed side in a round: one alone is too short to time.
EPOCHS = 20


def epochs(batches: Batches, flip: float) -> Callable[[], int]:
    """Return a function that makes the batches of some epochs and returns how many pictures they held."""
    return lambda: sum(
        len(batch.target) for epoch in range(EPOCHS) for batch in batches.shuffled(0, epoch, Augmentation(flip=flip))
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        stored, folder = Path(name) / "stored", Path(name) / "sample"
        write(stored, arguments.images)
        sample = packed(stored, folder, arguments.images, arguments.size)
        batches = Batches(sample, "train", "mask", arguments.batch_size, pick())
        files = original_way.Folder(stored, sample, "train", arguments.size, flip=True)
        timings = interleave(
            {
                "packed, flipped": epochs(batches, 0.5),
                "packed, plain": epochs(batches, 0.0),
                "original way": original_way.items(files, arguments.batch_size, workers=0),
                "original way, 2 workers": original_way.items(files, arguments.batch_size, workers=2),
            },
            arguments.rounds,
        )
    title = f"Data path, {arguments.size} px, batch {arguments.batch_size}"
    show(title, "items/s", timings, "original way")
    ratio = timings["packed, flipped"].median / timings["original way"].median
    save("data_path", timings | {"data_vs_original": ratio})


if __name__ == "__main__":
    main()
