"""The second test sees nothing of what the first one leaves; both run in one process, in this order."""

import os
import signal
import sys
from pathlib import Path

import pytest

from loss_study.runtime.errors import StudyError, run_stage


def test_leaves_things_behind(tmp_path):
    def fails():
        raise StudyError("left to itself")

    with pytest.raises(SystemExit):
        run_stage(fails)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL, "as a stage that has failed leaves it"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.append("left")
    os.environ["LEFT"] = "behind"
    os.chdir(tmp_path)


def test_finds_nothing_that_was_left():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert "left" not in sys.path
    assert "LEFT" not in os.environ
    assert Path("setup.cfg").is_file()
