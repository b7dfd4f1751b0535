"""The page ``index.html``: one file with the whole study in it. It loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from loss_study.config import Config, flat
from loss_study.data.packed import PackedSample
from loss_study.report import colouring
from loss_study.report.charts import Axis, CurveChart
from loss_study.report.colouring import Legend
from loss_study.report.error_analysis.analysis import analyse
from loss_study.report.palette import colours
from loss_study.report.panels import Panel
from loss_study.report.sections import provenance
from loss_study.report.sections.answer import answer
from loss_study.report.sections.conclusions import conclusions
from loss_study.report.sections.curves import curve_charts
from loss_study.report.sections.learning_rates import searches
from loss_study.report.sections.losses import losses_of
from loss_study.report.sections.metrics import MetricTables, metric_tables
from loss_study.report.sections.ranking import axis
from loss_study.statistics.looks import SIGNIFICANCE
from loss_study.statistics.ranking import Ranking, headlines
from loss_study.statistics.results import Result

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class HeadContent:
    """What the page shows of one head in the sections that every head has."""

    ranking: Ranking
    answer: list[str]
    axis: Axis
    metrics: MetricTables
    charts: list[CurveChart]
    panels: list[Panel]
    legend: Legend


def render(
    config: Config,
    results: Sequence[Result],
    rankings: Sequence[Ranking],
    images: Sequence[Panel],
    sample: PackedSample,
) -> str:
    """Return the page's HTML. The same arguments give the same bytes, and all text from outside is escaped.

    Args:
        config: of the study.
        results: of all its trials.
        rankings: of all heads and metrics.
        images: the panels of the section "Images".
        sample: the packed sample.
    """
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    of_heads = headlines(rankings)
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            config=config,
            results=results,
            heads=[_content(ranking, images, sample) for ranking in of_heads],
            conclusions=conclusions(rankings),
            significance=SIGNIFICANCE,
            analyses=[found for ranking in of_heads if (found := analyse(ranking, config, sample))],
            failures=[result for result in results if not result.sound],
            colours=colours(config.losses),
            losses=losses_of(config),
            error_range=colouring.ERROR_RANGE,
            scales={name: colouring.scale(name) for name in (colouring.DEPTH_COLOURS, colouring.ERROR_COLOURS)},
            stripes=colouring.stripes(),
            wrong=colouring.WRONG,
            searches=searches(config),
            provenance=provenance.describe(config, results, sample, provenance.origin()),
            style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704
            script=Markup(script),  # noqa: S704
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def environment() -> Environment:
    """Return the environment of the templates: everything is escaped, and an undefined name is an error."""
    templates = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    templates.trim_blocks = templates.lstrip_blocks = True
    templates.filters |= {"data_uri": _data_uri, "flat": flat}
    return templates


def _content(ranking: Ranking, images: Sequence[Panel], sample: PackedSample) -> HeadContent:
    return HeadContent(
        ranking,
        answer(ranking),
        axis(ranking),
        metric_tables(ranking),
        curve_charts(ranking),
        [panel for panel in images if panel.head == ranking.head],
        Legend.of(sample, ranking.head),
    )


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
