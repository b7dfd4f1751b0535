"""Find the learning rate of a head and a loss: ``python stages/tune.py mask dice``.

Reads data/sample, writes tuning/<head>/<loss>/. Where the recipe has no search, it writes the recipe's learning rate.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from loss_study.config import HEADS, load_config
from loss_study.runtime.errors import run_stage


def main() -> None:
    """Parse head and loss, load the configuration, search, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head", choices=HEADS)
    parser.add_argument("loss")
    arguments = parser.parse_args()
    config = load_config()
    tune(arguments.head, arguments.loss, Path("data/sample"), config)


if __name__ == "__main__":
    run_stage(main)
