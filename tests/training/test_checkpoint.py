"""Checkpoints: the lock, the key, the share of time that they take, and disks that are damaged, full or read-only."""

import math
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
import torch

from loss_study.config import composition, load_config
from loss_study.runtime.errors import StudyError
from loss_study.training import checkpoint, run
from loss_study.training.checkpoint import Checkpoint, DamagedError, load_saved, save_atomically
from loss_study.trial import Trial

TRIAL = Trial("mask", "bce", 0)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def smoke(tmp_path, monkeypatch):
    composition.compose(
        tmp_path / "params.yaml", ["scale=smoke", "recipe.epochs=3", "recipe.batch_size=4", "model.options.stages=2"]
    )
    monkeypatch.chdir(tmp_path)
    return load_config()


def results(trial):
    """The numbers of a training, without times."""
    state = torch.load(trial.run_dir / "model.pt", weights_only=True)["state"]
    rows = [line.split(",")[:4] for line in (trial.run_dir / "history.csv").read_text().splitlines()]
    return rows, {name: tensor.tolist() for name, tensor in state.items()}


def test_second_trainer_of_a_trial_is_refused(here, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_TO_WAIT", 0.3)
    second = Checkpoint("mask-bce-0", "k")
    message = rf"mask-bce-0-k.lock: process {os.getpid()} on .* is training this trial; wait until it ends"
    with Checkpoint("mask-bce-0", "k"), pytest.raises(StudyError, match=message):
        second.__enter__()


def test_second_trainer_waits_for_a_first_that_ends_soon_and_begins_anew(here):
    first = Checkpoint("mask-bce-0", "k").__enter__()
    first.save({"epoch": 3})

    def end():
        first.remove()
        first.__exit__()

    began = time.monotonic()
    threading.Timer(0.3, end).start()
    with Checkpoint("mask-bce-0", "k") as second:
        assert time.monotonic() - began >= 0.3
        assert second.load() is None
        second.save({"epoch": 1})
        assert second.load() == {"epoch": 1}
        assert [path.suffix for path in checkpoint.CHECKPOINTS.iterdir()].count(".lock") == 1


def test_saving_takes_a_hundredth_of_the_time_at_most(here, monkeypatch):
    """A checkpoint that takes 0.5 s, epochs of 7 s: 50 s have to pass between two of them."""
    now = 100.0

    def takes_half_a_second(*_):
        nonlocal now
        now += 0.5

    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(checkpoint, "save_atomically", takes_half_a_second)
    saved = []
    with Checkpoint("mask-bce-0", "k") as held:
        for epoch in range(1, 20):
            now += 7
            before = now
            held.save({})
            if now > before:
                saved.append(epoch)
    assert saved == [1, 9, 17]


def test_before_the_first_checkpoint_its_size_says_how_long_it_takes(here, monkeypatch):
    """40 MB take a slow disk 0.2 s: worth it after 20 s, in the third epoch of 7 s."""
    now = 100.0
    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: now))
    written = []
    monkeypatch.setattr(checkpoint, "save_atomically", lambda *_: written.append(now))
    state = {"model": {"weight": torch.zeros(8, 1_000_000)}, "optimizer": [torch.zeros(2_000_000)], "epoch": 3}
    with Checkpoint("mask-bce-0", "k") as held:
        for _ in range(3):
            now += 7
            held.save(state)
    assert written == [121.0]


def test_the_end_of_a_trial_is_saved_whatever_it_costs(here):
    with Checkpoint("mask-bce-0", "k") as held:
        held.save({"weight": torch.zeros(1_000_000)})
        assert held.load() is None
        held.save_now({"epoch": 3})
        assert held.load() == {"epoch": 3}


@pytest.mark.usefixtures("saved_each_epoch")
def test_a_damaged_checkpoint_starts_over_and_is_never_unpickled(here):
    with Checkpoint("mask-bce-0", "k") as held:
        path = held.path
        held.save({"model": torch.arange(100.0), "outcome": {"history": [{"epoch": 1.0}]}})
        whole, dice = path.read_bytes(), random.Random(0)
        torch.save(pytest.Item, path)  # an object of a class, which only unpickling could bring back
        assert held.load() is None
        for end in range(0, len(whole), 37):
            path.write_bytes(whole[:end])
            assert held.load() is None
        for _ in range(100):
            path.write_bytes(dice.randbytes(dice.randrange(200)))
            assert held.load() is None


