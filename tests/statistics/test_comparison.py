import csv
import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from loss_study.metrics import find
from loss_study.runtime.errors import StudyError
from loss_study.statistics import scores as reading
from loss_study.statistics.compare import Comparison, Estimate, Pair, compare, compare_all
from loss_study.statistics.pairwise import holm, p_value, probability_of_improvement
from loss_study.statistics.resampling import image_deviations, resample, seed_deviations
from loss_study.statistics.results import Result
from loss_study.statistics.scores import read
from loss_study.statistics.sentences import caveats, conclusion
from loss_study.statistics.tables import PAIR_COLUMNS, RANKING_COLUMNS, headlines, pairs_csv, ranking_csv
from loss_study.trial import Trial
from support.made_up_scores import LOSSES, make_up

RESAMPLES = 20_000


def rng():
    return np.random.default_rng(0)


# Resampling


def test_images_alone_give_students_t_interval():
    values = rng().normal(0.8, 0.1, (1, 12))
    draws = resample([values], np.arange(12), RESAMPLES, rng())
    expected = stats.t.interval(0.95, 11, values.mean(), stats.sem(values[0]))
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx(expected, abs=0.002)


def test_images_of_a_cluster_are_one_piece_of_evidence():
    clusters = np.repeat(np.arange(12), 20)
    by_cluster = rng().normal(0.8, 0.1, (1, 12))
    few = image_deviations(by_cluster, np.arange(12), RESAMPLES, rng())
    many = image_deviations(by_cluster[:, clusters], clusters, RESAMPLES, rng())
    assert np.allclose(few, many)


def test_clusters_weigh_by_their_images():
    # Three images of 0 and one of 1: draws of two clusters have the means 0, 1/4 and 1, around 1/4.
    deviations = image_deviations(np.array([[0.0, 0, 0, 1]]), np.array([0, 0, 0, 1]), RESAMPLES, rng())
    assert (deviations < 0).mean() == pytest.approx(1 / 4, abs=0.01)
    assert (deviations == 0).mean() == pytest.approx(1 / 2, abs=0.01)


def test_losses_share_their_resampled_images():
    easy_or_hard = rng().normal(0, 0.1, 24)
    draws = resample([0.8 + easy_or_hard[None], 0.7 + easy_or_hard[None]], np.arange(24), 1000, rng())
    assert draws.std(axis=0).min() > 0.01
    assert np.allclose(draws[:, 0] - draws[:, 1], 0.1)


@pytest.mark.parametrize("means", [[0.80, 0.83, 0.85], [0.80, 0.81, 0.82, 0.83, 0.85]])
def test_seeds_of_a_single_loss_give_students_t_interval(means):
    low, high = np.quantile(seed_deviations([np.array(means)], 200_000, rng()), [0.025, 0.975])
    expected = stats.t.ppf(0.975, len(means) - 1) * stats.sem(means)
    assert [-low, high] == pytest.approx([expected, expected], rel=0.04)


def test_losses_that_are_alike_share_what_is_known_of_their_seeds():
    means = rng().normal(0.8, 0.01, (7, 3))
    widths = np.ptp(np.quantile(seed_deviations(list(means), RESAMPLES, rng()), [0.025, 0.975], axis=0), axis=0)
    pooled = np.sqrt(means.var(axis=1, ddof=1).mean() / 3)
    # Pooled outright they would have 14 degrees of freedom, each on its own only 2: a factor of two.
    assert 2 * stats.t.ppf(0.975, 14) * pooled < widths.mean() < 1.3 * 2 * stats.t.ppf(0.975, 14) * pooled
    assert widths.max() < 2 * widths.min()


def test_an_erratic_loss_stays_apart_from_steady_ones():
    deviations = np.array([-1.0, 0, 1]) * np.array([[0.001]] * 6 + [[0.1]])
    widths = np.ptp(
        np.quantile(seed_deviations(list(0.8 + deviations), RESAMPLES, rng()), [0.025, 0.975], axis=0), axis=0
    )
    assert widths[:6].max() < widths[6] / 20


