"""A training step against what the machine could do at best: ``python benchmarks/roofline.py [--width 32 --size 112]``.

Ceilings are measured in the same run: the fastest matrix product in the step's precision, and copying. A step's
operations are those of its convolutions and matrix products, with upsampling by interpolation, so that a trick that
computes more does not count as work done; its bytes are what all operators read and write, each tensor once.
The roofline (Williams, Waterman and Patterson 2009) is the smaller of ceiling / operations and bandwidth / bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import FlopCounterMode

from loss_study.training.device import pick, pick_precision, use_cpu
from measuring import interleave, save, show
from original_way import torchs_upsampling
from step import step

MATRIX_SIDES = (1024, 2048, 4096)
COPIED_FLOATS = 64 * 2**20


class ByteCounter(TorchDispatchMode):
    """Sums the bytes of the tensors that each operator is given and returns; a view moves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run `func` and count."""
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.bytes += sum(tensor.nbytes for tensor in _tensors((args, kwargs, result)))
        return result


def _tensors(tree: Any) -> Iterator[Tensor]:
    return (leaf for leaf in tree_iter(tree) if isinstance(leaf, Tensor))


def cost(one: Callable[[], int]) -> tuple[float, float]:
    """Return operations and bytes of one image in the step `one`."""
    with torchs_upsampling():
        with FlopCounterMode(display=False) as operations:
            images = one()
        with ByteCounter() as traffic:
            one()
    return operations.get_total_flops() / images, traffic.bytes / images


def product(side: int, dtype: torch.dtype) -> Callable[[], int]:
    """Return a function that multiplies two square matrices and returns its number of operations."""
    left, right = (torch.randn(side, side, device=pick()).to(dtype) for _ in range(2))

    def one() -> int:
        # Reading one element waits for a GPU.
        (left @ right)[0, 0].item()
        return 2 * side**3

    return one


def copy() -> Callable[[], int]:
    """Return a function that copies and returns the bytes read and written."""
    source = torch.randn(COPIED_FLOATS, device=pick())
    target = torch.empty_like(source)

    def one() -> int:
        target.copy_(source)
        target[0].item()
        return 2 * source.nbytes

    return one


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--loss", default="bce")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    use_cpu(arguments.threads)
    precision = pick_precision("auto", pick())
    one = step(arguments.loss, precision, arguments.width, arguments.size, arguments.batch_size)
    operations, traffic = cost(one)
    products = {f"{side} x {side}": product(side, getattr(torch, precision)) for side in MATRIX_SIDES}
    timings = interleave({"step": one, "copy": copy()} | products, arguments.rounds)
    ceiling = max(timings[name].median for name in products)
    bandwidth = timings["copy"].median
    limits = {"by operations": ceiling / operations, "by bytes": bandwidth / traffic}
    roofline = min(limits.values())
    share = timings["step"].median / roofline
    title = f"Step, {arguments.loss}, {precision}, width {arguments.width}, {arguments.size} px"
    show(title, "images/s", {"step": timings["step"]}, "step")
    print(
        f"one image: {operations / 1e9:.1f} GFLOP, {traffic / 1e6:.0f} MB moved\n"
        f"ceilings: {ceiling / 1e9:.0f} GFLOP/s in a matrix product, {bandwidth / 1e9:.0f} GB/s in a copy\n"
        f"roofline: {limits['by operations']:.1f} images/s by operations, {limits['by bytes']:.1f} by bytes\n"
        f"the step reaches {share:.0%} of it"
    )
    found = {"roofline_share": share, "operations": operations, "bytes": traffic, "ceiling": ceiling}
    save(f"roofline-{arguments.width}-{arguments.size}", timings | found | {"bandwidth": bandwidth} | limits)


if __name__ == "__main__":
    main()
