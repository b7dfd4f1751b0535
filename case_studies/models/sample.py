"""Pack the sample that all models are trained on; writes data/models/."""

from __future__ import annotations

import os
from pathlib import Path

import plan

from loss_study import datasets
from loss_study.checks.check import check_choices
from loss_study.runtime.errors import run_stage
from loss_study.sampling.pack import pack


def main() -> None:
    """Check the parameters of every model, then pack."""
    chosen = plan.load()
    every = [chosen.parameters(model) for model in chosen.models]
    for parameters in every:
        check_choices(parameters)
    dataset = every[0].dataset
    source = datasets.open_dataset(dataset.name, Path(dataset.path), dataset.options)
    plan.SAMPLE.parent.mkdir(exist_ok=True)
    pack(source, plan.SAMPLE, dataset, every[0].sample, workers=os.cpu_count() or 1)


if __name__ == "__main__":
    run_stage(main)
