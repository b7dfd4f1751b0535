"""The report's second half: its numbers by hand, its sentences, its place on the page."""

import json
import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from loss_study.config import load_config
from loss_study.data.packed import PackedSample
from loss_study.evaluation.error_analysis import pixel_response
from loss_study.metrics import find
from loss_study.report.build import build
from loss_study.report.why import charts, correlation, learning, pictures, sentences, sizes, tables
from loss_study.report.why.chapter import chapter
from loss_study.report.why.evidence import Evidence, gather, mean, mean_curve
from loss_study.runtime.errors import StudyError
from loss_study.statistics import results
from loss_study.statistics.compare import compare_all
from loss_study.statistics.ranking import rank
from loss_study.statistics.results import Result
from loss_study.trial import Trial
from support.fabricated_study import COLLAPSED, PANEL, fabricate
from support.taken_apart import build as build_loss
from support.taken_apart import take_apart

REPOSITORY = Path(__file__).parents[2]


def result(head="mask", validation=(), test=None, lr=0.01):
    history = tuple({"epoch": str(n), "validation": str(value)} for n, value in enumerate(validation, start=1))
    return Result(Trial(head, "bce", 0), "finished", "", "", {"lr": lr}, test or {}, 0.5, (), history)


def known(loss, value=0.5, anatomy=None, images=(), trials=()):
    anatomies = (anatomy,) if anatomy else ()
    return Evidence(loss, value, anatomies, anatomies, (), tuple(images), tuple(trials))


# Learning


def test_epochs_to_90_percent_of_a_mask():
    # From 0 to 0.8: nine tenths is 0.72.
    assert learning.epochs_to_most(result(validation=[0.3, 0.71, 0.73, 0.8, 0.75]), 0.0) == 3
    assert learning.epochs_to_most(result(validation=[0.8]), 0.0) == 1


def test_epochs_to_90_percent_of_a_depth_map():
    # From 0.3 down to 0.1: nine tenths of the way is 0.12.
    assert learning.epochs_to_most(result("depth", [0.5, 0.13, 0.119, 0.1]), 0.3) == 3


def test_a_trial_that_learned_nothing_has_no_such_epoch():
    assert learning.epochs_to_most(result(validation=[0.0, 0.0]), 0.0) is None
    assert learning.epochs_to_most(result("depth", [0.4, math.nan]), 0.3) is None


def test_knowing_nothing(sample):
    assert learning.ignorance("mask", sample) == 0
    truth = sample.depths[sample.rows("validation")] / 255
    by_image = [np.sqrt(np.mean((image - sample.statistics["depth_mean"]) ** 2)) for image in truth]
    assert learning.ignorance("depth", sample) == pytest.approx(np.mean(by_image))


# Object sizes


def test_size_bins_partition_the_images_smallest_first():
    shares = np.random.default_rng(0).permutation(23) / 100
    bins = sizes.size_bins(shares)
    assert [len(part.places) for part in bins] == [6, 6, 6, 5]
    assert sorted(np.concatenate([part.places for part in bins]).tolist()) == list(range(23))
    edges = [(shares[part.places].min(), shares[part.places].max()) for part in bins]
    assert all(before[1] < after[0] for before, after in pairwise(edges))
    assert bins[0].foreground == pytest.approx(0.025)


def test_too_few_images_for_two_bins():
    assert sizes.size_bins(np.linspace(0, 1, 9)) == []
    assert len(sizes.size_bins(np.linspace(0, 1, 200))) == 5


def test_iou_by_size_is_the_mean_over_seeds_and_images():
    foreground = np.arange(10) / 100
    images = [
        {"iou": np.repeat([0.2, 0.6], 5), "foreground": foreground},
        {"iou": np.full(10, 0.4), "foreground": foreground},
    ]
    curve = charts.iou_by_size(known("bce", images=images))
    assert curve == [pytest.approx((2.0, 0.3)), pytest.approx((7.0, 0.5))]


# Correlation


def test_rank_correlation_agrees_with_scipy():
    from scipy.stats import spearmanr

    x, y = np.random.default_rng(1).integers(0, 5, (2, 12)).astype(float)
    assert correlation.rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert correlation.rank_correlation([1, 2, 3], [2, 2, 2]) == 0


def test_p_value_by_counting():
    # Two of the 120 orders of five are as extreme as the same order: itself and its reverse.
    assert correlation.p_value([1, 2, 3, 4, 5], [10, 20, 30, 40, 50]) == pytest.approx(2 / 120, abs=0.004)
    assert correlation.p_value([1, 2, 3, 4, 5], [1, 1, 1, 1, 1]) == 1


