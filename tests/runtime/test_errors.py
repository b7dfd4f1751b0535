"""What a user sees of a mistake: one line, and an exit code that is not 0."""

import errno

import pytest

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


def test_nearest_name():
    assert nearest("dcie", ["dice", "bce"]) == "did you mean 'dice'? (known: bce, dice)"
    assert nearest("zzz", ["dice", "bce"]) == "(known: bce, dice)"
