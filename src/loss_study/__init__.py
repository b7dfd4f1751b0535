"""Loss Study: which loss should masks and depth maps be trained with, on this data, and why.

``from loss_study import losses`` gives every loss for a training script of one's own, and needs torch alone;
``loss_study.compare`` runs a study on a model and a dataset of one's own.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Not imported with the package: it needs far more than the losses do.
    if name == "compare":
        try:
            return import_module("loss_study.comparison.compare").compare
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"loss_study.compare needs the packages of a study, and {error.name} is not installed: "
                "pip install -r requirements/study.txt",
                name=error.name,
            ) from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
