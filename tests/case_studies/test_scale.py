"""The ladders of case_studies/scale: what a larger study says of a smaller one's choice."""

import csv
import re
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from loss_study import metrics
from loss_study.checks.check import check_choices
from loss_study.config.composition import composed
from loss_study.orchestration import fit_scale
from loss_study.runtime.errors import StudyError
from loss_study.statistics.results import read_csv

CASES = Path(__file__).parents[2] / "case_studies"


@pytest.fixture
def ladder(scale_modules):
    return scale_modules("ladder")


def answer(ladder, rung, choice, means, regrets=None, *, head="mask", margin=0.02, seeds=6, seconds=60.0):
    regrets = regrets or {}
    bound = regrets.get(choice, (0.0, None))[1]
    return ladder.Answer(
        rung,
        head,
        "iou_at_best" if head == "mask" else "rmse_coded",
        choice,
        bound,
        margin,
        means,
        dict.fromkeys(means, 0.01),
        regrets,
        500,
        42,
        14,
        seeds,
        seconds,
    )


def test_a_step_by_hand(ladder):
    means = {"bce": 0.5, "dice": 0.4, "l1": 0.3, "ssim": 0.2}
    small = answer(ladder, "small", "bce", means, dict.fromkeys(means, (0.0, 0.1)))
    bounds = {"bce": (0.01, 0.09), "dice": (0.0, 0.02), "l1": (0.3, 0.4)}
    # Of huber too few trainings succeeded: its mean is no measure of the others.
    large = answer(ladder, "large", "dice", {"bce": 0.6, "dice": 0.65, "l1": 0.3, "huber": 0.9, "ssim": 0.9}, bounds)
    found = ladder.step(small, large)
    # Of the three losses that both compare one of three pairs changes places: (2 - 1) / 3.
    assert found.tau == pytest.approx(1 / 3) and found.shared == 3
    assert found.worse == pytest.approx(0.05) and (found.low, found.high) == (0.01, 0.09)


def test_of_errors_the_least_is_the_best(ladder):
    bounds = {"l1": (0.0, 0.02), "rmse": (0.0, 0.01)}
    small = answer(ladder, "small", "l1", {"l1": 0.1, "rmse": 0.2}, bounds, head="depth")
    large = answer(ladder, "large", "rmse", {"l1": 0.09, "rmse": 0.08}, bounds, head="depth")
    found = ladder.step(small, large)
    assert found.worse == pytest.approx(0.01) and found.tau is None and found.high == 0.02


def test_a_choice_without_a_mean_at_the_large_scale_has_no_regret(ladder):
    small = answer(ladder, "small", "bce", {"bce": 0.5})
    found = ladder.step(small, answer(ladder, "large", "dice", {"dice": 0.6}, {"dice": (0.0, 0.1)}))
    assert found.worse is None and found.high is None


def test_a_study_without_a_choice_makes_no_step(ladder):
    rungs = [answer(ladder, "none", "", {}), answer(ladder, "a", "bce", {"bce": 0.5}), answer(ladder, "b", "bce", {})]
    assert [one.small.rung for one in ladder.steps(rungs)] == ["a"]


def told(scale_modules, bounds):
    """Return the regrets of two smaller studies, whose choices have these bounds in the largest, and the cheapest."""
    ladder, page = scale_modules("ladder"), scale_modules("page")
    means = {"bce": 0.6, "dice": 0.65, "l1": 0.3}
    smaller = [
        # By the clock the smaller study was the dearer one: it ran beside other work.
        answer(ladder, "cheap", "bce", means, seconds=7200),
        answer(ladder, "dear", "dice", means, seconds=60),
    ]
    large = answer(ladder, "large", "dice", means, bounds)
    steps, iou = ladder.steps([*smaller, large]), metrics.find("iou_at_best")
    return [page.regret(one, iou) for one in steps], page.on_cheapest(iou, steps)


def test_the_table_and_the_sentences_say_what_the_bounds_say(scale_modules):
    regrets, cheapest = told(scale_modules, {"bce": (0.0, 0.015), "dice": (0.0, 0.005)})
    assert regrets == ["0.050 (0.000 to 0.015)", "0.000 (0.000 to 0.005)"]
    assert cheapest == [
        "The cheapest study whose choice is surely within 0.010 IoU of the best compared loss of `large` is `dear`.",
        "The cheapest study whose choice is surely within 0.020 IoU of the best compared loss of `large` is `cheap`.",
    ]


