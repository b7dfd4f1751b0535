"""What can be concluded, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from loss_study.statistics.compare import Comparison, Pair


def conclusion(comparison: Comparison) -> str:
    """Return the sentence that a reader takes home: who is best, and who beats whom by how much."""
    label = comparison.metric.label
    if len(comparison.compared) == 1:
        return f"Only {comparison.best.loss} came through every seed: there is nothing to compare it with on {label}."
    return f"With this one seed {_compared(comparison)}" if comparison.seeds == 1 else _compared(comparison)


def _compared(comparison: Comparison) -> str:
    label, group = comparison.metric.label, comparison.best_group
    if not comparison.claims:
        clearest = min(comparison.pairs, key=lambda pair: pair.p_adjusted)
        doubt = f"; the clearest, {clearest.better} over {clearest.worse}, has p = {clearest.p_adjusted:.2f}"
        return (
            f"{_listed(group)} are indistinguishable on {label}: no difference is more than chance"
            f"{doubt if clearest.p_adjusted < 1 else ''}."
        )
    if len(group) == 1:
        return f"{group[0]} is best on {label}: it {_victories(comparison, group)}."
    return f"{_listed(group)} are indistinguishable on {label}; {_clauses(comparison, group)}."


def _clauses(comparison: Comparison, group: Sequence[str]) -> str:
    """Losses of the best group that beat the same others are named together."""
    clauses = []
    for winners, losers in _by_winners(comparison, group).items():
        who = "both" if len(winners) == len(group) == 2 else "all" if len(winners) == len(group) else _listed(winners)
        verb = "beats" if len(winners) == 1 else "beat"
        clauses.append(f"{who} {verb} {_listed([_margin(comparison, winners, loser) for loser in losers])}")
    return "; ".join(clauses)


def _victories(comparison: Comparison, group: Sequence[str]) -> str:
    losers = [pair.worse for pair in comparison.claims if pair.better == group[0]]
    rest = [other.loss for other in comparison.compared if other.loss not in (*group, *losers)]
    told = f"beats {_listed([_margin(comparison, group, loser) for loser in losers])}"
    return f"{told}, but not {_listed(rest)} directly" if rest else told


def _by_winners(comparison: Comparison, group: Sequence[str]) -> dict[tuple[str, ...], list[str]]:
    sorted_out: dict[tuple[str, ...], list[str]] = {}
    for estimate in comparison.compared:
        beaten_by = {pair.better for pair in comparison.claims if pair.worse == estimate.loss}
        winners = tuple(loss for loss in group if loss in beaten_by)
        if winners:
            sorted_out.setdefault(winners, []).append(estimate.loss)
    return sorted_out


def _margin(comparison: Comparison, winners: Sequence[str], loser: str) -> str:
    """The loser and the widest range of the winners' 95 % intervals, as in ``bce by 0.040-0.071``."""
    pairs = [pair for pair in comparison.claims if pair.worse == loser and pair.better in winners]
    low, high = (comparison.metric.show(value) for value in _range(pairs))
    return f"{loser} by {low}-{high}"


def _range(pairs: Sequence[Pair]) -> tuple[float, float]:
    ends = [abs(end) for pair in pairs for end in (pair.low, pair.high)]
    return min(ends), max(ends)


def caveats(comparison: Comparison) -> list[str]:
    """Return what has to be known before the conclusion is believed."""
    return [_resampled(comparison), *_units(comparison), *_apart(comparison)]


def _resampled(comparison: Comparison) -> str:
    images = f"{comparison.images} test images"
    if comparison.clusters < comparison.images:
        images += f" of {comparison.clusters} {comparison.unit}s"
    if comparison.seeds == 1:
        return (
            f"One seed a loss: only the {images} were resampled. How far another seed would move a loss is not in "
            "these intervals, and another seed may turn the order."
        )
    sentence = f"{comparison.seeds} seeds a loss and the {images} were resampled."
    if comparison.seeds == 2:
        sentence += " Two seeds show little of how far seeds move a loss: take three or more before a close call."
    return sentence


def _units(comparison: Comparison) -> list[str]:
    unknown = {"background": "The cut-outs", "image": "Neither cut-outs nor backgrounds"}.get(comparison.unit)
    if unknown is None:
        return []
    return [f"{unknown} are told apart: if test images share an object, the intervals are too narrow."]


def _apart(comparison: Comparison) -> list[str]:
    sentences = [
        f"{estimate.loss} failed with {estimate.failed} of {estimate.seeds + estimate.failed} seeds: its numbers are "
        "those of the seeds that trained, and it stands behind the losses without a failure, untested."
        for estimate in comparison.apart
    ]
    if comparison.without:
        sentences.append(f"{_listed(comparison.without)} failed with every seed.")
    return sentences


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
