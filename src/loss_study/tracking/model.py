"""A trial's model in MLflow, as ``mlflow.pytorch.load_model`` reads it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from loss_study.data.packed import PackedSample
from loss_study.tracking.store import Store
from loss_study.trial import Trial

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

#: ``runs:/<run id>/model``
NAME = "model"


def log(store: Store, run_id: str, trial: Trial, sample: PackedSample) -> None:
    """Store the model of `trial` with the run: ``mlflow.pytorch.load_model(f"runs:/{run_id}/model")`` returns it."""
    import torch  # noqa: PLC0415
    from mlflow import pytorch  # noqa: PLC0415
    from mlflow.entities import LoggedModelOutput  # noqa: PLC0415
    from mlflow.models import Model  # noqa: PLC0415

    from loss_study.evaluation.trained_models import load_model  # noqa: PLC0415

    module = load_model(trial.run_dir / "model.pt")
    logged = store.client.create_logged_model(store.experiment, name=NAME, source_run_id=run_id)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        pytorch.save_model(
            module.eval(),
            path,
            mlflow_model=Model(artifact_path=logged.artifact_location, run_id=run_id, model_id=logged.model_id),
            signature=_signature(trial.head, sample),
            # The graph format (pt2) is a second slower for each model, is tied to one device, and has no eval().
            serialization_format="pickle",
            pip_requirements=[f"torch=={torch.__version__.partition('+')[0]}", "loss-study"],
        )
        store.client.log_model_artifacts(logged.model_id, str(path))
    store.client.finalize_logged_model(logged.model_id, "READY")
    store.client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])


def _signature(head: str, sample: PackedSample) -> ModelSignature:
    import numpy as np  # noqa: PLC0415
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import Schema, TensorSpec  # noqa: PLC0415

    def tensors(name: str, channels: int) -> Schema:
        return Schema([TensorSpec(np.dtype("float32"), (-1, channels, *sample.images.shape[1:3]), name)])

    logits = sample.classes if head == "mask" else 1
    return ModelSignature(tensors("inputs", sample.in_channels), tensors(head, logits))
