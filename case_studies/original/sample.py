"""Pack the samples that the recipes are trained on; writes data/replay/."""

from __future__ import annotations

from pathlib import Path

import plan

from loss_study import datasets
from loss_study.checks.check import check_choices
from loss_study.runtime.errors import run_stage
from loss_study.sampling.pack import pack


def main() -> None:
    """Pack each different sample once."""
    for parameters in plan.load().samples():
        check_choices(parameters)
        dataset = parameters.dataset
        source = datasets.open_dataset(dataset.name, Path(dataset.path), dataset.options)
        folder = plan.sample_folder(parameters.sample)
        folder.parent.mkdir(parents=True, exist_ok=True)
        pack(source, folder, dataset, parameters.sample)


if __name__ == "__main__":
    run_stage(main)
