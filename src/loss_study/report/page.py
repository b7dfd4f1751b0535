"""The page ``index.html``: one file with the whole study in it. It loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from loss_study.config import Config, flat
from loss_study.data.packed import PackedSample
from loss_study.report import colouring
from loss_study.report.charts import CurveChart
from loss_study.report.colouring import Legend
from loss_study.report.error_analysis.analysis import Analysis, analyse
from loss_study.report.interval_charts import IntervalChart
from loss_study.report.palette import colours
from loss_study.report.panels import Panel
from loss_study.report.sections import (
    curves,
    data,
    joint,
    learning_rates,
    losses,
    metrics,
    pairs,
    provenance,
    scale_evidence,
)
from loss_study.report.sections.answer import Answer, answer
from loss_study.report.sections.study import study_facts
from loss_study.statistics.looks import SIGNIFICANCE
from loss_study.statistics.race import Entry
from loss_study.statistics.ranking import Ranking, headlines
from loss_study.statistics.results import Result
from loss_study.training.parabola import LEAST_CURVE, TRUST

_FOLDER = Path(__file__).parent


#: The files beside the page that it links to.
TABLES = ("answer.csv", "rounds.csv", "compare.csv", "pairs.csv", "curves.csv")


@dataclass(frozen=True)
class HeadContent:
    """What the page shows of one head in the sections that every head has.

    Attributes:
        ranking: on the headline metric.
        compared_on: the rankings on all metrics that have intervals, the headline first.
        means: a chart for each of them.
    """

    ranking: Ranking
    compared_on: list[Ranking]
    answer: Answer
    means: list[IntervalChart]
    metrics: metrics.MetricTables
    charts: list[CurveChart]
    panels: list[Panel]
    legend: Legend


def render(
    config: Config,
    results: Sequence[Result],
    rankings: Sequence[Ranking],
    history: Sequence[Entry],
    images: Sequence[Panel],
    sample: PackedSample,
) -> str:
    """Return the page's HTML. The same arguments give the same bytes, and all text from outside is escaped.

    Args:
        config: of the study.
        results: of all trials that a round asked for.
        rankings: of all heads and metrics.
        history: of all heads.
        images: the panels of the section "Images".
        sample: the packed sample.
    """
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    of_heads = headlines(rankings)
    analyses = [found for ranking in of_heads if (found := analyse(ranking, config, sample))]
    searches = learning_rates.searches(config)
    origin = provenance.origin()
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            config=config,
            results=results,
            heads=[_content(ranking, rankings, history, images, sample, config) for ranking in of_heads],
            data=data.found(),
            study=study_facts(config, results, of_heads, sample, searches),
            findings={
                "pairs": pairs.finding(rankings),
                "curves": curves.finding(of_heads),
                "learning_rates": learning_rates.finding(config, searches),
                "metrics": metrics.finding(rankings),
                "errors": _first(analyses, lambda analysis: analysis.errors.sentences),
                "gradients": _first(analyses, lambda analysis: analysis.gradient_sentences),
                "losses": losses.finding(config),
                "provenance": provenance.finding(results, origin),
            },
            of_networks=all(ranking.of_networks for ranking in of_heads),
            tables=TABLES,
            significance=SIGNIFICANCE,
            analyses=analyses,
            joint=joint.content(of_heads, config),
            colours=colours(config.candidates),
            losses=losses.losses_of(config),
            error_range=colouring.ERROR_RANGE,
            scales={name: colouring.scale(name) for name in (colouring.DEPTH_COLOURS, colouring.ERROR_COLOURS)},
            stripes=colouring.stripes(),
            wrong=colouring.WRONG,
            searches=searches,
            trust=TRUST,
            least_cost=LEAST_CURVE * math.log(5) ** 2,
            provenance=provenance.describe(config, results, sample, origin),
            style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704
            script=Markup(script),  # noqa: S704
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


@cache
def environment() -> Environment:
    """Return the environment of the templates: everything is escaped, and an undefined name is an error."""
    templates = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    templates.trim_blocks = templates.lstrip_blocks = True
    templates.filters |= {"data_uri": _data_uri, "flat": flat}
    return templates


def _content(
    ranking: Ranking,
    rankings: Sequence[Ranking],
    history: Sequence[Entry],
    images: Sequence[Panel],
    sample: PackedSample,
    config: Config,
) -> HeadContent:
    evidence = scale_evidence.sentence(config, ranking.head, ranking.metric)
    compared_on = [one for one in rankings if one.head == ranking.head and one.has_intervals]
    return HeadContent(
        ranking,
        compared_on,
        answer(ranking, history, continued=config.recipe.continues, evidence=evidence),
        metrics.means_charts(compared_on),
        metrics.metric_tables(ranking),
        curves.curve_charts(ranking),
        [panel for panel in images if panel.head == ranking.head],
        Legend.of(sample, ranking.head),
    )


def _first(analyses: Sequence[Analysis], sentences: Callable[[Analysis], Sequence[str]]) -> str:
    """Return the first sentence on every head that has one."""
    found = [(analysis.head, sentences(analysis)) for analysis in analyses]
    return " ".join(f"{head.capitalize()}: {of_head[0]}" for head, of_head in found if of_head)


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
