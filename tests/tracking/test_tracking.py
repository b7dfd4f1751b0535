"""MLflow mirrors DVC's outputs: real stores in temporary folders, a real server that is not there."""

import csv
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import types
from argparse import Namespace
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from loss_study import config, models
from loss_study.config import load_config
from loss_study.data.packed import PackedSample
from loss_study.metrics import HEADLINE
from loss_study.report import colouring
from loss_study.runtime.errors import StudyError
from loss_study.tracking import describe, mirror, outputs, panels, store, ui, views
from loss_study.tracking import study as study_run
from loss_study.tracking.live import LiveRun
from loss_study.training.checkpoint import save_atomically
from loss_study.trial import SAMPLE, Trial
from support import fabricated_study, outside
from support.ports import free_port

ROOT = Path(__file__).parents[2]
DICE = Trial("mask", "dice", 0)
HUBER = Trial("depth", "huber", 1)
WIDTH = 2


def make_study(root: Path, trials=(DICE, HUBER)) -> config.Config:
    """A checkout in `root` with the files of some trials (HUBER has diverged), each with a tiny model."""
    fabricated_study.fabricate(root, repository=ROOT, losses=["dice", "huber"])
    (root / ".dvc").mkdir()
    kept = {root / trial.run_dir for trial in trials}
    for path in list((root / "runs").rglob("trial.json")):
        run = path.parent
        if run not in kept:
            shutil.rmtree(run)
            shutil.rmtree(root / "eval" / run.relative_to(root / "runs"))
            continue
        record = json.loads((run / "trial.json").read_text())
        head = record["head"]
        options = {"dice": {"smooth": 1.0}, "huber": {}}[record["loss"]]
        record |= {"loss_options": options, "weights": {}, "metric": HEADLINE[head]}
        (run / "trial.json").write_text(json.dumps(record))
        build = {"name": "resunet", "in_channels": 6, "heads": [head], "classes": 1, "options": {"width": WIDTH}}
        torch.manual_seed(len(head))
        model = models.build("resunet", 6, [head], width=WIDTH)
        save_atomically({"state": model.state_dict(), "build": build}, run / "model.pt")
    return load_config(root / "params.yaml")


def study_in(root, empty_store, patch):
    """Go to `root`, make a study there whose store is empty, and return its configuration."""
    patch.chdir(root)
    outside.leave(patch)
    shutil.copy(empty_store, root / "mlflow.db")
    return make_study(root)


@pytest.fixture
def study(tmp_path, monkeypatch, empty_store):
    """The parameters of a fabricated study; the working directory is its root, the store there is empty."""
    return study_in(tmp_path, empty_store, monkeypatch)


def all_runs():
    opened = store.connect()
    return opened, list(opened.client.search_runs([opened.experiment], order_by=["attributes.start_time ASC"]))


class SQLite:
    """A client of MLflow that makes a database as MLflow does, in much less time."""

    def __init__(self, tracking_uri):
        self.path = tracking_uri.removeprefix("sqlite:///")

    def search_experiments(self):
        with closing(sqlite3.connect(self.path)) as database:
            database.execute("CREATE TABLE experiments (name TEXT)")


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_who_may_write_the_database_is_what_the_umask_says(tmp_path, monkeypatch, umask, mode):
    monkeypatch.setattr("mlflow.MlflowClient", SQLite)
    before = os.umask(umask)
    try:
        store._create_whole(tmp_path / "mlflow.db")
    finally:
        os.umask(before)
    assert (tmp_path / "mlflow.db").stat().st_mode & 0o777 == mode
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        assert database.execute("SELECT count(*) FROM experiments").fetchone() == (0,)


def history_row(epoch, train_loss):
    return {
        "epoch": epoch,
        "train_loss": train_loss,
        "validation": 0.5,
        "learning_rate": 0.01,
        "seconds": 1.2,
        "images_per_second": 500.0,
    }


