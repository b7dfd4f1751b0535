"""The analysis of the original study's experiment: effects, collapses, and the sentences that follow from them."""

import importlib
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

CASES = Path(__file__).parents[2] / "case_studies"


@pytest.fixture
def modules(monkeypatch):
    """Import a module of the case study, in the folder that its commands are typed in."""
    monkeypatch.syspath_prepend(CASES / "original")
    monkeypatch.chdir(CASES)
    return importlib.import_module


def recipes(factors):
    for made in product((0, 1), repeat=len(factors)):
        yield frozenset(name for name, one in zip(factors, made, strict=True) if one)


# --- effects ---


def test_effects_worked_out_by_hand(modules):
    """Two mistakes: a costs 1 alone and 3 beside b; b nothing alone and 2 beside a; the changed test adds 4 with b."""
    means = {"": 10.0, "a": 11.0, "b": 10.0, "ab": 13.0}
    values = {frozenset(names): [mean - 0.5, mean + 0.5] for names, mean in means.items()}
    augmented = {recipe: [value + 4 * ("b" in recipe) for value in found] for recipe, found in values.items()}
    found = {one.factors: one for one in modules("effects").effects(values, augmented, ["a", "b"])}
    assert {name: one.value for name, one in found.items()} == {
        ("a",): 2.0,
        ("b",): 1.0,
        ("test",): 2.0,
        ("a", "b"): 1.0,
        ("a", "test"): 0.0,
        ("b", "test"): 2.0,
    }
    # Each mean has variance .5 / 2; an effect is half the sum of two less two of them; 4 degrees of freedom.
    half = stats.t.ppf(1 - (1 - 0.95 ** (1 / 6)) / 2, 4) * np.sqrt(4 * 0.25 / 4)
    assert found["a",].high == pytest.approx(2 + half) and found["a",].low == pytest.approx(2 - half)
    assert (found["test",].low, found["test",].high) == (2.0, 2.0)


def test_one_noisy_recipe_has_the_degrees_of_freedom_of_its_own_seeds(modules):
    values = {recipe: [0.0, 0.0, 0.0] for recipe in recipes("ab")}
    values[frozenset("ab")] = [0.0, 1.0, 2.0]
    found = modules("effects").effects(values, values, ["a", "b"])[0]
    assert found.high - found.value == pytest.approx(stats.t.ppf(1 - (1 - 0.95 ** (1 / 6)) / 2, 2) * np.sqrt(1 / 3 / 4))


def test_one_seed_says_nothing_of_effects(modules):
    effects = modules("effects")
    values = {recipe: [0.0] for recipe in recipes("ab")}
    assert not effects.complete(values, "ab")
    values = {recipe: [0.0, 1.0] for recipe in recipes("ab")}
    assert effects.complete(values, "ab") and not effects.complete(values, "abc")


@pytest.mark.parametrize(("simulate", "seeds"), [("simulated", 3), ("simulated_ends", 4)])
@pytest.mark.parametrize("world", ["nothing", "added", "one_collapses", "several_collapse", "rarely", "half"])
def test_intervals_hold_on_made_up_experiments(modules, world, simulate, seeds):
    """Of 60 experiments 2.4 fail at 96 %; more than 8 happen once in a thousand times."""
    coverage = modules("coverage")
    runs = [
        getattr(coverage, simulate)(getattr(coverage, world), "abcd", seeds, np.random.default_rng([7, number]))
        for number in range(60)
    ]
    assert sum(not held for held, _, _ in runs) <= 8 and sum(false for _, false, _ in runs) <= 8


def test_intervals_of_a_few_networks_fail_where_some_collapse(modules):
    """Why one mistake alone is not judged there: often all of four networks collapse, and the interval has no width."""
    effects, rng = modules("effects"), np.random.default_rng(7)
    without, having = ((rng.random((200, 4)) >= chance).astype(float) for chance in (0.9, 1.0))
    found = [effects.differences({("a",): pair})[0] for pair in zip(without, having, strict=True)]
    # 0.9 ** 4 of the studies see no difference at all; the true one is 0.1.
    assert sum(one.low <= -0.1 <= one.high for one in found) < 100


