"""Complete MLflow: exactly one complete run for every trial that DVC holds."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from loss_study.config import Config
from loss_study.data.packed import SPLITS, PackedSample
from loss_study.report.panels import PNG_LEVEL
from loss_study.runtime.files import temporary_folder
from loss_study.tracking import describe, live, model, panels, views
from loss_study.tracking import outputs as trial_outputs
from loss_study.tracking import store as stores
from loss_study.tracking.outputs import Outputs
from loss_study.tracking.store import Store
from loss_study.trial import SAMPLE, Trial

if TYPE_CHECKING:
    from mlflow.entities import Run


@dataclass(frozen=True)
class Summary:
    """What `fill_in` did: names of trials whose run was created, completed from a live one, or found complete.

    `absent` are trials that were not trained or not evaluated; `address` is the store's, without credentials.
    """

    address: str
    created: list[str]
    completed: list[str]
    kept: list[str]
    absent: list[str]

    def __str__(self) -> str:
        held = len(self.created) + len(self.completed) + len(self.kept)
        new = len(self.created) + len(self.completed)
        absent = f"; no outputs of {', '.join(self.absent)}" if self.absent else ""
        return f"MLflow holds {held} run{'' if held == 1 else 's'} ({new} new) in {self.address}{absent}"


def fill_in(trials: Iterable[Trial], config: Config) -> Summary:
    """Make sure that every one of `trials` with outputs has exactly one complete run in MLflow.

    A run is identified by its parameters and the content of the trial's files, so a second call changes nothing, and a
    call on an empty store brings every run back. A run that a live training opened is completed; one that this checkout
    left half-filled is replaced. Checkouts that do this at the same time each fill their own runs, of which the oldest
    stays.

    Raises:
        StudyError: MLflow cannot be reached or refuses; trials filled in until then stay.
    """
    summary = Summary(stores.shown(stores.uri()), [], [], [], [])
    with stores.failing_in_one_line(), stores.lock("mirror"):
        mirror = _Mirror(stores.connect(), config, PackedSample.open(SAMPLE))
        views.save(mirror.store, config)
        for trial in trials:
            getattr(summary, mirror.ensure(trial)).append(trial.name)
        mirror.delete_doubles()
    return summary


class TrialRuns:
    """The runs of trials in a store, oldest first."""

    def __init__(self, store: Store) -> None:
        self.all = stores.runs(store, {describe.TRAINING: None})
        self._by_training: dict[str, list[Run]] = {}
        for run in self.all:
            self._by_training.setdefault(run.data.tags[describe.TRAINING], []).append(run)

    def of_training(self, training: str) -> list[Run]:
        """Return the runs of a training, see `describe.training_key`; those with earlier results among them."""
        return self._by_training.get(training, [])

    def complete(self, training: str, content: str) -> list[Run]:
        """Return those that are complete and hold these results, see `Outputs.content`."""
        return [run for run in self.of_training(training) if run.data.tags.get(describe.CONTENT) == content]


class _Mirror:
    """One pass over the trials of a study; they share a store and a sample."""

    def __init__(self, store: Store, config: Config, sample: PackedSample) -> None:
        self.store, self.config, self.sample = store, config, sample
        self.checkout = f"{socket.gethostname()}:{stores.root()}"
        self.filled: list[tuple[str, str]] = []
        self.runs = TrialRuns(store)

    def ensure(self, trial: Trial) -> str:
        """Leave exactly one complete run of `trial`; return the `Summary` field that it belongs to."""
        outputs = trial_outputs.read(trial)
        if outputs is None:
            return "absent"
        config = describe.as_trained(self.config, outputs.record)
        training, content = describe.training_key(trial, config), outputs.content
        complete, same = self.runs.complete(training, content), self.runs.of_training(training)
        begun = None if complete else live.find(self.store, same, outputs.history)
        half_filled = [
            run
            for run in same
            if describe.CONTENT not in run.data.tags
            and run.data.tags.get(describe.FILLER, self.checkout) == self.checkout
            and not (begun and begun.info.run_id == run.info.run_id)
        ]
        self._delete(complete[1:] + half_filled)
        if complete:
            return "kept"
        self._fill(begun.info.run_id if begun else self._open(outputs, training), outputs, config, content)
        self.filled.append((training, content))
        return "completed" if begun else "created"

    def delete_doubles(self) -> None:
        """Of each trial that was filled here, leave the oldest run: another checkout may have filled the same."""
        if self.filled:
            runs = TrialRuns(self.store)
            for training, content in self.filled:
                self._delete(runs.complete(training, content)[1:])

    def _delete(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self.store.client.delete_run(run.info.run_id)

    def _open(self, outputs: Outputs, training: str) -> str:
        """Create a run; it began as long ago as the training took."""
        # MLflow refuses a time before 1970, where a clock without a battery begins.
        start_ms = max(0, round((time.time() - outputs.record["seconds"]) * 1000))
        return self.store.client.create_run(
            self.store.experiment,
            start_time=start_ms,
            run_name=describe.run_name(outputs.trial.name),
            tags={**describe.tags_of(outputs.trial, training, self.config), describe.FILLER: self.checkout},
        ).info.run_id

    def _fill(self, run_id: str, outputs: Outputs, config: Config, content: str) -> None:
        """Log everything; the tag of the content comes last, so that a run without it is known to be half-filled."""
        client = self.store.client
        run = client.get_run(run_id)
        client.set_tag(run_id, describe.FILLER, self.checkout)
        client.set_tag(run_id, describe.LIVE, "closed")
        self._numbers(run, outputs, config)
        self._dataset(run_id, self.sample.of_fold(outputs.record.get("fold", 0)))
        if outputs.predictions.exists():
            self._panels(run_id, outputs)
        if outputs.model.exists():
            model.log(self.store, run_id, outputs, self.sample)
        end_ms = run.info.start_time + round(outputs.record["seconds"] * 1000)
        status = "FAILED" if outputs.record["status"] == "diverged" else "FINISHED"
        client.set_terminated(run_id, status, end_ms)
        client.set_tag(run_id, describe.CONTENT, content)

    def _numbers(self, run: Run, outputs: Outputs, config: Config) -> None:
        from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415

        run_id, start_ms = run.info.run_id, run.info.start_time
        last_ms = start_ms + round(outputs.record["seconds"] * 1000)
        logged = live.logged_epochs(self.store, run_id)
        points = [
            Metric(*point)
            for point in describe.curve(outputs.record["metric"], outputs.history, start_ms)
            if point[3] not in logged
        ]
        single = [Metric(key, value, last_ms, 0) for key, value in describe.outcome_metrics(outputs).items()]
        self.store.client.log_batch(
            run_id,
            metrics=points + single,
            params=[Param(*item) for item in describe.parameters_of(outputs.trial, config).items()],
            tags=[RunTag(*item) for item in describe.outcome_tags(outputs).items()],
        )

    def _dataset(self, run_id: str, sample: PackedSample) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415

        sizes = {split: len(sample.rows(split)) for split in SPLITS}
        dataset = Dataset(
            name=self.config.dataset.title,
            digest=describe.sample_digest(),
            source_type="dvc",
            source=json.dumps({"uri": SAMPLE.as_posix()}),
            profile=json.dumps(sizes),
        )
        tags = {"mlflow.data.context": "train, validation, test", **{key: str(size) for key, size in sizes.items()}}
        used = DatasetInput(dataset, [InputTag(*item) for item in tags.items()])
        stores.write_shared(lambda: self.store.client.log_inputs(run_id, [used]))

    def _panels(self, run_id: str, outputs: Outputs) -> None:
        predictions = np.load(outputs.predictions, allow_pickle=False)
        sheet = panels.sheet(self.sample, outputs.trial.head, outputs.evaluation["panel"], predictions)
        with temporary_folder() as folder:
            path = folder / "panels.png"
            sheet.save(path, compress_level=PNG_LEVEL)
            self.store.client.log_artifact(run_id, str(path))
        # As an image, too, so that the page's image grid shows it beside those of other runs.
        self.store.client.log_image(run_id, sheet, key="panels", step=0, synchronous=True)