def test_a_run_holds_parameters_curves_results_tags_dataset_and_panels(study, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "brave-fox")
    mirror.fill_in([DICE], study)
    opened, (run,) = all_runs()
    assert run.info.run_name == "mask-dice-0 (brave-fox)"
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 10_000

    values = run.data.params
    assert (values["head"], values["loss"], values["seed"], values["loss.smooth"]) == ("mask", "dice", "0", "1.0")
    assert (values["model"], values["model.width"]) == ("resunet", "8")
    assert (values["optimizer"], values["lr"]) == ("adamw", "0.01")
    assert (values["schedule"], values["epochs"], values["batch_size"]) == ("onecycle", "5", "16")
    assert (values["dataset"], values["sample.images"], values["sample.seed"]) == ("scenes", "800", "0")

    assert run.data.metrics["kept/iou_at_best"] == pytest.approx(0.92)
    assert run.data.metrics["kept/epoch"] == 8
    assert run.data.metrics["test/iou_at_best"] == pytest.approx(0.92)
    assert run.data.metrics["test/threshold"] == pytest.approx(0.4)
    curve = opened.client.get_metric_history(run.info.run_id, "train_loss")
    assert [(point.step, point.value) for point in curve] == [(e, pytest.approx(0.7 * 0.6**e)) for e in range(1, 9)]
    for name in ("validation_iou_at_best", "learning_rate", "images_per_second"):
        assert len(opened.client.get_metric_history(run.info.run_id, name)) == 8

    tags = run.data.tags
    assert (tags["dvc.stage"], tags["dvc.experiment"]) == ("train@mask-dice", "brave-fox")
    assert (tags["verdict"], tags["device"]) == ("finished", "cpu")
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("scenes", describe.sample_digest())
    assert json.loads(used.dataset.profile) == {"train": 6, "validation": 2, "test": 2}
    assert "panels.png" in [file.path for file in opened.client.list_artifacts(run.info.run_id)]


@pytest.fixture
def logged_model(study, monkeypatch):
    """A function that returns the address of the logged model of a trial, and the network that it was made of."""
    mirror.fill_in([DICE, HUBER], study)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri())

    def logged(trial):
        (run,) = (run for run in all_runs()[1] if run.info.run_name == trial.name)
        network = models.build("resunet", 6, [trial.head], width=WIDTH).eval()
        network.load_state_dict(torch.load(trial.run_dir / "model.pt", weights_only=True)["state"])
        return f"runs:/{run.info.run_id}/model", network

    return logged


@pytest.mark.parametrize("trial", [DICE, HUBER], ids=lambda trial: trial.name)
def test_a_logged_model_predicts(logged_model, trial):
    """With any number of images of any size that the network takes, in [0, 1]; the same as the network."""
    import mlflow

    address, network = logged_model(trial)
    served, loaded = mlflow.pyfunc.load_model(address), mlflow.pytorch.load_model(address)
    assert not loaded.training
    for shape in ((3, 6, 32, 32), (1, 6, 48, 64)):
        images = torch.rand(shape)
        with torch.no_grad():
            expected = torch.sigmoid(network(images)[trial.head])
            assert torch.equal(loaded(images), expected)
        predictions = served.predict(images.numpy())
        assert predictions.dtype == np.float32
        assert np.array_equal(predictions, expected.numpy())


def test_the_network_of_a_logged_model_is_the_trained_one(logged_model):
    import mlflow

    address, network = logged_model(DICE)
    loaded = mlflow.pytorch.load_model(address).network.state_dict()
    assert all(torch.equal(loaded[name], weights) for name, weights in network.state_dict().items())


def test_a_logged_model_requires_nothing_that_strangers_could_publish(logged_model):
    import mlflow

    address, _ = logged_model(DICE)
    lines = Path(mlflow.pyfunc.get_model_dependencies(address)).read_text().split()
    assert sorted(line.partition("==")[0] for line in lines) == ["mlflow", "torch"]


@pytest.mark.long
def test_logging_a_model_does_not_import_lightning(study):
    """Which takes ten seconds, and which MLflow's PyTorch module imports where it is installed."""
    code = (
        "import sys\nfrom loss_study.config import load_config\nfrom loss_study.tracking import mirror\n"
        "from loss_study.trial import Trial\n"
        "mirror.fill_in([Trial('mask', 'dice', 0)], load_config())\n"
        "assert 'mlflow.pytorch' in sys.modules and 'pytorch_lightning' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)


def test_filling_in_twice_doubles_nothing_and_a_new_content_is_a_new_run(study):
    first = mirror.fill_in([DICE, HUBER], study)
    assert (first.created, first.completed, first.kept, first.absent) == ([DICE.name, HUBER.name], [], [], [])
    second = mirror.fill_in([DICE, HUBER], study)
    assert (second.created, second.kept) == ([], [DICE.name, HUBER.name])
    assert len(all_runs()[1]) == 2

    path = DICE.run_dir / "trial.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seconds": 99.0}))
    assert mirror.fill_in([DICE], study).kept == [DICE.name]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"kept_validation": 0.5}))
    assert mirror.fill_in([DICE], study).created == [DICE.name]
    assert len(all_runs()[1]) == 3


