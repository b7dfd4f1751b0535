"""Access to Kaggle's files with the user's own token, which is read from where Kaggle's own client reads it.

That is, in this order: ``KAGGLE_API_TOKEN``; ``KAGGLE_USERNAME`` and ``KAGGLE_KEY``; the files ``access_token`` and
``kaggle.json`` in ``KAGGLE_CONFIG_DIR``, which is ``~/.kaggle`` by default.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from loss_study.runtime.errors import StudyError

#: Only URLs that begin with this get the token.
ORIGIN = "https://www.kaggle.com/"
HOW_TO = (
    "create a token at https://www.kaggle.com/settings and set KAGGLE_API_TOKEN to it (or keep it in ~/.kaggle), or "
    "download the file with a browser and set dataset.path to its folder"
)


def is_kaggle(url: str) -> bool:
    """Whether `url` leads to Kaggle."""
    return url.startswith(ORIGIN)


def authorization(url: str) -> str:
    """Return the value of the header ``Authorization`` for `url`.

    Raises:
        StudyError: no token is found, or its file is damaged; the message says how to get one.
    """
    if token := os.environ.get("KAGGLE_API_TOKEN"):
        return f"Bearer {token}"
    if (user := os.environ.get("KAGGLE_USERNAME")) and (key := os.environ.get("KAGGLE_KEY")):
        return _basic(user, key)
    folder = Path(os.environ.get("KAGGLE_CONFIG_DIR") or Path.home() / ".kaggle")
    if (file := folder / "access_token").is_file():
        return f"Bearer {file.read_text(encoding='utf-8').strip()}"
    if (file := folder / "kaggle.json").is_file():
        return _from_json(file)
    raise StudyError(f"{url}: Kaggle needs your own token; {HOW_TO}")


def refusal(url: str, status: int) -> StudyError:
    """Return the error for a token with which Kaggle answered `status`, 401 or 403."""
    return StudyError(
        f"{url}: HTTP {status}, Kaggle refuses your token for this file; accept the rules on the competition's page, "
        f"or {HOW_TO}"
    )


def _from_json(file: Path) -> str:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        return _basic(values["username"], values["key"])
    except (ValueError, KeyError, TypeError):
        raise StudyError(f"{file}: not a Kaggle token (username and key); {HOW_TO}") from None


def _basic(user: str, key: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()
