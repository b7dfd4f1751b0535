"""Write docs/original-recipe.md and its charts from the results of all datasets that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import answers
import charts
import expected
import findings
import mirrored
import plan
import reasons
from effects import LEVEL
from expected import Answer, Expected
from findings import WORDS, Measured
from plan import Experiment, Plan
from pool import Row
from reasons import Reason

import train
from loss_study.heads import JOINT
from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import whole_text
from loss_study.runtime.templates import markdown
from loss_study.statistics.results import read_csv

PAGE = Path("../docs/original-recipe.md")
FIGURES = plan.HERE / "figures"
#: What the images of a dataset are.
WHAT = {
    "scenes": "rendered by the project",
    "composites": "cut-out photographs of objects on photographs of backgrounds, with the depth of a ground plane",
}


@dataclass(frozen=True)
class Results:
    """What is there of a dataset: rows of the recipes, and of the networks that answer where masks are mirrored."""

    dataset: str
    rows: list[Row]
    of_answers: list[Row]


def main() -> None:
    """Read the results, write the page."""
    chosen = plan.load()
    found = [_read(chosen, dataset) for dataset in _datasets(chosen)]
    figures: dict[str, str] = {}
    text = (
        markdown(plan.HERE)
        .get_template("page.md.j2")
        .render(
            plan=chosen,
            datasets=[_dataset(chosen, one) for one in found],
            trainings=_trainings(chosen, found),
            questions=[_question(chosen, experiment, found, figures) for experiment in chosen.experiments],
            answers=[_answers(one.dataset, one.of_answers, figures) for one in found if one.of_answers],
            tolerance=expected.TOLERANCE,
            level=f"{100 * LEVEL:.0f} %",
        )
    )
    for old in FIGURES.glob("*.svg"):
        old.unlink()
    FIGURES.mkdir(exist_ok=True)
    for name, drawing in figures.items():
        whole_text(FIGURES / name, drawing)
    whole_text(PAGE, text)
    print(f"{PAGE}: {', '.join(one.dataset for one in found)}", flush=True)


def _datasets(chosen: Plan) -> list[str]:
    """Return the dataset of params.yaml and those that were measured before."""
    names = {path.stem.removesuffix("-answers") for path in (plan.HERE / "results").glob("*.csv")}
    return [chosen.dataset, *sorted(names - {chosen.dataset})]


def _read(chosen: Plan, dataset: str) -> Results:
    folder = plan.HERE / "results"
    rows = train.current(chosen, read_csv(folder / f"{dataset}.csv"))
    return Results(dataset, rows, answers.current(read_csv(folder / f"{dataset}-answers.csv")))


def _dataset(chosen: Plan, found: Results) -> dict[str, Any]:
    """Return how much is measured of a dataset, and how much is missing."""
    spent = sum(float(row["seconds"]) for row in [*found.rows, *found.of_answers])
    return {
        "name": found.dataset,
        "what": WHAT.get(found.dataset, ""),
        "done": len(found.rows) + len(found.of_answers),
        "missing": len(train.missing(chosen, found.rows)) + len(answers.missing(chosen, found.of_answers)),
        "minutes": round(spent / 60),
    }


def _trainings(chosen: Plan, found: Sequence[Results]) -> list[tuple[str, int | str, list[tuple[int, int]]]]:
    """Return what is trained, its number of recipes, and of each dataset how many trainings are there and missing."""
    missing = [train.missing(chosen, one.rows) for one in found]
    rows: list[tuple[str, int | str, list[tuple[int, int]]]] = [
        (
            experiment.name,
            len(experiment.recipes),
            [
                (len(findings.of(experiment, one.rows)), sum(each.experiment == experiment for each in left))
                for one, left in zip(found, missing, strict=True)
            ],
        )
        for experiment in chosen.experiments
    ]
    counts = [(len(one.of_answers), len(answers.missing(chosen, one.of_answers))) for one in found]
    return [*rows, ("answers where half of the masks are mirrored", "", counts)]


def _question(
    chosen: Plan, experiment: Experiment, found: Sequence[Results], figures: dict[str, str]
) -> dict[str, Any]:
    """Return one experiment's section: what holds on all datasets, then each dataset that has enough trainings."""
    measured = {one.dataset: findings.measured(chosen, experiment, one.rows) for one in found}
    shown = [one for one in found if measured[one.dataset][0].has_ends]
    why_harmed = [_why_flips_harm(one, measured[one.dataset][0]) for one in shown]
    parts = [_part(one, measured[one.dataset], why, figures) for one, why in zip(shown, why_harmed, strict=True)]
    first = {name: results[0] for name, results in measured.items()}
    beside = {
        one.dataset: (first[one.dataset], alone) for one in found for alone in _mask_alone(chosen, one, experiment)
    }
    return {
        "title": findings.QUESTIONS.get(experiment.name, experiment.name),
        "on_all": [
            *findings.on_datasets(first),
            *reasons.on_reasons(why_harmed),
            *findings.on_collapses_of_datasets(first),
            *findings.on_both_heads_of_datasets(beside),
        ],
        "parts": parts,
    }


