"""Check every parameter before any work starts; writes data/check.json, which the next stage waits for.

Writes data/losses/<name>.json, too: what a loss consists of. Its trials rerun when that changes.
"""

from __future__ import annotations

from pathlib import Path

from loss_study import combination, parameters
from loss_study.checking import check_choices
from loss_study.errors import run_stage
from loss_study.writing import whole_folder, write_json


def main() -> None:
    """Load the parameters, check that everything they name exists, say so."""
    study = parameters.load()
    check_choices(study)
    Path("data").mkdir(exist_ok=True)
    # The same whatever the parameters: what follows reruns for its own parameters only.
    write_json(Path("data/check.json"), {"parameters": "checked"})
    with whole_folder(Path("data/losses")) as folder:
        for name in study.loss.names:
            write_json(folder / f"{name}.json", combination.contents(name, study.loss_options))


if __name__ == "__main__":
    run_stage(main)
