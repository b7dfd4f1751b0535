"""Combinations: weighted sums of losses that are written in configuration."""

from __future__ import annotations

import pytest
import torch

from loss_study import combination, composition, losses
from loss_study.check import check_choices
from loss_study.config import load_config
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.report.losses import about
from loss_study.runtime.errors import StudyError
from loss_study.tracking import describe
from loss_study.tracking.outputs import read
from loss_study.training import run
from loss_study.trial import Trial

STUDY = {
    "dice": {"smooth": 0.5},
    "dice_bce": {"terms": {"dice": 1, "bce": 0.5}},
    "changed": {"terms": {"dice": 1, "bce": 0.5}, "options": {"dice": {"smooth": 3.0}}},
    "open": {"terms": {"dice": 1, "bce": [0.25, 1]}},
}
STATISTICS = losses.TargetStatistics(0.1, (0.9, 0.1))


def options_of(name, **more):
    return combination.options_of(name, STUDY | more)


def built(name, **more):
    return losses.build(name, **losses.resolve(name, options_of(name, **more), statistics=STATISTICS))


def pair(classes=1):
    generator = torch.Generator().manual_seed(0)
    logits, target = (torch.randn(3, classes, 16, 16, generator=generator, dtype=torch.float64) for _ in range(2))
    return logits, target.sigmoid() if classes == 1 else target.softmax(dim=1)


def test_it_is_the_weighted_sum_of_its_terms():
    logits, target = pair()
    expected = losses.build("dice", smooth=0.5)(logits, target) + 0.5 * losses.build("bce")(logits, target)
    torch.testing.assert_close(built("dice_bce")(logits, target), expected)
    assert built("dice_bce").__name__ == "dice_bce"


def test_a_term_has_the_options_of_its_loss_unless_the_combination_has_its_own():
    assert options_of("dice_bce")["options"] == {"dice": {"smooth": 0.5}, "bce": {}}
    assert options_of("changed")["options"] == {"dice": {"smooth": 3.0}, "bce": {}}
    assert losses.check("dice_bce", STUDY["dice_bce"])["options"]["dice"] == {"smooth": 1.0}


def test_its_gradient_is_right_and_bfloat16_logits_are_computed_in_float32():
    logits, target = pair()
    assert torch.autograd.gradcheck(lambda x: built("dice_bce")(x, target), logits.requires_grad_())
    low, target = logits.detach().bfloat16(), target.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(built("dice_bce")(low, target), built("dice_bce")(low.float(), target))


def test_gaps_and_classes_reach_the_terms():
    logits, target = pair(classes=3)
    valid = (torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(1)) > 0.3).double()
    both = built("both", both={"terms": {"iou": 2.0, "cross_entropy": 1.0}})
    expected = 2 * losses.build("iou")(logits, target, valid) + losses.build("cross_entropy")(logits, target, valid)
    torch.testing.assert_close(both(logits, target, valid), expected)


def test_a_term_is_resolved_with_the_training_split():
    weighted = {"terms": {"weighted_bce": 1.0, "cross_entropy": 1.0}}
    options = options_of("weighted", weighted=weighted, cross_entropy={"class_weights": "balanced"})
    resolved = losses.resolve("weighted", options, statistics=STATISTICS)["options"]
    assert resolved["weighted_bce"] == {"pos_weight": pytest.approx(9.0)}
    assert resolved["cross_entropy"]["class_weights"] == pytest.approx([1 / 1.8, 5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"terms": {}}, "loss_options.mine.terms: .*at least 1"),
        ({"terms": {"dcie": 1.0}}, "loss_options.mine.terms.dcie: unknown loss 'dcie': did you mean 'dice'"),
        ({"terms": {"dice": 0}}, "loss_options.mine.terms.dice: Input should be a number above 0.*got 0"),
        ({"terms": {"dice": [1.0, 0.5]}}, "loss_options.mine.terms.dice: .*different weights from low to high"),
        ({"terms": {"dice": True}}, "loss_options.mine.terms.dice: Input should be a number above 0"),
        ({"terms": {"dice": 1.0}, "option": {}}, "loss_options.mine.option: no such key; did you mean 'options'"),
        ({"terms": {"dice": 1.0}, "options": {"bce": {}}}, "loss_options.mine.options.bce: no such term"),
        ({"terms": {"dice": 1.0}, "options": {"dice": {"smoth": 1}}}, "loss_options.dice.smoth: no such key"),
    ],
)
def test_mistakes_name_their_key(options, message):
    with pytest.raises(StudyError, match=message):
        losses.check("mine", combination.options_of("mine", {"mine": options}))


