"""What an open dataset holds: what its files are, what is read of them, whether splits share what looks the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loss_study.config import DatasetConfig, SampleConfig
from loss_study.data.depth_scale import DepthScale, HasDepthScale
from loss_study.data.packed import SPLITS
from loss_study.datasets.base import Dataset, HasFiles
from loss_study.inspection import contact_sheet, files, near_copies, shares
from loss_study.inspection.examples import TEST, TRAIN, Drawn, Seen, choose, draw_items, read
from loss_study.inspection.findings import Findings, Table
from loss_study.runtime.errors import StudyError

#: Images that are read: as many as have so many pixels in their files, within these bounds.
PIXELS, FEWEST, MOST = 150_000_000, 24, 240
#: Images of a dataset that makes them, which takes longer than reading.
MADE = 12
#: Larger masks than this, by median, may be inverted.
LARGE = 0.5
#: Depth with more pixels than this at the end of the scale has probably another unit.
MOST_CLIPPED = 0.5
#: Pairs of near copies that are named.
NAMED = 3


def inspect(dataset: Dataset, config: DatasetConfig, sample: SampleConfig) -> tuple[Findings, bytes | None]:
    """Return what `dataset` holds, and a contact sheet, a PNG; None if no image could be read.

    The images are a spread of those that the study would draw: the same arguments give the same result.
    """
    of_files = dataset.files if isinstance(dataset, HasFiles) else {}
    drawn = draw_items(dataset, sample)
    seen, errors = read(dataset, drawn, _count(dataset), sample.size)
    warnings = [f"the study will refuse this: {refusal}" for refusal in filter(None, (drawn.refusal, *errors[:NAMED]))]
    tables, sentences = [files.table(of_files)] if of_files else [], []
    if "mask" in of_files and "mask" in config.heads:
        tables.append(files.values(of_files["mask"]))
    rows = []
    for look in (_masks, _depths):
        found, said, warned = look(dataset, seen, config)
        rows += found
        sentences += said
        warnings += warned
    tables += [shares.table(rows, len(seen), sample.size), _groups(drawn)]
    if of_files and not drawn.refusal:
        said, warned = _near_copies(dataset, drawn, seen, sample.size)
        sentences += said
        warnings += warned
    shown = contact_sheet.choose(seen, config.classes)
    sheet = contact_sheet.draw(shown, config.classes) if shown else None
    notes = [*dataset.notes, *drawn.notes]
    described = f"{len(shown)} images with what belongs to each: {', '.join(one.item.id for one in shown)}"
    return Findings(" ".join(sentences), warnings, tables, notes, described if shown else ""), sheet


def _count(dataset: Dataset) -> int:
    if not isinstance(dataset, HasFiles):
        return MADE
    return int(np.clip(PIXELS / max(1.0, files.pixels(dataset.files)), FEWEST, MOST))


_Look = tuple[list[tuple[str, ...]], list[str], list[str]]


def _masks(_: Dataset, seen: Sequence[Seen], config: DatasetConfig) -> _Look:
    """Return rows on the masks, sentences and warnings."""
    examples = [one.example for one in seen if one.example.mask is not None]
    if not examples or "mask" not in config.heads:
        return [], [], []
    rows, warnings = [], []
    if config.classes > 1:
        found = shares.class_shares(examples, config.class_names or [str(n) for n in range(config.classes)])
        of_image = [shares.class_shares([one], list(found)) for one in examples]
        rows = [shares.row(f"share of {name}", [one[name] for one in of_image], "{:.1%}") for name in found]
        summary = "Mask: " + ", ".join(f"{share:.1%} {name}" for name, share in found.items()) + "."
        warnings += [f"no pixel is {name}; correct dataset.options" for name, share in found.items() if not share]
    else:
        of_all = [share for one in examples if (share := shares.foreground(one, 1)) is not None]
        median, empty = float(np.median(of_all)), sum(share == 0 for share in of_all)
        rows = [shares.row("share of foreground", of_all, "{:.1%}")]
        summary = f"Mask: {median:.1%} of an image is foreground (median)."
        if empty:
            warnings.append(f"{empty} of {len(of_all)} masks are empty")
        if median > LARGE:
            warnings.append(
                f"{median:.0%} of an image is foreground (median): if that is the background, the masks are inverted, "
                "see docs/data.md"
            )
    return rows + _missing(examples, "mask"), [summary], warnings


def _depths(dataset: Dataset, seen: Sequence[Seen], config: DatasetConfig) -> _Look:
    """Return rows on the depth maps, sentences and warnings."""
    examples = [one.example for one in seen if one.example.depth is not None]
    if not examples or "depth" not in config.heads:
        return [], [], []
    scale: DepthScale | None = dataset.depth_scale if isinstance(dataset, HasDepthScale) else None
    values, gone, warnings = shares.depths(examples, scale), shares.missing(examples, "depth"), []
    if not len(values):
        return _missing(examples, "depth"), [], ["no pixel has depth; correct dataset.options"]
    low, high = np.percentile(values, (5, 95))
    if scale is None:
        rows = [shares.row("depth, share of its range", values, "{:.1%}")]
        said = f"are at {low:.0%} to {high:.0%} of the depth range"
    else:
        rows = [shares.row("depth in m", values, "{:.3g}")]
        said = f"are {low:.3g} to {high:.3g} m away"
        if (beyond := shares.clipped(values, scale)) > 0:
            name = f"pixels at {scale.farthest_m:g} m or beyond"
            of_images = [shares.clipped(shares.depths([one], scale), scale) for one in examples]
            rows.append(shares.row(name, of_images, "{:.1%}"))
        if beyond > MOST_CLIPPED:
            warnings.append(
                f"{beyond:.0%} of the depth readings lie at or beyond {scale.farthest_m:g} m: check "
                "dataset.options.metres_per_unit and far_m"
            )
    if values.min() == values.max():
        warnings.append("all depth is the same; check the depth maps")
    without = f"; {gone:.1%} of all have none" if gone else ""
    return rows + _missing(examples, "depth"), [f"Depth: 90 % of the pixels {said}{without}."], warnings


def _missing(examples: Sequence, head: str) -> list[tuple[str, ...]]:
    if not shares.missing(examples, head):
        return []
    return [shares.row(f"pixels without {head} ground truth", [shares.missing([one], head) for one in examples], "{:.1%}")]


def _groups(drawn: Drawn) -> Table:
    """Return how many images, objects and backgrounds each split has."""
    rows = []
    for split in [name for name in SPLITS if name in drawn.splits] or [""]:
        items = [item for item, of_item in zip(drawn.items, drawn.splits, strict=True) if of_item == split]
        counts = [len({getattr(item, kind) for item in items} - {None}) for kind in ("object", "background")]
        rows.append((split or "all", f"{len(items)}", *(f"{count}" if count else "unknown" for count in counts)))
    return Table("The sample that the study draws", ("split", "images", "objects", "backgrounds"), rows)


def _near_copies(dataset: Dataset, drawn: Drawn, seen: Sequence[Seen], size: int) -> tuple[list[str], list[str]]:
    """Return a sentence and a warning on test images, or their backgrounds, that look like some in training."""
    kind = "background" if dataset.has_background_images else "image"
    if kind == "background":
        split_of = {item.background: split for item, split in zip(drawn.items, drawn.splits, strict=True)}
        names = [name for name in split_of if name is not None]
        chosen = [names[place] for place in choose(names, [split_of[name] for name in names], MOST)]
        pictures = {split: {} for split in (TRAIN, TEST)}
        for name in chosen:
            if split_of[name] in pictures:
                try:
                    pictures[split_of[name]][name] = dataset.background(name, size)
                except StudyError:
                    continue
    else:
        pictures = {
            split: {one.item.id: one.example.image for one in seen if one.split == split} for split in (TRAIN, TEST)
        }
    train, test = pictures[TRAIN], pictures[TEST]
    pairs = near_copies.find(list(test.values()), list(train.values()))
    compared = f"{len(pairs)} of {len(test)} test {kind}s look like one of {len(train)} training {kind}s"
    if not pairs:
        return [f"{compared[0].upper()}{compared[1:]}."], []
    names_of = [(list(test)[one], list(train)[other]) for one, other in pairs[:NAMED]]
    shown = "; ".join(f"{one} and {other}" for one, other in names_of)
    remedy = "name what belongs together as {object} in the patterns of dataset.options.files, see docs/data.md"
    return [f"{compared}."], [f"{compared}, so that scores are too good ({shown}): {remedy}"]