def test_the_made_up_truth_is_not_the_analysis_turned_round(modules):
    """The hand-worked world again, in which nothing is left to chance."""
    coverage = modules("coverage")
    means = {"": 10.0, "a": 11.0, "b": 10.0, "ab": 13.0}
    chances = {
        frozenset(name): coverage.Chance(mean, 0.0, 0.0, 1.0, 4.0 * ("b" in name)) for name, mean in means.items()
    }
    true = dict(coverage.true_effects(chances, "ab"))
    assert true == {("a",): 2, ("b",): 1, ("test",): 2, ("a", "b"): 1, ("a", "test"): 0, ("b", "test"): 2}


def test_a_fraction_of_resolution_four_names_the_wrong_mistake_where_three_collapse(modules):
    """Why all recipes are trained: a, b and c collapse, e does nothing, and the fraction e = abc blames e."""
    factors = "abcdef"
    cost = {recipe: 0.4 if not recipe & set("abc") else 1.0 for recipe in recipes(factors)}
    sign = {recipe: {name: 1 if name in recipe else -1 for name in factors} for recipe in cost}
    fraction = [
        recipe
        for recipe, of in sign.items()
        if of["a"] * of["b"] * of["c"] == of["e"] and of["b"] * of["c"] * of["d"] == of["f"]
    ]
    assert len(fraction) == 16
    blamed = np.mean([sign[recipe]["e"] * cost[recipe] for recipe in fraction]) * 2
    whole = modules("effects").effects(*[{recipe: [value] * 2 for recipe, value in cost.items()}] * 2, list(factors))
    found = {one.factors: one.value for one in whole}
    assert blamed == pytest.approx(found["a",]) == pytest.approx(0.15) and found["e",] == pytest.approx(0, abs=1e-12)


# --- collapses ---


def test_collapses_are_compared_within_pairs_by_an_exact_test(modules):
    """Two pairs of recipes, two seeds: with a all four collapse, without it none: 1 / 6 of the splits, each, twice."""
    collapses = modules("collapses")
    collapsed = {recipe: [("a" in recipe)] * 2 for recipe in recipes("ab")}
    of_a, of_b = collapses.comparisons(collapsed, ["a", "b"])
    assert (of_a.without.count, of_a.having.count, of_a.having.networks) == (0, 4, 4)
    # Two-sided 2 / 36, times the two mistakes.
    assert of_a.p == pytest.approx(2 * 2 / 36) and of_b.p == 1
    assert of_a.having.interval == pytest.approx((0.025 ** (1 / 4), 1.0))


def test_collapses_that_do_not_differ_are_no_claim(modules):
    collapses = modules("collapses")
    every = {recipe: [True, True] for recipe in recipes("abc")}
    assert [one.sign for one in collapses.comparisons(every, ["a", "b", "c"])] == [0, 0, 0]
    clear = {recipe: ["a" in recipe] * 2 for recipe in recipes("abcd")}
    assert [one.sign for one in collapses.comparisons(clear, list("abcd"))] == [1, 0, 0, 0]


# --- sentences ---


FACTORS = ("flip_apart", "erase")


