"""Training, validation and test splits: they share no background and no object, or are split by order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from loss_study.data.packed import SPLITS
from loss_study.datasets.base import Dataset, HasTestList, Item
from loss_study.runtime.errors import StudyError

Splits = dict[str, list[Item]]
#: Identities of each split; None where the dataset does not know them.
Groups = Mapping[str, Sequence[str] | None]


def draw_splits(
    dataset: Dataset, images: int, validation: float, test: float, seed: int, split: str = "disjoint"
) -> tuple[Splits, list[str]]:
    """Draw `images` items at random and split them; return them with sentences about the split for the report.

    Backgrounds and objects are dealt to the splits in the splits' shares, and each split draws among the items of its
    own ones. If these are too few, there are fewer images, in the same proportions. Where one kind of identity is
    unknown, the other one decides; where both are, the splits share no image, but perhaps a background or an object.
    Where the dataset has a test list, its objects are for the test and the others are dealt.

    Args:
        validation: share of the images, in (0, 1), as is `test`; the rest is for training.
        split: "disjoint", or "order" for the original study's split by position in a file listing, which is random as
            far as backgrounds and objects are concerned: these are in several splits.

    Raises:
        StudyError: fewer than three backgrounds or objects, or no image left for a split.
    """
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    rng = np.random.default_rng(seed)
    if split == "order":
        splits = _split_by_image(dataset, images, shares, rng)
        notes = [
            "The split is by the order of a listing: the same backgrounds and objects are in training, validation and "
            "test, so that the scores are too good."
        ]
    elif dataset.backgrounds is None and dataset.objects is None:
        splits = _split_by_image(dataset, images, shares, rng)
        notes = [
            "Neither backgrounds nor objects are known by name: the splits share no image, but the same background or "
            "object may be in more than one of them, so that the scores may be too good."
        ]
    else:
        splits, notes = _split_by_identity(dataset, images, shares, rng)
    got = sum(map(len, splits.values()))
    for name, items in splits.items():
        if not items:
            raise StudyError(
                f"sample: no image is left for the split {name!r}; add images, raise sample.images, or change "
                "sample.validation, sample.test or sample.seed"
            )
    if got < images:
        notes.append(f"{images} images were requested; {got} could be drawn in the proportions of the splits.")
    return splits, notes


def image_counts(images: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Return the number of images of each split: rounded shares for validation and test, the rest for training."""
    validation, test = round(shares["validation"] * images), round(shares["test"] * images)
    return {"train": images - validation - test, "validation": validation, "test": test}


def _split_by_image(dataset: Dataset, images: int, shares: Mapping[str, float], rng: np.random.Generator) -> Splits:
    items = dataset.draw(dataset.backgrounds, dataset.objects, images, rng)
    order = iter(rng.permutation(len(items)))
    counts = image_counts(len(items), shares)
    return {split: [items[next(order)] for _ in range(counts[split])] for split in SPLITS}


def _split_by_identity(
    dataset: Dataset, images: int, shares: Mapping[str, float], rng: np.random.Generator
) -> tuple[Splits, list[str]]:
    counts = image_counts(images, shares)
    drawn = [_draw(dataset, counts, shares, rng)]
    if drawn[0][0] < 1 and dataset.backgrounds is not None and dataset.objects is not None:
        # A finite dataset loses every item whose background and object are dealt to different splits. A split keeps the
        # product of its two shares: with the square roots as shares the splits are in proportion and lose least.
        drawn.append(_draw(dataset, counts, {split: share**0.5 for split, share in shares.items()}, rng))
    found, splits, notes = max(drawn, key=lambda attempt: attempt[0])
    if found < 1:
        splits = {split: _some(items, max(1, round(counts[split] * found)), rng) for split, items in splits.items()}
    return splits, notes


def _draw(
    dataset: Dataset, counts: Mapping[str, int], weights: Mapping[str, float], rng: np.random.Generator
) -> tuple[float, Splits, list[str]]:
    """Deal the identities by `weights` and draw; the first value is the share of `counts` that every split reaches."""
    backgrounds = _deal("backgrounds", dataset.backgrounds, weights, rng)
    listed = dataset.test_objects if isinstance(dataset, HasTestList) else None
    objects = _deal("objects", dataset.objects, weights, rng, listed)
    splits = {split: dataset.draw(backgrounds[split], objects[split], counts[split], rng) for split in SPLITS}
    found = min(len(splits[split]) / counts[split] for split in SPLITS if counts[split])
    return found, splits, [_describe("backgrounds", backgrounds), _describe("objects", objects)]


def _deal(
    kind: str,
    names: Sequence[str] | None,
    weights: Mapping[str, float],
    rng: np.random.Generator,
    test: Sequence[str] | None = None,
) -> dict[str, Sequence[str] | None]:
    """Deal `names` to the splits at random by `weights`, at least one to each; `test` is dealt already."""
    if names is None:
        return dict.fromkeys(SPLITS)
    dealt = SPLITS if test is None else ("train", "validation")
    listed = frozenset(test or ())
    free = [name for name in names if name not in listed]
    if len(free) < len(dealt):
        raise StudyError(
            f"dataset: {len(free)} {kind}, but {', '.join(dealt)} share none and need one each; add {kind} until there "
            f"are at least {len(dealt)}"
        )
    total = sum(weights[split] for split in dealt)
    sizes = {split: max(1, round(len(free) * weights[split] / total)) for split in dealt if split != "train"}
    while sum(sizes.values()) >= len(free):
        sizes[max(sizes, key=sizes.__getitem__)] -= 1
    first, second = sizes["validation"], sum(sizes.values())
    order = rng.permutation(len(free))
    parts = {"train": order[second:], "validation": order[:first], "test": order[first:second]}
    groups: dict[str, Sequence[str] | None]
    groups = {split: [free[number] for number in sorted(parts[split])] for split in dealt}
    if test is not None:
        groups["test"] = sorted(test)
    return groups


def _describe(kind: str, groups: Groups) -> str:
    if groups["train"] is None:
        return (
            f"The {kind} are not known by name: the same one may be in more than one split, so that the scores may be "
            "too good."
        )
    train, validation, test = (len(groups[split] or ()) for split in SPLITS)
    return f"The splits share no {kind}: {train} are for training, {validation} for validation, {test} for the test."


def _some(items: Sequence[Item], count: int, rng: np.random.Generator) -> list[Item]:
    return [items[number] for number in sorted(rng.permutation(len(items))[:count])]