def test_the_largest_study_and_one_without_a_choice_have_no_regret(scale_modules):
    assert scale_modules("page").regret(None, metrics.find("iou_at_best")) == "-"


def test_a_choice_is_shown_with_its_bound_and_whether_it_is_decided(scale_modules, ladder):
    choice, iou = scale_modules("page").choice, metrics.find("iou_at_best")
    assert choice(answer(ladder, "a", "bce", {"bce": 0.5}, {"bce": (0.0, 0.0191)}), iou) == "bce (0.020)"
    assert choice(answer(ladder, "a", "bce", {"bce": 0.5}, {"bce": (0.0, 0.0201)}), iou) == "bce (0.021, not decided)"
    assert choice(answer(ladder, "a", "bce", {"bce": 0.5}), iou) == "bce (-, not decided)"
    assert choice(answer(ladder, "a", "", {}), iou) == "none"


def test_the_cheapest_study_is_told_once_if_it_is_the_same_for_both_limits(scale_modules):
    assert told(scale_modules, {"bce": (0.0, 0.009), "dice": (0.0, 0.005)})[1] == [
        "The cheapest study whose choice is surely within 0.010 IoU of the best compared loss of `large` is `cheap`."
    ]


def test_without_a_small_bound_no_study_is_called_good_enough(scale_modules):
    regrets, cheapest = told(scale_modules, {"bce": (0.012, 0.09), "dice": (0.0, 0.03)})
    assert cheapest == [
        "Of no smaller study is the choice surely within 0.020 IoU of the best compared loss of `large`."
    ]
    assert regrets == ["0.050 (0.012 to 0.090)", "0.000 (0.000 to 0.030)"]


def test_bounds_are_rounded_so_that_the_sentence_is_true(scale_modules):
    regrets, _ = told(scale_modules, {"bce": (0.0129, 0.0142), "dice": (0.0, 0.005)})
    assert regrets[0] == "0.050 (0.012 to 0.015)"


def test_a_limit_is_rounded_so_that_the_sentence_is_true(scale_modules):
    ladder, page = scale_modules("ladder"), scale_modules("page")
    means, metric = {"l1": 0.09, "rmse": 0.08}, metrics.find("rmse_coded")

    def said(high):
        bounds = {"l1": (0.0, high), "rmse": (0.0, 0.001)}
        small = answer(ladder, "small", "l1", means, bounds, head="depth")
        large = answer(ladder, "large", "rmse", means, bounds, head="depth", margin=0.003924)
        return page.on_cheapest(metric, ladder.steps([small, large]))[0]

    # Half of the margin is 0.001962, which is more than 0.0019.
    assert "surely within 0.0020 of the depth range" in said(0.00191)
    # The margin is more than 0.0039, too, and not all of what is below 0.0040.
    assert said(0.00393).startswith("Of no smaller study is the choice surely within 0.0039 of the depth range")


def test_of_a_choice_that_the_larger_study_does_not_compare_only_that_is_said(scale_modules):
    none_good = ["Of no smaller study is the choice surely within 0.020 IoU of the best compared loss of `large`."]
    regrets, cheapest = told(scale_modules, {"dice": (0.0, 0.03)})
    assert cheapest == none_good
    assert regrets[0] == "not compared there"


def on_crossing(scale_modules, *studies):
    """Return what is said of studies with these choices and regrets from below."""
    ladder = scale_modules("ladder")
    answers = [
        answer(ladder, name, choice, {"bce": 0.5, "dice": 0.5}, {loss: (low, 0.5) for loss, low in lows.items()})
        for name, (choice, lows) in zip("abcde", studies, strict=False)
    ]
    return scale_modules("page").on_crossing(answers)


def test_losses_cross_only_where_neither_choice_can_be_the_best_in_the_other_study(scale_modules):
    bce, dice = ("bce", {"bce": 0.0, "dice": 0.01}), ("dice", {"bce": 0.02, "dice": 0.0})
    assert on_crossing(scale_modules, bce, dice) == [
        "The losses cross between `a` and `b`: with 95 % confidence each, dice is not the best at the first, and bce "
        "not at the second."
    ]
    # The nearest two of all.
    assert "between `b` and `c`" in on_crossing(scale_modules, bce, bce, dice)[0]
    unsure = ("dice", {"bce": 0.0, "dice": 0.0})
    assert on_crossing(scale_modules, bce, unsure) == on_crossing(scale_modules, bce, bce) == []
    # A study without bounds shows nothing.
    assert on_crossing(scale_modules, bce, ("dice", {})) == []


