"""A configuration's sample, from the files that the stage `download` prepared."""

from __future__ import annotations

from pathlib import Path

from loss_study import datasets
from loss_study.config import Config, DepthTeacher
from loss_study.download.source import prepared
from loss_study.runtime.processes import cores
from loss_study.sampling import depth_teacher
from loss_study.sampling.pack import pack

SOURCE = Path("data/source")


def make(config: Config, folder: Path) -> None:
    """Open the dataset of `config`, draw its sample and pack it into `folder`.

    Raises:
        StudyError: the dataset has not been prepared, or something in it cannot be used.
    """
    chosen, source = config.dataset, prepared(config.dataset, SOURCE)
    dataset = datasets.open_chosen(chosen, source.path)
    teacher = _teacher(chosen.depth_teacher)
    pack(dataset, folder, chosen, config.sample, notes=source.notes, workers=cores(), teacher=teacher)


def _teacher(config: DepthTeacher) -> depth_teacher.Teacher | None:
    if not config.model:
        return None
    from loss_study.training import device  # noqa: PLC0415 -- imports torch, which takes seconds

    return depth_teacher.load(config, device.pick())
