"""Joint trainings in the configuration: what composes, and what is refused in one line."""

import pytest

from loss_study.checks.check import check_choices
from loss_study.config import composition
from loss_study.runtime.errors import StudyError
from loss_study.training.joint import weightings


def test_every_weighting_is_in_one_choice_and_every_choice_is_valid():
    found = composition.composed(["joint=weightings"])
    assert [found.joint.options[name].weighting for name in found.joint.names] == [
        "equal", "fixed", "uncertainty", "pcgrad", "upgrad", "mgda", "cagrad",
    ]  # fmt: skip
    assert sorted(one.weighting for one in found.joint.options.values()) == weightings.names()
    check_choices(found)


@pytest.mark.parametrize("name", ["equal", "pairs", "original"])
def test_the_other_choices_are_valid(name):
    found = composition.composed([f"joint={name}"])
    check_choices(found)
    assert found.joint.names and all(one in found.candidates for one in found.joint.names)


def test_the_originals_joint_run_has_its_mistakes_and_can_be_without():
    with_mistakes = composition.composed(["joint=original", "recipe=original"])
    assert with_mistakes.joint.options["joint_l1_l1"].losses == {"mask": "l1", "depth": "l1"}
    assert with_mistakes.options_of("l1") == {"sigmoid": False} and with_mistakes.recipe.augmentation.flip_apart
    assert composition.composed(["joint=original", "recipe=tuned"]).options_of("l1") == {"sigmoid": True}


def test_by_default_there_is_none():
    found = composition.composed([])
    assert found.joint.names == [] and found.candidates == found.losses


OF_EQUAL = "joint.options.joint_equal"


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            [f"{OF_EQUAL}.weighting=pcgard"],
            rf"^{OF_EQUAL}\.weighting: unknown weighting 'pcgard': did you mean",
        ),
        ([f"{OF_EQUAL}.mask=dcie"], rf"^{OF_EQUAL}\.mask: unknown loss 'dcie': did you mean 'dice'\?"),
        ([f"{OF_EQUAL}.mask=silog"], rf"^{OF_EQUAL}\.mask: silog makes no sense on the mask head"),
        ([f"{OF_EQUAL}.depth=lovasz"], rf"^{OF_EQUAL}\.depth: lovasz makes no sense on the depth head"),
        ([f"+{OF_EQUAL}.weighing=mgda"], rf"^{OF_EQUAL}\.weighing: no such key; did you mean 'weighting'\?"),
        (
            ["joint.names=[joint_eqal]"],
            r"^joint\.names: joint\.options\.joint_eqal is missing; did you mean",
        ),
        (["joint.names=[joint_equal,joint_equal]"], r"^joint\.names: lists something twice"),
        (["loss.heads=[mask]"], r"^joint\.names: a joint training has both heads, and loss\.heads lacks depth; say"),
        (
            ["joint.names=[dice]", "+joint.options.dice={mask: dice, depth: l1}"],
            r"^joint\.names: dice is the name of",
        ),
        (
            ["recipe=continue"],
            r"^joint\.names: recipe\.parent trains networks of one head; say -S",
        ),
        (
            ["recipe.freeze=[encoder]", "recipe.cache_features=true"],
            r"^joint\.names: recipe\.cache_features works with one head; say -S recipe\.cache_features=false",
        ),
        (
            [f"{OF_EQUAL}.weighting=mgda", "recipe.devices=2"],
            rf"^recipe\.devices: {OF_EQUAL}\.weighting mgda works on one device; set it to 1$",
        ),
        (
            ["+loss_options.mine={_target_: support.their_things.squared}", f"{OF_EQUAL}.mask=mine"],
            rf"^{OF_EQUAL}\.mask: mine is a loss by import path; .* 'loss-study final --loss mask=mine'",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(choices, message):
    with pytest.raises(StudyError, match=message) as refused:
        check_choices(composition.composed(["joint=equal", *choices]))
    assert "\n" not in str(refused.value)


def test_weights_that_are_left_open_are_for_the_search_of_a_loss_alone():
    searched = ["loss=combinations_searched", "recipe=tuned", "joint=equal", f"{OF_EQUAL}.mask=dice_bce"]
    with pytest.raises(StudyError, match=r"^loss_options\.dice_bce\.terms\..*are weights to choose from"):
        composition.composed(searched)
