"""The configuration of `loss_study.compare`: the defaults, and what is given instead."""

import pytest

from loss_study.comparison.chosen_losses import chosen
from loss_study.comparison.configuration import configuration


def recipe_with(changes):
    return configuration(
        chosen(["dice"]),
        {"dataset": "somewhere.dataset"},
        model="resunet",
        model_options={},
        heads=["mask"],
        class_names=[],
        seeds=3,
        sample={"images": 100, "size": 32},
        recipe=changes,
        margin={},
    ).recipe


@pytest.mark.parametrize(
    ("schedule", "options"),
    [
        ({"name": "constant"}, {}),
        ({"name": "cosine", "options": {"end": 0.1}}, {"end": 0.1}),
        ({"name": "onecycle"}, {"warmup": 0.25, "start_divisor": 25.0, "end_divisor": 25000.0}),
        ({"options": {"warmup": 0.5}}, {"warmup": 0.5}),
    ],
)
def test_a_schedule_of_another_name_has_none_of_the_options_of_the_default(schedule, options):
    assert recipe_with({"schedule": schedule}).schedule.options == options


def test_an_optimizer_of_another_name_keeps_the_rate_alone():
    optimizer = recipe_with({"optimizer": {"name": "sgd"}}).optimizer
    assert (optimizer.name, optimizer.lr, optimizer.options) == ("sgd", 0.01, {})


def test_a_section_is_merged_key_by_key():
    recipe = recipe_with({"search": {"lr": []}, "optimizer": {"lr": 0.003}})
    assert (recipe.search.lr, recipe.search.epochs, recipe.epochs) == ([], 3, 5)
    assert (recipe.optimizer.lr, recipe.optimizer.options) == (0.003, {"weight_decay": 0.01})
