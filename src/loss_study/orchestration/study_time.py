"""How long a study takes on this machine: the trainings of each round, times what was measured of one."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loss_study.config import Config, SampleConfig
from loss_study.data.packed import split_of
from loss_study.heads import JOINT
from loss_study.orchestration.speed import Speed
from loss_study.orchestration.tasks import pairs_to_train
from loss_study.sampling.pack import Drawn

#: Seconds beside the work itself, in starts of a process (`Machine.start`): these, too, are Python that imports things.
#: Taken from one study of 129 trainings, see docs/scale.md. Before the first round, without the reading of images; ...
BEFORE = 5.0
#: ... of a stage that trains or evaluates, with DVC around it; between two rounds; ...
STAGE, BETWEEN = 1.5, 4.0
#: ... of the report and the runs in MLflow, and of each trial in them.
REPORT, REPORT_TRIAL = 5.0, 0.1

#: How many seeds each head and loss trains in a round.
Round = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Images:
    """How many images the packed sample has of each split, and how many are read for it, backgrounds included."""

    train: int
    validation: int
    test: int
    read: int

    @classmethod
    def of(cls, drawn: Drawn, sample: SampleConfig) -> Images:
        """Count what was drawn for `sample`; with folds the splits are those of the first one."""
        splits = [split_of(part, 0, sample.folds) for part in drawn.part] if sample.folds > 1 else drawn.split
        count = Counter(splits)
        backgrounds = {item.background for item in drawn.items} - {None}
        return cls(count["train"], count["validation"], count["test"], len(drawn.items) + len(backgrounds))


@dataclass(frozen=True)
class Machine:
    """Seconds until a process has imported torch and this project; processes at once in trainings, and in reading."""

    start: float
    jobs: int
    cores: int


def every_loss(config: Config) -> list[Round]:
    """Return the rounds of a study in which no loss is dropped and nothing is decided before the last one."""
    pairs = pairs_to_train(config)
    return [dict.fromkeys(pairs, len(seeds)) for seeds in config.rounds]


def answers(config: Config, images: Images, speed: Speed, machine: Machine, rounds: Sequence[Round]) -> list[float]:
    """Return the seconds from the beginning of the study to the answer after each of `rounds`.

    The first round begins with the searches and the parents. Trainings and evaluations are spread over the jobs; beside
    those of a later round, the rounds before it are compared.
    """
    recipe, start = config.recipe, machine.start
    now = BEFORE * start + images.read * speed.image / machine.cores
    if recipe.continues:
        parents = [
            config.sample.folds * _training((head, config.losses[0]), recipe.parent.epochs, images, speed)
            for head in config.loss.heads
        ]
        # DVC trains the parents one after the other.
        now += sum(parents) + len(parents) * STAGE * start
    found, trials = [], 0
    for number, seeds in enumerate(rounds):
        tasks = [
            STAGE * start + count * _training(pair, recipe.all_epochs, images, speed) for pair, count in seeds.items()
        ]
        if number == 0:
            tasks = [
                task + len(recipe.search.lr) * _training(pair, recipe.search.epochs, images, speed)
                for task, pair in zip(tasks, seeds, strict=True)
            ]
        else:
            now += BETWEEN * start
            tasks.insert(0, _report(trials, start))
        now += spread(tasks, machine.jobs)
        trials += sum(seeds.values())
        now += spread(_evaluations(config, images, speed, machine, seeds, first=number == 0), machine.jobs)
        found.append(now + _report(trials, start))
    return found


def spread(tasks: Iterable[float], jobs: int) -> float:
    """Return the seconds until all `tasks` are done, each by the first of the jobs that is free."""
    ends = [0.0] * jobs
    for task in tasks:
        heapq.heapreplace(ends, ends[0] + task)
    return max(ends)


def _training(pair: tuple[str, str], epochs: int, images: Images, speed: Speed) -> float:
    epoch = images.train * speed.training[pair] + images.validation * speed.validation[pair]
    return speed.trial + epochs * epoch


def _evaluations(
    config: Config, images: Images, speed: Speed, machine: Machine, seeds: Round, *, first: bool
) -> list[float]:
    """Return the seconds of the evaluation of each head; a joint training is measured on all of them."""
    found = []
    for head in config.loss.heads:
        counts = [count for (of, _), count in seeds.items() if of in (head, JOINT)]
        once = len(counts) * speed.analysis if first else 0.0
        found.append(STAGE * machine.start + once + sum(counts) * images.test * speed.evaluation[head])
    return found


def _report(trials: int, start: float) -> float:
    return (REPORT + REPORT_TRIAL * trials) * start
