"""The table that a study's page quotes: what larger studies say of the choice of each one that has run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ladder
from ladder import Answer
from plan import Plan

from loss_study.config import Config
from loss_study.config.composition import composed
from loss_study.report.sections import scale_evidence
from loss_study.statistics.sentences import listed


def rows(chosen: Plan, own: Plan) -> Iterator[dict[str, Any]]:
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
                        "at": larger_by(small, large, configs[rung], configs[larger]),
                        "margin": large.margin,
                        "regret_high": ladder.step(small, large).high,
                    }
                    for small, large in zip(answers[rung], answers[larger], strict=True)
                    if small.choice
                )


def larger_by(small: Answer, large: Answer, config: Config, larger: Config) -> str:
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
    rounded = {what: round(ratio, 1) for what, ratio in ratios.items()}
    return listed([f"{ratio:g} times {what}" for what, ratio in rounded.items() if ratio != 1])
