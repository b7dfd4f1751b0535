"""A trial's model in MLflow: ``mlflow.pyfunc`` predicts with it, ``mlflow.pytorch`` loads it as a module.

.. code:: python

    predictions = mlflow.pyfunc.load_model(f"runs:/{run_id}/model").predict(inputs)  # NumPy arrays
    module = mlflow.pytorch.load_model(f"runs:/{run_id}/model")  # a `Predictor`; module.network is the network

Loading needs this package as it is at the commit in the run's tag ``git.commit``, installed or on the search path.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from loss_study import losses
from loss_study.data.packed import PackedSample
from loss_study.evaluation.trained_models import load_model
from loss_study.joint_trial import loss_of
from loss_study.runtime.files import temporary_folder
from loss_study.tracking.outputs import Outputs
from loss_study.tracking.predictor import Predictor
from loss_study.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

#: ``runs:/<run id>/model``
NAME = "model"


def log(store: Store, run_id: str, outputs: Outputs, sample: PackedSample) -> None:
    """Store the model of a trial with its run."""
    with _without("pytorch_lightning"):
        from mlflow.pytorch import save_model  # noqa: PLC0415
    from mlflow.entities import LoggedModelOutput  # noqa: PLC0415
    from mlflow.models import Model  # noqa: PLC0415

    logged = store.client.create_logged_model(store.experiment, name=NAME, source_run_id=run_id)
    with temporary_folder() as folder:
        path = folder / NAME
        save_model(
            predictor(outputs),
            path,
            mlflow_model=Model(artifact_path=logged.artifact_location, run_id=run_id, model_id=logged.model_id),
            signature=_signature(outputs.trial.head, sample),
            # The graph format (pt2) fixes the device and the size of the images, and has no eval().
            serialization_format="pickle",
            # This package is in no index: a requirement of its name would be a stranger's package.
            pip_requirements=[f"torch=={version('torch').partition('+')[0]}"],
        )
        store.client.log_model_artifacts(logged.model_id, str(path))
    store.client.finalize_logged_model(logged.model_id, "READY")
    store.client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])


def predictor(outputs: Outputs) -> Predictor:
    """Return the model of a trial, in evaluation mode on the CPU."""
    output = losses.load(loss_of(outputs.trial, outputs.record), outputs.record["loss_options"]).output
    return Predictor(load_model(outputs.model), outputs.trial.head, output.predict).eval()


def _signature(head: str, sample: PackedSample) -> ModelSignature:
    """Return what goes in and what comes out; the number of images, their height and their width are free."""
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import Schema, TensorSpec  # noqa: PLC0415

    def images(channels: int) -> Schema:
        # Without a name: with one, MLflow would hand the model a mapping, which its PyTorch module refuses.
        return Schema([TensorSpec(np.dtype("float32"), (-1, channels, -1, -1))])

    return ModelSignature(images(sample.in_channels), images(sample.classes if head == "mask" else 1))


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Let imports in the block find that `package` is not installed, unless it is imported already.

    MLflow's PyTorch module imports Lightning wherever it is installed, which takes ten seconds; nothing here needs it.
    """
    hidden = package not in sys.modules
    if hidden:
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[package]
