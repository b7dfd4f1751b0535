"""The pins: all that setup.cfg asks for, each at one version with hashes, from nowhere but the package index."""

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FILES = {"study.txt": ("study",), "test.txt": ("study", "cluster", "teacher", "test")}
PIN = re.compile(r"[A-Za-z0-9][\w.-]*==\S+( ; .+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def pins(name):
    """Yield each requirement of a file of pins, and its hashes."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    for line in filter(None, (line.strip() for line in text.splitlines())):
        requirement, *hashes = re.split(r"\s+(?=--hash)", line)
        yield requirement.strip(), [one.strip() for one in hashes]


def wanted(extras):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    sections = [setup["options"]["install_requires"], *(setup["options.extras_require"][name] for name in extras)]
    return [Requirement(line) for section in sections for line in section.split("\n") if line.strip()]


@pytest.mark.parametrize("name", FILES)
def test_every_pin_is_one_version_with_hashes(name):
    found = list(pins(name))
    assert len(found) > 50
    for requirement, hashes in found:
        assert PIN.fullmatch(requirement), requirement
        assert hashes and all(HASH.fullmatch(one) for one in hashes), requirement


@pytest.mark.parametrize(("name", "extras"), FILES.items())
def test_what_setup_cfg_asks_for_is_pinned_to_what_it_allows(name, extras):
    pinned = {}
    for text, _ in pins(name):
        requirement = Requirement(text)
        (version,) = (specifier.version for specifier in requirement.specifier)
        pinned.setdefault(canonicalize_name(requirement.name), []).append(version)
    for requirement in wanted(extras):
        versions = pinned.get(canonicalize_name(requirement.name))
        assert versions, f"{requirement.name} is not pinned; run 'make pins'"
        assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_both_files_pin_the_same_versions():
    study, test = (dict(pins(name)) for name in FILES)
    assert study.keys() <= test.keys()
