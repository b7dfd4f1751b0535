"""Made-up studies are right as often as they claim, at every one of their comparisons.

``python benchmarks/coverage.py`` has more kinds of studies and more of each; its table is in docs/statistics.md.
"""

import dataclasses

import numpy as np
import pytest
from scipy.stats import binom

from loss_study.metrics import HEADLINE
from loss_study.statistics import estimates
from loss_study.statistics.looks import Look
from loss_study.statistics.regret import regrets
from loss_study.statistics.scores import Identities, Scores
from support.made_up_scores import LOSSES, ranked
from support.races import Images, Kind, race

STUDIES = 250
# A method that is right in 94 % of studies, wrong in 6 %, fails these bounds one in a thousand times.
LEAST = binom.ppf(0.001, STUDIES, 0.94) / STUDIES
MOST = binom.ppf(0.999, STUDIES, 0.06) / STUDIES
CROSSED = Images.crossed(12, 6)
SEVEN = (0.66, 0.655, 0.65, 0.64, 0.63, 0.61, 0.57)
BEST_NOISY = (0.04, *(0.01,) * 6)


def few(means, **kind):
    """Few independent images, which hardly differ for the losses."""
    return dataclasses.replace(
        Kind(means, Images.alone(30), objects=0.0, backgrounds=0.0, each=0.003 * np.sqrt(30), noise=0.0), **kind
    )


KINDS = {
    "crossed, tied": Kind((0.8,) * 7, CROSSED),
    "crossed, backgrounds differ": Kind(SEVEN, CROSSED, backgrounds=0.06, objects=0.01, seeds=0.003),
    "uneven, objects differ": Kind(SEVEN, Images.uneven(16, 8, 80), objects=0.05, skew=-2.0),
    "one object has most of the images": Kind(
        (0.68, 0.65), Images.of_sizes([100, *[4] * 5]), seeds=0.003, objects=0.04, backgrounds=0.0
    ),
    "race": few(SEVEN, seeds=0.011),
    "the best is noisy": few((0.68, *(0.65,) * 6), seeds=BEST_NOISY),
    "the best is noisy and skewed": few((0.68, *(0.65,) * 6), seeds=BEST_NOISY, skew=-2.0),
    "two near ties": few((0.66, 0.65)),
    "two, the best is noisy": few((0.71, 0.65), seeds=(0.04, 0.01)),
    "thirty": few((0.7, *(0.65,) * 29)),
    "one seed, then three": few(SEVEN, looks=(1, 3)),
    "two seeds": few((0.8, 0.65), seeds=(0.04, 0.01), looks=(2,)),
    "three seeds": few(SEVEN, looks=(3,), seeds=BEST_NOISY),
    "twelve seeds": few((0.68, *(0.65,) * 6), looks=(12,), skew=2.0),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_bounds_and_intervals_hold_and_claims_are_true(kind):
    found = race(kind, STUDIES if len(kind.means) < 30 else STUDIES // 2, seed=7, block=50)
    assert min(found.bound, found.regrets, found.pairs, found.means) >= LEAST
    assert found.false <= MOST


def test_studies_come_to_a_decision_with_half_the_trainings():
    found = race(KINDS["race"], STUDIES, seed=3)
    assert found.decided > 0.95
    assert found.trainings < 42


def test_with_all_objects_counted_alike_one_with_most_images_would_make_false_claims(monkeypatch):
    monkeypatch.setattr(estimates, "effective_count", lambda clusters: len(np.unique(clusters)))
    monkeypatch.setattr("support.races.effective_count", lambda clusters: len(np.unique(clusters)))
    assert race(KINDS["one object has most of the images"], STUDIES, seed=1).false > 0.2


def one_way(values_LN, objects, backgrounds):
    """Images as if only their objects were shared."""
    return estimates.image_variances(values_LN, objects, objects)


def test_without_the_backgrounds_most_studies_would_be_wrong(monkeypatch):
    """Crossed images, as losses differ by background on the depth: this is what the generator has to show."""
    kind = Kind((0.8,) * 7, CROSSED, backgrounds=0.04, objects=0.005, each=0.01, seeds=0.002, noise=0.01, looks=(3,))
    monkeypatch.setattr("support.races.image_variances", one_way)
    assert race(kind, STUDIES, seed=1).false > 0.5
    monkeypatch.undo()
    assert race(kind, STUDIES, seed=1).false <= MOST


def test_variances_that_losses_share_would_be_wrong(monkeypatch):
    def pooled(self):
        variance = np.broadcast_to(self.between_seeds.mean(axis=-1, keepdims=True), self.seeds.shape)
        return variance / self.seeds, np.broadcast_to((self.seeds - 1).sum(axis=-1, keepdims=True), self.seeds.shape)

    kind = few((0.65,) * 7, seeds=(0.08, *(0.02,) * 6), looks=(5,))
    monkeypatch.setattr(estimates.Estimates, "_of_seeds", pooled)
    assert race(kind, STUDIES, seed=1).false > 0.1
    monkeypatch.undo()
    assert race(kind, STUDIES, seed=1).false <= MOST


def test_the_ranking_of_a_study_is_what_is_simulated():
    """The same scores by `rank` and by the functions that the made-up races use."""
    kind = Kind(SEVEN, CROSSED, looks=(4, 8))
    scores, _ = kind.draw(np.random.default_rng(0), 3)
    look = Look(1, kind.looks)
    for study in scores:
        names = [Identities.of([f"{n}" for n in numbers]) for numbers in (CROSSED.objects, CROSSED.backgrounds)]
        values = dict(zip(LOSSES, study[:, :4], strict=True))
        standings = {row.loss: row for row in ranked(Scores("mask", HEADLINE["mask"], values, *names), look).standings}
        found = estimates.Estimates.of(list(values.values()), CROSSED.objects, CROSSED.backgrounds)
        bounds = regrets(found.means, found.of_differences(), look)
        assert [standings[loss].regret_high for loss in LOSSES] == pytest.approx(bounds.high)
        assert [standings[loss].regret_low for loss in LOSSES] == pytest.approx(bounds.low)
