"""What several tests start from."""

import copy
import functools
import io
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Two test processes share the machine: with a thread for each core, they would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf

from loss_study.config import composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.training import checkpoint
from support.made_once import made_once
from support.samples import write_sample

_compose = composition.compose
#: It says which test runs, and pytest removes it.
_PYTESTS_OWN = "PYTEST_CURRENT_TEST"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
_load = OmegaConf.load
_loaded: dict[str, DictConfig | ListConfig] = {}


def load(file: Any) -> DictConfig | ListConfig:
    """As `OmegaConf.load`; the same text is parsed only once, which is a third of the time of a composition."""
    if not isinstance(file, io.TextIOWrapper):
        return _load(file)
    text = file.read()
    if text not in _loaded:
        file.seek(0)
        _loaded[text] = _load(file)
    return copy.deepcopy(_loaded[text])


OmegaConf.load = load

# A shell that starts the tests in the background makes them, and all that they start, deaf to Ctrl-C, nohup to hangups.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that no test process waits for them at the end."""
    items.sort(key=lambda item: not {"pipeline", "browser", "early"} & {mark.name for mark in item.iter_markers()})


@pytest.fixture(autouse=True)
def as_it_was():
    """No test sees what another one left: search path, environment, working directory, signals, torch's threads.

    MLflow's load_model, for one, leaves the folder of the model's code in the search path, and subprocesses get it. A
    stage that ends leaves Ctrl-C to the system, after which DVC, run in the same process, leaves it ignored.
    """
    path, environment, folder, threads = sys.path.copy(), dict(os.environ), Path.cwd(), torch.get_num_threads()
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    sys.path[:] = path
    for name in os.environ.keys() - environment.keys() - {_PYTESTS_OWN}:
        del os.environ[name]
    os.environ.update({name: value for name, value in environment.items() if name != _PYTESTS_OWN})
    os.chdir(folder)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> Path:
    """A database of MLflow with its tables and no run, to be copied."""

    def make(folder):
        from mlflow import MlflowClient

        MlflowClient(tracking_uri=f"sqlite:///{folder}/empty.db").search_experiments()

    return made_once(tmp_path_factory, "store", make) / "empty.db"


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
    composition.compose(
        tmp_path / "params.yaml", ["scale=smoke", "recipe.epochs=3", "recipe.batch_size=4", "model.options.stages=2"]
    )
    monkeypatch.chdir(tmp_path)

    def changed(**values):
        whole = yaml.safe_load((tmp_path / "params.yaml").read_text())
        whole["recipe"] |= values
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(whole))
        return load_config()

    return changed
