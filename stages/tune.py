"""Choose the learning rate of a loss: ``python stages/tune.py mask dice``. Writes choice.json for the stage `train`.

Without a search (``recipe.search.lr`` is empty) it is the recipe's own. A search trains on data/sample.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from loss_study.config import HEADS, load_config
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import run_stage
from loss_study.training import choice


def main() -> None:
    """Parse head and loss, load the config, search if the recipe has a search, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", choices=HEADS)
    parser.add_argument("loss")
    arguments = parser.parse_args()
    config = load_config()
    if not config.recipe.search.lr:
        choice.write_recipes_own(arguments.head, arguments.loss, config)
        return
    # Only a search needs torch, which takes seconds to import.
    from loss_study.training.distributed import in_processes  # noqa: PLC0415
    from loss_study.training.search import tune  # noqa: PLC0415

    sample = PackedSample.open(Path("data/sample"))
    in_processes(config.recipe.devices, lambda: tune(arguments.head, arguments.loss, sample, config))


if __name__ == "__main__":
    run_stage(main)