def test_a_deleted_store_is_filled_again(study, empty_store):
    mirror.fill_in([DICE], study)
    shutil.copy(empty_store, "mlflow.db")
    shutil.rmtree("mlartifacts")
    assert mirror.fill_in([DICE], study).created == [DICE.name]
    assert len(all_runs()[1]) == 1


def test_a_trial_without_outputs_is_absent(study):
    absent = Trial("mask", "huber", 0)
    summary = mirror.fill_in([absent, DICE], study)
    assert (summary.absent, summary.created) == ([absent.name], [DICE.name])
    assert str(summary).endswith("mlflow.db; no outputs of mask-huber-0")
    assert str(summary).startswith("MLflow holds 1 run (1 new) in sqlite:////")


def test_a_diverged_trial_is_failed_and_says_why(study):
    mirror.fill_in([HUBER], study)
    _, (run,) = all_runs()
    assert run.info.status == "FAILED"
    assert (run.data.tags["verdict"], run.data.tags["reason"]) == ("diverged", fabricated_study.DIVERGENCE)


def test_a_trial_that_diverged_before_its_first_epoch_ended_is_logged(study):
    record = json.loads((HUBER.run_dir / "trial.json").read_text())
    (HUBER.run_dir / "trial.json").write_text(json.dumps(record | {"kept_epoch": 0, "kept_validation": None}))
    history = (HUBER.run_dir / "history.csv").read_text().splitlines()
    (HUBER.run_dir / "history.csv").write_text(history[0] + "\n")
    mirror.fill_in([HUBER], study)
    _, (run,) = all_runs()
    assert run.info.status == "FAILED"
    assert "kept/rmse" not in run.data.metrics


@pytest.mark.parametrize("step", ["log_batch", "log_inputs", "log_artifact", "log_model_artifacts", "set_terminated"])
def test_a_run_that_was_cut_short_is_replaced(study, monkeypatch, step):
    from mlflow import MlflowClient

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, step, lambda *_, **__: sys.exit("killed"))
        with pytest.raises(SystemExit):
            mirror.fill_in([DICE], study)
    assert len(all_runs()[1]) == 1
    assert mirror.fill_in([DICE], study).created == [DICE.name]
    opened, (run,) = all_runs()
    assert run.info.status == "FINISHED"
    assert len(opened.client.get_metric_history(run.info.run_id, "train_loss")) == 8


def live_epochs(study, epochs, trial=DICE):
    live = LiveRun(trial, study, after_seconds=0)
    for epoch in epochs:
        live.epoch(history_row(epoch, 0.7 * 0.6**epoch))
    return live


def test_a_live_run_shows_epochs_and_is_completed_not_doubled(study):
    live = live_epochs(study, [1, 2, 3])
    opened, (run,) = all_runs()
    assert run.info.status == "RUNNING"
    assert run.data.params["loss"] == "dice"
    assert run.data.metrics["validation_iou_at_best"] == 0.5
    for epoch in (4, 5):
        live.epoch(history_row(epoch, 0.7 * 0.6**epoch))
    live.close("finished")

    assert mirror.fill_in([DICE], study).completed == [DICE.name]
    _, (after,) = all_runs()
    assert (after.info.run_id, after.info.status) == (run.info.run_id, "FINISHED")
    curve = opened.client.get_metric_history(run.info.run_id, "train_loss")
    assert sorted(point.step for point in curve) == list(range(1, 9))
    assert after.data.metrics["test/iou_at_best"] == pytest.approx(0.92)
    assert mirror.fill_in([DICE], study).kept == [DICE.name]


def test_a_live_run_of_another_course_is_replaced(study):
    live = LiveRun(DICE, study, after_seconds=0)
    live.epoch(history_row(1, 0.123))
    assert mirror.fill_in([DICE], study).created == [DICE.name]
    assert len(all_runs()[1]) == 1


def test_a_live_run_of_a_training_that_is_complete_is_removed(study):
    mirror.fill_in([DICE], study)
    live_epochs(study, [1, 2])
    assert len(all_runs()[1]) == 2
    assert mirror.fill_in([DICE], study).kept == [DICE.name]
    assert len(all_runs()[1]) == 1


