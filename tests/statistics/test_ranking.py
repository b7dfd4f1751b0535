"""One ranking: its order, its pairs, its groups."""

import csv

import numpy as np
import pytest
from scipy import stats

from loss_study.statistics.ranking import headlines, rank_all
from loss_study.statistics.sentences import caveats, conclusion
from loss_study.statistics.tables import PAIR_COLUMNS, RANKING_COLUMNS, pairs_csv, ranking_csv
from support.made_up_scores import LOSSES, ranked, results_of, study


def test_ranking_orders_groups_and_tests():
    scores = study([0.70, 0.90, 0.899, 0.80])
    result = ranked(scores)
    first, second = sorted(["l1", "rmse"], key=lambda loss: -scores.values[loss].mean())
    assert [standing.loss for standing in result.placed] == [first, second, "dice", "bce"]
    assert result.best_group == [first, second]
    assert len(result.pairs) == 6
    assert {(pair.better, pair.worse) for pair in result.significant} == {
        (first, "dice"),
        (first, "bce"),
        (second, "dice"),
        (second, "bce"),
        ("dice", "bce"),
    }
    assert result.best.mean == pytest.approx(scores.values[first].mean())
    assert all(pair.low < pair.difference < pair.high for pair in result.pairs)
    assert (result.images, result.clusters, result.unit, result.seeds) == (200, 24, "object", 3)


def test_lower_is_better_for_errors():
    result = ranked(study([0.30, 0.10, 0.20], metric="rmse_coded", head="depth"))
    assert [standing.loss for standing in result.placed] == ["l1", "rmse", "bce"]
    assert result.pair("bce").difference == pytest.approx(-0.2, abs=0.03)
    assert result.pair("bce").probability > 0.95
    assert conclusion(result).startswith("l1 is best on RMSE (coded depth): it beats rmse by 0.0")


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
    found = {standing.loss: standing.average_rank for standing in ranked(scores).placed}
    assert [found[loss] for loss in LOSSES[:3]] == pytest.approx(np.mean(ranks, axis=0))


def test_intervals_stay_within_what_the_metric_can_be():
    result = ranked(study([0.999, 0.99], spread=0.05))
    assert max(standing.high for standing in result.placed) == 1


def test_a_loss_with_a_failed_trial_is_ranked_last_and_not_tested():
    scores = study([0.7, 0.8, 0.95])
    scores.values["rmse"] = scores.values["rmse"][:2]
    result = ranked(scores, 4000, rmse=1, huber=3)
    assert [standing.loss for standing in result.placed] == ["l1", "bce", "rmse"]
    assert [(pair.better, pair.worse) for pair in result.pairs] == [("l1", "bce")]
    assert result.best_group == ["l1"]
    assert [standing.loss for standing in result.not_compared] == ["rmse"]
    assert [standing.loss for standing in result.failed] == ["huber"]
    assert caveats(result)[1:] == [
        "rmse failed with 1 of 3 seeds: its numbers are those of the other seeds. It is ranked behind the losses "
        "without a failure, and not tested.",
        "huber failed with every seed.",
    ]


def test_if_every_loss_failed_once_the_other_trials_are_compared():
    scores = study([0.7, 0.9])
    scores.values["bce"] = scores.values["bce"][:1]
    result = ranked(scores, 4000, bce=2, l1=1)
    assert [standing.loss for standing in result.compared] == ["l1", "bce"]
    assert len(result.pairs) == 1


def test_the_same_scores_give_the_same_numbers():
    assert ranked(study([0.8, 0.81])) == ranked(study([0.8, 0.81]))


def test_ranking_csv():
    result = ranked(study([0.70, 0.90, 0.80]), 4000, huber=3)
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
    rows = list(csv.DictReader(pairs_csv([ranked(study([0.70, 0.90, 0.80]))]).splitlines()))
    assert tuple(rows[0]) == PAIR_COLUMNS
    assert [(row["better"], row["worse"]) for row in rows] == [("l1", "rmse"), ("l1", "bce"), ("rmse", "bce")]
    assert all(float(row["low"]) <= float(row["difference"]) <= float(row["high"]) for row in rows)


def test_headlines_are_on_the_metric_that_ranks():
    iou, dice = ranked(study([0.7, 0.9]), 100), ranked(study([0.7, 0.9], metric="dice"), 100)
    assert headlines([iou, dice]) == [iou]


def test_a_head_with_one_test_image_is_ranked_without_intervals(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = results_of(study([0.7, 0.9, 0.8]), rmse=1, huber=2)
    for result in results:
        path = result.trial.eval_dir / "per_image.csv"
        path.parent.mkdir(parents=True)
        path.write_text(
            f"id,background,object,foreground,iou_at_best\np0,b0,c0,0.1,{result.test.get('iou_at_best', 0)}\n"
        )
    (ranking,) = rank_all(results)
    assert [standing.loss for standing in ranking.standings] == ["l1", "bce", "rmse", "huber"]
    assert not ranking.resampled and ranking.pairs == () and ranking.best.low is None
    assert ranking.best.mean == pytest.approx(results[3].test["iou_at_best"], abs=0.01)
    rows = list(csv.DictReader(ranking_csv([ranking]).splitlines()))
    assert [(row["rank"], row["low"], row["p_adjusted"]) for row in rows] == [(n, "", "") for n in ("1", "2", "3", "")]
    assert float(rows[1]["difference_to_best"]) < 0


def test_the_order_of_the_ranking_is_that_of_its_table():
    ranking = ranked(study([0.70, 0.90, 0.80]), 4000, rmse=1)
    rows = list(csv.DictReader(ranking_csv([ranking]).splitlines()))
    assert [row["loss"] for row in rows] == [standing.loss for standing in ranking.standings]
