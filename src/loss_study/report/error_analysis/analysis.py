"""The sections "Gradients and learning" and "Errors" for one head, ready for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.report.charts import CurveChart
from loss_study.report.error_analysis import (
    class_errors_section,
    depth_errors_section,
    gradients,
    learning_speed,
    mask_errors_section,
    responses,
)
from loss_study.report.error_analysis.errors_section import ErrorsSection
from loss_study.report.error_analysis.evidence import Evidence, gather
from loss_study.report.error_analysis.explanation import explanation
from loss_study.report.error_analysis.hard_images import HardImage, hard_images
from loss_study.report.error_analysis.loss_table import Table
from loss_study.statistics.ranking import Ranking


@dataclass(frozen=True)
class Analysis:
    """Sentences, charts and tables on one head; a part is empty where evaluation left nothing for it."""

    head: str
    gradient_sentences: list[str]
    late_responses: list[CurveChart]
    early_responses: list[CurveChart]
    gradients: Table
    learning_sentences: list[str]
    learning: Table
    errors: ErrorsSection
    hard_images: list[HardImage]


def analyse(ranking: Ranking, config: Config, sample: PackedSample) -> Analysis | None:
    """Return the analysis of a head, None where none of its trials has an ``error_analysis.json``."""
    evidence = gather(ranking)
    if not any(known.evaluated for known in evidence):
        return None
    head, metric = ranking.head, ranking.metric
    start = learning_speed.baseline(head, sample)
    return Analysis(
        head=head,
        gradient_sentences=[
            *gradients.sentences(evidence, head, config.recipe.optimizer.name, ranking.classes),
            *explanation(evidence, head, metric, start),
        ],
        late_responses=responses.charts(evidence, "late"),
        early_responses=responses.charts(evidence, "start"),
        gradients=gradients.table(evidence, head, ranking.classes),
        learning_sentences=learning_speed.sentences(evidence, metric, start),
        learning=learning_speed.table(evidence, metric, start),
        errors=_errors(ranking, evidence, sample),
        hard_images=hard_images(ranking, evidence, sample),
    )


def _errors(ranking: Ranking, evidence: Sequence[Evidence], sample: PackedSample) -> ErrorsSection:
    if ranking.head == "depth":
        return depth_errors_section.section(evidence)
    if ranking.classes == 1:
        return mask_errors_section.section(evidence)
    return class_errors_section.section(evidence, sample.class_names)
