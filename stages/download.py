"""Download and unpack the dataset that `dataset` names; writes data/source/, keeps downloads in downloads/."""

from __future__ import annotations

import argparse
from pathlib import Path

from loss_study.config import load_config
from loss_study.download.prepare import prepare
from loss_study.runtime.errors import run_stage


def main() -> None:
    """Load the configuration, prepare the dataset."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    prepare(load_config().dataset, Path("data/source"), Path("downloads"))


if __name__ == "__main__":
    run_stage(main)