def test_a_live_run_of_another_configuration_is_left_alone(study):
    live_epochs(study, [1, 2])
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["recipe"]["batch_size"] = 8
    Path("params.yaml").write_text(yaml.safe_dump(values))
    mirror.fill_in([DICE], load_config())
    assert len(all_runs()[1]) == 2


def test_a_resumed_training_goes_on_in_its_run(study):
    live_epochs(study, [1, 2])
    earlier = [history_row(epoch, 0.7 * 0.6**epoch) for epoch in (1, 2)]
    resumed = LiveRun(DICE, study)
    for row in earlier:
        resumed.epoch(row)
    resumed.after_seconds = 0
    resumed.epoch(history_row(3, 0.7 * 0.6**3))
    opened, (run,) = all_runs()
    assert run.info.status == "RUNNING"
    assert sorted(p.step for p in opened.client.get_metric_history(run.info.run_id, "train_loss")) == [1, 2, 3]
    resumed.close("interrupted")
    assert all_runs()[1][0].info.status == "KILLED"


def test_a_short_training_does_not_import_mlflow(study):
    code = (
        "import sys\nfrom loss_study.config import load_config\nfrom loss_study.tracking.live import LiveRun\n"
        "from loss_study.trial import Trial\n"
        "live = LiveRun(Trial('mask', 'dice', 0), load_config(), after_seconds=3600)\n"
        "live.epoch({'epoch': 1})\nlive.close('finished')\n"
        "assert not {'mlflow', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)


@pytest.mark.parametrize("now", [0.0, 10**8])
def test_a_clock_that_was_set_back_doubles_nothing_and_hides_nothing(study, monkeypatch, now):
    mirror.fill_in([DICE], study)
    monkeypatch.setattr(time, "time", lambda: now)
    live_epochs(study, [1, 2]).close("interrupted")
    summary = mirror.fill_in([DICE, HUBER], study)
    assert (summary.created, summary.kept) == ([HUBER.name], [DICE.name])
    runs = {run.info.run_name: run for run in all_runs()[1]}
    assert set(runs) == {DICE.name, HUBER.name}
    for trial in (DICE, HUBER):
        expected = describe.outcome_metrics(outputs.read(trial))
        logged = runs[trial.name].data.metrics
        assert {name: logged[name] for name in expected} == pytest.approx(expected, nan_ok=True)


@pytest.fixture
def dead_server(monkeypatch):
    """The address, with a password, of a port where nothing listens, and where nothing else can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{port}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        yield port


def test_a_dead_server_costs_a_training_one_line(study, dead_server, capsys):
    began = time.monotonic()
    live_epochs(study, [1, 2, 3]).close("finished")
    assert time.monotonic() - began < 60
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("MLflow: ")
    assert lines[0].endswith("training goes on, 'compare' completes its run")
    assert "secret" not in lines[0]


def test_a_store_that_dies_in_the_middle_costs_one_line(study, monkeypatch, capsys):
    live = live_epochs(study, [1])
    monkeypatch.setattr(live._store.client, "log_batch", lambda *_, **__: 1 / 0)
    for epoch in (2, 3):
        live.epoch(history_row(epoch, 0.7 * 0.6**epoch))
    live.close("finished")
    assert capsys.readouterr().err.count("\n") == 1
    assert mirror.fill_in([DICE], study).completed == [DICE.name]


def test_a_dead_server_is_one_clear_error_for_the_mirror(study, dead_server):
    with pytest.raises(StudyError) as caught:
        mirror.fill_in([DICE], study)
    message = str(caught.value)
    assert message.startswith(f"MLflow at http://127.0.0.1:{dead_server}: ")
    assert message.endswith("'dvc repro -f -s compare' completes its runs")
    assert "secret" not in message
    assert "\n" not in message


@pytest.fixture
def hanging_server(monkeypatch):
    """A server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{server.getsockname()[1]}")
        yield


def test_a_server_that_hangs_holds_up_neither_a_training_nor_the_mirror(study, hanging_server, monkeypatch, capsys):
    monkeypatch.setattr(store, "SECONDS_TO_ANSWER", 0.5)
    began = time.monotonic()
    live_epochs(study, [1, 2, 3]).close("finished")
    with pytest.raises(StudyError, match=r"no answer within 0\.5 s"):
        mirror.fill_in([DICE], study)
    assert time.monotonic() - began < 60
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("damage", [b"no database at all" * 100, None])
def test_a_damaged_database_is_one_clear_error_for_the_mirror(study, tmp_path, damage):
    path = tmp_path / "mlflow.db"
    path.write_bytes(path.read_bytes()[:100_000] if damage is None else damage)
    for act in (lambda: mirror.fill_in([DICE], study), lambda: study_run.gather([DICE], study, tmp_path)):
        with pytest.raises(
            StudyError, match=r"mlflow\.db: damaged; remove it, and 'dvc repro -f -s compare' brings its"
        ):
            act()
    words = [sys.executable, "-m", "loss_study", "ui", "--port", str(free_port())]
    pages = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (pages.returncode, pages.stderr.count("\n")) == (1, 1) and "mlflow.db: damaged; remove it" in pages.stderr


def test_what_a_store_missed_while_it_was_away_is_filled_in_once(study, dead_server, monkeypatch, capsys):
    """Down while the training began, in its middle and at its end: the mirror brings everything, and once."""
    live_epochs(study, [1, 2]).close("finished")
    with pytest.raises(StudyError):
        mirror.fill_in([DICE, HUBER], study)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    began = live_epochs(study, [1])
    monkeypatch.setattr(began._store.client, "log_batch", lambda *_, **__: 1 / 0)
    began.epoch(history_row(2, 0.7 * 0.6**2))
    summary = mirror.fill_in([DICE, HUBER], study)
    assert (summary.created, summary.completed) == ([HUBER.name], [DICE.name])
    assert mirror.fill_in([DICE, HUBER], study).kept == [DICE.name, HUBER.name]
    assert len(all_runs()[1]) == 2


def test_the_store_is_in_the_main_checkout_whatever_the_working_directory(study, tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    assert store.uri() == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("DVC_ROOT", "/else where")
    assert store.uri() == "sqlite:////else where/mlflow.db"
    monkeypatch.setenv("DVC_ROOT", "/100%?#")
    assert store.uri() == "sqlite:////100%25%3F%23/mlflow.db"
    # A DVC project in a folder of the repository, such as final/.
    (tmp_path / ".git").mkdir(exist_ok=True)
    (tmp_path / "inner/.dvc").mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "inner"))
    assert store.uri() == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert store.uri() == "http://host:5000"


