"""Training, validation and test splits: they share no background and no object, or are split by order.

Splits of the dataset's own are used as they are, even if they share something. With folds, parts that share none: each
is the test split once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from loss_study.data.packed import SPLITS
from loss_study.datasets.base import Dataset, HasSplits, HasTestList, Item, MakesNew, NamesGroups, NamesObjects
from loss_study.runtime.errors import StudyError

BY_ORDER = (
    "The split is by the order of a listing: the same backgrounds and objects are in training, validation and test, so "
    "that the scores are too good."
)
BY_IMAGE = (
    "Neither backgrounds nor objects are known by name: the splits share no image, but the same background or object "
    "may be in more than one of them, so that the scores may be too good."
)

BY_NAME = "No name is in two splits, but a copy or a mirror image under another name may be, and the scores too good."

Splits = dict[str, list[Item]]
#: Identities of each split; None where the dataset does not know them.
Groups = dict[str, Sequence[str] | None]


@dataclass(frozen=True)
class Identities:
    """The backgrounds and objects that the items of each split are drawn from."""

    backgrounds: Groups
    objects: Groups


def draw_splits(
    dataset: Dataset,
    images: int,
    validation: float,
    test: float,
    seed: int,
    split: str = "disjoint",
    at_least: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Splits, list[str]]:
    """Draw `images` items at random and split them; return them with sentences about the split for the report.

    Backgrounds and objects are dealt to the splits in the splits' shares, and each split draws among the items of its
    own ones. If these are too few, there are fewer images, in the same proportions. Where one kind of identity is
    unknown, the other one decides; where both are, the splits share no image, but perhaps a background or an object.
    Where the dataset has a test list, its objects are for the test and the others are dealt. Splits of its own are used
    as they are; with two of them, the training split is dealt to training and validation, and the other is the test.

    A dataset that `MakesNew` makes validation and test images instead of drawing them. They depend on `seed` and their
    number alone, and a larger number adds to the test images. Training images never depend on `at_least`.

    Args:
        validation: share of the images, in (0, 1), as is `test`; the rest is for training.
        split: "disjoint", or "order" for the original study's split by position in a file listing, which is random as
            far as backgrounds and objects are concerned: these are in several splits.
        at_least: images of validation or test, if its share of `images` is less and the dataset has them.

    Raises:
        StudyError: fewer than three backgrounds or objects, or no image left for a split.
    """
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    rng = np.random.default_rng(seed)
    disjoint = split == "disjoint" and not (dataset.backgrounds is None and dataset.objects is None)
    if split == "disjoint" and isinstance(dataset, HasSplits) and dataset.own_splits is not None:
        return _own_splits(dataset, images, shares, at_least, rng)
    if disjoint:
        splits, identities = _split_by_identity(dataset, images, shares, rng)
    else:
        splits = _split_by_image(dataset, images, shares, rng)
        identities = Identities(dict.fromkeys(SPLITS, dataset.backgrounds), dict.fromkeys(SPLITS, dataset.objects))
    got = sum(map(len, splits.values()))
    counts = {name: max(len(splits[name]), at_least.get(name, 0)) for name in SPLITS}
    endless = dataset if disjoint and isinstance(dataset, MakesNew) else None
    added = np.random.default_rng([seed, 1])
    if endless is not None:
        _make_new(endless, splits, counts, added)
    else:
        _add(dataset, splits, counts, identities, added)
    _check_filled(splits)
    notes = _describe(dataset, splits) if disjoint else [BY_ORDER if split == "order" else BY_IMAGE]
    if endless is not None:
        notes.append("Every validation and test image has an object and a background of its own.")
    if got < images:
        notes.append(f"{images} images were requested; {got} could be drawn in the proportions of the splits.")
    return splits, notes


def _own_splits(
    dataset: HasSplits, images: int, shares: Mapping[str, float], at_least: Mapping[str, int], rng: np.random.Generator
) -> tuple[Splits, list[str]]:
    """Draw from the dataset's own splits, in the proportions of `shares` as far as they have so many images."""
    assert dataset.own_splits is not None
    wanted = image_counts(images, shares)
    counts = {split: max(wanted[split], at_least.get(split, 0)) for split in SPLITS}
    parts = {split: dataset.of_split(split) for split in dataset.own_splits}
    notes = []
    if len(parts) == len(SPLITS):
        splits = {split: _everything_of(parts[split], counts[split], rng) for split in SPLITS}
    else:
        tested = next(split for split in parts if split != "train")
        splits = _halves(parts["train"], counts, shares, rng)
        splits["test"] = _everything_of(parts[tested], counts["test"], rng)
        notes.append(f"The data's own {tested} split is the test; validation images are taken from its training split.")
    _check_filled(splits)
    return splits, [*notes, *_describe_own(dataset, splits)]


