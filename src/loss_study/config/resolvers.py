"""What conf/ asks for while it is composed, ``${later_rounds:...}``: what neither Hydra nor dvc.yaml can compute."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from omegaconf import OmegaConf

from loss_study.choices import sources
from loss_study.config import fitted, rounds

#: What computes each of them.
RESOLVERS: dict[str, Callable[..., Any]] = {
    "scale_of": fitted.scale_of,
    "fitted": fitted.value,
    "later_rounds": rounds.later,
    "previous_rounds": rounds.previous,
    "model_source": sources.of_model,
    "dataset_source": sources.of_dataset,
    "loss_sources": sources.of_losses,
}


def register() -> None:
    """Let ``conf/`` ask for `RESOLVERS`."""
    for name, function in RESOLVERS.items():
        OmegaConf.register_new_resolver(name, partial(_resolved, function), replace=True)


def _resolved(function: Callable[..., Any], *nodes: Any) -> Any:
    plain = [OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node for node in nodes]
    found = function(*plain)
    return OmegaConf.create(found) if isinstance(found, dict | list) else found
