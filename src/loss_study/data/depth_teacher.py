"""Pseudo-depth: a pretrained monocular model says how far everything in a picture is, for data without depth.

Its maps are guesses, not measurements, and only their order within a picture means something. They are stored as all
depth is, 0 for the nearest pixel of each picture to 255 for its farthest, in between linear in what the model predicts:
in distance for a model of distances, in inverse distance for a model of nearness. So two pictures cannot be compared.

Needs the extra ``teacher``; torch and transformers are imported by `load` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from loss_study.config import DatasetConfig, DepthTeacher
from loss_study.runtime.errors import StudyError

if TYPE_CHECKING:
    import torch

#: Files of a model on the hub; weights in other formats are left there.
WANTED = ("*.json", "*.safetensors")
#: What the families of models predict, after their own post-processing: large values near, or far.
PREDICTS = {
    "depth_anything": "nearness",
    "depth_pro": "distance",
    "dpt": "nearness",
    "glpn": "distance",
    "zoedepth": "distance",
}


def check(dataset: DatasetConfig) -> None:
    """Check what can be checked without loading the model.

    Raises:
        StudyError: depth that nothing asks for, a missing extra, or a folder that does not exist.
    """
    model = dataset.depth_teacher.model
    if not model:
        return
    if "depth" not in dataset.heads:
        raise StudyError("dataset.depth_teacher.model: makes depth maps; set dataset.heads=[mask,depth] too, or ''")
    if find_spec("transformers") is None:
        raise StudyError("dataset.depth_teacher.model: needs transformers; pip install 'loss-study[teacher]'")
    if not Path(model).is_dir() and not _may_be_on_the_hub(model):
        raise StudyError(f"dataset.depth_teacher.model: {model} is no folder and no name on the Hugging Face hub")


@dataclass(frozen=True)
class Teacher:
    """A loaded model. Pictures go in squares of `side` pixels, `batch_size` at a time."""

    side: int
    batch_size: int
    note: str
    _model: Any
    _processor: Any
    _device: torch.device
    _near_is_large: bool

    def depths(self, pictures: Sequence[np.ndarray], size: int) -> list[np.ndarray]:
        """Return a depth map, uint8 (size, size), 0 near to 255 far, for each of `pictures`, uint8 (H, W, 3) RGB."""
        return [
            self._stored(prediction, size)
            for start in range(0, len(pictures), self.batch_size)
            for prediction in self._predict(pictures[start : start + self.batch_size])
        ]

    def _predict(self, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
        import torch  # noqa: PLC0415 -- seconds, and no stage without a teacher needs it

        inputs = self._processor(images=[Image.fromarray(picture) for picture in pictures], return_tensors="pt")
        with torch.inference_mode():
            outputs = self._model(**inputs.to(self._device))
            # Some families call these sizes the source's and some the target's; a square is both.
            sizes = [picture.shape[:2] for picture in pictures]
            predictions = self._processor.post_process_depth_estimation(outputs, sizes)
        return [one["predicted_depth"].squeeze().float().cpu().numpy() for one in predictions]

    def _stored(self, prediction: np.ndarray, size: int) -> np.ndarray:
        values = np.asarray(Image.fromarray(prediction).resize((size, size), Image.Resampling.BILINEAR))
        far = -values if self._near_is_large else values
        nearest, farthest = float(far.min()), float(far.max())
        # A flat prediction is all near: nothing lies behind anything.
        return np.rint(255 * (far - nearest) / max(farthest - nearest, np.finfo(np.float32).tiny)).astype(np.uint8)


def load(chosen: DepthTeacher) -> Teacher:
    """Load the model that `chosen` names from its folder, or from the Hugging Face hub by way of the hub's cache.

    Weights are read from safetensors files only, and code from the hub is never run. Where the hub is out of reach, or
    ``HF_HUB_OFFLINE=1``, the cache has to do.

    Raises:
        StudyError: the extra is missing, the weights cannot be had, or it is not known what the model predicts.
    """
    try:
        from transformers import AutoImageProcessor, AutoModelForDepthEstimation  # noqa: PLC0415 -- seconds, like torch
    except ImportError as error:
        raise StudyError(
            f"dataset.depth_teacher.model: needs the extra 'teacher' ({error}); pip install 'loss-study[teacher]'"
        ) from None
    from loss_study.training import device  # noqa: PLC0415

    try:
        folder = _folder(chosen)
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        model = AutoModelForDepthEstimation.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise _not_had(chosen.model, error) from None
    home = device.pick()
    predicts = _predicts(chosen, model.config)
    return Teacher(
        chosen.side,
        chosen.batch_size,
        f"Depth is not measured: {chosen.model} guessed it ({predicts}, scaled for each picture by itself).",
        model.eval().to(home),
        processor,
        home,
        predicts == "nearness",
    )


def _folder(chosen: DepthTeacher) -> str:
    if Path(chosen.model).is_dir():
        return chosen.model
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.constants import HF_HUB_OFFLINE  # noqa: PLC0415

    return snapshot_download(
        chosen.model, revision=chosen.revision, allow_patterns=WANTED, local_files_only=HF_HUB_OFFLINE
    )


def _may_be_on_the_hub(model: str) -> bool:
    from huggingface_hub.utils import HFValidationError, validate_repo_id  # noqa: PLC0415

    try:
        validate_repo_id(model)
    except HFValidationError:
        return False
    return True


def _predicts(chosen: DepthTeacher, config: Any) -> str:
    if chosen.predicts != "auto":
        return chosen.predicts
    if config.model_type not in PREDICTS:
        raise StudyError(
            f"dataset.depth_teacher.predicts: not known for models of the type {config.model_type!r}; set it to "
            "nearness or to distance"
        )
    is_metric = getattr(config, "depth_estimation_type", "relative") == "metric"
    return "distance" if is_metric else PREDICTS[config.model_type]


def _not_had(model: str, error: Exception) -> StudyError:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return StudyError(
        f"dataset.depth_teacher.model: {model} cannot be loaded ({reason.rstrip('.')}); without a network, name a "
        "folder with config.json, preprocessor_config.json and model.safetensors"
    )
