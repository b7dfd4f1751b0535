"""A study that has decided, made by hand, and the command that trains its final model."""

import contextlib
import json
from pathlib import Path

import yaml

from loss_study import cli
from loss_study.config import composition
from loss_study.training import choice
from support.clone import ROOT
from support.samples import write_sample

DECIDED = {"decided": True, "regret_bound": 0.01, "margin": 0.02}
CHOICES = {"mask": {"choice": "dice", **DECIDED}, "depth": {"choice": "rmse", **DECIDED}}
METRES = {"unit": "m", "halfway_m": 9.0, "farthest_m": 80.0}
#: Learning rates that `tune` has found.
RATES = {"mask": 0.04, "depth": 0.01}


def write_study(folder: Path, *choices: str, heads=("mask", "depth"), metrics=CHOICES, depth=METRES) -> None:
    """Write what `final` reads below `folder`: params.yaml, the sample of discs, tuning/ and reports/metrics.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".git").mkdir(exist_ok=True)
    write_sample(folder / "data/sample", depth=depth)
    with contextlib.chdir(ROOT):
        small = ["model.options.width=2", "model.options.stages=1", "recipe.epochs=3", "recipe.batch_size=4"]
        composition.compose(folder / "params.yaml", ["scale=smoke", *small, *choices])
    values = yaml.safe_load((folder / "params.yaml").read_text())
    values["loss"]["heads"] = list(heads)
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    with contextlib.chdir(folder):
        for head in heads:
            for loss in [name for kind in ("names", "combinations", "imported") for name in values["loss"][kind]]:
                choice.write_recipes_own(head, loss, RATES[head])
    if metrics is not None:
        (folder / "reports").mkdir(exist_ok=True)
        (folder / "reports/metrics.json").write_text(json.dumps({head: metrics[head] for head in heads}))


def run_final(*words: str) -> dict:
    """Run ``loss-study final`` in the working directory, without MLflow; return what model/model.json says."""
    arguments = cli.parse(["final", "--no-register", *words])
    arguments.main(arguments)
    return json.loads((arguments.output / "model.json").read_text())
