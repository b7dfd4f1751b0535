"""The stages of an encoder that somebody else wrote."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

#: Height and width that every encoder takes; only shapes are computed, no values.
_SIDE = 224


def stages_of(encoder: nn.Module, in_channels: int) -> list[nn.ModuleList]:
    """Return the modules of `encoder` by the first of its maps that depends on them, from the input to the bottleneck.

    Every parameter is in exactly one stage; those on which no map depends are in the last one.

    Args:
        encoder: returns a list of maps, the largest first, or a tuple of such lists.
    """
    stage_of = _first_maps(encoder, in_channels)
    stages: dict[int, list[nn.Module]] = {}
    _collect(encoder, stage_of, stages)
    return [nn.ModuleList(stages[stage]) for stage in sorted(stages)]


def _first_maps(encoder: nn.Module, in_channels: int) -> dict[nn.Parameter, int]:
    """The number of the first map in whose computation each parameter takes part."""
    probe = copy.deepcopy(encoder).to("meta").eval().requires_grad_(True)
    with torch.enable_grad():
        maps = probe(torch.empty(1, in_channels, _SIDE, _SIDE, device="meta"))
    maps = maps[0] if isinstance(maps, tuple) else maps
    parameters = list(probe.parameters())
    firsts = [len(maps) - 1] * len(parameters)
    for number in reversed(range(len(maps))):
        for place, takes_part in enumerate(_take_part(maps[number], parameters)):
            if takes_part:
                firsts[place] = number
    return dict(zip(encoder.parameters(), firsts, strict=True))


def _take_part(output: Tensor, parameters: list[nn.Parameter]) -> list[bool]:
    if not output.requires_grad:
        return [False] * len(parameters)
    gradients = torch.autograd.grad(output.sum(), parameters, retain_graph=True, allow_unused=True)
    return [gradient is not None for gradient in gradients]


def _collect(module: nn.Module, stage_of: dict[nn.Parameter, int], stages: dict[int, list[nn.Module]]) -> None:
    """Put `module` into its stage, or what it consists of where that belongs to several."""
    numbers = {stage_of[parameter] for parameter in module.parameters()}
    if len(numbers) == 1:
        stages.setdefault(numbers.pop(), []).append(module)
    elif numbers:
        for parameter in module.parameters(recurse=False):
            stages.setdefault(stage_of[parameter], []).append(nn.ParameterList([parameter]))
        for child in module.children():
            _collect(child, stage_of, stages)
