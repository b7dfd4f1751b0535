"""The pins: all that setup.cfg and requirements/*.in ask for, at one version with hashes, from the package index."""

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
EXTRAS = {"study.txt": ("study",), "test.txt": ("study", "cluster", "exr", "teacher", "test")}
FILES = [*EXTRAS, "uv.txt", "team.txt", "team-test.txt"]
PIN = re.compile(r"[A-Za-z0-9][\w.-]*==\S+( ; .+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def pins(name):
    """Yield each requirement of a file of pins, and its hashes."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    for line in filter(None, (line.strip() for line in text.splitlines())):
        requirement, *hashes = re.split(r"\s+(?=--hash)", line)
        yield requirement.strip(), [one.strip() for one in hashes]


def versions(name):
    """Return the versions of each package in a file of pins; there may be several, for different Pythons."""
    found = {}
    for text, _ in pins(name):
        requirement = Requirement(text)
        (version,) = (specifier.version for specifier in requirement.specifier)
        found.setdefault(canonicalize_name(requirement.name), []).append(version)
    return found


def wanted(name):
    """Return what a file of pins is made from: a file of its own, or some of setup.cfg's extras."""
    if name not in EXTRAS:
        lines = (ROOT / "requirements" / name).with_suffix(".in").read_text().splitlines()
        return [Requirement(line) for line in lines if not line.startswith("#")]
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = [setup["options.extras_require"][extra] for extra in EXTRAS[name]]
    sections = [setup["options"]["install_requires"], *extras]
    return [Requirement(line) for section in sections for line in section.split("\n") if line.strip()]


@pytest.mark.parametrize("name", FILES)
def test_every_pin_is_one_version_with_hashes(name):
    found = list(pins(name))
    assert found
    for requirement, hashes in found:
        assert PIN.fullmatch(requirement), requirement
        assert hashes and all(HASH.fullmatch(one) for one in hashes), requirement


@pytest.mark.parametrize("name", FILES)
def test_what_is_asked_for_is_pinned_to_what_it_allows(name):
    pinned = versions(name)
    for requirement in wanted(name):
        found = pinned.get(canonicalize_name(requirement.name))
        assert found, f"{requirement.name} is not pinned; run 'make pins'"
        assert all(requirement.specifier.contains(version) for version in found), requirement


def test_the_study_and_its_tests_pin_the_same_versions():
    study, test = (dict(pins(name)) for name in EXTRAS)
    assert study.keys() <= test.keys()


def test_the_team_server_and_its_test_pin_the_same_versions_and_the_mlflow_of_the_study():
    team, test = versions("team.txt"), versions("team-test.txt")
    for package in team.keys() & test.keys():
        assert test[package] == team[package], package
    assert team["mlflow"] == versions("study.txt")["mlflow"]


@pytest.mark.long
def test_the_pins_alone_make_an_environment_that_runs_the_study(tmp_path):
    """A fresh environment, no package of this one; minutes, most of them for torch."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    surroundings = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    surroundings["PATH"] = f"{python.parent}{os.pathsep}{surroundings['PATH']}"

    def run(*command):
        done = subprocess.run(
            command, cwd=tmp_path / "clone", env=surroundings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True)
    run(python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements/study.txt")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", ".")
    assert "No broken requirements found" in run(python, "-m", "pip", "check")
    run(python, "-m", "loss_study", "compose", "scale=smoke", "loss=dice")
    run("dvc", "repro")
    assert (tmp_path / "clone" / "reports" / "index.html").stat().st_size > 10_000
