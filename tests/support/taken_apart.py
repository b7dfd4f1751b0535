"""Error analyses for the fabricated study: errors and pulls as computed, gradients by construction."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import torch

from loss_study import losses
from loss_study.data.packed import PackedSample
from loss_study.evaluation.error_analysis import depth_errors, mask_errors, pixel_response
from loss_study.runtime.files import write_json
from support.fabricated_study import LOSSES, PANEL

REGIONS = {"mask": ("foreground", "outline"), "depth": ("foreground", "edges")}


def take_apart(root: Path) -> None:
    """Write ``error_analysis.json`` and ``test.npy`` for every evaluated trial of the fabricated study in `root`."""
    sample = PackedSample.open(root / "data" / "sample")
    for path in (root / "eval").glob("*/*/*/*/metrics.json"):
        metrics = json.loads(path.read_text())
        head, loss = metrics["head"], metrics["loss"]
        kept = np.load(path.parent / "predictions.npy")
        np.save(path.parent / "test.npy", kept)
        size = sample.images.shape[1]
        analysis = {
            "gradients": gradients(head, loss),
            "response": response(loss, head, size),
            "errors": errors(head, kept, sample),
            "kept": PANEL,
        }
        write_json(path.parent / "error_analysis.json", analysis)


@cache
def response(loss: str, head: str, size: int) -> dict:
    return pixel_response.curves(build(loss), head, size)


def build(loss):
    return losses.load(loss, {"pos_weight": 6.0} if loss == "weighted_bce" else {})


def gradients(head: str, loss: str) -> dict:
    """The n-th loss of the study has n tenths of its gradient in each region before training, half of that after."""
    place = LOSSES.index(loss) + 1
    moments = {"start": place / 10, "end": place / 20}
    return {
        moment: {
            "norm": 0.01,
            "relative_norm": 2.0**-place,
            "share": dict.fromkeys(REGIONS[head], share),
            "pixels": dict.fromkeys(REGIONS[head], 0.14),
        }
        for moment, share in moments.items()
    } | {"images": 2}


def errors(head: str, kept: np.ndarray, sample: PackedSample) -> dict:
    prediction, target, mask = (
        torch.from_numpy(np.float32(array) / np.iinfo(array.dtype).max)[:, None]
        for array in (kept, sample.targets(head)[PANEL], sample.masks[PANEL])
    )
    if head == "mask":
        return mask_errors.describe(prediction=prediction, target=target)
    return depth_errors.describe(prediction=prediction, target=target, mask=mask)
