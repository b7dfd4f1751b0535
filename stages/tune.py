"""Choose the learning rate of a loss: ``python stages/tune.py mask dice``. Writes choice.json for the stage `train`.

A joint training has "joint" for its head and its name for its loss: ``python stages/tune.py joint joint_equal``.

Without a search (``recipe.search.lr`` is empty) it is the recipe's own. A search trains on data/sample.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from loss_study.heads import HEADS, JOINT
from loss_study.runtime.errors import run_stage
from loss_study.training import choice


def main() -> None:
    """Parse head and loss, search if the recipe has a search, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", choices=[*HEADS, JOINT])
    parser.add_argument("loss")
    arguments = parser.parse_args()
    head, loss = arguments.head, arguments.loss
    # `check` has seen to it that this is a valid configuration, and reading one with all checks takes longer.
    recipe = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["recipe"]
    if recipe["search"]["lr"]:
        _search(head, loss)
    else:
        choice.write_recipes_own(head, loss, recipe["optimizer"]["lr"])


def _search(head: str, loss: str) -> None:
    # Only now: importing torch takes seconds.
    from loss_study.config import load_config  # noqa: PLC0415
    from loss_study.data.packed import PackedSample  # noqa: PLC0415
    from loss_study.training.distributed import in_processes  # noqa: PLC0415
    from loss_study.training.search import tune  # noqa: PLC0415

    config = load_config()
    sample = PackedSample.open(Path("data/sample"))
    in_processes(config.recipe.devices, lambda: tune(head, loss, sample, config))


if __name__ == "__main__":
    run_stage(main)
