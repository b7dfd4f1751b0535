"""The head of a study on a cluster: check, hand out, collect, compare."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from types import ModuleType
from typing import Any

from loss_study import parallel
from loss_study.cluster import node, shipment
from loss_study.cluster.shipment import Shipment
from loss_study.config import Config, load_config
from loss_study.parallel import Task, View
from loss_study.runtime.errors import StudyError

#: How often the view is brought up to date.
_SECONDS = 0.5
#: Ray itself tries an address in vain for minutes.
_CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Request:
    """What a task asks of its node, how often a lost one is tried again, and where a node keeps its clones."""

    cpus: float
    gpus: float
    retries: int
    folder: str


def run(address: str, request: Request) -> None:
    """Run the whole study on the Ray cluster at `address` and compare here.

    Raises:
        StudyError: nothing has begun, because something is not committed, there is no DVC remote or no cluster; or
            some trials failed: the others are finished and compared all the same.
    """
    commit, remote = shipment.committed(), shipment.remote()
    with _connected(address) as ray:
        _warn(ray, request)
        _dvc("repro", "check", "sample")
        _dvc("push", "--run-cache", "check", "sample")
        study = load_config()
        handed_out = tasks(study)
        failed = _Handout(ray, shipment.pack(commit, remote), request).run(parallel.unfinished(handed_out))
    _collect(handed_out, failed)


def tasks(study: Config) -> list[Task]:
    """Return the searches, where there are any, and the trials; a trial's node restores or repeats its search first."""
    return [
        replace(task, stages=(*task.after.stages, *task.stages)) if task.after else task
        for task in parallel.tasks(study)
    ]


class _Handout:
    """All tasks of a study, handed out at once; Ray keeps those waiting for which no node is free."""

    def __init__(self, ray: ModuleType, shipped: Shipment, request: Request) -> None:
        ray.cloudpickle.register_pickle_by_value(node)
        self._ray, self._request = ray, request
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=True
        )
        self._inbox = ray.remote(num_cpus=0, scheduling_strategy=here)(node.Inbox).remote()
        self._shipped = ray.put(asdict(shipped))
        self._run = ray.remote(
            num_cpus=request.cpus, num_gpus=request.gpus, max_retries=request.retries, retry_exceptions=False
        )(node.run)

    def run(self, todo: Sequence[Task]) -> list[Task]:
        """Run the tasks, each after the one that it waits for, and return those that failed."""
        references: dict[Task, Any] = {}
        for task in todo:
            references[task] = self._submit(task, task.after and references.get(task.after))
        running = {reference: task for task, reference in references.items()}
        named = {task.name: task for task in todo}
        failed = []
        with parallel._view(len(todo)) as view:
            while running:
                ended, _ = self._ray.wait(list(running), timeout=_SECONDS)
                for name, line in self._ray.get(self._inbox.take.remote()):
                    view.said(named[name], line)
                for reference in ended:
                    task = running.pop(reference)
                    code = self._code(task, reference, view)
                    view.ended(task, code)
                    if code:
                        failed.append(task)
        return failed

    def _submit(self, task: Task, after: Any) -> Any:
        return self._run.remote(self._shipped, task.name, task.stages, self._request.folder, self._inbox, after)

    def _code(self, task: Task, reference: Any, view: View) -> int:
        """Return how the task ended; that its node was lost too often, it could not say itself."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            view.said(task, f"{task.name}  lost: {type(error).__name__}, after {self._request.retries} more attempts")
            return 1


def _collect(handed_out: Sequence[Task], failed: Sequence[Task]) -> None:
    """Restore what the nodes pushed, and compare; StudyError if there are `failed` tasks."""
    if not failed:
        _dvc("repro", "--pull")
        return
    sound = [stage for task in handed_out if task not in failed for stage in task.stages]
    if sound:
        _dvc("repro", "--pull", "--single-item", *dict.fromkeys(sound))
    _dvc("repro", "--single-item", "compare")
    raise StudyError(f"failed: {', '.join(task.name for task in failed)}; the same command tries again")


@contextmanager
def _connected(address: str) -> Iterator[ModuleType]:
    """Yield the module `ray`, connected to the cluster at `address`; StudyError if that does not work."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # noqa: PLC0415
    except ImportError:
        raise StudyError("Ray is not installed: pip install 'loss-study[cluster]'") from None
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


def _dvc(*arguments: str) -> None:
    """Run dvc in the foreground; StudyError if it fails, after it has said why itself."""
    if subprocess.run(["dvc", *arguments], check=False).returncode != 0:
        raise StudyError(f"'dvc {' '.join(arguments)}' failed, see above")