@pytest.fixture
def made(modules):
    """Return the measures of a made-up experiment of two mistakes; values by recipe, and what the changed test adds."""
    findings, plan = modules("findings"), modules("plan")
    experiment = plan.Experiment("mask", "bce", FACTORS)

    def results(values, *, added=0.0, best=None, collapse="", seeds=4, noise=0.01):
        rows = []
        for recipe in recipes(FACTORS):
            for seed in range(seeds):
                wobble = noise * (1, -1, 0.5, -0.5)[seed % 4]
                value = values[recipe] + wobble
                one = {"iou": value, "iou_best": (best or values)[recipe] + wobble}
                row = {"head": "mask", "loss": "bce", "seed": str(seed), "status": "finished"}
                row |= dict.fromkeys(("collapse", "collapse_best"), "")
                row |= {name: str(int(name in recipe)) for name in FACTORS}
                row |= {name: str(number) for name, number in one.items()}
                row |= {f"{name}_augmented": str(number - added) for name, number in one.items()}
                if value < 0.05:
                    row["collapse"] = collapse
                if (best or values)[recipe] < 0.05:
                    row["collapse_best"] = collapse
                rows.append(row)
        return findings, findings.measured(plan.load(), experiment, rows), rows

    return results


def of(**values):
    names = {"none": frozenset(), "flip": frozenset({"flip_apart"}), "erase": frozenset({"erase"})}
    return {names.get(name, frozenset(FACTORS)): value for name, value in values.items()}


def test_a_mistake_that_costs_is_named_with_its_interval(made):
    findings, (iou, _), _ = made(of(none=0.9, flip=0.5, erase=0.9, both=0.5))
    first, second = findings.on_effects(iou)
    assert first.startswith("Over all 4 recipes, on IoU at 0.5, these cost: inputs flipped apart 0.40 (0.")
    assert second.startswith("Not shown to change IoU at 0.5 by 0.005 or more, and by no more than 0.0")
    # Squares erased and the changed test split do exactly nothing here, so their intervals have 0 in them.
    assert "squares erased and augmented test split" in second
    assert findings.on_pairs(iou) == []


def test_flips_harm_only_where_they_are_shown_to(made):
    findings, (iou, _), _ = made(of(none=0.9, flip=0.5, erase=0.9, both=0.5))
    assert findings.flips_harm(iou)
    for values in (of(none=0.5, flip=0.9, erase=0.5, both=0.9), of(none=0.9, flip=0.9, erase=0.5, both=0.5)):
        findings, (iou, _), _ = made(values)
        assert not findings.flips_harm(iou)


def test_nothing_is_claimed_where_seeds_vary_more_than_mistakes(made):
    findings, (iou, _), _ = made(of(none=0.52, flip=0.5, erase=0.51, both=0.5), noise=0.2)
    assert findings.on_effects(iou)[0] == (
        "Over all 4 recipes, on IoU at 0.5, no mistake is shown to cost 0.005 or more."
    )
    alone, beside = findings.on_ends(iou)
    assert "no mistake is shown to cost" in alone and "no mistake is shown to gain" in beside


def test_what_improves_is_not_called_a_cost(made):
    findings, (iou, _), _ = made(of(none=0.5, flip=0.5, erase=0.8, both=0.8))
    sentences = findings.on_effects(iou)
    assert "no mistake is shown to cost 0.005 or more" in sentences[0]
    assert sentences[1].startswith("These improve IoU at 0.5: squares erased 0.30 (0.")


def test_a_pair_is_told_by_what_one_costs_without_and_beside_the_other(made):
    findings, (iou, _), _ = made(of(none=0.9, flip=0.1, erase=0.1, both=0.1))
    assert findings.on_pairs(iou) == [
        "On average, inputs flipped apart costs 0.80 without squares erased and is not shown to change "
        "anything beside it."
    ]


def test_what_one_does_beside_another_is_told_only_if_its_interval_shows_it(made):
    """The pair is shown: flips cost .4 alone and .02 beside erased squares, less than the noise."""
    findings, (iou, _), _ = made(of(none=0.9, flip=0.5, erase=0.9, both=0.88), noise=0.03)
    (sentence,) = findings.on_pairs(iou)
    assert sentence.startswith("On average, inputs flipped apart costs 0.")
    assert sentence.endswith("without squares erased and is not shown to change anything beside it.")


