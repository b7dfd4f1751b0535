"""What computes a model: onnxruntime, which needs no torch, or torch."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Literal, Protocol

import numpy as np

from loss_study.inference.contract import Mask
from loss_study.inference.folder import ONNX, ModelFolder
from loss_study.runtime.errors import StudyError, in_one_line
from loss_study.runtime.printable import printable
from loss_study.runtime.processes import cores

#: auto: onnxruntime where it is installed and the model was exported, else torch.
Name = Literal["auto", "onnx", "torch"]
NAMES: tuple[Name, ...] = ("auto", "onnx", "torch")


class Runtime(Protocol):
    """A loaded model."""

    #: "onnxruntime" or "torch".
    name: str
    #: Calls that compute at the same time, from as many threads.
    at_once: int

    def __call__(self, inputs: np.ndarray, /) -> dict[str, np.ndarray]:
        """Return what the model predicts of `inputs` by head, as its `Contract` says."""
        ...


def load(
    folder: ModelFolder, name: Name = "auto", threads: int = 0, at_once: int = 1, *, trusted: bool = False
) -> Runtime:
    """Load the model in `folder`; its files are verified.

    Args:
        threads: of the processor; 0: all cores.
        at_once: calls that are wanted at the same time; `Runtime.at_once` may be less. They share the threads: each
            computes with fewer, which wait less for each other.
        trusted: torch may run code that ``model.json`` names by import path. Asking for torch says so, too.

    Raises:
        StudyError: a damaged file, a model without ``model.onnx`` for onnxruntime, a package that is missing, or a
            folder that names code and is not trusted.
    """
    trusted = trusted or name == "torch"
    if name == "auto":
        name = "onnx" if folder.has(ONNX) and find_spec("onnxruntime") else "torch"
    package = "onnxruntime" if name == "onnx" else "torch"
    if find_spec(package) is None:
        other = "" if folder.has(ONNX) else "; this model has no model.onnx"
        raise StudyError(f"{package}: not installed; run 'pip install {package}'{other}")
    if name == "onnx":
        return OnnxRuntime(folder, threads, at_once)
    if folder.target and not trusted:
        target = printable(folder.target)
        raise StudyError(f"{folder.path}: runs code, {target}; if you trust who wrote it, add --runtime torch")
    from loss_study.inference.torch_runtime import TorchRuntime  # noqa: PLC0415 -- torch may be missing

    return TorchRuntime(folder, threads)


class OnnxRuntime:
    """``model.onnx``, computed by onnxruntime on the first of its devices."""

    name = "onnxruntime"

    def __init__(self, folder: ModelFolder, threads: int = 0, at_once: int = 1) -> None:
        import onnxruntime  # noqa: PLC0415 -- takes longer than all else of a command that ends with an error

        threads = threads or cores()
        self.at_once = max(1, min(threads, at_once))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads // self.at_once
        # Threads that wait actively take the processor from those that read and write images.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = folder.file(ONNX)
        try:
            # The providers that this onnxruntime was built with, the fastest first.
            providers = onnxruntime.get_available_providers()
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:
            raise StudyError(f"{path}: onnxruntime cannot load it ({in_one_line(error)})") from None
        self._path = path
        outputs = folder.contract.outputs
        self._channels = {head: one.classes if isinstance(one, Mask) else 1 for head, one in outputs.items()}

    def __call__(self, inputs: np.ndarray, /) -> dict[str, np.ndarray]:
        """Return the predictions of float32 (N, C, H, W) in [0, 1] by head."""
        try:
            found = dict(zip(self._channels, self._session.run(list(self._channels), {"inputs": inputs}), strict=True))
        except Exception as error:
            # Those of onnxruntime have no common class.
            raise StudyError(f"{self._path}: onnxruntime cannot compute it ({in_one_line(error)})") from None
        for head, channels in self._channels.items():
            wanted = (len(inputs), channels, *inputs.shape[2:])
            if found[head].shape != wanted or found[head].dtype != np.float32:
                given = f"{found[head].dtype} {found[head].shape}"
                raise StudyError(f"{self._path}: gives {given} for the {head} instead of float32 {wanted}")
        return found
