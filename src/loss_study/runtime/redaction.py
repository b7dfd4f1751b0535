"""Passwords and tokens in addresses: never shown, and refused where they would be stored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

_USER = re.compile(r"(?<=://)[^/\s]*@")
_QUERY = re.compile(r"(://[^\s?#'\"]+)[?#][^\s'\")]*|\?[\w.%-]+=[^\s'\")]*")
#: Names of secret values in a query: token, X-Amz-Signature, sig, api_key, accessToken, ...
_SECRET = re.compile(
    r"(^|[-_.])(token|(api|access|secret)?key|secret|pass|password|passwd|pwd|sig|signature|hmac|credential|auth"
    r"|bearer|assertion|jwt|code|ticket|session|session_?id|sid)$",
    re.IGNORECASE,
)
_NEW_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def without_secrets(text: str) -> str:
    """Return `text` with no user, password or query in any address that it names."""
    return _QUERY.sub(r"\1", _USER.sub("", text))


def has_secret(address: str) -> bool:
    """Return whether an address holds a user, a password, or a value named like a token or a signature."""
    if _USER.search(address):
        return True
    return "://" in address and any(
        _SECRET.search(_NEW_WORD.sub("_", name)) for name, _ in parse_qsl(address.partition("?")[2].partition("#")[0])
    )


def secrets_in(values: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted key and the text of every string in nested `values` that `has_secret`."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from secrets_in(value, f"{key}.{name}" if key else str(name))
    elif isinstance(values, list):
        for value in values:
            yield from secrets_in(value, key)
    elif isinstance(values, str) and has_secret(values):
        yield key, values
