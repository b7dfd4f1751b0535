"""What the numbers say, in plain sentences; and that they explain nothing, where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

import numpy as np

from loss_study.metrics import Metric
from loss_study.metrics.iou import of_class
from loss_study.report.why import tables
from loss_study.report.why.charts import iou_by_size
from loss_study.report.why.correlation import p_value, rank_correlation
from loss_study.report.why.evidence import Evidence, mean
from loss_study.report.why.tables import Number, few, percent

#: Optimisers that divide the gradient by its own size.
SCALE_FREE = ("adam", "adamw")
#: The regions that matter most to a head, and how they are called; several classes have no foreground.
PLACES = {
    "mask": {"foreground": "the foreground", "outline": "the outlines between classes"},
    "depth": {"edges": "the jumps of the depth"},
}
#: With five, even a perfect order is no surprise to one who looks three times: 3 x 2 / 120 = 0.05.
LEAST_LOSSES = 6
SIGNIFICANT = 0.05
#: A pull that comes to rest further than this from the true depth teaches a wrong depth.
MISPLACED = 0.05

#: (loss, number) where a number is smallest and where it is largest.
Extremes = tuple[tuple[str, float], tuple[str, float]]


def gradient(evidence: Sequence[Evidence], head: str, optimizer: str, classes: int = 1) -> list[str]:
    """Return what is to be said of where the gradient lies, how large it is, and where it comes to rest."""
    yardstick = "bce" if classes == 1 else "cross entropy"
    return [
        *_whereabouts(evidence, head),
        *_sizes(evidence, optimizer, yardstick),
        *(_rests(evidence) if head == "depth" else []),
        *_collapses(evidence, head, yardstick),
    ]


def _whereabouts(evidence: Sequence[Evidence], head: str) -> list[str]:
    place, words = _place(evidence, head)
    start = _extremes(evidence, lambda known: tables.share(known, "start", place))
    end = _extremes(evidence, lambda known: tables.share(known, "end", place))
    if not start or not end:
        return []
    pixels = next(mean(known.evaluated, "gradients", "start", "pixels", place) for known in evidence if known.evaluated)
    return [
        f"Of the gradient {_span(start)} comes from {words}, {percent(pixels)} of the pixels, before training, and "
        f"{_span(end)} after it."
    ]


def _place(evidence: Sequence[Evidence], head: str) -> tuple[str, str]:
    """Return the first region of `PLACES` that was looked at."""
    places = PLACES[head]
    there = [name for name in places if any(tables.share(known, "start", name) is not None for known in evidence)]
    name = there[0] if there else next(iter(places))
    return name, places[name]


def _span(extremes: Extremes) -> str:
    (low, least), (high, most) = extremes
    span = f"{percent(least)} ({low}) to {percent(most)} ({high})"
    return percent(least) if percent(least) == percent(most) else span


def _sizes(evidence: Sequence[Evidence], optimizer: str, yardstick: str) -> list[str]:
    extremes = _extremes(evidence, lambda known: tables.relative_norm(known, "start"))
    if not extremes or extremes[0][0] == extremes[1][0]:
        return []
    (low, least), (high, most) = extremes
    sentence = (
        f"Before training the gradients are from {least:.2g} ({low}) to {most:.2g} ({high}) times as large as "
        f"{yardstick}'s"
    )
    if len({result.run.get("lr") for known in evidence for result in known.results}) > 1:
        return [f"{sentence}; each loss has its own learning rate, which makes up for that."]
    if optimizer in SCALE_FREE:
        return [f"{sentence}; {optimizer} divides a constant factor out, so by itself that should matter little."]
    return [f"{sentence}; with {optimizer} and one learning rate for all that is as good as different learning rates."]


def _collapses(evidence: Sequence[Evidence], head: str, yardstick: str) -> list[str]:
    place, words = _place(evidence, head)
    sentences = []
    for result, anatomy in (pair for known in evidence for pair in known.failed):
        size = mean([anatomy], "gradients", "end", "relative_norm")
        share = mean([anatomy], "gradients", "end", "share", place)
        where = f", {percent(share)} of it from {words}" if share is not None else ""
        if size is not None:
            sentences.append(
                f"{result.trial.name} {result.failure.split(':')[0]}: where it ended, its gradient is {size:.2g} times "
                f"as large as {yardstick}'s would be{where}."
            )
    return sentences


def _rests(evidence: Sequence[Evidence]) -> list[str]:
    sentences = []
    for known in evidence:
        pixel, pulls, predictions = _near_pixel(known)
        rest = _rest(predictions, pulls)
        if pulls and abs(rest - pixel) > MISPLACED:
            end = {0.0: "all the way to 0", 1.0: "all the way to 1"}.get(rest, f"to {rest:.2f}")
            sentences.append(
                f"{known.loss} pulls a pixel whose true depth is {pixel:.2f} {end}: it teaches another depth."
            )
    return sentences


def _near_pixel(known: Evidence) -> tuple[float, list[float], list[float]]:
    if not known.evaluated:
        return 0.0, [], []
    response = known.evaluated[0]["response"]
    pixel = response["pixels"][0]
    return pixel["truth"], pixel["late"], response["probability"]


def _rest(predictions: Sequence[float], pulls: Sequence[float]) -> float:
    """Return the prediction at which the pull turns from up to down; 0 or 1 where it is down or up throughout."""
    for (low, pull), (high, next_pull) in pairwise(zip(predictions, pulls, strict=True)):
        if pull > 0 >= next_pull:
            return low + (high - low) * pull / (pull - next_pull)
    return 1.0 if pulls and pulls[0] > 0 else 0.0


def explanation(evidence: Sequence[Evidence], head: str, metric: Metric, start: float) -> list[str]:
    """Return whether the order of the losses goes with any of three numbers that could be its reason.

    Spearman's rank correlation over the losses; the probabilities are multiplied by the number of looks (Bonferroni).
    """
    place, words = _place(evidence, head)
    reasons: dict[str, Number] = {
        f"share of the gradient from {words} before training": lambda known: tables.share(known, "start", place),
        "gradient before training": lambda known: tables.relative_norm(known, "start"),
        "number of epochs to 90 %": lambda known: tables.epochs(known, start),
    }
    sign = -1 if metric.higher_is_better is False else 1
    found = []
    for name, number in reasons.items():
        pairs = [
            (sign * known.value, value)
            for known in evidence
            if known.value is not None and (value := number(known)) is not None
        ]
        if len(pairs) >= LEAST_LOSSES:
            results, numbers = zip(*pairs, strict=True)
            found.append((name, rank_correlation(numbers, results), p_value(numbers, results)))
    if not found:
        return [f"Fewer than {LEAST_LOSSES} losses trained: too few to say what goes with their order."]
    return [_verdict(found)]


def _verdict(found: Sequence[tuple[str, float, float]]) -> str:
    looks = len(found)
    telling = [
        f"a {'larger' if r > 0 else 'smaller'} {name} (rank correlation {r:+.2f}, p = {p:.2f} after {looks} looks)"
        for name, r, p in ((name, r, looks * p) for name, r, p in found)
        if p < SIGNIFICANT
    ]
    if telling:
        return f"Over the losses a better result goes with {_list(telling)}: a hint at a reason, not a proof."
    weak = [f"the {name} ({r:+.2f})" for name, r, _ in found]
    return (
        f"Nothing looked at goes with the order of the losses beyond chance: not {_list(weak, 'nor')}, by rank "
        "correlation with the result. By themselves they do not explain the ranking."
    )


def mask_failures(evidence: Sequence[Evidence]) -> list[str]:
    """Return what is to be said of where masks are wrong."""
    return [
        *_small_objects(evidence),
        *_outlines(evidence),
        *_bias(evidence),
        *_threshold(evidence),
        *_calibration(evidence),
    ]


def _small_objects(evidence: Sequence[Evidence]) -> list[str]:
    curves = {known.loss: curve for known in evidence if (curve := iou_by_size(known))}
    if not curves:
        return []
    loss, curve = next(iter(curves.items()))
    (small, of_small), (large, of_large) = curve[0], curve[-1]
    sentence = (
        f"With {loss} the smallest objects (about {small:.1f} % of the picture) reach IoU {of_small:.3f}, the largest "
        f"({large:.0f} %) {of_large:.3f}"
    )
    if len(curves) == 1:
        return [f"{sentence}."]
    gaps = {name: values[-1][1] - values[0][1] for name, values in curves.items()}
    least, most = min(gaps, key=gaps.__getitem__), max(gaps, key=gaps.__getitem__)
    return [
        f"{sentence}; the gap is smallest for {least} ({gaps[least]:.3f}) and largest for {most} ({gaps[most]:.3f})."
    ]


def _outlines(evidence: Sequence[Evidence]) -> list[str]:
    extremes = _extremes(evidence, lambda known: tables.wrong_in(known, "outline"))
    band = _extremes(evidence, tables.outline_pixels)
    if not extremes or not band:
        return []
    return [f"Of the wrong pixels {_span(extremes)} lie at the outline, which is {percent(band[0][1])} of the picture."]


def _bias(evidence: Sequence[Evidence]) -> list[str]:
    extremes = _extremes(evidence, tables.excess)
    if not extremes or extremes[0][0] == extremes[1][0]:
        return []
    (low, least), (high, most) = extremes
    return [
        f"{high} errs most towards too much foreground ({percent(most)} of its wrong pixels are wrongly marked), {low} "
        f"most towards too little ({percent(1 - least)} of its wrong pixels are missed)."
    ]


def _threshold(evidence: Sequence[Evidence]) -> list[str]:
    extremes = _extremes(evidence, tables.threshold_gain)
    if not extremes:
        return []
    loss, gain = extremes[1]
    if gain < 0.005:
        return ["No loss gains 0.005 IoU or more by another threshold than 0.5: the threshold is not what parts them."]
    known = next(known for known in evidence if known.loss == loss)
    return [f"Another threshold helps {loss} most: at {tables.best_threshold(known):.2f} its IoU is {gain:.3f} higher."]


def _calibration(evidence: Sequence[Evidence]) -> list[str]:
    extremes = _extremes(evidence, tables.calibration)
    if not extremes or extremes[0][0] == extremes[1][0]:
        return []
    (low, least), (high, most) = extremes
    return [
        f"The probabilities of {low} can best be taken at their word (calibration error {least:.4f}), those of {high} "
        f"least ({most:.4f})."
    ]


def class_failures(evidence: Sequence[Evidence], class_names: Sequence[str]) -> list[str]:
    """Return what is to be said of where masks of several classes are wrong."""
    names = [name.replace("_", " ") for name in class_names]
    return [
        *_hardest_class(evidence, class_names),
        *_confusions(evidence, names),
        *_class_outlines(evidence),
        *_calibration(evidence),
    ]


def _hardest_class(evidence: Sequence[Evidence], class_names: Sequence[str]) -> list[str]:
    hardest: dict[str, list[str]] = {}
    for known in evidence:
        means = {name: _mean_iou(known, name) for name in class_names}
        present = {name: value for name, value in means.items() if value is not None}
        if len(present) > 1:
            worst, best = min(present, key=present.__getitem__), max(present, key=present.__getitem__)
            told = f"{known.loss} (IoU {present[worst]:.3f}; {best.replace('_', ' ')} {present[best]:.3f})"
            hardest.setdefault(worst.replace("_", " "), []).append(told)
    return [f"The hardest class is {name} for {_list(losses)}." for name, losses in hardest.items()]


def _mean_iou(known: Evidence, class_name: str) -> float | None:
    iou = of_class(class_name).name
    values = [result.test[iou] for result in known.results if iou in result.test]
    return fmean(values) if values else None


def _confusions(evidence: Sequence[Evidence], names: Sequence[str]) -> list[str]:
    """The commonest mistake of each loss; losses that share it are named together."""
    mistakes: dict[tuple[str, str], list[str]] = {}
    for known in evidence:
        pixels = tables.confusion(known)
        if pixels is not None:
            wrong = pixels - np.diag(np.diag(pixels))
            if wrong.any():
                true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
                told = f"{percent(wrong.max() / wrong.sum())} of the wrong pixels with {known.loss}"
                mistakes.setdefault((names[true], names[predicted]), []).append(told)
    return [
        f"Most often {true} is taken for {predicted}: {_list(losses)}."
        for (true, predicted), losses in mistakes.items()
    ]


def _class_outlines(evidence: Sequence[Evidence]) -> list[str]:
    extremes, band = _extremes(evidence, tables.misclassified_at_outline), _extremes(evidence, tables.outline_share)
    if not extremes or not band:
        return []
    share = percent(band[0][1])
    return [
        f"Of the wrong pixels {_span(extremes)} lie at the outlines between classes, which are {share} of the picture."
    ]


def depth_failures(evidence: Sequence[Evidence]) -> list[str]:
    """Return what is to be said of where depth maps are wrong."""
    edges = _extremes(evidence, tables.edge_ratio)
    if not edges:
        return []
    (low, least), (high, most) = edges
    whose = "" if few(least) == few(most) else f" of {high}"
    contrast = f", that of {low} {few(least)} times" if whose else ""
    sentences = [f"At jumps of the depth the RMSE{whose} is {few(most)} times that elsewhere{contrast}."]
    objects = _extremes(evidence, lambda known: tables.region_rmse(known, "foreground"))
    if objects and objects[0][0] != objects[1][0]:
        (low, least), (high, most) = objects
        sentences.append(f"On the objects {low} is closest (RMSE {least:.4f}) and {high} furthest off ({most:.4f}).")
    return sentences


def learning(evidence: Sequence[Evidence], metric: Metric, start: float) -> list[str]:
    """Return what is to be said of how quickly and how reliably the losses learned."""
    sentences = []
    epochs = _extremes(evidence, lambda known: tables.epochs(known, start))
    if epochs and epochs[0][1] < epochs[1][1]:
        (low, least), (high, most) = epochs
        sentences.append(
            f"{low} is quickest, 90 % of the way by epoch {few(least)}; {high} slowest, by epoch {few(most)}."
        )
    spreads = _extremes(evidence, lambda known: tables.spread(known, metric.name))
    if spreads and metric.show(spreads[0][1]) != metric.show(spreads[1][1]):
        (low, least), (high, most) = spreads
        sentences.append(
            f"The seeds of {low} lie closest together ({metric.label} within {metric.show(least)}), those of {high} "
            f"furthest apart ({metric.show(most)})."
        )
    return sentences


def _extremes(evidence: Sequence[Evidence], number: Number) -> Extremes | None:
    """Return (loss, number) where the number is smallest and where it is largest; None where no loss has it."""
    found = [(known.loss, value) for known in evidence if (value := number(known)) is not None]
    if not found:
        return None
    return min(found, key=lambda pair: pair[1]), max(found, key=lambda pair: pair[1])


def _list(parts: Sequence[str], joint: str = "and") -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {joint} {parts[-1]}"
