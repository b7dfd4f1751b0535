"""Print the answer of the study in params.yaml, and where its report is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from loss_study.config import Config, load_config
from loss_study.report.sections.learning_rates import searches
from loss_study.report.sections.study import failures, parents, protocol, rounds, time
from loss_study.statistics import joint, results
from loss_study.statistics.ranking import Ranking, headlines, rank_all
from loss_study.statistics.sentences import decision, on_losses

REPORTS = Path("reports")
#: Part of the path of every folder in which DVC runs an experiment with --temp or from its queue.
TEMPORARY = "/.dvc/tmp/exps/"


def show(rankings: Sequence[Ranking], config: Config, console: Console | None = None) -> None:
    """Print each head's decision, what is known of its losses, what was trained and failed, and the report's path.

    Args:
        rankings: of all heads and metrics.
        config: of the study.
        console: where to print; None: the standard output.
    """
    console = console or Console(highlight=False)
    shown = headlines(rankings)
    for sentence in protocol(config):
        console.print(Text(sentence), soft_wrap=True)
    for ranking in shown:
        decided = decision(ranking, continued=config.recipe.continues)
        console.print(Text(f"{ranking.head}: {decided}", style="bold"), soft_wrap=True)
        for sentence in on_losses(ranking):
            console.print(Text(f"  {sentence}"), soft_wrap=True)
    for sentence in joint.sentences(shown, config):
        console.print(Text(sentence), soft_wrap=True)
    of_study = [result for ranking in shown for standing in ranking.standings for result in standing.results]
    times = [time(of_study, searches(config), parents(config)), *rounds(shown)]
    console.print(Text(" ".join(times)), soft_wrap=True)
    if failed := failures(of_study):
        console.print(Text(failed, style="yellow"), soft_wrap=True)
    console.print(Text(_where()), soft_wrap=True)


def _where() -> str:
    """Return where the report is. The folder of ``dvc exp run --temp`` is deleted when the experiment ends."""
    page = (REPORTS / "index.html").resolve()
    if TEMPORARY in page.as_posix():
        name = os.environ.get("DVC_EXP_NAME", "EXPERIMENT")
        return f"report: 'dvc exp apply {name}' brings it to reports/index.html, with the experiment's other results"
    return f"report: {page}"


def show_again() -> None:
    """Print the answer of the study in params.yaml, from runs/ and eval/."""
    config = load_config()
    show(rank_all(results.read(config), config), config)


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """``loss-study show`` has no options: params.yaml says which study."""


def main(_arguments: argparse.Namespace) -> None:
    """Print the answer again."""
    show_again()
