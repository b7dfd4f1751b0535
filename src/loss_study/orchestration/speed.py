"""How fast this machine reads images, trains and evaluates, measured on a few images of the study's own dataset."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import chdir, redirect_stdout, suppress
from dataclasses import dataclass, fields
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

import numpy as np

from loss_study import datasets
from loss_study.config import Config, FineTune, ParentConfig, open_weights
from loss_study.data.packed import INDEX_COLUMNS, PackedSample
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.orchestration.tasks import pairs_to_train
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import temporary_folder, write_csv, write_json
from loss_study.runtime.processes import end_with_pool
from loss_study.sampling import depth_teacher
from loss_study.sampling.pack import pack
from loss_study.training import choice
from loss_study.training.device import pick
from loss_study.training.run import train_trials
from loss_study.training.search import candidates
from loss_study.trial import Trial

SAMPLE = Path("sample")
#: Steps of an epoch; the first of the epochs warms up, the last one counts.
STEPS, EPOCHS = 4, 2
#: Images that are validated and evaluated on: so many that what an evaluation takes beside them counts little.
IMAGES = {"validation": 64, "test": 256}
#: Images that are read for it, of each of the three splits at least a few.
READ = 24

_T = TypeVar("_T")


@dataclass(frozen=True)
class Speed:
    """Seconds on this machine, with as many processes at once as the study will have.

    Attributes:
        image: to read an image, with its background, and resize it.
        trial: of a training without its epochs: building, writing.
        training: by head and loss, for an image in an epoch.
        validation: by head and loss, for an image in an epoch.
        analysis: the part of the evaluation that a head and loss has once.
        evaluation: by head, for a test image.
    """

    image: float
    trial: float
    training: Mapping[tuple[str, str], float]
    validation: Mapping[tuple[str, str], float]
    analysis: float
    evaluation: Mapping[str, float]


class _Clock:
    """Takes note of when epochs end; a `run.Listener`."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.seconds: list[float] = []

    def epoch(self, row: dict[str, float], /) -> None:
        """Take note of now, and of the seconds of the training without the validation."""
        self.ends.append(time.perf_counter())
        self.seconds.append(row["seconds"])

    def close(self, status: str, /) -> None:
        """Do nothing."""


class Meter:
    """Processes that measure side by side, as many as the study will have trainings at once."""

    def __init__(self, jobs: int) -> None:
        context = get_context("spawn")
        self._jobs = jobs
        self._pool = ProcessPoolExecutor(jobs, context, _begin, (context.Barrier(jobs),))

    def __enter__(self) -> Meter:
        started = time.perf_counter()
        self._processes = self._in_all(_number)
        #: Seconds until a process of Python has imported torch and this project.
        self.start = time.perf_counter() - started
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            # Nobody waits for what is measured after an error or Ctrl-C.
            for process in self._processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGTERM)
        self._pool.shutdown(cancel_futures=True)

    def measure(self, config: Config, path: Path) -> Speed:
        """Return the speed at the shape of `config`, whose images are at the absolute `path`: the mean of all.

        Raises:
            StudyError: there are too few images, or a name or option does not fit.
        """
        return _mean(self._in_all(_measure, config, path))

    def _in_all(self, function: Callable[..., _T], *arguments: Any) -> list[_T]:
        try:
            waiting = [self._pool.submit(function, *arguments) for _ in range(self._jobs)]
            return [one.result() for one in waiting]
        except BrokenProcessPool:
            raise StudyError("a process that measured was killed, perhaps for lack of memory; try again") from None


_together: list[Barrier] = []


def _begin(together: Barrier) -> None:
    end_with_pool()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Modules of the user are in the folder of the project, which `_measure` leaves.
    sys.path.append(str(Path.cwd()))
    _together[:] = [together]


def _number() -> int:
    """Return the number of this process, when all are there."""
    _together[0].wait()
    return os.getpid()


def _measure(config: Config, path: Path) -> Speed:
    """Measure as soon as all processes do."""
    _together[0].wait()
    with (
        temporary_folder() as folder,
        chdir(folder),
        Path(os.devnull).open("w") as null,
        redirect_stdout(null),
    ):
        return _measured(_shortened(config), path)


