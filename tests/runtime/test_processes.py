"""How processes end: with real signals, and with parents that are killed."""

import os
import shlex
import signal
import subprocess
import sys
import time

import psutil
import pytest

from loss_study.runtime import processes
from loss_study.runtime.errors import run_stage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")

STAGE = """
import os, time
from loss_study.runtime.errors import run_stage

def main():
    print(os.getpid(), flush=True)
    # In short pieces: a signal that comes just before a sleep is noticed after it.
    for _ in range(12000):
        time.sleep(0.01)

run_stage(main)
"""


def started(command, **options):
    """Start `command` and return its process and the process id that it prints when it works."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    return process, int(process.stdout.readline())


def is_gone(pid, within=30.0):
    """Whether a process has ended, which it may take its time for where everything is slow."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def test_cores_are_those_that_this_process_may_use():
    allowed = os.sched_getaffinity(0)
    assert processes.cores() == len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert processes.cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("50000 100000", 1), ("150000 100000", 2), ("300000 100000", 3), ("900000 100000", 4), ("max 100000", 4)],
)
def test_cores_are_no_more_than_the_container_allows(monkeypatch, tmp_path, quota, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(processes, "_QUOTA", tmp_path / "cpu.max")
    assert processes.cores() == 4
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert processes.cores() == expected


@pytest.mark.parametrize(
    ("number", "line", "code"), [(signal.SIGTERM, "terminated\n", 143), (signal.SIGINT, "interrupted\n", 130)]
)
def test_a_signal_ends_a_stage_in_one_line(number, line, code):
    process, _ = started([sys.executable, "-c", STAGE])
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (errors, process.returncode) == (line, code)


def test_sigterm_tidies_up_as_ctrl_c_does(capsys):
    tidied = []

    def main():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(1000):
                time.sleep(0.01)
        except KeyboardInterrupt:
            tidied.append("yes")
            raise

    with pytest.raises(SystemExit) as end:
        run_stage(main)
    assert (end.value.code, tidied, capsys.readouterr().err) == (143, ["yes"], "terminated\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_ignores_a_signal_goes_on_to(number):
    signal.signal(number, signal.SIG_IGN)
    with processes.signals_raise():
        os.kill(os.getpid(), number)
    processes.signals_end_at_once()
    os.kill(os.getpid(), number)


def test_signals_are_what_they_were_after_a_stage():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run_stage(lambda: None)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def environment(**values):
    """The environment variables of this process, but for those of a DVC or a make that runs the tests."""
    ours = ("DVC_STAGE", "DVC_ROOT", "MAKELEVEL", "MAKEFLAGS", "MFLAGS")
    return {name: value for name, value in os.environ.items() if name not in ours} | values


def kill(process):
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()


@pytest.fixture
def program(tmp_path):
    """A function that writes a Python program and returns the words of its command line."""

    def written(text):
        path = tmp_path / f"program-{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text)
        return [sys.executable, str(path)]

    return written


SHELLS = ("/bin/bash", "/bin/sh")
#: bash becomes the last command that it runs, dash stays above it.
TAILS = ("", " && true")


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("killed", ["dvc", "shell"])
def test_a_stage_ends_with_the_dvc_and_the_shell_that_run_it(tmp_path, program, shell, tail, killed):
    stage = program(STAGE)
    (tmp_path / "dvc.yaml").write_text(f"stages:\n  train:\n    cmd: {shlex.join(stage)}{tail}\n")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "dvc", "repro", "--quiet"]
    process, stage = started(command, cwd=tmp_path, env=environment(SHELL=shell))
    parent = psutil.Process(stage).parent()
    assert not is_gone(stage, within=0.3)
    if killed == "dvc":
        process.kill()
    else:
        parent.kill()
    assert is_gone(stage)
    kill(process)


def test_a_stage_started_by_hand_outlives_its_shell(program):
    process, stage = started(["/bin/sh", "-c", f"{shlex.join(program(STAGE))} && true"], env=environment())
    kill(process)
    try:
        assert not is_gone(stage, within=0.5)
    finally:
        os.kill(stage, signal.SIGKILL)


@pytest.mark.parametrize("group", [True, False])
def test_a_stage_whose_dvc_has_ended_already_does_not_begin(tmp_path, program, group):
    """DVC and its shell end before the stage looks for them; the process group may have another leader."""
    dvc = (
        "import os, sys, time\n"
        "dvc = os.getpid()\n"
        "if os.fork() == 0:\n"
        "    if os.fork() == 0:\n"
        "        while os.path.exists(f'/proc/{dvc}'):\n            time.sleep(0.01)\n"
        "        os.execv(sys.executable, sys.argv[1:])\n"
        "    os._exit(0)\n"
    )
    said = tmp_path / "said"
    command = [*program(dvc), *program(STAGE)]
    if not group:
        command = [
            "/bin/sh",
            "-c",
            f"{shlex.join(command)}; until test -s {shlex.quote(str(said))}; do sleep 0.1; done",
        ]
    with said.open("w") as file:
        subprocess.run(
            command,
            env=environment(DVC_STAGE="train@mask-dice", DVC_ROOT="/"),
            stdout=file,
            stderr=file,
            start_new_session=True,
            check=True,
            timeout=300,
        )
    deadline = time.monotonic() + 300
    while not said.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert said.read_text() == "ended: the process that started this one has ended\n"


DRIVER = """
from loss_study.runtime.processes import bound, end_with_make

end_with_make()
import subprocess, sys
subprocess.run(bound([sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(120)"]))
"""


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("shell", SHELLS)
def test_a_driver_and_what_it_runs_end_with_make(tmp_path, program, shell, tail):
    (tmp_path / "Makefile").write_text(f"SHELL = {shell}\nstudy:\n\t@{shlex.join(program(DRIVER))}{tail}\n")
    make, below = started(["make"], cwd=tmp_path, env=environment())
    driver = psutil.Process(below).ppid()
    assert not is_gone(below, within=0.3)
    kill(make)
    assert is_gone(driver)
    assert is_gone(below)


def test_a_driver_typed_in_a_shell_that_make_started_begins(tmp_path, program):
    """A shell with job control gives each of its commands a process group, led by the first program of a pipeline."""
    driver = shlex.join(program("from loss_study.runtime.processes import end_with_make\nend_with_make()\nprint(7)"))
    commands = f"set -m; {driver}; {driver} | cat; true | {driver}"
    (tmp_path / "Makefile").write_text(f"shell:\n\t@/bin/bash -c {shlex.quote(commands)}\n")
    done = subprocess.run(["make"], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("7\n7\n7\n", "")


def test_a_driver_with_a_level_of_make_that_no_make_has_set_begins(program):
    driver = program("from loss_study.runtime.processes import end_with_make\nend_with_make()\nprint(7)")
    done = subprocess.run(driver, env=environment(MAKELEVEL="1"), stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "7\n"


def test_a_bound_command_ends_with_who_started_it():
    code = (
        "import subprocess, sys\nfrom loss_study.runtime.processes import bound\n"
        "subprocess.run(bound([sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); "
        "time.sleep(120)']))"
    )
    process, command = started([sys.executable, "-c", code])
    assert not is_gone(command, within=0.3)
    process.kill()
    process.wait()
    assert is_gone(command)


def test_a_bound_command_is_the_command():
    command = processes.bound(["sh", "-c", "echo $0 $1; exit 7", "a b", "c"])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("a b c\n", 7)


#: It and its child ignore all signals that can be ignored; the child says the ids of guard, server and itself.
SERVER = """
import os, signal, subprocess, sys, time
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
if len(sys.argv) > 1:
    print(*sys.argv[1:], os.getpid(), flush=True)
    time.sleep(120)
else:
    subprocess.run([sys.executable, sys.argv[0], str(os.getppid()), str(os.getpid())])
"""
SERVING = """
import sys
from loss_study.runtime.errors import run_stage
from loss_study.runtime.processes import tree

def main():
    with tree(sys.argv[1:]) as process:
        sys.exit(process.wait())

run_stage(main)
"""


def serving(program):
    """Serve; return the process that does, and the process ids of guard, server and the server's child."""
    command = [*program(SERVING), *program(SERVER)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return process, [int(word) for word in process.stdout.readline().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_tree_ends_with_the_process_that_serves_it(program, number):
    process, below = serving(program)
    assert len(below) == 3
    process.send_signal(number)
    process.wait(timeout=60)
    kill(process)
    assert all(is_gone(pid) for pid in below)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_tree_ends_with_any_of_its_own_processes(program, place):
    process, below = serving(program)
    os.kill(below[place], signal.SIGKILL)
    process.wait(timeout=60)
    kill(process)
    assert all(is_gone(pid) for pid in below)


def test_a_tree_has_the_exit_code_of_its_command(program):
    done = subprocess.run([*program(SERVING), "sh", "-c", "exit 7"], check=False, timeout=300)
    assert done.returncode == 7


SAMPLING = """
import time
from pathlib import Path
from loss_study.sampling import pack as sampling, worker_pool
from loss_study.datasets import scenes
from loss_study.config import DatasetConfig, SampleConfig

worker_pool.SECONDS_WORTH_A_POOL = 0
dataset = DatasetConfig(name="scenes", path="x", heads=["mask", "depth"])
sample = SampleConfig(images=4000, size=64, validation=0.2, test=0.2, seed=0)
sampling.pack(scenes.open_dataset(Path("x")), Path("sample"), dataset, sample, workers=3)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_processes_that_draw_the_sample_end_with_it(tmp_path, number):
    process = subprocess.Popen([sys.executable, "-c", SAMPLING], cwd=tmp_path, stdout=subprocess.DEVNULL)
    parent = psutil.Process(process.pid)
    deadline = time.monotonic() + 120
    while len(children := parent.children()) < 3:  # two workers beside it, and multiprocessing's tracker of resources
        assert time.monotonic() < deadline and process.poll() is None, children
        time.sleep(0.05)
    process.send_signal(number)
    process.wait()
    # A worker that was still importing ends when it is done with that.
    assert all(is_gone(child.pid, within=60) for child in children)
