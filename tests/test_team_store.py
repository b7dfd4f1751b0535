"""A team's MLflow: eight trials that log at once, from eight checkouts to one server, or from one into SQLite."""

import contextlib
import csv
import json
import multiprocessing
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import fabricated_study
import pytest
import torch

from loss_study import models, parameters
from loss_study.tracking import describe, mirror, store
from loss_study.tracking.live import LiveRun
from loss_study.trial import Trial, trials

ROOT = Path(__file__).parent.parent
LOSSES = ["l1", "rmse", "dice", "weighted_bce"]
EPOCHS = 8
WIDTH = 2


def make_checkout(root: Path) -> list[Trial]:
    """A checkout with the files of eight trials, each with a tiny model."""
    root.mkdir()
    (root / ".dvc").mkdir()
    fabricated_study.fabricate(root, repository=ROOT, losses=LOSSES, seeds=[0])
    for run in (root / "runs").iterdir():
        record = json.loads((run / "trial.json").read_text())
        record |= {"loss_options": {}, "metric": {"mask": "iou", "depth": "rmse"}[record["head"]]}
        (run / "trial.json").write_text(json.dumps(record))
        model = models.build("resunet", 6, [record["head"]], width=WIDTH)
        build = {"name": "resunet", "in_channels": 6, "heads": [record["head"]], "classes": 1}
        torch.save({"state": model.state_dict(), "build": build | {"options": {"width": WIDTH}}}, run / "model.pt")
    return trials(parameters.load(root / "params.yaml"))


def at_once(work, members):
    """Call ``work(*member)`` for each of `members`, each in a process of its own, all at the same time.

    They are forked from a process that has imported what takes seconds.
    """
    import mlflow.pytorch  # noqa: F401

    import loss_study.evaluation  # noqa: F401

    forking = multiprocessing.get_context("fork")
    together = forking.Barrier(len(members))

    def run(number, member):
        torch.set_num_threads(1)
        together.wait()
        work(*member)

    processes = [forking.Process(target=run, args=item) for item in enumerate(members)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(members)


def enter(root, address):
    os.chdir(root)
    os.environ["DVC_ROOT"] = str(root)
    os.environ["MLFLOW_TRACKING_URI"] = address
    # A live run waits for 5 s only; here everything competes for the same few cores.
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "120"
    return parameters.load()


def train_and_mirror(root, address, trial):
    """Log a training live, epoch by epoch, and complete its run; what it says goes into ``said-<trial>``."""
    study = enter(root, address)
    with Path(f"said-{trial.name}").open("w") as said, contextlib.redirect_stderr(said):
        live = LiveRun(trial, study, after_seconds=0)
        with (trial.run_dir / "history.csv").open() as file:
            for row in csv.DictReader(file):
                live.epoch({name: float(value) for name, value in row.items()})
        live.close("finished")
    mirror.fill_in([trial], study)


def mirror_all(root, address):
    study = enter(root, address)
    mirror.fill_in(trials(study), study)


def check_runs(address, expected, monkeypatch):
    """Assert that there is one complete run for every one of `expected`, in any order, and no other."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    opened = store.connect()
    runs = opened.client.search_runs([opened.experiment])
    assert sorted(run.info.run_name for run in runs) == sorted(trial.name for trial in expected)
    assert len({run.data.tags[describe.CONTENT] for run in runs}) == len(runs)
    for run in runs:
        assert run.info.status == "FINISHED"
        assert run.data.metrics["best/epoch"] == EPOCHS
        for name in ("train_loss", "learning_rate"):
            steps = [point.step for point in opened.client.get_metric_history(run.info.run_id, name)]
            assert sorted(steps) == list(range(1, EPOCHS + 1))
        assert "panels.png" in [file.path for file in opened.client.list_artifacts(run.info.run_id)]
        assert len(run.outputs.model_outputs) == 1


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def postgres():
    """The address of an empty PostgreSQL database on loopback."""
    found = shutil.which("initdb") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)
    if found is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed (pip install psycopg[binary])")
    binaries = Path(found).resolve().parent
    # PostgreSQL refuses to run as root, and its user cannot look into pytest's folders.
    owner = {"user": "postgres"} if os.getuid() == 0 else {}
    folder, port = Path(tempfile.mkdtemp(prefix="postgres")), free_port()
    if owner:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    quiet = {"stdout": subprocess.DEVNULL, "cwd": "/", **owner}
    subprocess.run([binaries / "initdb", "--auth=trust", "--username=team", folder / "data"], check=True, **quiet)
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
    control = [binaries / "pg_ctl", "--wait", f"--pgdata={folder / 'data'}", f"--log={folder / 'log'}"]
    subprocess.run([*control, "-o", options, "start"], check=True, **quiet)
    yield f"postgresql://team@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "--mode=immediate", "stop"], check=True, **quiet)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(postgres, tmp_path_factory):
    """The address of an MLflow server as in docs/team.md: PostgreSQL behind it, artifacts through it."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    settings = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment = os.environ | settings | {"MLFLOW_BACKEND_STORE_URI": postgres}
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log, subprocess.Popen(
        [*command, "--serve-artifacts", "--artifacts-destination", str(folder / "artifacts")],
        env=environment, stdout=log, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            deadline = time.monotonic() + 600
            while not answers(f"{address}/health"):
                assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.2)
            yield address
        finally:
            process.terminate()


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.mark.long
def test_eight_trials_log_to_a_server_at_once_and_two_members_mirror_the_same(server, tmp_path, monkeypatch):
    everyone = make_checkout(tmp_path / "0")
    for number in range(1, len(everyone)):
        shutil.copytree(tmp_path / "0", tmp_path / str(number))
    at_once(train_and_mirror, [(tmp_path / str(n), server, trial) for n, trial in enumerate(everyone)])
    assert [path.read_text() for path in tmp_path.glob("*/said-*")] == [""] * len(everyone)
    check_runs(server, everyone, monkeypatch)

    monkeypatch.chdir(tmp_path / "0")
    opened = store.connect()
    for run in opened.client.search_runs([opened.experiment]):
        opened.client.delete_run(run.info.run_id)
    at_once(mirror_all, [(tmp_path / "0", server), (tmp_path / "1", server)])
    check_runs(server, everyone, monkeypatch)


def test_eight_trials_log_to_sqlite_at_once(tmp_path, monkeypatch):
    root = tmp_path / "checkout"
    everyone = make_checkout(root)
    monkeypatch.chdir(root)
    address = f"sqlite:///{root}/mlflow.db"
    at_once(train_and_mirror, [(root, address, trial) for trial in everyone])
    check_runs(address, everyone, monkeypatch)
