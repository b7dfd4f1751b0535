"""Images/s of ``loss-study predict`` against the forward pass alone: ``python benchmarks/predict.py [--width 8]``.

The forward pass is onnxruntime's, or torch's, on arrays that are in memory. `predict` reads photographs (JPEG) and
backgrounds from files, resizes, computes, resizes back and writes masks and depth maps; the start of Python and the
model are not in its time. A random ResUNet with both heads.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from loss_study.final.export import export
from loss_study.inference import predict as predicting
from loss_study.inference.contract import FORMAT, Contract, Depth, Input, Mask
from loss_study.inference.folder import DESCRIPTION, ONNX, ModelFolder, sha256
from loss_study.inference.inputs import find
from loss_study.inference.predict import Wanted
from loss_study.inference.runtimes import OnnxRuntime, Runtime
from loss_study.inference.torch_runtime import NetworkDescription, Networks
from loss_study.runtime.files import write_json
from loss_study.training.device import use_cpu
from measuring import interleave, save, show

LOSSES = {"mask": {"name": "dice", "options": {}}, "depth": {"name": "l1", "options": {}}}


def write_model(folder: Path, width: int, size: int) -> tuple[ModelFolder, Networks]:
    """Write the graph of a random network, and return it with the network."""
    torch.manual_seed(0)
    description = NetworkDescription("resunet", 6, 1, {"width": width}, LOSSES)
    networks = Networks([description.build()], [description]).eval()
    contract = Contract(Input(6, size, 16), {"mask": Mask(1, ("foreground",), 0.5), "depth": Depth(None)})
    folder.mkdir()
    export(networks, contract, folder / ONNX)
    files = {ONNX: sha256(folder / ONNX)}
    write_json(folder / DESCRIPTION, {"format": FORMAT, **contract.as_json(), "files": files})
    return ModelFolder.open(folder), networks


def write_photos(folder: Path, count: int, side: int) -> None:
    """Write smooth random photographs as JPEG: the files of noise would be unlike those of photographs."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{number:04d}.jpg", quality=90)


def torch_side(networks: Networks, inputs: np.ndarray) -> Callable[[], int]:
    """Return a function that lets torch predict on `inputs` and returns their number."""
    batch = torch.from_numpy(inputs).contiguous(memory_format=torch.channels_last)
    networks = networks.to(memory_format=torch.channels_last)

    def one() -> int:
        with torch.no_grad():
            networks(batch)
        return len(inputs)

    return one


def repeated(runtime: Runtime, inputs: np.ndarray, count: int) -> Callable[[], int]:
    """Return a function that lets `runtime` predict on `count` images in batches of the size of `inputs`."""

    def one() -> int:
        for _ in range(count // len(inputs)):
            runtime(inputs)
        return count // len(inputs) * len(inputs)

    return one


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--photo", type=int, default=224, help="side of the photographs")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--threads", type=int, default=0, help="of the forward pass; 0: all cores")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 4, 16])
    arguments = parser.parse_args()
    use_cpu(arguments.threads)
    with tempfile.TemporaryDirectory() as scratch:
        here = Path(scratch)
        folder, networks = write_model(here / "model", arguments.width, arguments.size)
        write_photos(here / "photos", arguments.images, arguments.photo)
        runtime = OnnxRuntime(folder, arguments.threads)
        rng = np.random.default_rng(0)
        batches = {
            count: rng.random((count, 6, arguments.size, arguments.size), dtype=np.float32)
            for count in arguments.batch_sizes
        }
        tasks = find([str(here / "photos")], here / "photos", folder.contract.input, here / "out")

        def predict(**wanted: object) -> Callable[[], int]:
            to = Wanted(here / "out", **wanted)  # type: ignore[arg-type]
            return lambda: predicting.predict(runtime, folder.contract, tasks, to).predicted

        sides = {
            f"forward pass, batches of {count}": repeated(runtime, batch, arguments.images)
            for count, batch in batches.items()
        }
        largest = max(batches)
        sides[f"forward pass in torch, batches of {largest}"] = torch_side(networks, batches[largest])
        sides["predict, 16-bit PNG, no overlays"] = predict(overlays=False)
        sides["predict, NPY, no overlays"] = predict(overlays=False, format="npy")
        sides["predict, 16-bit PNG, overlays"] = predict()
        timings = interleave(sides, arguments.rounds)
    title = f"Predictions, width {arguments.width}, {arguments.size} px, photographs of {arguments.photo} px"
    show(title, "images/s", timings, max(list(sides)[: len(batches)], key=lambda name: timings[name].median))
    save(f"predict-{arguments.width}-{arguments.size}", timings)


if __name__ == "__main__":
    main()
