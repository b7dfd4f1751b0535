"""CONTRIBUTING.md says in which order the parts of the package import each other."""

import re

from support.clone import ROOT
from support.imports import PACKAGE, imported

#: They import a part only when they are asked for it.
ENTRANCES = {"__init__", "__main__", "cli"}
SENTENCE = re.compile(r"Imports go one way, in this order: (.+?)\.", re.DOTALL)


def part(file):
    return file.relative_to(PACKAGE).with_suffix("").parts[0]


def order():
    found = SENTENCE.search((ROOT / "CONTRIBUTING.md").read_text())
    return re.split(r",\s+", found[1])


def test_every_part_has_a_place():
    there = {part(file) for file in PACKAGE.rglob("*.py")} - ENTRANCES
    assert sorted(order()) == sorted(there)


def test_a_part_imports_only_from_those_before_it():
    place = {name: number for number, name in enumerate(order())}
    backwards = {
        f"{file.relative_to(PACKAGE)}: {part(other)}"
        for file in PACKAGE.rglob("*.py")
        if part(file) not in ENTRANCES
        for other in imported(file)
        if part(other) not in ENTRANCES and place[part(other)] > place[part(file)]
    }
    assert backwards == set()
