"""A team's server that fails in each way costs a training one line, and `compare` one warning, never a number."""

import json
import subprocess
import sys
import threading
import time
import types
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from loss_study.runtime.errors import StudyError
from loss_study.tracking import mirror, patience, store
from tracking.test_tracking import DICE, live_epochs, make_study

WHOLE = json.dumps({"experiment": {"experiment_id": "7", "name": "loss-study", "lifecycle_stage": "active"}}).encode()
BODIES = {
    "500": b"{}",
    "403": b"<html>no",
    "truncated": WHOLE,
    "no JSON": b"<html>",
    "other JSON": b"[1]",
    "slow": WHOLE + b" " * 10**6,
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    return make_study(tmp_path)


@contextmanager
def serving(answer, monkeypatch):
    """Serve with a method of a request handler on loopback, as the store of runs."""
    methods = dict.fromkeys(("do_GET", "do_POST", "do_PATCH", "do_PUT"), answer)
    handler = type("Handler", (BaseHTTPRequestHandler,), methods | {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads, server.handle_error = True, lambda *_: None  # Clients go away.
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{server.server_port}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        yield
        server.shutdown()


@pytest.fixture
def server(monkeypatch, request):
    """A server that is well by its own account, and fails every other request as the parameter says."""
    kind, ended = request.param, threading.Event()

    def answer(self):
        body = b"OK" if self.path == "/health" else BODIES[kind]
        self.send_response(int(kind) if kind.isdigit() and self.path != "/health" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if kind == "truncated" and self.path != "/health":
            body = body[:10]
        if kind == "slow" and self.path != "/health":
            while body and not ended.wait(0.1):
                self.wfile.write(body[:1])
                body = body[1:]
        self.wfile.write(body)

    with serving(answer, monkeypatch):
        yield kind
        ended.set()


@pytest.mark.parametrize("server", BODIES, indirect=True)
def test_a_training_goes_on_and_the_user_is_told_once(study, server, monkeypatch, capsys):
    import mlflow  # noqa: F401 -- takes seconds, which are no server's

    monkeypatch.setattr(patience, "SECONDS", 1.0)
    began = time.monotonic()
    # Two seeds of one process.
    for _ in range(2):
        live_epochs(study, [1, 2, 3]).close("finished")
    assert time.monotonic() - began < 120
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("MLflow: ")
    assert lines[0].endswith("training goes on, 'compare' completes its run") and "secret" not in lines[0]


@pytest.mark.parametrize("server", BODIES, indirect=True)
def test_the_mirror_says_it_in_one_line(study, server, monkeypatch):
    import mlflow  # noqa: F401

    monkeypatch.setattr(patience, "SECONDS", 1.0)
    with pytest.raises(
        StudyError, match=r"^MLflow at http://127.*'dvc repro -f -s compare' completes its runs$"
    ) as said:
        mirror.fill_in([DICE], study)
    assert "\n" not in str(said.value) and "secret" not in str(said.value)


def test_headers_that_come_a_byte_at_a_time_are_no_answer(study, monkeypatch):
    ended = threading.Event()

    def answer(self):
        while not ended.wait(0.05):
            self.wfile.write(b"a")

    monkeypatch.setattr(store, "SECONDS_TO_ANSWER", 0.5)
    with serving(answer, monkeypatch), pytest.raises(StudyError, match=r"^MLflow at http.*: no answer within 0\.5 s;"):
        mirror.fill_in([DICE], study)
    ended.set()


def test_what_is_left_behind_of_a_request_does_not_keep_the_process():
    code = (
        "import time\nfrom loss_study.tracking.patience import within\n"
        "try:\n    within(0.1, lambda: time.sleep(600))\nexcept TimeoutError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert (done.stdout, done.stderr) == ("no answer within 0.1 s\n", "")


def test_an_upload_has_more_time_than_a_request_and_an_error_stays_the_error(monkeypatch):
    monkeypatch.setattr(patience, "SECONDS", 0.05)
    ended = threading.Event()
    uploads = dict.fromkeys(("log_artifact", "log_image", "log_model_artifacts", "log_text"), lambda _: time.sleep(0.2))
    slow = types.SimpleNamespace(get_run=lambda _: ended.wait(60), set_tag=lambda _: 1 / 0, **uploads)
    client = patience.Patient(slow)
    with pytest.raises(TimeoutError, match=r"^no answer within 0\.05 s$"):
        client.get_run("a")
    ended.set()
    assert [getattr(client, upload)("a") for upload in uploads] == [None] * 4
    monkeypatch.setattr(patience, "SECONDS", 60.0)
    with pytest.raises(ZeroDivisionError):
        client.set_tag("a")
