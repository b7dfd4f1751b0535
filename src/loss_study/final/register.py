"""The model in MLflow's registry, as version ``champion``: complete, so that it is served where nothing of ours is.

The files of this package that a prediction needs travel with the model (`code_paths`). A requirement named
``loss-study`` would be looked up in an index that is not ours, and a wheel would have to be built from a checkout.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import loss_study
from loss_study.inference import serving
from loss_study.inference.contract import Contract, Mask
from loss_study.inference.folder import DESCRIPTION, ONNX, ModelFolder
from loss_study.runtime.checksums import sha256
from loss_study.runtime.files import temporary_folder
from loss_study.tracking import describe
from loss_study.tracking import store as stores
from loss_study.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

ALIAS = "champion"
#: Tag of a version: the SHA-256 of its ``model.json``, which has those of the other files.
DIGEST = "loss_study.digest"
PACKAGE = Path(loss_study.__file__).parent
#: Run in a process of its own, it prints the files of this package that a prediction by onnxruntime imports.
_IMPORTED = f"""
import sys
import {serving.__name__}
for name, module in sys.modules.items():
    if name.partition(".")[0] == "{PACKAGE.name}":
        print(module.__file__)
"""
#: What that code imports, and where there is no ``model.onnx``.
PACKAGES, WITH_TORCH = ("numpy", "onnxruntime"), ("numpy", "torch", "safetensors", "pydantic", "pyyaml", "filelock")


def register(folder: Path) -> str:
    """Register the model in `folder` and make it the champion; return a sentence that says where it is.

    A model that is registered already gets no second version.

    Raises:
        StudyError: a damaged folder, or MLflow cannot be reached or refuses.
    """
    opened = ModelFolder.open(folder)
    name, digest = registered_name(opened.description), sha256(folder / DESCRIPTION)
    with stores.failing_in_one_line():
        store = stores.connect()
        number = _version_of(store, name, digest) or _add(store, name, digest, opened)
        store.client.set_registered_model_alias(name, ALIAS, number)
    return f"in MLflow: models:/{name}@{ALIAS}, version {number}"


def registered_name(description: Mapping[str, Any]) -> str:
    """Return the name of the models of a dataset: ``loss-study-scenes``."""
    return "loss-study-" + re.sub(r"[^\w.-]+", "-", description["data"]["title"])


def _version_of(store: Store, name: str, digest: str) -> str | None:
    found = store.client.search_model_versions(f"name = '{name}'")
    return next((str(one.version) for one in found if one.tags.get(DIGEST) == digest), None)


def _add(store: Store, name: str, digest: str, folder: ModelFolder) -> str:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        store.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    run_id = _run(store, folder)
    model_id = _log(store, run_id, folder)
    made = store.client.create_model_version(
        name, f"models:/{model_id}", run_id, tags={DIGEST: digest}, model_id=model_id
    )
    store.client.set_terminated(run_id, "FINISHED")
    return str(made.version)


def _run(store: Store, folder: ModelFolder) -> str:
    """Open a run with what was measured, and the card as its note; return its id."""
    description = folder.description
    note = (folder.path / "README.md").read_text(encoding="utf-8")
    commit = {"git.commit": description["commit"]} if description["commit"] else {}
    tags = {"mlflow.note.content": note, **commit}
    run_id = store.client.create_run(store.experiment, run_name=describe.run_name("final model"), tags=tags).info.run_id
    for head, found in description["measured"].items():
        for one in found["metrics"]:
            store.client.log_metric(run_id, f"final/{head}/{one['metric']}", one["value"])
    for choice in description["training"]["choices"]:
        store.client.log_param(run_id, f"final_{choice['head']}_loss", choice["loss"])
    return run_id


def _log(store: Store, run_id: str, folder: ModelFolder) -> str:
    from mlflow.entities import LoggedModelOutput  # noqa: PLC0415
    from mlflow.models import Model  # noqa: PLC0415
    from mlflow.pyfunc import save_model  # noqa: PLC0415

    logged = store.client.create_logged_model(store.experiment, name="final", source_run_id=run_id)
    with temporary_folder() as scratch:
        path = scratch / "model"
        save_model(
            str(path),
            loader_module=serving.__name__,
            data_path=str(folder.path),
            code_paths=[str(_code(scratch, folder))],
            mlflow_model=Model(artifact_path=logged.artifact_location, run_id=run_id, model_id=logged.model_id),
            signature=_signature(folder.contract),
            input_example=_example(folder.contract),
            pip_requirements=_requirements(folder),
        )
        store.client.log_model_artifacts(logged.model_id, str(path))
    store.client.finalize_logged_model(logged.model_id, "READY")
    store.client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return logged.model_id


def _code(scratch: Path, folder: ModelFolder) -> Path:
    if not folder.has(ONNX):
        return PACKAGE
    imported = subprocess.run([sys.executable, "-c", _IMPORTED], capture_output=True, text=True, check=True).stdout
    for file in map(Path, imported.splitlines()):
        target = scratch / PACKAGE.name / file.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return scratch / PACKAGE.name


def _requirements(folder: ModelFolder) -> list[str]:
    packages = PACKAGES if folder.has(ONNX) else WITH_TORCH
    return [f"{package}=={version(package).partition('+')[0]}" for package in packages]


def _signature(contract: Contract) -> ModelSignature:
    """Return what goes in and what comes out; the number of images, their height and their width are free."""
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import Schema, TensorSpec  # noqa: PLC0415

    def images(channels: int, name: str | None = None) -> TensorSpec:
        return TensorSpec(np.dtype("float32"), (-1, channels, -1, -1), name)

    outputs = contract.outputs.items()
    return ModelSignature(
        Schema([images(contract.input.channels)]),
        Schema([images(one.classes if isinstance(one, Mask) else 1, head) for head, one in outputs]),
    )


def _example(contract: Contract) -> np.ndarray:
    """Return an image of the smallest size, grey: the example is kept as text."""
    side = 2 * contract.input.stride
    return np.full((1, contract.input.channels, side, side), 0.5, dtype=np.float32)
