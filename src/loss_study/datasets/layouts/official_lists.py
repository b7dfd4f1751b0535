"""A data set's own lists of training and test pictures, honoured as far as the pictures are there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from loss_study.datasets.layouts.listing import Listing
from loss_study.runtime.errors import StudyError


@dataclass(frozen=True)
class OfficialSplit:
    """Names, sorted: those that a list has and that are there, and those of them that are for the test."""

    listed: tuple[str, ...]
    test: tuple[str, ...]
    notes: tuple[str, ...]


def official_split(train: Sequence[str], test: Sequence[str], there: Collection[str]) -> OfficialSplit:
    """Compare the names in a data set's lists with those that are `there`.

    A name in both lists counts as test, so that nothing that a model was trained on is in its test.

    Raises:
        StudyError: nothing is left of one of the two lists.
    """
    kept_test = sorted(set(test) & set(there))
    kept_train = sorted((set(train) & set(there)) - set(test))
    for kind, kept in (("training", kept_train), ("test", kept_test)):
        if not kept:
            raise StudyError(
                f"dataset.path: not one picture of the {kind} list is there; complete the files, or split them anew "
                "with -S dataset.options.split=random"
            )
    absent = sorted({*train, *test} - set(there))
    notes = [
        f"The test split is drawn from the data set's own test list: {len(kept_train)} pictures are listed for "
        f"training and validation, {len(kept_test)} for the test."
    ]
    notes += _counted(absent, "stand in a list, but have no picture with a mask")
    notes += _counted(sorted(set(train) & set(test)), "stand in both lists and count as test")
    notes += _counted(sorted(set(there) - {*train, *test}), "stand in no list and were passed over")
    return OfficialSplit(tuple(sorted({*kept_train, *kept_test})), tuple(kept_test), tuple(notes))


def read_list(listing: Listing, name: str, words: int = 1) -> list[list[str]]:
    """Return the first `words` words of each line of the list called `name`, wherever it lies.

    Lines that begin with # are notes.

    Raises:
        StudyError: there is no such list, or a line has fewer words.
    """
    found = [path for path in listing.lists if path.rpartition("/")[2] == name]
    if not found:
        raise StudyError(
            f"{listing.root}: no list {name} there; add it, or split the pictures anew with "
            "-S dataset.options.split=random"
        )
    path = listing.root / found[0]
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [line.split()[:words] for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in lines:
        if len(line) < words:
            raise StudyError(f"{path}: the line {line[0]!r} should have {words} words; mend the list")
    return lines


def _counted(names: Sequence[str], what: str) -> list[str]:
    return [f"{len(names)} names {what} (first: {names[0]})."] if names else []
