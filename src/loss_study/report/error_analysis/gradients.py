"""Where the gradient of a loss is and how large it is, before and after training."""

from __future__ import annotations

from collections.abc import Sequence

from loss_study.report.error_analysis import responses
from loss_study.report.error_analysis.evidence import Evidence, contrasted, extremes, mean
from loss_study.report.error_analysis.loss_table import Column, Table, loss_table, percent, span
from loss_study.statistics.sentences import listed

#: Optimisers that divide the gradient by its own size.
SCALE_FREE = ("adam", "adamw")
#: By head, the region of interest and its name; with several classes there is no foreground.
PLACES = {
    "mask": {"foreground": "the foreground", "outline": "the outlines between classes"},
    "depth": {"edges": "the depth edges"},
}


def table(evidence: Sequence[Evidence], head: str, classes: int = 1) -> Table:
    """Return where the gradient is and how large it is, at the start and at the end of training."""
    reference = "bce" if classes == 1 else "cross entropy"
    places = {"mask": ("foreground", "outline"), "depth": ("foreground", "edges")}[head]
    columns = [
        Column(
            f"{place.capitalize()}, {moment}",
            f"Share of the gradient's magnitude on the {place}, {when}",
            percent,
            tuple(share(known, moment, place) for known in evidence),
        )
        for place in places
        for moment, when in (
            ("start", "with the initial weights"),
            ("end", "with the weights of the epoch that is kept"),
        )
    ]
    columns += [
        Column(
            f"Size, {moment}",
            f"Norm of an image's gradient by the logits, relative to that of {reference} at the same logits",
            "{:.3g}".format,
            tuple(relative_norm(known, moment) for known in evidence),
        )
        for moment in ("start", "end")
    ]
    return loss_table("Gradients", evidence, columns)


def share(known: Evidence, moment: str, place: str) -> float | None:
    """Return the share of the gradient in the region `place` at "start" or "end"."""
    return mean(known.evaluated, "gradients", moment, "share", place)


def relative_norm(known: Evidence, moment: str) -> float | None:
    """Return the size of the gradient relative to that of bce or cross entropy, at "start" or "end"."""
    return mean(known.evaluated, "gradients", moment, "relative_norm")


def sentences(evidence: Sequence[Evidence], head: str, optimizer: str, classes: int = 1) -> list[str]:
    """Return where the gradient is, how large it is, and to which prediction it leads."""
    reference = "bce" if classes == 1 else "cross entropy"
    return [
        *_whereabouts(evidence, head),
        *_sizes(evidence, optimizer, reference),
        *(responses.sentences(evidence) if head == "depth" else []),
        *_collapses(evidence, head, reference),
    ]


def _whereabouts(evidence: Sequence[Evidence], head: str) -> list[str]:
    place, words = place_of(evidence, head)
    start = extremes(evidence, lambda known: share(known, "start", place), percent)
    end = extremes(evidence, lambda known: share(known, "end", place), percent)
    if not start or not end:
        return []
    pixels = next(mean(known.evaluated, "gradients", "start", "pixels", place) for known in evidence if known.evaluated)
    assert pixels is not None
    return [
        f"Of the gradient, {span(start)} is on {words} ({percent(pixels)} of the pixels) before training, and "
        f"{span(end)} after it."
    ]


def place_of(evidence: Sequence[Evidence], head: str) -> tuple[str, str]:
    """Return the first region of `PLACES` that was measured, and its name."""
    places = PLACES[head]
    there = [name for name in places if any(share(known, "start", name) is not None for known in evidence)]
    name = there[0] if there else next(iter(places))
    return name, places[name]


def _sizes(evidence: Sequence[Evidence], optimizer: str, reference: str) -> list[str]:
    found = contrasted(evidence, lambda known: relative_norm(known, "start"), "{:.2g}".format)
    if not found:
        return []
    (low, least), (high, most) = found
    sentence = (
        f"Before training the gradients are {least:.2g} ({low}) to {most:.2g} ({high}) times as large as those of "
        f"{reference}"
    )
    if len({result.run.get("lr") for known in evidence for result in known.results}) > 1:
        return [f"{sentence}; each loss has its own learning rate, which compensates for that."]
    if optimizer in SCALE_FREE:
        return [f"{sentence}; {optimizer} is insensitive to a constant factor, so this alone should matter little."]
    return [f"{sentence}; with {optimizer} and one learning rate, this acts like different learning rates."]


def _collapses(evidence: Sequence[Evidence], head: str, reference: str) -> list[str]:
    place, words = place_of(evidence, head)
    found = []
    for known in evidence:
        for kind in dict.fromkeys(result.failure.split(":")[0] for result, _ in known.failed):
            of_kind = [pair for pair in known.failed if pair[0].failure.startswith(kind)]
            analyses = [analysis for _, analysis in of_kind]
            size = mean(analyses, "gradients", "end", "relative_norm")
            on_place = mean(analyses, "gradients", "end", "share", place)
            where = f", {percent(on_place)} of it on {words}" if on_place is not None else ""
            if size is not None:
                found.append(
                    f"{listed([result.trial.name for result, _ in of_kind])} {kind}: at the end the gradient is "
                    f"{size:.2g} times as large as that of {reference} would be{where}."
                )
    return found
