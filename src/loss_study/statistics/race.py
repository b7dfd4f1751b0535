"""The course of a study: what each head knew after each of its rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.config import Config
from loss_study.metrics import Metric
from loss_study.statistics.ranking import Round, rounds
from loss_study.statistics.results import Result


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


def history(results: Sequence[Result], config: Config) -> list[Entry]:
    """Return an entry for every finished round of every head, in their order.

    Raises:
        StudyError: see `ranking.rank_all`.
    """
    heads = dict.fromkeys(result.trial.head for result in results)
    return [entry for head in heads for entry in _of_head(list(rounds(head, results, config)), config)]


def _of_head(of_head: Sequence[Round], config: Config) -> list[Entry]:
    training: Sequence[str] = config.losses
    entries = []
    for one in of_head:
        ranking, goes_on = one.ranking, one.ranking.contenders
        ended = [row.loss for row in ranking.standings if row.loss in training and row.loss not in goes_on]
        entries.append(
            Entry(
                ranking.head,
                ranking.metric,
                one.number,
                len(one.results),
                ranking.choice,
                ranking.regret_bound,
                ranking.margin,
                tuple(ended) if goes_on else (),
                ranking.decided,
            )
        )
        training = goes_on
    return entries
