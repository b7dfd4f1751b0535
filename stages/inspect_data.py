"""Look at the data before anything is trained: writes data/inspection/, a chapter of the report, prints what was found.

Reads data/source/. Not called inspect.py: in this folder that would hide Python's own module.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from loss_study import datasets
from loss_study.config import load_config
from loss_study.download.source import prepared
from loss_study.inspection.findings import console
from loss_study.inspection.inspect import inspect
from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import whole_folder

SOURCE, INSPECTION = Path("data/source"), Path("data/inspection")


def main() -> None:
    """Load the configuration, open the dataset that `download` prepared, look at it, write."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    config = load_config()
    chosen, source = config.dataset, prepared(config.dataset, SOURCE)
    dataset = datasets.open_chosen(chosen, source.path)
    findings, sheet = inspect(dataset, chosen, config.sample)
    with whole_folder(INSPECTION) as new:
        findings.write(new, sheet)
    findings.show(console())


if __name__ == "__main__":
    run_stage(main)