def test_a_folder_that_was_moved_is_told_and_nothing_is_written_where_it_was(tmp_path, monkeypatch, empty_store):
    """Nothing else appears beside it, either: MLflow would make a folder ``old%20é``."""
    old, new = tmp_path / "old é", tmp_path / "new é"
    old.mkdir()
    monkeypatch.chdir(old)
    outside.leave(monkeypatch)
    shutil.copy(empty_store, "mlflow.db")
    study = make_study(old)
    mirror.fill_in([DICE], study)
    assert list((old / "mlartifacts").rglob("panels.png")) and list(tmp_path.iterdir()) == [old]
    old.rename(new)
    monkeypatch.chdir(new)
    said = f"{new}/mlflow.db: it was made in {old}, and MLflow would put files there; remove it, and 'dvc repro"
    with pytest.raises(StudyError, match=f"^{re.escape(said)}"):
        mirror.fill_in([HUBER], study)
    assert list(tmp_path.iterdir()) == [new]
    old.symlink_to(new)
    assert mirror.fill_in([HUBER], study).created == [HUBER.name]
    old.unlink()
    shutil.copy(empty_store, "mlflow.db")
    assert mirror.fill_in([DICE, HUBER], study).created == [DICE.name, HUBER.name]
    assert list(tmp_path.iterdir()) == [new]


def test_a_folder_in_no_repository_is_an_error(monkeypatch):
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir("/")
    with pytest.raises(StudyError, match="in no repository"):
        store.uri()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:pw@host/db?sslkey=x", "postgresql://host/db"),
        ("http://token@host:5000/a", "http://host:5000/a"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("cannot reach\n http://a:b@c/d", "cannot reach http://c/d"),
    ],
)
def test_credentials_are_not_shown(text, shown):
    assert store.shown(text) == shown


def test_no_run_tells_an_address_of_the_data(study):
    data = study.dataset.model_copy(update={"urls": ["https://me:secret@host/data.zip"]})
    changed = study.model_copy(update={"dataset": data})
    values = {**describe.parameters_of(DICE, changed), **describe.tags_of(DICE, "key", changed)}
    assert "secret" not in str(values)


