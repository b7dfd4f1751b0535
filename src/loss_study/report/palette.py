"""One colour per loss, the same in every chart, told apart with any colour vision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """A colour on a light page and its counterpart on a dark one, ``#rrggbb``; each has a contrast of 3:1 or more."""

    light: str
    dark: str


# Found by search, the smallest difference (CIEDE2000) under normal, protan, deutan and tritan vision as the aim:
# 17 on either page.
_OF_LOSS = {
    "bce": Colour("#3328d4", "#a5abff"),
    "weighted_bce": Colour("#058dff", "#0076c9"),
    "dice": Colour("#f05a00", "#c9570c"),
    "l1": Colour("#057359", "#30f3a2"),
    "rmse": Colour("#a78199", "#9e8193"),
    "huber": Colour("#723800", "#ebaa0e"),
    "ssim": Colour("#4c4360", "#d8d4da"),
}
_OTHERS = (
    Colour("#7a3fb0", "#b892e8"),
    Colour("#8a4b2a", "#d3a07f"),
    Colour("#5d7f1e", "#b5d468"),
    Colour("#a3243b", "#f2808f"),
)


def colours(losses: Iterable[str]) -> dict[str, Colour]:
    """Return each loss's colour: the seven of the study keep theirs, others take the spare ones in turn."""
    losses = list(losses)
    others = [loss for loss in losses if loss not in _OF_LOSS]
    spare = {loss: _OTHERS[number % len(_OTHERS)] for number, loss in enumerate(others)}
    return {loss: _OF_LOSS.get(loss) or spare[loss] for loss in losses}