# Tables


REGIONS = {
    "interior": {"pixels": 50, "false_positives": 0, "false_negatives": 4},
    "outline": {"pixels": 100, "false_positives": 9, "false_negatives": 3},
    "background": {"pixels": 850, "false_positives": 4, "false_negatives": 0},
}


def test_kinds_of_errors_by_hand():
    one = known("bce", anatomy={"errors": {"regions": REGIONS}})
    assert tables.wrong_share(one) == pytest.approx(20 / 1000)
    assert tables.excess(one) == pytest.approx(13 / 20)
    assert [tables.wrong_in(one, name) for name in REGIONS] == pytest.approx([4 / 20, 12 / 20, 4 / 20])
    assert tables.outline_pixels(one) == pytest.approx(0.1)


def test_no_errors_have_no_kind():
    right = {name: {"pixels": 10, "false_positives": 0, "false_negatives": 0} for name in REGIONS}
    one = known("bce", anatomy={"errors": {"regions": right}})
    assert (tables.wrong_share(one), tables.excess(one), tables.wrong_in(one, "outline")) == (0, None, None)


def test_tables_leave_out_what_nobody_has():
    table = tables.mask_table([known("dice"), known("bce", anatomy={"errors": {"regions": REGIONS}})])
    assert table.losses == ("bce",)
    assert [column.heading for column in table.columns] == ["Wrong", "Too much", "At the outline", "Inside", "Outside"]
    assert [column.cells for column in table.columns] == [["2.00 %"], ["65 %"], ["60 %"], ["20 %"], ["20 %"]]


def test_threshold_gain_and_spread():
    trials = [result(test={"iou": 0.5, "iou_at_best": 0.6}), result(test={"iou": 0.7, "iou_at_best": 0.7})]
    assert tables.threshold_gain(known("bce", trials=trials)) == pytest.approx(0.05)
    assert tables.spread(known("bce", trials=trials), "iou") == pytest.approx(0.2)
    assert tables.spread(known("bce", trials=trials[:1]), "iou") is None


def test_means_pass_over_what_is_undefined():
    anatomies = [{"a": {"b": 1.0, "c": [1.0, None]}}, {"a": {"b": None, "c": [3.0, None]}}, {}]
    assert mean(anatomies, "a", "b") == 1
    assert mean(anatomies, "x", "y") is None
    assert mean_curve(anatomies, "a", "c") == [2.0, pytest.approx(math.nan, nan_ok=True)]


# Pictures


def test_pictures_are_chosen_by_mean_and_by_difference():
    iou = np.array([[0.1, 0.9, 0.2, 0.9, 0.5, 0.5], [0.1, 0.9, 0.3, 0.1, 0.9, 0.6]])
    titles = pictures.choose(iou, higher_is_better=True)
    assert titles == dict.fromkeys([0, 2], "Hard for all") | dict.fromkeys([3, 4], "The losses differ most") | {
        1: "Easy for all"
    }
    assert list(pictures.choose(-iou, higher_is_better=False)) == list(titles)
    assert "The losses differ most" not in pictures.choose(iou[:1], higher_is_better=True).values()


def test_no_picture_twice_where_there_are_few():
    assert sorted(pictures.choose(np.array([[0.1, 0.2], [0.3, 0.4]]), higher_is_better=True)) == [0, 1]


# Charts and sentences


def responding(loss, head):
    return known(loss, anatomy={"response": pixel_response.curves(build_loss(loss), head, 32)})


def test_each_pull_is_scaled_by_its_strongest():
    foreground, background = charts.response_charts([responding("weighted_bce", "mask")], "late")
    # pos_weight 6: the foreground is pulled with 6 (1 - p), the background with -p, from p = 0.01 to 0.99.
    first, last = foreground.lines[0].points.split()[0], background.lines[0].points.split()[-1]
    assert first == "1.00,0.00"
    x, y = map(float, last.split(","))
    assert (x, y) == (99, pytest.approx(50 + 50 * 0.99 / (6 * 0.99), abs=0.01))


def test_depth_pull_has_its_truth_marked():
    near, _ = charts.response_charts([responding("bce", "depth")], "late")
    guide, line = near.lines
    assert (guide.loss, guide.sound, line.loss) == ("", False, "bce")
    assert guide.points.startswith(f"{100 * (1 - round(0.75 * 31) / 31):.2f},")


