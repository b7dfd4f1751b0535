"""How wrong the time is that ``loss-study fit-scale`` says: ``python benchmarks/forecast.py [--jobs 2] scale=smoke``.

Measures this machine as that command does, runs the study in a temporary copy of the working tree, and compares what
it took with what is computed for the trainings that its rounds came to. With ``--folder`` the copy is there, and stays.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from loss_study import datasets
from loss_study.config import Config
from loss_study.config.composition import composed
from loss_study.orchestration.fit_scale import images_of
from loss_study.orchestration.project_copy import ProjectCopy
from loss_study.orchestration.speed import Meter
from loss_study.orchestration.study_time import Images, Machine, Round, answers
from loss_study.orchestration.tasks import pairs_to_train
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.runtime.processes import cores
from loss_study.runtime.progress import duration
from loss_study.sampling.pack import draw
from loss_study.trial import DECISIONS

ROOT = Path(__file__).parent.parent


def trained(config: Config, study: Path) -> list[Round]:
    """Return how many seeds each head and loss has trained in each round of the study in the folder `study`."""
    files = {pair: f"{pair[0]}/{pair[1]}.json" for pair in pairs_to_train(config)}
    found = []
    for number in range(1, len(config.rounds) + 1):
        decided = {pair: study / DECISIONS / str(number) / file for pair, file in files.items()}
        seeds = {pair: len(json.loads(path.read_text())["seeds"]) for pair, path in decided.items() if path.exists()}
        found.append({pair: count for pair, count in seeds.items() if count})
    return [one for one in found if one]


def main() -> None:
    """Measure, run, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the study runs, and stays; must not exist")
    parser.add_argument("choices", nargs="*", default=["scale=smoke"])
    arguments = parser.parse_args()
    if arguments.folder is not None and arguments.folder.exists():
        raise StudyError(f"{arguments.folder} exists; the time of a study that goes on would say nothing")
    config = composed(arguments.choices)
    with images_of(config.dataset) as path, Meter(arguments.jobs) as meter:
        machine = Machine(meter.start, arguments.jobs, cores())
        images = Images.of(draw(datasets.open_chosen(config.dataset, path), config.sample), config.sample)
        started = time.perf_counter()
        speed = meter.measure(config, path)
        measured = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as temporary:
        study = ProjectCopy.of(ROOT, arguments.folder or Path(temporary), arguments.choices)
        started = time.perf_counter()
        study.run("loss-study", "run", "--jobs", str(arguments.jobs))
        seconds = time.perf_counter() - started
        rounds = trained(config, study.folder)
    found = answers(config, images, speed, machine, rounds)[-1]
    trials = sum(sum(one.values()) for one in rounds)
    print(
        f"{' '.join(arguments.choices)}, {arguments.jobs} at once: measured for {duration(measured)}; computed for "
        f"{trials} trials {duration(found)}, took {duration(seconds)}: {found / seconds - 1:+.0%}"
    )


if __name__ == "__main__":
    run_stage(main)
