"""The answer to "which loss?", and the order that it is from."""

import json

import pytest

from loss_study.report.sections.answer import answer
from support.fabricated_study import REPOSITORY, Study, fabricate


def test_order_puts_losses_with_failed_trials_last(study):
    # ssim has the best mask of all at its one sound seed, but collapsed at the other.
    assert study.order("mask") == ["dice", "weighted_bce", "bce", "rmse", "huber", "l1", "ssim"]
    assert study.order("depth") == ["rmse", "ssim", "l1", "dice", "weighted_bce", "huber", "bce"]


def test_means_leave_failed_trials_out(study):
    values = {s.loss: s.mean for head in ("mask", "depth") for s in study.ranking(head).standings if s.failed}
    assert values == {"ssim": pytest.approx(0.95), "huber": pytest.approx(0.035), "bce": pytest.approx(0.06)}
    best = study.ranking("mask").best
    assert best.means["dice"] == pytest.approx((2 * 0.92 / 1.92 + 2 * 0.94 / 1.94) / 2)
    assert best.seconds == 11


def test_answer_has_the_decision_the_groups_and_what_limits_them(study):
    first, *others = answer(study.ranking("mask"))
    # Six losses and two seeds on two images: hardly any evidence.
    assert first.startswith("Use dice for the time being. With 95 % confidence no other loss is more than ")
    assert "May be the best, or worse by more than the margin: dice, weighted_bce, bce, rmse, huber and l1." in others
    assert "The intervals are from 2 seeds per loss and the 2 test images of 2 objects." in others


def test_answer_with_one_seed_speaks_of_trained_networks(one_seed):
    read = one_seed(["dice", "l1"])
    first, *others = answer(read.ranking("mask"))
    assert first.startswith("Of these 2 trained networks the one trained with dice scores best")
    assert others[0].startswith("One seed per loss: the intervals are of these trained networks")


def test_answer_with_one_loss_compares_nothing(one_seed):
    read = one_seed(["dice"])
    assert answer(read.ranking("mask"))[0] == "Only dice trained in this study: there is nothing to compare it with."


def test_answer_where_everything_failed(folder):
    fabricate(folder, repository=REPOSITORY, losses=["ssim"], seeds=[1])
    read = Study.read()
    assert answer(read.ranking("mask")) == [
        "No loss trained a mask: every trial failed.",
        "ssim failed with every seed.",
    ]
    metrics = json.loads(read.files()["metrics.json"])
    assert metrics["mask"] == {
        "choice": None,
        "regret_bound": None,
        "margin": None,
        "decided": False,
        "best_loss": "none",
    }
    assert metrics["trials"] == {
        "losses": 1,
        "seeds": 1,
        "planned": 2,
        "sound": 1,
        "collapsed": 1,
        "diverged": 0,
        "missing": 0,
    }
