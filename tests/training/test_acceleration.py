import platform
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from loss_study.models._parts.upsampling import upsample_twice


def reference(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 5, 7, 2), (3, 1, 14, 28)])
def test_enlarges_as_torch_does(shape):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(upsample_twice(x), reference(x), rtol=0, atol=1e-12)


def test_a_ramp_stays_a_ramp():
    x = torch.tensor([0.0, 3.0]).repeat(2, 1)[None, None]
    assert upsample_twice(x)[0, 0, 2].tolist() == pytest.approx([0.0, 1.0, 2.0, 3.0])


def test_gradient_agrees_and_memory_stays_channels_last():
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(2, 4, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    ours = upsample_twice(x)
    (gradient,) = torch.autograd.grad((ours * weight).sum(), x)
    (expected,) = torch.autograd.grad((reference(x) * weight).sum(), x)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-12)
    assert ours.is_contiguous(memory_format=torch.channels_last)


def test_bfloat16_stays_bfloat16_within_its_rounding():
    x = torch.rand(1, 2, 8, 8, generator=torch.Generator().manual_seed(3))
    ours = upsample_twice(x.bfloat16())
    assert ours.dtype is torch.bfloat16
    torch.testing.assert_close(ours.float(), reference(x), rtol=0, atol=3 * 2**-8)


FAULTS = """
import resource, sys, torch
from loss_study.runtime.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for round in range(20):
    if round == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(25_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it speaks to glibc alone")
def test_memory_that_is_kept_costs_no_new_pages():
    """A tensor of 100 MB is 24,414 pages of 4 KiB, each of which is a fault when it is first written to."""
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], stdout=subprocess.PIPE, text=True, check=True).stdout)
        for how in ("keep", "")
    )
    assert kept < 1000 and given_back > 10 * kept
