"""The study's answer in plain sentences, with what stands against believing it."""

from __future__ import annotations

from loss_study.report.ranking import Ranking, Standing, seed_noise


def answer(ranking: Ranking) -> list[str]:
    """Return the sentences that answer "which loss for this head?"; the first one names the loss."""
    if ranking.best is None:
        return [f"No loss trained a {ranking.head} on these pictures: every trial failed."]
    return [_winner(ranking), *_caveats(ranking)]


def _winner(ranking: Ranking) -> str:
    best, *others = ranking.placed
    verb = f"trains the best {ranking.head}" if others else f"is the only loss that trained a {ranking.head}"
    sentence = f"On these pictures {best.loss} {verb}: {ranking.metric.label} {ranking.metric.show(best.value)}"
    if not others:
        return f"{sentence}."
    return f"{sentence}; {others[0].loss} is next with {ranking.metric.show(others[0].value)}."


def _caveats(ranking: Ranking) -> list[str]:
    sentences = []
    if len(ranking.placed) > 1:
        sentences.append(_trust(ranking))
    if ranking.best.failed:
        sentences.append("No loss came through all of its seeds: the order is that of the trials which did.")
    return sentences


def _trust(ranking: Ranking) -> str:
    noise = seed_noise(ranking)
    if noise is None:
        return (
            "One seed a loss: how far another seed would move these numbers is not known, so do not trust small "
            "differences; study more seeds before choosing between close losses."
        )
    return (
        f"{len(ranking.best.results)} seeds: differences below {ranking.metric.show(noise)} may come from the seeds "
        f"alone and should not be trusted. {_rivals(ranking, noise)}"
    )


def _rivals(ranking: Ranking, noise: float) -> str:
    best, *others = [standing for standing in ranking.placed if not standing.failed]
    close = [other.loss for other in others if _gap(best, other) < noise]
    if not close:
        return f"The lead of {best.loss} is larger than that."
    return f"So {best.loss} is not clearly ahead of {', '.join(close)}."


def _gap(a: Standing, b: Standing) -> float:
    return abs(a.value - b.value)
