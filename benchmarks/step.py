"""Images/s of a training step: every loss, both precisions. ``python benchmarks/step.py [--width 8 --size 64]``.

Random images, so that it runs without a sample; one head, as in a trial. ``--compiled`` adds the same model under
``torch.compile`` for each, and says how long its first step took.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from loss_study import losses, models
from loss_study.training import optimizers
from loss_study.training.device import autocast, pick, use_cpu
from measuring import interleave, save, show


def step(
    loss_name: str, precision: str, width: int, size: int, batch_size: int, *, compiled: bool = False
) -> Callable[[], int]:
    """Return a function that makes one training step and returns its number of images."""
    device = pick()
    torch.manual_seed(0)
    model = models.build("resunet", 6, ["mask"], width=width).to(device, memory_format=torch.channels_last).train()
    optimizer = optimizers.build("adamw", model.parameters())
    network = torch.compile(model) if compiled else model
    loss_function = losses.load(loss_name).resolve(losses.TargetStatistics(0.085, (0.915, 0.085)))
    inputs = torch.rand(batch_size, 6, size, size, device=device).contiguous(memory_format=torch.channels_last)
    target = torch.rand(batch_size, 1, size, size, device=device).round()

    def one() -> int:
        with autocast(device, precision):
            logits = network(inputs)["mask"]
        for parameter in optimizer.parameters:
            parameter.grad = None
        loss = loss_function(logits, target).mean()
        loss.backward()
        optimizer.step(1e-3)
        loss.item()
        return batch_size

    return one


def announced(name: str, side: Callable[[], int]) -> Callable[[], int]:
    """Make the first step, in which the model is compiled, say how long it took, and return `side`."""
    started = time.perf_counter()
    side()
    print(f"{name}: the first step took {time.perf_counter() - started:.1f} s", flush=True)
    return side


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--losses", nargs="+", default=losses.names(), metavar="LOSS")
    parser.add_argument("--compiled", action="store_true", help="torch.compile beside eager")
    arguments = parser.parse_args()
    use_cpu(arguments.threads)
    sizes = (arguments.width, arguments.size, arguments.batch_size)
    sides = {
        f"{loss} {precision}": step(loss, precision, *sizes)
        for loss in arguments.losses
        for precision in ("float32", "bfloat16")
    }
    if arguments.compiled:
        sides |= {
            f"{name} compiled": announced(f"{name} compiled", step(*name.split(), *sizes, compiled=True))
            for name in sides
        }
    timings = interleave(sides, arguments.rounds)
    title = f"Training step, one head, width {sizes[0]}, {sizes[1]} px, batch {sizes[2]}, {arguments.threads} thread(s)"
    show(title, "images/s", timings, next(iter(sides)))
    save("step", timings)


if __name__ == "__main__":
    main()
