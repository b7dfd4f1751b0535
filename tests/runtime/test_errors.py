"""What a user sees of a mistake: one line, and an exit code that is not 0."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import loss_study
from loss_study.runtime.errors import StudyError, nearest, run_stage


def ended(error, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as end:
        run_stage(main)
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (StudyError("loss.names: empty\n  list"), 1, "error: loss.names: empty list\n"),
        (StudyError("a\x1b[31mb\n\udce9.png: damaged"), 1, "error: a\\x1b[31mb \\xe9.png: damaged\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (
            PermissionError(errno.EACCES, "Permission denied", "runs"),
            1,
            "error: runs: Permission denied; it takes a folder that you may write to\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            1,
            "error: the disk is full; free some space and run the same command again\n",
        ),
    ],
)
def test_one_line(error, code, line, capsys, monkeypatch):
    monkeypatch.delenv("LOSS_STUDY_DEBUG", raising=False)
    assert ended(error, capsys) == (code, line)


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_stage(lambda: 1 / 0)


def test_debug_shows_the_traceback_of_a_mistake(monkeypatch):
    monkeypatch.setenv("LOSS_STUDY_DEBUG", "1")

    def main():
        raise StudyError("wrong")

    with pytest.raises(StudyError):
        run_stage(main)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("letters", [10, 1_000_000])
def test_where_nobody_reads_what_is_printed_there_is_no_line(letters, unbuffered, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    code = f"from loss_study.runtime.errors import run_stage; run_stage(lambda: print('a' * {letters}))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_end_of_another_pipe_is_an_error(capsys):
    code, line = ended(BrokenPipeError(errno.EPIPE, "Broken pipe"), capsys)
    assert (code, line) == (1, "error: [Errno 32] Broken pipe\n")


def test_nearest_name():
    assert nearest("dcie", ["dice", "bce"]) == "did you mean 'dice'? (known: bce, dice)"
    assert nearest("zzz", ["dice", "bce"]) == "(known: bce, dice)"


def test_a_file_that_may_not_be_read_is_no_folder_to_write_to(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("LOSS_STUDY_DEBUG", raising=False)
    (tmp_path / "params.yaml").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    error = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "params.yaml"))
    line = f"error: {tmp_path / 'params.yaml'}: Permission denied; it takes a file that you may read\n"
    assert ended(error, capsys) == (1, line)


@pytest.fixture
def other_clone(tmp_path):
    """The folder of a clone with other code, and a stage that says which code it runs."""
    folder, ours = tmp_path / "clone", Path(loss_study.__file__).parent
    shutil.copytree(ours / "runtime", folder / "src/loss_study/runtime")
    (folder / "src/loss_study/__init__.py").write_text("__version__ = 'other'")
    (folder / "final").mkdir()
    code = "import sys, loss_study\nfrom loss_study.runtime.errors import run_stage\n"
    (folder / "stage.py").write_text(f"{code}run_stage(lambda: print(loss_study.__version__, *sys.argv[1:]))\n")
    return folder


def run_in(folder, *words, inside="."):
    environment = os.environ | {"PYTHONPATH": str(Path(loss_study.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder / inside, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize("inside", [".", "final"])
def test_the_code_that_runs_is_that_of_the_folder_whatever_python_finds_first(other_clone, inside):
    """With the environment or the PYTHONPATH of another clone, and in the folder of an experiment."""
    assert run_in(other_clone, str(other_clone / "stage.py"), "a b", inside=inside) == ("other a b\n", "", 0)


def test_where_python_finds_only_other_code_a_stage_is_refused(other_clone):
    first = f"import sys; sys.path.insert(0, {str(Path(loss_study.__file__).parents[1])!r})\n"
    stage = other_clone / "stage.py"
    stage.write_text(first + stage.read_text())
    out, err, code = run_in(other_clone, "stage.py")
    assert (out, code) == ("", 1) and err.count("\n") == 1
    assert err.endswith(f"Python runs this code and not that of {other_clone}/src; use this folder's environment\n")


def test_a_folder_whose_name_cannot_be_in_a_search_path_is_refused(other_clone):
    moved = other_clone.rename(other_clone.with_name("a:b"))
    out, err, code = run_in(moved, "stage.py")
    assert (out, code) == ("", 1) and err.count("\n") == 1


def test_outside_of_a_project_the_code_is_what_python_finds(tmp_path, other_clone):
    shutil.copy(other_clone / "stage.py", tmp_path)
    assert run_in(tmp_path, "stage.py") == (f"{loss_study.__version__}\n", "", 0)
