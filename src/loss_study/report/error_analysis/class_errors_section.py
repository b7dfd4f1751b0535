"""Where masks of several classes are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from loss_study.metrics.iou import of_class
from loss_study.report.error_analysis import calibration
from loss_study.report.error_analysis.errors_section import ErrorsSection, ratio, region_sum
from loss_study.report.error_analysis.evidence import Evidence, extremes, mean_of
from loss_study.report.error_analysis.loss_table import (
    Column,
    Table,
    each,
    fine_percent,
    loss_table,
    percent,
    span,
)
from loss_study.statistics.sentences import listed

SHOW = "{:.3f}".format


def section(evidence: Sequence[Evidence], class_names: Sequence[str]) -> ErrorsSection:
    """Return the section of a head."""
    charts = calibration.charts(evidence, len(class_names))
    return ErrorsSection(sentences(evidence, class_names), charts, table(evidence, class_names))


def sentences(evidence: Sequence[Evidence], class_names: Sequence[str]) -> list[str]:
    """Return which classes are hard, which are confused, and how many errors are at outlines."""
    return [
        *_hardest_class(evidence, class_names),
        *_confusions(evidence, [name.replace("_", " ") for name in class_names]),
        *_outlines(evidence),
        *calibration.sentences(evidence, len(class_names)),
    ]


def table(evidence: Sequence[Evidence], class_names: Sequence[str]) -> Table:
    """Return the share of wrong pixels, where they are, the recall of each class, and the calibration."""
    columns = [
        Column("Wrong", "Share of all pixels whose class is wrong", fine_percent, each(evidence, misclassified)),
        Column(
            "At the outline",
            "Share of the wrong pixels in the band on both sides of the outlines between classes",
            percent,
            each(evidence, misclassified_at_outline),
        ),
        *(
            Column(
                f"{name.replace('_', ' ').capitalize()} found",
                f"Share of the pixels of {name.replace('_', ' ')} that are predicted as such",
                percent,
                each(evidence, partial(recall, number=k)),
            )
            for k, name in enumerate(class_names)
        ),
        calibration.column(evidence),
    ]
    return loss_table("Kinds of errors", evidence, columns)


def _hardest_class(evidence: Sequence[Evidence], class_names: Sequence[str]) -> list[str]:
    """The hardest class of each loss, of those in the test split; those whose IoU looks the same are named together."""
    hardest: dict[tuple[str, ...], list[str]] = {}
    for known in evidence:
        means = {name.replace("_", " "): _mean_iou(known, number, name) for number, name in enumerate(class_names)}
        present = {name: value for name, value in means.items() if value is not None}
        if present:
            worst, best = SHOW(min(present.values())), max(present, key=present.__getitem__)
            names = tuple(name for name, value in present.items() if SHOW(value) == worst)
            if best not in names:
                text = f"{known.loss} (IoU {worst}; {best} {SHOW(present[best])})"
                hardest.setdefault(names, []).append(text)
    return [
        f"The hardest {'class is' if len(names) == 1 else 'classes are'} {listed(names)} for {listed(losses)}."
        for names, losses in hardest.items()
    ]


def _confusions(evidence: Sequence[Evidence], names: Sequence[str]) -> list[str]:
    """The most frequent confusion of each loss; losses that share it are named together."""
    mistakes: dict[tuple[str, str], list[str]] = {}
    for known in evidence:
        pixels = confusion(known)
        if pixels is not None:
            wrong = pixels - np.diag(np.diag(pixels))
            if wrong.any():
                true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
                text = f"{percent(wrong.max() / wrong.sum())} of the wrong pixels with {known.loss}"
                mistakes.setdefault((names[true], names[predicted]), []).append(text)
    return [
        f"Most often {true} is predicted as {predicted}: {listed(losses)}."
        for (true, predicted), losses in mistakes.items()
    ]


def _outlines(evidence: Sequence[Evidence]) -> list[str]:
    found, band = (extremes(evidence, number, percent) for number in (misclassified_at_outline, outline_share))
    if not found or not band:
        return []
    share = percent(band[0][1])
    return [f"Of the wrong pixels {span(found)} are at the outlines between classes, which are {share} of all pixels."]


def confusion(known: Evidence) -> np.ndarray | None:
    """Return the pixels by true class (rows) and predicted class (columns), over all sound trials; None without any."""
    counts = [analysis["errors"]["confusion"] for analysis in known.sound]
    return np.sum(counts, axis=0) if counts else None


def misclassified(known: Evidence) -> float | None:
    """Return the share of all test pixels whose class is wrong."""
    pixels = confusion(known)
    return None if pixels is None else float(1 - np.trace(pixels) / pixels.sum())


def misclassified_at_outline(known: Evidence) -> float | None:
    """Return the share of the wrong pixels at the outlines."""
    return ratio(region_sum(known, ("outline",), ("wrong",)), region_sum(known, ("outline", "elsewhere"), ("wrong",)))


def outline_share(known: Evidence) -> float | None:
    """Return the share of all pixels at the outlines between classes."""
    return ratio(region_sum(known, ("outline",), ("pixels",)), region_sum(known, ("outline", "elsewhere"), ("pixels",)))


def recall(known: Evidence, number: int) -> float | None:
    """Return the share of the pixels of class `number` that are predicted as such; None where there are none."""
    pixels = confusion(known)
    return None if pixels is None else ratio(float(pixels[number, number]), float(pixels[number].sum()))


def _mean_iou(known: Evidence, number: int, class_name: str) -> float | None:
    """Return the IoU of a class; None where the test split has none, whose IoU is 0 if it is predicted somewhere."""
    iou = of_class(class_name).name
    return None if recall(known, number) is None else mean_of([result.test.get(iou) for result in known.results])
