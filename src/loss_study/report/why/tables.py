"""The tables of the second half, one row per loss in the order of the ranking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from loss_study.metrics import AT_BEST, Metric
from loss_study.report.why.evidence import Evidence, mean
from loss_study.report.why.learning import epochs_to_most

#: A number that a loss may have.
Number = Callable[[Evidence], float | None]


@dataclass(frozen=True)
class Column:
    """A heading, what it means, how its values are written, and one value per loss, None where there is none."""

    heading: str
    meaning: str
    show: Callable[[float], str]
    values: tuple[float | None, ...]

    @property
    def cells(self) -> list[str]:
        """The values as text."""
        return ["-" if value is None else self.show(value) for value in self.values]


@dataclass(frozen=True)
class Table:
    """A titled table; `losses` are its rows."""

    title: str
    losses: tuple[str, ...]
    columns: tuple[Column, ...]


def percent(share: float) -> str:
    """Return 0.431 as ``43 %``."""
    return f"{100 * share:.0f} %"


def fine_percent(share: float) -> str:
    """Return 0.0431 as ``4.31 %``."""
    return f"{100 * share:.2f} %"


def few(number: float) -> str:
    """Return a mean of small numbers with one decimal, without it where it is 0."""
    return f"{round(number, 1):g}"


def gradient_table(evidence: Sequence[Evidence], head: str, classes: int = 1) -> Table:
    """Return where the gradient lies and how large it is, at the start and at the end of training."""
    yardstick = "bce" if classes == 1 else "cross entropy"
    places = {"mask": ("foreground", "outline"), "depth": ("foreground", "edges")}[head]
    columns = [
        Column(
            f"{place.capitalize()}, {moment}",
            f"Share of the gradient's magnitude that lies on the {place}, {when}",
            percent,
            tuple(share(known, moment, place) for known in evidence),
        )
        for place in places
        for moment, when in (("start", "with the initial weights"), ("end", "with the weights of the best epoch"))
    ]
    columns += [
        Column(
            f"Size, {moment}",
            f"Norm of a picture's gradient by the logits, as a multiple of that of {yardstick} at the same logits",
            "{:.3g}".format,
            tuple(relative_norm(known, moment) for known in evidence),
        )
        for moment in ("start", "end")
    ]
    return _table("Where the gradient lies", evidence, columns)


def share(known: Evidence, moment: str, place: str) -> float | None:
    """Return the share of the gradient that lies in the region `place` at "start" or "end"."""
    return mean(known.evaluated, "gradients", moment, "share", place)


def relative_norm(known: Evidence, moment: str) -> float | None:
    """Return the size of the gradient as a multiple of that of bce, at "start" or "end"."""
    return mean(known.evaluated, "gradients", moment, "relative_norm")


def mask_table(evidence: Sequence[Evidence]) -> Table:
    """Return how many pixels are wrong, in which way and where, and what thresholds and probabilities are worth."""
    columns = [
        Column("Wrong", "Share of all pixels", fine_percent, _each(evidence, wrong_share)),
        Column("Too much", "Share of the wrong pixels that are wrongly marked", percent, _each(evidence, excess)),
        *(
            Column(
                heading,
                f"Share of the wrong pixels that lie {meaning}",
                percent,
                _each(evidence, lambda known, name=name: wrong_in(known, name)),
            )
            for name, heading, meaning in (
                ("outline", "At the outline", "in the band on both sides of the outline"),
                ("interior", "Inside", "in the rest of the object"),
                ("background", "Outside", "in the rest of the background"),
            )
        ),
        Column("Best threshold", "On the validation split", "{:.2f}".format, _each(evidence, best_threshold)),
        Column("IoU it gains", "On the test split, over 0.5", "{:+.3f}".format, _each(evidence, threshold_gain)),
        Column(
            "Calibration error", "Expected calibration error, 0 is best", "{:.4f}".format, _each(evidence, calibration)
        ),
    ]
    return _table("What kind of errors", evidence, columns)


def wrong_share(known: Evidence) -> float | None:
    """Return the share of all test pixels that are classified wrongly at 0.5."""
    pixels = _sum(known, ("interior", "outline", "background"), ("pixels",))
    return None if pixels is None else _wrong(known, "interior", "outline", "background") / pixels


def excess(known: Evidence) -> float | None:
    """Return the share of the wrong pixels that are false positives."""
    everywhere = ("interior", "outline", "background")
    return _ratio(_sum(known, everywhere, ("false_positives",)), _wrong(known, *everywhere))


def wrong_in(known: Evidence, region: str) -> float | None:
    """Return the share of the wrong pixels that lie in `region`."""
    return _ratio(_wrong(known, region), _wrong(known, "interior", "outline", "background"))


def outline_pixels(known: Evidence) -> float | None:
    """Return the share of all pixels that lie at the outline."""
    everything = _sum(known, ("interior", "outline", "background"), ("pixels",))
    return _ratio(_sum(known, ("outline",), ("pixels",)), everything)


def best_threshold(known: Evidence) -> float | None:
    """Return the threshold that is best on validation, mean over the sound trials."""
    return _fmean([result.threshold for result in known.results])


def threshold_gain(known: Evidence) -> float | None:
    """Return the test IoU at the best threshold minus that at 0.5."""
    gains = [
        result.test["iou" + AT_BEST] - result.test["iou"]
        for result in known.results
        if {"iou", "iou" + AT_BEST} <= result.test.keys()
    ]
    return _fmean(gains)


def calibration(known: Evidence) -> float | None:
    """Return the expected calibration error."""
    return mean(known.sound, "errors", "calibration", "error")


def class_table(evidence: Sequence[Evidence], class_names: Sequence[str]) -> Table:
    """Return how many pixels get a wrong class and where, how much of each class is found, and the calibration."""
    columns = [
        Column("Wrong", "Share of all pixels whose class is wrong", fine_percent, _each(evidence, misclassified)),
        Column(
            "At the outline",
            "Share of the wrong pixels that lie in the band on both sides of the outlines between classes",
            percent,
            _each(evidence, misclassified_at_outline),
        ),
        *(
            Column(
                f"{name.replace('_', ' ').capitalize()} found",
                f"Share of the pixels of {name.replace('_', ' ')} that are predicted as such",
                percent,
                _each(evidence, lambda known, k=k: found(known, k)),
            )
            for k, name in enumerate(class_names)
        ),
        Column(
            "Calibration error", "Expected calibration error, 0 is best", "{:.4f}".format, _each(evidence, calibration)
        ),
    ]
    return _table("What kind of errors", evidence, columns)


def confusion(known: Evidence) -> np.ndarray | None:
    """Return the pixels by true class (rows) and predicted class (columns), over all sound trials; None without any."""
    counts = [anatomy["errors"]["confusion"] for anatomy in known.sound]
    return np.sum(counts, axis=0) if counts else None


def misclassified(known: Evidence) -> float | None:
    """Return the share of all test pixels whose class is wrong."""
    pixels = confusion(known)
    return None if pixels is None else float(1 - np.trace(pixels) / pixels.sum())


def misclassified_at_outline(known: Evidence) -> float | None:
    """Return the share of the wrong pixels that lie at the outlines."""
    return _ratio(_sum(known, ("outline",), ("wrong",)), _sum(known, ("outline", "elsewhere"), ("wrong",)))


def outline_share(known: Evidence) -> float | None:
    """Return the share of all pixels that lie at the outlines between classes."""
    return _ratio(_sum(known, ("outline",), ("pixels",)), _sum(known, ("outline", "elsewhere"), ("pixels",)))


def found(known: Evidence, number: int) -> float | None:
    """Return the share of the pixels of class `number` that are predicted as such; None where there are none."""
    pixels = confusion(known)
    return None if pixels is None else _ratio(float(pixels[number, number]), float(pixels[number].sum()))


def depth_table(evidence: Sequence[Evidence]) -> Table:
    """Return the RMSE at jumps of the depth, elsewhere, on the foreground and on the background."""
    columns = [
        Column(heading, meaning, "{:.4f}".format, _each(evidence, lambda known, name=name: region_rmse(known, name)))
        for name, heading, meaning in (
            ("edges", "At edges", "RMSE over the pixels where the true depth jumps"),
            ("elsewhere", "Elsewhere", "RMSE over all other pixels"),
            ("foreground", "Foreground", "RMSE over the pixels of the objects"),
            ("background", "Background", "RMSE over all other pixels"),
        )
    ]
    columns.insert(2, Column("Edges / elsewhere", "The ratio of the two", "{:.1f}".format, _each(evidence, edge_ratio)))
    return _table("Where the errors are", evidence, columns)


def region_rmse(known: Evidence, region: str) -> float | None:
    """Return the RMSE over all test pixels of `region`."""
    return mean(known.sound, "errors", "regions", region, "rmse")


def edge_ratio(known: Evidence) -> float | None:
    """Return by how much the RMSE at depth edges exceeds that elsewhere."""
    return _ratio(region_rmse(known, "edges"), region_rmse(known, "elsewhere"))


def learning_table(evidence: Sequence[Evidence], metric: Metric, start: float) -> Table:
    """Return how quickly each loss learned and how far its seeds lie apart; `start` is knowing nothing."""
    columns = [
        Column(
            "Epochs to 90 %",
            f"First epoch nine tenths of the way from knowing nothing (validation {metric.label} {metric.show(start)}) "
            "to the trial's best epoch; mean over seeds",
            few,
            _each(evidence, lambda known: epochs(known, start)),
        ),
        Column("Best epoch", "Mean over seeds", few, _each(evidence, best_epoch)),
        Column(
            "Spread",
            f"Largest minus smallest test {metric.label} of its seeds",
            metric.show,
            _each(evidence, lambda known: spread(known, metric.name)),
        ),
    ]
    return _table("How it learned", evidence, columns)


def epochs(known: Evidence, start: float) -> float | None:
    """Return the epochs to 90 % of the way, mean over the sound trials that learned anything."""
    return _fmean([epochs_to_most(result, start) for result in known.results])


def best_epoch(known: Evidence) -> float | None:
    """Return the best epoch, mean over the sound trials."""
    return _fmean([result.run.get("best_epoch") for result in known.results])


def spread(known: Evidence, metric: str) -> float | None:
    """Return the largest minus the smallest test value of a loss's seeds, None with fewer than two."""
    values = [result.test[metric] for result in known.results]
    return max(values) - min(values) if len(values) > 1 else None


def _table(title: str, evidence: Sequence[Evidence], columns: Sequence[Column]) -> Table:
    """Leave out rows and columns in which there is nothing."""
    filled = [column for column in columns if any(value is not None for value in column.values)]
    rows = [row for row in range(len(evidence)) if any(column.values[row] is not None for column in filled)]
    return Table(
        title,
        tuple(evidence[row].loss for row in rows),
        tuple(replace(column, values=tuple(column.values[row] for row in rows)) for column in filled),
    )


def _each(evidence: Sequence[Evidence], of: Number) -> tuple[float | None, ...]:
    return tuple(of(known) for known in evidence)


def _wrong(known: Evidence, *regions: str) -> float | None:
    return _sum(known, regions, ("false_positives", "false_negatives"))


def _sum(known: Evidence, regions: Sequence[str], counts: Sequence[str]) -> float | None:
    values = [mean(known.sound, "errors", "regions", region, count) for region in regions for count in counts]
    return None if None in values else sum(values)


def _ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _fmean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
