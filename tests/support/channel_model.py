"""A model whose predictions are known: the mask is the red of the image, the depth its green."""

import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from loss_study.inference.contract import FORMAT
from loss_study.inference.folder import DESCRIPTION, ONNX
from loss_study.runtime.checksums import sha256

RED, GREEN, BLUE = range(3)
METRES = {"unit": "m", "halfway_m": 9.0, "farthest_m": 80.0}
RELATIVE = {"unit": "relative"}
MASK = {"classes": 1, "class_names": ["foreground"], "threshold": 0.5}


def write_model(
    folder: Path, *, background: bool = False, mask=MASK, depth=RELATIVE, size: int = 16, image_range=None
) -> Path:
    """Write a model folder without weights; `mask` and `depth` are its outputs, None for a head that it lacks.

    Of several classes the mask's probabilities are the first channels of the image.
    """
    folder.mkdir(parents=True)
    first = 3 if background else 0
    outputs = {}
    if mask is not None:
        outputs["mask"] = mask, list(range(first, first + mask["classes"]))
    if depth is not None:
        outputs["depth"] = depth, [first + GREEN]
    nodes = [helper.make_node("Gather", ["inputs", f"of_{head}"], [head], axis=1) for head in outputs]
    constants = [
        helper.make_tensor(f"of_{head}", TensorProto.INT64, [len(channels)], channels)
        for head, (_, channels) in outputs.items()
    ]
    images = {head: ["batch", len(channels), "height", "width"] for head, (_, channels) in outputs.items()}
    given = helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["batch", first + 3, "height", "width"])
    found = [helper.make_tensor_value_info(head, TensorProto.FLOAT, shape) for head, shape in images.items()]
    graph = helper.make_graph(nodes, "channels", [given], found, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), folder / ONNX)
    describe(folder, {
        "format": FORMAT,
        "input": {"channels": first + 3, "size": size, "stride": 16, "image_range": image_range},
        "outputs": {head: output for head, (output, _) in outputs.items()},
    })  # fmt: skip
    return folder


def describe(folder: Path, values: dict) -> None:
    """Write ``model.json`` with the digests of the files in `folder`."""
    files = {path.name: sha256(path) for path in folder.iterdir() if path.name != DESCRIPTION}
    (folder / DESCRIPTION).write_text(json.dumps(values | {"files": files}))


def changed(folder: Path, **values) -> None:
    """Change keys of ``model.json``; None takes one away."""
    whole = json.loads((folder / DESCRIPTION).read_text()) | values
    (folder / DESCRIPTION).write_text(json.dumps({key: value for key, value in whole.items() if value is not None}))