def test_two_processes_create_one_store(tmp_path):
    """Both open a store that is not there yet, at once."""
    (tmp_path / ".dvc").mkdir()
    code = "from loss_study.tracking import store; print(store.connect().experiment)"
    environment = {"DVC_ROOT": str(tmp_path), "PATH": "/usr/bin:/bin"}
    opened = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300) for process in opened]
    assert [out.strip() for out, _ in said] == ["1", "1"]
    assert [err for _, err in said] == ["", ""]


def test_a_damaged_file_is_named(study):
    (DICE.eval_dir / "metrics.json").write_text("{")
    with pytest.raises(StudyError, match=r"eval/1/mask/dice/0/metrics.json: damaged .* 'dvc repro -f'"):
        outputs.read(DICE)


def test_a_panel_shows_image_ground_truth_prediction_and_error(study):
    sample = PackedSample.open(SAMPLE)
    target = sample.targets("mask")
    wrong = np.zeros_like(target[:1])
    sheet = panels.sheet(sample, "mask", [9], wrong)
    assert isinstance(sheet, Image.Image)
    pixels = np.asarray(sheet)[16:]
    assert pixels.shape == (128, 4 * 128 + 3 * 4, 3)
    tiles = [pixels[::4, left : left + 128 : 4] for left in range(0, 4 * 132, 132)]
    assert np.array_equal(tiles[0], sample.images[9])
    for tile, expected in zip(tiles[1:3], (target[9], wrong[0]), strict=True):
        assert np.array_equal(tile, np.repeat(expected[..., None], 3, axis=2))
    assert np.array_equal(tiles[3], colouring.error("mask", wrong[0], target[9]))


def test_the_saved_views_are_made_once(study):
    mirror.fill_in([], study)
    opened = store.connect()
    opened.client.set_experiment_tag(opened.experiment, views.TAG + "mask", "a person's own")
    mirror.fill_in([], study)
    tags = opened.client.get_experiment(opened.experiment).tags
    assert tags[views.TAG + "mask"] == "a person's own"
    depth = json.loads(json.loads(tags[views.TAG + "depth"])["state"])
    assert (depth["orderByKey"], depth["orderByAsc"]) == ("metrics.`test/rmse_coded`", True)


def test_the_ui_serves_this_store_on_loopback_and_says_where(study, tmp_path, monkeypatch, capsys):
    served = []

    @contextmanager
    def serve(command, *, env, **_):
        served.append((" ".join(command), env["MLFLOW_BACKEND_STORE_URI"]))
        yield types.SimpleNamespace(wait=lambda: 7)

    monkeypatch.setattr(ui, "tree", serve)
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "sqlite:////elsewhere")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StudyError, match=f"port {port}: cannot be used .* PORT=5001"):
            ui.main(Namespace(port=port))
    assert not served
    with pytest.raises(SystemExit, match="7"):
        ui.main(Namespace(port=port))
    ((command, backend),) = served
    assert f"mlflow ui --host 127.0.0.1 --port {port}" in command
    assert backend == f"sqlite:///{tmp_path}/mlflow.db"
    said = capsys.readouterr().out
    assert said.count("\n") == 2
    assert f"mask: http://127.0.0.1:{port}/#/experiments/1/runs?viewStateShareKey=mask" in said


def test_the_ui_starts_no_second_server(dead_server, capsys):
    ui.main(Namespace(port=5000))
    assert capsys.readouterr().out == f"MLFLOW_TRACKING_URI is a server; open http://127.0.0.1:{dead_server}\n"


def write_reports(folder):
    """Write what `compare` writes, made up; return the folder."""
    folder.mkdir()
    for name in ("index.html", "answer.csv", "rounds.csv", "pairs.csv", "compare.csv"):
        (folder / name).write_text(name)
    (folder / "metrics.json").write_text('{"mask": {"best_loss": "dice", "iou": 0.75}, "trials": {"sound": 1}}')
    return folder


@pytest.fixture
def reports(tmp_path):
    return write_reports(tmp_path / "reports")


def run_named(name):
    opened, runs = all_runs()
    (run,) = (run for run in runs if run.info.run_name == name)
    return opened, run


