"""What was found is kept and printed whole, whatever the texts are."""

import io

from rich.console import Console

from loss_study.inspection.findings import SHEET, Findings, Table, plain

FOUND = Findings(
    "Mask: 9.0% of an image is foreground (median).",
    ("one [bold]warning[/bold]",),
    (Table("Files", ("kind", "count"), (("image", "7"), ("two\nlines \udcff [red]", "8")), "seen"),),
    ("A note.",),
    "twelve images",
)


def printed(width=200, **options):
    console = Console(file=io.StringIO(), width=width)
    FOUND.show(console, **options)
    return console.file.getvalue()


def test_it_is_read_back_as_it_was_written(tmp_path):
    FOUND.write(tmp_path / "new", b"PNG")
    again = Findings.read(tmp_path / "new")
    assert (again.summary, list(again.warnings), list(again.notes), again.sheet) == (
        FOUND.summary, list(FOUND.warnings), list(FOUND.notes), FOUND.sheet,
    )  # fmt: skip
    assert again.tables[0].rows == [["image", "7"], ["two\nlines ? [red]", "8"]] and again.tables[0].title == "Files"
    assert (tmp_path / "new" / SHEET).read_bytes() == b"PNG"


def test_all_is_printed_letter_by_letter():
    text = printed(notes=True)
    for words in ("Files", "kind", "image", "two lines \\xff [red]", "seen", FOUND.summary, "A note."):
        assert words in text
    assert "warning: one [bold]warning[/bold]\n" in text
    assert "A note." not in printed()


def test_a_text_is_one_line_for_any_terminal():
    assert plain("a\nb\udce9\r c\x1b[31m") == "a b\\xe9 c\\x1b[31m"
