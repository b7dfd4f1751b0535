"""What the stage `inspect` found in the data, with its contact sheet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from loss_study.runtime import checksums

INSPECTION = Path("data/inspection")


def found() -> dict[str, Any] | None:
    """Return the findings of `loss_study.inspection.findings`, the sheet's `png` and `width`; None without any.

    `png` is None where no image could be read.
    """
    checksums.check(INSPECTION)
    try:
        findings = json.loads((INSPECTION / "inspection.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    found = {**findings, "finding": _finding(findings), "png": None, "width": 0}
    sheet = INSPECTION / "contact_sheet.png"
    if sheet.exists():
        with Image.open(sheet, formats=["PNG"]) as image:
            found |= {"png": sheet.read_bytes(), "width": image.width}
    return found


def _finding(findings: dict[str, Any]) -> str:
    """Return the number of warnings, if there are any, and the most important numbers."""
    warnings = len(findings["warnings"])
    counted = f"{warnings} warning{'s' if warnings > 1 else ''}. " if warnings else ""
    return f"{counted}{findings['summary']}"
