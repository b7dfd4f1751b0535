"""Commands in a warm server: the same as in a process of their own, and gone when those who wait for them are."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from loss_study.warm import FOLDER, offer
from loss_study.warm.offer import Servers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm servers are for Linux")

LAUNCHER = [sys.executable, "-m", "loss_study.warm", "--with", "light"]
SURROUNDINGS = """
import json, os, sys
print(json.dumps([__name__, __file__, sys.argv, sys.path, os.getcwd(), dict(os.environ), sys.stdin.read()]))
print("colours" in sys.modules, os.getppid(), file=sys.stderr)
"""
SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


@pytest.fixture
def servers(monkeypatch):
    """A server called "light" that has imported next to nothing, `colorsys`."""
    monkeypatch.setitem(offer.LOADED, "light", ("colorsys", "no_such_module"))
    monkeypatch.setitem(offer.LOADED, "second", ("wave",))
    with Servers() as started:
        started.start("light")
        yield started


@pytest.fixture
def script(tmp_path):
    """Write a script and return the command that runs it by way of the launcher."""

    def write(text: str) -> list[str]:
        (tmp_path / "script.py").write_text(text)
        return [*LAUNCHER, str(tmp_path / "script.py")]

    return write


def run(command: list[str], **changes: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **changes)


def cold() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != FOLDER}


def begin(command: list[str], **changes: object) -> tuple[subprocess.Popen[str], int]:
    """Start a script that prints its process id first; return the launcher and that id."""
    launcher = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **changes)
    return launcher, int(launcher.stdout.readline())


def gone(pid: int) -> bool:
    """Whether the process ends within some seconds; a zombie has ended."""
    for _ in range(400):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_command_finds_the_surroundings_that_it_would_find_without_a_server(servers, script, tmp_path, monkeypatch):
    monkeypatch.setenv("SAID", "so")
    command = [*script(SURROUNDINGS), "mask", "dice", "0"]
    here, there = (
        run(command, input="typed", cwd=tmp_path, env=environment | {FOLDER: ""}) for environment in (cold(), cold())
    )
    warm = run(command, input="typed", cwd=tmp_path, env=dict(os.environ))
    expected, found = json.loads(here.stdout), json.loads(warm.stdout)
    assert found[5].pop(FOLDER) != "" and expected[5].pop(FOLDER) == ""
    assert found == expected
    assert found[2][1:] == ["mask", "dice", "0"] and found[6] == "typed" and found[5]["SAID"] == "so"
    assert json.loads(there.stdout)[:5] == found[:5]


def test_a_command_finds_the_imports_done_and_the_code_of_this_project_not(servers, script):
    text = "import sys; print('colorsys' in sys.modules, [name for name in sys.modules if 'loss_study' in name])"
    assert run(script(text)).stdout == "True []\n"
    assert run(script(text), env=cold()).stdout.startswith("False")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("pass", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no such loss')", 1, "no such loss\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL, ""),
        ("import os; os.abort()", -signal.SIGABRT, ""),
        ("raise SystemExit(None)", 0, ""),
        ("raise SystemExit(-1)", 255, ""),
        ("import atexit, sys; atexit.register(lambda: print('last', file=sys.stderr))", 0, "last\n"),
        ("import sys, threading as t; t.Timer(0.3, lambda: print('late', file=sys.stderr)).start()", 0, "late\n"),
    ],
)
def test_it_ends_as_it_would_without_a_server(servers, script, text, code, said):
    done, alone = run(script(text)), run(script(text), env=cold())
    assert done.returncode == alone.returncode == code
    assert done.stderr.endswith(said) and alone.stderr.endswith(said) and bool(done.stderr) == bool(said)


def test_what_it_printed_last_and_its_temporary_folders_are_not_forgotten(servers, script, tmp_path):
    text = "import tempfile; kept = tempfile.TemporaryDirectory(dir='.'); print(kept.name, end='')"
    done = run(script(text), cwd=tmp_path)
    assert done.returncode == 0 and Path(done.stdout).name.startswith("tmp")
    assert list(tmp_path.iterdir()) == [tmp_path / "script.py"]


def test_modules_run_as_well(servers):
    done = run([*LAUNCHER, "-m", "json.tool", "--compact"], input="[1, 2]")
    assert (done.returncode, done.stdout) == (0, "[1,2]\n")


def test_several_run_at_once(servers, script):
    started = [begin(script(SLEEP)) for _ in range(3)]
    assert len({pid for _, pid in started}) == 3
    for launcher, pid in started:
        launcher.kill()
        assert gone(pid)
        launcher.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_command_and_its_own_processes(servers, script, number):
    text = f"""
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
def told(number, _):
    print("told", child.wait(), flush=True)
    sys.exit(7)
