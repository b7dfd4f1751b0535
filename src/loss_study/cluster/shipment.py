"""What the head sends to every node: the commit, the files that the study's commands write, the DVC remote."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from loss_study.config import PARAMS
from loss_study.orchestration.tasks import DVC, LOCK_FILES
from loss_study.runtime.errors import StudyError
from loss_study.tracking.store import SERVERS

REMOTE_CONFIG = Path(".dvc/config.local")
#: Written by commands and not by hand, so they need no commit: they are sent as they are, or made again.
_MADE = (":!params.yaml", ":!dvc.lock", ":!rounds/dvc.lock", ":!reports")


@dataclass(frozen=True)
class Shipment:
    """`files` are contents by path in the repository; `environment` is set for all that a node runs."""

    commit: str
    bundle: bytes
    files: dict[str, bytes]
    environment: dict[str, str]


def committed() -> str:
    """Return the commit that is checked out.

    Raises:
        StudyError: something beside params.yaml, the dvc.lock files and reports/ differs from it, so that nodes would
            run something else; or there is no repository, or no history, which nodes are sent.
    """
    changed = _git("status", "--porcelain", "--", ".", *_MADE).decode().splitlines()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise StudyError(f"{changed[0][3:]}{more}: not committed, and nodes run what is; commit or remove it")
    if _git("rev-parse", "--is-shallow-repository").strip() == b"true":
        raise StudyError("a shallow clone, whose history nodes would lack; run 'git fetch --unshallow'")
    return _git("rev-parse", "HEAD").decode().strip()


def remote() -> tuple[str, str]:
    """Return name and address of the default DVC remote; StudyError if there is none."""
    name = _dvc_config("core.remote")
    if not name:
        raise StudyError(
            "no DVC remote, and nodes exchange data through one: 'dvc remote add --default team s3://bucket/folder', "
            "or a folder that all nodes share"
        )
    return name, _dvc_config(f"remote.{name}.url")


def pack(commit: str, dvc_remote: tuple[str, str]) -> Shipment:
    """Return what nodes need to run `commit` with the parameters of params.yaml.

    The bundle holds the commit's history, so that nodes need no access to where the repository lives. Of the DVC
    remote they are told name and address; credentials are each node's own.
    """
    name, url = dvc_remote
    config = f"[core]\n    remote = {name}\n['remote \"{name}\"']\n    url = {url}\n"
    made = [path for path in (PARAMS, *LOCK_FILES) if path.exists()]
    files = {str(path): path.read_bytes() for path in made} | {str(REMOTE_CONFIG): config.encode()}
    tracking = os.environ.get("MLFLOW_TRACKING_URI", "")
    environment = {"MLFLOW_TRACKING_URI": tracking} if urlsplit(tracking).scheme in SERVERS else {}
    return Shipment(commit, _git("bundle", "create", "--quiet", "-", "HEAD"), files, environment)


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], check=False, capture_output=True)
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise StudyError(f"'git {arguments[0]}' failed: {last}")
    return done.stdout


def _dvc_config(key: str) -> str:
    """Return the value of DVC's setting `key`, "" where it has none."""
    return subprocess.run([*DVC, "config", key], check=False, capture_output=True, text=True).stdout.strip()
