"""Losses and models tried on two images of the study's size, before anything is trained with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from loss_study import models
from loss_study.losses import Loss, TargetStatistics
from loss_study.models.imported import Imported
from loss_study.runtime.errors import StudyError, in_one_line

IMAGES = 2
#: Channels of an image, and of an image with its background.
CHANNELS = (3, 6)


def try_loss(loss: Loss, head: str, classes: int, size: int) -> None:
    """Call `loss` as a training does, on made-up logits and ground truth of `head`.

    Args:
        loss: with its options; those that depend on the training split are resolved with made-up shares.
        classes: of the mask.
        size: of the images, in pixels.

    Raises:
        StudyError: it fails, returns something else than one finite value per image, or gives no finite gradient. The
            message names it, or the class that its options import.
    """
    count = classes if head == "mask" else 1
    title, key = _title(loss), f"loss_options.{loss.name}"
    target = _ground_truth(head, count, size)
    logits = torch.sin(torch.arange(float(target.numel()))).view(target.shape).requires_grad_()
    shares = (0.8, 0.2) if count == 1 else (1 / count,) * count
    resolved = loss.resolve(TargetStatistics(0.2, shares, count))
    if head == "depth" and resolved.options.get("_ground_truth_", "shares") != "shares":
        raise StudyError(f"{key}: {title} takes classes, which a depth map has not; choose loss.heads=[mask]")
    try:
        values = resolved(logits, target)
    except StudyError:
        raise
    except Exception as error:
        # Whatever somebody's loss raises.
        raise StudyError(
            f"{key}: {title} fails on logits of shape {tuple(logits.shape)}: {in_one_line(error)}"
        ) from None
    if values.shape != (IMAGES,):
        raise StudyError(f"{key}: {title} gives values of shape {tuple(values.shape)}, not one for each of 2 images")
    if not values.isfinite().all():
        raise StudyError(f"{key}: {title} is {values.tolist()} on two ordinary images; it must be finite")
    if not values.requires_grad:
        raise StudyError(f"{key}: {title} gives no gradient: compute it with torch from the logits, without detach()")
    (gradient,) = torch.autograd.grad(values.sum(), logits)
    if not gradient.isfinite().all() or not gradient.any():
        problem = "0 everywhere" if gradient.isfinite().all() else "not finite"
        raise StudyError(f"{key}: the gradient of {title} is {problem} on two ordinary images")


def _title(loss: Loss) -> str:
    return str(loss.options.get("_target_", loss.name))


def _ground_truth(head: str, count: int, size: int) -> Tensor:
    """Return a disc, soft at its edge, or a ramp of depth; of several classes stripes, one-hot; (2, count, H, W)."""
    line = (torch.arange(size) + 0.5) / size
    if head == "depth":
        return torch.stack([line.expand(1, size, size), line.flip(0).expand(1, size, size)]) * 0.8 + 0.1
    if count > 1:
        numbers = (line * count).long().expand(IMAGES, size, size)
        return F.one_hot(numbers, count).movedim(3, 1).float()
    distance = torch.hypot(line[:, None] - 0.45, line[None] - 0.55)
    return torch.stack([((radius - distance) * size + 0.5).clamp(0, 1)[None] for radius in (0.2, 0.3)])


def try_model(name: str, options: dict[str, Any], heads: Sequence[str], classes: int, size: int) -> None:
    """Build a model by import path and show it two images, with and without backgrounds.

    Raises:
        StudyError: it fails on both kinds of images, or its logits have another shape, are not finite, or give no
            gradient; the message names its class.
    """
    problems = []
    for channels in CHANNELS:
        model = models.build(name, channels, heads, classes=classes, **options)
        assert isinstance(model, Imported)
        try:
            logits = model(torch.rand(IMAGES, channels, size, size, generator=torch.Generator().manual_seed(0)))
        except StudyError:
            raise
        except Exception as error:
            # Whatever somebody's model raises.
            problems.append(f"on images of {channels} channels and {size} px: {in_one_line(error)}")
            continue
        _check_logits(model, logits)
        return
    raise StudyError(f"model.options: {options['_target_']} fails {problems[0]}")


def _check_logits(model: Imported, logits: dict[str, Tensor]) -> None:
    for head, of_head in logits.items():
        if not of_head.isfinite().all():
            raise StudyError(f"model.options: {model.title} gives logits of the {head} that are not finite")
        if not of_head.requires_grad:
            raise StudyError(f"model.options: the logits of {model.title} have no gradient; do not detach them")