def test_no_changed_bit_of_a_saved_state_becomes_another_number(tmp_path):
    state = {
        "weights": {"a": torch.arange(60.0), "b": torch.arange(4).to(torch.bfloat16), "none": torch.zeros(0)},
        "outcome": {"history": [{"epoch": 1.0, "loss": math.nan}], "status": "finished", "best": (1, None, True)},
    }
    path = tmp_path / "state.pt"
    save_atomically(state, path)
    whole, expected, dice = path.read_bytes(), checkpoint.checksum(state), random.Random(0)
    assert checkpoint.checksum(load_saved(path)) == expected
    refused = 0
    for _ in range(600):
        changed = bytearray(whole)
        changed[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        path.write_bytes(changed)
        try:
            assert checkpoint.checksum(load_saved(path)) == expected
        except DamagedError:
            refused += 1
    # Most of so small a file are the names and the padding of the zip archive around it.
    assert refused > 100


@pytest.mark.parametrize(
    "other",
    [{"a": 1.0}, {"a": True}, {"a": "1"}, {"b": 1}, {"a": [1]}, {"a": torch.tensor(1)}, {"a": 1, "b": 2}, {}],
    ids=str,
)
def test_a_checksum_tells_values_types_and_names_apart(other):
    assert checkpoint.checksum({"a": 1}) != checkpoint.checksum(other)


def test_a_checksum_tells_shapes_and_types_of_tensors_apart():
    same = torch.zeros(2, 3)
    for other in (torch.zeros(3, 2), torch.zeros(6), same.int(), same.to(torch.bfloat16), -same, torch.ones(2, 3)):
        assert checkpoint.checksum(same) != checkpoint.checksum(other)
    assert checkpoint.checksum(same) == checkpoint.checksum(torch.zeros(3, 2).T)


def test_a_checkpoint_is_of_its_data_and_of_its_parameters(sample, smoke):
    def key(**recipe):
        config = smoke.model_copy(update={"recipe": smoke.recipe.model_copy(update=recipe)})
        return run.checkpoint_key(TRIAL, sample, config, {})

    before = key()
    assert key() == before != key(epochs=4)
    path = sample.folder / "images.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert key() != before


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("torch.__version__", "9.9"),
        ("torch.get_num_threads", lambda: 77),
        ("torch.backends.cpu.get_cpu_capability", lambda: "OTHER"),
        ("loss_study.training.run.pick", lambda: torch.device("cuda")),
    ],
)
def test_a_checkpoint_is_of_its_arithmetic(sample, smoke, monkeypatch, place, value):
    monkeypatch.setattr(run, "pick_precision", lambda precision, device: precision)
    before = run.checkpoint_key(TRIAL, sample, smoke, {})
    monkeypatch.setattr(place, value)
    assert run.checkpoint_key(TRIAL, sample, smoke, {}) != before


FULL = """
import resource, signal, sys
from pathlib import Path
from loss_study.config import load_config
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import run_stage
from loss_study.training import checkpoint
from loss_study.training.run import train_trials
from loss_study.trial import Trial

checkpoint.SHARE = 1e9  # save after every epoch
# No file may grow beyond this.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
run_stage(lambda: train_trials([Trial("mask", "bce", 0)], load_config(), PackedSample.open(Path("data/sample"))))
"""


def train_with_files_of_at_most(size):
    done = subprocess.run([sys.executable, "-c", FULL, str(size)], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.splitlines()


def test_no_room_for_checkpoints_costs_a_warning_and_changes_nothing(sample, smoke, tmp_path):
    """A checkpoint holds more than the model; the limit, which the kernel keeps, lies between the two."""
    run.train_trials([TRIAL], smoke, sample)
    expected = results(TRIAL)
    size = (TRIAL.run_dir / "model.pt").stat().st_size
    shutil.rmtree(tmp_path / "runs")
    code, errors = train_with_files_of_at_most(size + 1000)
    assert code == 0 and len(errors) == 1
    assert errors[0].startswith("warning: checkpoints/mask-bce-0-") and "File too large; training goes on" in errors[0]
    assert results(TRIAL) == expected
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_no_room_for_the_results_is_one_line_and_leaves_nothing_half_written(sample, smoke, tmp_path):
    code, errors = train_with_files_of_at_most(1000)
    assert code == 1 and errors[-1].startswith("error: ") and len(errors) == 2, errors
    assert [path for path in (tmp_path / "runs").rglob("*") if path.is_file()] == []


def test_results_that_cannot_be_written_are_an_error_before_the_training(sample, smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "train", lambda *_, **__: pytest.fail("trained"))
    (tmp_path / "runs").write_text("a file where a folder should be")
    with pytest.raises(StudyError, match=r"^runs/.*: cannot be written to"):
        run.train_trials([TRIAL], smoke, sample)