def test_equal_seeds_have_no_spread():
    draws = seed_deviations([np.full(3, 0.8), np.full(3, 0.9)], 1000, rng())
    assert np.abs(draws).max() < 1e-3


def test_with_one_seed_only_images_are_resampled():
    assert not seed_deviations([np.array([0.8]), np.array([0.9])], 10, rng()).any()


def test_a_loss_with_one_seed_is_as_unsteady_as_the_others():
    deviations = np.array([-1.0, 0, 1]) * 0.01
    draws = seed_deviations([0.8 + deviations, 0.9 + deviations, np.array([0.7])], RESAMPLES, rng())
    spread = np.abs(draws).mean(axis=0)
    assert spread[2] > 1.5 * spread[0]


# Pairs


def test_p_value_by_hand():
    assert p_value(np.array([-1.0, 2, 3, 4, 5, 6, 7, 8, 9])) == pytest.approx(2 * 2 / 10)
    assert p_value(np.zeros(9)) == 1


def test_holm_by_hand():
    # 0.01 * 4, 0.02 * 3, 0.03 * 2 raised to 0.06, 0.5.
    assert holm([0.5, 0.02, 0.01, 0.03]) == pytest.approx([0.5, 0.06, 0.04, 0.06])


def test_probability_of_improvement_by_hand():
    clusters = np.array([0, 0, 1])
    a = np.array([[0.8, 1.0, 0.5], [0.7, 0.7, 0.5]])
    b = np.array([[0.8, 0.8, 0.5]])
    # Cluster 0: 0.9 and 0.7 against 0.8, one win of two; cluster 1: two ties.
    assert probability_of_improvement(a, b, clusters, higher_is_better=True) == 0.5
    better = probability_of_improvement(a[:1], b, clusters, higher_is_better=True)
    assert better == 0.75
    assert probability_of_improvement(a[:1], b, clusters, higher_is_better=False) == 1 - better


# Comparing


def study(means, spread=0.002, seeds=3, metric="iou", head="mask"):
    """Two to seven losses, the last ones of `LOSSES` left out."""
    missing = 7 - len(means)
    made = make_up(rng(), np.array([*means, *[0] * missing]), np.full(7, spread), seeds)
    return dataclasses.replace(made, head=head, metric=metric, values=dict(list(made.values.items())[: len(means)]))


def compared(scores, **failed):
    return compare(scores, dict.fromkeys(scores.values, 0) | failed, 4000)


def test_comparison_orders_groups_and_tests():
    scores = study([0.70, 0.90, 0.899, 0.80])
    result = compared(scores)
    first, second = sorted(["l1", "rmse"], key=lambda loss: -scores.values[loss].mean())
    assert [estimate.loss for estimate in result.estimates] == [first, second, "dice", "bce"]
    assert result.best_group == [first, second]
    assert len(result.pairs) == 6
    assert {(pair.better, pair.worse) for pair in result.claims} == {
        (first, "dice"),
        (first, "bce"),
        (second, "dice"),
        (second, "bce"),
        ("dice", "bce"),
    }
    assert result.best.mean == pytest.approx(scores.values[first].mean())
    assert all(pair.low < pair.difference < pair.high for pair in result.pairs)
    assert (result.images, result.clusters, result.unit, result.seeds) == (200, 24, "cut-out", 3)


def test_lower_is_better_for_errors():
    result = compared(study([0.30, 0.10, 0.20], metric="rmse", head="depth"))
    assert [estimate.loss for estimate in result.estimates] == ["l1", "rmse", "bce"]
    assert result.pair("bce").difference == pytest.approx(-0.2, abs=0.03)
    assert result.pair("bce").probability > 0.95
    assert conclusion(result).startswith("l1 is best on RMSE: it beats rmse by 0.0")