def _shortened(config: Config) -> Config:
    """Return `config` with few images and epochs, and without what a training begins or ends with."""
    recipe, sample = config.recipe, config.sample
    few = {"images": READ, "validation": 0.25, "test": 0.25, "validation_images": 0, "test_images": 0, "folds": 1}
    short = {
        "epochs": EPOCHS,
        "early_stop": 0,
        "devices": 1,
        "cache_features": False,
        "fine_tune": FineTune(),
        "parent": ParentConfig(),
    }
    return config.model_copy(
        update={"sample": sample.model_copy(update=few), "recipe": recipe.model_copy(update=short)}
    )


def _measured(config: Config, path: Path) -> Speed:
    dataset, teacher = config.dataset, config.dataset.depth_teacher
    with_teacher = depth_teacher.load(teacher, pick()) if teacher.model else None
    source = datasets.open_chosen(dataset, path)
    started = time.perf_counter()
    pack(source, SAMPLE, dataset, config.sample, teacher=with_teacher)
    seconds = time.perf_counter() - started
    packed = PackedSample.open(SAMPLE)
    sample = repeated(packed, Path("repeated"), {"train": STEPS * config.recipe.batch_size, **IMAGES})
    of_pairs = {pair: _trained(*pair, config, sample) for pair in pairs_to_train(config)}
    evaluated = {head: _evaluated(head, config, sample) for head in config.loss.heads}
    return Speed(
        seconds / len(packed.images),
        fmean(trial for trial, _, _ in of_pairs.values()),
        {pair: training for pair, (_, training, _) in of_pairs.items()},
        {pair: validation for pair, (_, _, validation) in of_pairs.items()},
        fmean(analysis for analysis, _ in evaluated.values()),
        {head: evaluation for head, (_, evaluation) in evaluated.items()},
    )


def repeated(packed: PackedSample, folder: Path, counts: Mapping[str, int]) -> PackedSample:
    """Return a sample of so many images of each split, in `folder`: those of `packed`, again and again.

    Reading an image may take longer than training on it; what takes its time here is the second.
    """
    rows = {split: np.resize(packed.rows(split), count) for split, count in counts.items()}
    taken = np.concatenate([*rows.values()])
    folder.mkdir()
    for name in ("images", "masks", "depths", "mask_valid", "depth_valid"):
        if (array := getattr(packed, name)) is not None:
            np.save(folder / f"{name}.npy", array[taken])
    if packed.backgrounds is not None:
        np.save(folder / "backgrounds.npy", packed.backgrounds)
    write_csv(folder / "index.csv", [packed.index[row] for row in taken], INDEX_COLUMNS)
    write_json(folder / "sample.json", packed.meta)
    return PackedSample.open(folder)


def _trained(head: str, loss: str, config: Config, sample: PackedSample) -> tuple[float, float, float]:
    """Return the seconds of a training without its epochs, and of a training and of a validation image in an epoch."""
    recipe, clock = config.recipe, _Clock()
    rates = recipe.search.lr or [recipe.optimizer.lr]
    first = candidates(rates, open_weights(config.loss_options.get(loss, {})), recipe.search.seed)[0]
    trial = Trial(head, loss, config.seeds[0])
    started = time.perf_counter()
    train_trials([trial], choice.applied(config, loss, first), sample, listen=lambda *_: clock)
    whole = time.perf_counter() - started
    if len(clock.ends) < EPOCHS:
        raise StudyError(f"{trial.name} diverged in its first epochs; choose another recipe.optimizer.lr")
    epoch, training = clock.ends[-1] - clock.ends[-2], clock.seconds[-1]
    images = {split: len(sample.rows(split)) for split in ("train", "validation")}
    return max(0.0, whole - EPOCHS * epoch), training / images["train"], (epoch - training) / images["validation"]


def _evaluated(head: str, config: Config, sample: PackedSample) -> tuple[float, float]:
    """Return the seconds of what a head and a loss has once, and of a test image."""
    trial = Trial(head, config.losses[0], config.seeds[0])
    started = time.perf_counter()
    evaluate_trials([trial], sample, analysed=[(head, trial.loss)])
    without = time.perf_counter() - started
    evaluate_trials([trial], sample)
    analysis = time.perf_counter() - started - 2 * without
    return max(0.0, analysis), without / len(sample.rows("test"))


def _mean(speeds: Sequence[Speed]) -> Speed:
    """Return the mean of every number."""

    def of(values: Sequence[Any]) -> Any:
        if isinstance(values[0], Mapping):
            return {key: fmean(value[key] for value in values) for key in values[0]}
        return fmean(values)

    return Speed(*(of([getattr(speed, one.name) for speed in speeds]) for one in fields(Speed)))
