"""Write docs/scale.md and its charts from the results of the rungs, and the table that a study's page quotes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import beyond
import evidence
import fits
import gpu
import ladder
import larger
import overview
import plan
from beyond import Beyond
from charts import draw, draw_judged
from fits import Growth
from ladder import Answer, Step
from overview import Judged
from plan import Ladder, Plan

from loss_study import metrics
from loss_study.config.composition import composed
from loss_study.heads import HEADS
from loss_study.metrics import Metric
from loss_study.report.sections import scale_evidence
from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import whole_text, write_csv
from loss_study.runtime.progress import duration
from loss_study.runtime.templates import markdown
from loss_study.statistics.sentences import at_least, at_most

PAGE = Path("../docs/scale.md")
CHARTS = Path("../docs/scale")
EVIDENCE = Path("../src/loss_study/report/sections/scale_evidence.csv")
#: What the images of a dataset are.
WHAT = {
    "scenes": "rendered by the project, with masks and depth maps",
    "composites": "121 cut-out photographs on 62 photographs of backgrounds, with the depth of a ground plane",
    "pets": "150 photographs of Oxford-IIIT Pets, masks only; with so few there is no ladder of images",
}
#: Ladders that a dataset has too few images for.
WITHOUT = {"pets": ("images",)}
#: What curves are fitted against.
UNITS = {"images": "training images", "compute": "images times epochs"}
#: The smallest scales of conf/scale, of which the last is the default.
SCALES = ("small", "default")
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
    growth: Growth | None
    beyond: Beyond | None
    sentences: list[str]


def main() -> None:
    """Read the results, draw the charts, write the page."""
    chosen = plan.load()
    plans = chosen.datasets()
    sections = [section for one in plans for section in _sections(one)]
    shutil.rmtree(CHARTS, ignore_errors=True)
    for section in sections:
        draw(section.answers, section.metric, CHARTS / section.chart, section.growth)
    ranked_by = dict.fromkeys(section.metric.name for section in sections if section.steps)
    overviews = [_overview([one for one in sections if one.metric.name == name]) for name in ranked_by]
    missing = {one.dataset: _missing(one) for one in plans}
    templates = markdown(plan.HERE)
    templates.filters |= {"duration": duration, "at_most": _bound, "order": ladder.order}
    ladders_of_images = [one.beyond for one in sections if one.beyond]
    text = templates.get_template("page.md.j2").render(
        plan=chosen,
        overviews=overviews,
        crossings=overview.on_crossings([one.answers for one in sections]),
        beyond=ladders_of_images,
        beyond_in_short=beyond.in_short(ladders_of_images),
        beyond_rows=beyond.rows(ladders_of_images),
        sections=sections,
        missing=missing,
        datasets=[_dataset(one) for one in plans],
        larger=_larger_studies(plans),
        scales=_scales(plans),
        choice=choice,
        regret=regret,
        full=f"{beyond.FULL_IMAGES:,}",
        gpu=gpu,
    )
    whole_text(PAGE, text)
    write_csv(EVIDENCE, [row for one in plans for row in evidence.rows(one, chosen)], scale_evidence.COLUMNS)
    print(f"{PAGE}: {len(chosen.rungs) - len(missing[chosen.dataset])} of {len(chosen.rungs)} rungs", flush=True)


def _missing(chosen: Plan) -> list[str]:
    """Return the rungs of a dataset's ladders that have not run."""
    without = WITHOUT.get(chosen.dataset, ())
    rungs = dict.fromkeys(rung for name, one in chosen.ladders.items() if name not in without for rung in one.rungs)
    return [rung for rung in rungs if not chosen.results(rung).exists()]


def _dataset(chosen: Plan) -> str:
    """Return what the images of a dataset are, how many trainings all its studies took, and how long."""
    ran = [found[0] for rung in chosen.rungs if (found := ladder.read(chosen.results(rung)))]
    what = f", {WHAT[chosen.dataset]}" if chosen.dataset in WHAT else ""
    studies = "1 study" if len(ran) == 1 else f"{len(ran)} studies"
    trainings, hours = sum(answer.trainings for answer in ran), sum(answer.seconds for answer in ran) / 3600
    return f"**{chosen.dataset}**{what}: {studies}, {trainings:,} trainings, {hours:.1f} hours of training time"


def _larger_studies(plans: Sequence[Plan]) -> dict[str, Any]:
    """Return which losses the larger studies of all datasets choose."""
    rows = [row for one in plans for row in larger.count(one.dataset, _larger(one))]
    return {"rows": rows, "losses": larger.losses(rows), "most_often": larger.most_often(rows)}


def _scales(plans: Sequence[Plan]) -> dict[str, Any]:
    """Return why the default scale is the default, and how often the first round was enough."""
    found = [_at_scales(one) for one in plans]
    answers = [answer for one in plans for rung in one.rungs for answer in ladder.read(one.results(rung))]
    seeds = len(composed([]).rounds[0])
    return {
        "on_default": overview.on_default({name: [one for own in found for one in own[name]] for name in SCALES}),
        "seeds": seeds,
        "on_first_round": overview.on_first_round(answers, seeds),
    }


def _at_scales(chosen: Plan) -> dict[str, list[Judged]]:
    """Return the choices of `SCALES` on a dataset, judged by every study that is larger than all of them.

    None of a dataset that lacks one of them.
    """
    judges = _larger(chosen) if all(chosen.results(scale).exists() for scale in SCALES) else []
    return {
        scale: [
            Judged(chosen.dataset, ladder.step(answer, judge))
            for answer in ladder.read(chosen.results(scale))
            for judge in judges
            if answer.head == judge.head
        ]
        for scale in SCALES
    }