def test_a_saving_is_no_negative_cost(made):
    findings, (iou, _), _ = made(of(none=0.9, flip=0.5, erase=0.5, both=0.7))
    assert findings.on_pairs(iou) == [
        "On average, inputs flipped apart costs 0.40 without squares erased and saves 0.20 beside it."
    ]
    findings, (iou, _), _ = made(of(none=0.5, flip=0.6, erase=0.5, both=0.9))
    assert findings.on_pairs(iou) == [
        "On average, inputs flipped apart saves 0.10 without squares erased and 0.40 beside it."
    ]


def test_an_effect_that_would_be_written_as_nothing_is_not_named(made):
    """Every network loses exactly 0.004 on the changed test split: surely, but 0.00 with two digits."""
    findings, (iou, _), _ = made(of(none=0.9, flip=0.9, erase=0.9, both=0.9), added=0.004)
    assert {one.factors: one.sign for one in iou.effects}["test",] == 1
    sentences = findings.on_effects(iou) + findings.on_ends(iou)
    assert "no mistake is shown to cost 0.005 or more" in sentences[0] and "augmented test split" in sentences[1]
    assert "0.00 (0.00 to 0.00)" not in " ".join(sentences)


def test_the_largest_cost_is_named_only_where_its_interval_is_above_all_others(made):
    findings, (iou, _), _ = made(of(none=0.9, flip=0.5, erase=0.8, both=0.4))
    assert findings.on_largest(iou) == ["No other mistake costs as much IoU at 0.5 as inputs flipped apart."]
    for values in (of(none=0.9, flip=0.5, erase=0.5, both=0.1), of(none=0.9, flip=0.9, erase=0.9, both=0.9)):
        findings, (iou, _), _ = made(values)
        assert findings.on_largest(iou) == []
    findings, (iou, _), _ = made(of(none=0.9, flip=0.5, erase=0.8, both=0.4), seeds=1)
    assert findings.on_largest(iou) == []


def on_both(made, scenes, composites, *, seeds=4, noise=0.01):
    findings, (first, _), _ = made(scenes)
    _, (second, _), _ = made(composites, seeds=seeds, noise=noise)
    return findings.on_datasets({"scenes": first, "composites": second})


def test_what_holds_on_both_datasets_is_named_with_both_costs(made):
    scenes, composites = of(none=0.9, flip=0.5, erase=0.8, both=0.4), of(none=0.8, flip=0.5, erase=0.6, both=0.3)
    assert on_both(made, scenes, composites) == [
        "These cost IoU at 0.5: inputs flipped apart (0.40 and 0.30) and squares erased (0.10 and 0.20)."
    ]
    improved = of(none=0.5, flip=0.7, erase=0.5, both=0.7)
    assert on_both(made, improved, improved)[1:] == ["These improve IoU at 0.5: inputs flipped apart (0.20 and 0.20)."]


def test_what_is_shown_on_one_dataset_alone_does_not_hold_on_both(made):
    """The other one has half of the cost, but seeds that vary by more."""
    scenes, composites = of(none=0.9, flip=0.5, erase=0.9, both=0.5), of(none=0.9, flip=0.7, erase=0.9, both=0.7)
    none = ["No mistake is shown to cost 0.005 IoU at 0.5 or more on scenes and on composites."]
    assert on_both(made, scenes, composites, noise=0.5) == none
    assert on_both(made, scenes, of(none=0.9, flip=0.9, erase=0.9, both=0.9)) == none


def test_a_mistake_that_costs_on_one_dataset_and_saves_on_the_other_is_named_apart(made):
    scenes, composites = of(none=0.9, flip=0.5, erase=0.8, both=0.4), of(none=0.8, flip=0.5, erase=0.9, both=0.6)
    assert on_both(made, scenes, composites) == [
        "These cost IoU at 0.5: inputs flipped apart (0.40 and 0.30).",
        "Squares erased costs 0.10 on scenes and saves 0.10 on composites.",
    ]


