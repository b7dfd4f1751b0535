"""The study's answer in plain sentences, with what stands against believing it."""

from __future__ import annotations

from loss_study.statistics.compare import Comparison
from loss_study.statistics.ranking import Ranking
from loss_study.statistics.sentences import caveats, conclusion


def answer(ranking: Ranking, comparison: Comparison | None) -> list[str]:
    """Return the sentences that answer "which loss for this head?"; the first one names the loss.

    Args:
        comparison: of the losses on the metric that ranks the head; None where nothing can be compared.
    """
    if ranking.best is None:
        return [f"No loss trained a {ranking.head} on these pictures: every trial failed."]
    return [_winner(ranking), *_certainty(comparison), *_caveats(ranking)]


def _winner(ranking: Ranking) -> str:
    best, *others = ranking.placed
    verb = f"trains the best {ranking.head}" if others else f"is the only loss that trained a {ranking.head}"
    sentence = f"On these pictures {best.loss} {verb}: {ranking.metric.label} {ranking.metric.show(best.value)}"
    if not others:
        return f"{sentence}."
    return f"{sentence}; {others[0].loss} is next with {ranking.metric.show(others[0].value)}."


def _certainty(comparison: Comparison | None) -> list[str]:
    if comparison is None or not comparison.pairs:
        return []
    return [conclusion(comparison), caveats(comparison)[0]]


def _caveats(ranking: Ranking) -> list[str]:
    if ranking.best.failed:
        return ["No loss came through all of its seeds: the order is that of the trials which did."]
    return []
