"""One colour per loss, the same in every chart, distinct with any colour vision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """A colour on a light page and its counterpart on a dark one, ``#rrggbb``; each has a contrast of 3:1 or more."""

    light: str
    dark: str


# Found by a search that maximises the smallest difference (CIEDE2000) under normal, protan, deutan and tritan vision:
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
# In the order in which they are used: each is the farthest from all before it, 9 or more up to the eighth.
_OTHERS = (
    Colour("#192b21", "#68b28a"),
    Colour("#758d63", "#656f5e"),
    Colour("#596494", "#abadbe"),
    Colour("#706374", "#f2cbff"),
    Colour("#35247f", "#736492"),
    Colour("#5d6a32", "#d0f958"),
    Colour("#957fbd", "#9d88c4"),
    Colour("#20523e", "#8ad3b2"),
    Colour("#232903", "#7a834a"),
    Colour("#4e2f3f", "#7f6c75"),
    Colour("#24489e", "#6584f9"),
    Colour("#5f7d70", "#4d9579"),
    Colour("#1d021a", "#96a159"),
    Colour("#0b0346", "#d7bc71"),
    Colour("#5c4fff", "#e8721d"),
    Colour("#399c2a", "#b2ffd3"),
    Colour("#30244d", "#c62ab7"),
    Colour("#b8305a", "#7335fe"),
    Colour("#a748be", "#646a36"),
    Colour("#280600", "#fb8993"),
    Colour("#7b779b", "#a5490e"),
    Colour("#bf7282", "#cd6573"),
    Colour("#884f05", "#d1158f"),
    Colour("#444f2a", "#94b8d8"),
    Colour("#4a8944", "#fdfc8e"),
    Colour("#66427c", "#c4cade"),
    Colour("#080eb6", "#bf6aa4"),
    Colour("#2e1f30", "#6a835f"),
)


def colours(losses: Iterable[str]) -> dict[str, Colour]:
    """Return each loss's colour: fixed for the seven of the default study, else the next spare one."""
    losses = list(losses)
    others = [loss for loss in losses if loss not in _OF_LOSS]
    spare = {loss: _OTHERS[number % len(_OTHERS)] for number, loss in enumerate(others)}
    return {loss: _OF_LOSS.get(loss) or spare[loss] for loss in losses}
