"""Count how often the range beyond the largest study holds the truth: ``python scale/coverage.py``.

The losses made up here grow in shapes that have nothing to do with how the range is computed, most of them not by a
power law either. The last columns say how often one fits the studies all the same, and how far off it is beyond them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median

import beyond
import fits
import numpy as np
from ladder import Answer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from loss_study import metrics

#: Training images of the ladder's studies, and the standard error of their means.
IMAGES, ERROR = (162, 520, 1300, 2600, 10400), 0.01
METRIC = metrics.find("iou_at_best")
FULL = np.array([beyond.FULL_IMAGES])
#: The mean IoU of a loss against its training images.
SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "a power law": lambda x: 0.8 - 0.35 * (x / 162) ** -0.5,
    "nearly a logarithm": lambda x: 1 - 0.55 * (x / 162) ** -0.1,
    "a logarithm up to 1": lambda x: np.minimum(1.0, 0.45 + 0.05 * np.log(x / 162)),
    "Michaelis and Menten, half at 300": lambda x: 0.85 * x / (x + 300),
    "Michaelis and Menten, half at 2,000": lambda x: 0.2 + 0.65 * x / (x + 2000),
    "Weibull": lambda x: 0.85 - 0.5 * np.exp(-((x / 1500) ** 0.5)),
    "Weibull, slow": lambda x: 0.85 - 0.5 * np.exp(-0.15 * x**0.3),
    "a power law that starts late": lambda x: 0.85 - 0.35 * ((x + 800) / 962) ** -0.5,
    "a step, smooth": lambda x: 0.3 + 0.55 / (1 + (1500 / x) ** 1.25),
}


def main() -> None:
    """Print a row for every shape and number of studies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ladders", type=int, default=200, help="made up of each shape and number of studies")
    count = parser.parse_args().ladders
    table = Table("shape", "studies", "truth", "range holds it", "misses it", "none", "law fits", "law is off by")
    cases = [(name, studies) for name in SHAPES for studies in (4, 5)]
    for name, studies in track(cases, "ladders made up"):
        draw = np.random.default_rng(0)
        found = [ladder(SHAPES[name], studies, draw) for _ in range(count)]
        truth = float(SHAPES[name](FULL)[0])
        held, missed = counts(found, truth)
        off = errors_of_laws(found, truth)
        shares = [f"{100 * one / count:.0f} %" for one in (held, missed, count - held - missed, len(off))]
        table.add_row(name, str(studies), f"{truth:.3f}", *shares, f"{median(off):.3f}" if off else "-")
    Console(width=120).print(table)


def ladder(shape: Callable[[np.ndarray], np.ndarray], studies: int, draw: np.random.Generator) -> list[Answer]:
    """Return the answers of a ladder of so many `studies` of one loss, whose means scatter around `shape`."""
    means = draw.normal(shape(np.array(IMAGES[:studies], dtype=float)), ERROR)
    return [
        Answer(
            str(images), "mask", METRIC.name, "made up", None, None,
            {"made up": float(mean)}, {"made up": ERROR}, {"made up": (0.0, 0.0)}, images, 0, 0, 0, 0.0,
        )
        for images, mean in zip(IMAGES, means, strict=False)
    ]  # fmt: skip


def counts(ladders: list[list[Answer]], truth: float) -> tuple[int, int]:
    """Return in how many of the made-up `ladders` the range holds the `truth`, and in how many it misses it."""
    ranges = [beyond.ranges(METRIC, answers, ["made up"], beyond.FULL_IMAGES)["made up"] for answers in ladders]
    known = [one for one in ranges if one is not None]
    held = sum(one.low <= truth <= one.high for one in known)
    return held, len(known) - held


def errors_of_laws(ladders: list[list[Answer]], truth: float) -> list[float]:
    """Return by how much each power law that fits its studies is off beyond them."""
    laws = [fits.growth(METRIC, [one.images for one in answers], "", answers).laws["made up"] for answers in ladders]
    return [abs(float(law.at(FULL)[0]) - truth) for law in laws if law.fits]


if __name__ == "__main__":
    main()
