"""The whole report, in memory: every file that `compare` writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.report import page
from loss_study.report.sections.images import panels
from loss_study.report.tables.compare_csv import compare_csv
from loss_study.report.tables.curves_csv import curves_csv
from loss_study.report.tables.metrics_json import metrics_json
from loss_study.statistics.race import history
from loss_study.statistics.ranking import Ranking, headlines
from loss_study.statistics.results import Result
from loss_study.statistics.tables import answer_csv, pairs_csv, rounds_csv


def build(
    config: Config, results: Sequence[Result], rankings: Sequence[Ranking], sample: PackedSample
) -> dict[str, bytes]:
    """Return the report's files by their path below ``reports/``.

    Args:
        config: of the study.
        results: of all its trials.
        rankings: what `statistics.ranking.rank_all` returns for `results`.
        sample: the packed sample.
    """
    rankings = [replace(ranking, object_name=sample.group) for ranking in rankings]
    images = [panel for ranking in headlines(rankings) for panel in panels(ranking, sample)]
    rounds = history(rankings, config)
    asked = {one.trial for ranking in headlines(rankings) for row in ranking.standings for one in row.results}
    results = [result for result in results if result.trial in asked]
    texts = {
        "metrics.json": metrics_json(rankings, results),
        "compare.csv": compare_csv(results),
        "answer.csv": answer_csv(rankings),
        "pairs.csv": pairs_csv(rankings),
        "rounds.csv": rounds_csv(rounds),
        "curves.csv": curves_csv(results),
        "index.html": page.render(config, results, rankings, rounds, images, sample),
    }
    return {panel.path: panel.png for panel in images} | {path: text.encode() for path, text in texts.items()}