def members(run_id):
    """Return the names of the runs that have the tag of a study's run, and those that its table lists."""
    opened, runs = all_runs()
    tag = f"study.{opened.client.get_run(run_id).data.tags[study_run.STUDY]}"
    table = Path(opened.client.download_artifacts(run_id, study_run.TRIALS))
    listed = {row["run"] for row in csv.DictReader(table.read_text().splitlines())}
    return (
        {run.info.run_name for run in runs if tag in run.data.tags},
        {run.info.run_name for run in runs if run.info.run_id in listed},
    )


def changed(**values):
    """Return the configuration of params.yaml with some top-level values changed."""
    whole = yaml.safe_load(Path("params.yaml").read_text())
    Path("params.yaml").write_text(yaml.safe_dump(whole | values))
    return load_config()


def test_a_study_has_one_run_that_lists_its_trials(study, reports):
    mirror.fill_in([DICE, HUBER], study)
    first = study_run.gather([DICE, HUBER], study, reports)
    assert study_run.gather([DICE, HUBER], study, reports) == first
    opened, runs = all_runs()
    run = opened.client.get_run(first)
    assert members(first) == ({DICE.name, HUBER.name}, {DICE.name, HUBER.name})
    assert not any("mlflow.parentRunId" in run.data.tags for run in runs)
    assert len(runs) == 3 and run.info.status == "FINISHED"
    assert run.data.metrics == {"mask.iou": 0.75, "trials.sound": 1.0}
    assert run.data.params["losses"] == "dice, huber"
    assert len(opened.client.get_metric_history(first, "mask.iou")) == 1
    assert [file.path for file in opened.client.list_artifacts(first, "report")] == [
        "report/answer.csv", "report/compare.csv", "report/index.html", "report/metrics.json", "report/pairs.csv",
        "report/rounds.csv",
    ]  # fmt: skip
    table = Path(opened.client.download_artifacts(first, study_run.TRIALS)).read_text().splitlines()
    assert table[0] == "head,loss,seed,verdict,metric,test,run"
    assert table[1].startswith("mask,dice,0,finished,iou_at_best,0.92,") and table[2].startswith(
        "depth,huber,1,diverged,rmse_coded,"
    )


@pytest.mark.parametrize("last", ["first", "second"])
def test_studies_that_share_a_trial_are_both_complete(study, reports, last):
    """Whichever compares last, also after the store was lost and one of them has brought its own runs back."""
    mirror.fill_in([DICE, HUBER], study)
    first = study_run.gather([DICE, HUBER], study, reports)
    other = changed(seeds=[0, 7])
    assert mirror.fill_in([DICE], other).kept == [DICE.name]
    second = study_run.gather([DICE], other, reports)
    assert second != first
    if last == "first":
        study_run.gather([DICE, HUBER], study, reports)
    assert members(first) == ({DICE.name, HUBER.name}, {DICE.name, HUBER.name})
    assert members(second) == ({DICE.name}, {DICE.name})
    assert len(all_runs()[1]) == 4


def test_a_study_under_another_name_has_runs_with_its_own_parameters(study, reports):
    mirror.fill_in([DICE], study)
    first = study_run.gather([DICE], study, reports)
    other = changed(scale="mine")
    assert mirror.fill_in([DICE], other).created == [DICE.name]
    second = study_run.gather([DICE], other, reports)
    opened, runs = all_runs()
    tag = describe.study_tag(other)
    assert [run.data.params["scale"] for run in runs if tag in run.data.tags] == ["mine"]
    assert members(first) == members(second) == ({DICE.name}, {DICE.name})
    assert opened.client.get_run(first).data.params["scale"] == study.scale


def test_the_report_of_a_study_is_renewed_and_a_number_that_it_no_longer_has_is_gone(study, reports):
    def compare():
        return study_run.gather([DICE], study, reports)

    mirror.fill_in([DICE], study)
    first = compare()
    (reports / "index.html").write_text("another page")
    assert compare() == first
    opened, _ = all_runs()
    assert Path(opened.client.download_artifacts(first, "report/index.html")).read_text() == "another page"
    (reports / "metrics.json").write_text('{"mask": {"iou": 0.75}}')
    assert opened.client.get_run(compare()).data.metrics == {"mask.iou": 0.75}
    assert len(all_runs()[1]) == 2


def test_a_lost_store_is_brought_back_once_with_its_studies(study, reports, empty_store):
    def compare():
        mirror.fill_in([DICE, HUBER], study)
        return study_run.gather([DICE, HUBER], study, reports)

    compare()
    shutil.copy(empty_store, "mlflow.db")
    shutil.rmtree("mlartifacts")
    assert compare() == compare()
    assert len(all_runs()[1]) == 3


