"""Models by import path: any ``nn.Module`` that takes images and returns logits.

.. code:: yaml

    name: imported
    options: {_target_: my_package.MyNet, width: 16}

The class or function is called with the other options and, as far as it takes them, with ``in_channels``, ``classes``
(logits per pixel of the head) and ``heads``. Its network takes float images (N, in_channels, H, W) in [0, 1] and
returns logits (N, classes, H, W), or a mapping that has them by head, or as "out" or "logits".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from loss_study.choices import imported
from loss_study.models.base import logit_counts
from loss_study.runtime.errors import StudyError

#: Where libraries put the logits of a network with one output.
OUTPUTS = ("out", "logits")


class Imported(nn.Module):
    """Somebody's network; `title` is what messages call it."""

    def __init__(self, network: nn.Module, title: str, counts: Mapping[str, int]) -> None:
        super().__init__()
        self.network = network
        self.title = title
        self._counts = dict(counts)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return the logits of every head.

        Raises:
            StudyError: the network returns something else; the message names it.
        """
        found = self.network(x)
        if isinstance(found, Mapping) and not set(self._counts) <= set(found):
            found = next((found[name] for name in OUTPUTS if name in found), found)
        if isinstance(found, Tensor) and len(self._counts) == 1:
            found = {next(iter(self._counts)): found}
        for head, count in self._counts.items():
            wanted = (len(x), count, *x.shape[-2:])
            logits = found.get(head) if isinstance(found, Mapping) else None
            if not isinstance(logits, Tensor) or logits.shape != wanted:
                shape = tuple(logits.shape) if isinstance(logits, Tensor) else _kind(found)
                raise StudyError(
                    f"model.options: {self.title} returns {shape} for the {head}, not logits of shape {wanted}"
                )
        return {head: found[head] for head in self._counts}


def _kind(found: Any) -> str:
    return f"a mapping of {', '.join(map(str, found))}" if isinstance(found, Mapping) else f"a {type(found).__name__}"


def check_options(options: Mapping[str, Any]) -> None:
    """Raise a StudyError unless `options` name something that can be imported."""
    imported.refuse_unknown("model.options", options, {})
    imported.find(f"model.options.{imported.TARGET}", options.get(imported.TARGET))


def build(in_channels: int, heads: Sequence[str], classes: int, **options: Any) -> Imported:
    """Return the network that `options` name.

    Raises:
        StudyError: it cannot be imported or built, or is no ``nn.Module``; the message names it.
    """
    counts = logit_counts(heads, classes)
    offered = {"in_channels": in_channels, "classes": max(counts.values()), "heads": list(heads)}
    network, title = imported.made("model.options", options, **offered), imported.title(options)
    if not isinstance(network, nn.Module):
        raise StudyError(f"model.options: {title} gives a {type(network).__name__}, not an nn.Module")
    return Imported(network, title, counts)
