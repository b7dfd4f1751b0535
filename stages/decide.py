"""Decide which losses train in a round: ``python stages/decide.py 2`` compares what the rounds before it left.

Reads eval/ and runs/ of the earlier rounds, writes decisions/<round>/<head>/<loss>.json for every head and loss.
"""

from __future__ import annotations

import argparse

from loss_study import decisions
from loss_study.config import load_config
from loss_study.runtime.errors import run_stage


def main() -> None:
    """Parse the round, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("round", type=int, help="of the study, from 2")
    number = parser.parse_args().round
    config = load_config()
    training = decisions.contenders(config, number) if number <= len(config.rounds) else {}
    decisions.write(config, number, training)
    for head, losses in training.items():
        print(f"round {number}  {head}: {', '.join(losses) or 'decided'}", flush=True)


if __name__ == "__main__":
    run_stage(main)
