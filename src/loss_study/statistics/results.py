"""What the trials of a study left in ``runs/`` and ``eval/``."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loss_study.config import Config
from loss_study.joint_trial import history_of, record_of
from loss_study.metrics import headline_of, rises
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.statistics import arithmetic
from loss_study.trial import Trial, trials

MISSING = "missing"
DIVERGED = "diverged"
#: The verdict on a trial that learned less than these shares of what the best seed of its loss, of any loss did.
LEARNED_LITTLE = "learned little"
LEAST_OF_LOSS, LEAST_OF_ANY = 1 / 3, 1 / 10


@dataclass(frozen=True)
class Result:
    """One trial's outcome.

    Attributes:
        trial: which trial.
        status: "finished", "diverged" or "missing".
        verdict: "" or what is wrong with its predictions: "all background", "constant depth", ...; or `LEARNED_LITTLE`,
            which `mark` finds by the other seeds.
        reason: one phrase on why it diverged or is missing, else "".
        run: ``trial.json``, empty where training left none.
        test: the head's metrics on the test split, empty where evaluation left none.
        threshold: best threshold on validation (mask), else None.
        panel: image numbers of the rows of ``predictions.npy``.
        history: rows of ``history.csv`` as written, one per epoch.
        classes: of the mask; 1 for the depth.
        constant: the headline metric on the test split of the best constant prediction; None where it is unknown.
    """

    trial: Trial
    status: str
    verdict: str
    reason: str
    run: dict[str, Any]
    test: dict[str, float]
    threshold: float | None
    panel: tuple[int, ...]
    history: tuple[dict[str, str], ...]
    classes: int = 1
    constant: float | None = None

    @property
    def sound(self) -> bool:
        """True if it trained to the end, learned something, and has its headline metric."""
        return self.has_scores and not self.verdict

    @property
    def has_scores(self) -> bool:
        """True if it trained to the end, predicts more than a constant, and has its headline metric."""
        return self.status == "finished" and self.verdict in ("", LEARNED_LITTLE) and self._headline in self.test

    @property
    def learned(self) -> float | None:
        """How much better it is than the best constant prediction, on the headline metric; None if that is unknown."""
        if self.constant is None or not self.has_scores:
            return None
        gain = self.test[self._headline] - self.constant
        return gain if rises(self.trial.head) else -gain

    @property
    def best_epoch(self) -> int | None:
        """The first epoch with the best validation value, whichever is kept; None without a finite one."""
        values = {int(row["epoch"]): float(row["validation"] or "nan") for row in self.history}
        finite = {epoch: value for epoch, value in values.items() if math.isfinite(value)}
        if not finite:
            return None
        return (max if rises(self.trial.head) else min)(finite, key=finite.__getitem__)

    @property
    def fold(self) -> int:
        """The fold that it was tested on; 0 with a fixed split."""
        return self.run.get("fold", 0)

    @property
    def _headline(self) -> str:
        return headline_of(self.trial.head, self.classes).name

    @property
    def missing(self) -> bool:
        """Whether nothing is known of it: it was not trained or not evaluated, or a stage ended early."""
        return self.status == MISSING

    @property
    def failure(self) -> str:
        """What went wrong, in one phrase; "" for a sound trial."""
        if self.status == DIVERGED:
            return f"diverged: {self.reason}" if self.reason else "diverged"
        if self.missing:
            return f"missing: {self.reason}"
        if self.verdict == LEARNED_LITTLE:
            return f"{LEARNED_LITTLE}: less than a third of what another seed did, or a tenth of what another loss did"
        if self.verdict:
            return f"collapsed: {self.verdict}"
        return "" if self.sound else f"no {self._headline} on the test split"


def comparable(trials: Mapping[str, Sequence[Result]]) -> set[str]:
    """Return the losses that are compared, see `ranking.Ranking`."""
    sound = {loss: sum(one.sound for one in of_loss) for loss, of_loss in trials.items()}
    safe = {loss for loss, of_loss in trials.items() if 0 < sound[loss] == len(of_loss)}
    if len(safe) > 1:
        return safe
    least = max(1, min(2, max(sound.values(), default=0)))
    return safe | {loss for loss, count in sound.items() if count >= least}


def read(config: Config, through: int | None = None) -> list[Result]:
    """Return a result for every trial of `config`, in their order, marked; absent ones have status "missing".

    Args:
        config: of the study.
        through: the last round to read; None: the last one that has been evaluated.

    Raises:
        StudyError: a file is damaged or of another trial, not a single trial has been evaluated, or their arithmetic
            differs.
    """
    results = [_read(trial) for trial in trials(config, through)]
    if not any(result.test for result in results):
        raise StudyError("eval/: none of the trials in params.yaml has been evaluated; run 'dvc repro'")
    if not config.compare.mixed:
        arithmetic.check(result.run for result in results)
    return mark(results)


def mark(results: Iterable[Result]) -> list[Result]:
    """Say which of the trials learned little, as far as these results show it.

    What a trial learned is how much better it is than the best constant prediction. Some trainings get stuck near that
    with one seed and not with another. A mean over both kinds says little of either, and with a few seeds hardly
    anything of the loss. So those that learned less than a third of what the best seed of their head and loss did count
    as failed, and where all seeds of a loss may be stuck, those that learned less than a tenth of what the best
    of any loss did. Why these shares: docs/statistics.md, "Seeds that fail".
    """
    fresh = [replace(one, verdict="") if one.verdict == LEARNED_LITTLE else one for one in results]
    least: dict[tuple[str, ...], float] = {}
    for one in fresh:
        for key, share in _shares(one.trial):
            least[key] = max(least.get(key, 0.0), share * (one.learned or 0.0))
    return [replace(one, verdict=LEARNED_LITTLE) if _learned_little(one, least) else one for one in fresh]


def _shares(trial: Trial) -> tuple[tuple[tuple[str, ...], float], ...]:
    """Return the groups that a trial is in, and which share of what their best one learned is enough."""
    return ((trial.head, trial.loss), LEAST_OF_LOSS), ((trial.head,), LEAST_OF_ANY)


def _learned_little(result: Result, least: Mapping[tuple[str, ...], float]) -> bool:
    limit = max(least[key] for key, _ in _shares(result.trial))
    return result.learned is not None and limit > 0 and result.learned < limit


def _read(trial: Trial) -> Result:
    for folder in (trial.run_dir, trial.eval_dir):
        checksums.check(folder)
    run = record_of(trial, read_json(trial.run_dir / "trial.json"))
    evaluation = read_json(trial.eval_dir / "metrics.json")
    _check_identity(trial, trial.run_dir / "trial.json", run)
    _check_identity(trial, trial.eval_dir / "metrics.json", evaluation)
    return Result(
        trial=trial,
        status=_status(run, evaluation),
        verdict=evaluation.get("verdict", ""),
        reason=_reason(trial, run, evaluation),
        run=run,
        test=_finite(evaluation.get("test", {})),
        threshold=evaluation.get("threshold"),
        panel=tuple(evaluation.get("panel", ())),
        history=tuple(history_of(trial, read_csv(trial.run_dir / "history.csv"))),
        classes=evaluation.get("classes", 1),
        constant=evaluation.get("constant"),
    )


def _check_identity(trial: Trial, path: Path, found: Mapping[str, Any]) -> None:
    """Raise a StudyError if a file says that it is of another trial: it was moved, or a node returned a wrong one."""
    for key in ("head", "loss", "seed"):
        wanted = getattr(trial, key)
        if found.get(key, wanted) != wanted:
            what = f"its {key} is {found[key]!r} instead of {wanted!r}"
            raise StudyError(f"{path}: {what}; run 'dvc repro -f' on its stage")


def _status(run: dict[str, Any], evaluation: dict[str, Any]) -> str:
    if run.get("status") == DIVERGED:
        return DIVERGED
    return "finished" if run and evaluation else MISSING


def _reason(trial: Trial, run: dict[str, Any], evaluation: dict[str, Any]) -> str:
    if not run:
        return f"not trained, no {trial.run_dir / 'trial.json'}"
    if run.get("status") == DIVERGED:
        return run.get("reason", "")
    return "" if evaluation else f"not evaluated, no {trial.eval_dir / 'metrics.json'}"


def _finite(metrics: dict[str, float | None]) -> dict[str, float]:
    """A metric that is undefined on this split (no foreground, say) is absent rather than NaN."""
    return {name: value for name, value in metrics.items() if value is not None and math.isfinite(value)}


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, or an empty one where there is no such file; StudyError if it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StudyError(f"{path}: damaged ({error}); run 'dvc repro -f' on its stage") from None


def read_columns(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the columns of a CSV file as written, by their names, or none where there is no such file.

    Raises:
        StudyError: a row is longer or shorter than the header.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names, *rows = list(csv.reader(file)) or [[]]
    except FileNotFoundError:
        return {}
    if any(len(row) != len(names) for row in rows):
        raise StudyError(f"{path}: damaged; run 'dvc repro -f' on its stage")
    return dict(zip(names, zip(*rows, strict=True) if rows else ((),) * len(names), strict=True))


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file as written, or none where there is no such file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []
