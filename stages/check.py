"""Check every parameter before any work starts; writes data/check.json, which the next stage waits for.

Writes data/protocol/, too: what decides the numbers of the trials, which rerun when it changes.
"""

from __future__ import annotations

from pathlib import Path

from loss_study import protocol
from loss_study.check import check_choices
from loss_study.config import load_config
from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import write_json


def main() -> None:
    """Load the parameters, check that everything they name exists, say so."""
    study = load_config()
    check_choices(study)
    Path("data").mkdir(exist_ok=True)
    # The same whatever the parameters: what follows reruns for its own parameters only.
    write_json(Path("data/check.json"), {"parameters": "checked"})
    protocol.write(study, Path("data/protocol"))


if __name__ == "__main__":
    run_stage(main)
