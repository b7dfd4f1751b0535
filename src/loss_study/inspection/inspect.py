"""What an open dataset holds: what its files are, what is read of them, whether splits share what looks the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.config import DatasetConfig, SampleConfig
from loss_study.data.depth_scale import HasDepthScale
from loss_study.data.packed import SPLITS
from loss_study.datasets.base import Dataset, Example, HasFiles, Paths
from loss_study.inspection import contact_sheet, files, near_copies, shares
from loss_study.inspection.examples import TEST, TRAIN, Drawn, Seen, choose, draw_items, read
from loss_study.inspection.findings import Findings, Table

#: Images that are read: as many as have so many pixels in their files, within these bounds.
PIXELS, FEWEST, MOST = 150_000_000, 24, 240
#: Images of a dataset that makes them, which takes longer than reading.
MADE = 12
#: Masks may be inverted that mark so much more of the images' border than of their middle.
INVERTED = 0.1
#: Depth with more pixels than this at the end of the scale has probably another unit.
MOST_CLIPPED = 0.5
#: Pairs of near copies that are named.
NAMED = 3


@dataclass(frozen=True)
class _Look:
    """What was found in one respect: rows of the table of shares, a sentence of the summary, warnings."""

    rows: Sequence[Sequence[str]] = ()
    summary: str = ""
    warnings: Sequence[str] = ()


def inspect(dataset: Dataset, config: DatasetConfig, sample: SampleConfig) -> tuple[Findings, bytes | None]:
    """Return what `dataset` holds, and a contact sheet, a PNG; None if no image could be read.

    The images are a spread of those that the study would draw: the same arguments give the same result.
    """
    of_files = dataset.files if isinstance(dataset, HasFiles) else {}
    drawn = draw_items(dataset, sample)
    seen, errors = read(dataset, drawn, _count(of_files), sample.size)
    examples = [one.example for one in seen]
    looks = [_masks(examples, config), _depths(examples, config, dataset)]
    if of_files and not drawn.refusal:
        looks.append(_copies(dataset, drawn, seen, sample.size, by_pattern="files" in config.options))
    tables = [files.table(of_files)] if of_files else []
    if "mask" in of_files and "mask" in config.heads:
        tables.append(files.values(of_files["mask"]))
    if rows := [row for look in looks for row in look.rows]:
        tables.append(shares.table(rows, len(seen), sample.size))
    shown = contact_sheet.choose(seen, config.classes)
    found = Findings(
        summary=" ".join(look.summary for look in looks if look.summary),
        warnings=[*_refusals(drawn, errors), *(warning for look in looks for warning in look.warnings)],
        tables=[*tables, _splits(drawn, getattr(dataset, "group", "object"))],
        notes=[*dataset.notes, *drawn.notes],
        sheet=", ".join(one.item.id for one in shown),
    )
    return found, contact_sheet.draw(shown, config.classes) if shown else None


def _count(of_files: Mapping[str, Paths]) -> int:
    """Return the number of images to read."""
    return int(np.clip(PIXELS / max(1.0, files.pixels(of_files)), FEWEST, MOST)) if of_files else MADE


def _refusals(drawn: Drawn, errors: Sequence[str]) -> list[str]:
    """Return why the study will stop, as warnings."""
    more = [f"{len(errors) - NAMED} more images cannot be read"] if len(errors) > NAMED else []
    return [f"the study will stop here: {one}" for one in (drawn.refusal, *errors[:NAMED]) if one] + more


def _masks(examples: Sequence[Example], config: DatasetConfig) -> _Look:
    examples = [one for one in examples if one.mask is not None and "mask" in config.heads]
    if not examples:
        return _Look()
    if config.classes > 1:
        return _classes(examples, config.class_names or [str(number) for number in range(config.classes)])
    of_all = [share for one in examples if (share := shares.foreground(one, 1)) is not None]
    if not of_all:
        return _Look(_missing(examples, "mask"), "", ["no pixel of the masks is valid; correct dataset.options"])
    median, empty, warnings = float(np.median(of_all)), sum(share == 0 for share in of_all), []
    if empty:
        warnings.append(f"{empty} of {len(of_all)} masks are empty")
    border, middle = np.mean([shares.border_and_middle(one.mask) for one in examples if one.mask is not None], axis=0)
    if border > middle + INVERTED:
        warnings.append(
            f"the masks mark more of the images' border ({border:.0%}) than of their middle ({middle:.0%}): if that is "
            "the background, they are inverted, see docs/data.md"
        )
    rows = [shares.row("share of foreground", of_all, "{:.1%}"), *_missing(examples, "mask")]
    return _Look(rows, f"Mask: {median:.1%} of an image is foreground (median).", warnings)


def _classes(examples: Sequence[Example], names: Sequence[str]) -> _Look:
    found = shares.class_shares(examples, names)
    of_images = [shares.class_shares([one], names) for one in examples]
    rows = [shares.row(f"share of {name}", [one[name] for one in of_images], "{:.1%}") for name in names]
    summary = f"Mask: {', '.join(f'{share:.1%} {name}' for name, share in found.items())}."
    absent = [f"no pixel of {len(examples)} images is {name}" for name, share in found.items() if not share]
    return _Look([*rows, *_missing(examples, "mask")], summary, absent)


def _depths(examples: Sequence[Example], config: DatasetConfig, dataset: Dataset) -> _Look:
    examples = [one for one in examples if one.depth is not None and "depth" in config.heads]
    if not examples:
        return _Look()
    scale = dataset.depth_scale if isinstance(dataset, HasDepthScale) else None
    values, missing = shares.depths(examples, scale), _missing(examples, "depth")
    if not len(values):
        return _Look(missing, "", ["no pixel has depth; correct dataset.options"])
    low, high = np.percentile(values, (5, 95))
    warnings = ["all depth is the same; check the depth maps"] if values.min() == values.max() else []
    if scale is None:
        rows = [shares.row("depth, share of its range", values, "{:.1%}")]
        summary = f"Depth: 90 % of the pixels are at {low:.0%} to {high:.0%} of the depth range."
    else:
        beyond = [shares.clipped(shares.depths([one], scale), scale) for one in examples]
        far = f"{scale.farthest_m:g} m or beyond"
        rows = [shares.row("depth in m", values, "{:.3g}"), shares.row(f"pixels at {far}", beyond, "{:.1%}")]
        summary = f"Depth: 90 % of the pixels are {low:.3g} to {high:.3g} m away."
        if (share := shares.clipped(values, scale)) > MOST_CLIPPED:
            keys = "dataset.options.metres_per_unit and dataset.options.far_m"
            warnings.append(f"{share:.0%} of the depth readings lie at {far}: check {keys}")
    if missing:
        summary += f" {shares.missing(examples, 'depth'):.1%} of all pixels have no depth."
    return _Look([*rows, *missing], summary, warnings)


def _missing(examples: Sequence[Example], head: str) -> list[tuple[str, ...]]:
    """Return a row on the pixels without ground truth, if there are any."""
    of_images = [shares.missing([one], head) for one in examples]
    return [shares.row(f"pixels without {head} ground truth", of_images, "{:.1%}")] if any(of_images) else []


def _splits(drawn: Drawn, group: str) -> Table:
    """Return how many images, objects and backgrounds each split has; `group` is what an object is called."""
    rows = []
    for split in [name for name in SPLITS if name in drawn.splits] or [""]:
        items = [item for item, of_item in zip(drawn.items, drawn.splits, strict=True) if of_item == split]
        counts = [len({getattr(item, kind) for item in items} - {None}) for kind in ("object", "background")]
        rows.append((split or "all", f"{len(items):,}", *(f"{count:,}" if count else "unknown" for count in counts)))
    return Table("The sample that the study draws", ("split", "images", f"{group}s", "backgrounds"), rows)


def _copies(dataset: Dataset, drawn: Drawn, seen: Sequence[Seen], size: int, *, by_pattern: bool) -> _Look:
    """Return whether test images look like training images; of composites, whether their backgrounds do.

    `by_pattern`: patterns of the files' names can say what belongs together.
    """
    if dataset.has_background_images:
        kind, images = "background", _backgrounds(dataset, drawn, size)
    else:
        kind, images = "image", [(one.item.id, one.split, one.example.image) for one in seen]
    test, train = ([one for one in images if one[1] == split] for split in (TEST, TRAIN))
    pairs = near_copies.find([one[2] for one in test], [one[2] for one in train])
    found = f"{len(pairs)} of {len(test)} test {kind}s looked at are nearly the same as one of {len(train)} in training"
    if not pairs:
        return _Look(summary=f"{found}.")
    named = "; ".join(f"{test[one][0]} and {train[other][0]}" for one, other in pairs[:NAMED])
    remedy = "remove copies"
    if by_pattern:
        remedy += ", or say what belongs together in dataset.options.files, see docs/data.md"
    return _Look((), f"{found}.", [f"{found} ({named}), so that scores are too good: {remedy}"])


def _backgrounds(dataset: Dataset, drawn: Drawn, size: int) -> list[tuple[str, str, np.ndarray]]:
    """Return name, split and image of some of the backgrounds."""
    split_of = {one.background: split for one, split in zip(drawn.items, drawn.splits, strict=True) if one.background}
    names = list(split_of)
    chosen = [names[place] for place in choose(names, list(split_of.values()), MOST)]
    return [(name, split_of[name], dataset.background(name, size)) for name in chosen]
