"""Where masks of one class are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from loss_study.report.error_analysis import calibration, object_sizes, thresholds
from loss_study.report.error_analysis.errors_section import ErrorsSection, ratio, region_sum
from loss_study.report.error_analysis.evidence import Evidence, contrasted, extremes
from loss_study.report.error_analysis.loss_table import (
    Column,
    Table,
    each,
    fine_percent,
    loss_table,
    percent,
    span,
)


def section(evidence: Sequence[Evidence]) -> ErrorsSection:
    """Return the section of a head."""
    charts = [*object_sizes.charts(evidence), *thresholds.charts(evidence), *calibration.charts(evidence)]
    return ErrorsSection(sentences(evidence), charts, table(evidence))


def sentences(evidence: Sequence[Evidence]) -> list[str]:
    """Return which objects, pixels and thresholds the errors depend on."""
    return [
        *object_sizes.sentences(evidence),
        *_outlines(evidence),
        *_bias(evidence),
        *thresholds.sentences(evidence),
        *calibration.sentences(evidence),
    ]


def table(evidence: Sequence[Evidence]) -> Table:
    """Return the share of wrong pixels, their kind and place, the best threshold and the calibration."""
    columns = [
        Column("Wrong", "Share of all pixels", fine_percent, each(evidence, wrong_share)),
        Column(
            "False positives", "Share of the wrong pixels that are false positives", percent, each(evidence, excess)
        ),
        *(
            Column(
                heading,
                f"Share of the wrong pixels {meaning}",
                percent,
                each(evidence, partial(wrong_in, region=name)),
            )
            for name, heading, meaning in (
                ("outline", "At the outline", "in the band on both sides of the outline"),
                ("interior", "Inside", "in the rest of the object"),
                ("background", "Outside", "in the rest of the background"),
            )
        ),
        Column("Best threshold", "Of the validation split", "{:.2f}".format, each(evidence, thresholds.best_threshold)),
        Column(
            "IoU gained",
            "On the test split, compared with a threshold of 0.5",
            "{:+.3f}".format,
            each(evidence, thresholds.threshold_gain),
        ),
        calibration.column(evidence),
    ]
    return loss_table("Kinds of errors", evidence, columns)


def _outlines(evidence: Sequence[Evidence]) -> list[str]:
    found = extremes(evidence, lambda known: wrong_in(known, "outline"), percent)
    band = extremes(evidence, outline_pixels, percent)
    if not found or not band:
        return []
    return [f"Of the wrong pixels {span(found)} are at the outline, which is {percent(band[0][1])} of all pixels."]


def _bias(evidence: Sequence[Evidence]) -> list[str]:
    found = contrasted(evidence, excess, percent)
    if not found:
        return []
    (low, least), (high, most) = found
    return [
        f"False positives at 0.5 are {percent(least)} ({low}) to {percent(most)} ({high}) of the wrong pixels, the "
        "rest are false negatives."
    ]


def wrong_share(known: Evidence) -> float | None:
    """Return the share of all test pixels that are classified wrongly at 0.5."""
    pixels = region_sum(known, ("interior", "outline", "background"), ("pixels",))
    return ratio(_wrong(known, "interior", "outline", "background"), pixels)


def excess(known: Evidence) -> float | None:
    """Return the share of the wrong pixels that are false positives."""
    everywhere = ("interior", "outline", "background")
    return ratio(region_sum(known, everywhere, ("false_positives",)), _wrong(known, *everywhere))


def wrong_in(known: Evidence, region: str) -> float | None:
    """Return the share of the wrong pixels in `region`."""
    return ratio(_wrong(known, region), _wrong(known, "interior", "outline", "background"))


def outline_pixels(known: Evidence) -> float | None:
    """Return the share of all pixels at the outline."""
    everything = region_sum(known, ("interior", "outline", "background"), ("pixels",))
    return ratio(region_sum(known, ("outline",), ("pixels",)), everything)


def _wrong(known: Evidence, *regions: str) -> float | None:
    return region_sum(known, regions, ("false_positives", "false_negatives"))