signal.signal({int(number)}, told)
print(os.getpid(), flush=True)
time.sleep(60)
"""
    launcher, _ = begin(script(text))
    time.sleep(0.5)
    launcher.send_signal(number)
    output, _ = launcher.communicate(timeout=30)
    assert launcher.returncode == 7
    assert output.startswith("told ") and output != "told 0\n"


#: Imports that swallow what they are interrupted with, as those of compiled modules may, then a stage that does not.
STAGE = """
import os, sys, time
def wait():
    print(os.getpid(), flush=True)
    time.sleep(60)
if sys.argv[1] == "imports":
    try:
        wait()
    except BaseException:
        raise ImportError
from loss_study.errors import run_stage
try:
    run_stage(wait)
finally:
    print("tidied up", flush=True)
"""


@pytest.mark.parametrize("state", ["imports", "runs"])
@pytest.mark.parametrize(
    ("number", "line", "code"), [(signal.SIGINT, "interrupted\n", 130), (signal.SIGTERM, "terminated\n", 143)]
)
@pytest.mark.parametrize("warm", [True, False])
def test_a_signal_ends_a_stage_in_one_line_whatever_it_does(servers, script, state, number, line, code, warm):
    launcher, _ = begin([*script(STAGE), state], env=dict(os.environ) if warm else cold())
    time.sleep(0.2)  # It has printed, and sleeps now; the launcher listens for signals.
    launcher.send_signal(number)
    output, said = launcher.communicate(timeout=30)
    assert (said, launcher.returncode) == (line, code)
    assert output == ("tidied up\n" if state == "runs" else "")


def test_a_killed_launcher_takes_its_command_along(servers, script):
    launcher, pid = begin(script(SLEEP))
    launcher.kill()
    assert gone(pid)
    launcher.communicate()


def test_a_killed_server_takes_its_commands_along_and_the_launcher_says_so(servers, script):
    launcher, pid = begin(script(SLEEP))
    servers._processes[0].kill()
    _, said = launcher.communicate(timeout=30)
    assert gone(pid)
    assert launcher.returncode == 1
    assert said == "error: the warm server 'light' ended, and this stage with it; run the same command again\n"
    assert run(script("print('alone')")).stdout == "alone\n"


def test_a_command_never_begins_twice(script, tmp_path, monkeypatch):
    """Not even where the server ends right after it forked."""
    (tmp_path / "slow.py").write_text(
        "import sys, time; sys.modules['__main__'].Server._watch = lambda self, child: time.sleep(60)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(offer.LOADED, "light", ("slow",))
    text = "import os, sys; open('begun', 'a').write('x'); os.kill(int(sys.argv[1]), 9)"
    with Servers() as started:
        started.start("light")
        done = run([*script(text), str(started._processes[0].pid)], cwd=tmp_path)
    assert done.returncode == 1
    assert (tmp_path / "begun").read_text() == "x"


def test_what_a_server_never_began_runs_without_it(servers, script):
    os.kill(servers._processes[0].pid, signal.SIGSTOP)
    launcher = subprocess.Popen(script("print('alone')"), stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    servers._processes[0].kill()
    assert launcher.communicate(timeout=30)[0] == "alone\n" and launcher.returncode == 0


def test_servers_and_their_commands_end_with_the_process_that_offers_them(script, tmp_path):
    offering = f"""
import subprocess, sys
from loss_study.warm import offer
offer.LOADED["light"] = ()
with offer.Servers() as servers:
    servers.start("light")
    print(servers._processes[0].pid, flush=True)
    subprocess.run({script(SLEEP)!r})
