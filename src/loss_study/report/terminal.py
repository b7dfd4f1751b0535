"""Print the ranking of the study in params.yaml, and where its report is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from loss_study.config import load_config
from loss_study.report.sections.answer import answer
from loss_study.statistics import results
from loss_study.statistics.ranking import Ranking, Standing, headlines, rank_all

REPORTS = Path("reports")
#: Part of the path of every folder in which DVC runs an experiment with --temp or from its queue.
TEMPORARY = "/.dvc/tmp/exps/"
# A log has no width. A smaller one would break the lines of the table.
_LOG_WIDTH = 110


def show(rankings: Sequence[Ranking], console: Console | None = None) -> None:
    """Print each head's ranking, the failed trials, and the report's path. In a log: plain lines."""
    console = console or _console()
    for ranking in headlines(rankings):
        console.print(_table(ranking, plain=not console.is_terminal))
        for sentence in answer(ranking):
            console.print(Text(sentence), soft_wrap=True)
        for result in (failed for standing in ranking.standings for failed in standing.failed):
            console.print(Text(f"{result.trial.name} {result.failure}", style="yellow"), soft_wrap=True)
        console.print()
    console.print(Text(_where()), soft_wrap=True)


def _where() -> str:
    """Return where the report is. The folder of ``dvc exp run --temp`` is deleted when the experiment ends."""
    page = (REPORTS / "index.html").resolve()
    if TEMPORARY in page.as_posix():
        name = os.environ.get("DVC_EXP_NAME", "EXPERIMENT")
        return f"report: 'dvc exp apply {name}' brings it to reports/index.html, with the experiment's other results"
    return f"report: {page}"


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_LOG_WIDTH)


def _table(ranking: Ranking, *, plain: bool) -> Table:
    table = Table(title=f"{ranking.head}: {ranking.metric.label} on the test split", title_justify="left")
    table.box = None if plain else box.SIMPLE_HEAD
    columns: list[tuple[str, JustifyMethod]] = [("", "right"), ("loss", "left"), (ranking.metric.label, "right")]
    for column, justify in columns:
        table.add_column(column, justify=justify, no_wrap=True)
    table.add_column("by seed", no_wrap=True)
    table.add_column("training", justify="right", no_wrap=True)
    table.add_column("failed")
    for place, standing in enumerate(ranking.standings, start=1):
        table.add_row(*_cells(place, standing), style="bold" if standing is ranking.best else None)
    return table


def _cells(place: int, standing: Standing) -> list[Text]:
    values = [standing.metric.show(value) for value in standing.values]
    cells = [
        str(place) if standing.sound else "",
        standing.loss,
        standing.metric.show(standing.mean),
        " ".join(values),
        "" if standing.seconds is None else f"{standing.seconds:.0f} s",
        f"{len(standing.failed)} of {len(standing.results)}" if standing.failed else "",
    ]
    return [Text(cell) for cell in cells]


def show_again() -> None:
    """Print the rankings of the study in params.yaml, from runs/ and eval/."""
    config = load_config()
    show(rank_all(results.read(config), config))


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """``loss-study show`` has no options: params.yaml says which study."""


def main(_arguments: argparse.Namespace) -> None:
    """Print the rankings again."""
    show_again()
