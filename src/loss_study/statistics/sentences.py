"""A ranking in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from loss_study.statistics.pairwise import Pair
from loss_study.statistics.ranking import Ranking


def conclusion(ranking: Ranking) -> str:
    """Return one sentence: which loss is best, and which losses it beats significantly and by how much.

    The ranking has at least one loss with a sound trial.
    """
    label, best = ranking.metric.label, ranking.standings[0].loss
    if len(ranking.compared) == 1:
        return f"Only {best} trained with every seed: there is nothing to compare it with on {label}."
    return f"With this one seed, {_compared(ranking)}" if ranking.seeds == 1 else _compared(ranking)


def _compared(ranking: Ranking) -> str:
    label, group = ranking.metric.label, ranking.best_group
    if not ranking.significant:
        clearest = min(ranking.pairs, key=lambda pair: pair.p_adjusted)
        detail = f" (smallest p value: {clearest.p_adjusted:.2f}, {clearest.better} against {clearest.worse})"
        start = "no" if ranking.seeds == 1 else "No"
        return (
            f"{start} difference between {listed(group)} is significant on {label}"
            f"{detail if clearest.p_adjusted < 1 else ''}."
        )
    if len(group) == 1:
        return f"{group[0]} is best on {label}: it {_victories(ranking, group)}."
    return f"{listed(group)} do not differ significantly on {label}; {_clauses(ranking, group)}."


def _clauses(ranking: Ranking, group: Sequence[str]) -> str:
    """Losses of the best group that beat the same others are named together."""
    clauses = []
    for winners, losers in _by_winners(ranking, group).items():
        who = "both" if len(winners) == len(group) == 2 else "all" if len(winners) == len(group) else listed(winners)
        verb = "beats" if len(winners) == 1 else "beat"
        clauses.append(f"{who} {verb} {listed([_margin(ranking, winners, loser) for loser in losers])}")
    return "; ".join(clauses)


def _victories(ranking: Ranking, group: Sequence[str]) -> str:
    losers = [pair.worse for pair in ranking.significant if pair.better == group[0]]
    rest = [other.loss for other in ranking.compared if other.loss not in (*group, *losers)]
    beaten = f"beats {listed([_margin(ranking, group, loser) for loser in losers])}"
    return f"{beaten}; its difference to {listed(rest)} is not significant" if rest else beaten


def _by_winners(ranking: Ranking, group: Sequence[str]) -> dict[tuple[str, ...], list[str]]:
    losers: dict[tuple[str, ...], list[str]] = {}
    for standing in ranking.compared:
        beaten_by = {pair.better for pair in ranking.significant if pair.worse == standing.loss}
        winners = tuple(loss for loss in group if loss in beaten_by)
        if winners:
            losers.setdefault(winners, []).append(standing.loss)
    return losers


def _margin(ranking: Ranking, winners: Sequence[str], loser: str) -> str:
    """The loser and the widest range of the winners' 95 % intervals, as in ``bce by 0.040-0.071``."""
    pairs = [pair for pair in ranking.significant if pair.worse == loser and pair.better in winners]
    low, high = (ranking.metric.show(value) for value in _range(pairs))
    return f"{loser} by {low}-{high}"


def _range(pairs: Sequence[Pair]) -> tuple[float, float]:
    ends = [abs(end) for pair in pairs for end in (pair.low, pair.high)]
    return min(ends), max(ends)


def caveats(ranking: Ranking) -> list[str]:
    """Return what limits the conclusion: what was resampled, unknown identities, failed trials."""
    return [_resampled(ranking), *_units(ranking), *_failed(ranking)]


def _resampled(ranking: Ranking) -> str:
    images = f"{ranking.images} test images"
    if ranking.clusters < ranking.images:
        images += f" of {ranking.clusters} {ranking.unit}s"
    if ranking.seeds == 1:
        return (
            f"One seed per loss: the intervals come from the {images} alone. They do not include the variation between "
            "seeds, so another seed may change the order."
        )
    sentence = f"The intervals come from {ranking.seeds} seeds per loss and the {images}."
    if ranking.seeds == 2:
        sentence += " Two seeds show little of the variation between seeds: use three or more for close results."
    return sentence


def _units(ranking: Ranking) -> list[str]:
    unknown = {"background": "The objects are", "image": "Objects and backgrounds are"}.get(ranking.unit)
    if unknown is None:
        return []
    return [f"{unknown} unknown: if test images share an object, the intervals are too narrow."]


def _failed(ranking: Ranking) -> list[str]:
    sentences = [
        f"{standing.loss} failed with {len(standing.failed)} of {len(standing.results)} seeds: its numbers are those "
        "of the other seeds. It is ranked behind the losses without a failure, and not tested."
        for standing in ranking.not_compared
    ]
    if ranking.failed:
        sentences.append(f"{listed([standing.loss for standing in ranking.failed])} failed with every seed.")
    return sentences


def listed(names: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
