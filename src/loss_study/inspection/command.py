"""Look at your data before a study: what is in a folder or archive, how it would be read, and what to type.

Writes a contact sheet: some images with background, mask and depth map, as a network gets them. Trains nothing.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loss_study.config import DatasetConfig
from loss_study.datasets.layouts import scan
from loss_study.datasets.layouts.recognise import choice, recognise
from loss_study.download.prepare import prepare
from loss_study.download.source import prepared
from loss_study.inspection import proposal
from loss_study.inspection.findings import console, plain, show_table
from loss_study.inspection.inspect import inspect
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import check_writable, temporary_folder, whole_text, write_bytes

CONF = Path("conf/dataset")
SHEET = Path("data/contact_sheet.png")
NAME = re.compile(r"[a-z][a-z0-9_]*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``loss-study inspect``."""
    parser.add_argument("path", help="a folder, or an archive (zip, tar)")
    parser.add_argument(
        "-S", action="append", default=[], dest="choices", help="a choice as for dvc exp run: -S sample.size=64"
    )
    parser.add_argument("--save", metavar="NAME", default="", help="write conf/dataset/NAME.yaml for this data")
    parser.add_argument("--sheet", type=Path, default=SHEET, help=f"where to write the contact sheet ({SHEET})")


def main(arguments: argparse.Namespace) -> None:
    """Look at the data, print what is in it, and what to type for a study of it."""
    _check_name(arguments.save)
    path = Path(arguments.path).expanduser().absolute()
    shown = console()
    with _unpacked(path) as folder:
        listing = scan(folder)
        show_table(proposal.folders(listing), shown)
        at = choice("dataset.path", str(path))
        if any(word.startswith("dataset=") for word in arguments.choices):
            words = [*arguments.choices, at]
        else:
            found = recognise(listing)
            show_table(proposal.layout(found), shown)
            if not found.dataset:
                raise StudyError(f"{path}: {found.nearest}")
            recognised = [at if word.startswith("dataset.path=") else word for word in found.words]
            words = [*recognised, *arguments.choices]
        opened = proposal.opened(words, folder)
        findings, sheet = inspect(opened.dataset, opened.config.dataset, opened.config.sample)
    findings.show(shown, notes=True)
    for reason in opened.reasons:
        print(f"choices were added because: {plain(reason).replace(str(folder), str(path))}")
    if sheet is not None:
        check_writable(arguments.sheet.parent)
        write_bytes(arguments.sheet, sheet)
        print(f"\nlook at the contact sheet: {arguments.sheet}")
    if arguments.save:
        whole_text(CONF / f"{arguments.save}.yaml", proposal.configuration(opened.config))
        print(f"wrote {CONF / arguments.save}.yaml")
        step = proposal.study_of(opened.words, arguments.save)
    else:
        step = proposal.next_step(opened.words, opened.config, "mine")
    print(f"to study this data:\n\n{step}")


def _check_name(name: str) -> None:
    """Raise a StudyError unless a file of the user's own can have this name."""
    if name and not NAME.fullmatch(name):
        raise StudyError(f"--save {name}: a name has small letters, digits and _, such as mine")
    if name and (CONF / f"{name}.yaml").exists():
        raise StudyError(f"--save {name}: {CONF / name}.yaml is there already; choose another name, or delete it")


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Yield the folder `path`, or for as long as the block lasts one with what the archives at `path` hold."""
    with temporary_folder() as temporary:
        config = DatasetConfig(name="folder", path=str(path), heads=["mask"])
        prepare(config, temporary / "source", temporary / "downloads")
        folder = prepared(config, temporary / "source").path
        try:
            yield folder
        except StudyError as error:
            raise StudyError(str(error).replace(str(folder), str(path))) from None
