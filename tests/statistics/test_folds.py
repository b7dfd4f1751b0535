"""Studies whose seeds take turns at folds: estimates, scores, rankings, and how often they are right.

``python benchmarks/coverage_folds.py`` has more kinds of studies; its table is in docs/statistics.md.
"""

import csv

import numpy as np
import pytest
from scipy.stats import binom

from loss_study.config import Margin
from loss_study.metrics import HEADLINE
from loss_study.runtime.errors import StudyError
from loss_study.statistics import folds as design
from loss_study.statistics import scores as reading
from loss_study.statistics import sentences
from loss_study.statistics.folds import FoldEstimates
from loss_study.statistics.looks import Look
from loss_study.statistics.ranking import rank, without_intervals
from loss_study.statistics.results import Result
from loss_study.statistics.scores import scores_of
from loss_study.trial import Trial
from support.fold_studies import Kind, race

NAN = np.nan
STUDIES = 200
# A method that is right in 94 % of studies fails this bound one in a thousand times.
LEAST = binom.ppf(0.001, STUDIES, 0.94) / STUDIES
FOLDS = 3
SEVEN = (0.66, 0.655, 0.65, 0.64, 0.63, 0.61, 0.57)

KINDS = {
    "three folds, one turn": Kind((0.65, 0.65), 3, 1),
    "three folds, backgrounds differ": Kind((0.66, 0.64), 3, 4, seeds=0.003, training=0.003, backgrounds=0.06),
    "five folds, one turn": Kind((0.66, 0.64), 5, 1),
    "five folds, seven losses": Kind(SEVEN, 5, 4, margin=0.04),
    "five folds, the best is noisy": Kind((0.66, 0.64), 5, 4, seeds=(0.04, 0.01)),
    "five folds, skewed": Kind((0.66, 0.65, 0.63, 0.60), 5, 3, skewed=True),
    "five folds, odd objects teach more": Kind((0.65, 0.65), 5, 4, teaches=-1.0),
    "ten folds, training images differ": Kind((0.66, 0.64), 10, 2, training=0.03),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_bounds_and_intervals_hold(kind):
    found = race(kind, STUDIES, seed=7)
    assert min(found.bound, found.regrets, found.pairs, found.means) >= LEAST


def without_images(values_LN, objects, backgrounds):
    losses = len(values_LN)
    return np.zeros(losses), np.zeros((losses, losses))


def test_without_the_images_part_too_many_studies_would_be_wrong(monkeypatch):
    """Replicates of one fold test the same images, so their number alone says too much."""
    kind = Kind((0.65, 0.65), 10, 4, seeds=0.002, training=0.0, objects=0.08, noise=0.0, margin=1e-6)
    monkeypatch.setattr(design, "image_variances", without_images)
    assert race(kind, STUDIES, seed=1).regrets < 0.9
    monkeypatch.undo()
    assert race(kind, STUDIES, seed=1).regrets >= LEAST


def test_bounds_do_not_hold_for_other_training_images():
    """What the page says is not in the intervals: where training images matter most, it would be wrong."""
    assert race(KINDS["ten folds, training images differ"], STUDIES, seed=7).new < 0.9


A = np.array([[0.5, 0.7, NAN, NAN], [NAN, NAN, 0.6, 0.4], [0.7, 0.9, NAN, NAN]])
B = np.array([[0.4, 0.5, NAN, NAN], [NAN, NAN, 0.5, 0.5]])


def test_estimates_by_hand():
    """Two folds of two images; the third replicate of A tests the first fold again."""
    found = FoldEstimates.of([A, B], np.arange(4), np.arange(4))
    # By image A has .6, .8, .6, .4 and B .4, .5, .5, .5.
    assert found.means == pytest.approx([0.6, 0.475])
    assert found.replicates.tolist() == [[3, 2], [2, 2]]
    # By replicate A has .6, .5, .8 and B .45, .5; of the shared ones the differences are .15 and 0.
    assert found.between == pytest.approx([np.var([0.6, 0.5, 0.8], ddof=1), np.var([0.45, 0.5], ddof=1)])
    assert found.between_paired[0, 1] == pytest.approx(np.var([0.15, 0.0], ddof=1))
    assert found.of_images_paired[0, 1] == pytest.approx(np.var([0.2, 0.3, 0.1, -0.1], ddof=1) / 4)
    (replicates, freedom), (images, clusters) = found.of_differences().parts
    assert replicates[0, 1] == pytest.approx(0.15**2 / 2 / 2)
    assert (freedom[0, 1], freedom[0, 0], clusters) == (1, 2, 3)
    assert images[0, 1] == found.of_images_paired[0, 1]


def test_a_failed_replicate_counts_for_nothing():
    failed = np.vstack([A[:2], np.full(4, NAN)])
    found, without = (FoldEstimates.of([one, B], np.arange(4), np.arange(4)) for one in (failed, A[:2]))
    assert found.replicates.tolist() == without.replicates.tolist()
    assert found.of_differences().reach(0.1)[0, 1] == without.of_differences().reach(0.1)[0, 1]


def test_a_loss_that_lacks_images_has_no_intervals():
    found = FoldEstimates.of([A, B[:1]], np.arange(4), np.arange(4))
    assert np.isfinite(found.of_means().reach(0.1)).tolist() == [True, False]
    assert np.isnan(found.of_differences().reach(0.1)[0, 1])


def test_one_replicate_of_each_loss_is_of_these_networks():
    found = FoldEstimates.of([A[:1, :2], B[:1, :2]], np.arange(2), np.arange(2))
    assert found.of_networks
    assert found.of_differences().parts[0][0].tolist() == [[0, 0], [0, 0]]
    assert not FoldEstimates.of([A, B], np.arange(4), np.arange(4)).of_networks


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A function that writes ``per_image.csv`` of trials by loss, seed r on fold r modulo three, three images each."""
    monkeypatch.chdir(tmp_path)

    def written(**losses):
        rng = np.random.default_rng(0)
        return [
            _trial(loss, seed, 0.9 - 0.1 * number + rng.normal(0, 0.02, 3), sound=sound)
            for number, (loss, trials) in enumerate(losses.items())
            for seed, sound in enumerate(trials)
        ]

    return written


def _trial(loss, seed, values, *, sound):
    fold = seed % FOLDS
    run, test = {"fold": fold}, {HEADLINE["mask"]: float(values.mean())}
    one = Result(Trial("mask", loss, seed), "finished", "" if sound else "failed", "", run, test, None, (), ())
    one.trial.eval_dir.mkdir(parents=True)
    with (one.trial.eval_dir / "per_image.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "background", "object", "foreground", HEADLINE["mask"]])
        writer.writerows(
            [f"p{fold}-{place}", f"b{fold}-{place}", f"c{fold}-{place}", 0.1, value]
            for place, value in enumerate(values)
        )
    return one


def read(results):
    return scores_of(HEADLINE["mask"], results, reading.read(results), FOLDS)


def ranking(results):
    return rank(read(results), results, Look(1, (FOLDS,)), Margin())


def test_scores_put_every_image_in_its_column(study):
    results = study(dice=[1, 1, 1, 1], bce=[1, 1, 1])
    scores = read(results)
    assert (scores.images, scores.folds, scores.tested) == (9, 3, 3)
    assert (scores.objects.known, scores.backgrounds.known) == (9, 9)
    assert {loss: values.shape for loss, values in scores.values.items()} == {"dice": (4, 9), "bce": (3, 9)}
    for row, result in zip(scores.values["dice"], results, strict=False):
        assert np.flatnonzero(np.isfinite(row)).tolist() == [3 * result.fold + place for place in range(3)]
        assert np.nanmean(row) == pytest.approx(result.test[HEADLINE["mask"]])
    first, *others, again = (result.test[HEADLINE["mask"]] for result in results[:4])
    assert scores.mean("dice") == pytest.approx(np.mean([(first + again) / 2, *others]))


def test_only_folds_that_all_safe_losses_have_are_compared(study):
    scores = read(study(dice=[1, 1, 1], bce=[1, 1], l1=[1, 0, 1]))
    assert (scores.images, scores.tested) == (6, 2)
    assert np.isfinite(scores.values["dice"]).any(axis=1).tolist() == [True, True, False]
    assert np.isfinite(scores.values["l1"]).any(axis=1).tolist() == [True, False, False]


def test_a_ranking_decides_on_all_folds(study):
    found = ranking(study(dice=[1, 1, 1], bce=[1, 1, 1]))
    assert (found.choice, found.images, found.objects, found.tested) == ("dice", 9, 9, 3)
    (pair,) = found.pairs
    assert pair.difference == pytest.approx(0.1, abs=0.03)
    # Only seeds of the same fold are compared on an image, and every one of these is better.
    assert pair.probability == 1
    assert "Every object is tested: the seeds take turns at 3 folds." in sentences.caveats(found)


def shared(folds):
    """The sentence on the folds that losses are compared on."""
    return (
        f"All compared losses have sound trials on {folds} of 3 folds: the objects that the others test are left out."
    )


@pytest.mark.parametrize(
    "losses",
    [
        {"dice": [1, 1], "bce": [1, 1]},
        # Seeds have come to all folds, but one failed.
        {"dice": [1, 1, 1], "bce": [1, 1, 0]},
    ],
)
def test_less_than_a_turn_is_said(losses, study):
    found = ranking(study(**losses))
    assert shared(2) in sentences.caveats(found)
    assert not any("Every" in sentence for sentence in sentences.caveats(found))


def test_one_seed_speaks_of_networks_and_one_fold(study):
    found = ranking(study(dice=[1], bce=[1]))
    assert found.of_networks and found.choice is None
    assert shared(1) in sentences.caveats(found)


def test_other_images_in_one_fold_are_refused(study):
    results = study(dice=[1, 1, 1], bce=[1, 1, 1])
    path = results[-1].trial.eval_dir / "per_image.csv"
    path.write_text(path.read_text().replace("p2-1", "p2-9"))
    with pytest.raises(StudyError, match="its test images differ from those of eval/1/mask/dice/2"):
        reading.read(results)


def test_losses_are_compared_on_the_folds_that_all_compared_losses_share(study):
    """Of two losses one failed on the last fold: both are compared, on the other folds."""
    found = ranking(study(dice=[1, 1, 1], bce=[1, 1, 0]))
    assert [row.loss for row in found.compared] == ["dice", "bce"] and found.tested == 2
    assert found.choice == "dice" and [np.isfinite(row.regret_high) for row in found.standings] == [True, True]
    assert [np.isfinite([pair.low, pair.high]).all() for pair in found.pairs] == [True]


def test_a_loss_that_is_not_compared_takes_no_fold_from_the_others(study):
    found = ranking(study(dice=[1, 1, 1, 1, 1, 0], bce=[1, 1, 1, 1, 0, 1], l1=[0, 0, 1, 0, 0, 0]))
    assert found.tested == FOLDS and [row.loss for row in found.compared] == ["dice", "bce"]


def test_nothing_is_known_of_two_losses_without_a_shared_seed(study):
    """Every image is tested with both losses, but no seed of one is beside a seed of the other."""
    found = ranking(study(dice=[1, 1, 1, 0, 0, 0], bce=[0, 0, 0, 1, 1, 1]))
    assert found.choice is None and found.regret_bound is None and not found.decided and found.pairs == ()
    assert sentences.decision(found).endswith(
        "Some of the compared losses share fewer than two sound seeds: nothing is known of their difference."
    )


def test_losses_without_a_shared_fold_train_on(study):
    results = study(dice=[1, 0, 0, 1, 0, 0], bce=[0, 1, 0, 0, 1, 0])
    assert read(results) is None
    found = without_intervals("mask", results, Look(1, (FOLDS, 2 * FOLDS)), FOLDS)
    assert found.contenders == ("dice", "bce")
    assert sentences.decision(found).endswith(
        "Of the test images that all compared losses were tested on fewer than two have a value: nothing is known of "
        "others."
    )
    last = without_intervals("mask", results, Look(2, (FOLDS, 2 * FOLDS)), FOLDS)
    one_split = without_intervals("mask", results, Look(1, (FOLDS, 2 * FOLDS)), 1)
    assert last.contenders == one_split.contenders == ()
