"""Many made-up studies at once, raced through the project's analysis, and how often it is right about them.

The scores are made from a model in words, not from the formulas of the analysis. What loss l scores with its seed s on
a test image of object o before background b is the sum of

- the true mean of the loss: what the study asks for;
- how easy the object, the background and the image are for every loss;
- how well the loss fits the object, how well it fits the background, and how well it fits this image;
- how well this seed turned out, for all images: normal, or with a long tail to one side;
- noise of this training on this image.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from loss_study.statistics.estimates import Estimates, effective_count, image_variances
from loss_study.statistics.looks import SIGNIFICANCE, Look
from loss_study.statistics.regret import choose, continuing, regrets

#: Rounding errors are smaller than this, effects are larger.
TINY = 1e-9


@dataclass(frozen=True)
class Images:
    """The test images: object and background of each."""

    objects: np.ndarray
    backgrounds: np.ndarray

    @classmethod
    def crossed(cls, objects: int, backgrounds: int) -> "Images":
        """Every object before every background."""
        return cls(np.repeat(np.arange(objects), backgrounds), np.tile(np.arange(backgrounds), objects))

    @classmethod
    def uneven(cls, objects: int, backgrounds: int, images: int) -> "Images":
        """Objects before random backgrounds, some far more often than others."""
        rng = np.random.default_rng(5)
        often = rng.dirichlet(np.full(objects, 3.0))
        drawn = np.concatenate([np.arange(objects), rng.choice(objects, images - objects, p=often)])
        behind = np.concatenate([np.arange(backgrounds), rng.integers(0, backgrounds, images - backgrounds)])
        return cls(drawn, rng.permutation(behind))

    @classmethod
    def of_sizes(cls, sizes: Sequence[int]) -> "Images":
        """Objects with so many images, each image before a background of its own."""
        objects = np.repeat(np.arange(len(sizes)), sizes)
        return cls(objects, np.arange(len(objects)))

    @classmethod
    def alone(cls, images: int) -> "Images":
        """Every image with an object and a background of its own."""
        return cls(np.arange(images), np.arange(images))


@dataclass(frozen=True)
class Kind:
    """What studies are like; standard deviations are in the unit of the metric.

    Attributes:
        means: true mean of each loss, more is better.
        images: the test images.
        seeds: between seeds of a loss, one for each loss or one for all.
        objects, backgrounds, each: how differently losses do on objects, backgrounds and single images.
        noise: of a training on an image.
        skew: 0 for normal seeds; else the seeds have the tail of a gamma distribution of this skewness, on the low side
            if it is negative.
        looks: number of seeds of a loss at each planned comparison.
        margin: the study stops when the bound is within it.
    """

    means: Sequence[float]
    images: Images
    seeds: float | Sequence[float] = 0.02
    objects: float = 0.02
    backgrounds: float = 0.02
    each: float = 0.03
    noise: float = 0.04
    skew: float = 0.0
    looks: tuple[int, ...] = (3, 5, 8, 12)
    margin: float = 0.02

    def draw(self, rng: np.random.Generator, studies: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of `studies` studies in full, (studies, losses, seeds, images).

        And by how much the first network of each loss is better than its loss, (studies, losses).
        """
        losses, seeds, images = len(self.means), self.looks[-1], len(self.images.objects)
        known, behind = self.images.objects, self.images.backgrounds
        easy = (
            rng.normal(0, 0.1, (studies, 1, known.max() + 1))[..., known]
            + rng.normal(0, 0.1, (studies, 1, behind.max() + 1))[..., behind]
            + rng.normal(0, 0.1, (studies, 1, images))
        )
        fits = (
            rng.normal(0, self.objects, (studies, losses, known.max() + 1))[..., known]
            + rng.normal(0, self.backgrounds, (studies, losses, behind.max() + 1))[..., behind]
            + rng.normal(0, self.each, (studies, losses, images))
        )
        turned_out = self._standard(rng, (studies, losses, seeds)) * np.broadcast_to(self.seeds, losses)[:, None]
        scores = rng.normal(0, 1, (studies, losses, seeds, images)) * self.noise
        scores += (np.array(self.means)[:, None] + easy + fits)[:, :, None] + turned_out[..., None]
        return scores, turned_out[..., 0]

    def _standard(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return random values of mean 0 and variance 1."""
        if not self.skew:
            return rng.standard_normal(shape)
        form = 4 / self.skew**2
        return np.sign(self.skew) * (rng.gamma(form, 1, shape) - form) / np.sqrt(form)


@dataclass
class Verdict:
    """How often studies are right, each share over the studies; a study is right only if it is at every comparison.

    Attributes:
        bound: the regret of the choice is within its bound.
        regrets: so are the regrets of all losses, from below and above.
        pairs: all intervals of differences hold.
        means: all intervals of means hold.
        false: of anything that a study says outright: a significant difference that is not or is the other way round, a
            loss called worse that is not, a regret above its bound.
        decided: the study ends with a bound within the margin.
        trainings: mean number of them until then, or until the seeds are spent.
    """

    studies: int = 0
    counts: dict[str, float] = field(default_factory=dict)

    def add(self, studies: int, **sums: float) -> None:
        self.studies += studies
        for name, value in sums.items():
            self.counts[name] = self.counts.get(name, 0.0) + float(value)

    def __getattr__(self, name: str) -> float:
        try:
            return self.counts[name] / self.studies
        except KeyError:
            raise AttributeError(name) from None


def race(kind: Kind, studies: int, seed: int, block: int = 100) -> Verdict:
    """Draw `studies` studies, race each to its end by the project's rules, and judge all that it says on the way."""
    rng = np.random.default_rng(seed)
    verdict = Verdict()
    for start in range(0, studies, block):
        _race(kind, *kind.draw(rng, min(block, studies - start)), verdict)
    return verdict


def _race(kind: Kind, scores: np.ndarray, first_networks: np.ndarray, verdict: Verdict) -> None:
    by_look = np.stack([scores[:, :, :n].mean(axis=2) for n in kind.looks], axis=2)
    by_seed = scores.mean(axis=-1)
    spreads = np.stack([_variance(by_seed[:, :, :n]) for n in kind.looks], axis=2)
    studies, losses = scores.shape[:2]
    counts = np.array(kind.looks)
    trained = np.zeros((studies, losses), int)
    running = np.ones((studies, losses), bool)
    wrong = {name: np.zeros(studies, bool) for name in ("bound", "regrets", "pairs", "means", "false")}
    decided = np.zeros(studies, bool)
    for number in range(1, len(counts) + 1):
        trained[running] = number - 1
        at = np.flatnonzero(running.any(axis=1))
        if not len(at):
            break
        mine = trained[at][..., None]
        values = np.take_along_axis(by_look[at], mine[..., None], axis=2)[:, :, 0]
        estimates = Estimates(
            values.mean(axis=-1),
            counts[trained[at]],
            np.take_along_axis(spreads[at], mine, axis=2)[..., 0],
            *image_variances(values, kind.images.objects, kind.images.backgrounds),
            min(effective_count(kind.images.objects), effective_count(kind.images.backgrounds)),
        )
        # With one seed the study speaks of these networks, not of losses.
        truth = np.array(kind.means, float) + first_networks[at] * estimates.of_networks
        goes_on, ends = _judge(kind, estimates, Look(number, kind.looks), truth, wrong, at)
        decided[at] = ends
        running[:] = False
        running[at] = goes_on
    verdict.add(
        studies,
        **{name: np.count_nonzero(~one) for name, one in wrong.items() if name != "false"},
        false=np.count_nonzero(wrong["false"]),
        decided=np.count_nonzero(decided),
        trainings=counts[trained].sum(),
    )


def _judge(
    kind: Kind, estimates: Estimates, look: Look, truth: np.ndarray, wrong: dict[str, np.ndarray], at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mark in `wrong` which of the studies `at` are wrong at this look; return who trains on, and which are decided."""
    losses = truth.shape[1]
    errors = estimates.of_differences()
    first, second = np.triu_indices(losses, 1)
    gap = truth[:, first] - truth[:, second]
    difference = estimates.means[:, first] - estimates.means[:, second]
    reach = errors[first, second].reach(look.share_of(SIGNIFICANCE / 2 / len(first)))
    claims_wrong = ((np.abs(difference) > reach) & (difference * gap <= TINY**2)).any(axis=-1)
    of_means = estimates.of_means().reach(look.share_of(SIGNIFICANCE / 2 / losses))
    wrong["pairs"][at] |= (np.abs(difference - gap) > reach + TINY).any(axis=-1)
    wrong["means"][at] |= (np.abs(estimates.means - truth) > of_means + TINY).any(axis=-1)
    wrong["false"][at] |= claims_wrong
    if estimates.of_networks:
        return np.ones(truth.shape, bool), np.zeros(len(at), bool)
    found = regrets(estimates.means, errors, look)
    chosen = np.arange(len(at)), choose(found, kind.margin)
    regret = truth.max(axis=-1, keepdims=True) - truth
    regrets_wrong = ((regret > found.high + TINY) | (regret < found.low - TINY)).any(axis=-1)
    wrong["bound"][at] |= regret[chosen] > found.high[chosen] + TINY
    wrong["regrets"][at] |= regrets_wrong
    wrong["false"][at] |= regrets_wrong
    return continuing(found, kind.margin), found.high[chosen] <= kind.margin


def _variance(by_seed: np.ndarray) -> np.ndarray:
    return by_seed.var(axis=-1, ddof=1) if by_seed.shape[-1] > 1 else np.zeros(by_seed.shape[:-1])
