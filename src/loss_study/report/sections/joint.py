"""One network or two: joint trainings against separate ones. Only where the study has joint trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.config import Config
from loss_study.statistics import joint
from loss_study.statistics.joint import Comparison
from loss_study.statistics.ranking import Ranking


@dataclass(frozen=True)
class JointContent:
    """What the section shows: `finding` beside its title, a row for each joint training and head, and sentences."""

    finding: str
    rows: list[Comparison]
    sentences: list[str]


def content(rankings: Sequence[Ranking], config: Config) -> JointContent | None:
    """Return the section, None without joint trainings; `rankings` are on the headline metrics."""
    if not config.joint.names:
        return None
    rows = joint.comparisons(rankings, config)
    return JointContent(_finding(rows), rows, joint.sentences(rankings, config))


def _finding(rows: Sequence[Comparison]) -> str:
    """Return on how many of the comparisons one network is no worse than the margin, or worse."""
    known = [row for row in rows if row.known]
    if not known:
        return "Nothing is known beyond these trials."
    no_worse = sum(row.no_worse for row in known)
    worse = sum(row.high is not None and row.high < 0 for row in known)
    comparisons = f"{len(known)} comparison{'' if len(known) == 1 else 's'}"
    return (
        f"{comparisons} of a joint training with separate networks on a head: worse in {worse}, "
        f"no worse by more than the margin in {no_worse}."
    )