"""
    process = subprocess.Popen([sys.executable, "-c", offering], stdout=subprocess.PIPE, text=True)
    server, command = int(process.stdout.readline()), int(process.stdout.readline())
    process.kill()
    assert gone(command) and gone(server)
    process.communicate()


def test_a_server_within_a_server_has_imported_what_both_do(servers, script):
    servers.start("second", within="light")
    command = script("import sys; print('colorsys' in sys.modules, 'wave' in sys.modules)")
    command[command.index("light")] = "second"
    assert run(command).stdout == "True True\n"


def test_a_server_within_a_server_leaves_nothing_undone_that_the_outer_one_does_on_exit(script, tmp_path, monkeypatch):
    text = "import atexit, sys; atexit.register(lambda: print('tidied up', file=sys.stderr))"
    (tmp_path / "tidy.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(offer.LOADED, "light", ("tidy",))
    monkeypatch.setitem(offer.LOADED, "second", ("wave",))
    with Servers() as started:
        started.start("light")
        started.start("second", within="light")
        for name in ("light", "second"):
            command = script("raise SystemExit(5)")
            command[command.index("light")] = name
            done = run(command)
            assert (done.returncode, done.stderr) == (5, "tidied up\n")


def test_under_plain_dvc_the_first_stage_starts_a_server_for_the_others(script, tmp_path):
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    command = script("import os, sys; print(os.getppid(), 'torch' in sys.modules, flush=True)")
    light = command.index("light")
    commands = [[*command[:light], name, *command[light + 1 :]] for name in ("mlflow", "torch", "torch", "mlflow")]
    dvc = f"import subprocess\nfor command in {commands!r}: subprocess.run(command, check=True)"
    environment = cold() | {"DVC_ROOT": str(tmp_path)}
    alone, *others = run([sys.executable, "-c", dvc], env=environment).stdout.splitlines()
    server, loaded = others[0].split()
    assert alone.endswith("False") and loaded == "True"
    assert others == [others[0]] * 3
    assert gone(int(server))
    assert not list((tmp_path / ".dvc" / "tmp").iterdir())


def test_under_plain_dvc_a_stage_starts_the_server_that_a_later_one_wants(script, tmp_path):
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    command = script("import os, sys; print(os.getppid(), 'mlflow.pytorch' in sys.modules, flush=True)")
    light = command.index("light")
    names = (["torch"], ["torch", "--then", "mlflow"], ["torch", "--then", "mlflow"], ["torch"], ["mlflow"], ["mlflow"])
    commands = [[*command[:light], *name, *command[light + 1 :]] for name in names]
    dvc = f"import subprocess\nfor command in {commands!r}: subprocess.run(command, check=True)"
    lines = run([sys.executable, "-c", dvc], env=cold() | {"DVC_ROOT": str(tmp_path)}).stdout.splitlines()
    assert lines == [lines[0]] * 4 + [lines[-1]] * 2
    (torch, early), (mlflow, late) = lines[0].split(), lines[-1].split()
    assert (early, late) == ("False", "True")
    assert gone(int(torch)) and gone(int(mlflow))
    assert not list((tmp_path / ".dvc" / "tmp").iterdir())


def test_a_failed_stage_and_one_with_servers_of_its_own_start_no_other(servers, script, tmp_path):
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    command = script("import sys; sys.exit(int(sys.argv[1]))")
    command[command.index("light") + 1 : command.index("light") + 1] = ["--then", "second"]
    for environment, code in ((cold(), "3"), (dict(os.environ), "0")):
        done = run([*command, code], env=environment | {"DVC_ROOT": str(tmp_path)})
        assert done.returncode == int(code) and not list((tmp_path / ".dvc" / "tmp").iterdir())


def test_nothing_is_left_behind(monkeypatch, script):
    monkeypatch.setitem(offer.LOADED, "light", ())
    with Servers() as started:
        started.start("light")
        folder = Path(os.environ[FOLDER])
        assert folder.stat().st_mode & 0o777 == 0o700
        assert run(script("pass")).returncode == 0
        server = started._processes[0].pid
    assert not folder.exists() and FOLDER not in os.environ and gone(server)


def test_what_a_killed_process_left_is_removed_and_nothing_else(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, ours, other = (tmp_path / name for name in (f"loss-study-{ended.pid}-a", f"loss-study-{os.getpid()}-b", "c"))
    for folder in (left, ours, other):
        folder.mkdir()
    with Servers():
        assert not left.exists() and ours.exists() and other.exists()


def test_torch_is_imported_without_threads_and_without_cuda():
    with Servers() as started:
        started.start("torch")
        text = "import torch; print(torch.cuda.is_initialized(), torch.cuda._is_in_bad_fork())"
        command = [*LAUNCHER[:-1], "torch", "-m", "timeit", "-n", "1", "-r", "1", text]
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        assert run(command, env=environment).stdout.startswith("False False\n")
        server = started._processes[0].pid
        assert len(list(Path(f"/proc/{server}/task").iterdir())) == 1
