"""The study on a Ray cluster: ``python -m loss_study.cluster --address auto``.

Everything is committed, DVC has a default remote that all nodes reach, and the nodes have the study's environment; see
docs/cluster.md.
"""

from __future__ import annotations

from loss_study.runtime.processes import signals_end_at_once

if __name__ == "__main__":
    signals_end_at_once()  # The imports below take a moment, in which Ctrl-C shall not end in a traceback either.

import argparse

from loss_study.cluster.study import Request, run
from loss_study.runtime.errors import run_stage


def main() -> None:
    """Parse the command line and run the study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="auto", help="of the cluster: auto, host:port or ray://host:port")
    parser.add_argument("--cpus-per-trial", type=float, default=1, help="CPU cores that a trial asks for")
    parser.add_argument("--gpus-per-trial", type=float, default=0, help="GPUs that a trial asks for")
    parser.add_argument("--retries", type=int, default=3, help="how often a trial whose node is lost is tried again")
    parser.add_argument("--folder", default="~/.cache/loss-study/cluster", help="where a node keeps its clones")
    chosen = parser.parse_args()
    run(chosen.address, Request(chosen.cpus_per_trial, chosen.gpus_per_trial, chosen.retries, chosen.folder))


if __name__ == "__main__":
    run_stage(main)