def _larger(chosen: Plan) -> list[Answer]:
    """Return the answers of the studies that are larger than the default one."""
    ladders = [one.rungs for one in chosen.ladders.values() if SCALES[-1] in one.rungs]
    above = dict.fromkeys(rung for rungs in ladders for rung in rungs[rungs.index(SCALES[-1]) + 1 :])
    return [answer for rung in above for answer in ladder.read(chosen.results(rung))]


def _overview(sections: Sequence[Section]) -> dict[str, Any]:
    """Return what all ladders whose losses are ranked by one metric say, and draw it."""
    head, metric = sections[0].head, sections[0].metric
    judged = [Judged(section.dataset, step) for section in sections for step in section.steps]
    chart = f"{metric.name}.svg"
    draw_judged(judged, metric, CHARTS / chart)
    return {"head": head, "sentences": overview.sentences(metric, judged), "chart": chart}


def _bound(value: float | None, metric: Metric) -> str:
    return "-" if value is None else at_most(metric, value)


def choice(answer: Answer, metric: Metric) -> str:
    """Return what a study chooses, and the bound of its regret: ``dice (0.018)``."""
    if not answer.choice:
        return "none"
    return f"{answer.choice} ({_bound(answer.bound, metric)}{'' if answer.decided else ', not decided'})"


def regret(step: Step | None, metric: Metric) -> str:
    """Return the regret of a choice at the largest study: ``0.018 (0.000 to 0.041)``; "-" without a step to it."""
    if step is None:
        return "-"
    if step.worse is None or step.low is None or step.high is None:
        return "not compared there"
    return f"{metric.show(step.worse)} ({at_least(metric, step.low)} to {at_most(metric, step.high)})"


def _sections(chosen: Plan) -> Iterator[Section]:
    for name, one in chosen.ladders.items():
        answers = [answer for rung in one.rungs for answer in ladder.read(chosen.results(rung))]
        for head in HEADS:
            own = [answer for answer in answers if answer.head == head]
            if len(own) > 1:
                yield _section(chosen, name, own)


def _section(chosen: Plan, name: str, answers: list[Answer]) -> Section:
    """Return the section of the ladder `name`, from its `answers` of one head."""
    head, metric, steps = answers[0].head, metrics.find(answers[0].metric), ladder.steps(answers)
    grown = growth(chosen, name, answers)
    on_growth = grown.sentences() if grown else []
    return Section(
        dataset=chosen.dataset,
        ladder=chosen.ladders[name],
        head=head,
        metric=metric,
        answers=answers,
        steps=steps,
        chart=f"{chosen.dataset}-{name}-{head}.svg",
        growth=grown,
        beyond=_beyond(chosen, answers, grown),
        sentences=[*on_cheapest(metric, steps), *on_crossing(answers), *on_growth],
    )


def growth(chosen: Plan, name: str, answers: Sequence[Answer]) -> Growth | None:
    """Return how the answers of one ladder and head grow; None of too few of them, or where no curve is wanted."""
    fit = chosen.ladders[name].fit
    if not fit or len(answers) < fits.LEAST_RUNGS:
        return None
    epochs = [composed(chosen.choices(answer.rung)).recipe.epochs for answer in answers]
    passes = epochs if fit == "compute" else [1] * len(answers)
    x = [float(answer.images * times) for answer, times in zip(answers, passes, strict=True)]
    return fits.growth(metrics.find(answers[0].metric), x, UNITS[fit], answers)


def _beyond(chosen: Plan, answers: Sequence[Answer], grown: Growth | None) -> Beyond | None:
    """Return what lies beyond a ladder; of none but of images: more epochs of the same images say nothing of more."""
    if grown is None or not grown.laws or grown.unit != UNITS["images"]:
        return None
    return beyond.of_ladder(chosen.dataset, composed(chosen.choices(answers[-1].rung)), answers, list(grown.laws))


def on_cheapest(metric: Metric, steps: Sequence[Step]) -> list[str]:
    """Return which smaller study was the cheapest with a choice within each of `LIMITS`; nothing without a margin."""
    margin = steps[0].large.margin if steps else None
    if margin is None:
        return []
    told = {}
    for share in LIMITS:
        sure = ladder.cheapest(steps, share * margin)
        if sure is not None:
            limit = metric.with_unit(at_most(metric, share * margin))
            told.setdefault(
                sure.small.rung,
                f"The cheapest study whose choice is surely within {limit} of the best compared loss of "
                f"`{sure.large.rung}` is `{sure.small.rung}`.",
            )
    limit = metric.with_unit(at_least(metric, margin))
    return list(told.values()) or [
        f"Of no smaller study is the choice surely within {limit} of the best compared loss of `{steps[0].large.rung}`."
    ]


def on_crossing(answers: Sequence[Answer]) -> list[str]:
    """Return where the losses surely cross; nothing where that is not shown."""
    return [
        f"The losses cross between `{small.rung}` and `{large.rung}`: with 95 % confidence each, {large.choice} is "
        f"not the best at the first, and {small.choice} not at the second."
        for small, large in filter(None, [ladder.crossing(answers)])
    ]


if __name__ == "__main__":
    run_stage(main)
