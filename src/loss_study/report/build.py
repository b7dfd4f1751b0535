"""The whole report, in memory: every file that `compare` writes."""

from __future__ import annotations

from collections.abc import Sequence

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.report import page, panels, provenance, tables
from loss_study.report.colouring import Legend
from loss_study.report.why.chapter import chapter
from loss_study.statistics.compare import Comparison
from loss_study.statistics.ranking import Ranking
from loss_study.statistics.results import Result
from loss_study.statistics.tables import pairs_csv, ranking_csv


def build(
    config: Config,
    results: Sequence[Result],
    rankings: Sequence[Ranking],
    comparisons: Sequence[Comparison],
    sample: PackedSample,
) -> dict[str, bytes]:
    """Return the report's files by their path below ``reports/``."""
    pictures = [panel for ranking in rankings for panel in panels.panels(ranking, sample)]
    chapters = [found for ranking in rankings if (found := chapter(ranking, config, sample))]
    legends = {ranking.head: Legend.of(sample, ranking.head) for ranking in rankings}
    how = provenance.describe(config, results, sample, provenance.origin())
    texts = {
        "metrics.json": tables.metrics_json(rankings, results, comparisons),
        "compare.csv": tables.compare_csv(results),
        "ranking.csv": ranking_csv(comparisons),
        "pairs.csv": pairs_csv(comparisons),
        "curves.csv": tables.curves_csv(results),
        "index.html": page.render(config, results, rankings, comparisons, pictures, chapters, legends, how),
    }
    return {panel.path: panel.png for panel in pictures} | {path: text.encode() for path, text in texts.items()}
