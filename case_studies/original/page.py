"""Write docs/original-recipe.md and its charts from the results of all datasets that there are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import answers
import charts
import expected
import findings
import plan
from effects import LEVEL
from findings import WORDS, Measured
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from plan import Experiment, Plan
from pool import Row

import train
from loss_study.runtime.errors import run_stage
from loss_study.runtime.files import whole_text
from loss_study.statistics.results import read_csv

PAGE = Path("../docs/original-recipe.md")
FIGURES = plan.HERE / "figures"


def main() -> None:
    """Read the results, write the page."""
    chosen = plan.load()
    datasets = _datasets(chosen)
    figures: dict[str, str] = {}
    sections = [_section(chosen, dataset, figures) for dataset in datasets]
    for old in FIGURES.glob("*.svg"):
        old.unlink()
    FIGURES.mkdir(exist_ok=True)
    for name, drawing in figures.items():
        whole_text(FIGURES / name, drawing)
    whole_text(
        PAGE, _templates().get_template("page.md.j2").render(plan=chosen, sections=sections, level=f"{LEVEL:.0%}")
    )
    print(f"{PAGE}: {', '.join(datasets)}", flush=True)


def _datasets(chosen: Plan) -> list[str]:
    """Return the dataset of params.yaml and those that were measured before."""
    names = {path.stem.removesuffix("-answers") for path in (plan.HERE / "results").glob("*.csv")}
    return [chosen.dataset, *sorted(names - {chosen.dataset})]


def _section(chosen: Plan, dataset: str, figures: dict[str, str]) -> dict[str, Any]:
    folder = plan.HERE / "results"
    rows = train.current(chosen, read_csv(folder / f"{dataset}.csv"))
    of_answers = read_csv(folder / f"{dataset}-answers.csv")
    measured = [findings.measured(chosen, one, rows) for one in chosen.experiments]
    spent = sum(float(row["seconds"]) for row in [*rows, *of_answers])
    done = len(rows) + len(of_answers)
    missing = len(train.missing(chosen, rows)) + len(answers.missing(chosen, of_answers))
    return {
        "dataset": dataset,
        "states": [_state(chosen, one, rows) for one in chosen.experiments],
        "answers": _answers(dataset, of_answers, figures),
        "answers_state": (len(of_answers), len(answers.missing(chosen, of_answers))),
        "experiments": [_experiment(dataset, results, rows, of_answers, figures) for results in measured],
        "done": done,
        "missing": missing,
        "minutes": round(spent / 60),
    }


def _state(chosen: Plan, experiment: Experiment, rows: Sequence[Row]) -> dict[str, Any]:
    done = len(findings.of(experiment, rows))
    missing = sum(one.experiment == experiment for one in train.missing(chosen, rows))
    return {"name": experiment.name, "recipes": len(experiment.recipes), "done": done, "missing": missing}


def _experiment(
    dataset: str,
    results: Sequence[Measured],
    rows: Sequence[Row],
    of_answers: Sequence[Row],
    figures: dict[str, str],
) -> dict[str, Any]:
    """Return one experiment's section: a paragraph with the answer, then the other sentences, charts and tables."""
    first, experiment = results[0], results[0].experiment
    own = [_sentences(result) for result in results]
    counted = findings.on_collapses(first, rows)
    paragraph = findings.state(results) + findings.on_threshold(results) + findings.on_largest(first)
    paragraph += own[0][0][:1] + own[0][1][:1] + counted[:2]
    if of_answers and findings.flips_harm(first):
        share = float(of_answers[0]["foreground"])
        paragraph += expected.because(expected.answers(of_answers), experiment.loss, share)
    largest = [sentence for result in results for sentence in findings.on_largest(result)]
    every = largest + [sentence for kinds in own for kind in kinds for sentence in kind] + counted
    complete = [result for result in results if result.is_complete]
    names = {result.measure: f"{dataset}-{experiment.name}-{result.measure}.svg" for result in complete}
    figures.update({names[result.measure]: charts.effects(result) for result in complete})
    return {
        "title": findings.QUESTIONS.get(experiment.name, experiment.name),
        "is_complete": first.is_complete,
        "paragraph": paragraph,
        "details": [sentence for sentence in every if sentence not in paragraph],
        "figures": [(f"What each mistake costs in {WORDS[measure]}", name) for measure, name in names.items()],
        "tables": [_table(result) for result in results if result.has_ends],
    }


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
    return {"measure": WORDS[result.measure], "rows": rows, "pairs": pairs, "least": result.least}


def _change(result: Measured, changes: Sequence[findings.Change], name: str) -> str:
    for change in changes:
        if change.factor == name:
            values = f"{result.written(change.without)} → {result.written(change.having)}"
            return f"{values}: {result.interval(change.cost)}"
    return ""


def _answers(dataset: str, rows: Sequence[Row], figures: dict[str, str]) -> dict[str, Any] | None:
    if not rows:
        return None
    share = float(rows[0]["foreground"])
    found, wanted = expected.answers(rows), expected.expected(share)
    name = f"{dataset}-answers.svg"
    figures[name] = charts.answers(found, wanted)
    return {
        "figure": name,
        "wanted": [(loss, str(one), one.why) for loss, one in wanted.items()],
        "rows": [
            (one, [f"{one.regions[region]:.2f}" for region in one.regions], len(one.networks["object"]))
            for one in found
        ],
        "sentences": [*expected.on_answers(found, share), *expected.on_doubt(found)],
        "tolerance": expected.TOLERANCE,
    }


def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(plan.HERE),
        undefined=StrictUndefined,
        autoescape=select_autoescape(),
        keep_trailing_newline=True,
    )


if __name__ == "__main__":
    run_stage(main)
