"""The course of a study: what each head knew after each of its rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.config import Config
from loss_study.metrics import Metric
from loss_study.statistics.ranking import Ranking, headlines


@dataclass(frozen=True)
class Entry:
    """A head after one of its finished rounds.

    Attributes:
        head: "mask" or "depth".
        metric: the headline metric.
        round: 1 for the first.
        trials: how many trials the study has asked for up to now, failed ones included.
        choice: the chosen loss; None where there is none, see `Ranking.choice`.
        regret_bound: of the choice, in the unit of the metric; None if unknown.
        margin: in the unit of the metric; None where nothing is decided.
        dropped: the losses that trained in this round and not in the next one, in the order of the ranking; none where
            no further round follows.
        decided: whether the bound is within the margin.
        all_compared: whether the bound is one for every loss.
    """

    head: str
    metric: Metric
    round: int
    trials: int
    choice: str | None
    regret_bound: float | None
    margin: float | None
    dropped: tuple[str, ...]
    decided: bool
    all_compared: bool


def history(rankings: Sequence[Ranking], config: Config) -> list[Entry]:
    """Return an entry for every finished round of every head, in their order; `rankings` as `ranking.rank_all` does."""
    return [entry for last in headlines(rankings) for entry in _of_head([*last.earlier, last], config.candidates)]


def _of_head(after_rounds: Sequence[Ranking], training: Sequence[str]) -> list[Entry]:
    entries = []
    for ranking in after_rounds:
        goes_on = ranking.contenders
        ended = [row.loss for row in ranking.standings if row.loss in training and row.loss not in goes_on]
        entries.append(
            Entry(
                ranking.head,
                ranking.metric,
                ranking.look.number,
                sum(len(row.results) for row in ranking.standings),
                ranking.choice,
                ranking.regret_bound,
                ranking.margin,
                tuple(ended) if goes_on else (),
                ranking.decided,
                ranking.all_compared,
            )
        )
        training = goes_on
    return entries
