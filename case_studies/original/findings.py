"""What the replayed trials say: scores over seeds, what each mistake costs, and sentences that follow from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from variants import METRICS, Plan

from loss_study.metrics import find

#: What the author of the original study reported and could not explain, by head and loss.
COMPLAINTS = {
    ("mask", "bce"): "“BCE does not work”",
    ("mask", "dice"): "“Dice disappoints”",
    ("mask", "l1"): "L1 on the mask",
    ("depth", "l1"): "L1 on the depth",
    ("depth", "dice"): "Dice on the depth",
}
AUGMENTED_TEST = "augmented test split"
_DIGITS = {"mask": 2, "depth": 3}


@dataclass(frozen=True)
class Scores:
    """One head and loss in one variant: a value of the head's metric and a verdict for each seed."""

    head: str
    values: tuple[float, ...]
    verdicts: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return sum(self.values) / len(self.values)

    @property
    def collapsed(self) -> str:
        """``3 of 3 all background``, or empty."""
        counts = Counter(verdict for verdict in self.verdicts if verdict)
        return ", ".join(f"{count} of {len(self.verdicts)} {verdict}" for verdict, count in counts.items())

    def __str__(self) -> str:
        low, high = self.written(min(self.values)), self.written(max(self.values))
        notes = [f"{low} to {high}"] if low != high else []
        notes += [self.collapsed] if self.collapsed else []
        return self.written(self.mean) + (f" ({', '.join(notes)})" if notes else "")

    def written(self, value: float) -> str:
        """Return a value of the head's metric, or a difference of two, with the digits in which losses differ."""
        return f"{value:.{_DIGITS[self.head]}f}"


@dataclass(frozen=True)
class Effect:
    """The same head and loss without a mistake and with it, all else being equal."""

    without: Scores
    having: Scores

    @property
    def cost(self) -> float:
        """How much worse the mean is with the mistake, in units of the metric; below 0 it is better."""
        worse = self.without.mean - self.having.mean
        return worse if find(METRICS[self.without.head]).higher_is_better else -worse

    @property
    def amount(self) -> str:
        """How far the means are apart."""
        return self.without.written(abs(self.cost))

    @property
    def beyond_seeds(self) -> bool:
        """Whether the ranges over the seeds do not touch."""
        one, other = self.without.values, self.having.values
        return max(one) < min(other) or max(other) < min(one)

    @property
    def harms(self) -> bool:
        """Whether the mistake makes it worse by more than the seeds do."""
        return self.cost > 0 and self.beyond_seeds


#: Variant, head and loss.
Table = Mapping[tuple[str, str, str], Scores]


def scores(rows: Sequence[Mapping[str, str]], column: str = "value") -> dict[tuple[str, str, str], Scores]:
    """Gather rows of ``results/<dataset>/<variant>.csv``; `column` is the value taken."""
    of_key: dict[tuple[str, str, str], list[Mapping[str, str]]] = {}
    for row in rows:
        of_key.setdefault((row["variant"], row["head"], row["loss"]), []).append(row)
    return {key: _scores(of_one, column) for key, of_one in of_key.items()}


def _scores(rows: Sequence[Mapping[str, str]], column: str) -> Scores:
    values = tuple(float(row[column]) for row in rows)
    # The verdict is on the plain test split.
    verdicts = tuple(_verdict_of(row) if column == "value" else "" for row in rows)
    return Scores(rows[0]["head"], values, verdicts)


def _verdict_of(row: Mapping[str, str]) -> str:
    return "diverged" if row["status"] == "diverged" else row["verdict"]


@dataclass(frozen=True)
class Findings:
    """The trials of one dataset: `plain` on the test split, `augmented` on the test split augmented as in training."""

    plan: Plan
    plain: Table
    augmented: Table

    def effects(self, head: str, loss: str) -> dict[str, tuple[Effect | None, Effect | None]]:
        """Return, by the mistake's title, what it does by itself and what it does beside all others, where known."""
        found = {
            mistake.title: (self._alone(name, head, loss), self._effect(name, self._every, head, loss))
            for name, mistake in self.plan.mistakes.items()
        }
        found[AUGMENTED_TEST] = (self._augmented("flip_apart", head, loss), self._augmented("original", head, loss))
        return {title: pair for title, pair in found.items() if any(pair)}

    @property
    def _every(self) -> frozenset[str]:
        return frozenset(self.plan.mistakes)

    def _alone(self, mistake: str, head: str, loss: str) -> Effect | None:
        """Compare the two variants that differ in `mistake` and make the fewest others."""
        sets = sorted((variant.mistakes for variant in self.plan.variants.values()), key=len)
        effects = (self._effect(mistake, made, head, loss) for made in sets if mistake in made and made != self._every)
        return next(filter(None, effects), None)

    def _effect(self, mistake: str, made: frozenset[str], head: str, loss: str) -> Effect | None:
        """Compare the variant that makes the mistakes `made` with the one that makes all of these but `mistake`."""
        name_of = {variant.mistakes: name for name, variant in self.plan.variants.items()}
        without, having = (
            self.plain.get((name_of.get(mistakes, ""), head, loss)) for mistakes in (made - {mistake}, made)
        )
        return Effect(without, having) if without and having else None

    def _augmented(self, variant: str, head: str, loss: str) -> Effect | None:
        key = (variant, head, loss)
        return Effect(self.plain[key], self.augmented[key]) if key in self.plain else None


