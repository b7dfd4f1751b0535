"""The functional optimisers against torch's classes."""

import subprocess
import sys

import pytest
import torch

from loss_study.runtime.errors import StudyError
from loss_study.training import optimizers

REFERENCES = [
    ("sgd", {"momentum": 0.9, "weight_decay": 0.01}, torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.01}),
    ("sgd", {"momentum": 0.0}, torch.optim.SGD, {}),
    ("adam", {"weight_decay": 0.1}, torch.optim.Adam, {"weight_decay": 0.1}),
    ("adamw", {"beta1": 0.8, "weight_decay": 0.1}, torch.optim.AdamW, {"betas": (0.8, 0.999), "weight_decay": 0.1}),
]


def problem():
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(4, 3))
    unused = torch.nn.Parameter(torch.ones(2))
    inputs, targets = torch.randn(20, 3), torch.randn(20, 4)
    return weight, unused, lambda: (inputs @ weight.T - targets).square().mean()


@pytest.mark.parametrize(("name", "options", "torch_class", "torch_options"), REFERENCES)
def test_agrees_with_torch(name, options, torch_class, torch_options):
    ours, _, our_loss = problem()
    theirs, _, their_loss = problem()
    optimizer = optimizers.build(name, [ours], **options)
    reference = torch_class([theirs], lr=0.1, **torch_options)
    for step in range(10):
        for group in reference.param_groups:
            group["lr"] = 0.1 / (step + 1)
        ours.grad = theirs.grad = None
        our_loss().backward()
        their_loss().backward()
        optimizer.step(0.1 / (step + 1))
        reference.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", optimizers.names())
def test_state_continues_to_the_last_digit(name):
    weight, unused, loss = problem()
    optimizer = optimizers.build(name, [weight, unused])
    copies = None
    for step in range(6):
        if step == 3:
            copies = weight.detach().clone(), {k: [t.clone() for t in v] for k, v in optimizer.state().items()}
        weight.grad = None
        loss().backward()
        optimizer.step(0.05)
    end = weight.detach().clone()

    weight.data, state = copies
    resumed = optimizers.build(name, [weight, unused])
    resumed.load(state)
    for _ in range(3):
        weight.grad = None
        loss().backward()
        resumed.step(0.05)
    assert torch.equal(weight, end)


def test_does_not_import_dynamo():
    code = (
        "import sys, torch; from loss_study.training import optimizers;"
        "w = torch.nn.Parameter(torch.ones(2)); w.sum().backward();"
        "[optimizers.build(n, [w]).step(0.1) for n in optimizers.names()]; print('torch._dynamo' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"


def test_unknown_name_and_option():
    with pytest.raises(StudyError, match="unknown optimizer 'sdg': did you mean 'sgd'"):
        optimizers.check("sdg", {})
    with pytest.raises(StudyError, match=r"recipe.optimizer.options.momentum: .*less than 1; got 1.5"):
        optimizers.check("sgd", {"momentum": 1.5})
