"""Weightings that combine the gradients of the losses, not the losses.

Only the parameters that all losses share, those of the encoder, have gradients to combine: what belongs to one head has
that of its loss alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn


class Combined:
    """The gradients of the losses with respect to the shared parameters, combined by `aggregate`.

    `aggregate` takes them as a matrix (losses, parameters) to one gradient (parameters,): an aggregator of torchjd.
    """

    parameters: Sequence[nn.Parameter] = ()
    of_sum = False

    def __init__(self, aggregate: Callable[[Tensor], Tensor]) -> None:
        self._aggregate = aggregate

    def backward(self, losses: Mapping[str, Tensor], trained: Sequence[nn.Parameter]) -> None:
        """Set the gradients: combined ones where every loss has one, else that of the loss that has one."""
        rows = [torch.autograd.grad(loss, trained, retain_graph=True, allow_unused=True) for loss in losses.values()]
        shared: list[tuple[nn.Parameter, list[Tensor]]] = []
        for parameter, *of_losses in zip(trained, *rows, strict=True):
            known = [gradient for gradient in of_losses if gradient is not None]
            if len(known) == len(losses):
                shared.append((parameter, known))
            elif known:
                _set(parameter, torch.stack(known).sum(dim=0))
        if shared:
            self._combine(shared)

    def weights(self) -> dict[str, float]:
        """Return nothing: no weight is learnt."""
        return {}

    def _combine(self, shared: Sequence[tuple[nn.Parameter, list[Tensor]]]) -> None:
        of_losses = zip(*(gradients for _, gradients in shared), strict=True)
        jacobian = torch.stack([torch.cat([one.reshape(-1) for one in gradients]) for gradients in of_losses])
        # A loss that has diverged makes the sum, and with it the training, infinite; solvers would fail on it.
        finite = bool(jacobian.isfinite().all())
        combined = self._aggregate(jacobian) if finite else jacobian.sum(dim=0)
        for (parameter, _), part in zip(shared, combined.split([p.numel() for p, _ in shared]), strict=True):
            _set(parameter, part)


def _set(parameter: nn.Parameter, gradient: Tensor) -> None:
    """Set the gradient, in the memory format of the parameter: optimisers go through both side by side."""
    parameter.grad = torch.empty_like(parameter).copy_(gradient.view_as(parameter))
