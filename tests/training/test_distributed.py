"""Two processes that train one trial together, each on half of every batch, against one process on its own."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from loss_study.config import composition, load_config
from loss_study.data.batches import Batch, Target
from loss_study.runtime.errors import StudyError
from loss_study.training import distributed, run
from support import two_processes
from support.two_processes import TRIAL

#: Of losses and weights after four epochs in float64, in which two processes add numbers in another order: rounding is
#: 1e-16 of a number, and twelve steps make less than a million times that of it.
TOLERANCE = 1e-10
#: Adam would turn rounding in gradients that are zero (of a bias before a batch normalisation) into whole steps.
PLAIN_DESCENT = ["recipe.optimizer.name=sgd", "recipe.optimizer.lr=0.2", "recipe.optimizer.options.weight_decay=0.0"]


@pytest.fixture
def study(tmp_path, sample, monkeypatch):
    """The smoke scale on the discs, without autocast; the working directory is a fresh folder."""
    choices = [
        "scale=smoke",
        "recipe.epochs=4",
        "recipe.batch_size=4",
        "model.options.stages=2",
        "recipe.precision=float32",
        *PLAIN_DESCENT,
    ]
    composition.compose(tmp_path / "params.yaml", choices)
    monkeypatch.chdir(tmp_path)
    return load_config()


def together(*arguments):
    """Run the program below this test with ``recipe.devices`` 2; return exit code and output."""
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("devices: 1", "devices: 2"))
    done = subprocess.run(
        [sys.executable, two_processes.__file__, *arguments],
        # As below DVC, with which a stage ends.
        env=os.environ | {"OMP_NUM_THREADS": "1", "DVC_STAGE": "train"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def result():
    with (TRIAL.run_dir / "history.csv").open() as file:
        history = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return torch.load(TRIAL.run_dir / "model.pt", weights_only=True)["state"], history


def begin_again():
    shutil.rmtree(TRIAL.run_dir)
    Path("heard.txt").unlink()


@pytest.mark.long
def test_two_processes_train_as_one_and_one_that_is_killed_ends_the_other(study, sample):
    with two_processes.float64():
        run.train_trials([TRIAL], study, sample)
        alone_gradients = two_processes.gradients()
    alone, history = result()
    shutil.rmtree(TRIAL.run_dir)

    code, output = together()
    assert code == 0, output
    undisturbed, undisturbed_history = result()
    found = torch.load("gradients.pt", weights_only=True)
    assert found.keys() == alone_gradients.keys()
    for name, value in alone_gradients.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12, msg=name)
    # IoU counts pixels above a threshold, which rounding may carry one of them over: losses and weights are compared.
    for one, other in zip(history, undisturbed_history, strict=True):
        assert other["train_loss"] == pytest.approx(one["train_loss"], rel=TOLERANCE)
    for name, value in alone.items():
        torch.testing.assert_close(undisturbed[name], value, rtol=0, atol=TOLERANCE, msg=name)

    begin_again()
    code, output = together("3")
    assert code == 1
    assert output.splitlines()[-1] == (
        "error: process 1 of the 2 that train together ended with exit code -9; 'dvc repro' resumes the training"
    )
    assert "Traceback" not in output
    assert not TRIAL.run_dir.exists()
    assert len(list(Path("checkpoints").glob("*/checkpoint.pt"))) == 1

    Path("heard.txt").unlink()
    code, output = together()
    assert code == 0, output
    resumed, resumed_history = result()
    assert [row["epoch"] for row in resumed_history] == [1, 2, 3, 4]
    for one, other in zip(undisturbed_history, resumed_history, strict=True):
        assert [other[name] for name in ("train_loss", "validation")] == [one[n] for n in ("train_loss", "validation")]
    assert resumed.keys() == undisturbed.keys()
    assert all(torch.equal(resumed[name], undisturbed[name]) for name in resumed), "to the last digit"

    assert [json.loads(line) for line in Path("heard.txt").read_text().splitlines()] == [["0", e] for e in (1, 2, 3, 4)]
    assert "epoch 1/4" in output and output.count("epoch 4/4") == output.count("mask-dice-0 done in") == 1
    assert not list(Path("checkpoints").iterdir())


def test_a_batch_that_does_not_divide_is_an_error(monkeypatch):
    batch = Batch(torch.zeros(5, 6, 16, 16), {"mask": Target(torch.zeros(5, 1, 16, 16))})
    assert torch.equal(next(distributed.share(iter([batch]))).inputs, batch.inputs)
    monkeypatch.setattr(distributed, "size", lambda: 2)
    with pytest.raises(StudyError, match="5 images do not divide among 2 devices"):
        next(distributed.share(iter([batch])))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (["recipe.devices=3"], "recipe.batch_size: must be a multiple of recipe.devices"),
        (
            ["recipe.devices=2", "recipe.freeze=[encoder]", "recipe.cache_features=true"],
            "recipe.devices: .* one device",
        ),
    ],
)
def test_what_devices_cannot_share_is_refused(tmp_path, choices, message):
    composition.compose(tmp_path / "params.yaml", choices)
    with pytest.raises(StudyError, match=message):
        load_config(tmp_path / "params.yaml")


def test_more_devices_than_gpus_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(StudyError, match=r"recipe.devices: 3, and this machine has 2 GPUs"):
        distributed.in_processes(3, lambda: None)


LISTENING = """
import os, psutil
from torch import distributed
from loss_study.training.distributed import in_processes

def work():
    distributed.broadcast_object_list(["anything"])
    if distributed.get_rank() == 0:
        top = psutil.Process(int(os.environ["TOP"]))
        for process in (top, *top.children(recursive=True)):
            for one in process.net_connections("inet"):
                if one.status == psutil.CONN_LISTEN:
                    print("listens on", one.laddr.ip)
    distributed.barrier()

os.environ.setdefault("TOP", str(os.getpid()))
in_processes(2, work)
"""


def test_nothing_listens_but_on_loopback(tmp_path):
    (tmp_path / "script.py").write_text(LISTENING)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, set(done.stdout.splitlines())) == (0, {"listens on 127.0.0.1"}), done.stderr
