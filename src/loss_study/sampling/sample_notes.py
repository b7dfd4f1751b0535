"""Sentences about the packed sample for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loss_study.datasets.base import Item
from loss_study.sampling.packer import Summary


def on_wrong_backgrounds(items: Sequence[Item], row_of: Mapping[str, int], backgrounds: Sequence[str]) -> list[str]:
    """Say how many images have their own background, if not all of them; `row_of` as in ``sample.wrong_background``."""
    right = {name for row, name in enumerate(backgrounds) if row_of[name] == row}
    if len(right) == len(backgrounds):
        return []
    share = sum(item.background in right for item in items) / len(items)
    return [
        f"The backgrounds are assigned in a shuffled order, on purpose: {share:.1%} of the images have their own one."
    ]


def on_invalid_pixels(summaries: Sequence[Summary], heads: Sequence[str], size: int) -> list[str]:
    """Say which share of the pixels has no ground truth, for each of `heads`."""
    pixels = size**2 * len(summaries)
    shares = {head: 1 - sum(one.pixels[head] for one in summaries) / pixels for head in heads}
    return [
        f"{share:.1%} of the pixels have no {head} ground truth: losses and metrics leave them out."
        for head, share in shares.items()
    ]


def on_identical_images(items: Sequence[Item], split_of: Sequence[str], summaries: Sequence[Summary]) -> list[str]:
    """Say how many images have the same pixels as one of another split; `split_of` is that of each, or its part."""
    first: dict[bytes, int] = {}
    twins = []
    for row, one in enumerate(summaries):
        other = first.setdefault(one.digest, row)
        if split_of[other] != split_of[row]:
            twins.append((other, row))
    if not twins:
        return []
    other, row = twins[0]
    return [
        f"Leakage: {len(twins)} images are identical with one of another split, pixel by pixel, so that the scores are "
        f"too good (first: {items[row].id} in {split_of[row]} and {items[other].id} in {split_of[other]})."
    ]


def on_size(size: int) -> str:
    """Say at which size predictions are judged: that of the packed images, not of the files."""
    return f"Metrics are computed at {size} x {size} pixels."
