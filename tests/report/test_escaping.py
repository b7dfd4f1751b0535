"""What the report shows of names and texts from outside stays text, wherever it stands on the page."""

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from support.fabricated_study import REPOSITORY, Study, fabricate, write_inspection
from support.taken_apart import take_apart

#: Ends an attribute, an element, a style sheet and a comment, and begins what would run.
HOSTILE = "\"'></title></style>--><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}&amp;.png"


class Page(HTMLParser):
    """The elements of a page with the names of their attributes, in order, and all the text that a reader may see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, *(name for name, _ in attrs)))
        self.texts += [value for name, value in attrs if name in ("title", "alt", "aria-label")]

    def handle_data(self, data):
        self.texts.append(data)


def page_of(root: Path, text: str, patch: pytest.MonkeyPatch) -> Page:
    """The page of a fabricated study in which `text` is every name and remark that someone else decides on."""
    root.mkdir()
    patch.chdir(root)
    fabricate(root, repository=REPOSITORY, losses=["dice", "huber"], background=text, reason=f"reason {text}")
    take_apart(root)
    values = yaml.safe_load(Path("params.yaml").read_text())
    values["dataset"] |= {"path": f"path {text}/folder", "options": {f"key {text}": f"option {text}"}}
    values["loss"]["names"] = ["dice", "huber"]
    values["loss_options"]["dice"] = {f"option of a loss {text}": f"its value {text}"}
    Path("params.yaml").write_text(yaml.safe_dump(values))
    meta = json.loads(Path("data/sample/sample.json").read_text())
    meta["notes"] = [f"note {text}"]
    Path("data/sample/sample.json").write_text(json.dumps(meta))
    write_inspection(Path("data"), text)
    for path in Path("runs").rglob("trial.json"):
        trial = json.loads(path.read_text())
        trial |= {"device": f"device {text}", "versions": {f"program {text}": f"version {text}"}}
        path.write_text(json.dumps(trial))
    files = Study.read().files()
    assert list(csv.DictReader(files["compare.csv"].decode().splitlines()))
    return Page(files["index.html"].decode())


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of two studies that differ in nothing but the texts from outside: harmless ones, hostile ones."""
    root = tmp_path_factory.mktemp("studies")
    with pytest.MonkeyPatch.context() as patch:
        return page_of(root / "harmless", "harmless", patch), page_of(root / "hostile", HOSTILE, patch)


def test_hostile_names_add_no_element_and_no_attribute(pages):
    harmless, hostile = pages
    assert hostile.elements == harmless.elements
    assert [element[0] for element in hostile.elements].count("script") == 1
    assert not any(name.startswith("on") for element in hostile.elements for name in element[1:])


WHERE = (
    "path",
    "key",
    "option",
    "option of a loss",
    "its value",
    "note",
    "reason",
    "device",
    "program",
    "version",
    "table",
    "column",
    "cell",
    "explanation",
    "summary",
    "sheet",
)


@pytest.mark.parametrize("where", WHERE)
def test_hostile_texts_are_shown_letter_by_letter(pages, where):
    assert any(f"{where} {HOSTILE}" in text for text in pages[1].texts)


def test_a_hostile_image_is_named_letter_by_letter(pages):
    for name in (f"{HOSTILE}2-8", f"{HOSTILE}2-9"):
        assert {name, f"Test image {name}, mask", f"Test image {name}, depth"} <= set(pages[1].texts)


def test_hostile_names_leave_everything_else_as_it_is(pages):
    harmless, hostile = pages
    assert [text.replace(HOSTILE, "harmless") for text in hostile.texts] == harmless.texts
