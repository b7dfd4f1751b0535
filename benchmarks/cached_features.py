"""Training behind a frozen encoder, with and without its outputs kept: ``python benchmarks/feature_cache.py``.

Images/s of whole training epochs as a trial has them, flips included; what the outputs cost once, in seconds and on
disk. Scenes and random weights, which take as long as any. Choices of conf/ may follow, such as
``model=mobilenet_pix2pix sample.size=128``; by default a U-Net on VGG16 at the size of the scale quick.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from loss_study import datasets
from loss_study.config import Config, composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.sampling.pack import pack
from loss_study.training.checkpoint import Checkpoint
from loss_study.training.device import use_cpu
from loss_study.training.train import train as train_trial
from loss_study.training.transfer import feature_cache
from loss_study.trial import Trial
from measuring import save, show, summary

CHOICES = ["recipe=birds", "recipe.epochs=1", "sample.images=200", "sample.test_images=0", "scale=quick"]
WHOLE, KEPT = "whole model", "kept outputs"


def train(sample: PackedSample, study: Config, *, kept: bool) -> float:
    """Train an epoch and return its images/s, validation not included."""
    recipe = study.recipe.model_copy(update={"cache_features": kept})
    with Checkpoint("mask-bce-0", "benchmark") as checkpoint:
        outcome = train_trial(
            Trial("mask", "bce", 0), sample, study.model, recipe, {}, checkpoint,
            on_step=lambda *_: None,
            on_epoch=lambda _: None,
        )  # fmt: skip
        checkpoint.remove()
    return outcome.history[0]["images_per_second"]


def prepare(folder: Path, choices: list[str]) -> tuple[Config, PackedSample]:
    """Compose the parameters and pack the sample into `folder`."""
    composition.compose(folder / "params.yaml", [*CHOICES, *choices])
    study = load_config(folder / "params.yaml")
    source = datasets.open_dataset(study.dataset.name, Path(study.dataset.path), study.dataset.options)
    pack(source, folder / "sample", study.dataset, study.sample)
    return study, PackedSample.open(folder / "sample")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("choices", nargs="*", default=["model=unet_vgg16", "model.options.weights=none"])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    root = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        study, sample = prepare(Path(scratch), arguments.choices)
        use_cpu(study.recipe.threads)
        os.chdir(scratch)
        started = time.perf_counter()
        train(sample, study, kept=True)
        once = time.perf_counter() - started
        started = time.perf_counter()
        train(sample, study, kept=True)
        once -= time.perf_counter() - started
        speeds: dict[str, list[float]] = {WHOLE: [], KEPT: []}
        for _ in range(arguments.rounds):
            speeds[WHOLE].append(train(sample, study, kept=False))
            speeds[KEPT].append(train(sample, study, kept=True))
        stored = sum(path.stat().st_size for path in feature_cache.FEATURES.rglob("*.npy"))
        os.chdir(root)
    timings = {name: summary(values) for name, values in speeds.items()}
    options = " ".join(f"{key} {value}" for key, value in study.model.options.items())
    recipe = study.recipe
    show(
        f"Training behind a frozen encoder: {study.model.name} {options}, {study.sample.size} px, "
        f"batch {recipe.batch_size}, {recipe.threads} thread(s)",
        "images/s",
        timings,
        WHOLE,
    )
    print(f"The outputs of {len(sample.images)} images, mirrored as well: {once:.1f} s once, {stored / 1e6:.0f} MB")
    save("cached_features", timings | {"seconds_once": once, "megabytes": stored / 1e6})


if __name__ == "__main__":
    main()