def test_ladders_with_a_change_of_choice_and_those_that_cross_are_counted(scale_modules, ladder):
    on_crossings = scale_modules("overview").on_crossings

    def study(choice, lows):
        return answer(ladder, "a", choice, {"bce": 0.5, "dice": 0.5}, {loss: (low, 0.5) for loss, low in lows.items()})

    bce, dice = study("bce", {"bce": 0.0, "dice": 0.01}), study("dice", {"bce": 0.02, "dice": 0.0})
    unsure = study("dice", {"bce": 0.0, "dice": 0.0})
    assert on_crossings([[bce, dice], [bce, unsure], [bce, bce]]) == (
        "The choice changes on 2 of 3 ladders; that losses cross is shown on 1 of them."
    )
    assert on_crossings([[bce, unsure]]) == (
        "The choice changes on 1 of 1 ladders; that losses cross is shown on none of them."
    )


def test_places_are_those_of_each_study_and_the_largest_one_orders_the_rows(scale_modules, ladder):
    small = answer(ladder, "a", "bce", {"bce": 0.6, "dice": 0.5, "l1": 0.4}, {"bce": (0, 0.1), "dice": (0, 0.2)})
    large = answer(ladder, "b", "dice", {"dice": 0.8, "bce": 0.7}, {"dice": (0, 0.1), "bce": (0, 0.2)})
    place = ladder.Place
    assert ladder.order([small, large]) == [
        ("dice", [place(2, 0.5, 0.2), place(1, 0.8, 0.1)]),
        ("bce", [place(1, 0.6, 0.1), place(2, 0.7, 0.2)]),
        # Not compared in the first, no mean in the second.
        ("l1", [place(None, 0.4, None), place(None, None, None)]),
    ]


def judged(scale_modules, *regrets):
    """Return choices of smaller studies a, b, ..., each judged by a study with these bounds of its regret."""
    ladder, overview = scale_modules("ladder"), scale_modules("overview")
    found = []
    for name, regret in zip("abcde", regrets, strict=False):
        bounds = {"dice": (0.0, 0.01), "bce": regret} if regret else {}
        large = answer(ladder, "large", "dice", {"dice": 0.6, "bce": 0.59}, bounds)
        found.append(overview.Judged("scenes", ladder.step(answer(ladder, name, "bce", {"bce": 0.5}), large)))
    return found


def test_a_choice_is_good_only_within_the_margin_and_bad_only_beyond_it(scale_modules):
    found = judged(scale_modules, (0.0, 0.02), (0.0, 0.0201), (0.02, 0.05), (0.0201, 0.05), None)
    assert [one.verdict.name for one in found] == ["GOOD", "OPEN", "OPEN", "BAD", "OPEN"]


def test_all_ladders_together_count_the_choices_that_were_right_and_wrong(scale_modules):
    sentences, iou = scale_modules("overview").sentences, metrics.find("iou_at_best")
    found = judged(scale_modules, (0.0, 0.01), (0.0, 0.05), (0.03, 0.05), (0.0, 0.02))
    within = "surely within the margin (0.020 IoU) of the best compared loss of their ladder's largest study"
    assert sentences(iou, found) == [
        f"Of 4 choices of smaller studies 2 are {within}, 1 surely beyond it; 1 are open.",
        "By the means there, 0 are the best, and none is more than 0.010 IoU worse.",
    ]
    assert sentences(iou, found[1:2])[0] == (
        f"Of 1 choices of smaller studies 0 are {within}, none surely beyond it; 1 are open."
    )
    assert sentences(iou, []) == []


def test_the_means_say_how_many_choices_are_the_best_and_how_bad_the_worst_is(scale_modules):
    sentences, iou = scale_modules("overview").sentences, metrics.find("iou_at_best")
    found = [
        replace(one, step=replace(one.step, worse=worse))
        for one, worse in zip(judged(scale_modules, *[(0.0, 0.01)] * 4), (0.0, 0.0301, 0.0101, 0.002), strict=True)
    ]
    assert sentences(iou, found)[-1] == ("By the means there, 1 are the best, and none is more than 0.031 IoU worse.")
    without = [*found, replace(found[0], step=replace(found[0].step, worse=None))]
    assert sentences(iou, without)[-1] == (
        "By the means there, 1 of the 4 compared are the best, and none is more than 0.031 IoU worse."
    )
    assert len(sentences(iou, without[-1:])) == 1


