"""One trial's epoch against other ways: ``python benchmarks/epoch.py [--width 32 --size 112]``.

The same pictures, the mask head, BCE; training and one look at held-out pictures. Each side has the batch that suits
it. Sides: ours; the original way; a Lightning Trainer on our model and packed data, which keeps the last and the best
state after every epoch as ours does, and one that keeps nothing; a U-Net of segmentation-models-pytorch with a
ResNet-18 (14.3 million parameters) trained the usual way.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from torch import nn

import lightning_way
import original_way
import our_way
from loss_study import parameters
from loss_study.training.device import pick_precision, use_threads
from measuring import in_turn, save, show
from pictures_on_disk import packed, write


class UsualUnet(nn.Module):
    """The library's U-Net, with the mapping of heads that the other models give."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.unet = smp.Unet("resnet18", encoder_weights=None, in_channels=6, classes=1)

    def forward(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the mask's logits."""
        return {"mask": self.unet(inputs)}


def timed(side: Callable[[], int]) -> Callable[[], float]:
    """Return `side` as a function that returns the seconds of its one epoch."""

    def one() -> float:
        started = time.perf_counter()
        side()
        return time.perf_counter() - started

    return one


def speed(images: int, seconds: Callable[[], float]) -> Callable[[], float]:
    """Return `seconds` as a function that returns images per second."""
    return lambda: images / seconds()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--images", type=int, default=342, help="three quarters are trained on")
    parser.add_argument("--batch-size", type=int, default=16, help="of our side and Lightning's")
    parser.add_argument("--usual-batch-size", type=int, default=128, help="of the other two")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--workers", type=int, default=2, help="of the other two")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    study = parameters.load()
    study = study.model_copy(
        update={
            "model": study.model.model_copy(update={"options": {"width": arguments.width}}),
            "recipe": study.recipe.model_copy(update={"batch_size": arguments.batch_size}),
        }
    )
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        write(scratch / "stored", arguments.images)
        sample = packed(scratch / "stored", scratch / "sample", arguments.images, arguments.size)
        train, held_out = (
            original_way.Folder(scratch / "stored", sample, split, arguments.size, flip=split == "train")
            for split in ("train", "validation")
        )
        usual = (train, held_out, arguments.usual_batch_size, arguments.workers)
        bfloat16 = pick_precision("auto", torch.device("cpu")) == "bfloat16"

        def lightning_seconds(checkpoints: Path | None) -> float:
            return lightning_way.epoch_seconds(
                sample, arguments.width, arguments.batch_size, 2, bfloat16=bfloat16, checkpoints=checkpoints
            )[-1]

        sides = {
            "ours": lambda: our_way.epoch_seconds(sample, study, 2, scratch)[-1],
            "original way": timed(original_way.epoch(original_way.resunet(arguments.width), *usual)),
            "Lightning on our data": lambda: lightning_seconds(checkpoints=scratch / "lightning"),
            "the same, no checkpoints": lambda: lightning_seconds(checkpoints=None),
            "smp U-Net, usual way": timed(original_way.epoch(UsualUnet(), *usual)),
        }
        timings = in_turn({name: speed(len(train), side) for name, side in sides.items()}, arguments.rounds)
    title = f"An epoch: {len(train)} + {len(held_out)} pictures of {arguments.size} px, width {arguments.width}"
    show(title, "images/s", timings, "original way")
    median = {name: timing.median for name, timing in timings.items()}
    ratios = {
        "epoch_vs_original": median["ours"] / median["original way"],
        "epoch_vs_lightning": median["ours"] / median["Lightning on our data"],
        "epoch_vs_lightning_without_checkpoints": median["ours"] / median["the same, no checkpoints"],
        "epoch_vs_smp_unet": median["ours"] / median["smp U-Net, usual way"],
    }
    save(f"epoch-{arguments.width}-{arguments.size}", timings | ratios)


if __name__ == "__main__":
    main()