def test_average_rank_is_that_of_all_seeds_and_clusters():
    scores = study([0.8, 0.81, 0.79], spread=0.05)
    values = np.stack(list(scores.values.values()))
    by_cluster = np.stack([values[..., scores.clusters == c].mean(axis=-1) for c in range(24)], axis=-1)
    ranks = [
        stats.rankdata([-by_cluster[0, i, c], -by_cluster[1, j, c], -by_cluster[2, k, c]])
        for i in range(3)
        for j in range(3)
        for k in range(3)
        for c in range(24)
    ]
    found = {estimate.loss: estimate.average_rank for estimate in compared(scores).estimates}
    assert [found[loss] for loss in LOSSES[:3]] == pytest.approx(np.mean(ranks, axis=0))


def test_intervals_stay_within_what_the_metric_can_be():
    result = compared(study([0.999, 0.99], spread=0.05))
    assert max(estimate.high for estimate in result.estimates) == 1


def test_a_loss_with_a_failed_trial_stands_apart():
    scores = study([0.7, 0.8, 0.95])
    scores.values["rmse"] = scores.values["rmse"][:2]
    result = compared(scores, rmse=1, huber=3)
    assert [estimate.loss for estimate in result.estimates] == ["l1", "bce", "rmse"]
    assert [(pair.better, pair.worse) for pair in result.pairs] == [("l1", "bce")]
    assert result.best_group == ["l1"]
    assert [estimate.loss for estimate in result.apart] == ["rmse"]
    assert result.without == ("huber",)
    assert caveats(result)[1:] == [
        "rmse failed with 1 of 3 seeds: its numbers are those of the seeds that trained, and it stands behind the "
        "losses without a failure, untested.",
        "huber failed with every seed.",
    ]


def test_where_every_loss_failed_once_the_rest_is_compared():
    scores = study([0.7, 0.9])
    scores.values["bce"] = scores.values["bce"][:1]
    result = compared(scores, bce=2, l1=1)
    assert [estimate.loss for estimate in result.compared] == ["l1", "bce"]
    assert len(result.pairs) == 1


def test_the_same_scores_give_the_same_numbers():
    assert compared(study([0.8, 0.81])) == compared(study([0.8, 0.81]))


# Sentences


def claimed(metric, losses, *claims):
    """A comparison of `losses`, best first, in which only `claims` (better, worse, low, high) are more than chance."""
    known = {(better, worse): ends for better, worse, *ends in claims}
    pairs = tuple(
        Pair(a, b, 0.05, *known.get((a, b), (-0.1, 0.1)), 0.01 if (a, b) in known else 0.5, 0.7)
        for place, a in enumerate(losses)
        for b in losses[place + 1 :]
    )
    estimates = tuple(Estimate(loss, 0.9, 0.8, 0.95, 3, 0, 2.0) for loss in losses)
    return Comparison("mask", find(metric), estimates, pairs, (), 200, 24, "cut-out")


def test_two_best_losses_in_a_sentence():
    found = claimed(
        "iou", ["dice", "weighted_bce", "bce"], ("dice", "bce", 0.041, 0.07), ("weighted_bce", "bce", 0.04, 0.066)
    )
    assert conclusion(found) == "dice and weighted_bce are indistinguishable on IoU; both beat bce by 0.040-0.070."


def test_one_best_loss_in_a_sentence():
    found = claimed("rmse", ["ssim", "l1", "bce"], ("ssim", "l1", -0.02, -0.01), ("ssim", "bce", -0.031, -0.02))
    assert conclusion(found) == "ssim is best on RMSE: it beats l1 by 0.0100-0.0200 and bce by 0.0200-0.0310."


def test_losses_that_beat_different_ones_are_told_apart():
    losses = ["a", "b", "c", "d", "e"]
    claims = [("a", "d", 0.1, 0.2), ("a", "e", 0.3, 0.4), ("b", "e", 0.2, 0.3), ("c", "e", 0.2, 0.5)]
    assert conclusion(claimed("iou", losses, *claims)) == (
        "a, b and c are indistinguishable on IoU; a beats d by 0.100-0.200; all beat e by 0.200-0.500."
    )


