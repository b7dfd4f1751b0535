"""A model in MLflow: what ``mlflow.pyfunc.load_model`` returns and ``mlflow models serve`` answers with.

.. code:: python

    model = mlflow.pyfunc.load_model("models:/loss-study-scenes@champion")
    found = model.predict(inputs)  # float32 (N, C, H, W) in [0, 1]; {"mask": (N, 1, H, W), "depth": (N, 1, H, W)}
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from loss_study.inference.contract import Depth
from loss_study.inference.folder import ModelFolder
from loss_study.inference.runtimes import load


class Served:
    """A loaded model as MLflow calls it."""

    def __init__(self, path: Path) -> None:
        folder = ModelFolder.open(path)
        self.contract = folder.contract
        # MLflow has already run what its model names, see SECURITY.md.
        self._runtime = load(folder, trusted=True)

    def predict(self, inputs: np.ndarray, _params: object = None) -> dict[str, np.ndarray]:
        """Return by head the probabilities of the mask, and the depth in metres, or relative in [0, 1]; all float32."""
        found = self._runtime(np.ascontiguousarray(inputs, dtype=np.float32))
        return {head: self._in_its_unit(head, values) for head, values in found.items()}

    def _in_its_unit(self, head: str, values: np.ndarray) -> np.ndarray:
        output = self.contract.outputs[head]
        known = isinstance(output, Depth) and output.scale is not None
        return output.scale.decode(values) if known else values  # type: ignore[union-attr]


def _load_pyfunc(path: str) -> Served:
    """Return the model in the folder `path`; MLflow calls this."""
    return Served(Path(path))
