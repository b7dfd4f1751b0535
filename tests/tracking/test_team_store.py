"""A team's MLflow: eight trials that log at once, from eight checkouts to one server, or from one into SQLite."""

import contextlib
import csv
import json
import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import torch

from loss_study import models
from loss_study.config import load_config
from loss_study.runtime.errors import StudyError
from loss_study.tracking import describe, mirror, patience, store
from loss_study.tracking.live import LiveRun
from loss_study.training.checkpoint import save_atomically
from loss_study.trial import Trial, trials
from support import fabricated_study, outside
from support.ports import free_port
from tracking.test_tracking import DICE, history_row, live_epochs, make_study

ROOT = Path(__file__).parents[2]
LOSSES = ["l1", "rmse", "dice", "weighted_bce"]
EPOCHS = 8
WIDTH = 2
BUCKET = "team"


def make_checkout(root: Path) -> list[Trial]:
    """A checkout with the files of eight trials, each with a tiny model."""
    root.mkdir()
    (root / ".dvc").mkdir()
    fabricated_study.fabricate(root, repository=ROOT, losses=LOSSES, seeds=[0])
    for run in (path.parent for path in (root / "runs").rglob("trial.json")):
        record = json.loads((run / "trial.json").read_text())
        record |= {"loss_options": {}, "weights": {}, "metric": {"mask": "iou", "depth": "rmse"}[record["head"]]}
        (run / "trial.json").write_text(json.dumps(record))
        model = models.build("resunet", 6, [record["head"]], width=WIDTH)
        build = {"name": "resunet", "in_channels": 6, "heads": [record["head"]], "classes": 1}
        save_atomically({"state": model.state_dict(), "build": build | {"options": {"width": WIDTH}}}, run / "model.pt")
    return trials(load_config(root / "params.yaml"))


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
    return load_config()


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
        assert run.data.metrics["kept/epoch"] == EPOCHS
        for name in ("train_loss", "learning_rate"):
            steps = [point.step for point in opened.client.get_metric_history(run.info.run_id, name)]
            assert sorted(steps) == list(range(1, EPOCHS + 1))
        assert "panels.png" in [file.path for file in opened.client.list_artifacts(run.info.run_id)]
        assert len(run.outputs.model_outputs) == 1


@dataclass(frozen=True)
class Postgres:
    """An empty PostgreSQL database on loopback; `control` is a function that calls pg_ctl: "start", "stop"."""

    address: str
    control: Callable[[str], None]
    folder: Path

    def processes(self):
        main = psutil.Process(int((self.folder / "data/postmaster.pid").read_text().split()[0]))
        return [main, *main.children(recursive=True)]


@pytest.fixture
def postgres():
    """A running `Postgres`."""
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
    words = [binaries / "pg_ctl", "--wait", f"--pgdata={folder / 'data'}", f"--log={folder / 'log'}"]
    words += ["-o", options, "--mode=immediate"]

    def control(what):
        subprocess.run([*words, what], check=True, **quiet)

    control("start")
    yield Postgres(f"postgresql://team:hidden@127.0.0.1:{port}/postgres", control, folder)
    control("stop")
    shutil.rmtree(folder)


