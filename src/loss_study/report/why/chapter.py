"""The second half of the report for one head, ready for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.report.charts import CurveChart
from loss_study.report.why import charts, sentences, tables
from loss_study.report.why.evidence import Evidence, gather
from loss_study.report.why.learning import ignorance
from loss_study.report.why.pictures import Extreme, extremes
from loss_study.report.why.tables import Table
from loss_study.statistics.ranking import Ranking


@dataclass(frozen=True)
class Chapter:
    """Sentences, charts and tables on one head; a part is empty where evaluation left nothing to say it from."""

    head: str
    gradient_sentences: list[str]
    late_responses: list[CurveChart]
    early_responses: list[CurveChart]
    gradients: Table
    failure_sentences: list[str]
    failure_charts: list[CurveChart]
    failures: Table
    learning_sentences: list[str]
    learning: Table
    extremes: list[Extreme]


def chapter(ranking: Ranking, config: Config, sample: PackedSample) -> Chapter | None:
    """Return the chapter on a head, None where none of its trials has been taken apart."""
    evidence = gather(ranking)
    if not any(known.evaluated for known in evidence):
        return None
    head, metric = ranking.head, ranking.metric
    start = ignorance(head, sample)
    failures = _failures(ranking, evidence, sample)
    return Chapter(
        head=head,
        gradient_sentences=[
            *sentences.gradient(evidence, head, config.recipe.optimizer.name, ranking.classes),
            *sentences.explanation(evidence, head, metric, start),
        ],
        late_responses=charts.response_charts(evidence, "late"),
        early_responses=charts.response_charts(evidence, "start"),
        gradients=tables.gradient_table(evidence, head, ranking.classes),
        failure_sentences=failures.sentences,
        failure_charts=failures.charts,
        failures=failures.table,
        learning_sentences=sentences.learning(evidence, metric, start),
        learning=tables.learning_table(evidence, metric, start),
        extremes=extremes(ranking, evidence, sample),
    )


@dataclass(frozen=True)
class _Failures:
    sentences: list[str]
    charts: list[CurveChart]
    table: Table


def _failures(ranking: Ranking, evidence: Sequence[Evidence], sample: PackedSample) -> _Failures:
    if ranking.head == "depth":
        return _Failures(
            sentences.depth_failures(evidence), charts.depth_charts(evidence), tables.depth_table(evidence)
        )
    if ranking.classes == 1:
        return _Failures(sentences.mask_failures(evidence), charts.mask_charts(evidence), tables.mask_table(evidence))
    names = sample.class_names
    return _Failures(
        sentences.class_failures(evidence, names),
        charts.mask_charts(evidence, ranking.classes),
        tables.class_table(evidence, names),
    )
