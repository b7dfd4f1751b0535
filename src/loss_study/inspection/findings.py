"""What an inspection found: tables, warnings and a contact sheet, in ``data/inspection`` and on the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from loss_study.runtime.files import write_bytes
from loss_study.runtime.printable import printable

FINDINGS, SHEET = "inspection.json", "contact_sheet.png"


@dataclass(frozen=True)
class Table:
    """A table of texts. The first column names the row; `explanation` says what the table was made from."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    explanation: str = ""


@dataclass(frozen=True)
class Findings:
    """What is in a dataset.

    Attributes:
        summary: the most important numbers, in a sentence or two.
        warnings: what is probably read wrongly, or makes scores too good.
        tables: the numbers.
        notes: sentences of the dataset about itself.
        sheet: what the contact sheet shows, for those who do not see it; "" without one.
    """

    summary: str
    warnings: Sequence[str] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    sheet: str = ""

    def write(self, folder: Path, sheet: bytes | None) -> None:
        """Write the findings and the contact sheet, a PNG, to `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        # A name that is no valid text is shown with question marks.
        write_bytes(folder / FINDINGS, f"{text}\n".encode(errors="replace"))
        if sheet is not None:
            write_bytes(folder / SHEET, sheet)

    @classmethod
    def read(cls, folder: Path) -> Findings:
        """Return what `write` wrote; FileNotFoundError where there is nothing."""
        values = json.loads((folder / FINDINGS).read_text(encoding="utf-8"))
        return cls(**{**values, "tables": [Table(**table) for table in values["tables"]]})

    def show(self, console: Console, *, notes: bool = False) -> None:
        """Print tables, summary and warnings, with `notes` also what the dataset says about itself."""
        for table in self.tables:
            show_table(table, console)
        if notes and self.notes:
            console.print()
        for note in self.notes if notes else ():
            console.print(Text(plain(note), style="dim"), soft_wrap=True)
        console.print()
        console.print(Text(self.summary, style="bold"), soft_wrap=True)
        for warning in self.warnings:
            console.print(Text(f"warning: {plain(warning)}", style="yellow"), soft_wrap=True)


def console() -> Console:
    """Return the standard output; in a pipe or a file with room for long names."""
    wide = None if sys.stdout.isatty() else 160
    return Console(highlight=False, width=wide)


def show_table(table: Table, console: Console) -> None:
    """Print a table."""
    shown = RichTable(
        box=SIMPLE_HEAD, title=Text(table.title), title_justify="left", title_style="bold", pad_edge=False
    )
    for column in table.columns:
        shown.add_column(column, overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(plain(cell)) for cell in row))
    console.print()
    console.print(shown)
    if table.explanation:
        console.print(Text(table.explanation, style="dim"), soft_wrap=True)


def plain(text: str) -> str:
    """Return `text` in one line that any terminal can print; a file name may hold line breaks and broken letters."""
    return printable(" ".join(text.split()))
