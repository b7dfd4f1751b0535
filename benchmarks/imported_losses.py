"""What it costs to call a library's loss for each image: ``python benchmarks/imported_losses.py [--size 32]``.

Images/s through loss and gradient alone, on one thread.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from loss_study import losses
from measuring import interleave, save, show

SMP = {"_target_": "segmentation_models_pytorch.losses.DiceLoss", "mode": "binary"}
MONAI = {"_target_": "monai.losses.DiceLoss", "sigmoid": True}
#: Options of the losses by what is shown of them; of ours the name.
SIDES = {
    "smp, each image": SMP,
    "smp, the batch": SMP | {"_values_": "batch"},
    "monai, each image": MONAI | {"_values_": "images"},
    "monai, reduction none": MONAI,
    "ours: dice": "dice",
    "ours: boundary": "boundary",
    "ours: hausdorff": "hausdorff",
    "ours: cl_dice": "cl_dice",
}
REPEATS = 5


def side(loss: losses.Loss, logits: Tensor, target: Tensor) -> Callable[[], int]:
    """Return what computes the loss and its gradient."""

    def some() -> int:
        for _ in range(REPEATS):
            free = logits.detach().requires_grad_()
            loss(free, target).mean().backward()
        return REPEATS * len(target)

    return some


def main() -> None:
    """Measure, show, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=32, help="of the images, in pixels (32)")
    parser.add_argument("--batch-size", type=int, default=16, help="images of a batch (16)")
    parser.add_argument("--rounds", type=int, default=10, help="that are counted (10)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    shape = (arguments.batch_size, 1, arguments.size, arguments.size)
    logits, target = torch.randn(shape, generator=generator), (torch.rand(shape, generator=generator) > 0.8).float()
    chosen = {
        name: losses.load(one) if isinstance(one, str) else losses.load("theirs", one) for name, one in SIDES.items()
    }
    timings = interleave({name: side(loss, logits, target) for name, loss in chosen.items()}, arguments.rounds)
    title = f"a loss and its gradient, {arguments.size} px, batch {arguments.batch_size}"
    show(title, "images/s", timings, next(iter(SIDES)))
    save("imported_losses", timings)


if __name__ == "__main__":
    main()
