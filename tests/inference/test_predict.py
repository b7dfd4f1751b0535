"""How the work on many images is shared out: in order, side by side, a bounded number at a time."""

import csv
import threading
from pathlib import Path

import numpy as np
import pytest

from loss_study.inference import predict as predicting
from loss_study.inference.contract import Contract, Depth, Input, Mask
from loss_study.inference.inputs import Task
from loss_study.inference.predict import Wanted, predict
from loss_study.runtime.errors import StudyError
from support.data_at_hand import save

CONTRACT = Contract(Input(3, 4, 1), {"mask": Mask(1, ("foreground",), 0.5), "depth": Depth(None)})
#: More images than may be in memory at a time.
MANY = 60


class Runtime:
    """Predicts red and green; `meanwhile` is called within each call, with the number of the call."""

    name = "none"

    def __init__(self, at_once=1, meanwhile=lambda number: None):
        self.at_once = at_once
        self.calls = 0
        self._meanwhile = meanwhile
        self._counting = threading.Lock()

    def __call__(self, inputs):
        with self._counting:
            self.calls += 1
            number = self.calls
        self._meanwhile(number)
        return {"mask": inputs[:, :1], "depth": inputs[:, 1:2]}


@pytest.fixture
def tasks(tmp_path):
    """Images of one colour each, whose green is their number."""
    for number in range(MANY):
        save(tmp_path / f"{number:02d}.png", np.full((5, 6, 3), number, np.uint8))
    return [Task(tmp_path / f"{number:02d}.png", None, Path(f"{number:02d}")) for number in range(MANY)]


def medians(folder):
    with (folder / "predictions.csv").open(newline="") as file:
        return [float(row["depth_median"]) for row in csv.DictReader(file) if row["head"] == "depth"]


@pytest.mark.parametrize(("at_once", "batch_size"), [(1, 0), (3, 0), (3, 2), (2, 7)])
def test_the_table_is_in_the_order_of_the_images(tmp_path, tasks, at_once, batch_size):
    wanted = Wanted(tmp_path / "out", "npy", overlays=False, table=True)
    # The first batches take longest.
    runtime = Runtime(at_once, lambda number: threading.Event().wait(0.02 / number))
    done = predict(runtime, CONTRACT, tasks, wanted, batch_size=batch_size)
    assert done.predicted == MANY
    np.testing.assert_allclose(medians(tmp_path / "out"), np.arange(MANY) / 255, atol=1e-6)


def test_as_many_batches_as_the_runtime_takes_are_computed_side_by_side(tmp_path, tasks):
    together = threading.Barrier(3, timeout=300)
    runtime = Runtime(3, lambda number: together.wait())  # a call goes on when three have begun
    predict(runtime, CONTRACT, tasks[:6], Wanted(tmp_path / "out", overlays=False), batch_size=1)
    assert runtime.calls == 6


@pytest.mark.parametrize("batch_size", [1, 10])
def test_only_so_many_images_are_in_memory_however_slow_the_network_is(tmp_path, tasks, monkeypatch, batch_size):
    counting, read, written, most = threading.Lock(), [], [], []
    load, write = predicting.load, predicting._write

    def counted_load(*arguments):
        with counting:
            read.append(1)
            most.append(len(read) - len(written))
        return load(*arguments)

    def counted_write(*arguments):
        try:
            return write(*arguments)
        finally:
            with counting:
                written.append(1)

    monkeypatch.setattr(predicting, "load", counted_load)
    monkeypatch.setattr(predicting, "_write", counted_write)
    slow = Runtime(meanwhile=lambda _: threading.Event().wait(0.005))
    predict(slow, CONTRACT, tasks, Wanted(tmp_path / "out", "npy", overlays=False), batch_size=batch_size)
    waiting = max(2 * batch_size, 2 * predicting.WORKERS)
    # Read ahead, in the batch that is collected, in two that are computed, waiting to be written.
    assert len(written) == MANY and max(most) <= 2 * waiting + 4 * batch_size + 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_after_an_interruption_nothing_more_is_begun_and_no_half_file_is_left(tmp_path, tasks, error):
    def interrupted(number):
        if number == 2:
            raise error

    runtime = Runtime(meanwhile=interrupted)
    before = threading.active_count()
    with pytest.raises(error):
        predict(runtime, CONTRACT, tasks, Wanted(tmp_path / "out", overlays=False), batch_size=1)
    assert runtime.calls <= 3 and threading.active_count() == before
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names <= {"00.mask.png", "00.depth.png"}


def test_bad_images_are_named_in_their_order(tmp_path, tasks, monkeypatch):
    load = predicting.load

    def picky(task, needed):
        if int(task.name.name) % 7 == 3:
            raise StudyError(f"{task.name}: bad")
        return load(task, needed)

    monkeypatch.setattr(predicting, "load", picky)
    said = []
    wanted = Wanted(tmp_path / "out", "npy", overlays=False)
    done = predict(Runtime(2), CONTRACT, tasks, wanted, on_image=said.append)
    bad = [f"{number:02d}: bad" for number in range(3, MANY, 7)]
    assert done.skipped == [line for line in said if line] == bad
    assert done.predicted == said.count("") == MANY - len(bad)
