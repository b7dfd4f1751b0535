"""docs/losses.md is what its command writes."""

import importlib.util
import re

import pytest

from support.clone import ROOT


@pytest.fixture(scope="module")
def command():
    specification = importlib.util.spec_from_file_location("library_losses", ROOT / "docs/library_losses.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_rows_of_the_page_are_what_trying_gives(command):
    page = (ROOT / "docs/losses.md").read_text()
    for path in ("monai.losses.DiceLoss", "kornia.losses.TverskyLoss", "segmentation_models_pytorch.losses.FocalLoss"):
        section = page[page.index(f"## {command.PACKAGES[path.rpartition('.')[0]]} ") :]
        row = re.search(rf"^\| `{path.rpartition('.')[2]}` \| (.*) \|$", section, re.MULTILINE)[1].split(" | ")
        assert row == [command.tried(path, head, classes) or "-" for head, classes, _ in command.CASES]


def test_no_loss_of_the_libraries_is_missing(command):
    page = (ROOT / "docs/losses.md").read_text()
    for module in command.PACKAGES:
        paths = command._losses(module)
        assert len(paths) > 6
        assert not [path for path in paths if f"`{path.rpartition('.')[2]}`" not in page]


@pytest.mark.long
def test_the_page_is_what_its_command_writes(command):
    assert command.PAGE.read_text() == command.page()
