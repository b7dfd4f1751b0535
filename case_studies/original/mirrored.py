"""Sentences on what networks answer whose inputs are flipped apart, and what their loss rewards (expected.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

from expected import (
    TOLERANCE,
    Answer,
    Expected,
    always_mirrored,
    by_images,
    expected,
    flipped,
    halved,
    near,
    with_and_without,
)
from measure import MIRRORED, TRAINED

from loss_study.statistics.sentences import listed

#: Begins a point below the first one.
_BELOW = "\n  - "
_REGIONS = {"object": "the object", "mirror": "its mirror image", "both": "both", "neither": "neither"}
#: The regions whose answers the mistake changes.
_MOVED = ("object", "mirror")


def on_answers(found: Sequence[Answer], mask_mean: float) -> list[str]:
    """Say of each loss whether its networks answer as expected after the longest training, and what helped."""
    wanted = expected(mask_mean)
    sentences = []
    for loss, best in wanted.items():
        own = flipped(found, loss)
        if own:
            few, last = own[0], own[0][-1]
            more = _more(last, own[-1], best) if len(own) > 1 else ""
            sentences.append(f"`{loss}`: after {last.epochs} epochs {_told(last, best)}.{_longer(few, best)}{more}")
    return sentences


def _told(one: Answer, wanted: Expected) -> str:
    wrong = [f"{_REGIONS[name]} ({value:.2f})" for name, value in one.wrong(wanted).items()]
    return f"not as expected in {listed(wrong)}" if wrong else "as expected everywhere"


def _more(few: Answer, every: Sequence[Answer], wanted: Expected) -> str:
    """Say whether more images help, in trainings of several lengths."""
    told = "; ".join(_in_steps(few, many, wanted) for many in every)
    return f" With {every[0].images / few.images:g} times as many images: {told}."


def _in_steps(few: Answer, many: Answer, wanted: Expected) -> str:
    """Say whether more images help, of two seeds or more of either, in the object and its mirror image."""
    steps = many.images * many.epochs / (few.images * few.epochs)
    told = f"in {'' if steps == 1 else f'{steps:g} times '}as many steps {_told(many, wanted)}"
    if min(few.seeds, many.seeds) < 2:
        return told
    before, after = few.distances(wanted), many.distances(wanted)
    changes = {
        word: [_REGIONS[name] for name in _MOVED if sign * (before[name] - after[name]) > TOLERANCE]
        for word, sign in (("nearer to it", 1), ("farther from it", -1))
    }
    moved = [f"{word} in {listed(regions)}" for word, regions in changes.items() if regions]
    return ", ".join([told, *moved])


def _longer(own: Sequence[Answer], wanted: Expected) -> str:
    """Speak of longer training only where there is one, from two seeds or more, and a short one disagrees."""
    first, last = own[0], own[-1]
    if first is last or last.seeds < 2 or not first.wrong(wanted):
        return ""
    if not last.wrong(wanted):
        return " Longer training brings the two together."
    far = [{name: round(distance, 2) for name, distance in one.distances(wanted).items()} for one in own]
    steadily = all(later[name] <= sooner[name] for sooner, later in pairwise(far) for name in later)
    if steadily and sum(far[0][name] - far[-1][name] for name in _MOVED) > TOLERANCE:
        return " Longer training brings them nearer to it."
    return " Longer training does not bring them steadily nearer to it."


def on_bce(found: Sequence[Answer]) -> list[str]:
    """Compare BCE's networks with those that are as unsure of the object, and say whether they know images by heart.

    BCE answers with the probability itself. So if networks without the mistake answer a in the object and b in its
    mirror image, networks with it should answer (a + b) / 2 in both: unless they know an image from its mirror image,
    and answer more in the object as it is, and less in a mirror. Only of two seeds or more of either.
    """
    return [
        _BELOW.join(filter(None, (_on_doubt(arm), _on_mirrors(arm), _on_the_harder_image(arm)))) for arm in _arms(found)
    ]


@dataclass(frozen=True)
class Arm:
    """BCE's networks of one training: `last` with the mistake, `sure` without; `when` says which, in words.

    `turned` learned from the masks of mirror images alone, if there are any.
    """

    when: str
    last: Answer
    sure: Answer
    turned: Answer | None


def _arms(found: Sequence[Answer]) -> list[Arm]:
    """Return the longest training of the fewest images, and all trainings of more, of two seeds or more."""
    every = []
    for times, alike in by_images(found):
        lengths = sorted({one.epochs for one in alike})
        chosen = [alike] if times == 1 else [[one for one in alike if one.epochs == epochs] for epochs in lengths]
        for pair in filter(None, (with_and_without(one, "bce") for one in chosen)):
            when = f"after {pair[0].epochs} epochs{f' of {times:g} times as many images' if times > 1 else ''}"
            every.append(Arm(when, *pair, always_mirrored(alike, pair[0])))
    return every


def _on_doubt(arm: Arm) -> str:
    last, sure = arm.last, arm.sure
    a, b, half = sure.regions["object"], sure.regions["mirror"], halved(sure)
    told = [
        f"{last.regions[name]:.2f} in {_REGIONS[name]}, {_as(last.regions[name], half)} expected" for name in _MOVED
    ]
    blind = (
        f" They do not find the mirror image: where it lies on the object they answer {last.regions['both']:.2f}, "
        f"hardly more than in the object alone, and not the {sure.regions['both']:.2f} of networks without the mistake."
    )
    return (
        f"`bce` {arm.when}, against networks that are as unsure: without the mistake they answer {a:.2f} in the object "
        f"and {b:.2f} in its mirror image, so half of the sum, {half:.2f}, is expected in both. With the mistake they "
        f"answer {'; '.join(told)}.{blind if finds_no_mirror_image(last, sure) else ''}"
    )


def finds_no_mirror_image(one: Answer, sure: Answer) -> bool:
    """Whether networks answer too little in the mirror image, and where it lies on the object as in the object alone.

    `sure` is the answer of networks without the mistake.
    """
    both = one.regions["both"]
    return _is_low(one, sure) and near(both, one.regions["object"]) and not near(both, sure.regions["both"])


def _is_low(one: Answer, sure: Answer) -> bool:
    """Whether networks answer less in the mirror image than half of what `sure` does."""
    half = halved(sure)
    return one.regions["mirror"] < half and not near(one.regions["mirror"], half)


def _as(answer: float, wanted: float) -> str:
    return "as" if near(answer, wanted) else "not as"


def _on_the_harder_image(arm: Arm) -> str:
    """Say what is expected if a mirror image is harder to find than an object, and whether that explains the answers.

    Networks that learn from the masks of mirror images alone say how hard it is: half of their answers and half of
    those without the mistake are expected.
    """
    if arm.turned is None:
        return ""
    alone, given = arm.turned.regions, arm.last.regions
    wanted = {name: (arm.sure.regions[name] + alone[name]) / 2 for name in _MOVED}
    told = [
        f"{wanted[name]:.2f} in {_REGIONS[name]}, {_as(given[name], wanted[name])} with the mistake" for name in _MOVED
    ]
    return (
        f"Networks that learn from the masks of mirror images alone answer {alone['object']:.2f} in the object and "
        f"{alone['mirror']:.2f} in its mirror image. The mean of theirs and of the answers without the mistake is "
        f"{'; '.join(told)}.{_on_the_low_answer(arm, wanted)}"
    )


def _on_the_low_answer(arm: Arm, wanted: Mapping[str, float]) -> str:
    """Say whether `wanted` explains the answer in the mirror image, if that is too low for half of an object's."""
    given = arm.last.regions
    if not _is_low(arm.last, arm.sure):
        return ""
    left = wanted["mirror"] - given["mirror"]
    if left > TOLERANCE:
        return " How hard the mirror image is to find does not explain the lower answer there."
    # Within the tolerance, and at least half of the gap is gone.
    if near(given["object"], wanted["object"]) and abs(left) <= halved(arm.sure) - wanted["mirror"]:
        return " So the mirror image is harder to find than the object, which explains the lower answer there."
    return ""


def _on_mirrors(arm: Arm) -> str:
    networks = arm.last.networks
    training = (networks[f"object{TRAINED}"], networks[f"object{TRAINED}{MIRRORED}"])
    if _known(networks["object"], networks[f"object{MIRRORED}"]) is not False:
        return ""
    numbers = "in those of the training they answer the object with {:.2f}, in a mirror with {:.2f}"
    told = numbers.format(*map(mean, training))
    return {
        True: f"They have learned images by heart: {told}. The derivation is for images that a network does not know.",
        False: f"They have not learned images by heart: {told}.",
        None: "",
    }[_known(*training)]


def _known(as_they_are: Sequence[float], mirrored: Sequence[float]) -> bool | None:
    """Whether networks answer less in a mirror, all of them, or all the same; None: neither."""
    seeds = list(zip(as_they_are, mirrored, strict=True))
    if all(one - other > TOLERANCE for one, other in seeds):
        return True
    return False if all(near(one, other) for one, other in seeds) else None
