"""The images to predict on, each with its background where the model needs one."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from loss_study.datasets.reading.images import SUFFIXES, geometry, is_image, read_rgb
from loss_study.inference.contract import Input
from loss_study.runtime.errors import StudyError
from loss_study.runtime.printable import printable


@dataclass(frozen=True)
class Task:
    """An image file, its `background` where the model needs one, and the `name` of what is written for it.

    The name is a relative path without a suffix. `problem` is what is known to be wrong with it, "" for nothing.
    """

    image: Path
    background: Path | None
    name: Path
    problem: str = ""


@dataclass(frozen=True)
class Loaded:
    """A task's array, float32 (C, H, W) in [0, 1], and the width and height of the image as it is seen."""

    task: Task
    array: np.ndarray
    width: int
    height: int


def find(patterns: Sequence[str], background: Path | None, needed: Input, output: Path) -> list[Task]:
    """Return the images that `patterns` name, each once, in that order and within a folder by name.

    Args:
        patterns: files, folders (with their subfolders) and patterns such as ``photos/*.jpg`` or ``photos/**/*.png``.
        background: one image for all, or a folder with images of the same names.
        needed: what the model takes.
        output: the folder of the results, whose images are not predicted on.

    Raises:
        StudyError: a pattern that names no image, or a background that is missing or that the model does not take.
    """
    _check_background(background, needed)
    images: dict[Path, Path] = {}
    for pattern in patterns:
        for image, name in _matching(pattern, output):
            images.setdefault(image, name)
    backgrounds = _by_name(background) if background is not None and background.is_dir() else None
    return [_task(image, name, background, backgrounds) for image, name in _told_apart(images).items()]


def load(task: Task, needed: Input) -> Loaded:
    """Read the image, and its background, as the datasets do: turned by EXIF, stretched to the model's square.

    Raises:
        StudyError: a file that cannot be read, or more than 8 bits where the model knows no range for them.
    """
    if task.problem:
        raise StudyError(task.problem)
    seen = geometry(task.image)
    rgb = [read_rgb(task.image, needed.size, needed.image_range)]
    if task.background is not None:
        rgb.insert(0, _background(task.background, needed))
    array = np.ascontiguousarray(np.concatenate(rgb, axis=2).transpose(2, 0, 1), dtype=np.float32) / np.float32(255)
    return Loaded(task, array, seen.width, seen.height)


@lru_cache(maxsize=8)
def _background(path: Path, needed: Input) -> np.ndarray:
    """Return the background, uint8 (size, size, 3); one for all images is read once."""
    return read_rgb(path, needed.size, needed.image_range)


def _check_background(background: Path | None, needed: Input) -> None:
    if background is None:
        if needed.needs_background:
            raise StudyError(
                "--background: this model needs the image of each background; give one image for all, or a folder "
                "with an image of the same name for each"
            )
    elif not needed.needs_background:
        raise StudyError("--background: this model takes the image alone; leave it out")
    elif not background.exists():
        raise StudyError(f"--background: {background}: no such file or folder")


def _matching(pattern: str, output: Path) -> list[tuple[Path, Path]]:
    """Return the images that `pattern` names, and for each the path of its results without a suffix."""
    path = Path(pattern)
    if path.is_file():
        return [(path, Path(path.stem))]
    if path.is_dir():
        found = [(file, file.relative_to(path).with_suffix("")) for file in path.rglob("*") if is_image(file)]
        where = f"{pattern}: no image in this folder"
    else:
        # Path.glob takes no absolute pattern.
        names = glob.glob(pattern, recursive=True)  # noqa: PTH207
        found = [(file, Path(file.stem)) for file in map(Path, names) if is_image(file)]
        where = f"{pattern}: no such file, and no image matches it as a pattern"
    of_results = output.resolve()
    found = [(file, name) for file, name in found if not file.resolve().is_relative_to(of_results)]
    if not found:
        raise StudyError(f"{where}; images end with {' '.join(sorted(SUFFIXES))}")
    return sorted(found)


def _told_apart(images: dict[Path, Path]) -> dict[Path, Path]:
    """Give images of one name another one, with their suffix or, where that is not enough, their folder."""
    for longer in (lambda file, name: name.with_name(file.name), lambda file, _: Path(*file.parts[-2:])):
        count = Counter(images.values())
        images = {file: longer(file, name) if count[name] > 1 else name for file, name in images.items()}
    twice = [file for file, name in images.items() if Counter(images.values())[name] > 1]
    if twice:
        raise StudyError(f"{twice[0]} and {twice[1]}: their results would have one name; predict on each by itself")
    return images


def _by_name(folder: Path) -> dict[Path, Path]:
    """Return the images of a folder by their relative path without suffix, and by their name where no other has it."""
    files = sorted(file for file in folder.rglob("*") if is_image(file))
    count = Counter(file.stem for file in files)
    alone = {Path(file.stem): file for file in files if count[file.stem] == 1}
    return alone | {file.relative_to(folder).with_suffix(""): file for file in files}


def _task(image: Path, name: Path, background: Path | None, backgrounds: dict[Path, Path] | None) -> Task:
    if backgrounds is None:
        return Task(image, background, name)
    found = backgrounds.get(name) or backgrounds.get(Path(image.stem))
    problem = "" if found else f"{printable(str(image))}: no background of this name in {background}"
    return Task(image, found, name, problem)
