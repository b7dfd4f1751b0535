"""Weightings against gradients that are worked out by hand, of two losses in two parameters."""

import math

import pytest
import torch

from loss_study import losses, models
from loss_study.data.batches import Batches
from loss_study.heads import HEADS
from loss_study.runtime.errors import StudyError
from loss_study.training.joint import weightings
from loss_study.training.joint.objective import JointObjective
from loss_study.training.joint.weightings._gradients import Combined
from loss_study.training.joint.weightings.uncertainty import Uncertainty

CPU = torch.device("cpu")
#: Gradients that are against each other: their product is -1, their squares are 1 and 2.
MASK, DEPTH = (1.0, 0.0), (-1.0, 1.0)


def gradient(name, mask=MASK, depth=DEPTH, options=None):
    """Return what `name` makes of two losses that are linear in two parameters, with these gradients."""
    parameter = torch.nn.Parameter(torch.zeros(2))
    of_heads = {"mask": parameter @ torch.tensor(mask), "depth": parameter @ torch.tensor(depth)}
    weighting = weightings.build(name, HEADS, CPU, weightings.check(name, options or {}, "joint.options.a"))
    weighting.backward(of_heads, [parameter, *weighting.parameters])
    return parameter.grad.tolist()


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("equal", {}, [0, 1]),
        ("fixed", {"mask": 2.0, "depth": 0.5}, [1.5, 0.5]),
        ("fixed", {"depth": 0.0}, [1, 0]),
        ("uncertainty", {}, [0, 1]),
        # (1, 0) + 1/2 (-1, 1) and (-1, 1) + (1, 0), added.
        ("pcgrad", {}, [0.5, 1.5]),
        # The mean of the same two.
        ("upgrad", {}, [0.25, 0.75]),
        # 3/5 (1, 0) + 2/5 (-1, 1): its products with both are equal, 1/5, so nothing between them is shorter.
        ("mgda", {}, [0.2, 0.4]),
        # The mean (0, 1/2) leaves the mask's loss where it is; a fifth of its length goes towards the mask's gradient.
        ("cagrad", {"c": 0.2}, [0.1, 0.5]),
    ],
)
def test_gradients_against_each_other(name, options, expected):
    assert gradient(name, options=options) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "expected"), [("pcgrad", [2, 1]), ("upgrad", [1, 0.5]), ("mgda", [1, 0]), ("equal", [2, 1])]
)
def test_gradients_that_agree(name, expected):
    """MGDA's shortest vector between (1, 0) and (1, 1) is (1, 0) itself; the others leave both as they are."""
    assert gradient(name, (1.0, 0.0), (1.0, 1.0)) == pytest.approx(expected, abs=2e-3)


def test_cagrad_without_a_radius_is_the_mean():
    assert gradient("cagrad", options={"c": 0.0}) == pytest.approx([0, 0.5], abs=1e-3)


def test_the_loss_of_uncertainty_by_hand():
    """The sum of exp(-s) L + s / 2: at s = 0 the sum of the losses, at its least 1/2 for each and log 2L / 2."""
    weighting = Uncertainty(HEADS, CPU)
    of_heads = {"mask": torch.tensor(0.5), "depth": torch.tensor(2.0)}
    value = weighting.value(of_heads)
    value.backward()
    assert value.item() == 2.5
    assert [parameter.grad.item() for parameter in weighting.parameters] == [0.0, -1.5]
    weighting.parameters[1].data.fill_(math.log(4))
    assert weighting.weights() == pytest.approx({"mask": 1.0, "depth": 0.25})
    value = weighting.value(of_heads)
    assert value.item() == pytest.approx(1 + math.log(4) / 2)
    for parameter in weighting.parameters:
        parameter.grad = None
    value.backward()
    assert [parameter.grad.item() for parameter in weighting.parameters] == pytest.approx([0, 0], abs=1e-6)


