"""Saved views of MLflow's runs table, in its menu "Views": the trials of one head, best first, with their numbers.

Without a view the table shows no parameter and no metric. There is a view for each head of all studies, and one for
each head of each study. A view is a tag of the experiment, as the page itself saves it.
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

from loss_study.config import Config
from loss_study.metrics import HEADLINE, headline_of
from loss_study.tracking import describe
from loss_study.tracking.store import Store, write_shared

#: The start of the tag's name; the rest is the view's id, ``viewStateShareKey`` in its address.
TAG = "mlflow.sharedViewState."
_FURTHER = {"mask": ("dice", "boundary_f"), "depth": ("rmse", "abs_rel", "delta1")}


def save(store: Store, study: Config | None = None) -> None:
    """Give the experiment one view for each head, and for each head of `study`, where it lacks them."""
    views = {head: (f"{head}: best first", _state(head, f"params.head = '{head}'")) for head in HEADLINE}
    if study is not None:
        tag, name = describe.study_tag(study), f"{describe.study_name(study)}, {describe.study_key(study)[:4]}"
        for head in study.loss.heads:
            members = f"params.head = '{head}' AND tags.`{tag}` != ''"
            views[of_study(head, study)] = f"{head}: {name}", _state(head, members, study.dataset.classes)
    existing = store.client.get_experiment(store.experiment).tags
    for view, (name, state) in views.items():
        if TAG + view not in existing:
            saved = {"name": name, "createdAt": round(time.time() * 1000), "state": json.dumps(state)}
            write_shared(partial(store.client.set_experiment_tag, store.experiment, TAG + view, json.dumps(saved)))


def of_study(head: str, study: Config) -> str:
    """Return the id of the view that shows the trials of one head of a study."""
    return f"{head}-{describe.study_key(study)}"


def address(server: str, experiment: str, view: str) -> str:
    """Return where the page of `server`, such as ``http://127.0.0.1:5000``, shows a view, ``mask`` for example."""
    return f"{server}/#/experiments/{experiment}/runs?viewStateShareKey={view}&workflowType=machine_learning"


def _state(head: str, runs: str, classes: int = 1) -> dict[str, Any]:
    metric = headline_of(head, classes)
    headline = metric.name
    metrics = [f"test/{headline}", *(f"test/{name}" for name in _FURTHER[head]), f"kept/{headline}", "kept/epoch"]
    return {
        "searchFilter": runs,
        "orderByKey": f"metrics.`test/{headline}`",
        "orderByAsc": not metric.higher_is_better,
        "selectedColumns": [
            *(f"params.`{name}`" for name in ("loss", "seed", "dataset", "scale", "lr")),
            *(f"metrics.`{name}`" for name in metrics),
            "tags.`verdict`",
            "tags.`dvc.stage`",
        ],
        "runsHiddenMode": "SHOW_ALL",
    }
