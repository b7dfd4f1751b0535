"""One run for each study: it holds the summary and the report, and lists the runs of the study's trials.

A trial may belong to several studies, so its run has a tag for each of them, and no parent run.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loss_study.config import Config
from loss_study.metrics import headline_of
from loss_study.tracking import describe, views
from loss_study.tracking import outputs as trial_outputs
from loss_study.tracking import store as stores
from loss_study.tracking.mirror import TrialRuns
from loss_study.tracking.outputs import Outputs
from loss_study.tracking.store import Store
from loss_study.trial import Trial

if TYPE_CHECKING:
    from mlflow.entities import Run

#: Tag of a study's run: which study it is of.
STUDY = "loss_study.study"
#: The table of a study's run that lists its trials.
TRIALS = "trials.csv"
_COLUMNS = ("head", "loss", "seed", "verdict", "metric", "test", "run")
_REPORT = ("index.html", "answer.csv", "rounds.csv", "pairs.csv", "compare.csv", "metrics.json")


@dataclass(frozen=True)
class _Member:
    """A trial of the study and its complete run."""

    outputs: Outputs
    run: Run


def gather(trials: Iterable[Trial], config: Config, reports: Path) -> str:
    """Make the run of the study that `config` describes, and mark the runs of its `trials`; return the id of its run.

    After `mirror.fill_in`. Other studies that have some of the trials keep them.

    Raises:
        StudyError: MLflow cannot be reached or refuses.
    """
    with stores.failing_in_one_line():
        store = stores.connect()
        views.save(store, config)
        summary = dict(numbers(json.loads((reports / "metrics.json").read_bytes())))
        study = _run_of(store, config, summary)
        runs = TrialRuns(store)
        members = list(_members(runs, trials, config))
        _mark(store, runs.all, members, config)
        _fill(store, study, members, summary, reports)
        return study.info.run_id


def numbers(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of nested `values` by dotted names: ``mask.dice.iou``, ``trials.sound``."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", float(value)


def _run_of(store: Store, config: Config, summary: Mapping[str, float]) -> Run:
    """Return the study's run, created where it is missing; of two that were created at once the older one stays.

    One with a number that is no longer in `summary` is replaced: MLflow removes no metric.
    """
    tags = {STUDY: describe.study_key(config)}
    for run in stores.runs(store, tags):
        if run.data.metrics.keys() - summary.keys():
            store.client.delete_run(run.info.run_id)
    if not stores.runs(store, tags):
        _create(store, config, tags)
    study, *others = stores.runs(store, tags)
    for run in others:
        store.client.delete_run(run.info.run_id)
    return study


def _create(store: Store, config: Config, tags: dict[str, str]) -> None:
    from mlflow.entities import Param  # noqa: PLC0415

    links = [
        f"[{head}]({views.address('', store.experiment, views.of_study(head, config))})" for head in config.loss.heads
    ]
    note = f"Trials, best first: {', '.join(links)}. Their runs have the tag `{describe.study_tag(config)}`."
    name = describe.run_name(describe.study_name(config))
    run = store.client.create_run(store.experiment, run_name=name, tags=tags | {"mlflow.note.content": note})
    parameters = {
        "dataset": config.dataset.name,
        "scale": config.scale,
        "recipe": config.recipe.name,
        "losses": ", ".join(config.candidates),
        "heads": ", ".join(config.loss.heads),
        "seeds": ", ".join(map(str, config.seeds)),
    }
    store.client.log_batch(run.info.run_id, params=[Param(*item) for item in parameters.items()])


def _members(runs: TrialRuns, trials: Iterable[Trial], config: Config) -> Iterator[_Member]:
    for trial in trials:
        outputs = trial_outputs.read(trial)
        if outputs is not None:
            complete = runs.complete(describe.trained_key(outputs, config), outputs.content)
            yield from (_Member(outputs, run) for run in complete[:1])


def _mark(store: Store, runs: Iterable[Run], members: Sequence[_Member], config: Config) -> None:
    """Give the study's tag to the members' runs, and take it from those of the same trials with earlier results."""
    tag, name = describe.study_tag(config), describe.study_name(config)
    marked = {run.info.run_id: run for run in runs if run.data.tags.get(tag) == name}
    for member in members:
        if marked.pop(member.run.info.run_id, None) is None:
            store.client.set_tag(member.run.info.run_id, tag, name)
    for run_id, run in marked.items():
        # A training in progress is a member to be.
        if describe.CONTENT in run.data.tags:
            store.client.delete_tag(run_id, tag)


def _fill(store: Store, study: Run, members: Sequence[_Member], summary: Mapping[str, float], reports: Path) -> None:
    """Log the table of trials, the summary and the report, unless they are those that the run has."""
    from mlflow.entities import Metric  # noqa: PLC0415

    table, files = _table(members), [reports / name for name in _REPORT]
    content = hashlib.sha256(b"".join([table.encode(), *(path.read_bytes() for path in files)])).hexdigest()[:16]
    if study.data.tags.get(describe.CONTENT) == content:
        return
    run_id, now_ms = study.info.run_id, round(time.time() * 1000)
    metrics = [Metric(name, value, now_ms, 0) for name, value in summary.items()]
    store.client.log_batch(run_id, metrics=metrics)
    store.client.log_text(run_id, table, TRIALS)
    for path in files:
        store.client.log_artifact(run_id, str(path), "report")
    store.client.set_terminated(run_id, "FINISHED")
    store.client.set_tag(run_id, describe.CONTENT, content)


def _table(members: Sequence[_Member]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for member in members:
        trial, outputs = member.outputs.trial, member.outputs
        metric = headline_of(trial.head, outputs.evaluation["classes"]).name
        test = outputs.evaluation["test"].get(metric)
        writer.writerow([trial.head, trial.loss, trial.seed, outputs.verdict, metric, test, member.run.info.run_id])
    return file.getvalue()
