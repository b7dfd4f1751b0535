"""Show a long training in MLflow while it runs."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from loss_study.config import Config
from loss_study.metrics import headline_of
from loss_study.tracking import describe, patience
from loss_study.tracking import store as stores
from loss_study.tracking.store import Store
from loss_study.trial import Trial

if TYPE_CHECKING:
    from mlflow.entities import Run

_STATUS = {"finished": "FINISHED", "diverged": "FAILED", "interrupted": "KILLED"}
#: A dead server must not hold up a training for long: at most two requests of this many seconds.
_TIMEOUT_SECONDS = 5
#: Addresses of stores that have failed in this process; the user is told once.
_failed: set[str] = set()


class LiveRun:
    """The run in MLflow of a training in progress, opened once the training has lasted `after_seconds`.

    It listens to the training of one trial; the next trial of the same process has one of its own. Short trainings
    never import MLflow. Whatever goes wrong with MLflow is one line on stderr and the end of the live run, never of the
    training: `mirror.fill_in` completes or replaces the run when the trial's files exist. A training that resumes from
    a checkpoint begins with the rows of its earlier epochs, and goes on in the same run.

    Args:
        trial: the trial.
        config: what it is trained with: the learning rate and the weights are those that the first round chose.
        study: the configuration of the study, where it differs from `config`.
    """

    def __init__(
        self, trial: Trial, config: Config, *, study: Config | None = None, after_seconds: float = 60.0
    ) -> None:
        self.trial, self.config, self.study = trial, config, study or config
        self.after_seconds = after_seconds
        self._began = time.monotonic()
        self._rows: list[dict[str, float]] = []
        self._sent: set[int] = set()
        self._start_ms = round(time.time() * 1000)
        self._store: Store | None = None
        self._run_id = ""
        self._given_up = False

    def epoch(self, row: Mapping[str, float]) -> None:
        """Take the values of one epoch, named as the columns of ``history.csv``."""
        self._rows.append(dict(row))
        if time.monotonic() - self._began >= self.after_seconds:
            self._attempt(self._send)

    def close(self, status: str) -> None:
        """End the run: `status` is "finished", "diverged" or "interrupted"."""
        if self._run_id:
            self._attempt(lambda: self._opened().client.set_terminated(self._run_id, _STATUS[status]))

    def _attempt(self, action: Callable[[], None]) -> None:
        if self._given_up:
            return
        try:
            patience.within(patience.SECONDS, action)
        except Exception as error:
            self._given_up = True
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if stores.uri() in _failed:
            return
        _failed.add(stores.uri())
        reason = stores.brief(f"{type(error).__name__}: {error}")
        print(f"MLflow: {reason}; training goes on, 'compare' completes its run", file=sys.stderr, flush=True)

    def _send(self) -> None:
        """Log the epochs that the run does not have yet, in one request."""
        from mlflow.entities import Metric  # noqa: PLC0415

        client = self._opened().client
        headline = headline_of(self.trial.head, self.config.dataset.classes)
        points = describe.curve(headline.name, self._rows, self._start_ms)
        client.log_batch(self._run_id, metrics=[Metric(*point) for point in points if point[3] not in self._sent])
        self._sent = {int(row["epoch"]) for row in self._rows}

    def _opened(self) -> Store:
        """Return the store, opened at the first call, and with it the run."""
        if self._store is None:
            self._store = stores.connect(timeout_seconds=_TIMEOUT_SECONDS, retries=1)
            self._open(self._store)
        return self._store

    def _open(self, store: Store) -> None:
        from mlflow.entities import Param  # noqa: PLC0415

        training = describe.training_key(self.trial, self.config)
        earlier = find(store, stores.runs(store, {describe.TRAINING: training}), self._rows)
        if earlier is not None:
            self._run_id, self._start_ms = earlier.info.run_id, earlier.info.start_time
            self._sent = logged_epochs(store, self._run_id)
            store.client.update_run(self._run_id, status="RUNNING")
            return
        tags = {**describe.tags_of(self.trial, training, self.study), describe.LIVE: "open"}
        name = describe.run_name(self.trial.name)
        run = store.client.create_run(store.experiment, start_time=self._start_ms, run_name=name, tags=tags)
        self._run_id = run.info.run_id
        parameters = describe.parameters_of(self.trial, self.config)
        store.client.log_batch(self._run_id, params=[Param(*item) for item in parameters.items()])


def find(store: Store, training: Iterable[Run], rows: Sequence[Mapping[str, float]]) -> Run | None:
    """Return the run that a training opened and no mirror has touched, if its curve is the beginning of `rows`.

    Args:
        store: where they are.
        training: the runs of the same training, see `describe.TRAINING`.
        rows: the history of the training up to now.
    """
    losses = {int(row["epoch"]): row["train_loss"] for row in rows}
    for run in training:
        if run.data.tags.get(describe.LIVE) != "open":
            continue
        logged = store.client.get_metric_history(run.info.run_id, "train_loss")
        if all(_same(point.value, losses.get(point.step)) for point in logged):
            return run
    return None


def logged_epochs(store: Store, run_id: str) -> set[int]:
    """Return the epochs whose curves the run has."""
    return {point.step for point in store.client.get_metric_history(run_id, "train_loss")}


def _same(logged: float, other: float | None) -> bool:
    """Return whether both are one number, but for the digits that a text file loses."""
    if other is None:
        return False
    return math.isclose(logged, other, rel_tol=1e-4) or (math.isnan(logged) and math.isnan(other))
