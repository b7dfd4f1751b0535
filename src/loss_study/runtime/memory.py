"""Memory of freed tensors, kept for the next ones."""

from __future__ import annotations

import ctypes
import sys

#: Parameters of glibc's mallopt, and a size, in bytes, that few tensors have.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _LARGE = -1, -3, 2**30


def keep_freed_memory() -> None:
    """Let this process keep the memory of freed tensors for the next ones, instead of giving it back to the system.

    Pages that the system hands out anew have to be cleared first, which adds two thirds to the time of a batch and a
    tenth to a fifth to that of a training step (``benchmarks/memory.py``). Only with glibc; elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, -1)  # never
