"""What the Makefile gives to the commands that it runs."""

import os
import subprocess

from support.clone import ROOT

TOLD = 'include Makefile\ntold:\n\t@echo "[$$PYTHONDONTWRITEBYTECODE]"\n'


def test_processes_keep_what_python_compiled():
    done = subprocess.run(
        ["make", "--silent", "--file=-", "told"],
        cwd=ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        input=TOLD,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
