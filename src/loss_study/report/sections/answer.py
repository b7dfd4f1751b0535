"""The first section: which loss is best for a head, how certain that is, and what limits it."""

from __future__ import annotations

from loss_study.statistics.ranking import Ranking
from loss_study.statistics.sentences import caveats, conclusion


def answer(ranking: Ranking) -> list[str]:
    """Return the sentences that answer "which loss for this head?"; the first one names the loss.

    Args:
        ranking: of the head, on its headline metric.
    """
    if ranking.best is None:
        return [f"No loss trained a {ranking.head} on these images: every trial failed."]
    return [_winner(ranking), *_certainty(ranking), *_no_safe_loss(ranking)]


def _winner(ranking: Ranking) -> str:
    best, *others = ranking.placed
    verb = f"trains the best {ranking.head}" if others else f"is the only loss that trained a {ranking.head}"
    sentence = f"On these images {best.loss} {verb}: {ranking.metric.label} {ranking.metric.show(best.mean)}"
    if not others:
        return f"{sentence}."
    return f"{sentence}; {others[0].loss} is next with {ranking.metric.show(others[0].mean)}."


def _certainty(ranking: Ranking) -> list[str]:
    return [conclusion(ranking), caveats(ranking)[0]] if ranking.pairs else []


def _no_safe_loss(ranking: Ranking) -> list[str]:
    if ranking.compared[0].failed:
        return ["Every loss failed with at least one seed: the ranking is of the trials that did not fail."]
    return []
