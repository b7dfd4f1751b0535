"""What several trials at once gain: ``python benchmarks/speedup.py [--jobs 2] [scale=smoke ...]``.

Runs the same study three times, in temporary clones of the working tree: with ``dvc repro``, one trial after the other;
with as many jobs on one machine; and on a local Ray cluster of as many nodes of one core. Each begins with the sample
drawn; the reports must be the same.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from ray.cluster_utils import Cluster

from measuring import save
from study import clone, run

IDENTITY = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")


def prepare(folder: Path, overrides: list[str]) -> dict[str, str]:
    """Make a clone with a sample and a DVC remote beside it, all committed; return the environment."""
    folder.mkdir()
    environment = clone(folder, overrides)
    with (folder / ".git/info/exclude").open("a") as file:
        file.write("study.log\n")
    run(["dvc", "repro", "sample"], folder, environment)
    run(["dvc", "remote", "add", "--default", "shared", str(folder.with_suffix(".remote"))], folder, environment)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    subprocess.run(["git", *IDENTITY, "commit", "--quiet", "--message", "study"], cwd=folder, check=True)
    return environment


def reports(folder: Path) -> list[bytes]:
    """Return what must not depend on where trials ran."""
    return [(folder / "reports" / name).read_bytes() for name in ("metrics.json", "answer.csv")]


def on_a_cluster(nodes: int, folder: Path, overrides: list[str]) -> float:
    """Run the study in `folder` on a local cluster; return its seconds, without those of the cluster's start."""
    environment = prepare(folder, overrides)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(nodes - 1):
        cluster.add_node(num_cpus=1)
    options = ["--address", cluster.address, "--folder", str(folder.with_suffix(".nodes"))]
    try:
        return run([sys.executable, "-m", "loss_study", "cluster", *options], folder, environment).seconds
    finally:
        cluster.shutdown()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("overrides", nargs="*", help="choices in Hydra's grammar, such as scale=smoke loss=dice")
    arguments = parser.parse_args()
    jobs, overrides = arguments.jobs, arguments.overrides
    at_once = [sys.executable, "-m", "loss_study", "run", "--jobs", str(jobs)]
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in ("serial", "jobs", "cluster")}
        took = {
            "serial": run(["dvc", "repro"], folders["serial"], prepare(folders["serial"], overrides)).seconds,
            "jobs": run(at_once, folders["jobs"], prepare(folders["jobs"], overrides)).seconds,
            "cluster": on_a_cluster(jobs, folders["cluster"], overrides),
        }
        same = all(reports(folder) == reports(folders["serial"]) for folder in folders.values())
    gain = {name: took["serial"] / seconds for name, seconds in took.items()}
    print(f"serial {took['serial']:.0f} s; JOBS={jobs} {took['jobs']:.0f} s, x{gain['jobs']:.2f}; ", end="")
    print(f"{jobs} Ray workers {took['cluster']:.0f} s, x{gain['cluster']:.2f}; reports ", end="")
    print("identical" if same else "DIFFERENT")
    save("speedup", {"seconds": took, "gain": gain, "identical": same})


if __name__ == "__main__":
    main()