def test_a_loss_that_is_beaten_by_another_than_the_best_is_not_among_the_best():
    found = claimed("iou", ["erratic", "steady", "worse"], ("steady", "worse", 0.1, 0.12))
    assert found.best_group == ["erratic", "steady"]
    assert conclusion(found) == "erratic and steady are indistinguishable on IoU; steady beats worse by 0.100-0.120."


def test_nothing_more_than_chance_in_a_sentence():
    found = claimed("iou", ["dice", "bce"])
    start = "dice and bce are indistinguishable on IoU: no difference is more than chance"
    assert conclusion(found) == f"{start}; the clearest, dice over bce, has p = 0.50."
    nothing = dataclasses.replace(found, pairs=(dataclasses.replace(found.pairs[0], p_adjusted=1.0),))
    assert conclusion(nothing) == f"{start}."


def test_one_seed_is_said_in_the_sentence():
    assert conclusion(compared(study([0.7, 0.9], seeds=1))).startswith("With this one seed l1 is best on IoU: it beats")


def test_a_loss_alone_in_a_sentence():
    assert conclusion(claimed("iou", ["dice"])).startswith("Only dice came through every seed")


def test_caveats_say_what_was_resampled():
    assert caveats(compared(study([0.8, 0.9]))) == [
        "3 seeds a loss and the 200 test images of 24 cut-outs were resampled."
    ]
    assert "take three or more" in caveats(compared(study([0.8, 0.9], seeds=2)))[0]
    one = caveats(compared(study([0.8, 0.9], seeds=1)))
    assert one[0].startswith("One seed a loss: only the 200 test images of 24 cut-outs were resampled.")
    assert one[0].endswith("another seed may turn the order.")
    single = dataclasses.replace(study([0.8, 0.9]), clusters=np.arange(200), unit="image")
    assert caveats(compared(single)) == [
        "3 seeds a loss and the 200 test images were resampled.",
        "Neither cut-outs nor backgrounds are told apart: if test images share an object, the intervals are too "
        "narrow.",
    ]


# Tables


def test_ranking_csv():
    result = compared(study([0.70, 0.90, 0.80]), huber=3)
    rows = list(csv.DictReader(ranking_csv([result]).splitlines()))
    assert tuple(rows[0]) == RANKING_COLUMNS
    assert RANKING_COLUMNS[:10] == (
        *("head", "metric", "loss", "mean", "low", "high", "difference_to_best", "p_adjusted", "rank", "best_group"),
    )
    assert [(row["loss"], row["rank"], row["best_group"]) for row in rows] == [
        ("l1", "1", "True"),
        ("rmse", "2", "False"),
        ("bce", "3", "False"),
        ("huber", "", "False"),
    ]
    best, _, worst, failed = rows
    assert (best["difference_to_best"], best["p_adjusted"]) == ("0", "")
    assert float(worst["difference_to_best"]) == pytest.approx(float(worst["mean"]) - float(best["mean"]), abs=2e-6)
    assert float(worst["p_adjusted"]) < 0.05
    assert failed["mean"] == failed["low"] == ""


def test_pairs_csv_has_every_two_losses_better_one_first():
    rows = list(csv.DictReader(pairs_csv([compared(study([0.70, 0.90, 0.80]))]).splitlines()))
    assert tuple(rows[0]) == PAIR_COLUMNS
    assert [(row["better"], row["worse"]) for row in rows] == [("l1", "rmse"), ("l1", "bce"), ("rmse", "bce")]
    assert all(float(row["low"]) <= float(row["difference"]) <= float(row["high"]) for row in rows)


def test_headlines_are_on_the_metric_that_ranks():
    iou, dice = compared(study([0.7, 0.9])), compared(study([0.7, 0.9], metric="dice"))
    assert headlines([iou, dice]) == {"mask": iou}


