"""Why inputs flipped apart harm a loss, if its networks answer in that way (expected.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expected import TOLERANCE, Answer, Expected, expected, halved, near, with_and_without
from plan import HALF

THRESHOLD = 0.5


@dataclass(frozen=True)
class Reason:
    """Why inputs flipped apart harm a loss: `kind` in general, `told` with the numbers of the networks."""

    kind: str
    told: str


def because(found: Sequence[Answer], loss: str, mask_mean: float, images: int, epochs: int) -> Reason | None:
    """Return why inputs flipped apart harm `loss`, if its networks answer in that way.

    Only those that are trained for `epochs` of `images`, as the networks that are harmed: more of them change the
    answers.
    """
    alike = [one for one in found if (one.images, one.epochs) == (images, epochs)]
    own = [one for one in alike if one.loss == loss and one.mirrored == HALF]
    return (_as_derived(own[0], expected(mask_mean)[loss]) or _beside(alike, loss)) if own else None


def on_reasons(reasons: Sequence[Reason | None]) -> list[str]:
    """Say in general why inputs flipped apart harm a loss, where it is the same reason on every dataset.

    `reasons` has one for each dataset, None where none is seen.
    """
    if not any(reasons):
        return []
    kinds = {reason.kind if reason else "" for reason in reasons}
    kind = f": {kinds.pop()}" if len(kinds) == 1 else ""
    return [f"With inputs flipped apart, half of the masks belong to the mirror image{kind}."]


def _as_derived(last: Answer, wanted: Expected) -> Reason | None:
    """Say what networks do that answer as expected where the object alone or its mirror image alone is."""
    wrong = last.wrong(wanted)
    object_, mirror = last.regions["object"], last.regions["mirror"]
    if last.loss == "bce" and "object" not in wrong:
        chance = f"a threshold of {THRESHOLD} decides by chance"
        return Reason(
            f"BCE answers about {THRESHOLD}, and {chance}", f"BCE answers {object_:.2f} in the object: {chance}"
        )
    if last.loss == "dice" and not {"object", "mirror"} & wrong.keys():
        return Reason(
            "Dice draws both, the object and its mirror image",
            f"Dice draws both, the object ({object_:.2f}) and its mirror image ({mirror:.2f})",
        )
    if last.loss == "l1" and max(object_, mirror) <= TOLERANCE:
        black = "L1 answers black"
        costs = "which costs no more than the object would"
        return Reason(f"{black}, {costs}", f"{black} ({object_:.2f} in the object), {costs}")
    return None


def _beside(found: Sequence[Answer], loss: str) -> Reason | None:
    """Say what the mistake changes in the answers of networks that are less sure than the derivation takes them for."""
    pair = with_and_without(found, loss)
    if pair is None:
        return None
    half = halved(pair[1])
    (object_, mirror), (before, mirror_before) = ((one.regions["object"], one.regions["mirror"]) for one in pair)
    falls = object_ < THRESHOLD < before
    told = f"{object_:.2f} in the object instead of {before:.2f}"
    if loss == "bce" and falls and near(object_, half):
        below = f"below the threshold of {THRESHOLD}"
        kind = f"in the object BCE answers about half of what it answers otherwise, which is {below}"
        told = f"BCE answers {told}, which is about half of it, and {below}"
        other = (
            ""
            if near(mirror, half)
            else f"; in the mirror image it answers {mirror:.2f}, where half would be {half:.2f}"
        )
        return Reason(kind, told + other)
    if loss == "l1" and falls and object_ < half - TOLERANCE:
        kind = f"the best answer for L1 is black wherever the probability is below {THRESHOLD}"
        return Reason(kind, f"L1 answers {told}")
    if loss == "dice" and mirror - mirror_before > TOLERANCE:
        kind = "Dice draws a part of the mirror image, too"
        return Reason(kind, f"{kind}, {mirror:.2f} there instead of {mirror_before:.2f}")
    return None
