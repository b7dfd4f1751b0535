"""Check every parameter before any work starts; writes data/check.json, which the next stage waits for."""

from __future__ import annotations

from pathlib import Path

from loss_study import parameters
from loss_study.checking import check_choices
from loss_study.errors import run_stage
from loss_study.writing import write_json


def main() -> None:
    """Load the parameters, check that everything they name exists, say so."""
    check_choices(parameters.load())
    Path("data").mkdir(exist_ok=True)
    # The same whatever the parameters: what follows reruns for its own parameters only.
    write_json(Path("data/check.json"), {"parameters": "checked"})


if __name__ == "__main__":
    run_stage(main)
