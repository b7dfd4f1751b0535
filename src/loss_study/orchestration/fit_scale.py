"""Choose the largest scale whose study fits a time on this machine; then ``scale=auto`` stands for it.

Measures for some seconds at each scale, from small to large, how fast this machine reads images, trains and evaluates,
and says how long each study would take. Starts no study.
"""

from __future__ import annotations

import argparse
import math
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loss_study import datasets
from loss_study.checks.check import check_choices
from loss_study.config import Config, DatasetConfig, fitted
from loss_study.config.composition import composed
from loss_study.download.prepare import prepare
from loss_study.download.source import prepared
from loss_study.orchestration.local import at_once
from loss_study.orchestration.speed import Meter
from loss_study.orchestration.study_time import Images, Machine, answers, every_loss
from loss_study.report.sections import scale_evidence
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import temporary_folder
from loss_study.runtime.processes import cores
from loss_study.runtime.progress import duration
from loss_study.sampling.make import SOURCE
from loss_study.sampling.pack import draw

#: From small to large: number of images, epochs, image size and width grow together, see docs/scale.md.
SCALES = ("small", "quick", "large", "larger")
#: Rounds that have to fit: after the first one, of three seeds, hardly any question is decided (docs/scale.md).
LEAST_ROUNDS = 2


@dataclass(frozen=True)
class Option:
    """A scale, its configuration, and the seconds to the answer after each round, if every loss trains in all."""

    scale: str
    config: Config
    images: Images
    answers: list[float]

    def rounds(self, limit_s: float) -> int:
        """Return how many rounds surely end within `limit_s` seconds."""
        return sum(answer <= limit_s for answer in self.answers)

    def enough(self, limit_s: float) -> bool:
        """Say whether so many fit that the question may be decided."""
        return self.rounds(limit_s) >= min(LEAST_ROUNDS, len(self.answers))

    def seeds(self, rounds: int) -> list[int]:
        """Return the seeds of the first `rounds`."""
        return [seed for seeds in self.config.rounds[:rounds] for seed in seeds]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the time and the choices."""
    parser.add_argument("--minutes", type=float, required=True, help="that the study may take")
    parser.add_argument("--jobs", type=int, default=0, help="trainings at once; 0 (default): one per core, at most 4")
    parser.add_argument("choices", nargs="*", help="of the study, but for its scale: dataset=pets 'loss=[dice]'")


def main(arguments: argparse.Namespace) -> None:
    """Measure, choose, write what ``scale=auto`` stands for, and say all of it."""
    choices, limit_s = arguments.choices, 60 * arguments.minutes
    if any(word.startswith("scale=") for word in choices):
        raise StudyError("fit-scale chooses the scale: leave 'scale=' out")
    jobs = at_once(arguments.jobs)
    options = measured(choices, jobs, limit_s)
    chosen, rounds = choose(options, limit_s)
    why = reasons(chosen, rounds, limit_s)
    fitted.write(chosen.scale, chosen.seeds(rounds), "\n".join(why))
    print(*why, "", "to run it:", "", f"  {command(choices, arguments.jobs)}", sep="\n", flush=True)


def measured(choices: Sequence[str], jobs: int, limit_s: float) -> list[Option]:
    """Measure the scales from small to large, and print a line for each; none after one that takes too long.

    Raises:
        StudyError: the smallest study cannot be run, or its images are not here.
    """
    found: list[Option] = []
    with images_of(composed([*choices, f"scale={SCALES[0]}"]).dataset) as path, Meter(jobs) as meter:
        machine = Machine(meter.start, jobs, cores())
        for scale in SCALES:
            config = composed([*choices, f"scale={scale}"])
            try:
                check_choices(config)
            except StudyError as error:
                if not found:
                    raise
                print(f"{scale}  left out: {error}", flush=True)
                continue
            drawn = draw(datasets.open_chosen(config.dataset, path), config.sample)
            images, speed = Images.of(drawn, config.sample), meter.measure(config, path)
            found.append(Option(scale, config, images, answers(config, images, speed, machine, every_loss(config))))
            print(line(found[-1]), flush=True)
            if not found[-1].enough(limit_s):
                break
    return found


@contextmanager
def images_of(dataset: DatasetConfig) -> Iterator[Path]:
    """Yield where the images are, absolute; nothing is downloaded for a measurement."""
    if dataset.urls and not Path(dataset.path).is_dir():
        try:
            yield prepared(dataset, SOURCE).path.absolute()
        except StudyError:
            raise StudyError(
                f"dataset={dataset.name}: its images are not here yet; fetch them with 'loss-study compose "
                f"dataset={dataset.name}' and 'dvc repro download', then run the same command again"
            ) from None
        return
    with temporary_folder() as folder:
        prepare(dataset, folder / "source", folder / "downloads")
        yield prepared(dataset, folder / "source").path.absolute()


def choose(options: Sequence[Option], limit_s: float) -> tuple[Option, int]:
    """Return the largest of `options` of which enough rounds fit, else the smallest one, and how many of it fit.

    Raises:
        StudyError: not even the first round of the smallest one fits.
    """
    smallest = options[0]
    if not smallest.rounds(limit_s):
        needed = math.ceil(1.2 * smallest.answers[0] / 60)
        raise StudyError(
            f"--minutes {limit_s / 60:g}: the first answer at scale={smallest.scale} takes about "
            f"{duration(smallest.answers[0])}; give it --minutes {needed}"
        )
    chosen = next((one for one in reversed(options) if one.enough(limit_s)), smallest)
    return chosen, chosen.rounds(limit_s)


def line(option: Option) -> str:
    """Return what a study at a scale consists of, and how long it takes."""
    recipe, size = option.config.recipe, option.config.sample.size
    first, *_, last = option.answers * 2
    return (
        f"{option.scale:8}{option.images.train:>7} training images of {size} px, {recipe.all_epochs} epochs: first "
        f"answer after {duration(first)}, all {len(option.answers)} rounds after at most {duration(last)}"
    )


def reasons(chosen: Option, rounds: int, limit_s: float) -> list[str]:
    """Return what was chosen, why, and how long it will take."""
    planned, seeds = len(chosen.answers), len(chosen.seeds(rounds))
    of_rounds = f"{rounds} of its {planned} rounds" if planned > 1 else "its one round"
    fit = "fits" if rounds == 1 else "fit"
    enough = "the smallest scale; of no larger one would enough rounds fit"
    if chosen.enough(limit_s):
        enough = f"the largest scale of which {LEAST_ROUNDS} rounds fit" if planned > 1 else "the largest that fits"
    return [
        f"scale=auto is {chosen.scale} with {seeds} seed{'' if seeds == 1 else 's'}: in {limit_s / 60:g} minutes "
        f"{of_rounds} {fit}. It is {enough}.",
        f"The first answer comes after about {duration(chosen.answers[0])}, the last one after at most about "
        f"{duration(chosen.answers[rounds - 1])}; earlier where a loss is out of reach or the question is decided.",
        *scale_evidence.sentences(chosen.config),
    ]


def command(choices: Sequence[str], jobs: int) -> str:
    """Return what starts the study; the number of its rounds is chosen already, so there is no limit in minutes."""
    words = shlex.join(["scale=auto", *choices])
    return f'make study CHOICES="{words}" MINUTES=0' + (f" JOBS={jobs}" if jobs else "")
