"""What the case study of scales says of a study of just this scale: would its choice have been right at a larger one?

The table beside this file is written by ``python scale/page.py`` in ``case_studies/``.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from loss_study import metrics
from loss_study.config import Config
from loss_study.metrics import Metric
from loss_study.statistics.sentences import at_most

TABLE = Path(__file__).with_suffix(".csv")
#: A row for a study of a dataset, a head and a larger study: hashes of its images (none where they are somebody's own)
#: and of its scale, the choice of the first, what the second has more of, its margin, and by how much the choice is
#: worse than the best loss there, at most, with 95 % confidence; empty without such a bound.
COLUMNS = ("rung", "dataset", "images", "scale", "head", "metric", "choice", "larger", "at", "margin", "regret_high")


def images(config: Config) -> str:
    """Return a hash of what images a study is of."""
    return _hash(config, {"dataset"})


def scale(config: Config) -> str:
    """Return a hash of what makes the scale of a study: its sample, network, losses and recipe, not its seeds."""
    return _hash(config, {"sample", "model", "loss", "loss_options", "joint", "recipe"})


def _hash(config: Config, sections: set[str]) -> str:
    parts = config.model_dump(mode="json", include=sections)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def sentence(config: Config, head: str, metric: Metric, table: Path = TABLE) -> str:
    """Return what larger studies say of the choice for `head` on `metric`.

    "" unless a study with its losses, network and sizes was measured, and there are larger ones with a bound. Studies
    of the same images are told; where there are none, those of other images, as such.
    """
    with table.open(newline="", encoding="utf-8") as file:
        wanted = {"scale": scale(config), "head": head, "metric": metric.name}
        known = [row for row in csv.DictReader(file) if all(row[key] == value for key, value in wanted.items())]
    if same := [row for row in known if row["images"] == images(config)]:
        return _told("A study of this scale", same, metric)
    datasets = dict.fromkeys(row["dataset"] for row in known)
    told = [
        _told(
            f"On other images ({name}) a study of this scale", [row for row in known if row["dataset"] == name], metric
        )
        for name in datasets
    ]
    return " ".join(filter(None, told))


def _told(who: str, known: Sequence[dict[str, str]], metric: Metric) -> str:
    """Return the bound of one larger study, of several how many bounds are within the margin; "" without any."""
    rows = list({row["larger"]: row for row in known}.values())
    if not any(row["regret_high"] for row in rows):
        return ""
    begin = f"{who} chose {rows[0]['choice']};"
    if len(rows) == 1:
        bound = metric.with_unit(at_most(metric, float(rows[0]["regret_high"])))
        return (
            f"{begin} with 95 % confidence that loss was at most {bound} worse than the best compared one at "
            f"{rows[0]['at']} (docs/scale.md)."
        )
    good = sum(bool(row["regret_high"]) and float(row["regret_high"]) <= float(row["margin"]) for row in rows)
    return (
        f"{begin} in {good} of {len(rows)} larger studies that loss was within their margin of the best compared one, "
        "with 95 % confidence in each (docs/scale.md)."
    )


def sentences(config: Config, table: Path = TABLE) -> list[str]:
    """Return the sentences of all heads of a study that has not run yet; see `sentence`."""
    found = {
        head: sentence(config, head, metrics.headline_of(head, config.dataset.classes), table)
        for head in config.loss.heads
    }
    return [f"{head}: {one}" for head, one in found.items() if one]
