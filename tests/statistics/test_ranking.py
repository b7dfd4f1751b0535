"""One ranking: its order, its pairs, its groups, its decision."""

import csv
import warnings

import numpy as np
import pytest

from loss_study.config import Margin
from loss_study.metrics import HEADLINE
from loss_study.statistics.looks import Look
from loss_study.statistics.ranking import BEST, EQUIVALENT, OPEN, WORSE, headlines
from loss_study.statistics.tables import ANSWER_COLUMNS, PAIR_COLUMNS, answer_csv, pairs_csv
from support.made_up_scores import LOSSES, SAME, make_up, ranked, study

RACE = (3, 5, 8, 12)


def groups(ranking):
    return {standing.loss: standing.group for standing in ranking.standings}


def test_losses_are_ordered_compared_and_decided():
    scores = study([0.70, 0.90, 0.80], seeds=5)
    result = ranked(scores)
    assert [standing.loss for standing in result.placed] == ["l1", "rmse", "bce"]
    assert result.best.mean == pytest.approx(scores.values["l1"].mean())
    assert (result.choice, result.regret_bound, result.margin, result.decided) == ("l1", 0, 0.02, True)
    assert groups(result) == {"l1": BEST, "rmse": WORSE, "bce": WORSE}
    assert {(pair.better, pair.worse) for pair in result.significant} == {
        ("l1", "rmse"),
        ("l1", "bce"),
        ("rmse", "bce"),
    }
    assert all(pair.low < pair.difference < pair.high for pair in result.pairs)
    assert all(standing.low < standing.mean < standing.high for standing in result.placed)
    assert (result.images, result.objects, result.backgrounds, result.seeds) == (200, 24, 200, 5)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("look", [Look(1, (4,)), Look(2, (3, 4, 8))])
def test_groups_are_what_the_bounds_and_the_margin_say(seed, look):
    scores = make_up(np.random.default_rng(seed), 0.8 + np.arange(7) * 0.004, np.full(7, 0.001), 4)
    result = ranked(scores, look, Margin(mask=0.018))
    expected = {(True, True): BEST, (False, True): EQUIVALENT, (True, False): OPEN, (False, False): WORSE}
    for row in result.standings:
        assert row.regret_low <= row.regret_high
        assert row.group == expected[row.regret_low == 0, row.regret_high <= 0.018]
    assert result.decided == (min(row.regret_high for row in result.standings) <= 0.018)
    eligible = [row for row in result.standings if row.regret_high <= 0.018 or not result.decided]
    assert result.choice == max(eligible, key=lambda row: row.mean).loss
    assert result.regret_bound == next(row.regret_high for row in eligible if row.loss == result.choice)
    assert bool(result.contenders) == (not result.decided and look.planned > 1)


def test_every_group_occurs():
    scores = study([0.8, 0.8, 0.77, 0.70], spread=0.0005, seeds=8)
    wide, narrow = (groups(ranked(scores, margin=Margin(mask=margin))) for margin in (0.06, 0.001))
    assert {loss: wide[loss] for loss in ("bce", "l1", "rmse", "dice")} == {
        "bce": BEST,
        "l1": BEST,
        "rmse": EQUIVALENT,
        "dice": WORSE,
    }
    assert narrow == {"bce": OPEN, "l1": OPEN, "rmse": WORSE, "dice": WORSE}


def test_lower_is_better_for_errors_and_the_margin_is_a_share_of_the_smallest():
    result = ranked(study([0.30, 0.10, 0.20], metric=HEADLINE["depth"], head="depth"))
    assert [standing.loss for standing in result.placed] == ["l1", "rmse", "bce"]
    assert result.pairs[1].difference == pytest.approx(-0.2, abs=0.03)
    assert result.pairs[1].probability > 0.95
    assert result.choice == "l1"
    assert result.margin == pytest.approx(0.05 * result.placed[0].mean)
    assert result.standings[2].regret_low > 0.1


@pytest.mark.parametrize(("head", "highest"), [("mask", 1), ("depth", None)])
def test_intervals_of_means_end_where_the_metric_does(head, highest):
    result = ranked(study([0.5, 0.6], spread=0.05, seeds=2, metric=HEADLINE[head], head=head))
    for row in result.standings:
        assert row.low == 0 < row.mean < row.high
        assert row.high == highest if highest else row.high > 1


