"""metrics.json, compare.csv and curves.csv of a fabricated study."""

import csv
import json

import pytest

from loss_study.report import palette
from support.fabricated_study import COLLAPSED, DIVERGED, IOU, MISSING, RMSE


def test_metrics_json_has_a_summary_at_fixed_paths(study):
    metrics = json.loads(study.files()["metrics.json"])
    assert metrics["mask"]["best_loss"] == "dice"
    assert metrics["mask"]["best_iou_at_best"] == pytest.approx(IOU["dice"])
    assert metrics["depth"]["best_loss"] == "rmse"
    assert metrics["depth"]["best_abs_rel"] == pytest.approx(2 * RMSE["rmse"])
    assert (metrics["mask"]["choice"], metrics["mask"]["decided"]) == ("dice", False)
    assert metrics["mask"]["regret_bound"] > metrics["mask"]["margin"] == 0.02
    # The margin of the depth is a share of the best loss's error.
    assert metrics["depth"]["margin"] == pytest.approx(0.05 * RMSE["rmse"])
    assert metrics["mask"]["best_iou_at_best_low"] < IOU["dice"] < metrics["mask"]["best_iou_at_best_high"]
    assert metrics["trials"] == {
        "losses": 7,
        "seeds": 2,
        "planned": 28,
        "sound": 25,
        "collapsed": 1,
        "diverged": 1,
        "missing": 1,
    }


def test_metrics_json_has_every_loss_with_its_own_metrics(study):
    metrics = json.loads(study.files()["metrics.json"])
    by_loss = {loss: found for loss, found in metrics["mask"].items() if isinstance(found, dict)}
    assert list(by_loss) == sorted(IOU)
    assert by_loss["l1"] == pytest.approx(
        {
            "iou_at_best": IOU["l1"],
            "iou": IOU["l1"] - 0.01,
            "dice": (2 * 0.79 / 1.79 + 2 * 0.81 / 1.81) / 2 - 0.01,
        }
    )
    # Of ssim one seed collapsed: the other one counts.
    assert by_loss["ssim"]["iou_at_best"] == pytest.approx(IOU["ssim"] - 0.01)
    assert set(metrics["depth"]["rmse"]) == {"rmse_coded", "rmse", "abs_rel", "delta1"}


def test_a_loss_named_like_a_metric_hides_nothing(study):
    mask = json.loads(study.files()["metrics.json"])["mask"]
    assert mask["dice"]["dice"] == mask["best_dice"] and isinstance(mask["best_iou_at_best"], float)


def test_compare_csv_has_a_row_per_trial(study):
    rows = list(csv.DictReader(study.files()["compare.csv"].decode().splitlines()))
    assert list(rows[0])[:5] == ["head", "loss", "seed", "status", "verdict"]
    assert len(rows) == 28
    by_trial = {(row["head"], row["loss"], int(row["seed"])): row for row in rows}
    assert by_trial["mask", "dice", 1]["iou_at_best"] == "0.9400000000000001"
    assert by_trial["mask", "dice", 1]["rmse"] == ""
    assert by_trial[COLLAPSED]["verdict"] == "all background"
    assert by_trial[COLLAPSED]["iou_at_best"] == "0.0"
    assert by_trial[DIVERGED]["status"] == "diverged"
    assert by_trial[MISSING]["status"] == "missing"
    assert by_trial[MISSING]["rmse"] == ""


def test_curves_csv_has_the_colours_of_the_page(study):
    rows = csv.DictReader(study.files()["curves.csv"].decode().splitlines())
    colours = {row["loss"]: row["colour"] for row in rows}
    assert colours == {loss: colour.light for loss, colour in palette.colours(IOU).items()}


def test_curves_csv_has_a_row_per_epoch(study):
    rows = list(csv.DictReader(study.files()["curves.csv"].decode().splitlines()))
    assert len(rows) == 26 * 8 + 3
    diverged = [row for row in rows if (row["head"], row["loss"], row["seed"]) == ("depth", "huber", "1")]
    assert [row["train_loss"] for row in diverged] == ["0.42", "0.252", ""]
    assert {(row["head"], row["metric"]) for row in rows} == {("mask", "iou_at_best"), ("depth", "rmse_coded")}