def test_only_decided_answers_of_few_seeds_were_decided_after_the_first_round(scale_modules, ladder):
    def made(bound, seeds):
        return answer(ladder, "one", "bce", {"bce": 0.5, "l1": 0.4}, {"bce": (0.0, bound)}, seeds=seeds)

    told = scale_modules("overview").on_first_round
    assert told([made(0.03, 3), made(0.01, 6)], 3) == "none of the 2 answers above were decided"
    assert told([made(0.02, 3), made(0.01, 6), made(0.03, 3)], 3) == "1 of the 3 answers above was decided"
    assert told([made(0.02, 3), made(0.01, 2)], 3) == "2 of the 2 answers above were decided"


def test_what_larger_studies_choose_is_counted_by_head(scale_modules, ladder):
    larger = scale_modules("larger")

    def made(choice, *, head="mask", margin=0.02, **highs):
        bounds = {loss: (0.0, high) for loss, high in highs.items()}
        return answer(ladder, "one", choice, dict.fromkeys(highs, 0.5), bounds, head=head, margin=margin)

    first = made("rmse", rmse=0.01, dice=0.02, l1=0.03)
    mask, depth = found = larger.count("scenes", [first, made("rmse", rmse=0.03), made("ssim", head="depth", ssim=0.0)])
    assert (mask.head, mask.studies, dict(mask.chosen), dict(mask.within)) == (
        "mask",
        2,
        {"rmse": 2},
        {"rmse": 1, "dice": 1},
    )
    assert (depth.head, depth.studies, dict(depth.chosen), dict(depth.within)) == ("depth", 1, {"ssim": 1}, {"ssim": 1})
    assert larger.losses(found) == ["rmse", "ssim", "dice"]
    assert larger.most_often(found) == (
        "Of the 3 answers of studies larger than `default` 2 choose `rmse`, more than any other loss; in 1 it is "
        "surely within the margin."
    )
    # Without a margin or a choice nothing is counted.
    assert larger.count("pets", [made("", margin=None, rmse=0.0)])[0].within == {}
    assert larger.losses(larger.count("pets", [made("", margin=None, rmse=0.0)])) == []


def test_no_loss_is_said_to_be_chosen_most_often_where_two_are(scale_modules, ladder):
    larger = scale_modules("larger")
    two = [answer(ladder, "one", choice, {choice: 0.5}, {choice: (0.0, 0.0)}) for choice in ("rmse", "dice")]
    assert larger.most_often(larger.count("scenes", two)) == larger.most_often([]) == ""


def test_the_default_is_explained_only_if_it_was_right_more_often_than_smaller_scales(scale_modules):
    on_default = scale_modules("overview").on_default
    good, bad = judged(scale_modules, (0.0, 0.01), (0.0, 0.05))
    assert on_default({"small": [bad, good], "default": [good, good]}) == [
        "The choice of a scale is surely within the margin of the best compared loss in so many of the 2 answers of "
        "larger studies: that of `small` in 1 and that of `default` in 2. That is why `default` is what runs if no "
        "scale is chosen."
    ]
    assert on_default({"small": [bad, good], "default": [good, bad]}) == []
    assert on_default({"small": [], "default": []}) == []


def test_without_a_margin_no_choice_is_judged(scale_modules):
    ladder, overview = scale_modules("ladder"), scale_modules("overview")
    small = answer(ladder, "a", "bce", {"bce": 0.5})
    large = answer(ladder, "b", "bce", {"bce": 0.6}, {"bce": (0.0, 0.0)}, margin=None)
    one = overview.Judged("scenes", ladder.step(small, large))
    assert one.verdict is overview.Verdict.OPEN
    assert overview.sentences(metrics.find("iou_at_best"), [one]) == []


