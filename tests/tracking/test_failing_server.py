"""A team's server that fails in each way costs a training one line, and `compare` one warning, never a number."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from loss_study.runtime.errors import StudyError
from loss_study.tracking import live, mirror
from tracking.test_tracking import DICE, live_epochs, make_study

WHOLE = json.dumps({"experiment": {"experiment_id": "7", "name": "loss-study", "lifecycle_stage": "active"}}).encode()
BODIES = {
    "500": b"{}",
    "403": b"<html>no",
    "truncated": WHOLE,
    "no JSON": b"<html>",
    "other JSON": b"[1]",
    "slow": WHOLE,
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    return make_study(tmp_path)


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

    methods = dict.fromkeys(("do_GET", "do_POST", "do_PATCH", "do_PUT"), answer)
    handler = type("Handler", (BaseHTTPRequestHandler,), methods | {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{serving.server_port}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        yield kind
        ended.set()
        serving.shutdown()


@pytest.mark.parametrize("server", BODIES, indirect=True)
def test_a_training_goes_on_and_the_user_is_told_once(study, server, monkeypatch, capsys):
    import mlflow  # noqa: F401 -- takes seconds, which are no server's

    monkeypatch.setattr(live, "_MOST_SECONDS", 1.0)
    began = time.monotonic()
    # Two seeds of one process.
    for _ in range(2):
        live_epochs(study, [1, 2, 3]).close("finished")
    assert time.monotonic() - began < 30
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("MLflow: ")
    assert lines[0].endswith("training goes on, 'compare' completes its run") and "secret" not in lines[0]


@pytest.mark.parametrize("server", [kind for kind in BODIES if kind != "slow"], indirect=True)
def test_the_mirror_says_it_in_one_line(study, server):
    with pytest.raises(
        StudyError, match=r"^MLflow at http://127.*'dvc repro -f -s compare' completes its runs$"
    ) as said:
        mirror.fill_in([DICE], study)
    assert "\n" not in str(said.value) and "secret" not in str(said.value)
