"""Write docs/scale.md and its charts from the results of the rungs, and the table that a study's page quotes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fits
import gpu
import ladder
import overview
import plan
from charts import draw, draw_curves, draw_judged
from fits import Curves
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from ladder import Answer, Step
from overview import Judged
from plan import Ladder, Plan

from loss_study import metrics
from loss_study.config import Config
from loss_study.config.composition import composed
from loss_study.heads import HEADS
from loss_study.metrics import Metric
from loss_study.report.sections import scale_evidence
from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import whole_text, write_csv
from loss_study.runtime.progress import duration
from loss_study.statistics.sentences import at_least, at_most, listed

PAGE = Path("../docs/scale.md")
CHARTS = Path("../docs/scale")
EVIDENCE = Path("../src/loss_study/report/sections/scale_evidence.csv")
#: The original data: images, and the side at which its author wanted to train.
FULL_IMAGES, FULL_SIZE = 400_000, 224
#: What curves are fitted against.
UNITS = {"images": "training images", "compute": "images times epochs"}
#: A choice is good where its regret is within the margin, very good where it is within half of it.
LIMITS = (0.5, 1.0)


@dataclass(frozen=True)
class Section:
    """One ladder on one head of a dataset, as the page shows it."""

    dataset: str
    ladder: Ladder
    head: str
    metric: Metric
    answers: list[Answer]
    steps: list[Step]
    chart: str
    sentences: list[str]
    beyond: Beyond | None


@dataclass(frozen=True)
class Beyond:
    """What curves through the answers of one ladder and head say of more images than were trained with.

    Attributes:
        x: of each answer: its training images, or these times epochs.
        at: x of the full number of images, which is `what`.
        unit: of x.
        curves: of each loss.
        cost: what one training of the full number of images at the full size would take, in sentences.
        chart: the name of its file.
    """

    x: list[float]
    at: float
    what: str
    unit: str
    curves: Mapping[str, Curves]
    cost: list[str]
    chart: str

    def sentences(self, metric: Metric) -> list[str]:
        """Return what the curves and the cost are."""
        return [*fits.sentences(metric, self.curves, self.at, self.what, self.unit), *self.cost]


def main() -> None:
    """Read the results, draw the charts, write the page."""
    chosen = plan.load()
    shutil.rmtree(CHARTS, ignore_errors=True)
    sections = [section for one in chosen.datasets() for section in _sections(one)]
    for section in sections:
        _draw(section)
    templates = Environment(
        loader=FileSystemLoader(plan.HERE),
        undefined=StrictUndefined,
        autoescape=select_autoescape(),
        keep_trailing_newline=True,
    )
    templates.filters |= {"duration": duration, "at_most": _bound}
    template = templates.get_template("page.md.j2")
    missing = {one.dataset: _missing(one) for one in chosen.datasets()}
    ranked_by = dict.fromkeys(section.metric.name for section in sections if section.steps)
    overviews = [_overview([one for one in sections if one.metric.name == name]) for name in ranked_by]
    whole_text(PAGE, template.render(plan=chosen, overviews=overviews, sections=sections, missing=missing))
    write_csv(EVIDENCE, [row for one in chosen.datasets() for row in evidence(one, chosen)], scale_evidence.COLUMNS)
    print(f"{PAGE}: {len(chosen.rungs) - len(missing[chosen.dataset])} of {len(chosen.rungs)} rungs", flush=True)


def _missing(chosen: Plan) -> list[str]:
    return [rung for rung in chosen.rungs if not chosen.results(rung).exists()]


def _draw(section: Section) -> None:
    label = section.metric.label_with_unit
    draw(section.answers, label, CHARTS / section.chart)
    if found := section.beyond:
        draw_curves(section.answers, found.x, found.curves, found.at, (found.unit, label), CHARTS / found.chart)


def _overview(sections: Sequence[Section]) -> dict[str, Any]:
    """Return what all ladders whose losses are ranked by one metric say, and draw it."""
    head, metric = sections[0].head, sections[0].metric
    judged = [Judged(section.dataset, step) for section in sections for step in section.steps]
    chart = f"{metric.name}.svg"
    draw_judged(judged, metric.short_label, CHARTS / chart)
    return {"head": head, "sentences": overview.sentences(metric, judged), "chart": chart}


def _bound(value: float | None, metric: Metric) -> str:
    return "-" if value is None else at_most(metric, value)


def _sections(chosen: Plan) -> Iterator[Section]:
    for name, one in chosen.ladders.items():
        answers = [answer for rung in one.rungs for answer in ladder.read(chosen.results(rung))]
        for head in HEADS:
            own = [answer for answer in answers if answer.head == head]
            if len(own) > 1:
                metric = metrics.find(own[0].metric)
                steps = ladder.steps(own)
                told = sentences(metric, steps)
                further = beyond(chosen, name, head, own)
                chart = f"{chosen.dataset}-{name}-{head}.svg"
                yield Section(chosen.dataset, one, head, metric, own, steps, chart, told, further)


def beyond(chosen: Plan, name: str, head: str, answers: Sequence[Answer]) -> Beyond | None:
    """Return what curves through the answers of one ladder and head say; None of too few answers or no such ladder."""
    fit = chosen.ladders[name].fit
    if not fit or len(answers) < fits.LEAST_RUNGS:
        return None
    configs = [composed(chosen.choices(answer.rung)) for answer in answers]
    epochs = [config.recipe.epochs for config in configs]
    passes = epochs if fit == "compute" else [1] * len(answers)
    x = [float(answer.images * times) for answer, times in zip(answers, passes, strict=True)]
    what = f"{FULL_IMAGES:,} training images" + (f" and {epochs[-1]} epochs" if fit == "compute" else "")
    curves = fits.of_losses(metrics.find(answers[0].metric), x, answers)
    return Beyond(
        x,
        FULL_IMAGES * passes[-1],
        f"{what} of {configs[-1].sample.size} px",
        UNITS[fit],
        curves,
        cost(configs[-1], answers[-1]),
        f"{chosen.dataset}-{name}-{head}-curves.svg",
    )


def cost(config: Config, largest: Answer) -> list[str]:
    """Return what a training as in the `largest` study, with its `config`, would take at full size."""
    epochs, searched = config.recipe.epochs, config.recipe.search.epochs
    passes = epochs * largest.trials + searched * (largest.trainings - largest.trials)
    each = largest.seconds * epochs / passes
    core = fits.hours(each, largest.images, config.sample.size, at_images=FULL_IMAGES, at_size=FULL_SIZE)
    best = gpu.hours(config, FULL_IMAGES, FULL_SIZE)
    return [
        f"A training of {FULL_IMAGES:,} images at {FULL_SIZE} px would take {core:,.0f} hours of one core, computed "
        f"from the mean epoch of `{largest.rung}`, its images and its pixels.",
        f"One {gpu.NAME} would take at least {duration(3600 * best)}: computed from the arithmetic of its steps at "
        f"{gpu.ARITHMETIC / 1e12:.0f} TFLOP/s and their memory traffic at {gpu.BANDWIDTH / 1e12} TB/s, not measured.",
    ]


def evidence(chosen: Plan, own: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for every head of a rung that has run and every larger rung of a ladder, see `scale_evidence`.

    Args:
        chosen: of the dataset.
        own: of the dataset of params.yaml, the only one whose images are known.
    """
    answers = {rung: found for rung in chosen.rungs if (found := ladder.read(chosen.results(rung)))}
    configs = {rung: composed(chosen.choices(rung)) for rung in answers}
    for one in chosen.ladders.values():
        ran = [rung for rung in one.rungs if rung in answers]
        for position, rung in enumerate(ran):
            for larger in ran[position + 1 :]:
                yield from (
                    {
                        "rung": rung,
                        "dataset": chosen.dataset,
                        "images": scale_evidence.images(configs[rung]) if chosen == own else "",
                        "scale": scale_evidence.scale(configs[rung]),
                        "head": small.head,
                        "metric": small.metric,
                        "choice": small.choice,
                        "larger": larger,
                        "at": growth(small, large, configs[rung], configs[larger]),
                        "margin": large.margin,
                        "regret_high": ladder.step(small, large).high,
                    }
                    for small, large in zip(answers[rung], answers[larger], strict=True)
                    if small.choice
                )


