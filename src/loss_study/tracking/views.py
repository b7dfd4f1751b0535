"""Saved views of MLflow's runs table, in its menu "Views": the trials of one head, best first, with their numbers.

Of itself the table shows no parameter and no metric. A view is a tag of the experiment, as the page itself saves it.
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

from loss_study.metrics import HEADLINE, find
from loss_study.tracking.store import Store, write_shared

#: The start of the tag's name; the rest is the view's id, ``viewStateShareKey`` in its address.
TAG = "mlflow.sharedViewState."
_FURTHER = {"mask": ("dice", "boundary_f"), "depth": ("abs_rel", "delta1")}


def save(store: Store) -> None:
    """Give the experiment one view for each head, where it lacks it."""
    there = store.client.get_experiment(store.experiment).tags
    for head in HEADLINE:
        if TAG + head not in there:
            now_ms = round(time.time() * 1000)
            view = {"name": f"{head}: best first", "createdAt": now_ms, "state": json.dumps(_state(head))}
            write_shared(partial(store.client.set_experiment_tag, store.experiment, TAG + head, json.dumps(view)))


def address(server: str, experiment: str, head: str) -> str:
    """Return where the page of `server`, such as ``http://127.0.0.1:5000``, shows the view of `head`."""
    return f"{server}/#/experiments/{experiment}/runs?viewStateShareKey={head}&workflowType=machine_learning"


def _state(head: str) -> dict[str, Any]:
    headline = HEADLINE[head]
    metrics = [f"test/{headline}", *(f"test/{name}" for name in _FURTHER[head]), f"best/{headline}", "best/epoch"]
    return {
        "searchFilter": f"params.head = '{head}'",
        "orderByKey": f"metrics.`test/{headline}`",
        "orderByAsc": not find(headline).higher_is_better,
        "selectedColumns": [
            *(f"params.`{name}`" for name in ("loss", "seed", "dataset", "scale", "lr")),
            *(f"metrics.`{name}`" for name in metrics),
            "tags.`verdict`",
            "tags.`dvc.stage`",
        ],
        "runsHiddenMode": "SHOW_ALL",
    }
