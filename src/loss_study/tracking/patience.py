"""A limit on how long a server may take; MLflow itself limits only the silence between two bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mlflow import MlflowClient

Result = TypeVar("Result")

#: For one request, and for one that uploads files.
SECONDS, SECONDS_TO_UPLOAD = 60.0, 600.0
#: In the names of the client's methods that upload a file.
_UPLOADED = ("artifact", "image", "text")


def within(seconds: float, action: Callable[[], Result]) -> Result:
    """Return what `action` returns, or raise what it raises.

    Raises:
        TimeoutError: it has not ended; the thread that it runs in is left behind, and ends with this process.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(action())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return results[0]


class Patient:
    """A client of a server: the same methods, each `within` its limit."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def limited(*arguments: Any, **options: Any) -> Any:
            seconds = SECONDS_TO_UPLOAD if any(what in name for what in _UPLOADED) else SECONDS
            return within(seconds, lambda: method(*arguments, **options))

        return limited
