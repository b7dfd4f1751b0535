"""What several tests of a case study start from."""

import importlib
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parents[2] / "case_studies"


@pytest.fixture
def scale_modules(monkeypatch):
    """Import a module of case_studies/scale, in the folder that its commands are typed in."""
    monkeypatch.syspath_prepend(CASES / "scale")
    monkeypatch.chdir(CASES)
    # Other case studies have modules of the same names.
    own = ("plan", "ladder", "page", "charts", "rung", "fits", "gpu", "overview")
    for name in own:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module
    for name in own:
        sys.modules.pop(name, None)
