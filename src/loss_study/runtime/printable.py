"""Names of files in any encoding as text that can be written and shown in one line, and in tables."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return `text` with bytes that are not UTF-8 as ``\xe9`` and control characters, also line breaks, as ``\n``."""
    decoded = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in decoded)


def cell(text: str) -> str:
    """Return `text` as `printable`, and so that no spreadsheet takes it for a formula: with an apostrophe before it."""
    return f"'{printable(text)}" if text[:1] in tuple("=+-@") else printable(text)