@dataclass(frozen=True)
class Answer:
    """Sentences on a complaint, and rows of a mistake's title, what it does alone and what mending it alone does."""

    title: str
    sentences: list[str]
    rows: list[tuple[str, str, str]]


def answer(findings: Findings, head: str, loss: str) -> Answer | None:
    """Say what explains the complaint about `loss` on `head`; None where it was not replayed."""
    mended, original = (findings.plain.get((variant, head, loss)) for variant in ("mended", "original"))
    if mended is None or original is None:
        return None
    metric = find(METRICS[head]).label
    effects = findings.effects(head, loss)
    alone = {title: one for title, (one, _) in effects.items() if one}
    beside = {title: other for title, (_, other) in effects.items() if other}
    return Answer(
        COMPLAINTS[head, loss],
        [
            f"The original recipe reaches {metric} {original}; with every mistake fixed, {mended}.",
            f"**{_verdict(Effect(mended, original), alone)}**",
            *_others(alone),
            _mending(beside),
        ],
        [(title, _change(one), _change(other, mending=True)) for title, (one, other) in effects.items()],
    )


def _verdict(whole: Effect, alone: Mapping[str, Effect]) -> str:
    if all(whole.without.verdicts):
        return "Even with every mistake fixed it fails: this study is too small to say why."
    if not whole.harms:
        return "That is within the spread over seeds, or better: there is nothing to explain."
    harmful = sorted((title for title in alone if alone[title].harms), key=lambda title: -alone[title].cost)
    if not harmful:
        return f"It loses {whole.amount}, but no single mistake costs more than the spread over seeds."
    costs = _listed([f"{title} (costs {alone[title].amount})" for title in harmful])
    return f"It loses {whole.amount}. Mistakes that explain it, each made alone: {costs}."


def _others(alone: Mapping[str, Effect]) -> list[str]:
    """Name the mistakes that make the score better, and those that change nothing."""
    better = [f"{title} (by {one.amount})" for title, one in alone.items() if one.beyond_seeds and one.cost < 0]
    nothing = [title for title, one in alone.items() if not one.beyond_seeds]
    sentences = [f"Made alone, these improve the score: {_listed(better)}."] if better else []
    return sentences + ([f"Within the spread over seeds: {_listed(nothing)}."] if nothing else [])


def _mending(beside: Mapping[str, Effect]) -> str:
    """Say which single fixes would have improved the original recipe."""
    gains = [f"{title} (gains {one.amount})" for title, one in beside.items() if one.harms]
    if gains:
        return f"Mistakes whose fix alone improves the original recipe: {_listed(gains)}."
    return "No single fix improves the original recipe beyond the spread over seeds."


def _change(effect: Effect | None, *, mending: bool = False) -> str:
    if effect is None:
        return ""
    before, after = (effect.having, effect.without) if mending else (effect.without, effect.having)
    return f"{before} → {after}"


def _listed(things: Sequence[str]) -> str:
    return ", ".join(things[:-1]) + f" and {things[-1]}" if len(things) > 1 else things[0]


def collapses(findings: Findings) -> list[str]:
    """Say in which variants trials collapsed to one prediction, or diverged."""
    lines = []
    for variant in findings.plan.variants:
        found = {(head, loss): one for (name, head, loss), one in findings.plain.items() if name == variant}
        verdicts = [verdict for one in found.values() for verdict in one.verdicts]
        named = [f"{head} {loss} {one.collapsed}" for (head, loss), one in found.items() if one.collapsed]
        if verdicts:
            details = f": {'; '.join(named)}" if named else ""
            lines.append(f"`{variant}`: {sum(map(bool, verdicts))} of {len(verdicts)}{details}.")
    return lines
