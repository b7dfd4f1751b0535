"""Sentences on what networks answer whose inputs are flipped apart, and what their loss rewards (expected.py)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import mean

from expected import TOLERANCE, Answer, Expected, by_images, expected, flipped, halved, near, with_and_without
from measure import MIRRORED, TRAINED

from loss_study.statistics.sentences import listed

#: Whether networks know images of each split from their mirror images, if they have learned those of the training by
#: heart, and if they have not.
BY_HEART = {"test": False, "training": True}
BY_SIGHT = {"test": False, "training": False}
_REGIONS = {"object": "the object", "mirror": "its mirror image", "both": "both", "neither": "neither"}


def on_answers(found: Sequence[Answer], mask_mean: float) -> list[str]:
    """Say of each loss whether its networks answer as expected after the longest training, and what helped."""
    wanted = expected(mask_mean)
    sentences = []
    for loss, best in wanted.items():
        for few, *many in [flipped(found, loss)] if flipped(found, loss) else []:
            last = few[-1]
            more = _more(last, many[-1][-1], best) if many else ""
            told = f"after {last.epochs} epochs {_told(last, best)}"
            sentences.append(f"`{loss}`: {told}.{_longer(few, best)}{more}")
    return sentences


def _told(one: Answer, wanted: Expected) -> str:
    wrong = [f"{_REGIONS[name]} ({value:.2f})" for name, value in one.wrong(wanted).items()]
    return f"not as expected in {listed(wrong)}" if wrong else "as expected everywhere"


def _more(few: Answer, many: Answer, wanted: Expected) -> str:
    """Say whether more images help: of two seeds or more of either, in the object and its mirror image."""
    times, steps = (many.images / few.images, many.images * many.epochs / (few.images * few.epochs))
    in_steps = "as many steps" if steps == 1 else f"{steps:g} times as many steps"
    told = f"{_of_more(times)[1:].capitalize()}, in {in_steps}, {_told(many, wanted)}"
    if min(len(one.networks["object"]) for one in (few, many)) < 2:
        return f" {told}."
    before, after = few.distances(wanted), many.distances(wanted)
    changes = {
        word: [_REGIONS[name] for name in ("object", "mirror") if sign * (before[name] - after[name]) > TOLERANCE]
        for word, sign in (("nearer to it", 1), ("farther from it", -1))
    }
    moved = [f"{word} in {listed(regions)}" for word, regions in changes.items() if regions]
    return f" {'; '.join([told, *moved])}."


def _longer(own: Sequence[Answer], wanted: Expected) -> str:
    """Speak of longer training only where there is one, from two seeds or more, and a short one disagrees."""
    first, last = own[0], own[-1]
    if first is last or len(last.networks["object"]) < 2 or not first.wrong(wanted):
        return ""
    if not last.wrong(wanted):
        return " Longer training brings the two together."
    far = [{name: round(distance, 2) for name, distance in one.distances(wanted).items()} for one in own]
    steadily = all(later[name] <= sooner[name] for sooner, later in pairwise(far) for name in later)
    # Of what the mistake changes: the object and its mirror image.
    if steadily and sum(far[0][name] - far[-1][name] for name in ("object", "mirror")) > TOLERANCE:
        return " Longer training brings them nearer to it."
    return " Longer training does not bring them steadily nearer to it."


def on_doubt(found: Sequence[Answer]) -> list[str]:
    """Compare BCE's networks with those that are as unsure of the object, but make no mistake.

    BCE answers with the probability itself. So if networks without the mistake answer a in the object and b in its
    mirror image, networks with it should answer (a + b) / 2 in both. Only of two seeds or more of either.
    """
    return [sentence for times, alike in by_images(found) for sentence in _on_doubt(alike, _of_more(times))]


def _on_doubt(found: Sequence[Answer], of_more: str) -> list[str]:
    pair = with_and_without(found, "bce")
    if pair is None:
        return []
    last, sure = pair
    a, b, half = sure.regions["object"], sure.regions["mirror"], halved(sure)
    told = [
        f"{last.regions[name]:.2f} in {_REGIONS[name]}, {'as' if near(last.regions[name], half) else 'not as'} expected"
        for name in ("object", "mirror")
    ]
    sentences = [
        f"`bce`{of_more}, against networks that are as unsure: without the mistake they answer {a:.2f} in the object "
        f"and {b:.2f} in its mirror image after {last.epochs} epochs, so half of the sum, {half:.2f}, is expected in "
        f"both. With the mistake they answer {'; '.join(told)}."
    ]
    if finds_no_mirror_image(last, sure):
        sentences.append(
            f"They do not find the mirror image: where it lies on the object they answer {last.regions['both']:.2f}, "
            f"hardly more than in the object alone, and not the {sure.regions['both']:.2f} of networks without the "
            "mistake."
        )
    return sentences


def finds_no_mirror_image(one: Answer, sure: Answer) -> bool:
    """Whether networks answer too little in the mirror image, and where it lies on the object as in the object alone.

    `sure` is the answer of networks without the mistake.
    """
    half = halved(sure)
    is_low = one.regions["mirror"] < half and not near(one.regions["mirror"], half)
    both = one.regions["both"]
    return is_low and near(both, one.regions["object"]) and not near(both, sure.regions["both"])


def on_mirrors(found: Sequence[Answer]) -> list[str]:
    """Say whether BCE's networks, trained longest with the mistake, know an image from its mirror image.

    One that does answers more in the object as it is, and less in a mirror. Only of two seeds or more that agree.
    """
    return [sentence for times, alike in by_images(found) for sentence in _on_mirrors(alike, _of_more(times))]


def _on_mirrors(found: Sequence[Answer], of_more: str) -> list[str]:
    pair = with_and_without(found, "bce")
    if pair is None:
        return []
    shown = _shown(pair[0])
    known = {split: _known(*answers) for split, answers in shown.items()}
    parts = [
        f"with {mean(as_they_are):.2f} and {mean(mirrored):.2f} in the {split} split, which it "
        f"{'knows' if known[split] else 'does not know'} apart"
        for split, (as_they_are, mirrored) in shown.items()
        if known[split] is not None
    ]
    if not parts:
        return []
    told = f"`bce`{of_more}, with the mistake, answers the object of images as they are and in a mirror"
    by_heart = " It has learned those by heart; the derivation is for images that a network does not know."
    return [f"{told} {', and '.join(parts)}.{by_heart if known == BY_HEART else ''}"]


def on_more_images(found: Sequence[Answer]) -> list[str]:
    """Say what BCE's networks answer that have so many images that they do not learn them by heart, if others do."""
    every = [(times, with_and_without(alike, "bce")) for times, alike in by_images(found)]
    pairs = [(times, pair) for times, pair in every if pair]
    known = [{split: _known(*answers) for split, answers in _shown(pair[0]).items()} for _, pair in pairs]
    if len(pairs) < 2 or (known[0], known[-1]) != (BY_HEART, BY_SIGHT):
        return []
    times, (last, sure) = pairs[-1]
    told = [
        f"{_REGIONS[name]} {'' if near(last.regions[name], halved(sure)) else 'not '}as expected"
        for name in ("object", "mirror")
    ]
    return [
        f"So{_of_more(times)} it does not learn them by heart; against networks that are as unsure it then answers "
        f"{' and '.join(told)}."
    ]


def _shown(one: Answer) -> dict[str, tuple[list[float], list[float]]]:
    """Return the answers of each network in the object of images as they are and in a mirror, by split."""
    networks = one.networks
    return {
        "test": (networks["object"], networks[f"object{MIRRORED}"]),
        "training": (networks[f"object{TRAINED}"], networks[f"object{TRAINED}{MIRRORED}"]),
    }


def _known(as_they_are: Sequence[float], mirrored: Sequence[float]) -> bool | None:
    """Whether networks answer less in a mirror, all of them, or all the same; None: neither."""
    seeds = list(zip(as_they_are, mirrored, strict=True))
    if all(one - other > TOLERANCE for one, other in seeds):
        return True
    return False if all(near(one, other) for one, other in seeds) else None


def _of_more(times: float) -> str:
    return f" with {times:g} times as many images" if times > 1 else ""
