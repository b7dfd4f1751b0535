"""Combinations: weighted sums of losses that are written in configuration."""

from __future__ import annotations

import pytest
import torch

from loss_study import losses
from loss_study.checks.check import check_choices
from loss_study.config import composition, load_config
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.runtime.errors import StudyError
from loss_study.tracking import describe
from loss_study.tracking.outputs import read
from loss_study.training import run
from loss_study.trial import Trial

STATISTICS = losses.TargetStatistics(0.1, (0.9, 0.1))
DICE_BCE = {"terms": {"dice": 1, "bce": 0.5}, "options": {"dice": {"smooth": 0.5}}}


def combined(terms, name="mine", **options):
    return losses.load(name, {"terms": terms, "options": options})


def dice_bce():
    return losses.load("dice_bce", DICE_BCE).resolve(STATISTICS)


def pair(classes=1):
    generator = torch.Generator().manual_seed(0)
    logits, target = (torch.randn(3, classes, 16, 16, generator=generator, dtype=torch.float64) for _ in range(2))
    return logits, target.sigmoid() if classes == 1 else target.softmax(dim=1)


def test_it_is_the_weighted_sum_of_its_terms():
    logits, target = pair()
    expected = losses.load("dice", {"smooth": 0.5})(logits, target) + 0.5 * losses.load("bce")(logits, target)
    torch.testing.assert_close(dice_bce()(logits, target), expected)


def test_it_is_a_loss_like_any_other():
    loss = dice_bce()
    assert isinstance(loss, losses.Loss) and loss.name == "dice_bce"
    # The same options give the same loss, as those that a trial records.
    assert losses.load("dice_bce", loss.options).options == loss.options
    assert loss.options == {"terms": {"dice": 1.0, "bce": 0.5}, "options": {"dice": {"smooth": 0.5}, "bce": {}}}
    assert combined({"dice": 1.0}).options["options"] == {"dice": {"smooth": 1.0}}, "the defaults are filled in"


def test_it_suits_what_all_its_terms_suit():
    assert combined({"l1": 1.0, "gradient": 1.0}).heads == ("depth",)
    assert combined({"dice": 1.0, "iou": 1.0}).multiclass and not combined({"dice": 1.0, "bce": 1.0}).multiclass
    assert combined({"dice": 1.0, "l1": 1.0}).minimised_by_target == ("mask", "classes")
    assert combined({"l1": 1.0, "ssim": 1.0}).minimised_by_target == ("mask", "classes", "depth")
    assert combined({"dice": 1.0}).takes_valid


def test_its_gradient_is_right_and_bfloat16_logits_are_computed_in_float32():
    (logits, target), loss = pair(), dice_bce()
    small, small_target = logits[:2, :, :8, :8], target[:2, :, :8, :8]
    assert torch.autograd.gradcheck(lambda x: loss(x, small_target), small.clone().requires_grad_())
    low, target = logits.bfloat16(), target.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(low, target), loss(low.float(), target))


def test_invalid_pixels_and_classes_reach_the_terms():
    logits, target = pair(classes=3)
    valid = (torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(1)) > 0.3).double()
    expected = 2 * losses.load("iou")(logits, target, valid) + losses.load("cross_entropy")(logits, target, valid)
    torch.testing.assert_close(combined({"iou": 2.0, "cross_entropy": 1.0})(logits, target, valid), expected)


def test_a_term_is_resolved_with_the_training_split():
    weighted = combined({"weighted_bce": 1.0, "cross_entropy": 1.0}, cross_entropy={"class_weights": "balanced"})
    resolved = weighted.resolve(STATISTICS).options["options"]
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
        losses.load("mine", options)


def test_a_loss_with_a_file_is_no_combination():
    with pytest.raises(StudyError, match=r"loss_options\.dice\.terms: dice is a loss of its own"):
        combined({"bce": 1.0}, name="dice")


def test_terms_that_read_the_output_differently_are_refused():
    with pytest.raises(StudyError, match=r"loss_options\.raw\.terms: l1, bce read the network's output differently"):
        combined({"l1": 1.0, "bce": 1.0}, name="raw", l1={"sigmoid": False})
    assert dice_bce().output == losses.PROBABILITY
    alone = combined({"l1": 1.0}, l1={"sigmoid": False})
    assert alone.output == losses.load("l1", {"sigmoid": False}).output != losses.PROBABILITY


def test_a_term_that_does_not_fit_is_named():
    deep = combined({"l1": 1.0, "gradient": 1.0}, name="deep")
    deep.check_fit("depth")
    message = r"loss.combinations: gradient, a term of deep, makes no sense on the mask head; .*\[depth\]"
    with pytest.raises(StudyError, match=message):
        deep.check_fit("mask")


def test_open_weights_take_a_search():
    with pytest.raises(StudyError, match=r"loss_options\.open\.terms\.bce: \[0.25, 1.0\] are weights to choose from"):
        combined({"dice": 1, "bce": [0.25, 1]}, name="open").resolve(STATISTICS)


def test_summary_and_notes_are_those_of_the_terms():
    loss = dice_bce()
    assert loss.summary == "A weighted sum: dice + 0.5 bce."
    dice, bce = (losses.with_a_file(name).notes for name in ("dice", "bce"))
    assert loss.notes["depth"] == f"dice: {dice['depth']} bce: {bce['depth']}"
    assert loss.notes["classes"] == f"dice: {dice['classes']}"
    assert combined({"dice": 1, "bce": [0.25, 1]}).summary == "A weighted sum: dice + (0.25 or 1) bce."


# --- in a study -------------------------------------------------------------------------------------------------------


def composed(folder, *overrides):
    composition.compose(folder / "params.yaml", ["scale=smoke", *overrides])
    return load_config(folder / "params.yaml")


@pytest.mark.parametrize("chosen", ["mask", "depth", "combinations"])
def test_the_sets_pass_the_check(chosen, tmp_path):
    study = composed(tmp_path, f"loss={chosen}")
    check_choices(study)
    assert set(study.losses) <= set(study.loss_options)


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