def test_losses_that_teach_another_depth_are_named():
    found = sentences.gradient(
        [responding(loss, "depth") for loss in ("bce", "rmse", "weighted_bce", "dice")], "depth", "sgd"
    )
    truth = 1 - round(0.75 * 31) / 31
    rest = 6 * truth / (6 * truth + 1 - truth)
    assert found == [
        f"weighted_bce pulls a pixel whose true depth is {truth:.2f} to {rest:.2f}: it teaches another depth.",
        f"dice pulls a pixel whose true depth is {truth:.2f} all the way to 0: it teaches another depth.",
    ]


def losses_of_shares(shares, values):
    return [
        known(
            f"loss{n}",
            value,
            {"gradients": {"start": {"share": {"foreground": share}, "relative_norm": [3, 1, 4, 2, 6, 5][n]}}},
        )
        for n, (share, value) in enumerate(zip(shares, values, strict=True))
    ]


def test_an_order_that_goes_with_the_gradient_is_said_to():
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    (sentence,) = sentences.explanation(losses_of_shares(values, values), "mask", find("iou"), 0.0)
    assert sentence.startswith(
        "Over the losses a better result goes with a larger share of the gradient from the foregro"
    )
    assert "rank correlation +1.00, p = 0.01 after 2 looks" in sentence and sentence.endswith(
        "a hint at a reason, not a proof."
    )
    (of_errors,) = sentences.explanation(losses_of_shares(values, values), "mask", find("rmse"), 0.0)
    assert "goes with a smaller share" in of_errors


def test_an_order_that_goes_with_nothing_is_said_to_stay_unexplained():
    shares, values = [0.3, 0.1, 0.6, 0.2, 0.5, 0.4], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    (sentence,) = sentences.explanation(losses_of_shares(shares, values), "mask", find("iou"), 0.0)
    assert sentence.startswith("Nothing looked at goes with the order") and "do not explain" in sentence


def test_few_losses_explain_nothing():
    values = [0.1, 0.2, 0.3, 0.4, 0.5]
    (sentence,) = sentences.explanation(losses_of_shares(values, values), "mask", find("iou"), 0.0)
    assert sentence.startswith("Fewer than 6 losses")


@pytest.mark.parametrize(
    ("optimizer", "rates", "words"),
    [
        ("adamw", [0.01, 0.01], "adamw divides"),
        ("sgd", [0.1, 0.1], "with sgd"),
        ("sgd", [0.1, 0.2], "its own learning"),
    ],
)
def test_the_size_of_a_gradient_matters_by_the_optimiser(optimizer, rates, words):
    evidence = [
        known(loss, anatomy={"gradients": {"start": {"relative_norm": size}}}, trials=[result(lr=rate)])
        for loss, size, rate in zip(("bce", "huber"), (1.0, 0.05), rates, strict=True)
    ]
    (sentence,) = sentences.gradient(evidence, "mask", optimizer)
    assert "from 0.05 (huber) to 1 (bce) times" in sentence and words in sentence


def test_a_threshold_that_helps_nobody_is_said_to():
    trials = [result(test={"iou": 0.7, "iou_at_best": 0.701})]
    assert sentences.mask_failures([known("bce", trials=trials)]) == [
        "No loss gains 0.005 IoU or more by another threshold than 0.5: the threshold is not what parts them."
    ]


def depth_errors_of(loss, edges, elsewhere, foreground):
    regions = {"edges": {"rmse": edges}, "elsewhere": {"rmse": elsewhere}, "foreground": {"rmse": foreground}}
    return known(loss, anatomy={"errors": {"regions": regions}})


def test_depth_sentences_by_hand():
    l1, dice = depth_errors_of("l1", 0.12, 0.04, 0.05), depth_errors_of("dice", 0.3, 0.25, 0.4)
    assert sentences.depth_failures([l1, dice]) == [
        "At jumps of the depth the RMSE of l1 is 3 times that elsewhere, that of dice 1.2 times.",
        "On the objects l1 is closest (RMSE 0.0500) and dice furthest off (0.4000).",
    ]
    assert sentences.depth_failures([l1]) == ["At jumps of the depth the RMSE is 3 times that elsewhere."]


def test_mask_sentences_by_hand():
    often_too_much = known("bce", anatomy={"errors": {"regions": REGIONS, "calibration": {"error": 0.01}}})
    swapped = {
        name: {
            "pixels": part["pixels"],
            "false_positives": part["false_negatives"],
            "false_negatives": part["false_positives"],
        }
        for name, part in REGIONS.items()
    }
    often_too_little = known("l1", anatomy={"errors": {"regions": swapped, "calibration": {"error": 0.2}}})
    assert sentences.mask_failures([often_too_much, often_too_little]) == [
        "Of the wrong pixels 60 % lie at the outline, which is 10 % of the picture.",
        "bce errs most towards too much foreground (65 % of its wrong pixels are wrongly marked), l1 most towards too "
        "little (65 % of its wrong pixels are missed).",
        "The probabilities of bce can best be taken at their word (calibration error 0.0100), those of l1 least "
        "(0.2000).",
    ]


