"""What the tests of datasets share: the real data where it exists, archives to serve, composed configurations."""

import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loss_study import datasets
from loss_study.checks.check import check_choices
from loss_study.config import composition, load_config
from loss_study.download.prepare import prepare

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("LOSS_STUDY_SHARED_DATA", ROOT.parent / "shared" / "data"))


def needs(name):
    """Mark a test that wants the real data in `name` below `SHARED`."""
    folder = SHARED / name
    return pytest.mark.skipif(not folder.is_dir(), reason=f"no {folder}; set LOSS_STUDY_SHARED_DATA")


def save(path, array, **options):
    """Write an array as the image `path`; ``format`` may differ from what the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array)).save(path, **options)


def composed(tmp_path, monkeypatch, *choices):
    """Return the configuration that `choices` compose, after the checks of the stage `check`."""
    monkeypatch.chdir(ROOT)
    composition.compose(tmp_path / "params.yaml", [*choices, "scale=smoke"])
    config = load_config(tmp_path / "params.yaml")
    check_choices(config)
    return config


def pack_archive(path, folder):
    """Write `folder`, under its own name, into the zip or tar archive `path`, and return its bytes."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, file.relative_to(folder.parent))
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(folder, folder.name)
    return path.read_bytes()


def write_noise(path):
    """Write a file that no archive makes smaller, so that a connection can be cut in the middle of it."""
    path.write_bytes(np.random.default_rng(0).bytes(300_000))


def fetch_and_open(dataset, tmp_path):
    """Run the download as the stage does, and open what came of it."""
    prepare(dataset, tmp_path / "source", tmp_path / "downloads")
    return datasets.open_dataset(dataset.name, tmp_path / "source" / "files", dataset.options)


def everything(dataset):
    """Return all items, sorted by id."""
    return sorted(dataset.draw(None, None, 10**6, np.random.default_rng(0)), key=lambda item: item.id)
