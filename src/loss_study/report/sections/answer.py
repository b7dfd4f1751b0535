"""The first section: which loss to use for a head, how certain that is, and what limits it."""

from __future__ import annotations

from loss_study.statistics.ranking import Ranking
from loss_study.statistics.sentences import caveats, decision, groups


def answer(ranking: Ranking) -> list[str]:
    """Return the sentences that answer "which loss for this head?": the decision, the groups, what limits them.

    Args:
        ranking: of the head, on its headline metric.
    """
    return [decision(ranking), *groups(ranking), *caveats(ranking)]