def _part(
    found: Results, results: Sequence[Measured], reason: Reason | None, figures: dict[str, str]
) -> dict[str, Any]:
    """Return the sentences that answer the question on a dataset, then the other sentences, charts and tables."""
    first = results[0]
    own = [_sentences(result) for result in results]
    counted = findings.on_collapses(first, found.rows)
    answer = findings.state(results) + findings.on_threshold(results) + findings.on_largest(first) + own[0][0][:1]
    answer += [f"With inputs flipped apart and no other mistake, {reason.told}."] if reason else []
    for alone in _mask_alone(first.plan, found, first.experiment):
        answer += findings.on_both_heads(results, alone, found.rows)
    answer += counted[:2] + own[0][1][:1]
    largest = [sentence for result in results for sentence in findings.on_largest(result)]
    every = largest + [sentence for kinds in own for kind in kinds for sentence in kind] + counted
    complete = [result for result in results if result.is_complete]
    names = {one.measure: f"{found.dataset}-{first.experiment.name}-{one.measure}.svg" for one in complete}
    figures.update({names[result.measure]: charts.effects(result) for result in complete})
    return {
        "dataset": found.dataset,
        "is_complete": first.is_complete,
        "answer": answer,
        "details": [sentence for sentence in every if sentence not in answer],
        "measures": [{**_table(result), "figure": names.get(result.measure)} for result in results],
    }


def _mask_alone(chosen: Plan, found: Results, experiment: Experiment) -> list[Measured]:
    """Return the networks for the mask alone with the loss of networks with both heads, on IoU at 0.5, if there are."""
    of_mask = [one for one in chosen.experiments if experiment.head == JOINT and one.name == f"mask-{experiment.loss}"]
    return [findings.measured(chosen, one, found.rows)[0] for one in of_mask]


def _why_flips_harm(found: Results, result: Measured) -> Reason | None:
    """Return why inputs flipped apart harm a mask, if they are shown to; the answers are of networks for masks."""
    experiment = result.experiment
    if experiment.head != "mask" or not found.of_answers or not findings.flips_harm(result):
        return None
    share = float(found.of_answers[0]["foreground"])
    config = result.plan.parameters(experiment, frozenset())
    length = (config.sample.images, config.recipe.epochs)
    return reasons.because(expected.answers(found.of_answers), experiment.loss, share, *length)


def _sentences(result: Measured) -> list[list[str]]:
    return [findings.on_effects(result), findings.on_pairs(result), findings.on_ends(result)]


def _table(result: Measured) -> dict[str, Any]:
    alone, beside = result.ends
    mains = {one.factors[0]: one for one in result.effects if len(one.factors) == 1}
    names = [*result.experiment.factors, findings.TEST]
    rows = [
        (
            result.title(name),
            result.interval(mains[name]) if mains else "",
            _change(result, alone, name),
            _change(result, beside, name),
        )
        for name in names
    ]
    pairs = [
        (f"{result.title(one.factors[0])} and {result.title(one.factors[1])}", result.interval(one))
        for one in findings.pairs(result)
    ]
    return {"words": WORDS[result.measure], "rows": rows, "pairs": pairs, "least": result.least}


def _change(result: Measured, changes: Sequence[findings.Change], name: str) -> str:
    for change in changes:
        if change.factor == name:
            values = f"{result.written(change.without)} → {result.written(change.having)}"
            if change.cost is not None:
                return f"{values}: {result.interval(change.cost)}"
            counts = " → ".join(map(str, change.collapsed))
            return f"{values}; {counts} collapsed"
    return ""


def _answers(dataset: str, rows: Sequence[Row], figures: dict[str, str]) -> dict[str, Any]:
    """Return what networks answer where half of the masks are mirrored, and what they should."""
    share = float(rows[0]["foreground"])
    found, wanted = expected.answers(rows), expected.expected(share)
    name = f"{dataset}-answers.svg"
    figures[name] = charts.answers(found, wanted)
    return {
        "dataset": dataset,
        "figure": name,
        "wanted": wanted,
        "more": _times(found, wanted),
        "rows": [(one, [f"{one.regions[region]:.2f}" for region in one.regions], one.seeds) for one in found],
        "sentences": [*mirrored.on_answers(found, share), *mirrored.on_bce(found)],
    }


def _times(found: Sequence[Answer], wanted: dict[str, Expected]) -> str:
    """Return how many times as many images networks of the chart with as many steps have, "" if there are none."""
    times = (
        one.images / own[0].images for own in (expected.in_as_many_steps(found, loss) for loss in wanted) for one in own
    )
    return ", ".join(f"{value:g}" for value in sorted({*times} - {1.0}))


if __name__ == "__main__":
    run_stage(main)
