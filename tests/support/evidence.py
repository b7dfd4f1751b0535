"""Evidence on a loss, with values known by construction."""

from loss_study.report.error_analysis.evidence import Evidence
from loss_study.statistics.results import Result
from loss_study.trial import Trial

#: Pixels and errors of a mask by region.
REGIONS = {
    "interior": {"pixels": 50, "false_positives": 0, "false_negatives": 4},
    "outline": {"pixels": 100, "false_positives": 9, "false_negatives": 3},
    "background": {"pixels": 850, "false_positives": 4, "false_negatives": 0},
}


def result(head="mask", validation=(), test=None, lr=0.01):
    history = tuple({"epoch": str(n), "validation": str(value)} for n, value in enumerate(validation, start=1))
    return Result(Trial(head, "bce", 0), "finished", "", "", {"lr": lr}, test or {}, 0.5, (), history)


def known(loss, value=0.5, analysis=None, images=(), trials=()):
    analyses = (analysis,) if analysis else ()
    return Evidence(loss, value, analyses, analyses, (), tuple(images), tuple(trials))
