"""A dataset's own lists of training and test images, used as far as the images exist."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from loss_study.datasets.layouts.listing import Listing
from loss_study.runtime.errors import StudyError


@dataclass(frozen=True)
class OfficialSplit:
    """Sorted names: those that are in a list and exist, and the subset of these that is for the test."""

    listed: tuple[str, ...]
    test: tuple[str, ...]
    notes: tuple[str, ...]


def official_split(train: Sequence[str], test: Sequence[str], existing: Collection[str]) -> OfficialSplit:
    """Compare the names in a dataset's lists with those that are `existing`.

    A name in both lists counts as test, so that no model is tested on an image that it was trained on.

    Raises:
        StudyError: nothing is left of one of the two lists.
    """
    kept_test = sorted(set(test) & set(existing))
    kept_train = sorted((set(train) & set(existing)) - set(test))
    for kind, kept in (("training", kept_train), ("test", kept_test)):
        if not kept:
            raise StudyError(
                f"dataset.path: no image of the {kind} list exists; complete the files, or split them at random with "
                "-S dataset.options.split=random"
            )
    absent = sorted({*train, *test} - set(existing))
    notes = [
        f"The test split is drawn from the dataset's own test list: {len(kept_train)} images are listed for "
        f"training and validation, {len(kept_test)} for the test."
    ]
    notes += _counted(absent, "are in a list, but there is no image with a mask")
    notes += _counted(sorted(set(train) & set(test)), "are in both lists and count as test")
    notes += _counted(sorted(set(existing) - {*train, *test}), "are in no list and were left out")
    return OfficialSplit(tuple(sorted({*kept_train, *kept_test})), tuple(kept_test), tuple(notes))


def read_list(listing: Listing, name: str, words: int = 1) -> list[list[str]]:
    """Return the first `words` words of each line of the list called `name`, in any folder.

    Lines that begin with # are comments.

    Raises:
        StudyError: there is no such list, or a line has fewer words.
    """
    found = [path for path in listing.lists if path.rpartition("/")[2] == name]
    if not found:
        raise StudyError(
            f"{listing.root}: no list {name} in it; add it, or split the images at random with "
            "-S dataset.options.split=random"
        )
    path = listing.root / found[0]
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [line.split()[:words] for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in lines:
        if len(line) < words:
            raise StudyError(f"{path}: the line {line[0]!r} should have {words} words; correct the list")
    return lines


def _counted(names: Sequence[str], what: str) -> list[str]:
    return [f"{len(names)} names {what} (first: {names[0]})."] if names else []