def test_an_undecided_race_goes_on_with_the_choice_and_its_rivals():
    result = ranked(study([0.80, 0.801, 0.60], spread=0.02), Look(1, RACE))
    assert not result.decided
    assert sorted(result.contenders) == ["bce", "l1"]
    assert ranked(study([0.80, 0.801, 0.60], spread=0.02), Look(4, RACE)).contenders == ()


def test_a_dropped_loss_stays_with_fewer_seeds():
    scores = study([0.80, 0.81, 0.60], seeds=5)
    scores.values["rmse"] = scores.values["rmse"][:3]
    result = ranked(scores, Look(2, RACE))
    assert [standing.trials for standing in result.standings] == [5, 5, 3]
    assert result.standings[2].regret_high > 0.19


def test_later_looks_of_the_same_scores_are_surer_than_all_looks_but_less_sure_than_a_single_one():
    scores = study([0.80, 0.79, 0.78], spread=0.01)
    bounds = [ranked(scores, look).standings[0].high for look in (Look(1, (3,)), Look(4, RACE), Look(1, RACE))]
    assert bounds == sorted(bounds) and len(set(bounds)) == 3


def test_no_bound_is_beyond_what_the_metric_can_be():
    """Two seeds far apart: without its range, the IoU of one loss might be 3 better than that of another."""
    result = ranked(study([0.70, 0.60, 0.50], spread=0.3, seeds=2), Look(1, RACE))
    assert [row.regret_high for row in result.standings] == [1.0, 1.0, 1.0]
    assert {(pair.low, pair.high) for pair in result.pairs} == {(-1.0, 1.0)}
    assert {(row.low, row.high) for row in result.standings} == {(0.0, 1.0)}


def test_one_seed_says_nothing_of_losses():
    result = ranked(study([0.7, 0.9, 0.8], seeds=1), Look(1, (1, 3)))
    assert result.of_networks and not result.decided
    assert result.choice is None and result.regret_bound is None
    assert set(groups(result).values()) == {OPEN}
    assert all(row.regret_low is None and row.regret_high is None for row in result.standings)
    assert result.contenders == ("l1", "rmse", "bce")
    assert result.best.loss == "l1" and result.best.low < result.best.mean < result.best.high
    assert not ranked(study([0.7, 0.9], seeds=2)).of_networks


def test_a_loss_with_one_seed_among_others_leaves_the_regrets_unknown():
    scores = study([0.7, 0.9, 0.8], seeds=4)
    scores.values["bce"] = scores.values["bce"][:1]
    result = ranked(scores, Look(2, (1, 4, 8)))
    assert not result.of_networks and not result.decided
    assert result.choice is None and result.regret_bound is None
    assert result.contenders == ("l1", "rmse", "bce")
    assert result.standings[2].low is None and result.standings[0].low is not None


def test_other_metrics_decide_nothing():
    result = ranked(study([0.7, 0.9], metric="dice"), Look(1, RACE))
    assert result.pairs and result.best.low is not None
    assert (result.choice, result.margin, result.decided, result.contenders) == (None, None, False, ())
    assert set(groups(result).values()) == {""}


def test_a_loss_with_a_failed_trial_is_ranked_last_and_not_compared():
    scores = study([0.7, 0.8, 0.95])
    scores.values["rmse"] = scores.values["rmse"][:2]
    result = ranked(scores, Look(1, RACE), rmse=1, huber=3)
    assert [standing.loss for standing in result.placed] == ["l1", "bce", "rmse"]
    assert [(pair.better, pair.worse) for pair in result.pairs] == [("l1", "bce")]
    assert [standing.loss for standing in result.not_compared] == ["rmse"]
    assert [standing.loss for standing in result.failed] == ["huber"]
    assert groups(result)["rmse"] == groups(result)["huber"] == "" != groups(result)["l1"]
    assert not {"rmse", "huber"} & set(result.contenders)


def test_if_every_loss_failed_once_the_other_trials_are_compared():
    scores = study([0.7, 0.9, 0.8])
    scores.values["bce"] = scores.values["bce"][:2]
    scores.values["rmse"] = scores.values["rmse"][:1]
    result = ranked(scores, bce=1, l1=1, rmse=2)
    # Of rmse nothing is known: it has a single seed left.
    assert [standing.loss for standing in result.compared] == ["l1", "bce"]
    assert [standing.loss for standing in result.not_compared] == ["rmse"]
    assert len(result.pairs) == 1 and result.choice == "l1"
    assert result.standings[2].low is None and result.standings[2].loss == "rmse"


