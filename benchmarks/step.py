"""Images/s of a training step: every loss, both precisions. ``python benchmarks/step.py [--width 8 --size 64]``.

Random pictures, so that it runs without a sample; one head, as in a trial.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch

from loss_study import losses, models
from loss_study.training import optimizers
from loss_study.training.device import autocast, pick, use_threads
from measuring import interleave, save, show


def step(loss_name: str, precision: str, width: int, size: int, batch_size: int) -> Callable[[], int]:
    """Return a function that makes one training step and returns its number of pictures."""
    device = pick()
    torch.manual_seed(0)
    model = models.build("resunet", 6, ["mask"], width=width).to(device, memory_format=torch.channels_last).train()
    optimizer = optimizers.build("adamw", model.parameters())
    loss_function = losses.build(
        loss_name, **losses.resolve(loss_name, {}, statistics=losses.TargetStatistics(0.085, (0.915, 0.085)))
    )
    inputs = torch.rand(batch_size, 6, size, size, device=device).contiguous(memory_format=torch.channels_last)
    target = torch.rand(batch_size, 1, size, size, device=device).round()

    def one() -> int:
        with autocast(device, precision):
            logits = model(inputs)["mask"]
        for parameter in optimizer.parameters:
            parameter.grad = None
        loss = loss_function(logits, target).mean()
        loss.backward()
        optimizer.step(1e-3)
        loss.item()
        return batch_size

    return one


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    sizes = (arguments.width, arguments.size, arguments.batch_size)
    sides = {
        f"{loss} {precision}": step(loss, precision, *sizes)
        for loss in losses.names()
        for precision in ("float32", "bfloat16")
    }
    timings = interleave(sides, arguments.rounds)
    title = f"Training step, one head, width {sizes[0]}, {sizes[1]} px, batch {sizes[2]}, {arguments.threads} thread(s)"
    show(title, "images/s", timings, "bce float32")
    save("step", timings)


if __name__ == "__main__":
    main()
