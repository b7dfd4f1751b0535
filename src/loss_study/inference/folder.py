"""The folder of a model: ``model.json``, ``model.safetensors``, ``model.onnx`` and ``README.md``.

``model.json`` lists the SHA-256 of the other files, and has that of its own values; what was changed or cut off is
refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loss_study.inference.contract import Contract
from loss_study.runtime.checksums import sha256
from loss_study.runtime.errors import StudyError

DESCRIPTION = "model.json"
WEIGHTS = "model.safetensors"
ONNX = "model.onnx"
CARD = "README.md"
#: Key of ``model.json``: the SHA-256 of all others. Folders of earlier versions have none.
OWN = "sha256"


@dataclass(frozen=True)
class ModelFolder:
    """An opened folder: its `path`, all that ``model.json`` says (`description`), and the `contract` in it."""

    path: Path
    description: dict[str, Any]
    contract: Contract

    @classmethod
    def open(cls, path: Path) -> ModelFolder:
        """Read ``model.json`` in `path`; StudyError if there is none, or if it is damaged or of another format."""
        file = path / DESCRIPTION
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
            digest = own_digest(values) if isinstance(values, dict) else ""
        except (FileNotFoundError, NotADirectoryError):
            raise StudyError(f"{file}: no model there; 'loss-study final' writes one to model/") from None
        except (ValueError, RecursionError) as error:
            raise _damaged(file, str(error)) from None
        if not isinstance(values, dict) or not isinstance(values.get("files"), dict):
            raise _damaged(file, "no list of files")
        if values.get(OWN, digest) != digest:
            raise _damaged(file, "its SHA-256 is not that in it")
        return cls(path, values, Contract.of(values, str(file)))

    def has(self, name: str) -> bool:
        """Whether the file `name` belongs to the model."""
        return name in self.description["files"]

    @property
    def target(self) -> str:
        """The import path of the first code beside this package that torch would run for the networks, "" for none."""
        return _target(self.description.get("networks"))

    def file(self, name: str) -> Path:
        """Return the path of a file of the model; StudyError if it is missing or not the one that was written."""
        path = self.path / name
        if not self.has(name):
            raise StudyError(f"{self.path}: the model has no {name}")
        try:
            found = sha256(path)
        except FileNotFoundError:
            raise _damaged(path, "missing") from None
        if found != self.description["files"][name]:
            raise _damaged(path, "its SHA-256 is not that in model.json")
        return path


def own_digest(values: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what ``model.json`` says, but for that itself."""
    others = {key: value for key, value in values.items() if key != OWN}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def _target(values: Any) -> str:
    if isinstance(values, dict):
        return str(values["_target_"]) if "_target_" in values else _target(list(values.values()))
    return next(filter(None, map(_target, values)), "") if isinstance(values, list) else ""


def _damaged(path: Path, reason: str) -> StudyError:
    return StudyError(f"{path}: damaged ({reason}); copy the folder again, or write it with 'loss-study final'")
