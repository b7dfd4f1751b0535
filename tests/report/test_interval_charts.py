"""Charts with a row for each loss: what is drawn where, and in which words."""

from dataclasses import replace
from itertools import pairwise

import pytest

from loss_study.metrics import find
from loss_study.report.interval_charts import WIDTH, answer_chart, means_chart
from loss_study.statistics.ranking import BEST, OPEN, WORSE, Standing
from loss_study.statistics.results import MISSING
from support.rankings import DECIDED, UNDECIDED, ranked, result

METRIC = find("iou_at_best")


def rows(chart):
    return {drawn.row.loss: drawn for drawn in chart.rows}


def test_regrets_stand_on_the_axis_with_the_margin():
    chart = answer_chart(ranked(DECIDED))
    x = {tick: place for place, tick in chart.ticks}
    unit = (x["0.1"] - x["0"]) / 0.1
    drawn = rows(chart)
    assert chart.axis.low == 0
    assert chart.margin_x == pytest.approx(x["0"] + 0.02 * unit)
    assert (drawn["bce"].low, drawn["bce"].high) == pytest.approx((x["0"] + 0.001 * unit, x["0"] + 0.019 * unit))
    # The difference of the means is 0.03.
    assert drawn["l1"].middle == pytest.approx(x["0"] + 0.03 * unit)
    assert drawn["dice"].middle == x["0"]


def test_groups_differ_by_place_word_and_shape():
    chart = answer_chart(ranked(DECIDED, failed=["huber"]))
    assert [title for title, _ in chart.groups] == [
        "May be the best, within the margin of it",
        "Not the best, but within the margin of it",
        "Worse than the best",
        "Failed with at least one seed, not compared",
    ]
    assert [row.shape for _, group in chart.groups for row in group][:4] == ["disc", "diamond", "square", "square"]
    assert [drawn.row.loss for drawn in chart.rows if drawn.row.chosen] == ["dice"]
    lines = sorted([y for y, _ in chart.headings] + [drawn.y for drawn in chart.rows])
    assert min(b - a for a, b in pairwise(lines)) >= chart.size
    undecided = answer_chart(ranked(UNDECIDED))
    assert undecided.groups[0][0] == "May be the best, but may be worse by more than the margin"
    assert {row.shape for row in undecided.groups[0][1]} == {"ring"}


def test_numbers_are_rounded_away_from_claims():
    drawn = rows(answer_chart(ranked(DECIDED)))
    assert drawn["dice"].row.text == "at most 0.015"
    assert drawn["l1"].row.text == "0.021 to 0.034"
    assert drawn["l1"].row.title == "l1: worse than the best by 0.021 to 0.034 IoU; mean 0.670 IoU"


def test_a_choice_without_regret_is_said_to_have_none():
    sure = {"dice": (BEST, 0.0, 0.0, 0.6), "bce": (OPEN, 0.0, 0.1, 0.5)}
    chart = answer_chart(ranked(sure))
    assert rows(chart)["dice"].row.text == "none is better"
    assert rows(chart)["dice"].row.title == "dice: none is better; mean 0.600 IoU"
    assert [title for title, _ in chart.groups] == [
        "No other loss is better than this one",
        "May be as good as the best, but may be worse by more than the margin",
    ]
    # Of a loss that is not compared nothing is known.
    with_failure = rows(answer_chart(ranked(sure, failed=["huber"])))
    assert with_failure["dice"].row.text == "none compared is better"


def test_a_loss_far_off_ends_in_an_arrow():
    chart = answer_chart(ranked(DECIDED))
    drawn = rows(chart)
    assert chart.axis.high < 0.5
    assert (drawn["ssim"].arrow, drawn["ssim"].middle, drawn["ssim"].row.text) == ("right", None, "0.500 to 0.610")
    assert [drawn[loss].arrow for loss in ("dice", "bce", "l1")] == [""] * 3


def test_a_failed_loss_has_words_and_no_interval():
    drawn = rows(answer_chart(ranked(DECIDED, failed=["huber"])))["huber"]
    assert (drawn.low, drawn.middle, drawn.row.text) == (None, None, "1 of 2 trials failed")
    assert drawn.row.title == "huber: collapsed: all background"


def missing(loss, failed=0):
    """A loss of whose two trials `failed` failed and the others have no result."""
    trials = [result("mask", loss, seed, "all background") for seed in range(2)]
    return Standing(
        loss, METRIC, tuple(one if one.trial.seed < failed else replace(one, status=MISSING) for one in trials)
    )


@pytest.mark.parametrize("known", [DECIDED, {"dice": (OPEN, None, None, 0.7), "bce": (OPEN, None, None, 0.6)}])
def test_a_loss_without_a_result_has_not_failed(known):
    found = ranked(known)
    chart = answer_chart(replace(found, standings=(*found.standings, missing("l2"), missing("huber", failed=1))))
    assert [(title, [row.text for row in group]) for title, group in chart.groups[-2:]] == [
        (
            "Failed with at least one seed, not compared",
            ["1 of 2 trials failed, 1 of 2 trials without a result"],
        ),
        ("Without a result, not compared", ["2 of 2 trials without a result"]),
    ]


def test_the_words_for_a_screen_reader_name_every_loss():
    chart = answer_chart(ranked(DECIDED))
    assert all(loss in chart.alt for loss in DECIDED) and "within the margin of 0.020" in chart.alt


def test_with_one_seed_nothing_is_drawn_of_regrets():
    chart = answer_chart(
        ranked({"dice": (OPEN, None, None, 0.7), "bce": (OPEN, None, None, 0.6)}, seeds=1, choice=None)
    )
    assert chart.title == "Mean on the test images: IoU at the threshold chosen on validation" and chart.margin is None
    assert chart.note.endswith("over new images of these trained networks")
    drawn = rows(chart)
    assert [drawn[loss].row.text for loss in ("dice", "bce")] == ["0.700", "0.600"]
    assert "worse" not in " ".join([chart.alt, *(one.row.title for one in drawn.values())])
    assert "networks" not in means_chart(ranked(DECIDED)).note


def test_without_a_spread_there_are_means_without_regrets():
    chart = answer_chart(ranked({"dice": ("", None, None, 0.7)}, choice="dice"))
    assert chart.margin is None and rows(chart)["dice"].row.low is None and "interval" not in chart.note


def test_without_a_sound_trial_there_is_no_chart():
    found = ranked({}, choice=None, failed=["dice"])
    gone = replace(found.standings[0], results=found.standings[0].results[1:], mean=None)
    assert answer_chart(replace(found, standings=(gone,))) is None


@pytest.mark.parametrize("count", [2, 7, 12, 13, 30])
def test_two_to_thirty_losses_fit(count):
    losses = {
        f"a_long_name_of_a_loss_{n}": (OPEN if n < 3 else WORSE, 0.01 * n, 0.05 + 0.01 * n, 0.7) for n in range(count)
    }
    chart = answer_chart(ranked(losses))
    assert len(chart.rows) == count
    assert chart.right - chart.left > WIDTH / 5
    assert min(b.y - a.y for a, b in pairwise(chart.rows)) >= chart.size
    # At the width on the page that is 615 pixels: with 900 pixels of height the decision stands above it.
    assert chart.height < 550
