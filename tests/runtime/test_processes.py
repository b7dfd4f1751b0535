"""How processes end: with real signals, and with parents that are killed."""

import os
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
from loss_study.errors import run_stage

def main():
    print(os.getpid(), flush=True)
    time.sleep(60)

run_stage(main)
"""


def started(command, **options):
    """Start `command` and return its process and the process id that it prints when it works."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    return process, int(process.stdout.readline())


def is_gone(pid, within=5.0):
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


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
            time.sleep(10)
        except KeyboardInterrupt:
            tidied.append("yes")
            raise

    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        with pytest.raises(SystemExit) as end:
            run_stage(main)
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)
    assert (end.value.code, tidied, capsys.readouterr().err) == (143, ["yes"], "terminated\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_ignores_a_signal_goes_on_to(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with processes.signals_raise():
            os.kill(os.getpid(), number)
        processes.signals_end_at_once()
        os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)


def test_signals_are_what_they_were_after_a_stage():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run_stage(lambda: None)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


DVC = """
import os, subprocess, sys
subprocess.run(["sh", "-c", f"exec {sys.executable} -c '{os.environ['STAGE']}'"], env=os.environ)
"""


@pytest.mark.parametrize(("below_dvc", "outlives"), [(True, False), (False, True)])
def test_a_stage_ends_with_the_dvc_that_runs_it_and_with_no_one_else(below_dvc, outlives):
    environment = {name: value for name, value in os.environ.items() if name != "DVC_STAGE"} | {"STAGE": STAGE}
    environment |= {"DVC_STAGE": "train@mask-dice-0"} if below_dvc else {}
    process, stage = started([sys.executable, "-c", DVC], env=environment)
    process.kill()
    process.wait()
    try:
        assert is_gone(stage, within=0.5 if outlives else 5) is not outlives
    finally:
        if outlives:
            os.kill(stage, signal.SIGKILL)


def test_a_stage_whose_dvc_has_ended_already_does_not_begin(tmp_path):
    dvc = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n    time.sleep(0.3)\n    os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])\n"
    )
    told = tmp_path / "told"
    with told.open("w") as file:
        environment = {**os.environ, "DVC_STAGE": "train@mask-dice-0"}
        command = [sys.executable, "-c", dvc, STAGE]
        subprocess.run(command, env=environment, stdout=file, start_new_session=True, check=True)
    time.sleep(2)
    assert told.read_text() == ""


def test_a_bound_command_ends_with_who_started_it():
    code = (
        "import subprocess, sys\nfrom loss_study.runtime.processes import bound\n"
        "subprocess.run(bound([sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); "
        "time.sleep(60)']))"
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


SAMPLING = """
import time
from pathlib import Path
from loss_study.data import sampling
from loss_study.datasets import scenes
from loss_study.config import Dataset, Sample

sampling.SECONDS_WORTH_A_POOL = 0
dataset = Dataset(name="scenes", path="x", heads=["mask", "depth"])
sample = Sample(images=4000, size=64, validation=0.2, test=0.2, seed=0)
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
