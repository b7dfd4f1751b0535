"""Where MLflow keeps the runs of this project, and how to open it."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, unquote, urlsplit

from loss_study.runtime.errors import StudyError
from loss_study.runtime.locks import locked
from loss_study.runtime.redaction import without_secrets
from loss_study.tracking.patience import Patient, within

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

#: All trials are runs of this one experiment, so that the runs table holds them side by side.
EXPERIMENT = "loss-study"
ARTIFACTS = "mlartifacts"
#: Makes the pages show what is for trained models, not for language models.
_KIND = {"mlflow.experimentKind": "custom_model_development"}
SERVERS = ("http", "https")
_SQLITE = "sqlite:///"
#: How many runs one request returns.
_PAGE = 1000
#: A server that hangs must not stop a training or the report.
SECONDS_TO_ANSWER = 5.0
#: Characters of an error.
_LONGEST = 240
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True)
class Store:
    """An open MLflow store: its client, and the id of the experiment that holds the project's runs."""

    client: MlflowClient
    experiment: str


def root() -> Path:
    """Return the root of the repository, searched upwards of the working directory.

    In a stage it is searched from ``DVC_ROOT``, which is in the main checkout also with ``--temp``; where that is a DVC
    project in a folder of the repository, runs and models are with those of the study.

    Raises:
        StudyError: the working directory is in no repository.
    """
    stage_root = os.environ.get("DVC_ROOT")
    here = Path(stage_root or Path.cwd())
    for folder in (here, *here.parents):
        if (folder / ".git").exists() or (not stage_root and (folder / ".dvc").is_dir()):
            return folder
    if stage_root:
        return here
    raise StudyError(f"{here}: in no repository; change into the project's folder")


def _database() -> Path:
    """Return where the project's own store is, if it has one."""
    return root() / "mlflow.db"


def uri() -> str:
    """Return ``MLFLOW_TRACKING_URI``, or that of ``mlflow.db`` in the root, where plain ``mlflow ui`` looks."""
    return os.environ.get("MLFLOW_TRACKING_URI") or _address(_database())


def _address(database: Path) -> str:
    """Return the address of a database, quoted as little as needed: MLflow makes a folder of the quoted name."""
    return _SQLITE + re.sub("[%?#]", lambda found: quote(found[0]), str(database))


def shown(text: str) -> str:
    """Return `text` as one line in which no address shows a user, a password or a query."""
    return " ".join(without_secrets(text).split())


def brief(reason: str) -> str:
    """Return an error's text `shown`, and of a long one its beginning and its end: the cause is behind addresses."""
    text = shown(reason)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"


