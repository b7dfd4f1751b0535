"""One parent run for each study: the trials hang below it, and it holds the summary and the report."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loss_study.config import Config
from loss_study.tracking import describe
from loss_study.tracking import store as stores
from loss_study.tracking.store import Store
from loss_study.trial import Trial

if TYPE_CHECKING:
    from mlflow.entities import Run

#: Tag of a parent run: the study that it stands for, as in the tag ``study`` of its trials.
STUDY = "loss_study.study"
_PARENT = "mlflow.parentRunId"
_REPORT = ("index.html", "ranking.csv", "pairs.csv", "compare.csv", "metrics.json")


def gather(trials: Iterable[Trial], config: Config, reports: Path) -> str:
    """Hang the runs of `trials` below the run of their study, which gets the report, and return its id.

    A trial that two studies share hangs below the one that was compared last.

    Raises:
        StudyError: MLflow cannot be reached or refuses.
    """
    with stores.failing_in_one_line():
        store = stores.connect()
        key = describe.study_key(config)
        parent = _parent(store, key, config)
        _fill(store, parent, reports)
        for trial in trials:
            for run in stores.runs(store, {describe.TRAINING: describe.training_key(trial, config)}):
                if run.data.tags.get(_PARENT) != parent.info.run_id:
                    store.client.set_tag(run.info.run_id, _PARENT, parent.info.run_id)
        return parent.info.run_id


def numbers(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of nested `values` by dotted names: ``mask.iou``, ``trials.sound``."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", float(value)


def _parent(store: Store, key: str, config: Config) -> Run:
    found = stores.runs(store, {STUDY: key})
    if found:
        return found[0]
    experiment = os.environ.get("DVC_EXP_NAME")
    name = f"study of {config.dataset.name}, {config.scale.name}, {config.recipe.name}"
    run = store.client.create_run(
        store.experiment, run_name=f"{name} ({experiment})" if experiment else name, tags={STUDY: key}
    )
    told = {
        "dataset": config.dataset.name,
        "scale": config.scale.name,
        "recipe": config.recipe.name,
        "losses": ", ".join(config.loss.names),
        "heads": ", ".join(config.loss.heads),
        "seeds": ", ".join(map(str, config.seeds)),
    }
    for item in told.items():
        store.client.log_param(run.info.run_id, *item)
    return run


def _fill(store: Store, parent: Run, reports: Path) -> None:
    """Log summary and report, unless they are the ones that the run has."""
    summary = (reports / "metrics.json").read_bytes()
    content = hashlib.sha256(summary).hexdigest()[:16]
    if parent.data.tags.get(describe.CONTENT) == content:
        return
    run_id = parent.info.run_id
    for name, value in numbers(json.loads(summary)):
        store.client.log_metric(run_id, name, value)
    for name in _REPORT:
        store.client.log_artifact(run_id, str(reports / name), "report")
    store.client.set_terminated(run_id, "FINISHED")
    store.client.set_tag(run_id, describe.CONTENT, content)
