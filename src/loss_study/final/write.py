"""The folder ``model/``, written as a whole: weights, graph, description and card."""

from __future__ import annotations

import datetime
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

import loss_study
from loss_study import models
from loss_study.config import Config
from loss_study.data.batches import Batches
from loss_study.data.packed import SPLITS, PackedSample
from loss_study.final.card import card
from loss_study.final.data import AllForTraining
from loss_study.final.decision import Winner
from loss_study.final.export import ExportError, export, largest_difference
from loss_study.final.measure import OfHead
from loss_study.final.training import Trained
from loss_study.inference.contract import FORMAT, Contract, Depth, Input, Mask
from loss_study.inference.folder import CARD, DESCRIPTION, ONNX, OWN, WEIGHTS, own_digest
from loss_study.inference.torch_runtime import Networks
from loss_study.report.sections import provenance
from loss_study.runtime.checksums import sha256
from loss_study.runtime.files import whole_folder, whole_text, write_bytes, write_json
from loss_study.tracking import describe

#: Validation images on which `model.onnx` is checked.
CHECKED_IMAGES = 8


@dataclass(frozen=True)
class Final:
    """All that the folder tells: what was chosen, trained, and measured, and the command that did it.

    `config` is what was trained with, `study` that of the study in params.yaml.
    """

    config: Config
    study: Config
    sample: PackedSample
    winners: Sequence[Winner]
    networks: Sequence[Trained]
    measured: Mapping[str, OfHead]
    command: str

    @property
    def contract(self) -> Contract:
        """What the model takes and gives."""
        sample, model = self.sample, self.config.model
        taken = Input(sample.in_channels, sample.images.shape[1], models.stride(model.name), self._image_range)
        outputs: dict[str, Mask | Depth] = {}
        for head, found in self.measured.items():
            of_mask = Mask(sample.classes, tuple(sample.class_names[: sample.classes]), found.threshold)
            outputs[head] = of_mask if head == "mask" else Depth(sample.depth_scale)
        return Contract(taken, outputs)

    @property
    def _image_range(self) -> tuple[float, float] | None:
        limits = self.config.dataset.options.get("image_range")
        return (float(limits[0]), float(limits[1])) if isinstance(limits, list | tuple) else None


def write(final: Final, folder: Path) -> dict[str, Any]:
    """Write `folder`, which appears or is replaced when it is complete; return what ``model.json`` says.

    Where the networks cannot be exported the folder has no ``model.onnx``; the description says why.
    """
    descriptions = [one.description for one in final.networks]
    networks = Networks([one.module for one in final.networks], descriptions).eval()
    # model.json has the checksums, which are checked without this package, too.
    with whole_folder(folder, listed=False) as new:
        write_bytes(new / WEIGHTS, save({name: one.contiguous() for name, one in networks.state_dict().items()}))
        onnx, problem = _export(final, networks, new / ONNX)
        values = {
            "format": FORMAT,
            "name": f"Model of the {describe.study_name(final.config)}",
            "folder": str(folder),
            "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
            **final.contract.as_json(),
            "threshold_from": _threshold_from(final),
            "networks": [asdict(one) for one in descriptions],
            "onnx": onnx,
            "onnx_problem": problem,
            "data": _data(final),
            "training": _training(final),
            "measured": {head: found.as_json() for head, found in final.measured.items()},
            "configuration": final.config.model_dump(mode="json"),
            "study": final.study.model_dump(mode="json"),
            "command": final.command,
            "commit": describe.commit(),
            "versions": _versions(),
        }
        whole_text(new / CARD, card(values))
        values["files"] = {path.name: sha256(path) for path in sorted(new.iterdir())}
        write_json(new / DESCRIPTION, values)
        # Of the values as they are read again.
        values = json.loads((new / DESCRIPTION).read_text(encoding="utf-8"))
        write_json(new / DESCRIPTION, values | {OWN: own_digest(values)})
    return values


def _export(final: Final, networks: Networks, path: Path) -> tuple[dict[str, Any] | None, str]:
    try:
        export(networks, final.contract, path)
        batches = _checked_inputs(final.sample)
        found = largest_difference(networks, final.contract, path, batches)
    except ExportError as error:
        path.unlink(missing_ok=True)
        print(f"warning: no {ONNX}: {error}; predictions need torch", file=sys.stderr, flush=True)
        return None, str(error)
    return {
        "opset": _opset(path),
        "largest_difference": found,
        "images": len(batches[0]),
        "batches": sorted({len(batch) for batch in batches}),
        "sizes": list(dict.fromkeys(f"{batch.shape[3]} x {batch.shape[2]}" for batch in batches)),
    }, ""


def _checked_inputs(sample: PackedSample) -> list[np.ndarray]:
    """Return validation images: all at once, one alone, and two of them twice as large and twice as wide."""
    head = sample.meta["heads"][0]
    rows = torch.from_numpy(sample.rows("validation")[:CHECKED_IMAGES])
    batches = Batches(sample, "validation", [head], CHECKED_IMAGES, torch.device("cpu"))
    inputs = next(batches.in_order(rows=rows)).inputs
    assert isinstance(inputs, torch.Tensor)
    images = np.ascontiguousarray(inputs.numpy())
    enlarged = images[:2].repeat(2, axis=2).repeat(4, axis=3)
    return [images, images[:1], enlarged]


def _opset(path: Path) -> int:
    import onnx  # noqa: PLC0415

    return max(one.version for one in onnx.load(str(path)).opset_import if one.domain in ("", "ai.onnx"))


def _threshold_from(final: Final) -> str:
    if isinstance(final.sample, AllForTraining):
        return "the median of those that the study's trials of the same loss chose on validation images"
    return "the one with the highest IoU on the validation images"


def _data(final: Final) -> dict[str, Any]:
    sample = final.sample
    split = " ".join(provenance.sharing(sample))
    if sample.folds > 1:
        split += f" These are the splits of fold {sample.fold} of {sample.folds}."
    return {
        "title": final.config.dataset.title,
        "images": {split: len(PackedSample.rows(sample, split)) for split in SPLITS},
        "split": split,
        "notes": sample.meta["notes"],
    }


def _training(final: Final) -> dict[str, Any]:
    all_of_it = isinstance(final.sample, AllForTraining)
    return {
        "model": final.config.model.name,
        "images": len(final.sample.rows("train")),
        "trained_on": "the training and the validation images, since the last epoch is kept (recipe.keep)"
        if all_of_it
        else f"the training images; the validation images chose the epoch{_and_threshold(final)}",
        "choices": [{"head": one.head, "loss": one.loss, "sentence": one.sentence} for one in final.winners],
        "networks": [one.facts for one in final.networks],
    }


def _and_threshold(final: Final) -> str:
    has_one = "mask" in final.measured and final.config.dataset.classes == 1
    return " and the threshold" if has_one else ""


def _versions() -> dict[str, str]:
    packages = ("torch", "onnx", "onnxruntime", "numpy")
    own = {"loss_study": loss_study.__version__, "python": platform.python_version()}
    return own | {name: version(name) for name in packages}
