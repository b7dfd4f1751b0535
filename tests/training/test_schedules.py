"""Learning-rate schedules against hand-computed values and torch's own."""

import math
import random
from pathlib import Path

import pytest
import torch
from torch.optim import lr_scheduler

from loss_study.config import composition, load_config
from loss_study.runtime.errors import StudyError
from loss_study.training import schedules
from loss_study.training.schedules import Moment

REQUIRED = {"step_lr": {"every": 2}}


def course(name, steps, steps_per_epoch=1, **options):
    """Return the factor of every step of a training without validation."""
    factor = schedules.build(name, **options)
    return [factor(Moment(step, steps, steps_per_epoch)) for step in range(steps)]


def torchs(make, steps, *metrics):
    """Return what the scheduler that `make` returns sets in each of `steps` moments, for a base rate of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < steps:
            scheduler.step(*(values[step] for values in metrics))
    return rates


@pytest.mark.parametrize("name", schedules.names())
def test_between_zero_and_one_for_every_length(name):
    for steps in (1, 2, 3, 7, 100):
        assert all(0 <= value <= 1 for value in course(name, steps, **REQUIRED.get(name, {})))


def test_onecycle_by_hand():
    values = course("onecycle", 80, warmup=0.25, start_divisor=25.0, end_divisor=25_000.0)
    assert values[0] == pytest.approx(1 / 25)
    assert values[10] == pytest.approx((1 / 25 + 1) / 2)
    assert values[20] == 1
    assert values[79] == pytest.approx(1 / 25_000)
    assert values[49] == pytest.approx(1 - 29 / 59 * (1 - 1 / 25_000))


def test_onecycle_agrees_with_torch():
    """Torch's peak is in step ``pct_start * steps - 1``, and its final divisor is counted from the start."""

    def reference(optimizer):
        options = {"anneal_strategy": "linear", "cycle_momentum": False, "div_factor": 25, "final_div_factor": 1000}
        return lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=80, pct_start=21 / 80, **options)

    values = course("onecycle", 80, warmup=0.25, start_divisor=25.0, end_divisor=25_000.0)
    assert values == pytest.approx(torchs(reference, 80))


def test_cosine_agrees_with_torch():
    expected = torchs(lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, T_max=9, eta_min=0.1), 10)
    assert course("cosine", 10, end=0.1) == pytest.approx(expected)


def test_step_by_hand():
    assert course("step", 9, drops=2, gamma=0.5) == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_step_lr_agrees_with_torch_epoch_by_epoch():
    """The recipe of the pets SegNet: StepLR(7, 0.7) over 20 epochs, here of three steps each."""
    epochs = torchs(lambda optimizer: lr_scheduler.StepLR(optimizer, 7, 0.7), 20)
    values = course("step_lr", 60, steps_per_epoch=3, every=7, gamma=0.7)
    assert values == pytest.approx([rate for rate in epochs for _ in range(3)])
    assert values[20] == 1 and values[21] == 0.7 and values[-1] == pytest.approx(0.49)


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {"gamma": 0.5, "patience": 0},
        {"gamma": 0.1, "patience": 2, "threshold": 0.05},
        {"gamma": 0.5, "patience": 1, "cooldown": 3, "end": 0.1},
    ],
)
def test_reduce_on_plateau_agrees_with_torch(options, rising):
    numbers = random.Random(3)
    history = [0.5 + 0.3 * numbers.random() for _ in range(40)]
    history[4] = math.nan

    def reference(optimizer):
        return lr_scheduler.ReduceLROnPlateau(
            optimizer,
            "max" if rising else "min",
            factor=options["gamma"],
            patience=options["patience"],
            threshold=options.get("threshold", 1e-4),
            cooldown=options.get("cooldown", 0),
            min_lr=options.get("end", 0.0),
        )

    factor = schedules.build("reduce_on_plateau", **options)
    values = [factor(Moment(2 * epoch, 80, 2, tuple(history[:epoch]), rising)) for epoch in range(40)]
    expected = torchs(reference, 40, history)
    # Torch leaves out a fall of less than 1e-8; a rate this small is the same to anyone.
    assert values == pytest.approx(expected, abs=2e-8)
    assert len(set(expected)) > 2


def test_reduce_on_plateau_by_hand():
    factor = schedules.build("reduce_on_plateau", gamma=0.5, patience=1)
    history = (0.5, 0.6, 0.6, 0.6, 0.7, 0.1, 0.2)
    values = [factor(Moment(epoch, 8, 1, history[:epoch])) for epoch in range(8)]
    assert values == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_every_schedule_can_be_chosen_and_replaces_another_recipes(tmp_path):
    """One file each in conf/; its options take the place of the recipe's and are not mixed with them."""
    folder = Path(__file__).parents[2] / "conf" / "recipe" / "schedule"
    assert sorted(path.stem for path in folder.glob("*.yaml")) == schedules.names()
    recipes = ["fixed", "original", "tuned", "pets_segnet", "birds", "carvana"]
    for name, base in zip(schedules.names(), recipes, strict=True):
        composition.compose(tmp_path / "params.yaml", [f"recipe={base}", f"recipe/schedule={name}"])
        chosen = load_config(tmp_path / "params.yaml").recipe.schedule
        assert chosen.name == name and set(schedules.check(name, chosen.options)) == set(chosen.options)


def test_constant():
    assert course("constant", 10) == [1] * 10


def test_bad_options():
    with pytest.raises(StudyError, match="unknown schedule 'one_cycle': did you mean 'onecycle'"):
        schedules.build("one_cycle")
    with pytest.raises(StudyError, match=r"recipe.schedule.options.warmup: .*less than 1"):
        schedules.build("onecycle", warmup=1.0)
    with pytest.raises(StudyError, match=r"recipe.schedule.options.every: missing"):
        schedules.build("step_lr")
