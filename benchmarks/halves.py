"""Whether halves of a study's test images contradict each other more often than they should.

``python benchmarks/halves.py`` in the folder of a finished study. Its test images are divided at random into two
halves that share no background, or no object, ``--times`` times. For every two losses, each half gives a difference
and its variance from the images alone (the trained networks are the same); were the variances too small, the two
differences would be too far apart: |z| above 1.96 in more than 5 % of the cases.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from loss_study.config import load_config
from loss_study.runtime.errors import run_stage
from loss_study.statistics import results, scores
from loss_study.statistics.estimates import Estimates
from loss_study.statistics.ranking import headlines, rank_all
from loss_study.statistics.scores import Scores

#: Two differences of normal values are farther apart than this in 5 % of the cases.
FAR = 1.96


@dataclass(frozen=True)
class Row:
    """One head, divided by one identity: how many values that has, and the shares of differences that are far apart."""

    head: str
    identity: str
    count: int
    pairs: int
    far: float
    contradictions: int


def halves(of_head: Scores, numbers: np.ndarray, rng: np.random.Generator) -> Iterator[Estimates]:
    """Yield what the two halves say, which share no value of `numbers`, (images,)."""
    values = np.unique(numbers)
    first = np.isin(numbers, rng.permutation(values)[: len(values) // 2])
    for half in (first, ~first):
        seeds = [seeds_SN[:, half] for seeds_SN in of_head.values.values()]
        yield Estimates.of(seeds, of_head.objects.numbers[half], of_head.backgrounds.numbers[half])


def compare(of_head: Scores, identity: str, numbers: np.ndarray, times: int) -> Row:
    """Divide the images `times` times by `numbers` and count."""
    rng = np.random.default_rng(0)
    above = np.triu_indices(len(of_head.values), 1)
    far, contradictions = [], 0
    for _ in range(times):
        one, other = halves(of_head, numbers, rng)
        gaps = [(half.means[:, None] - half.means[None, :])[above] for half in (one, other)]
        variances = [half.of_images_paired[above] for half in (one, other)]
        far.append(np.abs(gaps[0] - gaps[1]) > FAR * np.sqrt(variances[0] + variances[1]))
        sure = [np.abs(gap) > FAR * np.sqrt(variance) for gap, variance in zip(gaps, variances, strict=True)]
        contradictions += int((sure[0] & sure[1] & (gaps[0] * gaps[1] < 0)).sum())
    found = np.array(far)
    return Row(of_head.head, identity, len(np.unique(numbers)), found.size, float(found.mean()), contradictions)


def rows(times: int) -> Iterator[Row]:
    """Yield a row for every head and identity of the study in the working directory."""
    config = load_config()
    found = results.read(config)
    for ranking in headlines(rank_all(found, config)):
        of_head = [one for standing in ranking.standings for one in standing.results]
        its = scores.scores_of(ranking.metric.name, of_head, scores.read(of_head))
        if its is None:
            continue
        for identity in ("backgrounds", "objects"):
            yield compare(its, identity, getattr(its, identity).numbers, times)


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=200, help="random divisions of the test images (200)")
    table = Table(title="Halves of the test images", title_justify="left")
    for column in ("head", "divided by", "number", "differences", "|z| above 1.96", "contradictions"):
        table.add_column(column)
    for row in rows(parser.parse_args().times):
        cells = (row.head, row.identity, row.count, row.pairs, f"{row.far:.1%}", row.contradictions)
        table.add_row(*map(str, cells))
    Console(width=110).print(table)


if __name__ == "__main__":
    run_stage(main)
