"""What several tests of a case study start from."""

import importlib
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parents[2] / "case_studies"


@pytest.fixture
def scale_modules(monkeypatch):
    """Import a module of case_studies/scale, in the folder that its commands are typed in."""
    yield from _modules(monkeypatch, CASES / "scale")


@pytest.fixture
def window_modules(monkeypatch):
    """Import a module of case_studies/window, in the folder that its commands are typed in."""
    yield from _modules(monkeypatch, CASES / "window")


def _modules(monkeypatch, folder):
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(CASES)
    # Other case studies have modules of the same names.
    own = [path.stem for path in folder.glob("*.py")]
    for name in own:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module
    for name in own:
        sys.modules.pop(name, None)


@pytest.fixture
def made_up(scale_modules):
    """Return a function that makes an answer for each number of `images`, with these `means` of each loss."""
    ladder = scale_modules("ladder")

    def answers(means, images=(162, 520, 1300, 2600, 10400), error=0.004, rungs=None):
        return [
            ladder.Answer(
                rungs[place] if rungs else f"rung{place}",
                "mask",
                "iou_at_best",
                "",
                None,
                None,
                {loss: float(values[place]) for loss, values in means.items()},
                dict.fromkeys(means, error),
                dict.fromkeys(means, (0.0, 0.1)),
                int(count),
                24,
                16,
                3,
                200.0,
            )
            for place, count in enumerate(images)
        ]

    return answers
