"""Names of files in any encoding as text that can be written and shown in one line."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return `text` with bytes that are not UTF-8 as ``\xe9`` and control characters, also line breaks, as ``\n``."""
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in decoded)
