"""Every loss as a module and as a function, in a program that has torch alone."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys

import pytest
import torch

from loss_study import losses
from loss_study.losses import functional
from loss_study.losses.shared.modules import class_name
from support.loss_examples import class_pair, mask_pair, resolved, soft_pair, values

#: Options that only the training split of a study defines.
GIVEN = {"weighted_bce": {"pos_weight": 9.0}}
CLASSES = {one: name for name in losses.names() for one in dir(losses) if one == class_name(name)}


def test_every_loss_has_a_class():
    assert CLASSES["FocalTversky"] == "focal_tversky" and set(CLASSES.values()) == set(losses.names())


@pytest.mark.parametrize("cls", CLASSES)
def test_module_and_function_are_the_loss(cls):
    name = CLASSES[cls]
    logits, target = soft_pair()
    expected = resolved(name, **GIVEN.get(name, {}))(logits, target)
    module = getattr(losses, cls)(**GIVEN.get(name, {}))
    torch.testing.assert_close(module(logits, target), expected.mean(), rtol=0, atol=0)
    function = getattr(functional, name)
    assert torch.equal(function(logits, target, reduction="none", **GIVEN.get(name, {})), expected)


def test_a_module_prints_its_options_and_can_be_pickled():
    module = pickle.loads(pickle.dumps(losses.Focal(gamma=1.5, reduction="none")))
    assert repr(module) == "Focal(gamma=1.5, class_weights='none')" and module.reduction == "none"
    assert isinstance(module, losses.Focal) and list(module.parameters()) == []


def test_signature_and_docstring_are_those_of_the_file():
    assert str(inspect.signature(losses.Ssim)).startswith("(*, window: int = 11, sigma: float = 1.5, reduction: ")
    assert list(inspect.signature(functional.dice).parameters) == ["logits", "target", "valid", "smooth", "reduction"]
    assert "smooth: s, in pixels" in losses.Dice.__doc__ and "one-hot" in functional.dice.__doc__


def test_targets_of_whole_numbers():
    logits, target = mask_pair()
    for given in (target.bool(), target.to(torch.uint8), target.long()[:, 0], target[:, 0]):
        torch.testing.assert_close(functional.dice(logits, given), values("dice", logits, target).mean())
    logits, target = class_pair()
    found = functional.cross_entropy(logits, target.argmax(dim=1))
    torch.testing.assert_close(found, values("cross_entropy", logits, target).mean())
    with pytest.raises(ValueError, match="the target holds 255, for 1 logits per pixel"):
        functional.dice(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 255, dtype=torch.uint8))
    for classes in (1, 3):
        with pytest.raises(ValueError, match=f"the target holds -100, for {classes} logits per pixel"):
            functional.cross_entropy(torch.zeros(1, classes, 2, 2), torch.full((1, 2, 2), -100))


def test_functions_are_there_without_an_import_of_their_own():
    program = "from loss_study import losses; assert losses.functional.dice"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("valid", [torch.bool, torch.float32])
def test_invalid_pixels_are_left_out(valid):
    logits, target = mask_pair()
    where = torch.zeros_like(target, dtype=valid)
    where[..., 4:] = 1
    found = losses.Dice(reduction="none")(logits, target, where)
    torch.testing.assert_close(found, values("dice", logits[..., 4:], target[..., 4:]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: losses.Dise, AttributeError, "no loss 'Dise': did you mean 'Dice'"),
        (lambda: functional.dise, AttributeError, "no loss 'dise': did you mean 'dice'"),
        (lambda: losses.Dice(smoth=1), TypeError, "Dice: no option 'smoth'; did you mean 'smooth'"),
        (lambda: losses.Dice(smooth=-1), ValueError, "Dice: smooth: .* greater than or equal to 0; got -1"),
        (lambda: losses.Dice(smooth=float("nan")), ValueError, "Dice: smooth: should be finite"),
        (lambda: losses.Dice(smooth="1"), TypeError, "Dice: smooth: should be a float; got '1'"),
        (lambda: losses.Gradient(scales=True), TypeError, "Gradient: scales: should be a int; got True"),
        (lambda: losses.Ssim(window=10), ValueError, "Ssim: window: .*odd"),
        (lambda: losses.Dice(reduction="sum"), ValueError, "Dice: reduction should be mean or none; got 'sum'"),
        (losses.WeightedBce, ValueError, "WeightedBce: pos_weight='auto' takes the training split"),
        (lambda: losses.WeightedBce(pos_weight=0), ValueError, "WeightedBce: pos_weight: .*above 0, or auto; got 0"),
    ],
)
def test_mistakes_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_torch_is_all_that_losses_import():
    """All losses work where nothing can be imported but Python's own packages, torch and what it requires."""
    program = """if True:
        import sys

        allowed = {"torch", "torchgen", "functorch", "triton", "nvidia", "filelock", "typing_extensions", "sympy",
                   "mpmath", "networkx", "jinja2", "markupsafe", "fsspec", "setuptools", "loss_study"}

        class Block:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] not in allowed | sys.stdlib_module_names:
                    raise ModuleNotFoundError(f"{name} is blocked")

        for name in [name for name in sys.modules if name.split(".")[0] not in allowed | sys.stdlib_module_names]:
            if name != "__main__":
                del sys.modules[name]
        sys.meta_path.insert(0, Block())
        import torch
        from loss_study import losses
        from loss_study.losses import functional

        target = torch.zeros(2, 1, 16, 16)
        target[..., 4:9, 3:12] = 1
        for name in dir(losses):
            one = getattr(losses, name)
            if isinstance(one, type) and issubclass(one, torch.nn.Module):
                options = {"pos_weight": 9.0} if name == "WeightedBce" else {}
                logits = torch.randn(2, 1, 16, 16, requires_grad=True)
                one(**options)(logits, target).backward()
                assert logits.grad.any(), name
        assert functional.dice(logits, target, smooth=0.1) > 0
        for blocked in ("numpy", "pydantic"):
            try:
                __import__(blocked)
            except ModuleNotFoundError:
                continue
            raise AssertionError(f"{blocked} is not blocked")
    """
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
