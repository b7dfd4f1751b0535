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


def test_answer_names_the_best_and_what_is_not_significant(study):
    winner, conclusion, resampled = answer(study.ranking("mask"))
    assert winner == "On these images dice trains the best mask: IoU 0.930; weighted_bce is next with 0.910."
    # Six losses and two seeds, of two clusters each: fifteen tests of hardly any evidence.
    assert conclusion.startswith(
        "No difference between dice, weighted_bce, bce, rmse, huber and l1 is significant on IoU"
    )
    assert resampled.startswith("The intervals come from 2 seeds per loss and the 2 test images.")


def test_answer_with_one_seed_claims_no_precision(one_seed):
    read = one_seed(["dice", "l1"])
    assert answer(read.ranking("mask"))[2].startswith(
        "One seed per loss: the intervals come from the 2 test images alone."
    )


def test_answer_with_one_loss_compares_nothing(one_seed):
    read = one_seed(["dice"])
    assert answer(read.ranking("mask")) == ["On these images dice is the only loss that trained a mask: IoU 0.920."]


def test_answer_where_everything_failed(folder):
    fabricate(folder, repository=REPOSITORY, losses=["ssim"], seeds=[1])
    read = Study.read()
    assert answer(read.ranking("mask")) == ["No loss trained a mask on these images: every trial failed."]
    metrics = json.loads(read.files()["metrics.json"])
    assert metrics["mask"] == {"best_loss": "none"}
    assert metrics["trials"] == {
        "losses": 1,
        "seeds": 1,
        "planned": 2,
        "sound": 1,
        "collapsed": 1,
        "diverged": 0,
        "missing": 0,
    }