def test_the_chart_of_all_choices_has_a_row_for_each_with_a_bound(scale_modules, tmp_path):
    found = judged(scale_modules, (0.0, 0.01), None, (0.03, 0.05))
    found.append(replace(found[0], dataset="pets"))
    scale_modules("charts").draw_judged(found, metrics.find("iou_at_best"), tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn.count(">a → large<") == 2 and ">c → large<" in drawn and ">b → large<" not in drawn
    assert ">scenes<" in drawn and ">pets<" in drawn
    assert "#2a9d8f" in drawn and "#d1495b" in drawn and "#8d99ae" not in drawn
    assert "at most" not in drawn


def test_a_bar_of_more_than_six_margins_is_cut_off_with_its_numbers(scale_modules, tmp_path):
    found = judged(scale_modules, (0.0, 0.01), (0.1, 0.3))
    scale_modules("charts").draw_judged(found, metrics.find("iou_at_best"), tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text()
    assert re.findall(r">([^<]*at most[^<]*)<", drawn) == ["0.010, at most 0.300 →"]
    assert ">0.10<" in drawn and ">0.20<" not in drawn


def test_a_further_dataset_with_results_stands_on_the_page_and_is_quoted_as_other_images(
    scale_modules, tmp_path, monkeypatch
):
    """Its images are somebody's own, so that no other study is known to be of them."""
    page, plan = scale_modules("page"), scale_modules("plan")
    shutil.copytree(CASES / "scale", tmp_path / "case_studies/scale", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "case_studies/conf").symlink_to(CASES.parent / "conf")
    (tmp_path / "case_studies/src").symlink_to(CASES.parent / "src")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "case_studies")
    monkeypatch.setattr(page, "EVIDENCE", tmp_path / "evidence.csv")
    # Two rungs, whichever have run by now.
    results = plan.HERE / "results"
    shutil.rmtree(results)
    for name in ("scenes", "composites"):
        (results / name).mkdir(parents=True)
        for rung in ("images250", "default"):
            shutil.copy(CASES / f"scale/results/scenes/{rung}.csv", results / name)
    page.main()
    text = (tmp_path / "docs/scale.md").read_text()
    for name in ("scenes", "composites"):
        assert f"## Number of images: mask, {name}\n" in text
        assert f">{name}<" in (tmp_path / "docs/scale/iou_at_best.svg").read_text()
        assert (tmp_path / f"docs/scale/{name}-images-mask.svg").is_file()
    assert "Not run yet on composites" in text and "python scale/rung.py images" in text
    rows = read_csv(tmp_path / "evidence.csv")
    assert {(row["dataset"], bool(row["images"])) for row in rows} == {("scenes", True), ("composites", False)}


def test_every_rung_is_on_a_ladder_and_no_two_are_the_same(scale_modules):
    chosen = scale_modules("plan").load()
    assert {rung for ladder in chosen.ladders.values() for rung in ladder.rungs} == set(chosen.rungs)
    assert len({tuple(sorted(choices)) for choices in chosen.rungs.values()}) == len(chosen.rungs)


@pytest.mark.parametrize("rung", ["larger", "unet_resnet34"])
def test_a_rung_is_a_study_that_can_run(rung, scale_modules):
    """One that changes all that rungs change, and one with another network."""
    check_choices(composed(scale_modules("plan").load().choices(rung)))


def test_an_unknown_rung_is_refused(scale_modules, tmp_path):
    plan = scale_modules("plan")
    with pytest.raises(StudyError, match=r"unknown rung 'image250': did you mean 'images250'"):
        plan.load().choices("image250")
    values = yaml.safe_load((CASES / "scale/params.yaml").read_text())
    values["ladders"]["size"]["rungs"].append("size128")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(StudyError, match=r"ladders.size: unknown rung 'size128'"):
        plan.load(tmp_path / "params.yaml")


def test_labels_are_moved_apart_and_keep_their_order_and_mean(scale_modules):
    heights = {"a": 0.5, "b": 0.51, "c": 0.52, "d": 0.9}
    placed = scale_modules("charts").apart(heights, 0.1)
    values = [placed[name] for name in "abcd"]
    assert all(second - first >= 0.1 - 1e-9 for first, second in pairwise(values))
    assert sum(values) == pytest.approx(sum(heights.values()))


def test_the_page_agrees_with_the_results(scale_modules, tmp_path, monkeypatch):
    page = scale_modules("page")
    committed = {path.name: path.read_bytes() for path in sorted((CASES / "../docs/scale").glob("*.svg"))}
    text = (CASES / "../docs/scale.md").read_text()
    monkeypatch.setattr(page, "PAGE", tmp_path / "scale.md")
    monkeypatch.setattr(page, "CHARTS", tmp_path / "scale")
    quoted = page.EVIDENCE.read_bytes()
    monkeypatch.setattr(page, "EVIDENCE", tmp_path / "evidence.csv")
    page.main()
    assert (tmp_path / "evidence.csv").read_bytes() == quoted
    assert (tmp_path / "scale.md").read_text() == text
    assert {path.name for path in (tmp_path / "scale").glob("*.svg")} == committed.keys()
    assert set(re.findall(r"scale/(\S+\.svg)", text)) == committed.keys()


def test_what_a_larger_study_has_more_of(scale_modules, ladder):
    larger_by = scale_modules("evidence").larger_by
    small, large = (answer(ladder, name, "bce", {}) for name in ("small", "large"))
    configs = {words: composed(words.split()) for words in ("scale=small", "scale=large", "model=segnet")}
    assert larger_by(small, replace(large, images=1625), configs["scale=small"], configs["scale=large"]) == (
        "3.2 times the training images, 2.7 times the epochs, 1.5 times the side of the images and 1.5 times the width "
        "of the network"
    )
    # One image more, as small splits of whole photographs have, is no difference to tell.
    assert larger_by(small, replace(large, images=501), configs["scale=small"], configs["scale=large"]) == (
        "2.7 times the epochs, 1.5 times the side of the images and 1.5 times the width of the network"
    )
    assert larger_by(small, large, configs["scale=small"], configs["model=segnet"]) == "another network, segnet"


def test_the_table_has_every_larger_study_that_has_run(scale_modules, tmp_path, monkeypatch):
    """Of the choices of three studies: those of the smallest at two larger ones, of the middle one at the largest."""
    evidence, plan = scale_modules("evidence"), scale_modules("plan")
    columns = scale_modules("rung").COLUMNS
    monkeypatch.setattr(plan.Plan, "results", lambda _, rung: tmp_path / f"{rung}.csv")
    regret = {"images250": 0.05, "default": 0.012, "images4000": 0.03}
    for images, (rung, high) in enumerate(regret.items(), 1):
        values = {
            "head": "mask",
            "metric": "iou_at_best",
            "loss": "dice",
            "mean": 0.5,
            "choice": "dice",
            "trials": 1,
            "margin": 0.02,
        }
        values |= {"regret_low": 0, "regret_high": high, "training_images": images, "trainings": 1, "seconds": 1}
        with (tmp_path / f"{rung}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerow(values)
    chosen = plan.load()
    rows = list(evidence.rows(chosen, chosen))
    assert [(row["rung"], row["larger"], row["at"], row["regret_high"]) for row in rows] == [
        ("images250", "default", "2 times the training images", 0.012),
        ("images250", "images4000", "3 times the training images", 0.03),
        ("default", "images4000", "1.5 times the training images", 0.03),
    ]
    # Which images another dataset has, nobody else knows.
    assert all(row["images"] for row in rows)
    photographs = list(evidence.rows(replace(chosen, dataset="composites"), chosen))
    assert {(row["dataset"], row["images"]) for row in photographs} == {("composites", "")}
    assert [row["scale"] for row in photographs] == [row["scale"] for row in rows]


def test_the_scales_of_fit_scale_are_the_ladder_of_all_together(scale_modules):
    plan = scale_modules("plan").load()
    configs = [composed(plan.choices(rung)) for rung in plan.ladders["together"].rungs]
    assert tuple(config.scale for config in configs) == fit_scale.SCALES
    grows = [(one.sample.images, one.recipe.epochs, one.sample.size, one.model.options["width"]) for one in configs]
    assert all(larger[:2] > small[:2] and larger[2:] >= small[2:] for small, larger in pairwise(grows))


def test_a_rung_keeps_the_answer_of_its_study(scale_modules, tmp_path):
    rung = scale_modules("rung")
    with pytest.raises(StudyError, match=r"metrics.json: not there; the study of the rung has not been compared"):
        rung.rows(tmp_path)
    root = CASES.parent
    (tmp_path / "reports").mkdir()
    for name in ("metrics.json", "answer.csv", "compare.csv"):
        (tmp_path / "reports" / name).write_bytes((root / "reports" / name).read_bytes())
    (tmp_path / "data/sample").mkdir(parents=True)
    (tmp_path / "data/sample/sample.json").write_text('{"images": {"train": 520}}')
    (tmp_path / "tuning/mask/bce").mkdir(parents=True)
    (tmp_path / "tuning/mask/bce/search.csv").write_text("lr,seconds\n0.1,2.5\n0.2,3.5\n")
    found = rung.rows(tmp_path)
    with (root / "reports/compare.csv").open() as file:
        trained = list(csv.DictReader(file))
    assert {row["metric"] for row in found} == {"iou_at_best", "rmse_coded"} and len(found) == 14
    assert {row["trainings"] for row in found} == {len(trained) + 2}
    assert {row["seconds"] for row in found} == {round(sum(float(row["seconds"]) for row in trained) + 6)}
    assert {row["training_images"] for row in found} == {520}