def test_what_belongs_to_one_head_has_the_gradient_of_its_loss_alone():
    shared, own, unused = (torch.nn.Parameter(torch.ones(())) for _ in range(3))
    of_heads = {"mask": 3 * shared, "depth": -5 * shared * own}
    Combined(lambda jacobian: 10 * jacobian[0]).backward(of_heads, [shared, own, unused])
    assert shared.grad.item() == 30 and own.grad.item() == -5 and unused.grad is None


def test_losses_that_share_nothing_keep_their_gradients():
    mask, depth = (torch.nn.Parameter(torch.ones(())) for _ in range(2))

    def fail(_jacobian):
        raise AssertionError

    Combined(fail).backward({"mask": 3 * mask, "depth": -5 * depth}, [mask, depth])
    assert mask.grad.item() == 3 and depth.grad.item() == -5


@pytest.mark.parametrize("name", weightings.names())
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_diverged_stays_visible_and_fails_nothing(name, value):
    assert not all(map(math.isfinite, gradient(name, (value, 0.0))))


@pytest.fixture
def network(sample):
    """A small network with both heads, its logits of a batch, and that batch."""
    torch.manual_seed(0)
    model = models.build("resunet", 6, HEADS, width=4).to(memory_format=torch.channels_last)
    batch = next(Batches(sample, "train", HEADS, 4, CPU).in_order())
    return model, model(batch.inputs), batch


def objective(weighting):
    of_heads = {"mask": losses.load("dice"), "depth": losses.load("ssim")}
    return JointObjective(of_heads, weighting)


def gradients(model):
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def test_equal_has_the_gradient_of_the_summed_losses(network):
    model, logits, batch = network
    mask = losses.load("dice")(logits["mask"], batch.targets["mask"].values, None).mean()
    depth = losses.load("ssim")(logits["depth"], batch.targets["depth"].values, None).mean()
    trained = list(model.parameters())
    expected = torch.autograd.grad(mask + depth, trained, retain_graph=True)
    values = objective(weightings.build("equal", HEADS, CPU, {})).backward(logits, batch, trained)
    torch.testing.assert_close([parameter.grad for parameter in trained], list(expected))
    torch.testing.assert_close(values, torch.stack([mask + depth, mask, depth]).detach())


def test_gradients_that_are_combined_lie_in_memory_as_the_parameters_do(network):
    """Optimisers go through parameter and gradient side by side, whatever the strides say."""
    model, logits, batch = network
    trained = list(model.parameters())
    objective(Combined(lambda jacobian: jacobian.sum(dim=0))).backward(logits, batch, trained)
    found = gradients(model)
    assert all(parameter.grad.stride() == parameter.stride() for parameter in trained)
    model.zero_grad()
    logits = model(batch.inputs)
    objective(weightings.build("equal", HEADS, CPU, {})).backward(logits, batch, trained)
    torch.testing.assert_close(found, gradients(model), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("pcgard", {}, r"^joint\.options\.a\.weighting: unknown weighting 'pcgard': did you mean 'pcgrad'\?"),
        ("_sum", {}, r"^joint\.options\.a\.weighting: unknown weighting '_sum'"),
        ("fixed", {"msk": 1.0}, r"^joint\.options\.a\.weighting_options\.msk: no such key; did you mean 'mask'\?"),
        ("fixed", {"mask": -1.0}, r"^joint\.options\.a\.weighting_options\.mask: .*greater than or equal to 0"),
        ("cagrad", {"c": 1.0}, r"^joint\.options\.a\.weighting_options\.c: .*less than 1"),
    ],
)
def test_what_is_not_valid_is_one_line(name, options, message):
    with pytest.raises(StudyError, match=message):
        weightings.check(name, options, "joint.options.a")


def test_a_package_that_is_missing_is_one_line(monkeypatch):
    def build(*_arguments, **_options):
        raise ImportError("CAGrad requires cvxpy")

    monkeypatch.setattr(weightings.registry.load("weighting", weightings.PACKAGE, "cagrad"), "build", build)
    with pytest.raises(StudyError, match=r"^joint\.options\.a\.weighting: cagrad needs torchjd .*cvxpy"):
        weightings.check("cagrad", {}, "joint.options.a")