# Reading


def trial(folder, loss, seed, table, head="mask", verdict=""):
    """Write ``per_image.csv`` and return the trial's result."""
    result = Result(Trial(head, loss, seed), "finished", verdict, "", {}, {"iou": 0.5, "rmse": 0.5}, None, (), ())
    path = folder / result.trial.eval_dir / "per_image.csv"
    path.parent.mkdir(parents=True)
    path.write_text(re.sub(" +", "", table))
    return result


TABLE = """id,background,object,foreground,iou
           p0,b0,c1,0.1,0.5
           p1,b1,c0,0.1,0.7
           p2,b1,c1,0.1,0.9
           """


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path()


def test_scores_are_read_and_clustered_by_cutout(folder):
    results = [trial(folder, "bce", 0, TABLE), trial(folder, "bce", 1, TABLE.replace("0.9", "0.8"))]
    results.append(trial(folder, "l1", 0, TABLE.replace("0.9", "0.1"), verdict="all background"))
    (scores,) = read("mask", results)
    assert (scores.metric, scores.unit, list(scores.values)) == ("iou", "cut-out", ["bce"])
    assert scores.values["bce"].tolist() == [[0.5, 0.7, 0.9], [0.5, 0.7, 0.8]]
    assert scores.clusters.tolist() == [1, 0, 1]
    assert read("depth", results) == []


@pytest.mark.parametrize(
    ("pattern", "unit", "clusters"), [("c[01]", "background", [0, 1, 1]), ("[bc][01]", "image", [0, 1, 2])]
)
def test_without_cutouts_backgrounds_then_images_are_the_clusters(folder, pattern, unit, clusters):
    (scores,) = read("mask", [trial(folder, "bce", 0, re.sub(pattern, "", TABLE))])
    assert (scores.unit, scores.clusters.tolist()) == (unit, clusters)


def test_an_image_without_a_value_is_left_out_everywhere(folder):
    results = [trial(folder, "bce", 0, TABLE), trial(folder, "l1", 0, TABLE.replace("0.7", "nan"))]
    (scores,) = read("mask", results)
    assert {loss: seeds.tolist() for loss, seeds in scores.values.items()} == {"bce": [[0.5, 0.9]], "l1": [[0.5, 0.9]]}
    # Both are of one cut-out: the backgrounds still differ.
    assert scores.unit == "background"


def test_a_metric_of_one_image_is_not_compared(folder):
    table = "\n".join(TABLE.splitlines()[:2]) + "\n"
    assert read("mask", [trial(folder, "bce", 0, table)]) == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "eval/mask-l1-0/per_image.csv: missing or empty; run 'dvc repro -f evaluate@mask-l1-0'"),
        (TABLE.replace("0.7", "x"), "eval/mask-l1-0/per_image.csv: damaged in column 'iou'"),
        (TABLE.replace("p1", "p9"), "eval/mask-l1-0/per_image.csv: its test images are not those of eval/mask-bce-0"),
    ],
)
def test_files_that_do_not_fit_are_named(folder, table, message):
    results = [trial(folder, "bce", 0, TABLE), trial(folder, "l1", 0, table)]
    with pytest.raises(StudyError, match=re.escape(message)):
        read("mask", results)


def test_heads_and_metrics_are_compared_each_on_its_own(folder):
    mask = TABLE.replace("iou", "dice,iou").replace("0.1,", "0.1,0.6,")
    results = [trial(folder, loss, 0, mask) for loss in ("bce", "l1")]
    results += [trial(folder, loss, 0, TABLE.replace("iou", "rmse"), head="depth") for loss in ("bce", "l1")]
    found = [(comparison.head, comparison.metric.name) for comparison in compare_all(results)]
    assert found == [("mask", "iou"), ("mask", "dice"), ("depth", "rmse")]


def test_headline_metrics_come_first():
    assert [metrics[0] for metrics in reading.COMPARED.values()] == ["iou", "rmse"]
