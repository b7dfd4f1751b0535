"""What a loss rewards where a mask is that of the image or of its mirror image, each in half of the cases.

Derived by hand; tests/case_studies/test_expected.py minimises the losses themselves. t is the mask, p the answer, and
q the probability that a pixel is foreground: 1/2 in the object alone or in its mirror image alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean

from measure import MIRRORED, REGIONS, SEEN, TRAINED
from pool import Row

from loss_study.statistics.sentences import listed

#: An answer this far from the expected one agrees with it.
TOLERANCE = 0.1
THRESHOLD = 0.5


@dataclass(frozen=True)
class Expected:
    """The answer that has the least expected loss where q is 1/2, from `low` to `high`, and why, in a sentence."""

    low: float
    high: float
    why: str

    def __str__(self) -> str:
        return f"{self.low:.2f}" if self.low == self.high else f"anything from {self.low:g} to {self.high:g}"


def expected(mask_mean: float) -> dict[str, Expected]:
    """Return what each loss rewards; `mask_mean` is the share of foreground, which weights `weighted_bce`."""
    return {
        "bce": Expected(0.5, 0.5, "p = q has the least expected cross-entropy."),
        "dice": Expected(
            1.0,
            1.0,
            "Object and mirror image together overlap with either mask by 2a / (3a - o) for a pixels of the object, o "
            "of which the mirror image shares: more than one of them alone, or the shared pixels alone.",
        ),
        "l1": Expected(
            0.0,
            1.0,
            "The median: at q = 1/2 what an answer gains with one mask it loses with the other; with any further doubt "
            "q is below 1/2, and 0 is the median.",
        ),
        "huber": Expected(
            0.1,
            0.9,
            "From delta = 0.1 to 1 - delta an answer loses with one mask what it gains with the other; with any "
            "further doubt the lowest of these is best.",
        ),
        "weighted_bce": Expected(
            1 - mask_mean,
            1 - mask_mean,
            "p = w q / (w q + 1 - q) for the weight w of the foreground, which is (1 - m) / m for a share m of "
            "foreground: 1 - m.",
        ),
    }


@dataclass(frozen=True)
class Answer:
    """The networks of one loss after so many epochs, and their answers.

    Attributes:
        loss, epochs: of the training.
        flipped: their inputs were flipped apart; else they make no mistake.
        regions: the mean answer in each of `REGIONS`.
        networks: the answers of each network there, and in the object with a suffix of how else images are shown.
    """

    loss: str
    epochs: int
    flipped: bool
    regions: dict[str, float]
    networks: dict[str, list[float]]

    def distances(self, wanted: Expected) -> dict[str, float]:
        """Return how far the answer in each region is from the expected one; 0: as expected."""
        known = {"both": (1.0, 1.0), "neither": (0.0, 0.0)}
        ranges = {name: known.get(name, (wanted.low, wanted.high)) for name in self.regions}
        return {
            name: max(ranges[name][0] - value, value - ranges[name][1], 0.0) for name, value in self.regions.items()
        }

    def wrong(self, wanted: Expected) -> dict[str, float]:
        """Return the regions in which the answer is farther than `TOLERANCE` from the expected one, and it."""
        far = self.distances(wanted)
        return {name: value for name, value in self.regions.items() if far[name] > TOLERANCE}


def answers(rows: Sequence[Row]) -> list[Answer]:
    """Gather the rows of ``results/<dataset>-answers.csv``."""
    found: dict[tuple[str, int, bool], list[Row]] = defaultdict(list)
    for row in rows:
        found[row["loss"], int(row["epochs"]), str(row["flip_apart"]) == "1"].append(row)
    every = []
    for (loss, epochs, flipped), own in sorted(found.items()):
        names = [*REGIONS, *(f"object{seen}" for seen in SEEN if seen)]
        networks = {name: [float(row[f"answer_{name}"]) for row in own] for name in names}
        regions = {name: mean(networks[name]) for name in REGIONS}
        every.append(Answer(loss, epochs, flipped, regions, networks))
    return every


def flipped(found: Sequence[Answer], loss: str) -> list[Answer]:
    """Return the answers of the networks of `loss` whose inputs were flipped apart, by the length of their training."""
    return [one for one in found if one.loss == loss and one.flipped]


def on_answers(found: Sequence[Answer], mask_mean: float) -> list[str]:
    """Say of each loss whether its networks answer as expected after the longest training, and whether that helped."""
    wanted = expected(mask_mean)
    sentences = []
    for loss in wanted:
        own = flipped(found, loss)
        if own:
            sentences.append(f"`{loss}`: {_told(own[-1], wanted[loss])}.{_longer(own, wanted[loss])}")
    return sentences


@dataclass(frozen=True)
class Reason:
    """Why inputs flipped apart harm a loss: `kind` in general, `told` with the numbers of the networks."""

    kind: str
    told: str


def because(found: Sequence[Answer], loss: str, mask_mean: float, epochs: int) -> Reason | None:
    """Return why inputs flipped apart harm `loss`, if its networks answer in that way.

    Only those that are trained for `epochs`, as the networks that are harmed: longer training changes the answers.
    """
    alike = [one for one in found if one.epochs == epochs]
    own = flipped(alike, loss)
    return (_as_derived(own[-1], expected(mask_mean)[loss]) or _beside(alike, loss)) if own else None


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


def on_doubt(found: Sequence[Answer]) -> list[str]:
    """Compare BCE's networks with those that are as unsure of the object, but make no mistake.

    BCE answers with the probability itself. So if networks without the mistake answer a in the object and b in its
    mirror image, networks with it should answer (a + b) / 2 in both. Only of two seeds or more of either.
    """
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
        f"`bce`, against networks that are as unsure: without the mistake they answer {a:.2f} in the object and "
        f"{b:.2f} in its mirror image after {last.epochs} epochs, so half of the sum, {half:.2f}, is expected in both. "
        f"With the mistake they answer {'; '.join(told)}."
    ]
    if finds_no_mirror_image(last, sure):
        sentences.append(
            f"They do not find the mirror image: where it lies on the object they answer {last.regions['both']:.2f}, "
            f"hardly more than in the object alone, and not the {sure.regions['both']:.2f} of networks without the "
            "mistake."
        )
    return sentences


def on_mirrors(found: Sequence[Answer]) -> list[str]:
    """Say whether BCE's networks, trained longest with the mistake, know an image from its mirror image.

    One that does answers more in the object as it is, and less in a mirror. Only of two seeds or more that agree.
    """
    pair = with_and_without(found, "bce")
    if pair is None:
        return []
    networks = pair[0].networks
    shown = {
        "test": (networks["object"], networks[f"object{MIRRORED}"]),
        "training": (networks[f"object{TRAINED}"], networks[f"object{TRAINED}{MIRRORED}"]),
    }
    known = {split: _known(*answers) for split, answers in shown.items()}
    sentences = [
        f"`bce`, with the mistake: in images of the {split} split the object is answered with {mean(as_they_are):.2f}, "
        f"in a mirror with {mean(mirrored):.2f}: these networks {'' if known[split] else 'do not '}know these images "
        "from their mirror images."
        for split, (as_they_are, mirrored) in shown.items()
        if known[split] is not None
    ]
    if known == {"test": False, "training": True}:
        sentences.append(
            "So they have learned images of the training by heart; the derivation is for images that a network does "
            "not know."
        )
    return sentences


def _known(as_they_are: Sequence[float], mirrored: Sequence[float]) -> bool | None:
    """Whether networks answer less in a mirror, all of them, or all the same; None: neither."""
    seeds = list(zip(as_they_are, mirrored, strict=True))
    if all(one - other > TOLERANCE for one, other in seeds):
        return True
    return False if all(near(one, other) for one, other in seeds) else None


def with_and_without(found: Sequence[Answer], loss: str) -> tuple[Answer, Answer] | None:
    """Return the answers with the mistake and without, after the longest training of two seeds or more of both."""
    seeds = {(one.flipped, one.epochs): one for one in found if one.loss == loss and len(one.networks["object"]) > 1}
    both = [epochs for flipped, epochs in seeds if flipped and (False, epochs) in seeds]
    return (seeds[True, max(both)], seeds[False, max(both)]) if both else None


def halved(sure: Answer) -> float:
    """Return what the mistake makes of the answers of networks without it: their mean in the object and its image."""
    return (sure.regions["object"] + sure.regions["mirror"]) / 2


def finds_no_mirror_image(one: Answer, sure: Answer) -> bool:
    """Whether networks answer too little in the mirror image, and where it lies on the object as in the object alone.

    `sure` is the answer of networks without the mistake.
    """
    half = halved(sure)
    is_low = one.regions["mirror"] < half and not near(one.regions["mirror"], half)
    both = one.regions["both"]
    return is_low and near(both, one.regions["object"]) and not near(both, sure.regions["both"])


def near(answer: float, wanted: float) -> bool:
    """Whether an answer agrees with the expected one."""
    return abs(answer - wanted) <= TOLERANCE


_REGIONS = {"object": "the object", "mirror": "its mirror image", "both": "both", "neither": "neither"}


def _told(one: Answer, wanted: Expected) -> str:
    wrong = [f"{_REGIONS[name]} ({value:.2f})" for name, value in one.wrong(wanted).items()]
    if not wrong:
        return f"after {one.epochs} epochs as expected everywhere"
    return f"after {one.epochs} epochs not as expected in {listed(wrong)}"


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
