"""What the head of a Ray cluster makes of tasks, nodes and clusters that fail, with the parts of Ray that it calls."""

import sys
import types
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from loss_study import decisions
from loss_study.cluster import node, study
from loss_study.cluster.shipment import Shipment
from loss_study.config import load_config
from loss_study.orchestration.tasks import Task
from loss_study.runtime.errors import StudyError

TASKS = [Task("mask-a", "train@mask-a"), Task("mask-b", "train@mask-b"), Task("mask-c", "train@mask-c")]


class RayError(Exception): ...


class RayTaskError(RayError):
    """A task has raised `cause`."""

    def __init__(self, cause):
        super().__init__(f"ray::run()\n  Traceback\n{cause}")
        self.cause = cause


class WorkerCrashedError(RayError): ...


@dataclass(eq=False)
class Reference:
    value: object = None
    error: Exception | None = None


class Remote:
    """A remote function, method or class: calls happen at once, and what they return or raise waits for `get`."""

    def __init__(self, what):
        self.what = what

    def remote(self, *arguments):
        if isinstance(self.what, type):
            made = self.what(*arguments)
            return types.SimpleNamespace(put=Remote(made.put), take=Remote(made.take))
        try:
            return Reference(value=self.what(*arguments))
        except RayError as error:
            return Reference(error=error)
        except Exception as error:
            return Reference(error=RayTaskError(error))


def get(reference, timeout=None):
    if reference.error is not None:
        raise reference.error
    return reference.value


@pytest.fixture
def ray(monkeypatch):
    affinity = types.SimpleNamespace(NodeAffinitySchedulingStrategy=lambda *_, **__: None)
    return types.SimpleNamespace(
        exceptions=types.SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError),
        cloudpickle=types.SimpleNamespace(register_pickle_by_value=lambda _: None),
        util=types.SimpleNamespace(scheduling_strategies=affinity),
        get_runtime_context=lambda: types.SimpleNamespace(get_node_id=lambda: "here"),
        put=lambda value: value,
        remote=lambda **_: Remote,
        wait=lambda references, timeout: (references[:1], references[1:]),
        get=get,
        nodes=lambda: [
            {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0}},
            {"Alive": False, "Resources": {"CPU": 64.0}},
        ],
    )


def hand_out(ray, monkeypatch, run):
    monkeypatch.setattr(node, "run", lambda _, name, *__: run(name))
    return study._Handout(ray, Shipment("commit", b"", {}, {}), study.Request(1, 0, 2, "folder")).run(TASKS)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "mask-b  failed: OSError: [Errno 28] No space left on device"),
        (WorkerCrashedError("died"), "mask-b  lost: WorkerCrashedError, after 2 more attempts"),
    ],
)
def test_a_task_that_cannot_say_how_it_ended_is_one_line_and_stops_no_other(ray, monkeypatch, capsys, error, line):
    def run(name):
        if name == "mask-b":
            raise error
        return 0

    assert hand_out(ray, monkeypatch, run) == [TASKS[1]]
    assert line in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("code", [3, "mask-a", None])
def test_a_task_that_returns_anything_but_0_has_failed(ray, monkeypatch, capsys, code):
    assert hand_out(ray, monkeypatch, lambda name: code if name == "mask-b" else 0) == [TASKS[1]]
    assert capsys.readouterr().out == f"mask-b  ended with exit code {3 if code == 3 else 1}\n"


def test_a_cluster_that_is_lost_is_one_line(ray, monkeypatch):
    def take(_):
        raise WorkerCrashedError("The actor is dead because\nits owner has died.")

    monkeypatch.setattr(node.Inbox, "take", take)
    with pytest.raises(
        StudyError, match=r"^the Ray cluster is lost \(WorkerCrashedError: The .* died\.\); the same comm"
    ):
        hand_out(ray, monkeypatch, lambda _: 0)


