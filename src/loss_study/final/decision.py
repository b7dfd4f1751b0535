"""What the study decided: for each head the loss, and the learning rate that it was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from loss_study.config import Config
from loss_study.runtime.errors import StudyError, nearest
from loss_study.statistics.results import read_json
from loss_study.training import choice
from loss_study.training.choice import Choice
from loss_study.trial import Trial, trials

METRICS = Path("reports/metrics.json")


@dataclass(frozen=True)
class Winner:
    """The loss that a head of the final model is trained with.

    Attributes:
        choice: its learning rate and weights, as `tune` found them.
        decided: whether the study decided for it within its margin; False for one that was named instead.
        regret_bound, margin: no other loss is better by more than the bound, in the unit of the head's metric, with
            95 % confidence; None where the study says nothing.
    """

    head: str
    loss: str
    choice: Choice
    decided: bool
    regret_bound: float | None
    margin: float | None

    @property
    def sentence(self) -> str:
        """How sure the choice is."""
        if self.decided:
            return f"No other loss of the study is better by more than {self.regret_bound:.3g} (95 % confidence)."
        if self.regret_bound is not None:
            return (
                f"The study is not decided: another loss may be better by up to {self.regret_bound:.3g} "
                f"(95 % confidence), more than the margin of {self.margin:.3g}."
            )
        return "It was named by hand; no study compared it."


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
    loss = named or _chosen(config, head, summary)
    if loss not in config.losses:
        raise StudyError(
            f"--loss {head}={loss}: not in the study in params.yaml; {nearest(loss, config.losses)}"
            if named
            else f"{METRICS}: chose {loss} for the {head}, which params.yaml does not study; run 'dvc repro'"
        )
    told = summary if summary is not None and loss == summary.get("choice") else {}
    found = choice.read(Trial(head, loss, 0))
    return Winner(head, loss, found, bool(told.get("decided")), told.get("regret_bound"), told.get("margin"))


def _chosen(config: Config, head: str, summary: Mapping[str, Any] | None) -> str:
    if summary is None:
        raise StudyError(f"{METRICS}: says nothing of the {head}, which params.yaml studies; run 'dvc repro'")
    if not summary.get("choice"):
        first = config.losses[0]
        raise StudyError(
            f"{METRICS}: no loss was chosen for the {head} (one seed decides nothing); train more seeds, or name a "
            f"loss: --loss {head}={summary.get('best_loss') if summary.get('best_loss') in config.losses else first}"
        )
    return str(summary["choice"])


def threshold_of(config: Config, winner: Winner) -> float:
    """Return the median of the thresholds that the study's trials of a mask's winner have, from validation images.

    Raises:
        StudyError: none of them has been evaluated.
    """
    of_winner = [one for one in trials(config) if (one.head, one.loss) == (winner.head, winner.loss)]
    found = [read_json(one.eval_dir / "metrics.json").get("threshold") for one in of_winner]
    known = [threshold for threshold in found if threshold is not None]
    if not known:
        raise StudyError(
            f"eval/: no trial of {winner.loss} on the {winner.head} has a threshold; run 'dvc repro', or keep the "
            "best epoch: recipe.keep=best"
        )
    return median(known)
