"""Train the network that every loss continues from: ``python stages/parent.py mask``. Writes parents/mask/.

Reads data/sample. Without a parent (``recipe.parent.epochs`` is 0) it leaves a note that there is none.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from loss_study.heads import HEADS
from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import whole_folder, write_json
from loss_study.trial import PARENTS, SAMPLE


def main() -> None:
    """Parse the head, and train if the recipe has a parent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", choices=HEADS)
    head = parser.parse_args().head
    # `check` has seen to it that this is a valid configuration, and reading one with all checks takes longer.
    recipe = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["recipe"]
    if recipe["parent"]["epochs"]:
        _train(head)
    else:
        # DVC warns of an empty folder again and again.
        with whole_folder(PARENTS / head) as folder:
            write_json(folder / "none.json", {"parent": None})


def _train(head: str) -> None:
    # Only now: importing torch takes seconds.
    from loss_study.config import load_config  # noqa: PLC0415
    from loss_study.data.packed import PackedSample  # noqa: PLC0415
    from loss_study.training.distributed import in_processes  # noqa: PLC0415
    from loss_study.training.parent import train_parents  # noqa: PLC0415

    config = load_config()
    sample = PackedSample.open(SAMPLE)
    in_processes(config.recipe.devices, lambda: train_parents(head, sample, config))


if __name__ == "__main__":
    run_stage(main)
