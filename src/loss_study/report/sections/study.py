"""What is compared, on which data, in which time, and what would change the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.report.sections.learning_rates import HeadSearch
from loss_study.report.sections.provenance import splits
from loss_study.statistics.ranking import Ranking
from loss_study.statistics.results import Result, read_json
from loss_study.statistics.sentences import at_least, at_most, listed
from loss_study.trial import parent_dir


@dataclass(frozen=True)
class StudyFacts:
    """Sentences on the study as a whole; `failures` is "" where no trial failed."""

    estimand: list[str]
    data: list[str]
    time: list[str]
    changes: list[str]
    failures: str


def study_facts(
    config: Config,
    results: Sequence[Result],
    rankings: Sequence[Ranking],
    sample: PackedSample,
    searches: Sequence[HeadSearch],
) -> StudyFacts:
    """Return what holds for all heads; `rankings` are those on the headline metrics."""
    return StudyFacts(
        estimand(rankings, config),
        data(config, sample),
        [time(results, searches, parents(config)), *rounds(rankings)],
        changes(rankings, config, searches),
        failures(results),
    )


def protocol(config: Config) -> list[str]:
    """Return what every loss continues from, and that it is one draw; nothing where all start from random weights."""
    if not config.recipe.continues:
        return []
    parent, more = config.recipe.parent, config.recipe.all_epochs
    each = [name for name, several in (("head", len(config.loss.heads)), ("fold", config.sample.folds)) if several > 1]
    number = f"one parent network{f' for each {listed(each)}' if each else ''}"
    return [
        f"The question is which loss should finish a training: from {number}, trained for "
        f"{_count(parent.epochs, 'epoch')} with {parent.loss}, every loss continues for {more} more.",
        "The parent is one draw that no interval contains: from another one the answer may be another.",
    ]


def estimand(rankings: Sequence[Ranking], config: Config) -> list[str]:
    """Return what the intervals are about, what is random in them, and what is not.

    Where only some heads have more than one sound trial of a loss, this is about these; `sentences.caveats` is about
    the others.
    """
    rankings = [ranking for ranking in rankings if not ranking.of_networks] or rankings
    metrics = listed([f"{ranking.head} {ranking.metric.label}" for ranking in rankings])
    known = [name for name in ("objects", "backgrounds") if all(getattr(ranking, name) > 1 for ranking in rankings)]
    images = "on new images"
    group = next(iter(rankings)).object_name
    images += f" of new {group}s" if "objects" in known else ""
    images += " before new backgrounds" if "backgrounds" in known else ""
    random = [f"{group}s" if name == "objects" else name for name in known] or ["test images"]
    continued, draw = protocol(config)[:1], protocol(config)[1:]
    searched = bool(config.recipe.search.lr)
    if all(ranking.of_networks for ranking in rankings):
        return [
            *continued,
            f"Compared is the mean {metrics} that each of these trained networks reaches {images} of the same kind.",
            "On this page the name of a loss stands for the one network that was trained with it.",
            f"Random, and in the intervals: {listed(random)}. Not in them: other seeds, learning rates and training "
            "images.",
            *draw,
        ]
    rate = "the learning rate that the search chooses for it" if searched else "the learning rate of the recipe"
    fixed = ["the search for the learning rate"] if searched else []
    folds = next(iter(rankings)).folds
    choice = (
        f"other training images than those of the {folds} folds" if folds > 1 else "the choice of the training images"
    )
    start = "from the parent and a new seed" if continued else "from a new seed"
    return [
        *continued,
        f"Compared is the mean {metrics} that a network reaches which is trained with a loss, at {rate}, {start}, "
        f"{images} of the same kind.",
        f"Random, and in the intervals: {listed(['seeds', *random])}. Not in them: {listed([*fixed, choice])}.",
        *_successes(rankings),
        *draw,
    ]


def _successes(rankings: Sequence[Ranking]) -> list[str]:
    if any(row.failed for ranking in rankings for row in ranking.compared):
        return []
    return ["The question leaves out trainings that fail: none of a compared loss did; a later one may."]


def data(config: Config, sample: PackedSample) -> list[str]:
    """Return the dataset, the sizes of the splits that count, and the size of the images."""
    if sample.folds > 1:
        return [_of_folds(config, sample), _size(sample)]
    of_split = {split["split"]: split for split in splits(sample)}
    test = of_split["test"]
    objects = f" of {_count(test['objects'], sample.group)}" if test["objects"] else ""
    backgrounds = f" before {_count(test['backgrounds'], 'background')}" if test["backgrounds"] else ""
    return [
        f"{config.dataset.title}: {_count(of_split['train']['images'], 'training image')}, "
        f"{_count(test['images'], 'test image')}{objects}{backgrounds}.",
        _size(sample),
    ]


def _of_folds(config: Config, sample: PackedSample) -> str:
    columns = {"object": sample.group, "background": "background"}
    named = {name: len({row[key] for row in sample.index if row[key]}) for key, name in columns.items()}
    counts = [_count(len(sample.index), "image"), *(_count(count, name) for name, count in named.items() if count)]
    return (
        f"{config.dataset.title}: {listed(counts)} in {sample.folds} folds; each fold tests about one image in "
        f"{sample.folds} and trains on about {_count(len(sample.rows('train')), 'image')}."
    )


def _size(sample: PackedSample) -> str:
    side = sample.images.shape[1]
    return f"Metrics are computed at {side} x {side} pixels."


def parents(config: Config) -> list[float]:
    """Return the training time of every parent in ``parents/``, in seconds; none where losses start without one."""
    if not config.recipe.continues:
        return []
    folders = [parent_dir(head, fold) for head in config.loss.heads for fold in range(config.sample.folds)]
    return [found["seconds"] for folder in folders if (found := read_json(folder / "trial.json"))]


def time(results: Sequence[Result], searches: Sequence[HeadSearch], parents: Sequence[float] = ()) -> str:
    """Return how many trials, candidates of searches and parents trained, and for how long together.

    `parents` are training times in seconds.
    """
    # A joint training is a trial of each head, and one training.
    runs = {result.trial.run_dir: result.run for result in results}
    seconds = [run["seconds"] for run in runs.values() if "seconds" in run]
    found = [one for search in searches for one in search.found]
    tried = sum(len(one.values) for one in found)
    kinds = {"training": len(seconds), "search training": tried, "parent training": len(parents)}
    trainings = listed([_count(count, kind) for kind, count in kinds.items() if count or kind == "training"])
    total = sum(seconds) + sum(one.seconds for one in found) + sum(parents)
    return f"{trainings}, {duration(total)} of training time in total."


def rounds(rankings: Sequence[Ranking]) -> list[str]:
    """Return after which round each head was compared; nothing where one round was planned, or no trial is sound."""
    looks = {ranking.head: ranking.look for ranking in rankings if ranking.look.planned > 1 and ranking.best}
    texts = [f"{head} after round {look.number} of at most {look.planned}" for head, look in looks.items()]
    return [f"Compared: {listed(texts)}."] if texts else []


def duration(seconds: float) -> str:
    """Return 50 as ``50 seconds`` and 500 as ``8 minutes``."""
    if seconds < 90:
        return _count(round(seconds), "second")
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def changes(rankings: Sequence[Ranking], config: Config, searches: Sequence[HeadSearch]) -> list[str]:
    """Return what would change the answer; a sentence that holds for all heads stands there once, first."""
    of_heads = {ranking.head: _changes(ranking) for ranking in rankings}
    common = [one for one in next(iter(of_heads.values()), []) if all(one in found for found in of_heads.values())]
    own = [f"{head}: {one}" for head, found in of_heads.items() for one in found if one not in common]
    return [*(f"{one[0].upper()}{one[1:]}" for one in [*common, *own]), *_rates(rankings, config, searches)]


def _changes(ranking: Ranking) -> list[str]:
    if len(ranking.compared) < 2:
        return []
    return [*_seeds(ranking), *_margin(ranking)]


def _seeds(ranking: Ranking) -> list[str]:
    """More seeds: what the next round would do, or that there is none."""
    if ranking.decided:
        return []
    if ranking.contenders:
        return [
            f"round {ranking.look.number + 1} of at most {ranking.look.planned} would train "
            f"{listed(ranking.contenders)}, up to {ranking.look.seeds[ranking.look.number]} seeds each."
        ]
    if ranking.of_networks:
        return ["with three sound trials or more of each loss the losses themselves can be compared (seeds)."]
    if not ranking.has_intervals:
        return []
    if ranking.regret_bound is None:
        return ["all planned seeds are used: with more of them (seeds, race.rounds) there can be a bound."]
    return ["all planned seeds are used: only more of them (seeds, race.rounds) or more test images narrow the bound."]


def _margin(ranking: Ranking) -> list[str]:
    """From which margin on the same trials would decide otherwise: that of the loss with the smallest bound."""
    metric = ranking.metric
    bound = min((row.regret_high for row in ranking.compared if row.regret_high is not None), default=None)
    if not bound or ranking.without_spread:
        return []
    if ranking.decided:
        if not float(at_least(metric, bound).split()[0]):
            return []
        return [f"with a margin below {metric.with_unit(at_least(metric, bound))} the question would be open."]
    return [f"with a margin of {metric.with_unit(at_most(metric, bound))} or more the question would be decided."]


def _rates(rankings: Sequence[Ranking], config: Config, searches: Sequence[HeadSearch]) -> list[str]:
    if all(len(ranking.compared) < 2 for ranking in rankings):
        return []
    if not searches:
        rate = f"{config.recipe.optimizer.lr:g}"
        return [f"All trained at the learning rate {rate}: with one for each loss the order may be another."]
    ends = [f"{one.loss} ({search.head})" for search in searches for one in search.on_the_edge]
    return [f"The search points beyond its grid, where a better value may be, for {listed(ends)}."] if ends else []


def failures(results: Sequence[Result]) -> str:
    """Return how many trials failed, and how, and of how many there is no result; "" where all are sound."""
    missing = sum(result.missing for result in results)
    kinds = [result.failure.partition(":")[0] for result in results if not result.sound and not result.missing]
    counted = [f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds))]
    failed = f"{len(kinds)} of {len(results)} trials failed: {', '.join(counted)}." if kinds else ""
    have = "has" if missing == 1 else "have"
    without = f"{missing} of {len(results)} trials {have} no result." if missing else ""
    return f"{failed} {without}".strip()


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
