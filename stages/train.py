"""Train one trial: ``python stages/train.py mask dice 0``. Reads data/sample, writes runs/<trial>/.

On several devices: ``recipe.devices``, or ``torchrun --nproc-per-node 2 stages/train.py mask dice 0``.
"""

from __future__ import annotations

from pathlib import Path

from loss_study import trial
from loss_study.config import load_config
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import run_stage
from loss_study.training.distributed import in_processes
from loss_study.training.run import run


def main() -> None:
    """Parse the trial, load parameters and sample, train, write."""
    chosen, study = trial.from_command_line(__doc__), load_config()
    sample = PackedSample.open(Path("data/sample"))
    in_processes(study.recipe.devices, lambda: run(chosen, sample, study))


if __name__ == "__main__":
    run_stage(main)