def growth(small: Answer, large: Answer, config: Config, larger: Config) -> str:
    """Return what the larger study has more of: ``3.2 times the training images and 1.7 times the epochs``."""
    if config.model.name != larger.model.name:
        return f"another network, {larger.model.name}"
    width = [one.model.options.get("width", 1) for one in (config, larger)]
    ratios = {
        "the training images": large.images / small.images,
        "the epochs": larger.recipe.epochs / config.recipe.epochs,
        "the side of the images": larger.sample.size / config.sample.size,
        "the width of the network": width[1] / width[0],
    }
    return listed([f"{round(ratio, 1):g} times {what}" for what, ratio in ratios.items() if ratio != 1])


def sentences(metric: Metric, steps: Sequence[Step]) -> list[str]:
    """Return what the steps to the largest rung show; nothing of a step without a bound."""
    found = [sentence(metric, one) for one in steps if one.high is not None]
    margin = steps[0].large.margin if steps else None
    if margin is None:
        return found
    for share in LIMITS:
        sure = ladder.cheapest(steps, share * margin)
        limit = metric.with_unit(at_least(metric, share * margin))
        if sure is not None:
            found.append(
                f"The cheapest study whose choice is surely within {limit} of the best loss of `{sure.large.rung}` is "
                f"`{sure.small.rung}`."
            )
        elif share == LIMITS[-1]:
            found.append(f"Of no smaller study is the choice surely within {limit} of the best loss there.")
    return found


def sentence(metric: Metric, one: Step) -> str:
    """Return what the larger study says of the smaller one's choice; the step has bounds."""
    assert one.high is not None
    same = one.small.choice == one.large.choice
    told = "which it chooses, too" if same else f"which chooses {one.large.choice}"
    beaten = f", and at least {at_least(metric, one.low)}" if one.low else ""
    return (
        f"`{one.small.rung}` chooses {one.small.choice}. At `{one.large.rung}`, {told}, that loss is with 95 % "
        f"confidence at most {metric.with_unit(at_most(metric, one.high))} worse than the best one{beaten}."
    )


if __name__ == "__main__":
    run_stage(main)
