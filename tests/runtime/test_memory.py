"""Memory of freed tensors is kept for the next ones."""

import platform
import subprocess
import sys

import pytest

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


@pytest.mark.long
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it speaks to glibc alone")
def test_memory_that_is_kept_costs_no_new_pages():
    """A tensor of 100 MB is 24,414 pages of 4 KiB, each of which is a fault when it is first written to."""
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], stdout=subprocess.PIPE, text=True, check=True).stdout)
        for how in ("keep", "")
    )
    assert kept < 1000 and given_back > 10 * kept
