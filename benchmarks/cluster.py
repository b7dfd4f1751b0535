"""What a second worker gains: ``python benchmarks/cluster.py [--nodes 2] [scale=smoke ...]``.

Runs the same study twice, in temporary clones of the working tree: with ``dvc repro``, one trial after the other, and
on a local Ray cluster of as many nodes of one core. Both begin with the sample drawn; the reports must be the same.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from ray.cluster_utils import Cluster

from measuring import save
from study import clone, seconds

IDENTITY = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")


def prepare(folder: Path, overrides: list[str]) -> dict[str, str]:
    """Make a clone with a sample and a DVC remote beside it, all committed; return the environment."""
    folder.mkdir()
    environment = clone(folder, overrides)
    with (folder / ".git/info/exclude").open("a") as file:
        file.write("study.log\n")
    seconds(["dvc", "repro", "sample"], folder, environment)
    seconds(["dvc", "remote", "add", "--default", "shared", str(folder.with_suffix(".remote"))], folder, environment)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", *IDENTITY, "commit", "--quiet", "--message", "study"], cwd=folder, check=True)
    return environment


def reports(folder: Path) -> list[bytes]:
    """Return what must not depend on where trials ran."""
    return [(folder / "reports" / name).read_bytes() for name in ("metrics.json", "ranking.csv")]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("overrides", nargs="*", help="choices in Hydra's grammar, such as scale=smoke loss=dice")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        alone, head = Path(scratch) / "alone", Path(scratch) / "head"
        serial = seconds(["dvc", "repro"], alone, prepare(alone, arguments.overrides))
        environment = prepare(head, arguments.overrides)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        for _ in range(arguments.nodes - 1):
            cluster.add_node(num_cpus=1)
        options = ["--address", cluster.address, "--folder", str(Path(scratch) / "nodes")]
        spread = seconds([sys.executable, "-m", "loss_study.cluster", *options], head, environment)
        cluster.shutdown()
        same = reports(alone) == reports(head)
    print(f"serial {serial:.0f} s, {arguments.nodes} workers {spread:.0f} s: x{serial / spread:.2f}; reports ", end="")
    print("identical" if same else "DIFFERENT")
    save("cluster", {"serial": serial, "nodes": arguments.nodes, "spread": spread, "identical": same})


if __name__ == "__main__":
    main()
