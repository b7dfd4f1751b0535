"""The files of a folder that belong together, found as a layout says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from loss_study.datasets.layouts import frames
from loss_study.datasets.layouts.layout import Layout
from loss_study.datasets.layouts.listing import Listing
from loss_study.datasets.layouts.pairing import Pairs, pair
from loss_study.datasets.layouts.recognise import layout_of
from loss_study.runtime.errors import StudyError

#: ``own``: the splits of the data's own folders or lists, where it has these.
Split = Literal["own", "random"]


def open_pairs(
    listing: Listing, files: Layout, heads: Sequence[str] | None, split: Split, allow_missing: bool
) -> Pairs:
    """Return the images of `listing` and their files.

    Args:
        heads: the kinds of ground truth that are needed; None: those that there are.
        allow_missing: leave out images without all their files.

    Raises:
        StudyError: no layout that fits, or what `pair` raises.
    """
    if split == "random":
        files = files.model_copy(update={"split_list": None})
    layout = layout_of(listing, files, heads)
    for head in heads or ():
        if not getattr(layout, head):
            raise StudyError(
                f"dataset.heads: {listing.root} has no {head}, as far as dataset.options.files says; describe its "
                f"files there, or take {head} out of the list"
            )
    pairs = pair(listing, layout, allow_missing, own_splits=split == "own")
    return pairs if pairs.objects is not None or pairs.split_of is not None else _with_suggestion(pairs)


def _with_suggestion(pairs: Pairs) -> Pairs:
    """Return `pairs` with a note where the images look like frames of a video."""
    if pairs.images.root.is_dir() and (frames_of_clip := frames.suggestion(pairs.images)):
        note = (
            "The images look like consecutive frames of a video: neighbours in two splits would make the scores too "
            f"good. Keep them together with -S dataset.options.files.frames={frames_of_clip}."
        )
        pairs = replace(pairs, notes=(*pairs.notes, note))
    return pairs