def test_nothing_is_said_of_two_datasets_before_both_are_complete(made):
    values = of(none=0.9, flip=0.5, erase=0.8, both=0.4)
    assert on_both(made, values, values, seeds=1) == []
    findings, (iou, _), _ = made(values)
    assert findings.on_datasets({"scenes": iou}) == []


def test_the_changed_test_split_is_told_apart_from_the_networks(made):
    findings, (iou, _), _ = made(of(none=0.9, flip=0.9, erase=0.9, both=0.9), added=0.2)
    assert "these cost: augmented test split 0.20 (0.20 to 0.20)" in findings.on_effects(iou)[0]


def test_the_changed_test_split_is_compared_network_by_network(made):
    """Seeds differ by far more than 0.2, but every network loses 0.2."""
    findings, (iou, _), _ = made(of(none=0.6, flip=0.6, erase=0.6, both=0.6), added=0.2, noise=0.3)
    for sentence in findings.on_ends(iou):
        assert sentence.endswith("IoU at 0.5: augmented test split 0.20 (0.20 to 0.20).")


def test_both_ends_name_what_costs_alone_and_what_fixing_gains(made):
    """Either mistake collapses the network: each costs alone, and fixing either alone gains nothing."""
    findings, (iou, _), _ = made(of(none=0.9, flip=0.0, erase=0.0, both=0.0))
    alone, beside = findings.on_ends(iou)
    assert alone.startswith("Made alone, these cost IoU at 0.5: ") and "inputs flipped apart 0.90" in alone
    assert beside == "Fixed alone in the original recipe, no mistake is shown to gain 0.005 IoU at 0.5 or more."


def test_a_mistake_with_which_a_network_collapsed_is_counted_and_not_judged(made):
    """One of four networks fails with squares erased; with both mistakes all do."""
    findings, (iou, best), rows = made(
        of(none=0.9, flip=0.5, erase=0.9, both=0.0), best=of(none=0.9, flip=0.5, erase=0.9, both=0.3), collapse="flat"
    )
    one = next(row for row in rows if (row["flip_apart"], row["erase"], row["seed"]) == ("0", "1", "0"))
    one["collapse"] = "flat"
    iou, best = findings.measured(iou.plan, iou.experiment, rows)
    alone, beside = findings.on_ends(iou)
    assert alone.startswith(
        "Made alone, these cannot be judged on IoU at 0.5, since networks collapsed: squares erased. "
        "Of the others, these cost: inputs flipped apart 0.40 ("
    )
    assert beside.endswith("original recipe, no mistake can be judged on IoU at 0.5, since networks collapsed.")
    erased = next(change for change in iou.ends[0] if change.factor == "erase")
    assert [(share.count, share.networks) for share in erased.collapsed] == [(0, 4), (1, 4)]
    # At their best thresholds none of them collapsed.
    alone, beside = findings.on_ends(best)
    assert alone.startswith("Made alone, these cost IoU at the best threshold: inputs flipped apart 0.40 (")
    assert "these gain IoU at the best threshold: " in beside and "squares erased 0.20" in beside


def test_no_other_mistake_is_said_to_cost_where_only_some_can_be_judged(made):
    findings, (iou, _), _ = made(of(none=0.9, flip=0.0, erase=0.9, both=0.0), collapse="flat")
    assert findings.on_ends(iou)[0] == (
        "Made alone, these cannot be judged on IoU at 0.5, since networks collapsed: inputs flipped apart. "
        "Of the others, none is shown to cost 0.005 or more."
    )


def test_the_threshold_hides_something_only_if_every_seed_says_so(made):
    low, high = of(none=0.9, flip=0.0, erase=0.9, both=0.0), of(none=0.9, flip=0.3, erase=0.9, both=0.3)
    findings, results, _ = made(low, best=high)
    assert findings.on_threshold(results) == [
        "The threshold of 0.5 hides a part: each of the 4 networks with every mistake reaches more at the best one."
    ]
    findings, results, _ = made(low, best=low)
    assert findings.on_threshold(results) == []