def test_a_loss_that_never_fails_because_it_never_gets_far_is_not_the_choice():
    """Composites at the scale small: l1, whose seeds were all bad, was chosen without a bound, and the study ended."""
    scores = study([0.47, 0.28, 0.46, 0.40], seeds=6)
    for loss in ("bce", "rmse", "dice"):
        scores.values[loss] = scores.values[loss][:5]
    result = ranked(scores, Look(2, RACE), bce=1, rmse=1, dice=1)
    assert [standing.loss for standing in result.compared] == ["bce", "rmse", "dice", "l1"]
    assert result.choice == "bce" and result.regret_bound is not None
    assert groups(result)["l1"] == WORSE and len(result.pairs) == 6


def test_a_single_loss_without_failure_can_be_the_choice_and_is_compared_with_those_of_two_sound_trials():
    scores = study([0.9, 0.7, 0.8])
    scores.values["l1"] = scores.values["l1"][:2]
    scores.values["rmse"] = scores.values["rmse"][:1]
    result = ranked(scores, l1=1, rmse=2)
    assert [standing.loss for standing in result.placed] == ["bce", "l1", "rmse"]
    assert [standing.loss for standing in result.not_compared] == ["rmse"]
    assert result.choice == "bce" and result.decided


def test_a_loss_alone_is_the_choice_without_a_bound():
    result = ranked(study([0.7]), Look(1, RACE))
    assert (result.choice, result.regret_bound, result.decided, result.contenders) == ("bce", None, False, ())


def test_exact_ties_and_scores_without_spread():
    scores = study([0.7, 0.7, 0.6])
    scores.values.update({"bce": np.full((3, 200), 0.7), "l1": np.full((3, 200), 0.7), "rmse": np.full((3, 200), 0.6)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = ranked(scores)
    assert result.without_spread
    assert (result.choice, result.regret_bound, result.decided) == ("bce", pytest.approx(0, abs=1e-12), True)
    assert [round(row.regret_low, 9) for row in result.standings] == [0, 0, 0.1]
    assert [pair.significant for pair in result.pairs] == [False, True, True]
    assert result.pairs[0].p_adjusted == 1 and result.pairs[1].p_adjusted < 1e-9
    assert not ranked(study([0.7, 0.9])).without_spread


def test_the_same_scores_give_the_same_numbers():
    assert ranked(study([0.8, 0.81])) == ranked(study([0.8, 0.81]))


def test_answer_csv():
    result = ranked(study([0.70, 0.90, 0.80], seeds=5), huber=3)
    rows = list(csv.DictReader(answer_csv([result]).splitlines()))
    assert tuple(rows[0]) == ANSWER_COLUMNS
    assert ",".join(ANSWER_COLUMNS) == "head,metric,loss,group,mean,low,high,regret_low,regret_high,trials"
    assert [(row["loss"], row["group"], row["trials"]) for row in rows] == [
        ("l1", "best", "5"),
        ("rmse", "worse", "5"),
        ("bce", "worse", "5"),
        ("huber", "", "0"),
    ]
    assert rows[0]["regret_high"] == "0" and float(rows[1]["regret_low"]) > 0.05
    assert rows[3]["mean"] == rows[3]["low"] == rows[3]["regret_high"] == ""


def test_pairs_csv_has_every_two_losses_better_one_first():
    rows = list(csv.DictReader(pairs_csv([ranked(study([0.70, 0.90, 0.80]))]).splitlines()))
    assert tuple(rows[0]) == PAIR_COLUMNS
    assert [(row["better"], row["worse"]) for row in rows] == [("l1", "rmse"), ("l1", "bce"), ("rmse", "bce")]
    assert all(float(row["low"]) <= float(row["difference"]) <= float(row["high"]) for row in rows)


def test_headlines_are_on_the_metric_that_ranks():
    first, dice = ranked(study([0.7, 0.9])), ranked(study([0.7, 0.9], metric="dice"))
    assert headlines([first, dice]) == [first]


def test_the_mean_interval_of_a_much_noisier_loss_is_its_own():
    noisy = np.array([0.002] * 6 + [0.3])
    rows = {row.loss: row for row in ranked(make_up(np.random.default_rng(0), SAME, noisy, 5)).standings}
    width = {loss: rows[loss].high - rows[loss].low for loss in LOSSES}
    assert width[LOSSES[-1]] > 4 * max(width[loss] for loss in LOSSES[:-1])
