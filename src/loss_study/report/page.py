"""The page ``index.html``: one file that shows the whole study, with everything in it and nothing fetched."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from loss_study import losses
from loss_study.config import Config, flat
from loss_study.metrics import find
from loss_study.metrics.groups import groups
from loss_study.report import charts, colouring
from loss_study.report.answer import answer
from loss_study.report.colouring import Legend
from loss_study.report.conclusions import conclusions
from loss_study.report.palette import colours
from loss_study.report.panels import Panel
from loss_study.report.why.chapter import Chapter
from loss_study.statistics.compare import CHANCE, RESAMPLES, Comparison
from loss_study.statistics.ranking import Ranking
from loss_study.statistics.results import Result
from loss_study.statistics.tables import headlines

_FOLDER = Path(__file__).parent


def render(
    config: Config,
    results: Sequence[Result],
    rankings: Sequence[Ranking],
    comparisons: Sequence[Comparison],
    images: Sequence[Panel],
    chapters: Sequence[Chapter],
    legends: Mapping[str, Legend],
    how: Mapping[str, Any],
) -> str:
    """Return the page's HTML; `how` is what `protocol.describe` returns, `chapters` say why, one for each head.

    `legends`, by head, say what the colours of `images` mean.

    The same arguments give the same bytes; everything from outside is escaped.
    """
    compared = headlines(comparisons)
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            config=config,
            results=results,
            sections=[_head_section(ranking, compared.get(ranking.head), images) for ranking in rankings],
            conclusions=conclusions(comparisons),
            chance=CHANCE,
            resamples=RESAMPLES,
            chapters=chapters,
            failures=[result for result in results if not result.sound],
            colours=colours(config.losses),
            about=_about(config),
            legends=legends,
            error_range=colouring.ERROR_RANGE,
            scales={name: colouring.scale(name) for name in (colouring.DEPTH_COLOURS, colouring.ERROR_COLOURS)},
            stripes=colouring.stripes(),
            wrong=colouring.WRONG,
            how=how,
            style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704
            script=Markup(script),  # noqa: S704
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def environment() -> Environment:
    """Return what reads the templates: everything is escaped, and a name that is not given is an error."""
    templates = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    templates.trim_blocks = templates.lstrip_blocks = True
    templates.filters |= {"data_uri": _data_uri, "flat": flat}
    return templates


def _about(config: Config) -> dict[str, losses.Loss]:
    """Return the losses of the study by name, for their summaries and notes."""
    with_a_file = {name: losses.with_a_file(name) for name in config.loss.names}
    return with_a_file | {name: losses.load(name, config.options_of(name)) for name in config.loss.combinations}


def _head_section(ranking: Ranking, comparison: Comparison | None, images: Sequence[Panel]) -> dict[str, Any]:
    """What the page shows of one head."""
    metrics = dict.fromkeys(name for standing in ranking.standings for name in standing.means)
    return {
        "ranking": ranking,
        "answer": answer(ranking, comparison),
        "axis": charts.Axis.around(value for standing in ranking.placed for value in standing.values),
        "groups": groups(metrics, ranking.classes),
        "best": {name: _best(ranking, name) for name in metrics},
        "charts": [charts.validation_chart(ranking), charts.training_chart(ranking)],
        "panels": [panel for panel in images if panel.head == ranking.head],
    }


def _best(ranking: Ranking, name: str) -> float | None:
    """The best mean of one metric, None where its direction is unknown or it says nothing about order."""
    direction = find(name, ranking.classes).higher_is_better
    values = [standing.means[name] for standing in ranking.placed if name in standing.means and not standing.failed]
    if direction is None or len(values) < 2:
        return None
    return max(values) if direction else min(values)


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
