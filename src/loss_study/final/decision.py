"""What the study decided: for each head the loss, and the learning rate that it was given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from loss_study.config import Config
from loss_study.metrics import Metric, headline_of
from loss_study.runtime.errors import StudyError, nearest
from loss_study.statistics.results import read_json
from loss_study.statistics.sentences import at_least, at_most, no_other
from loss_study.training import choice
from loss_study.training.choice import Choice
from loss_study.trial import Trial, trials

METRICS = Path("reports/metrics.json")


@dataclass(frozen=True)
class Weighting:
    """How the losses of a joint network are combined: a file of ``training/joint/weightings/``, and its options."""

    name: str = "equal"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Winner:
    """The loss that a head of the final model is trained with.

    Attributes:
        metric: the one that ranks the losses of the head.
        choice: its learning rate and weights, as the first round found them.
        decided: whether the study decided for it within its margin; False for one that was named instead.
        regret_bound, margin: no other compared loss is better by more than the bound, in the unit of the metric, with
            95 % confidence; None where the study says nothing.
        all_compared: whether the bound is one for every loss of the study.
        joint: the name of the joint training that the study chose on this head; "" where it chose the loss itself.
    """

    head: str
    metric: Metric
    loss: str
    choice: Choice
    decided: bool
    regret_bound: float | None
    margin: float | None
    joint: str = ""
    all_compared: bool = True

    @property
    def sentence(self) -> str:
        """How sure the choice is."""
        bound = "" if self.regret_bound is None else self.metric.with_unit(at_most(self.metric, self.regret_bound))
        if self.decided:
            other = no_other(self.all_compared, "choice" if self.joint else "loss")
            begin = f"It is that of the joint training {self.joint}: {other}" if self.joint else other.capitalize()
            return f"{begin} of the study is better by more than {bound} (95 % confidence)."
        if bound and self.margin is not None:
            another = "another loss" if self.all_compared else "another compared loss"
            return (
                f"The study is not decided: {another} may be better by up to {bound} (95 % confidence), more than "
                f"the margin of {at_least(self.metric, self.margin)}."
            )
        if self.margin is not None:
            return "The study had no other sound loss to compare it with."
        return "It was named by hand; the study did not choose it."


def read(config: Config, named: Mapping[str, str]) -> list[Winner]:
    """Return the winner of every head of the study `config`, in the order of the heads.

    Args:
        named: losses that take the place of the study's choice, by head.

    Raises:
        StudyError: there is no study, it is of another configuration, or it made no choice.
    """
    for head in named:
        if head not in config.loss.heads:
            raise StudyError(
                f"--loss {head}={named[head]}: the study has no {head}; {nearest(head, config.loss.heads)}"
            )
    found = {} if set(named) == set(config.loss.heads) and not METRICS.exists() else _metrics()
    return [_winner(config, head, found.get(head), named.get(head)) for head in config.loss.heads]


def _metrics() -> dict[str, Any]:
    try:
        return json.loads(METRICS.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{METRICS}: no study has decided yet; run 'dvc repro' or 'make study'") from None
    except ValueError as error:
        raise StudyError(f"{METRICS}: damaged ({error}); run 'dvc repro -f compare'") from None


def _winner(config: Config, head: str, summary: Mapping[str, Any] | None, named: str | None) -> Winner:
    candidate = named or _chosen(config, head, summary)
    if named and named not in config.losses:
        raise StudyError(f"--loss {head}={named}: not in the study in params.yaml; {nearest(named, config.losses)}")
    if candidate not in config.candidates:
        raise StudyError(
            f"{METRICS}: chose {candidate} for the {head}, which params.yaml does not study; run 'dvc repro'"
        )
    told = summary if summary is not None and candidate == summary.get("choice") else {}
    joint = candidate if candidate in config.joint.names else ""
    found = choice.read(Trial(head, candidate, 0, joint=bool(joint)))
    loss = getattr(config.joint.options[joint], head) if joint else candidate
    metric = headline_of(head, config.dataset.classes)
    bound, margin = told.get("regret_bound"), told.get("margin")
    return Winner(
        head, metric, loss, found, bool(told.get("decided")), bound, margin, joint, told.get("all_compared", True)
    )


def weighting(config: Config, winners: Sequence[Winner]) -> Weighting | None:
    """Return how a joint network weighs the losses of `winners`; None where the study speaks for separate networks.

    A joint training that the study chose says how. Where it compared some and chose none, networks are separate, and
    where its trials continue from a parent of one head, or keep what an encoder sees.
    """
    if config.recipe.continues or config.recipe.cache_features:
        return None
    chosen = [config.joint.options[one.joint] for one in winners if one.joint]
    if chosen:
        return Weighting(chosen[0].weighting, chosen[0].weighting_options)
    return None if config.joint.names else Weighting()


def _chosen(config: Config, head: str, summary: Mapping[str, Any] | None) -> str:
    if summary is None:
        raise StudyError(f"{METRICS}: says nothing of the {head}, which params.yaml studies; run 'dvc repro'")
    if not summary.get("choice"):
        best = summary.get("best_loss")
        named = best if best in config.losses else config.losses[0]
        reason = "one seed decides nothing); train more seeds"
        if best == "none":
            reason = "no training of it was sound); see reports/index.html"
        raise StudyError(
            f"{METRICS}: no loss was chosen for the {head} ({reason}, or name a loss: --loss {head}={named}"
        )
    return str(summary["choice"])


def threshold_of(config: Config, winner: Winner) -> float:
    """Return the median of the thresholds that the study's trials of a mask's winner have, from validation images.

    Raises:
        StudyError: none of them has been evaluated.
    """
    candidate = winner.joint or winner.loss
    of_winner = [one for one in trials(config) if (one.head, one.loss) == (winner.head, candidate)]
    found = [read_json(one.eval_dir / "metrics.json").get("threshold") for one in of_winner]
    known = [threshold for threshold in found if threshold is not None]
    if not known:
        raise StudyError(
            f"eval/: no trial of {candidate} on the {winner.head} has a threshold; run 'dvc repro', or keep the "
            "best epoch: recipe.keep=best"
        )
    return median(known)
