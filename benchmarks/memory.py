"""What keeping freed memory is worth: ``python benchmarks/memory.py [--width 32 --size 112 --batch-size 16]``.

Batches of flipped images, and training steps in both precisions, in processes that keep the memory of freed tensors
(`acceleration.keep_freed_memory`) and in processes that leave it to glibc.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch

from loss_study.data.augmentation import draw_flips, take
from loss_study.runtime.memory import keep_freed_memory
from measuring import Apart, in_turn, save, show, speed
from step import step

BATCHES = 100


def batches(size: int, batch_size: int, keep: bool) -> Callable[[], float]:
    """Return a side that makes batches of six channels."""
    if keep:
        keep_freed_memory()
    generator = torch.Generator().manual_seed(0)
    pictures_NHWC = torch.randint(0, 256, (8 * batch_size, size, size, 6), dtype=torch.uint8, generator=generator)

    def some() -> int:
        for _ in range(BATCHES):
            rows = torch.randint(0, len(pictures_NHWC), (batch_size,), generator=generator)
            flipped = draw_flips(batch_size, 0.5, generator)
            inputs = take(pictures_NHWC, rows, flipped).float().div_(255)
        return BATCHES * len(inputs)

    return partial(speed, some)


def steps(precision: str, width: int, size: int, batch_size: int, keep: bool) -> Callable[[], float]:
    """Return a side that makes a training step."""
    if keep:
        keep_freed_memory()
    return partial(speed, step("bce", precision, width, size, batch_size))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    width, size, batch_size = arguments.width, arguments.size, arguments.batch_size
    timings = {}
    for name, make, first in (
        ("batches", batches, (size, batch_size)),
        ("float32 step", steps, ("float32", width, size, batch_size)),
        ("bfloat16 step", steps, ("bfloat16", width, size, batch_size)),
    ):
        sides = {f"{name}, kept": Apart(make, *first, True), f"{name}, as glibc does": Apart(make, *first, False)}
        one = in_turn(sides, arguments.rounds)
        show(f"{name}, width {width}, {size} px, batch {batch_size}", "items/s", one, f"{name}, as glibc does")
        timings |= one
    save("memory", timings)


if __name__ == "__main__":
    main()
