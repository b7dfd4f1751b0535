"""Several tasks at once: order, what waits for what, failures, and what is printed."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from loss_study.parallel import Queue, Task, tasks

from loss_study import parallel
from loss_study.cluster import study as cluster_study
from loss_study.config import load_config

SEARCH = Task("mask-dice", ("tune@mask-dice",))
TRIALS = [Task(f"mask-dice-{seed}", (f"train@mask-dice-{seed}",), after=SEARCH) for seed in (0, 1)]
OTHER = Task("depth-l1-0", ("train@depth-l1-0", "evaluate@depth-l1-0"))


@pytest.fixture
def commands(monkeypatch):
    """Let a task run a line of Python instead of DVC, by the name of its first stage."""
    lines: dict[str, str] = {}

    def command(*arguments: str) -> list[str]:
        stage = next(argument for argument in arguments if "@" in argument)
        return [sys.executable, "-c", lines[stage]]

    monkeypatch.setattr(parallel, "_command", command)
    return lines


def study_with(**recipe):
    study = load_config()
    search = study.recipe.search.model_copy(update=recipe)
    return study.model_copy(update={"seeds": [0, 1], "recipe": study.recipe.model_copy(update={"search": search})})


def test_every_trial_waits_for_its_own_learning_rate():
    everything = tasks(study_with(lr=[0.01, 0.03]))
    searches, trials = everything[:14], everything[14:]
    assert len(trials) == 28
    for task in searches:
        assert task.after is None and task.stages == (f"tune@{task.name}",)
    for task in trials:
        assert task.stages == (f"train@{task.name}", f"evaluate@{task.name}")
        assert task.name.startswith(f"{task.after.name}-") and task.after in searches


def test_without_a_search_no_trial_waits():
    everything = tasks(study_with(lr=[]))
    assert len(everything) == 28
    for task in everything:
        assert task.stages == (f"train@{task.name}", f"evaluate@{task.name}") and task.after is None


@pytest.mark.parametrize("rates", [[], [0.01, 0.03]])
def test_on_a_cluster_every_trial_brings_its_search_along(rates):
    trials = [task for task in cluster_study.tasks(study_with(lr=rates)) if len(task.stages) > 1]
    assert len(trials) == 28
    for task in trials:
        search = (f"tune@{task.name[:-2]}",) if rates else ()
        assert task.stages == (*search, f"train@{task.name}", f"evaluate@{task.name}")
        assert bool(task.after) == bool(rates)


def test_a_task_is_given_out_once_what_it_waits_for_has_ended():
    queue = Queue([SEARCH, *TRIALS, OTHER])
    assert queue.take() == SEARCH
    assert queue.take() == OTHER
    taken: list[Task | None] = []
    waiting = threading.Thread(target=lambda: taken.append(queue.take()))
    waiting.start()
    waiting.join(0.2)
    assert taken == []
    queue.ended(SEARCH, 1)
    waiting.join(10)
    assert taken == [TRIALS[0]]
    assert queue.take() == TRIALS[1]
    assert queue.take() is None
    assert queue.failed == [SEARCH]


def test_what_was_done_before_is_not_waited_for():
    assert Queue(TRIALS).take() == TRIALS[0]


def test_a_stopped_queue_lets_those_go_who_wait():
    queue = Queue([SEARCH, *TRIALS])
    queue.take()
    taken: list[Task | None] = []
    waiting = threading.Thread(target=lambda: taken.append(queue.take()))
    waiting.start()
    queue.stop()
    waiting.join(10)
    assert taken == [None]


def test_a_failed_task_stops_no_other_and_shows_all_that_it_said(commands, capsys):
    commands["tune@mask-dice"] = "print('mask-dice  learning rate 0.01')"
    commands["train@mask-dice-0"] = "import sys; print('> dvc'); print('out of order', file=sys.stderr); sys.exit(3)"
    commands["train@mask-dice-1"] = "print('> dvc'); print('mask-dice-1 done')"
    idle: list[bool] = []
    failed = parallel._run_tasks([SEARCH, *TRIALS], 2, when_idle=lambda: idle.append(True))
    assert failed == [TRIALS[0]]
    assert idle == [True, True]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "mask-dice  learning rate 0.01"
    assert sorted(lines[1:]) == ["> dvc", "mask-dice-1 done", "out of order"]


def test_no_more_than_so_many_at_once(commands, tmp_path):
    count = f"""
import os, pathlib, time
here = pathlib.Path({str(tmp_path)!r})
(here / str(os.getpid())).touch()
time.sleep(0.3)
running = len(list(here.iterdir()))
(here / str(os.getpid())).unlink()
assert running <= 2, running
"""
    everything = [Task(f"mask-l1-{seed}", (f"train@mask-l1-{seed}",)) for seed in range(5)]
    commands.update({task.stages[0]: count for task in everything})
    assert parallel._run_tasks(everything, 2, when_idle=lambda: None) == []


def test_as_many_at_once_as_there_are_jobs(commands, tmp_path):
    meet = f"""
import os, pathlib, time
here = pathlib.Path({str(tmp_path)!r})
(here / str(os.getpid())).touch()
limit = time.monotonic() + 60
while len(list(here.iterdir())) < 2:
    assert time.monotonic() < limit
    time.sleep(0.01)
"""
    commands.update({task.stages[0]: meet for task in TRIALS})
    assert parallel._run_tasks(TRIALS, 2, when_idle=lambda: None) == []


INTERRUPTED = """
import signal, sys
from loss_study import parallel
from test_parallel import SEARCH, TRIALS

def command(*arguments):
    search = any(argument.startswith("tune@") for argument in arguments)
    interrupt = "import os, signal, time; os.kill(os.getppid(), signal.SIGINT); time.sleep(0.5)"
    return [sys.executable, "-c", interrupt if search else "print('a trial')"]

signal.signal(signal.SIGINT, signal.default_int_handler)
parallel._command = command
try:
    parallel._run_tasks([SEARCH, *TRIALS], 2, when_idle=lambda: None)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_starts_nothing_more():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "mask-dice\ninterrupted\n"


def test_with_nothing_to_do_nothing_is_started():
    assert parallel._run_tasks([], 2, when_idle=lambda: pytest.fail("a server for nothing")) == []


@pytest.mark.parametrize("module", ["loss_study.parallel", "loss_study.cluster"])
def test_ctrl_c_during_the_imports_is_one_line(module, tmp_path):
    (tmp_path / "rich.py").write_text("import time; print('imports', flush=True); time.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "imports\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == "interrupted\n"
    assert process.returncode == 130
