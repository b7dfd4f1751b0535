"""One trial's epoch against other ways: ``python benchmarks/epoch.py [--width 32 --size 112]``.

The same images, the mask head, BCE; training and one look at held-out images. Each side has the batch that suits
it. Sides: ours, which saves its state as often as that takes a hundredth of its time; the original way; a Lightning
Trainer on our model and packed data, which keeps the last and the best state after every epoch, and one that keeps
nothing; a U-Net of segmentation-models-pytorch with a ResNet-18 (14.3 million parameters) trained the usual way. Each
has a process of its own. First ours beside Lightning's, then beside the two that read files.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import nn

import lightning_way
import original_way
import our_way
from images_on_disk import packed, write
from loss_study.config import load_config
from loss_study.data.packed import PackedSample
from loss_study.training.device import pick_precision, use_cpu
from measuring import Apart, Timing, in_turn, save, show, speed

OURS, ORIGINAL, USUAL = "ours", "original way", "smp U-Net, usual way"
LIGHTNING, BARE = "Lightning, checkpoints", "Lightning, none"
#: Of ours and of Lightning's; the first one, in which everything is new, is not counted.
EPOCHS = 4


class UsualUnet(nn.Module):
    """The library's U-Net, with the mapping of heads that the other models give."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.unet = smp.Unet("resnet18", encoder_weights=None, in_channels=6, classes=1)

    def forward(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the mask's logits."""
        return {"mask": self.unet(inputs)}


@dataclass(frozen=True)
class Setting:
    """What all sides train on, in `folder`, and how; the two usual ways have a batch size of their own."""

    folder: Path
    size: int
    width: int
    batch_size: int
    usual_batch_size: int
    workers: int
    threads: int

    def sample(self) -> PackedSample:
        """Open the packed sample."""
        return PackedSample.open(self.folder / "sample")

    def files(self, split: str) -> original_way.Folder:
        """Return the files of one split, for the usual ways."""
        return original_way.Folder(self.folder / "stored", self.sample(), split, self.size, flip=split == "train")


def ours(setting: Setting) -> Callable[[], float]:
    """Return our side; each returns the images/s of an epoch, in its own process."""
    use_cpu(setting.threads)
    study, sample = load_config(), setting.sample()
    model = study.model.model_copy(update={"options": {"width": setting.width}})
    recipe = study.recipe.model_copy(update={"batch_size": setting.batch_size})
    study = study.model_copy(update={"model": model, "recipe": recipe})
    count = len(sample.rows("train"))
    return lambda: count / mean(our_way.epoch_seconds(sample, study, EPOCHS, setting.folder)[1:])


def lightning(setting: Setting, checkpoints: Path | None) -> Callable[[], float]:
    """Return a Lightning Trainer, given the same threads and the same use of memory as ours."""
    use_cpu(setting.threads)
    sample, bfloat16 = setting.sample(), pick_precision("auto", torch.device("cpu")) == "bfloat16"
    count = len(sample.rows("train"))

    def run() -> float:
        seconds = lightning_way.epoch_seconds(
            sample, setting.width, setting.batch_size, EPOCHS, bfloat16=bfloat16, checkpoints=checkpoints
        )
        return count / mean(seconds[1:])

    return run


def the_original_way(setting: Setting) -> Callable[[], float]:
    """Return the original training."""
    return _usual(original_way.resunet(setting.width), setting)


def smp_unet(setting: Setting) -> Callable[[], float]:
    """Return the library's U-Net, trained the usual way."""
    return _usual(UsualUnet(), setting)


def _usual(model: nn.Module, setting: Setting) -> Callable[[], float]:
    if setting.threads:
        torch.set_num_threads(setting.threads)
    files = (setting.files("train"), setting.files("validation"))
    return partial(speed, original_way.epoch(model, *files, setting.usual_batch_size, setting.workers))


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
    images, rounds, size, width = arguments.images, arguments.rounds, arguments.size, arguments.width
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "stored", images)
        sample = packed(folder / "stored", folder / "sample", images, size)
        setting = Setting(
            folder, size, width, arguments.batch_size, arguments.usual_batch_size, arguments.workers, arguments.threads
        )
        train, held_out = (len(sample.rows(split)) for split in ("train", "validation"))
        loops = _measured(
            rounds,
            {
                OURS: (ours, setting),
                LIGHTNING: (lightning, setting, folder / "lightning"),
                BARE: (lightning, setting, None),
            },
        )
        ways = _measured(
            rounds, {OURS: (ours, setting), ORIGINAL: (the_original_way, setting), USUAL: (smp_unet, setting)}
        )
    title = f"An epoch: {train} + {held_out} images of {size} px, width {width}"
    show(f"{title}; the same model and data", "images/s", loops, LIGHTNING)
    show(f"{title}; from files", "images/s", ways, ORIGINAL)
    ratios = {
        "epoch_vs_original": ways[OURS].median / ways[ORIGINAL].median,
        "epoch_vs_lightning": loops[OURS].median / loops[LIGHTNING].median,
        "epoch_vs_lightning_without_checkpoints": loops[OURS].median / loops[BARE].median,
        "epoch_vs_smp_unet": ways[OURS].median / ways[USUAL].median,
    }
    save(
        f"epoch-{width}-{size}",
        {**ways, LIGHTNING: loops[LIGHTNING], BARE: loops[BARE], "ours beside": loops[OURS], **ratios},
    )


def _measured(rounds: int, sides: Mapping[str, Sequence[Any]]) -> dict[str, Timing]:
    """Measure sides, each a function that makes it and its arguments, in processes that end with this."""
    apart = {name: Apart(*side) for name, side in sides.items()}
    timings = in_turn(apart, rounds)
    for side in apart.values():
        side.end()
    return timings


if __name__ == "__main__":
    main()
