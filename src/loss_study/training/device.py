"""Where arithmetic runs, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from loss_study.runtime.errors import StudyError
from loss_study.runtime.memory import keep_freed_memory


def pick() -> torch.device:
    """Return the first GPU, else Apple's, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def use_cpu(threads: int) -> None:
    """Let this process compute with that many CPU threads; 0 leaves torch's choice, all cores.

    The order of summation, and with it the last digits of a result, depends on their number.
    """
    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)


def pick_precision(wanted: str, device: torch.device) -> str:
    """Return ``"bfloat16"`` or ``"float32"``.

    `wanted` "auto" means bfloat16 where the device has instructions for it. A CPU without them emulates it, slowly.

    Raises:
        StudyError: bfloat16 is wanted on a GPU that does not have it.
    """
    if wanted == "auto":
        return "bfloat16" if _has_bfloat16(device) else "float32"
    if wanted == "bfloat16" and device.type != "cpu" and not _has_bfloat16(device):
        raise StudyError(f"recipe.precision: this {device.type} device has no bfloat16; set it to float32 or auto")
    return wanted


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Private in torch, and the only one to ask; where it is gone, float32 is right, if slow.
    asked = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return device.type == "cpu" and asked is not None and asked()


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Return the context in which a model's forward runs."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()
