"""Browse the runs in MLflow: serves its pages for the project's runs until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from urllib.parse import urlsplit

from loss_study.metrics import HEADLINE
from loss_study.runtime.errors import StudyError
from loss_study.runtime.processes import end_with_make, tree
from loss_study.tracking import store, views

HOST = "127.0.0.1"
#: The pages need no background jobs, for which MLflow starts eight more processes.
_NO_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the port."""
    parser.add_argument("--port", type=int, default=5000, help="of the pages' address on this machine (5000)")


def main(arguments: argparse.Namespace) -> None:
    """Say where the pages are and serve them until this process ends; where MLflow is a server, only say where.

    However this process ends, all processes of the pages end with it.

    Raises:
        StudyError: the port is taken, or the working directory is in no repository.
    """
    end_with_make()
    port = arguments.port
    address = store.uri()
    if urlsplit(address).scheme in store.SERVERS:
        print(f"MLFLOW_TRACKING_URI is a server; open {store.shown(address)}", flush=True)
        return
    _check_free(port)
    with store.failing_in_one_line():
        opened = store.connect()
        views.save(opened)
    for head in HEADLINE:
        print(f"{head}: {views.address(f'http://{HOST}:{port}', opened.experiment, head)}", flush=True)
    command = [sys.executable, "-m", "mlflow", "ui", "--host", HOST, "--port", str(port), "--workers", "1"]
    # The address may hold a password; the list of processes shows commands, but not the environment.
    environment = {**os.environ, **_NO_JOBS, "MLFLOW_BACKEND_STORE_URI": address}
    with tree(command, cwd=store.root(), env=environment) as server:
        sys.exit(server.wait())


def _check_free(port: int) -> None:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise StudyError(f"port {port}: cannot be used ({error}); choose another, 'make ui PORT=5001'") from None