def test_a_loss_with_a_file_is_no_combination():
    with pytest.raises(StudyError, match=r"loss_options\.dice\.terms: dice is a loss of its own"):
        losses.build("dice", terms={"bce": 1.0})


def test_terms_that_read_the_output_differently_are_refused():
    raw = {"terms": {"l1": 1.0, "bce": 1.0}, "options": {"l1": {"sigmoid": False}}}
    with pytest.raises(StudyError, match=r"loss_options\.raw\.terms: l1, bce read the network's output differently"):
        losses.output("raw", **options_of("raw", raw=raw))
    assert losses.output("dice_bce", **options_of("dice_bce")) == losses.PROBABILITY


def test_a_term_that_does_not_fit_is_named():
    deep = options_of("deep", deep={"terms": {"l1": 1.0, "gradient": 1.0}})
    losses.check_fit("deep", deep, "depth")
    with pytest.raises(StudyError, match=r"gradient, a term of deep, makes no sense on the mask head; .*\[depth\]"):
        losses.check_fit("deep", deep, "mask")


def test_open_weights_take_a_search():
    assert combination.searched(options_of("open")) == {"bce": [0.25, 1.0]}
    with pytest.raises(StudyError, match=r"loss_options\.open\.terms\.bce: \[0.25, 1.0\] are weights to choose from"):
        built("open")
    closed = combination.with_weights(options_of("open"), {"bce": 1.0})
    assert closed["terms"] == {"dice": 1.0, "bce": 1.0} and not combination.searched(closed)


def test_the_page_says_what_it_is_the_sum_of():
    said = about("dice_bce", STUDY["dice_bce"])
    assert said.summary == "A weighted sum: dice + 0.5 bce."
    assert said.notes["depth"].startswith("dice: Not minimised by the truth") and " bce: " in said.notes["depth"]
    assert about("open", STUDY["open"]).summary == "A weighted sum: dice + (0.25 or 1) bce."


# --- in a study -------------------------------------------------------------------------------------------------------


def composed(folder, *overrides):
    composition.compose(folder / "params.yaml", ["scale=smoke", *overrides])
    return load_config(folder / "params.yaml")


@pytest.mark.parametrize("chosen", ["mask", "depth", "combinations"])
def test_the_sets_pass_the_check(chosen, tmp_path):
    study = composed(tmp_path, f"loss={chosen}")
    check_choices(study)
    assert set(study.loss.names) <= set(study.loss_options)


def test_the_check_refuses_what_makes_no_sense_on_a_head_and_open_weights_without_a_search(tmp_path):
    with pytest.raises(StudyError, match=r"loss.names: silog makes no sense on the mask head; choose .*\[depth\]"):
        check_choices(composed(tmp_path, "loss=silog", "loss.heads=[mask,depth]"))
    with pytest.raises(StudyError, match=r"loss_options\.dice_bce\.terms\.bce: .* takes a search; say -S recipe=tuned"):
        check_choices(composed(tmp_path, "loss=combinations_searched"))
    check_choices(composed(tmp_path, "loss=combinations_searched", "recipe=tuned"))


def test_it_is_trained_evaluated_and_told_to_mlflow(sample, tmp_path, monkeypatch):
    study = composed(tmp_path, "loss=dice_bce", "recipe.epochs=2", "recipe.batch_size=4")
    monkeypatch.chdir(tmp_path)
    trial = Trial("mask", "dice_bce", 0)
    run.train_trials([trial], study, sample)
    evaluate_trials([trial], sample)
    outputs = read(trial)
    assert outputs.record["loss_options"]["terms"] == {"dice": 1.0, "bce": 0.5}
    told = describe.parameters_of(trial, study)
    assert told["loss.terms.bce"] == "0.5" and told["loss.options.dice.smooth"] == "1.0"
    assert describe.outcome_tags(outputs)["loss.terms.dice"] == "1.0"