def test_learning_sentences_by_hand():
    slow = [result(validation=[0.1, 0.3, 0.8], test={"iou": value}) for value in (0.7, 0.8)]
    quick = [result(validation=[0.8, 0.8, 0.8], test={"iou": value}) for value in (0.75, 0.76)]
    evidence = [known("l1", trials=slow), known("bce", trials=quick)]
    assert sentences.learning(evidence, find("iou"), 0.0) == [
        "bce is quickest, 90 % of the way by epoch 1; l1 slowest, by epoch 3.",
        "The seeds of bce lie closest together (IoU within 0.010), those of l1 furthest apart (0.100).",
    ]


# The page


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fabricate(tmp_path, repository=REPOSITORY)
    take_apart(tmp_path)


def html():
    chosen = load_config()
    found = results.read(chosen)
    rankings = [rank(head, found) for head in chosen.loss.heads]
    return build(chosen, found, rankings, compare_all(found), PackedSample.open(Path("data/sample")))[
        "index.html"
    ].decode()


def text(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_page_says_why_and_where(study):
    page = html()
    assert page.index('id="panels"') < page.index('id="why"') < page.index('id="failures"') < page.index('id="losses"')
    # Gradients by construction: the first loss has 10 % before and 5 % after, the seventh 70 % and 35 %.
    assert (
        "Of the gradient 10 % (bce) to 70 % (ssim) comes from the foreground, 14 % of the pixels, before training, "
        "and 5 % (bce) to 35 % (ssim) after it."
    ) in text(page)
    assert (
        "mask-ssim-1 collapsed: where it ended, its gradient is 0.0078 times as large as bce's would be, "
        "35 % of it from the foreground."
    ) in page.replace("&#39;", "'")
    assert not re.search(r"(src|href)=\"(?!data:|#)|url\(|@import|https?://", page)


def test_failed_trials_enter_no_error(study):
    chosen = load_config()
    ranking = rank("mask", results.read(chosen))
    ssim = next(one for one in gather(ranking) if one.loss == COLLAPSED[1])
    assert (len(ssim.evaluated), len(ssim.sound), len(ssim.failed)) == (2, 1, 1)


def test_extreme_pictures_show_the_kept_predictions(study):
    ranking = rank("mask", results.read(load_config()))
    shown_pictures = pictures.extremes(ranking, gather(ranking), PackedSample.open(Path("data/sample")))
    assert {extreme.panel.id for extreme in shown_pictures} == {f"bg2-{number}" for number in PANEL}
    assert all(extreme.panel.alt.count("dice") == 1 for extreme in shown_pictures)


def test_without_anatomies_the_page_has_no_second_half(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fabricate(tmp_path, repository=REPOSITORY)
    page = html()
    assert 'id="why"' not in page and "#why" not in page


def test_an_anatomy_of_one_trial_is_enough(study):
    for path in Path("eval").glob("*/error_analysis.json"):
        if path.parent.name != "mask-dice-0":
            path.unlink()
    chosen = load_config()
    found, sample = results.read(chosen), PackedSample.open(Path("data/sample"))
    assert chapter(rank("depth", found), chosen, sample) is None
    of_mask = chapter(rank("mask", found), chosen, sample)
    assert of_mask.gradients.losses == ("dice",)
    assert "Of the gradient 40 % comes from the foreground" in of_mask.gradient_sentences[0]
    assert of_mask.extremes == []
    assert 'id="why"' in html()


def test_a_damaged_anatomy_is_named(study):
    Path("eval/mask-dice-0/error_analysis.json").write_text("{")
    with pytest.raises(StudyError, match=re.escape("eval/mask-dice-0/error_analysis.json: damaged")):
        html()


def test_names_of_pictures_are_escaped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fabricate(tmp_path, repository=REPOSITORY, background="<script>alert(1)</script>")
    take_apart(tmp_path)
    assert "Hard for all" in html() and "<script>alert" not in html()


def test_undefined_gradients_are_shown_as_absent(study):
    path = Path("eval/mask-ssim-1/error_analysis.json")
    anatomy = json.loads(path.read_text())
    for moment in ("start", "end"):
        anatomy["gradients"][moment] |= {"relative_norm": None, "share": {"foreground": None, "outline": None}}
    path.write_text(json.dumps(anatomy))
    assert "mask-ssim-1 collapsed: where" not in html()
