"""The sentence beside the title of each chapter: said where it is true, and not where it is not."""

import dataclasses
import shutil
from pathlib import Path

from loss_study.inspection.findings import Findings
from loss_study.report.sections import curves, data, learning_rates, losses, metrics, pairs, provenance
from loss_study.report.sections.learning_rates import Found, HeadSearch
from loss_study.statistics.pairwise import Pair
from support.fabricated_study import REPOSITORY, Study, fabricate
from support.rankings import DECIDED, ranked

PAIRS = (Pair("dice", "l1", 0.1, 0.05, 0.2, 0.01, 0.9), Pair("dice", "bce", 0.01, -0.1, 0.2, 0.5, 0.6))


def test_pairs_count_what_is_significant():
    found = ranked(DECIDED, pairs=PAIRS)
    assert (
        pairs.finding([found])
        == "Mask: 1 of 2 differences of IoU at the threshold chosen on validation are significant."
    )
    assert pairs.finding([dataclasses.replace(found, pairs=())]) == ""


def test_pairs_of_one_seed_are_of_these_networks():
    found = ranked(DECIDED, seeds=1, pairs=PAIRS)
    assert pairs.finding([found]) == (
        "Mask: 1 of 2 differences of IoU at the threshold chosen on validation between these trained networks are "
        "significant."
    )


def test_curves_say_where_they_end(study):
    text = curves.finding([study.ranking("mask"), study.ranking("depth")])
    # After eight halvings 1/256 of the way is left, from 0.1 to a value of 0.93 or 0.79 and 0.81.
    assert text.startswith("Mask: validation IoU ends at 0.797 (l1) to ")
    assert "Depth: validation RMSE ends at " in text
    assert text.endswith("The last epoch is the best one of 25 of 25 trials.")


def test_an_epoch_that_is_kept_because_it_is_the_last_is_not_called_the_best(one_seed):
    study = one_seed(["dice"])
    (trial,) = study.ranking("mask").standings[0].sound
    curve = tuple(row | {"validation": str(value)} for row, value in zip(trial.history, (0.2, 0.9, 0.5), strict=False))
    last_kept = dataclasses.replace(trial, history=curve, run=trial.run | {"kept_epoch": 3})
    assert last_kept.best_epoch == 2
    standing = dataclasses.replace(study.ranking("mask").standings[0], results=(last_kept,))
    found = dataclasses.replace(study.ranking("mask"), standings=(standing,))
    assert curves.finding([found]).endswith("The last epoch is the best one of 0 of 1 trials.")


def test_curves_that_end_alike_name_no_loss(one_seed):
    text = curves.finding([one_seed(["dice"]).ranking("mask")])
    assert text == "Mask: validation IoU ends at 0.917. The last epoch is the best one of 1 of 1 trials."


def test_curves_of_failed_trials_say_nothing(folder):
    fabricate(folder, repository=REPOSITORY, losses=["ssim"], seeds=[1])
    assert curves.finding([Study.read().ranking("mask")]) == ""


def test_learning_rates_say_how_they_were_chosen(study):
    assert learning_rates.finding(study.config, []) == "The same for all losses: 0.01."
    one = Found("dice", {}, 0.1, 0.1)
    two = dataclasses.replace(one, edges=("learning rate above, 0.1 was used",))
    metric = study.ranking("mask").metric
    assert learning_rates.finding(study.config, [HeadSearch("mask", metric, (one, two))]) == (
        "Searched for each loss; for 1 of 2 the search points beyond its grid."
    )
    assert learning_rates.finding(study.config, [HeadSearch("mask", metric, (one,))]) == (
        "Searched for each loss; for 0 of 1 the search points beyond its grid."
    )


def test_metrics_name_the_best_mean_of_each():
    iou = ranked(DECIDED)
    assert metrics.finding([iou]) == "Mask: the best mean is that of dice (IoU at the threshold chosen on validation)."
    tie = ranked({"dice": DECIDED["dice"], "bce": ("best", 0.0, 0.01, 0.70001)})
    assert metrics.finding([tie]) == (
        "Mask: the best mean is that of dice and bce (IoU at the threshold chosen on validation)."
    )
    assert metrics.finding([ranked({"dice": DECIDED["dice"]})]) == ""
    # The mean of the seeds of huber that did not fail may be better.
    assert metrics.finding([ranked(DECIDED, failed=["huber"])]) == (
        "Mask: the best mean of a compared loss is that of dice (IoU at the threshold chosen on validation)."
    )


def test_losses_count_those_that_are_left_out(study, monkeypatch):
    assert losses.finding(study.config).startswith("7 losses; ")
    monkeypatch.setattr("loss_study.losses.names", lambda: study.config.losses)
    assert losses.finding(study.config) == "7 losses."


def test_the_data_say_what_was_found_and_count_the_warnings(study):
    assert data.found()["finding"] == "1 warning. summary odd"
    Findings("Mask: 7.0% of an image is foreground (median).").write(data.INSPECTION, None)
    assert data.found()["finding"] == "Mask: 7.0% of an image is foreground (median)."
    Findings("summary", ("one", "two")).write(data.INSPECTION, None)
    assert data.found()["finding"] == "2 warnings. summary"
    page = study.page()
    assert page.count('id="data"') == page.count('href="#data"') == 1


def test_a_study_whose_data_was_not_inspected_has_no_such_chapter(study):
    shutil.rmtree(Path("data/inspection"))
    assert data.found() is None and 'id="data"' not in study.page() and 'href="#data"' not in study.page()


def test_how_it_was_run_names_the_commit_if_there_is_one(study):
    origin = provenance.Origin("0123456789", True, "")
    assert provenance.finding(study.results, origin) == (
        "28 trials, cpu, float32, commit 0123456 with uncommitted changes."
    )
    clean = provenance.finding(study.results, dataclasses.replace(origin, changed=False))
    assert clean.endswith("commit 0123456.")
    assert provenance.finding(study.results, provenance.Origin("", False, "")) == "28 trials, cpu, float32."