@contextlib.contextmanager
def serving(command, address, log, environment):
    """Run `command` for as long as the block lasts, which begins when `address` answers."""
    # In a session of its own: all that it started can be killed at once, and Linux gives it a share of the processor
    # beside its clients', as if on another machine. Behind them it would answer one after the other.
    with (
        log.open("w") as said,
        subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True) as process,
    ):
        try:
            deadline = time.monotonic() + 600
            while not answers(address):
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def mlflow_server(python, database, artifacts, log, environment):
    """The address of an MLflow server as in docs/team.md: `database` behind it, `artifacts` through it."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    command += ["--serve-artifacts", "--artifacts-destination", artifacts]
    settings = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    settings["MLFLOW_BACKEND_STORE_URI"] = database
    with serving(command, f"{address}/health", log, environment | settings):
        yield address


@pytest.fixture
def server(postgres, tmp_path):
    """The address of an MLflow server with PostgreSQL and a folder."""
    log, artifacts = tmp_path / "mlflow.log", tmp_path / "artifacts"
    with mlflow_server(sys.executable, postgres.address, artifacts, log, os.environ) as address:
        yield address


@pytest.fixture
def team(tmp_path):
    """The Python of a fresh environment with what requirements/team.txt pins and an S3 server, and its variables."""
    python, pins = tmp_path / "venv" / "bin" / "python", ROOT / "requirements"
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "VIRTUAL_ENV"} and not name.startswith("AWS_")
    }
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*install, "-r", pins / "team.txt", "-r", pins / "team-test.txt"], env=environment, check=True)
    yield python, environment
    shutil.rmtree(tmp_path / "venv")


def in_bucket(python, environment, statement):
    """Run a statement about ``bucket``, as the MLflow server sees it; return what it prints."""
    program = "import boto3, os; s3 = boto3.resource('s3', endpoint_url=os.environ['MLFLOW_S3_ENDPOINT_URL']); "
    program += f"bucket = s3.Bucket({BUCKET!r}); {statement}"
    command = [python, "-c", program]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture
def s3(team, tmp_path):
    """The variables with which the programs of the team's environment find an S3 server and its empty bucket."""
    python, environment = team
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = environment | {"MLFLOW_S3_ENDPOINT_URL": address}
    environment |= {"AWS_ACCESS_KEY_ID": "team", "AWS_SECRET_ACCESS_KEY": "secret"}
    command = [python, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with serving(command, f"{address}/moto-api/", tmp_path / "s3.log", environment):
        in_bucket(python, environment, "bucket.create()")
        yield environment


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def log_at_once(address, root):
    """Let eight trials log to a server at the same time, each from a checkout of its own; return them."""
    everyone = make_checkout(root / "0")
    for number in range(1, len(everyone)):
        shutil.copytree(root / "0", root / str(number))
    at_once(train_and_mirror, [(root / str(n), address, trial) for n, trial in enumerate(everyone)])
    assert [path.read_text() for path in root.glob("*/said-*")] == [""] * len(everyone)
    return everyone


@pytest.mark.long
def test_eight_trials_log_to_a_server_at_once_and_two_members_mirror_the_same(server, tmp_path, monkeypatch):
    everyone = log_at_once(server, tmp_path)
    check_runs(server, everyone, monkeypatch)

    monkeypatch.chdir(tmp_path / "0")
    opened = store.connect()
    for run in opened.client.search_runs([opened.experiment]):
        opened.client.delete_run(run.info.run_id)
    at_once(mirror_all, [(tmp_path / "0", server), (tmp_path / "1", server)])
    check_runs(server, everyone, monkeypatch)


@pytest.mark.long
def test_eight_trials_log_at_once_to_a_server_with_s3(postgres, team, s3, tmp_path, monkeypatch):
    import mlflow.pytorch

    python, _ = team
    with mlflow_server(python, postgres.address, f"s3://{BUCKET}/mlflow", tmp_path / "mlflow.log", s3) as address:
        everyone = log_at_once(address, tmp_path)
        monkeypatch.chdir(tmp_path / "0")
        check_runs(address, everyone, monkeypatch)
        stored = in_bucket(python, s3, "print(*(item.key for item in bucket.objects.all()), sep='\\n')").splitlines()
        for name in ("panels.png", "MLmodel"):
            assert sum(Path(key).name == name for key in stored) == len(everyone)
        opened = store.connect()
        files = {trial.name: tmp_path / "0" / trial.run_dir / "model.pt" for trial in everyone}
        for run in opened.client.search_runs([opened.experiment]):
            assert f"mlflow/{opened.experiment}/{run.info.run_id}/artifacts/panels.png" in stored
            trained = torch.load(files[run.info.run_name], weights_only=True)["state"]
            read = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/model").network.state_dict()
            assert all(torch.equal(trained[name], read[name]) for name in trained.keys() | read.keys())


def check_dice(monkeypatch, opened_at):
    """Assert that the store at this address has one run of `DICE`, complete, and every epoch once."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", opened_at)
    opened = store.connect()
    (run,) = opened.client.search_runs([opened.experiment])
    assert (run.info.run_name, run.info.status) == (DICE.name, "FINISHED")
    steps = [point.step for point in opened.client.get_metric_history(run.info.run_id, "train_loss")]
    assert sorted(steps) == list(range(1, 9))
    assert len(run.outputs.model_outputs) == 1


def refused(study):
    """Return the line that `compare` shows of a store that fails."""
    began = time.monotonic()
    with pytest.raises(
        StudyError, match=r"^MLflow at http://127.*'dvc repro -f -s compare' completes its runs$"
    ) as said:
        mirror.fill_in([DICE], study)
    assert time.monotonic() - began < 120
    assert "hidden" not in str(said.value) and "\n" not in str(said.value)
    return str(said.value)


@pytest.mark.long
def test_a_database_that_goes_away_while_a_study_logs_and_comes_back(server, postgres, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    outside.leave(monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    study = make_study(tmp_path)
    live = live_epochs(study, [1, 2])
    postgres.control("stop")
    for epoch in range(3, 9):
        live.epoch(history_row(epoch, 0.7 * 0.6**epoch))
    live.close("finished")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].endswith("training goes on, 'compare' completes its run")
    assert "hidden" not in said[0]
    refused(study)

    postgres.control("start")
    with monkeypatch.context() as patch:
        # It goes away again between the numbers and the model of the run.
        patch.setattr(mirror.model, "log", lambda *_: (postgres.control("stop"), store.connect()))
        refused(study)
    postgres.control("start")
    mirror.fill_in([DICE], study)
    check_dice(monkeypatch, server)

    # It answers nothing at all.
    processes = postgres.processes()
    for process in processes:
        process.suspend()
    monkeypatch.setattr(patience, "SECONDS", 3.0)
    assert "no answer within 3 s" in refused(study)
    for process in processes:
        process.resume()
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    assert mirror.fill_in([DICE], study).kept == [DICE.name]


@contextlib.contextmanager
def sick_s3():
    """Yield the address of an S3 server, and a dictionary whose "how" says how it answers."""
    ended, state = threading.Event(), {"how": "well"}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self):
            while self.headers.get("Transfer-Encoding") and self.rfile.readline() not in (b"0\r\n", b""):
                pass
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            how = state["how"]
            self.send_response({"500": 500, "403": 403}.get(how, 200))
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", "1000000" if how == "a byte at a time" else "0")
            self.end_headers()
            while how == "a byte at a time" and not ended.wait(0.1):
                self.wfile.write(b" ")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving_s3:
        serving_s3.daemon_threads, serving_s3.handle_error = True, lambda *_: None
        threading.Thread(target=serving_s3.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{serving_s3.server_port}", state
        ended.set()
        serving_s3.shutdown()


@pytest.mark.long
def test_an_s3_that_fails_in_each_way_costs_one_line_and_is_filled_in_later(team, tmp_path, monkeypatch):
    python, environment = team
    monkeypatch.chdir(tmp_path)
    outside.leave(monkeypatch)
    study = make_study(tmp_path)
    keys = {"AWS_ACCESS_KEY_ID": "team", "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_DEFAULT_REGION": "us-east-1"}
    database = f"sqlite:///{tmp_path}/server.db"
    with sick_s3() as (s3_address, state):
        variables = environment | keys | {"MLFLOW_S3_ENDPOINT_URL": s3_address}
        log = tmp_path / "mlflow.log"
        with mlflow_server(python, database, f"s3://{BUCKET}/mlflow", log, variables) as address:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
            monkeypatch.setattr(patience, "SECONDS_TO_UPLOAD", 20.0)
            # The server itself tries again; a training of the same process would allow it 5 s.
            monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
            monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
            for how in ("500", "403", "a byte at a time"):
                state["how"] = how
                said = refused(study)
                assert (
                    "no answer within 20 s" if how == "a byte at a time" else "too many 500 error responses"
                ) in said
            state["how"] = "well"
            assert mirror.fill_in([DICE], study).created == [DICE.name]
            check_dice(monkeypatch, address)


@pytest.mark.long
def test_eight_trials_log_to_sqlite_at_once(tmp_path, monkeypatch):
    root = tmp_path / "checkout"
    everyone = make_checkout(root)
    monkeypatch.chdir(root)
    address = f"sqlite:///{root}/mlflow.db"
    at_once(train_and_mirror, [(root, address, trial) for trial in everyone])
    check_runs(address, everyone, monkeypatch)
