"""Learning-rate schedules against hand-computed values and torch's own."""

import pytest
import torch

from loss_study.errors import StudyError
from loss_study.training import schedules


@pytest.mark.parametrize("name", schedules.names())
def test_between_zero_and_one_for_every_length(name):
    factor = schedules.build(name)
    for steps in (1, 2, 3, 7, 100):
        values = [factor(step, steps) for step in range(steps)]
        assert all(0 <= value <= 1 for value in values)


def test_onecycle_by_hand():
    factor = schedules.build("onecycle", warmup=0.25, start_divisor=25.0, end_divisor=25_000.0)
    assert factor(0, 81) == pytest.approx(1 / 25)
    assert factor(10, 80) == pytest.approx((1 / 25 + 1) / 2)
    assert factor(20, 80) == 1
    assert factor(79, 80) == pytest.approx(1 / 25_000)
    assert factor(20 + 59 // 2, 80) == pytest.approx(1 - 29 / 59 * (1 - 1 / 25_000))


def test_cosine_agrees_with_torch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=9, eta_min=0.1)
    factor = schedules.build("cosine", end=0.1)
    for step in range(10):
        assert factor(step, 10) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


def test_step_by_hand():
    factor = schedules.build("step", drops=2, gamma=0.5)
    assert [factor(step, 9) for step in range(9)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_constant():
    assert schedules.build("constant")(5, 10) == 1


def test_bad_options():
    with pytest.raises(StudyError, match="unknown schedule 'one_cycle': did you mean 'onecycle'"):
        schedules.build("one_cycle")
    with pytest.raises(StudyError, match=r"recipe.schedule.options.warmup: .*less than 1"):
        schedules.build("onecycle", warmup=1.0)
