"""The types of src/ fit together: ``mypy``, as setup.cfg and pyproject.toml configure it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.early
def test_mypy_finds_nothing():
    """Beside the other tests, it costs half of its minute."""
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
