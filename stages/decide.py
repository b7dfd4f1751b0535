"""Decide which losses train in a round: ``python stages/decide.py 2`` compares what the rounds before it left.

Reads eval/ and runs/ of the earlier rounds, writes decisions/<round>/<head>/<loss>.json for every head and loss.
"""

from __future__ import annotations

import argparse

from loss_study import decisions
from loss_study.config import Config, load_config
from loss_study.runtime.errors import run_stage
from loss_study.statistics import results
from loss_study.statistics.ranking import after_rounds
from loss_study.trial import candidate_seeds


def main() -> None:
    """Parse the round, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("round", type=int, help="of the study, from 2")
    number = parser.parse_args().round
    config = load_config()
    training = contenders(config, number) if number <= len(config.rounds) else {}
    decisions.write(config, number, training)
    for head, losses in training.items():
        print(f"round {number}  {head}: {', '.join(losses) or 'decided'}", flush=True)


def contenders(config: Config, number: int) -> dict[str, list[str]]:
    """Return what trains in round `number`, losses and joint trainings, by head: only what did in the round before."""
    found = results.read(config, through=number - 1)
    training = {}
    for head in config.loss.heads:
        *_, last = after_rounds(head, found, config, last=number - 1)
        kept = set(last.contenders)
        trained = [one for one in config.candidates if candidate_seeds(config, number - 1, head, one)]
        training[head] = [one for one in trained if one in kept]
    return training


if __name__ == "__main__":
    run_stage(main)