def _halves(part: Dataset, counts: Mapping[str, int], shares: Mapping[str, float], rng: np.random.Generator) -> Splits:
    """Split the images for training into those for training and for validation, which share no identity."""
    two = {split: shares[split] for split in ("train", "validation")}
    if part.backgrounds is None and part.objects is None:
        items = _everything_of(part, counts["train"] + counts["validation"], rng)
        first = min(counts["validation"], round(len(items) * two["validation"] / sum(two.values())))
        order = [items[place] for place in rng.permutation(len(items))]
        return {"train": order[first:], "validation": order[:first]}
    backgrounds, objects = _deal("backgrounds", part.backgrounds, two, rng), _deal("objects", part.objects, two, rng)
    return {split: part.draw(backgrounds[split], objects[split], counts[split], rng) for split in two}


def _everything_of(part: Dataset, count: int, rng: np.random.Generator) -> list[Item]:
    return part.draw(part.backgrounds, part.objects, count, rng)


def _describe_own(dataset: Dataset, splits: Splits) -> list[str]:
    """Say which objects and backgrounds are in more than one split of the dataset's own."""
    notes = []
    for kind, known in (("background", dataset.backgrounds), ("object", dataset.objects)):
        found = [{getattr(item, kind) for item in splits[split]} for split in SPLITS]
        name = _name(kind, dataset)
        if known is None:
            notes.append(_unknown(name))
            continue
        shared = sorted(one for one in set.union(*found) if sum(one in some for some in found) > 1)
        if shared:
            notes.append(
                f"Leakage: {len(shared)} of {len(set.union(*found))} {name}s are in more than one of the data's own "
                f"splits (first: {shared[0]}), so that the scores are too good; -S dataset.options.split=random splits "
                "anew."
            )
        else:
            notes.append(f"The data's own splits share no {name}.")
    return notes


def _check_filled(splits: Splits) -> None:
    for name, items in splits.items():
        if not items:
            raise StudyError(
                f"sample: no image is left for the split {name!r}; add images, raise sample.images, or change "
                "sample.validation, sample.test or sample.seed"
            )


def draw_folds(dataset: Dataset, images: int, folds: int, seed: int) -> tuple[list[list[Item]], list[str]]:
    """Draw `images` items at random in as many parts as `folds`; return them with sentences for the report.

    Backgrounds and objects are dealt to the parts, and each part draws among the items of its own ones: an item whose
    background and object are in different parts is in none. Where one kind of identity is unknown, the other one
    decides; where both are, the parts share no image, but perhaps a background or an object.

    Raises:
        StudyError: fewer backgrounds or objects than folds, a part without an image, or a dataset with a test list.
    """
    own = isinstance(dataset, HasSplits) and dataset.own_splits is not None
    if own or (isinstance(dataset, HasTestList) and dataset.test_objects is not None):
        raise StudyError(
            f"sample.folds: the dataset's own {'splits are' if own else 'test list is'} in use; say -S sample.folds=1, "
            "or -S dataset.options.split=random"
        )
    rng = np.random.default_rng(seed)
    known = {"background": dataset.backgrounds, "object": dataset.objects}
    if dataset.backgrounds is None and dataset.objects is None:
        items = dataset.draw(None, None, images, rng)
        parts = [[items[place] for place in part] for part in np.array_split(rng.permutation(len(items)), folds)]
        notes = [f"{folds} folds: every image is tested once. {BY_IMAGE}"]
    else:
        backgrounds, objects = (_deal_evenly(f"{kind}s", names, folds, rng) for kind, names in known.items())
        parts = [
            dataset.draw(backgrounds[part], objects[part], images // folds + (part < images % folds), rng)
            for part in range(folds)
        ]
        notes = [_describe_folds(kind, parts, dataset) for kind, names in known.items() if names is not None]
        notes += [_unknown(_name(kind, dataset)) for kind, names in known.items() if names is None]
    if not all(parts):
        raise StudyError(f"sample: no image is left for one of {folds} folds; add images, or lower sample.folds")
    got = sum(map(len, parts))
    if got < images:
        notes.append(f"{images} images were requested; {got} have an object and a background of one fold.")
    return parts, notes


def _deal_evenly(kind: str, names: Sequence[str] | None, folds: int, rng: np.random.Generator) -> list[Any]:
    """Deal `names` to equal parts at random; None for each where they are unknown."""
    if names is None:
        return [None] * folds
    if len(names) < folds:
        raise StudyError(f"sample.folds: {len(names)} {kind} for {folds} folds; add {kind}, or lower sample.folds")
    return [[names[place] for place in sorted(part)] for part in np.array_split(rng.permutation(len(names)), folds)]


def _describe_folds(kind: str, parts: Sequence[Sequence[Item]], dataset: Dataset) -> str:
    """Say how many backgrounds or objects are tested, each in one fold."""
    count = len({getattr(item, kind) for items in parts for item in items})
    by_name = kind == "object" and isinstance(dataset, NamesObjects) and dataset.objects_by_name
    return (
        f"{len(parts)} folds: each of {count} {_name(kind, dataset)}s is tested in one, and in training or validation "
        "in the others." + (f" {BY_NAME}" if by_name else "")
    )


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
) -> tuple[Splits, Identities]:
    counts = image_counts(images, shares)
    drawn = [_draw(dataset, counts, shares, rng)]
    if drawn[0][0] < 1 and dataset.backgrounds is not None and dataset.objects is not None:
        # A finite dataset loses every item whose background and object are dealt to different splits. A split keeps the
        # product of its two shares: with the square roots as shares the splits are in proportion and lose least.
        drawn.append(_draw(dataset, counts, {split: share**0.5 for split, share in shares.items()}, rng))
    found, splits, identities = max(drawn, key=lambda attempt: attempt[0])
    if found < 1:
        splits = {split: _some(items, max(1, round(counts[split] * found)), rng) for split, items in splits.items()}
    return splits, identities