def test_a_trial_that_was_trained_anew_leaves_its_former_run_out_of_the_study(study, reports):
    mirror.fill_in([DICE], study)
    study_run.gather([DICE], study, reports)
    _, former = run_named(DICE.name)
    path = DICE.run_dir / "trial.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"kept_validation": 0.5}))
    mirror.fill_in([DICE], study)
    live_epochs(study, [1], HUBER)
    run_id = study_run.gather([DICE], study, reports)
    opened, runs = all_runs()
    tag = describe.study_tag(study)
    assert tag not in opened.client.get_run(former.info.run_id).data.tags
    assert sorted(run.info.run_name for run in runs if tag in run.data.tags) == [HUBER.name, DICE.name]
    assert members(run_id)[1] == {DICE.name}


def test_a_study_whose_gathering_was_cut_short_is_completed(study, reports, monkeypatch):
    from mlflow import MlflowClient

    mirror.fill_in([DICE], study)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_text", lambda *_, **__: sys.exit("killed"))
        with pytest.raises(SystemExit):
            study_run.gather([DICE], study, reports)
    run_id = study_run.gather([DICE], study, reports)
    opened, runs = all_runs()
    assert len(runs) == 2 and opened.client.get_run(run_id).info.status == "FINISHED"
    assert members(run_id) == ({DICE.name}, {DICE.name})


def test_the_view_of_a_study_finds_its_trials(study, reports):
    mirror.fill_in([DICE, HUBER], study)
    study_run.gather([DICE, HUBER], study, reports)
    other = changed(seeds=[0, 7])
    mirror.fill_in([DICE], other)
    study_run.gather([DICE], other, reports)
    opened, _ = all_runs()
    saved = opened.client.get_experiment(opened.experiment).tags

    def found(head, config):
        state = json.loads(json.loads(saved[views.TAG + views.of_study(head, config)])["state"])
        runs = opened.client.search_runs([opened.experiment], state["searchFilter"])
        return [run.info.run_name for run in runs]

    assert (found("mask", study), found("depth", study)) == ([DICE.name], [HUBER.name])
    assert (found("mask", other), found("depth", other)) == ([DICE.name], [])


def test_a_live_run_is_in_its_study_and_has_the_parameters_of_its_training(study):
    trained = study.model_copy(
        update={
            "recipe": study.recipe.model_copy(
                update={"optimizer": study.recipe.optimizer.model_copy(update={"lr": 0.125})}
            )
        }
    )
    live = LiveRun(DICE, trained, study=study, after_seconds=0)
    for epoch in range(1, 9):
        live.epoch(history_row(epoch, 0.7 * 0.6**epoch))
    live.close("finished")
    _, (run,) = all_runs()
    assert run.data.params["lr"] == "0.125"
    assert run.data.tags[describe.study_tag(study)] == describe.study_name(study)

    path = DICE.run_dir / "trial.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"lr": 0.125}))
    assert mirror.fill_in([DICE], study).completed == [DICE.name]


def test_a_process_that_trains_several_seeds_has_a_live_run_for_each(study):
    seeds = [Trial("mask", "dice", seed) for seed in (0, 1)]
    for trial in seeds:
        live_epochs(study, [1, 2, 3], trial).close("finished")
    opened, runs = all_runs()
    assert [(run.info.run_name, run.info.status) for run in runs] == [(trial.name, "FINISHED") for trial in seeds]
    for run in runs:
        assert len(opened.client.get_metric_history(run.info.run_id, "train_loss")) == 3


def test_weights_that_a_search_chose_are_parameters(study):
    trial = Trial("mask", "sum", 0)
    options = {**study.loss_options, "sum": {"terms": {"dice": 1, "bce": [0.5, 2]}}}
    config = study.model_copy(update={"loss_options": options})
    record = {"loss": "sum", "lr": 0.02, "weights": {"dice": 1, "bce": 2}}
    values = describe.parameters_of(trial, describe.as_trained(config, record))
    assert (values["lr"], values["loss.terms.dice"], values["loss.terms.bce"]) == ("0.02", "1.0", "2.0")


def test_tracking_imports_nothing_of_training():
    folder = Path(describe.__file__).parent
    imports = re.compile(r"(from|import) loss_study.training")
    found = [path.name for path in folder.glob("*.py") if imports.search(path.read_text())]
    assert found == []
