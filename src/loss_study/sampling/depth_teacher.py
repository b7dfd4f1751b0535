"""Pseudo-depth: a pretrained monocular model predicts the depth of images that have no depth maps.

The maps are predictions, not measurements, and only the order of depths within one image is meaningful. They are stored
like all depth, 0 for the nearest pixel of an image to 65535 for its farthest, linear in what the model predicts:
distance or inverse distance (nearness). Depths of two images cannot be compared.

Needs the optional extra ``teacher``: transformers, and torch, which takes seconds to import. Both are imported where a
model is loaded or used, so that sampling and its worker processes without a teacher start at once.
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
from loss_study.data.depth_scale import to_stored
from loss_study.runtime.errors import StudyError

if TYPE_CHECKING:
    import torch

#: Files of a model that are downloaded from the hub; weights in other formats are not.
WANTED = ["*.json", "*.safetensors"]
#: What the model families predict after their post-processing: large values mean near (nearness) or far (distance).
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
        StudyError: depth that no head uses, a missing extra, or a folder that does not exist.
    """
    model = dataset.depth_teacher.model
    if not model:
        return
    if "depth" not in dataset.heads:
        raise StudyError("dataset.depth_teacher.model: makes depth maps; set dataset.heads=[mask,depth] too, or ''")
    if find_spec("transformers") is None:
        raise StudyError("dataset.depth_teacher.model: needs transformers; pip install '.[teacher]'")
    if not Path(model).is_dir() and not _may_be_on_the_hub(model):
        raise StudyError(f"dataset.depth_teacher.model: {model} is neither a folder nor a name on the Hugging Face hub")


@dataclass(frozen=True)
class Teacher:
    """A loaded model. It gets squares of `side` pixels, `batch_size` at a time."""

    side: int
    batch_size: int
    note: str
    _model: Any
    _processor: Any
    _device: torch.device
    _near_is_large: bool

    def depths(self, images: Sequence[np.ndarray], size: int) -> list[np.ndarray]:
        """Return a depth map, uint16 (size, size), 0 near to 65535 far, for each of `images`, uint8 (H, W, 3) RGB."""
        return [
            self._stored(prediction, size)
            for start in range(0, len(images), self.batch_size)
            for prediction in self._predict(images[start : start + self.batch_size])
        ]

    def _predict(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        import torch  # noqa: PLC0415 -- see the module

        inputs = self._processor(images=[Image.fromarray(image) for image in images], return_tensors="pt")
        with torch.inference_mode():
            outputs = self._model(**inputs.to(self._device))
            # Sizes of the input for some model families, of the output for others; here they are the same.
            sizes = [image.shape[:2] for image in images]
            predictions = self._processor.post_process_depth_estimation(outputs, sizes)
        return [one["predicted_depth"].squeeze().float().cpu().numpy() for one in predictions]

    def _stored(self, prediction: np.ndarray, size: int) -> np.ndarray:
        values = np.asarray(Image.fromarray(prediction).resize((size, size), Image.Resampling.BILINEAR))
        far = -values if self._near_is_large else values
        nearest, farthest = float(far.min()), float(far.max())
        # A constant prediction is stored as near.
        return to_stored((far - nearest) / max(farthest - nearest, float(np.finfo(np.float32).tiny)))


def load(config: DepthTeacher, device: torch.device) -> Teacher:
    """Load the model that `config` names to `device`, from a folder or from the Hugging Face hub and its cache.

    Weights are read from safetensors files only, and code from the hub is never run. If the hub cannot be reached, or
    ``HF_HUB_OFFLINE=1``, the model must be in the cache.

    Raises:
        StudyError: the extra is missing, the weights cannot be loaded, or it is unknown what the model predicts.
    """
    try:
        from transformers import AutoImageProcessor, AutoModelForDepthEstimation  # noqa: PLC0415
    except ImportError as error:
        raise StudyError(
            f"dataset.depth_teacher.model: needs the extra 'teacher' ({error}); pip install '.[teacher]'"
        ) from None
    try:
        folder = _folder(config)
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        model = AutoModelForDepthEstimation.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise _cannot_load(config.model, error) from None
    predicts = _predicts(config, model.config)
    return Teacher(
        config.side,
        config.batch_size,
        f"Depth is not measured: {config.model} predicted it ({predicts}, scaled for each image by itself).",
        model.eval().to(device),
        processor,
        device,
        predicts == "nearness",
    )


def _folder(config: DepthTeacher) -> str:
    if Path(config.model).is_dir():
        return config.model
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.constants import HF_HUB_OFFLINE  # noqa: PLC0415

    return snapshot_download(
        config.model, revision=config.revision, allow_patterns=WANTED, local_files_only=HF_HUB_OFFLINE
    )


def _may_be_on_the_hub(model: str) -> bool:
    from huggingface_hub.utils import HFValidationError, validate_repo_id  # noqa: PLC0415

    try:
        validate_repo_id(model)
    except HFValidationError:
        return False
    return True


def _predicts(config: DepthTeacher, model: Any) -> str:
    if config.predicts != "auto":
        return config.predicts
    if model.model_type not in PREDICTS:
        raise StudyError(
            f"dataset.depth_teacher.predicts: unknown for models of the type {model.model_type!r}; set it to "
            "nearness or distance"
        )
    is_metric = getattr(model, "depth_estimation_type", "relative") == "metric"
    return "distance" if is_metric else PREDICTS[model.model_type]


def _cannot_load(model: str, error: Exception) -> StudyError:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return StudyError(
        f"dataset.depth_teacher.model: {model} cannot be loaded ({reason.rstrip('.')}); without a network, name a "
        "folder with config.json, preprocessor_config.json and model.safetensors"
    )
