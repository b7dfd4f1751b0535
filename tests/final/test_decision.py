"""What the final model takes from the study, and what it says where there is nothing to take."""

import json
import shutil
from pathlib import Path

import pytest

from loss_study import cli
from loss_study.config import load_config
from loss_study.final import decision
from loss_study.final.command import _named
from loss_study.runtime.errors import StudyError
from loss_study.training import choice
from support.final_model import CHOICES, write_study


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A function that writes a study and reads its configuration."""
    monkeypatch.chdir(tmp_path)

    def written(*choices, **options):
        write_study(tmp_path, *choices, **options)
        return load_config()

    return written


def refused(config, named=None):
    with pytest.raises(StudyError) as caught:
        decision.read(config, named or {})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_each_head_has_the_loss_that_the_study_chose_and_its_learning_rate(study):
    mask, depth = decision.read(study(), {})
    assert (mask.head, mask.loss, mask.choice.lr, mask.decided) == ("mask", "dice", 0.04, True)
    assert (depth.head, depth.loss, depth.choice.lr, depth.decided) == ("depth", "rmse", 0.01, True)
    assert mask.sentence == "No other loss of the study is better by more than 0.010 IoU (95 % confidence)."


def test_a_loss_that_failed_is_not_said_to_be_no_better(study):
    mask, _ = decision.read(study(metrics={**CHOICES, "mask": {**CHOICES["mask"], "all_compared": False}}), {})
    assert mask.sentence == "No other compared loss of the study is better by more than 0.010 IoU (95 % confidence)."


def test_an_open_question_is_told(study):
    open_ = {"choice": "dice", "decided": False, "regret_bound": 0.05, "margin": 0.02}
    mask, _ = decision.read(study(metrics={**CHOICES, "mask": open_}), {})
    assert mask.sentence == (
        "The study is not decided: another loss may be better by up to 0.050 IoU (95 % confidence), more than the "
        "margin of 0.020."
    )


def test_a_bound_is_rounded_up(study):
    close = {"choice": "rmse", "decided": True, "regret_bound": 0.00211, "margin": 0.004}
    _, depth = decision.read(study(metrics={**CHOICES, "depth": close}), {})
    assert "better by more than 0.0022 of the depth range (" in depth.sentence


def test_a_loss_may_be_named_instead(study):
    mask, depth = decision.read(study(), {"mask": "bce"})
    assert (mask.loss, mask.decided, depth.loss) == ("bce", False, "rmse")
    assert mask.sentence == "It was named by hand; the study did not choose it."


def test_both_may_be_named_before_any_study(study):
    found = decision.read(study(metrics=None), {"mask": "bce", "depth": "l1"})
    assert [one.loss for one in found] == ["bce", "l1"]


def test_no_study_is_one_line(study):
    assert refused(study(metrics=None)) == (
        "reports/metrics.json: no study has decided yet; run 'dvc repro' or 'make study'"
    )


def test_a_study_of_one_seed_chose_nothing_and_the_suggestion_works(study):
    nothing = {"choice": None, "best_loss": "huber", "decided": False, "regret_bound": None}
    config = study(metrics={**CHOICES, "mask": nothing})
    message = refused(config)
    assert message.startswith("reports/metrics.json: no loss was chosen for the mask")
    words = message.rpartition("a loss: ")[2].split()
    named = _named(cli.parse(["final", *words]).loss)
    assert decision.read(config, named)[0].loss == "huber"


def test_a_decision_of_another_study(study):
    config = study("loss.names=[bce,l1]")
    assert "chose dice for the mask, which params.yaml does not study" in refused(config)


def test_a_head_that_the_decision_lacks(study):
    config = study()
    Path("reports/metrics.json").write_text(json.dumps({"mask": CHOICES["mask"]}))
    assert "says nothing of the depth" in refused(config)


def test_a_joint_training_that_won_brings_its_losses_and_its_weighting(study):
    chosen = {"mask": CHOICES["mask"], "depth": {**CHOICES["depth"], "choice": "joint_equal"}}
    config = study("joint=equal", "joint.options.joint_equal.weighting=uncertainty", metrics=chosen)
    choice.write_recipes_own("joint", "joint_equal", 0.03)
    mask, depth = found = decision.read(config, {})
    assert (mask.loss, mask.joint) == ("dice", "")
    assert (depth.loss, depth.joint, depth.choice.lr) == ("ssim", "joint_equal", 0.03)
    assert depth.sentence.startswith(
        "It is that of the joint training joint_equal: no other choice of the study is better"
    )
    assert decision.weighting(config, found) == decision.Weighting("uncertainty")


def test_a_study_that_preferred_separate_networks_gets_them(study):
    config = study("joint=equal")
    assert decision.weighting(config, decision.read(config, {})) is None


def test_trials_that_continue_from_a_parent_of_one_head_lead_to_separate_networks(study):
    config = study("recipe=continue", "recipe.parent.epochs=1")
    assert decision.weighting(config, decision.read(config, {})) is None


def test_a_study_without_joint_trainings_gets_one_network(study):
    config = study()
    assert decision.weighting(config, decision.read(config, {})) == decision.Weighting("equal")


def test_damaged_metrics(study):
    config = study()
    Path("reports/metrics.json").write_text("{")
    assert refused(config).startswith("reports/metrics.json: damaged")


def test_a_learning_rate_that_was_not_searched(study):
    config = study()
    shutil.rmtree("tuning/mask/dice")
    assert refused(config) == "tuning/mask/dice/choice.json: not there; run 'dvc repro train@mask-dice'"


@pytest.mark.parametrize(
    ("pair", "words"),
    [("mask=dcie", "did you mean 'dice'"), ("deep=l1", "the study has no deep"), ("mask", "say which loss")],
)
def test_a_named_loss_that_cannot_be(study, pair, words):
    config = study()
    with pytest.raises(StudyError, match=words):
        decision.read(config, _named([pair]))


def test_the_threshold_of_the_study_is_the_median_of_its_trials(study):
    config = study("seeds=[0,1,2]")
    mask = decision.read(config, {})[0]
    with pytest.raises(StudyError, match=r"no trial of dice on the mask has a threshold"):
        decision.threshold_of(config, mask)
    for seed, threshold in enumerate((0.9, 0.2, 0.4)):
        folder = Path(f"eval/1/mask/dice/{seed}")
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps({"threshold": threshold}))
    assert decision.threshold_of(config, mask) == 0.4