def _draw(
    dataset: Dataset, counts: Mapping[str, int], weights: Mapping[str, float], rng: np.random.Generator
) -> tuple[float, Splits, Identities]:
    """Deal the identities by `weights` and draw; the first value is the share of `counts` that every split reaches."""
    backgrounds = _deal("backgrounds", dataset.backgrounds, weights, rng)
    listed = dataset.test_objects if isinstance(dataset, HasTestList) else None
    objects = _deal("objects", dataset.objects, weights, rng, listed)
    splits = {split: dataset.draw(backgrounds[split], objects[split], counts[split], rng) for split in SPLITS}
    found = min(len(splits[split]) / counts[split] for split in SPLITS if counts[split])
    return found, splits, Identities(backgrounds, objects)


def _make_new(dataset: MakesNew, splits: Splits, counts: Mapping[str, int], rng: np.random.Generator) -> None:
    """Replace the items of validation and test by `counts` new ones."""
    items = dataset.make_new(counts["test"] + counts["validation"], rng)
    splits["test"], splits["validation"] = items[: counts["test"]], items[counts["test"] :]


def _add(
    dataset: Dataset, splits: Splits, counts: Mapping[str, int], identities: Identities, rng: np.random.Generator
) -> None:
    """Add items of their identities to the splits, up to `counts` where there are so many."""
    used = {item.id for items in splits.values() for item in items}
    for split, items in splits.items():
        missing = counts[split] - len(items)
        if missing:
            backgrounds, objects = identities.backgrounds[split], identities.objects[split]
            candidates = dataset.draw(backgrounds, objects, len(used) + missing, rng)
            splits[split] = [*items, *_some([item for item in candidates if item.id not in used], missing, rng)]
            used |= {item.id for item in splits[split]}


def _deal(
    kind: str,
    names: Sequence[str] | None,
    weights: Mapping[str, float],
    rng: np.random.Generator,
    test: Sequence[str] | None = None,
) -> Groups:
    """Deal `names` to the splits at random by `weights`, at least one to each; `test` is dealt already."""
    if names is None:
        return dict.fromkeys(SPLITS)
    dealt = list(weights) if test is None else ["train", "validation"]
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
    groups: Groups = {split: [free[number] for number in sorted(parts[split])] for split in dealt}
    if test is not None:
        groups["test"] = sorted(test)
    return groups


def _describe(dataset: Dataset, splits: Splits) -> list[str]:
    """Say of backgrounds and objects whether the splits share one, and how many each split has."""
    notes = []
    for kind, known in (("background", dataset.backgrounds), ("object", dataset.objects)):
        train, validation, test = (len({getattr(item, kind) for item in splits[split]}) for split in SPLITS)
        if known is None:
            notes.append(_unknown(kind))
            continue
        found = f"{train} are for training, {validation} for validation, {test} for the test"
        if kind == "object" and isinstance(dataset, NamesObjects) and dataset.objects_by_name:
            name = _name(kind, dataset)
            notes.append(f"{name.capitalize()}s are told apart by the names of their files: {found}. {BY_NAME}")
        else:
            notes.append(f"The splits share no {_name(kind, dataset)}s: {found}.")
    return notes


def _name(kind: str, dataset: Dataset) -> str:
    """Return what the dataset calls its objects; backgrounds are backgrounds."""
    return dataset.group if kind == "object" and isinstance(dataset, NamesGroups) else kind


def _unknown(kind: str) -> str:
    return (
        f"The {kind}s are not known by name: the same one may be in more than one split, so that the scores may be too "
        "good."
    )


def _some(items: Sequence[Item], count: int, rng: np.random.Generator) -> list[Item]:
    return [items[number] for number in sorted(rng.permutation(len(items))[:count])]
