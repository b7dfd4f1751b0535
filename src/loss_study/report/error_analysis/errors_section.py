"""What the section "Errors" shows of one head, and what its three kinds share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.report.charts import CurveChart
from loss_study.report.error_analysis.evidence import Evidence, mean
from loss_study.report.error_analysis.loss_table import Table


@dataclass(frozen=True)
class ErrorsSection:
    """Sentences, charts and the table on where predictions are wrong."""

    sentences: list[str]
    charts: list[CurveChart]
    table: Table


def region_sum(known: Evidence, regions: Sequence[str], counts: Sequence[str]) -> float | None:
    """Return the sum of `counts` over `regions`, mean over the sound trials; None where one is missing."""
    values = [mean(known.sound, "errors", "regions", region, count) for region in regions for count in counts]
    found = [value for value in values if value is not None]
    return sum(found) if len(found) == len(values) else None


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return `part` / `whole`; None where one is missing or `whole` is 0."""
    return part / whole if part is not None and whole else None