def connect(timeout_seconds: int = 30, retries: int = 2) -> Store:
    """Open the store and its experiment; both are created where they are missing, by one process at a time.

    Importing MLflow takes 2 s, creating the database 3 s more. `timeout_seconds` and `retries` are for each request to
    a server; MLflow's own environment variables override them.

    Raises:
        StudyError: a server does not answer.
    """
    patience = {"MLFLOW_HTTP_REQUEST_TIMEOUT": timeout_seconds, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": retries}
    for name, value in {**_QUIET, **patience}.items():
        os.environ.setdefault(name, str(value))
    address = uri()
    if urlsplit(address).scheme in SERVERS:
        _check_answers(address)
    from mlflow import MlflowClient  # noqa: PLC0415

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    # What it shows with a traceback is raised as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    with lock("open"):
        if address.startswith(_SQLITE):
            _create_whole(Path(unquote(address.removeprefix(_SQLITE))))
        client = MlflowClient(tracking_uri=address, registry_uri=address)
        if urlsplit(address).scheme in SERVERS:
            client = cast("MlflowClient", Patient(client))
        return Store(client, _experiment(client, address))


def _create_whole(database: Path) -> None:
    """Create a missing database under another name first: MLflow cannot open a half-created one."""
    if database.exists():
        return
    from mlflow import MlflowClient  # noqa: PLC0415

    new = database.with_name(f".new.{database.name}")
    new.unlink(missing_ok=True)
    # SQLite would make a file that others of a group may not write, whatever the umask.
    new.touch()
    MlflowClient(tracking_uri=_address(new)).search_experiments()
    new.replace(database)


def runs(store: Store, tags: Mapping[str, str | None]) -> list[Run]:
    """Return the runs that have all of these tags, oldest first; None stands for any value."""
    wanted = " AND ".join(
        f"tags.`{name}` != ''" if value is None else f"tags.`{name}` = '{value}'" for name, value in tags.items()
    )
    found: list[Run] = []
    page: str | None = None
    while page != "":
        some = store.client.search_runs(
            [store.experiment], wanted, max_results=_PAGE, order_by=["attributes.start_time ASC"], page_token=page
        )
        found += some
        page = some.token or ""
    return found


def write_shared(write: Callable[[], None]) -> None:
    """Write what all runs share, such as the dataset; of two processes that write it first, MLflow refuses one.

    Raises:
        MlflowException: MLflow refused it a second time, so for another reason.
    """
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        write()
    except MlflowException:
        write()


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the lock `name`, which the processes of this checkout share."""
    with locked(root() / ARTIFACTS / f".{name}.lock", "writing to MLflow", wait_seconds=-1):
        yield


def _check_answers(address: str) -> None:
    """Ask once, before MLflow asks repeatedly; any answer will do."""
    import requests  # noqa: PLC0415

    def ask() -> None:
        requests.get(f"{address.rstrip('/')}/health", timeout=SECONDS_TO_ANSWER, stream=True).close()

    try:
        within(SECONDS_TO_ANSWER, ask)
    except (TimeoutError, requests.Timeout):
        raise _failed(f"no answer within {SECONDS_TO_ANSWER:g} s") from None
    except requests.RequestException:
        raise _failed("no connection") from None


@contextmanager
def failing_in_one_line() -> Iterator[None]:
    """Turn whatever MLflow, its database or its server raise in the block into a StudyError that says what to do."""
    try:
        yield
    except StudyError:
        raise
    except Exception as error:
        raise _failed(f"{type(error).__name__}: {error}") from error


def _failed(reason: str) -> StudyError:
    if not os.environ.get("MLFLOW_TRACKING_URI") and _is_damaged(path := _database()):
        return StudyError(f"{path}: damaged; remove it, and 'dvc repro -f -s compare' brings its runs back")
    return StudyError(f"MLflow at {shown(uri())}: {brief(reason)}; 'dvc repro -f -s compare' completes its runs")


def _is_damaged(path: Path) -> bool:
    """Whether SQLite finds that a database is none, or not whole; False where it is locked or cannot be opened."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            return database.execute("PRAGMA quick_check").fetchone() != ("ok",)
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True


def _experiment(client: MlflowClient, address: str) -> str:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    known = client.get_experiment_by_name(EXPERIMENT)
    if known is None:
        # A server has its own place for artifacts; without one, MLflow would take the working directory's.
        local = urlsplit(address).scheme not in SERVERS
        place = (root() / ARTIFACTS).as_uri() if local else None
        try:
            return client.create_experiment(EXPERIMENT, artifact_location=place, tags=_KIND)
        except MlflowException:
            # Another checkout may have been first: the lock is for the processes of this one.
            known = client.get_experiment_by_name(EXPERIMENT)
            if known is None:
                raise
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        _check_place(Path(unquote(urlsplit(known.artifact_location).path)))
    if known.lifecycle_stage == "deleted":
        client.restore_experiment(known.experiment_id)
    return known.experiment_id


def _check_place(artifacts: Path) -> None:
    """Raise a StudyError if the project's own database is of another folder, into which MLflow would write."""
    if artifacts.resolve() != (root() / ARTIFACTS).resolve():
        raise StudyError(
            f"{_database()}: it was made in {artifacts.parent}, and MLflow would put files there; "
            "remove it, and 'dvc repro -f -s compare' brings its runs back"
        )