def test_collapses_are_counted_and_blamed_only_on_a_mistake_that_the_test_shows(made):
    findings, (iou, _), rows = made(
        of(none=0.9, flip=0.0, erase=0.9, both=0.0), collapse="all background", noise=0.0, seeds=6
    )
    assert findings.on_collapses(iou, rows) == [
        "12 of 24 networks give the same answer everywhere or diverge (all background).",
        "Collapsed with inputs flipped apart: 12 of 12 (74 % to 100 %); without: 0 of 12 (0 % to 26 %).",
    ]
    findings, (iou, _), rows = made(of(none=0.9, flip=0.9, erase=0.9, both=0.0), collapse="all background", seeds=1)
    assert findings.on_collapses(iou, rows) == []


def test_more_collapses_are_told_of_all_datasets_only_where_each_shows_them(made):
    """Inputs flipped apart collapse networks on both; squares erased on the first alone."""
    flip, both = of(none=0.9, flip=0.0, erase=0.9, both=0.0), of(none=0.9, flip=0.0, erase=0.0, both=0.0)
    findings, (first, _), _ = made(flip, collapse="all background", noise=0.0, seeds=6)
    _, (second, _), _ = made(both, collapse="all background", noise=0.0, seeds=6)
    assert findings.on_collapses_of_datasets({"scenes": first, "composites": second}) == [
        "More networks give the same answer everywhere or diverge with inputs flipped apart (12 of 12 "
        "and 12 of 12; without it 0 of 12 and 6 of 12)."
    ]
    assert findings.on_collapses_of_datasets({"scenes": first}) == []
    _, (never, _), _ = made(of(none=0.9, flip=0.9, erase=0.9, both=0.9), seeds=6)
    assert findings.on_collapses_of_datasets({"scenes": first, "composites": never}) == []


def joint(modules, collapsed, *, alone, depth=()):
    """Return what is said of networks with both heads; `collapsed`, `alone` and `depth` are recipes that collapse."""
    findings = modules("findings")
    of_joint, of_mask, rows = both_kinds(modules, collapsed, alone, depth)
    return findings.on_both_heads(of_joint, of_mask[0], rows)


def both_kinds(modules, collapsed, alone, depth=()):
    """Return the measures of networks with both heads, those of networks for the mask, and all rows."""
    findings, plan = modules("findings"), modules("plan")
    experiments = {head: plan.Experiment(head, "l1", FACTORS) for head in ("joint", "mask")}
    rows = [
        {"head": head, "loss": "l1", "seed": str(seed), "status": "finished"}
        | {name: str(int(name in recipe)) for name in FACTORS}
        | dict.fromkeys(("iou", "iou_best", "iou_augmented", "iou_best_augmented", "rmse", "rmse_augmented"), "0.1")
        | {"collapse": "all background" if recipe in failing else "", "collapse_best": ""}
        | {"collapse_depth": "constant depth" if recipe in depth else ""}
        for head, failing in (("joint", collapsed), ("mask", alone))
        for recipe in recipes(FACTORS)
        for seed in range(4)
    ]
    chosen = plan.load()
    of_joint, of_mask = (findings.measured(chosen, one, rows) for one in experiments.values())
    return of_joint, of_mask, rows


