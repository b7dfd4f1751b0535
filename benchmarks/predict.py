"""Images/s of ``loss-study predict`` against the forward pass alone: ``python benchmarks/predict.py [--width 8]``.

The forward pass is onnxruntime's, or torch's, on arrays that are in memory. `predict` reads photographs (JPEG) and
backgrounds from files, resizes, computes, resizes back and writes masks and depth maps; the start of Python and the
model are not in its time. A random ResUNet with both heads.

Each kind of output is also read and written without a network: its results are there already. The limit of a kind is
what the same cores can do of both, one after the other: 1 / (1 / forward + 1 / files). Where the network is small,
reading and writing keep the cores longer than the forward pass does, and no order of the work reaches its speed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from loss_study.final.export import export
from loss_study.inference import predict as predicting
from loss_study.inference.batch_size import MOST
from loss_study.inference.contract import FORMAT, Contract, Depth, Input, Mask
from loss_study.inference.folder import DESCRIPTION, ONNX, ModelFolder, sha256
from loss_study.inference.inputs import find
from loss_study.inference.predict import Wanted
from loss_study.inference.runtimes import OnnxRuntime, Runtime
from loss_study.inference.torch_runtime import NetworkDescription, Networks
from loss_study.runtime.files import write_json
from loss_study.training.device import use_cpu
from measuring import interleave, save, show

#: Kinds of output, as `Wanted` has them.
KINDS: dict[str, dict[str, Any]] = {
    "8-bit PNG": {"format": "png", "overlays": False},
    "16-bit PNG": {"overlays": False},
    "16-bit PNG, table": {"overlays": False, "table": True},
    "NPY": {"format": "npy", "overlays": False},
    "16-bit PNG, overlays": {},
}
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


class Known:
    """A runtime that has its predictions already: those of `runtime` on other images."""

    name = "known"

    def __init__(self, runtime: Runtime, inputs: np.ndarray) -> None:
        self.at_once = runtime.at_once
        self._found = runtime(inputs)

    def __call__(self, inputs: np.ndarray, /) -> dict[str, np.ndarray]:
        """Return predictions for as many images."""
        return {head: values[: len(inputs)] for head, values in self._found.items()}


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
        largest = max(batches)
        tasks = find([str(here / "photos")], here / "photos", folder.contract.input, here / "out")
        side_by_side = OnnxRuntime(folder, arguments.threads, at_once=len(tasks))
        known = Known(runtime, np.resize(batches[largest], (MOST, *batches[largest].shape[1:])))

        def predict(by: Runtime, **wanted: Any) -> Callable[[], int]:
            to = Wanted(here / "out", **wanted)
            return lambda: predicting.predict(by, folder.contract, tasks, to).predicted

        sides = {
            f"forward pass, batches of {count}": repeated(runtime, batch, arguments.images)
            for count, batch in batches.items()
        }
        sides[f"forward pass in torch, batches of {largest}"] = torch_side(networks, batches[largest])
        for kind, wanted in KINDS.items():
            sides[f"files, {kind}"] = predict(known, **wanted)
            sides[f"predict, {kind}"] = predict(side_by_side, **wanted)
        timings = interleave(sides, arguments.rounds)
    title = f"Predictions, width {arguments.width}, {arguments.size} px, photographs of {arguments.photo} px"
    fastest = max(list(sides)[: len(batches)], key=lambda name: timings[name].median)
    show(title, "images/s", timings, fastest)
    limits = {kind: limit(timings[fastest].median, timings[f"files, {kind}"].median) for kind in KINDS}
    for kind, most in limits.items():
        share = timings[f"predict, {kind}"].median / most
        print(f"{kind}: limit {most:.0f} images/s, predict reaches {share:.0%} of it")
    save(f"predict-{arguments.width}-{arguments.size}", {**timings, "limits": limits})


def limit(forward: float, files: float) -> float:
    """Return the images/s of cores that do both, from the images/s of each alone."""
    return 1 / (1 / forward + 1 / files)


if __name__ == "__main__":
    main()
