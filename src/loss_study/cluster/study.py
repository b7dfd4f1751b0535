"""The study on a Ray cluster, seen from its head: check, hand out, collect, compare. ``loss-study cluster``.

Everything is committed, DVC has a default remote that all nodes reach, and the nodes have the study's environment; see
docs/cluster.md.
"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

from loss_study.cluster import node, shipment
from loss_study.cluster.shipment import Shipment
from loss_study.config import Config, load_config
from loss_study.orchestration.dvc_notes import keep_private
from loss_study.orchestration.local import LOCK, dvc, forget
from loss_study.orchestration.progress_view import View, view
from loss_study.orchestration.repair import check_in_project, repair
from loss_study.orchestration.tasks import Task, decision, evaluations, parent, trainings, unfinished
from loss_study.runtime.errors import StudyError, in_one_line
from loss_study.runtime.locks import locked

#: How often the view is brought up to date.
_SECONDS = 0.5
#: Ray itself tries an address in vain for minutes.
_CONNECT_SECONDS = 10
#: For the process of this machine that keeps what tasks say, also when it has to be started again.
_LOST_SECONDS = 300


@dataclass(frozen=True)
class Request:
    """What a task asks of its node, how often a lost one is tried again, and where a node keeps its clones."""

    cpus: float
    gpus: float
    retries: int
    folder: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``loss-study cluster``."""
    parser.add_argument("--address", default="auto", help="of the cluster: auto, host:port or ray://host:port")
    parser.add_argument("--cpus-per-trial", type=float, default=1, help="CPU cores that a training asks for")
    parser.add_argument("--gpus-per-trial", type=float, default=0, help="GPUs that a training asks for")
    parser.add_argument("--retries", type=int, default=3, help="how often a training whose node is lost is tried again")
    parser.add_argument("--folder", default="~/.cache/loss-study/cluster", help="where a node keeps its clones")


def main(arguments: argparse.Namespace) -> None:
    """Run the study that params.yaml describes on a cluster."""
    keep_private()
    request = Request(arguments.cpus_per_trial, arguments.gpus_per_trial, arguments.retries, arguments.folder)
    check_in_project()
    with locked(LOCK, "running the study of this folder"):
        run(arguments.address, request)


def run(address: str, request: Request) -> None:
    """Train the study on the Ray cluster at `address`, then evaluate and compare here.

    Raises:
        StudyError: nothing has begun, because something is not committed, there is no DVC remote or no cluster; or
            some trainings failed: the others are finished and compared all the same.
    """
    commit, remote = shipment.committed(), shipment.remote()
    with _connected(address) as ray:
        config = load_config()
        _warn(ray, request)
        for sentence in repair():
            print(sentence, flush=True)
        dvc("repro", "check", "inspect", "sample")
        dvc("push", "--run-cache", "check", "sample")
        for head in config.loss.heads:
            _share(parent(head))
        failed = list[Task]()
        for number in range(1, len(config.rounds) + 1):
            if number > 1:
                _share(decision(number))
            tasks = trainings(config, number)
            if not tasks:
                break
            failed = _round(config, number, tasks, _Handout(ray, shipment.pack(commit, remote), request))
            if failed:
                break
    dvc("repro", "--single-item", "compare")
    if failed:
        raise StudyError(f"failed: {', '.join(task.name for task in failed)}; the same command tries again")


class _Handout:
    """All trainings of a round, handed out at once; Ray keeps those waiting for which no node is free."""

    def __init__(self, ray: ModuleType, shipped: Shipment, request: Request) -> None:
        ray.cloudpickle.register_pickle_by_value(node)
        self._ray, self._request = ray, request
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=True
        )
        # It comes back, empty, where its process is killed.
        lasting = {"max_restarts": -1, "max_task_retries": -1}
        self._inbox = ray.remote(num_cpus=0, scheduling_strategy=here, **lasting)(node.Inbox).remote()
        self._shipped = ray.put(asdict(shipped))
        self._run = ray.remote(
            num_cpus=request.cpus, num_gpus=request.gpus, max_retries=request.retries, retry_exceptions=False
        )(node.run)

    def run(self, tasks: Sequence[Task]) -> list[Task]:
        """Run the tasks and return those that failed.

        Raises:
            StudyError: the cluster is lost, and not only one of its nodes.
        """
        try:
            return self._run_all(tasks)
        except self._ray.exceptions.RayError as error:
            raise StudyError(
                f"the Ray cluster is lost ({in_one_line(error)[:200]}); the same command goes on"
            ) from None

    def _run_all(self, tasks: Sequence[Task]) -> list[Task]:
        with view(tasks) as shown:
            for task in tasks:
                shown.began(task.name, [task])
            running = {self._submit(task): task.name for task in tasks}
            while running:
                ended, _ = self._ray.wait(list(running), timeout=_SECONDS)
                for name, line in self._ray.get(self._inbox.take.remote(), timeout=_LOST_SECONDS):
                    shown.said(name, line)
                for reference in ended:
                    name = running.pop(reference)
                    shown.ended(name, self._code(name, reference, shown))
        return shown.failed

    def _submit(self, task: Task) -> Any:
        return self._run.remote(self._shipped, task.name, task.stage, task.needs, self._request.folder, self._inbox)

    def _code(self, name: str, reference: Any, shown: View) -> int:
        """Return how the task ended; what stopped it before its end, or too often its node, it could not say itself."""
        try:
            code = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            shown.said(name, f"{name}  failed: {in_one_line(error.cause)[:300]}")
            return 1
        except self._ray.exceptions.RayError as error:
            shown.said(name, f"{name}  lost: {type(error).__name__}, after {self._request.retries} more attempts")
            return 1
        return code if isinstance(code, int) else 1


def _share(stage: str) -> None:
    """Run a stage here, and push what it makes for the nodes."""
    dvc("repro", "--single-item", stage)
    dvc("push", "--run-cache", stage)


def _round(config: Config, number: int, tasks: Sequence[Task], handout: _Handout) -> list[Task]:
    """Train round `number` on the nodes, restore what they pushed, evaluate it here, and return what failed."""
    if todo := unfinished(tasks):
        forget(config, number, todo)
    failed = handout.run(todo)
    if trained := [task.stage for task in tasks if task not in failed]:
        dvc("repro", "--pull", "--single-item", *trained)
    for task in evaluations(config, number):
        try:
            dvc("repro", "--single-item", task.stage)
        except StudyError:
            failed.append(task)
    return failed


@contextmanager
def _connected(address: str) -> Iterator[ModuleType]:
    """Yield the module `ray`, connected to the cluster at `address`; StudyError if that does not work."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # noqa: PLC0415
    except ImportError:
        raise StudyError("Ray is not installed: pip install '.[cluster]'") from None
    _check_answers(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        raise StudyError(f"--address {address}: {error}") from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Raise a StudyError if `address` names a port where nothing answers."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not (host and port.isdigit()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise StudyError(f"--address {address}: no Ray cluster answers there ({error})") from None


def _warn(ray: ModuleType, request: Request) -> None:
    """Say what would make tasks wait for ever, or leave GPUs idle."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = sum(resources.get("GPU", 0) for resources in nodes)
    if not any(r.get("CPU", 0) >= request.cpus and r.get("GPU", 0) >= request.gpus for r in nodes):
        print(f"no node has {request.cpus:g} CPUs and {request.gpus:g} GPUs yet; trials wait for one", flush=True)
    if gpus and not request.gpus:
        print(f"the cluster has {gpus:g} GPUs and trials ask for none: --gpus-per-trial 1", flush=True)