def test_networks_with_both_heads_are_compared_on_every_dataset(modules):
    told, flip, both = modules("findings").on_both_heads_of_datasets, frozenset({"flip_apart"}), frozenset(FACTORS)

    def pair(collapsed, alone):
        of_joint, of_mask, _ = both_kinds(modules, collapsed, alone)
        return of_joint[0], of_mask[0]

    alike, more = pair({flip, both}, {flip, both}), pair({flip, both}, set())
    begin = (
        "Of networks with both heads 8 of 16 on scenes and 8 of 16 on composites give the same mask everywhere at 0.5"
    )
    assert told({"scenes": alike, "composites": alike}) == [
        f"{begin} or diverge; of those for the mask alone, with the same recipes, 8 of 16 on scenes and 8 of 16 on "
        "composites do: a difference is not shown."
    ]
    assert told({"scenes": alike, "composites": more})[0].endswith("do: more do with both heads on composites.")
    assert told({}) == []


def test_masks_and_depths_of_networks_with_both_heads_are_counted(modules):
    flip, both = frozenset({"flip_apart"}), frozenset(FACTORS)
    assert joint(modules, {flip, both}, alone={flip, both}, depth={both}) == [
        "8 of 16 networks with both heads give the same mask everywhere at 0.5 (all background 8) or diverged, none at "
        "the best threshold.",
        "At 0.5, with every mistake 4 of 4 do and without any 0 of 4; with one mistake alone inputs flipped apart "
        "4 of 4.",
        "Of networks for the mask alone (see above), with the same recipes, 8 of 16 do: a difference is not shown.",
        "Beside such a mask 4 of 8 networks have learned a depth that is better than a constant.",
    ]


def test_both_heads_are_blamed_only_where_the_exact_test_shows_it(modules):
    flip, both = frozenset({"flip_apart"}), frozenset(FACTORS)
    assert "16 do: so more do with both heads." in joint(modules, {flip, both}, alone=set())[2]
    assert "16 do: so fewer do with both heads." in joint(modules, {flip}, alone={flip, both, frozenset()})[2]
    assert "with one mistake alone none." in joint(modules, {both}, alone={both})[1]
    assert len(joint(modules, set(), alone={flip, both})) == 1


def test_of_depth_collapsed_is_not_called_the_same_answer_everywhere(modules):
    """A network that is no better than a constant need not answer one."""
    findings, chosen = modules("findings"), modules("plan").load()
    experiment = modules("plan").Experiment("depth", "dice", FACTORS)

    def counted(collapse):
        rows = [
            {"head": "depth", "loss": "dice", "seed": str(seed), "status": "finished", "collapse_depth": collapse}
            | {name: str(int(name in recipe)) for name in FACTORS}
            | {"rmse": str(0.1 + seed / 100), "rmse_augmented": str(0.1 + seed / 100)}
            for recipe in recipes(FACTORS)
            for seed in range(2)
        ]
        (result,) = findings.measured(chosen, experiment, rows)
        return findings.on_collapses(result, rows)

    constant = "networks answer a constant depth, or are no better than one, or diverge."
    assert counted("no better than a constant depth") == [f"8 of 8 {constant}"]
    assert counted("") == [f"None of 8 {constant}"]


def test_an_experiment_that_is_not_complete_says_nothing(made):
    findings, results, rows = made(of(none=0.9, flip=0.0, erase=0.0, both=0.0), seeds=1)
    for result in results:
        assert findings.on_effects(result) + findings.on_pairs(result) + findings.on_ends(result) == []
    assert findings.state(results) + findings.on_threshold(results) + findings.on_collapses(results[0], rows) == []


def test_ends_alone_are_told_before_all_recipes_are_trained(made):
    findings, results, _ = made(of(none=0.9, flip=0.5, erase=0.9, both=0.5))
    assert findings.state(results) == [
        "With every mistake the network reaches 0.50 IoU at 0.5 and 0.50 IoU at the best threshold; without any, 0.90 "
        "IoU at 0.5 and 0.90 IoU at the best threshold (means over 4 seeds)."
    ]


def test_no_difference_is_beyond_what_a_metric_can_be(modules):
    (found,) = modules("effects").differences({("erase",): ([0.0, 0.9], [0.1, 0.8])})
    assert (found.low, found.high) == (-1.0, 1.0)
