"""What several tests start from."""

import functools
import os
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

# Two test processes share the machine: with a thread for each core, they would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import yaml

from loss_study.config import composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.training import checkpoint
from support.samples import write_sample

_compose = composition.compose


@functools.cache
def _composed(_conf: tuple[tuple[str, int], ...], overrides: tuple[str, ...]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        _compose(path, overrides)
        return path.read_bytes()


def compose(output: Path, overrides: Sequence[str] = ()) -> None:
    """As `composition.compose`, which takes .3 s; the same overrides of the same ``conf/`` are composed only once."""
    conf = tuple(sorted((str(path), path.stat().st_mtime_ns) for path in Path("conf").resolve().rglob("*.yaml")))
    output.write_bytes(_composed(conf, tuple(overrides)))


composition.compose = compose

# A shell that starts the tests in the background makes them, and all that they start, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that no test process waits for them at the end."""
    items.sort(key=lambda item: not {"pipeline", "browser", "early"} & {mark.name for mark in item.iter_markers()})


@pytest.fixture
def sample(tmp_path) -> PackedSample:
    """A packed sample of 24 images at 32 px: 12 for training, 6 for validation, 6 for the test."""
    return PackedSample.open(write_sample(tmp_path / "data" / "sample"))


@pytest.fixture
def saved_each_epoch(monkeypatch):
    """A checkpoint is saved after every epoch, although these trainings take less time than that."""
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)


@pytest.fixture
def recipe(tmp_path, sample, monkeypatch):
    """A function that changes the recipe of the smoke scale, three epochs on the discs, and loads it."""
    composition.compose(tmp_path / "params.yaml", ["scale=smoke", "recipe.epochs=3", "recipe.batch_size=4"])
    monkeypatch.chdir(tmp_path)

    def changed(**values):
        whole = yaml.safe_load((tmp_path / "params.yaml").read_text())
        whole["recipe"] |= values
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(whole))
        return load_config()

    return changed