@pytest.fixture
def run(ray, monkeypatch, tmp_path):
    """A function that runs a study of two losses on the mask, of which the trainings called `failing` fail.

    It returns what DVC was told to run and to push. The decision before the second round leaves `bce`, the next none.
    """
    config = load_config()
    loss = config.loss.model_copy(update={"names": ["dice", "bce"], "heads": ["mask"]})
    race = config.race.model_copy(update={"rounds": [1, 2, 3, 4]})
    config = config.model_copy(update={"loss": loss, "race": race, "seeds": [0, 1, 2, 3]})
    told = []

    @contextmanager
    def connected(_):
        yield ray

    def dvc(*words, failing):
        stage = words[-1].removeprefix("rounds/dvc.yaml:")
        told.append(f"push {stage}" if words[0] == "push" else stage)
        if stage.startswith("decide@"):
            decisions.write(config, int(stage[-1]), {"mask": ["bce"] if stage == "decide@2" else []})
        if stage in failing:
            raise StudyError(f"'dvc {' '.join(words)}' failed, see above")

    def ran(*failing, cpus=1, gpus=0):
        monkeypatch.setattr(study, "dvc", lambda *words: dvc(*words, failing=failing))
        monkeypatch.setattr(node, "run", lambda _, name, *__: int(name in failing))
        study.run("auto", study.Request(cpus, gpus, 2, "folder"))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(study, "_connected", connected)
    monkeypatch.setattr(study, "load_config", lambda: config)
    monkeypatch.setattr(study.shipment, "committed", lambda: "commit")
    monkeypatch.setattr(study.shipment, "remote", lambda: ("team", "folder"))
    monkeypatch.setattr(study.shipment, "pack", lambda *_: Shipment("commit", b"", {}, {}))
    ran.told = told
    return ran


SHARED = ["sample", "push sample", "parent@mask", "push parent@mask"]


def test_what_nodes_need_is_pushed_and_no_round_starts_once_all_is_decided(run):
    run()
    second = ["decide@2", "push decide@2", "train@2-mask-bce", "evaluate@2-mask"]
    assert run.told == [*SHARED, "train@mask-bce", "evaluate@mask", *second, "decide@3", "push decide@3", "compare"]


def test_gpus_that_nothing_asks_for_and_tasks_that_wait_for_ever_are_said(run, capsys):
    run(cpus=64)
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "no node has 64 CPUs and 0 GPUs yet; trials wait for one"
    assert second == "the cluster has 1 GPUs and trials ask for none: --gpus-per-trial 1"
    run(cpus=4, gpus=1)
    assert capsys.readouterr().out == ""


def test_where_no_cluster_runs_that_is_one_line(monkeypatch):
    def init(**_):
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setitem(sys.modules, "ray", types.SimpleNamespace(init=init))
    message = r"^--address auto: Could not find any running Ray instance\.$"
    with pytest.raises(StudyError, match=message), study._connected("auto"):
        pass


def test_of_a_training_that_failed_nothing_earlier_is_evaluated_or_compared(run):
    """The head has the models and evaluations of an earlier configuration, and a node the training that failed."""
    left = ["runs/1/mask/dice/0", "tuning/mask/dice", "eval/1/mask/dice/0", "eval/2/mask/dice/3"]
    for folder in left:
        Path(folder).mkdir(parents=True)
    with pytest.raises(StudyError, match=r"^failed: mask-dice; the same command tries again$"):
        run("mask-dice")
    assert run.told == [*SHARED, "train@mask-bce", "evaluate@mask", "compare"]
    assert [folder for folder in left if Path(folder).exists()] == []


def test_an_evaluation_that_fails_stops_no_comparison(run):
    with pytest.raises(StudyError, match=r"^failed: mask-dice, mask-bce, mask; the same command tries again$"):
        run("mask-dice", "mask-bce", "evaluate@mask")
    assert run.told == [*SHARED, "evaluate@mask", "compare"]


def test_what_a_killed_dvc_left_on_the_head_is_repaired_first(run, capsys):
    Path("dvc.lock").write_text("stages: {")
    run()
    assert "dvc.lock was half-written and is removed; " in capsys.readouterr().out
