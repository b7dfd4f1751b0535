"""Every two losses, on every metric that they are compared on."""

from __future__ import annotations

from collections.abc import Sequence

from loss_study.statistics.ranking import Ranking, headlines


def finding(rankings: Sequence[Ranking]) -> str:
    """Return how many differences are significant on the metrics that rank the heads; "" without pairs."""
    found = [
        f"{ranking.head.capitalize()}: {len(ranking.significant)} of {len(ranking.pairs)} differences of "
        f"{ranking.metric.label}"
        f"{' between these trained networks' if ranking.of_networks else ''} are significant"
        for ranking in headlines(rankings)
        if ranking.pairs
    ]
    return f"{'; '.join(found)}." if found else ""
