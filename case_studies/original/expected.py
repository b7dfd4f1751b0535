"""What a loss rewards where a mask is that of the image or of its mirror image, each in half of the cases.

Derived by hand; tests/case_studies/test_expected.py minimises the losses themselves. t is the mask, p the answer, and
q the probability that a pixel is foreground: 1/2 in the object alone or in its mirror image alone. Beside it what the
networks answer there; sentences on both are in mirrored.py and reasons.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from measure import REGIONS, SEEN
from plan import ALL, HALF, NONE
from pool import Row

#: An answer this far from the expected one agrees with it.
TOLERANCE = 0.1


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
    """The networks of one loss after so many epochs of so many images, and their answers.

    Attributes:
        loss, images, epochs: of the training; `images` are those of its sample.
        mirrored: `NONE`, `HALF` or `ALL` of the masks of the training were those of the mirror images.
        regions: the mean answer in each of `REGIONS`.
        networks: the answers of each network there, and in the object with a suffix of how else images are shown.
    """

    loss: str
    images: int
    epochs: int
    mirrored: float
    regions: dict[str, float]
    networks: dict[str, list[float]]

    @property
    def seeds(self) -> int:
        """From how many seeds there is a network."""
        return len(self.networks["object"])

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
    found: dict[tuple[str, int, int, float], list[Row]] = defaultdict(list)
    for row in rows:
        found[row["loss"], int(row["images"]), int(row["epochs"]), float(row["mirrored"])].append(row)
    every = []
    for (loss, images, epochs, share), own in sorted(found.items()):
        names = [*REGIONS, *(f"object{seen}" for seen in SEEN if seen)]
        networks = {name: [float(row[f"answer_{name}"]) for row in own] for name in names}
        regions = {name: mean(networks[name]) for name in REGIONS}
        every.append(Answer(loss, images, epochs, share, regions, networks))
    return every


def by_images(found: Sequence[Answer]) -> Iterator[tuple[float, list[Answer]]]:
    """Yield the answers for each number of images, from the least, and how many times the least it is."""
    numbers = sorted({one.images for one in found})
    for images in numbers:
        yield images / numbers[0], [one for one in found if one.images == images]


def flipped(found: Sequence[Answer], loss: str) -> list[list[Answer]]:
    """Return the answers of the networks of `loss` whose inputs were flipped apart.

    A list for each number of images, from the least; in it by the length of the training.
    """
    own = [one for one in found if one.loss == loss and one.mirrored == HALF]
    return [alike for _, alike in by_images(own)]


def in_as_many_steps(found: Sequence[Answer], loss: str) -> list[Answer]:
    """Return of `flipped` the longest training of the fewest images, and those of more images with as many steps."""
    own = flipped(found, loss)
    if not own:
        return []
    longest = own[0][-1]
    steps = longest.images * longest.epochs
    return [longest, *(one for alike in own[1:] for one in alike if one.images * one.epochs == steps)]


def with_and_without(found: Sequence[Answer], loss: str) -> tuple[Answer, Answer] | None:
    """Return the answers with the mistake and without, after the longest training of two seeds or more of both."""
    seeds = {(one.mirrored, one.epochs): one for one in found if one.loss == loss and one.seeds > 1}
    both = [epochs for share, epochs in seeds if share == HALF and (NONE, epochs) in seeds]
    return (seeds[HALF, max(both)], seeds[NONE, max(both)]) if both else None


def always_mirrored(found: Sequence[Answer], like: Answer) -> Answer | None:
    """Return the answers of networks trained as long as `like` with the masks of mirror images alone, of two seeds."""
    own = [one for one in found if (one.loss, one.images, one.epochs) == (like.loss, like.images, like.epochs)]
    return next((one for one in own if one.mirrored == ALL and one.seeds > 1), None)


def halved(sure: Answer) -> float:
    """Return what the mistake makes of the answers of networks without it: their mean in the object and its image."""
    return (sure.regions["object"] + sure.regions["mirror"]) / 2


def near(answer: float, wanted: float) -> bool:
    """Whether an answer agrees with the expected one."""
    return abs(answer - wanted) <= TOLERANCE
