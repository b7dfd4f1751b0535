"""What the stage `inspect` found in the data, with its contact sheet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

INSPECTION = Path("data/inspection")


def found() -> dict[str, Any] | None:
    """Return the findings, a `loss_study.inspection.findings.Findings`, and the `png` of the sheet; None if not there.

    `png` is None where no image could be read.
    """
    try:
        findings = json.loads((INSPECTION / "inspection.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    sheet = INSPECTION / "contact_sheet.png"
    return {**findings, "finding": _finding(findings), "png": sheet.read_bytes() if sheet.exists() else None}


def _finding(findings: dict[str, Any]) -> str:
    """Return the number of warnings, if there are any, and the most important numbers."""
    warnings = len(findings["warnings"])
    counted = f"{warnings} warning{'s' if warnings > 1 else ''}. " if warnings else ""
    return f"{counted}{findings['summary']}"
