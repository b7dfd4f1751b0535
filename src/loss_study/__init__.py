"""Loss Study: which loss should masks and depth maps be trained with, on this data, and why.

``from loss_study import losses`` gives every loss for a training script of one's own, and needs torch alone;
``loss_study.compare`` runs a study on a model and a dataset of one's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loss_study.comparison.compare import compare

__all__ = ["compare"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Not imported with the package: it needs far more than the losses do.
    if name == "compare":
        from loss_study.comparison.compare import compare  # noqa: PLC0415

        return compare
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
