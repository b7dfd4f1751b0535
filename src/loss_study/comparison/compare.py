"""A study in one process: the functions that the stages of dvc.yaml call, in the same order, in a temporary folder."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from loss_study import datasets, decisions
from loss_study.checks.check import check_choices
from loss_study.choices import imported
from loss_study.comparison.chosen_losses import Chosen, chosen
from loss_study.comparison.configuration import configuration
from loss_study.comparison.result import Comparison
from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.evaluation.evaluate import evaluate_trials
from loss_study.inspection.inspect import inspect as look_at
from loss_study.report.build import build
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import temporary_folder, whole_folder
from loss_study.runtime.progress import duration
from loss_study.sampling.pack import pack
from loss_study.statistics import results
from loss_study.statistics.ranking import rank_all
from loss_study.training.seeds import train_seeds
from loss_study.trial import SAMPLE, Trial, decided_seeds, heads_and_losses

INSPECTION = Path("data/inspection")


def compare(
    losses: Iterable[Chosen] | Mapping[str, Chosen],
    dataset: Any,
    model: str | Callable[..., nn.Module] = "resunet",
    *,
    model_options: Mapping[str, Any] | None = None,
    heads: Sequence[str] = ("mask",),
    class_names: Sequence[str] = (),
    images: int = 800,
    size: int = 64,
    seeds: int = 20,
    recipe: Mapping[str, Any] | None = None,
    sample: Mapping[str, Any] | None = None,
    margin: Mapping[str, float] | None = None,
) -> Comparison:
    """Train `model` with each of `losses` on `dataset`, and return which one to use, and how sure that is.

    As ``make study`` does: the images are packed once; each loss finds its learning rate; then all train from the same
    seeds, in rounds, until no loss can be better than the choice by more than the margin.

    Args:
        losses: names ("dice"), this project's modules (``losses.Dice(smooth=0.1)``), or other ``nn.Module``s, classes
            and functions of logits and ground truth; as a list, or a dict of names. How others are called is found by
            trying, see `loss_study.losses.shared.imported`.
        dataset: a ``torch.utils.data.Dataset``, or a dict of three, train, validation and test. Its items are (image,
            mask), (image, depth), (image, mask, depth) or dicts of these, see
            `loss_study.datasets.indexed.arrays.example`; they are not augmented or normalised, the study does that. An
            attribute ``groups``, the patient or scene of every item, keeps groups in one split.
        model: a name of ours, or a class or function that makes a new network for each trial. It is called with
            ``in_channels`` (3), ``classes`` (logits per pixel) and ``heads``, as far as it takes them.
        model_options: further arguments of the model.
        heads: "mask", "depth" or both, those that the items have ground truth for.
        class_names: of a mask of several classes, in the order of their numbers; none for one class.
        images: at most so many are used.
        size: side that images are stretched to, in pixels, a multiple of 16.
        seeds: at most so many for each loss. With 1 there is one round, and the answer is about those networks.
        recipe: sections of the recipe that differ from the defaults, as in ``conf/recipe/``: ``{"epochs": 20,
            "batch_size": 8, "search": {"lr": []}, "optimizer": {"lr": 0.003}}``.
        sample: the same of the sample, as in ``conf/config.yaml``: ``{"test": 0.3, "folds": 5}``.
        margin: by how much losses may differ and count as equivalent: ``{"mask": 0.02, "depth": 0.05}``.

    Raises:
        StudyError: something that is not valid, or fails on two images. The message is one line.
    """
    losses_of_study = chosen(losses)
    objects = {**losses_of_study.theirs, "dataset": _opener(dataset)}
    model_name, options = model if isinstance(model, str) else "imported", dict(model_options or {})
    if not isinstance(model, str):
        objects["model"] = _factory(model, Path.cwd())
    with imported.given(objects) as paths, _own_folder():
        if "model" in paths:
            options[imported.TARGET] = paths["model"]
        config = configuration(
            losses_of_study,
            paths,
            model=model_name,
            model_options=options,
            heads=heads,
            class_names=class_names,
            seeds=seeds,
            sample={"images": images, "size": size, **(sample or {})},
            recipe=recipe or {},
            margin=margin or {},
        )
        return study(config)


def study(config: Config) -> Comparison:
    """Run the study `config` in the working directory."""
    check_choices(config)
    source = datasets.open_chosen(config.dataset, Path(config.dataset.path))
    pack(source, SAMPLE, config.dataset, config.sample)
    findings, sheet = look_at(source, config.dataset, config.sample)
    with whole_folder(INSPECTION) as folder:
        findings.write(folder, sheet)
    packed = PackedSample.open(SAMPLE)
    training = dict.fromkeys(map(str, config.loss.heads), config.losses)
    for number in range(1, len(config.rounds) + 1):
        decisions.write(config, number, training)
        _train_round(config, packed, number)
        found = results.read(config, through=number)
        rankings = rank_all(found, config)
        if number < len(config.rounds):
            training = decisions.contenders(config, number + 1)
        if not any(training.values()):
            break
    return Comparison(config, rankings, build(config, found, rankings, packed))


def _train_round(config: Config, sample: PackedSample, number: int) -> None:
    wanted = {(head, loss): decided_seeds(number, head, loss) for head, loss in heads_and_losses(config)}
    trials, total, started = [], sum(map(len, wanted.values())), time.monotonic()
    for (head, loss), seeds in wanted.items():
        if seeds:
            train_seeds(head, loss, config, sample, seeds=seeds, number=number)
            trials += [Trial(head, loss, seed, number) for seed in seeds]
            left = (time.monotonic() - started) / len(trials) * (total - len(trials))
            of = f"round {number} of at most {len(config.rounds)}"
            print(f"compare  {len(trials)} of {total} trainings of {of}, {duration(left)} left of it", flush=True)
    evaluate_trials(trials, sample, analysed=heads_and_losses(config) if number > 1 else ())


def _opener(dataset: Any) -> Callable[[], Any]:
    """Return what gives `dataset`, called as it is."""

    def open_it() -> Any:
        return dataset

    first = next(iter(dataset.values()), None) if isinstance(dataset, Mapping) else dataset
    open_it.__module__, open_it.__qualname__ = type(first).__module__, type(first).__qualname__
    return open_it


def _factory(model: Callable[..., nn.Module], home: Path) -> Callable[..., nn.Module]:
    """Return `model`, called in the folder `home`, which its files may be relative to."""
    if isinstance(model, nn.Module) or not callable(model):
        raise StudyError(
            f"model: {type(model).__name__} is not a class or function; every trial starts from new weights, so give "
            "what makes the network: lambda: MyNet(...)"
        )

    @functools.wraps(model)
    def make(*arguments: Any, **options: Any) -> nn.Module:
        with chdir(home):
            return model(*arguments, **options)

    make.__dict__["__signature__"] = inspect.signature(model)
    return make


@contextmanager
def _own_folder() -> Iterator[None]:
    """Work in a temporary folder; then torch's generator and its number of threads are what they were."""
    threads = torch.get_num_threads()
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, threads)
        stack.enter_context(torch.random.fork_rng())
        stack.enter_context(chdir(stack.enter_context(temporary_folder())))
        yield
