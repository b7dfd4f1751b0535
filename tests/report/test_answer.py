"""The order of the losses, and what the first section takes from it."""

import json

import pytest

from loss_study.report.sections.answer import answer
from support.fabricated_study import REPOSITORY, Study, fabricate
from support.rankings import DECIDED, UNDECIDED, ranked


def test_order_puts_losses_with_failed_trials_last(study):
    # ssim has the best mask of all at its one sound seed, but collapsed at the other.
    assert study.order("mask") == ["dice", "weighted_bce", "bce", "rmse", "huber", "l1", "ssim"]
    assert study.order("depth") == ["rmse", "ssim", "l1", "dice", "weighted_bce", "huber", "bce"]


def test_means_leave_failed_trials_out(study):
    values = {s.loss: s.mean for head in ("mask", "depth") for s in study.ranking(head).standings if s.failed}
    assert values == {"ssim": pytest.approx(0.95), "huber": pytest.approx(0.035), "bce": pytest.approx(0.06)}
    best = study.ranking("mask").best
    assert best.means["dice_at_best"] == pytest.approx((2 * 0.92 / 1.92 + 2 * 0.94 / 1.94) / 2)
    assert best.seconds == 11


def test_the_decision_comes_in_two_parts():
    found = answer(ranked(DECIDED), [])
    assert (found.verdict, found.bound) == (
        "Use dice.",
        "With 95 % confidence no other loss is more than 0.015 IoU better.",
    )
    assert answer(ranked(UNDECIDED), []).verdict == "Use dice for the time being."
    assert found.bounds is None and found.chart is not None


def test_a_single_loss_has_one_sentence(one_seed):
    found = answer(one_seed(["dice"]).ranking("mask"), [])
    assert (found.verdict, found.bound) == (
        "Only dice trained in this study: there is nothing to compare it with.",
        "",
    )


def test_where_everything_failed_there_is_no_chart(folder):
    fabricate(folder, repository=REPOSITORY, losses=["ssim"], seeds=[1])
    read = Study.read()
    found = answer(read.ranking("mask"), [])
    assert found.verdict == "No loss trained a mask: every trial failed." and found.chart is None
    metrics = json.loads(read.files()["metrics.json"])
    assert metrics["mask"] == {
        "choice": None,
        "regret_bound": None,
        "margin": None,
        "decided": False,
        "all_compared": False,
        "best_loss": "none",
    }
    assert metrics["trials"] | {"losses": 1, "seeds": 1, "planned": 2, "sound": 1, "collapsed": 1} == metrics["trials"]
