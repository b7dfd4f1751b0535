"""What the studies of one dataset show of SSIM's window: how its trainings end beside others, and what that carries.

Two groups of trainings are compared by all pairs of one from each, and by Mann and Whitney's exact test of whether the
errors of both are distributed alike, however that may be: with narrow windows a few trainings end far above the others.
All comparisons of a dataset hold together in 95 % of cases (Bonferroni), for other trainings on the same images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import fmean

from scipy.stats import mannwhitneyu

from loss_study import metrics
from loss_study.metrics import Metric
from loss_study.runtime.errors import StudyError
from loss_study.statistics.sentences import at_most, listed

#: What the windows are compared with.
REFERENCE = "rmse"
#: The error of depth, and the error that is left when scale and shift of each predicted depth map are fitted.
CODED = metrics.find("rmse_coded")
ALIGNED = metrics.find("rmse_coded_aligned")
LEVEL = 0.05
#: Windows see as much of images of two sizes where their shares of the side differ by less than this factor.
SAME_SHARE = 1.2


@dataclass(frozen=True)
class Trained:
    """What the study of one image size found.

    Attributes:
        size: side of the images in pixels.
        errors: `CODED` and `ALIGNED` of the sound trainings, by the metric's name and by loss.
        choice: of the study.
        bound: no other loss that never failed is more than this better, with 95 % confidence; None without a bound.
        seconds: of all trainings, without the searches for learning rates.
        failed: whether any training did.
    """

    size: int
    errors: Mapping[str, Mapping[str, Sequence[float]]]
    choice: str
    bound: float | None
    seconds: float
    failed: bool = False

    def mean(self, metric: Metric, loss: str) -> float:
        """Return the mean over the trainings."""
        return fmean(self.errors[metric.name][loss])


@dataclass(frozen=True)
class Comparison:
    """The trainings of `loss` beside those of `other`.

    Attributes:
        worse: in how many of the pairs `loss` has the greater error; a tie is a half.
        pairs: of one training of each.
        shown: whether the errors are surely not distributed alike.
    """

    size: int
    metric: Metric
    loss: str
    other: str
    worse: float
    pairs: int
    shown: bool

    @property
    def sign(self) -> int:
        """1: `loss` is surely another and mostly worse, -1: mostly better, 0: nothing is shown."""
        return ((2 * self.worse > self.pairs) - (2 * self.worse < self.pairs)) * self.shown

    @property
    def most(self) -> str:
        """In how many of all pairs the one has the greater error that mostly has."""
        return f"{max(self.worse, self.pairs - self.worse):g} of {self.pairs}"


def trained(size: int, rows: Sequence[Mapping[str, str]]) -> Trained:
    """Return what the rows of a study say, where a training with a verdict failed; StudyError if all of a loss did."""
    sound = [row for row in rows if not row["verdict"]]
    losses = dict.fromkeys(row["loss"] for row in rows)
    for loss in losses:
        if not any(row["loss"] == loss for row in sound):
            raise StudyError(f"{size} px: every training of {loss} failed; nothing can be said of it")
    errors = {
        metric.name: {loss: [float(row[metric.name]) for row in sound if row["loss"] == loss] for loss in losses}
        for metric in (CODED, ALIGNED)
    }
    bound = rows[0]["regret_bound"]
    seconds = sum(float(row["seconds"] or 0) for row in rows)
    failed = len(sound) < len(rows)
    return Trained(size, errors, rows[0]["choice"], float(bound) if bound else None, seconds, failed)


def comparisons(studies: Sequence[Trained], windows: Sequence[str]) -> list[Comparison]:
    """Compare each of `windows`, from narrow to wide, with `REFERENCE` and with the next one, on both metrics."""
    pairs = [*((loss, REFERENCE) for loss in windows), *pairwise(windows)]
    wanted = [(study, metric, *pair) for study in studies for metric in (CODED, ALIGNED) for pair in pairs]
    return [_compare(*one, level=LEVEL / len(wanted)) for one in wanted]


def _compare(study: Trained, metric: Metric, loss: str, other: str, *, level: float) -> Comparison:
    first, second = (study.errors[metric.name][name] for name in (loss, other))
    found = mannwhitneyu(first, second, method="exact")
    pairs = len(first) * len(second)
    return Comparison(study.size, metric, loss, other, float(found.statistic), pairs, bool(found.pvalue <= level))


def sentences(studies: Sequence[Trained], found: Sequence[Comparison], windows: Mapping[str, int]) -> list[str]:
    """Return what the studies of a dataset answer, and what the comparisons show.

    Args:
        studies: from small to large images.
        found: see `comparisons`.
        windows: sides in pixels, by loss, from narrow to wide.
    """
    return [
        *map(_answer, studies),
        *_on_turns(found, windows),
        *(_on_size(study.size, found, windows) for study in studies),
        *_on_windows(found, windows),
        *_on_level(found, windows),
        *_on_shares(studies, found, windows),
    ]


def beside_reference(found: Sequence[Comparison], metric: Metric) -> dict[tuple[int, str], Comparison]:
    """Return the comparisons with `REFERENCE`, by size and loss."""
    return {(one.size, one.loss): one for one in found if one.metric == metric and one.other == REFERENCE}


def _on_turns(found: Sequence[Comparison], windows: Mapping[str, int]) -> list[str]:
    """The same window is better than the reference at one size and worse at another."""
    told = []
    for loss, side in windows.items():
        own = [one for (_, name), one in beside_reference(found, CODED).items() if name == loss]
        sizes = {sign: [f"at {one.size} px" for one in own if one.sign == sign] for sign in (-1, 1)}
        if all(sizes.values()):
            better, worse = map(listed, sizes.values())
            told.append(
                f"With a window of {side} px, SSIM is mostly better than `{REFERENCE}` {better}, and mostly worse "
                f"{worse}."
            )
    return told


def _on_size(size: int, found: Sequence[Comparison], windows: Mapping[str, int]) -> str:
    """Which windows are better and worse than the reference at one size."""
    beside = beside_reference(found, CODED)
    told = []
    for sign, word in ((-1, "better"), (1, "worse")):
        sides = [f"{side} px" for loss, side in windows.items() if beside[size, loss].sign == sign]
        if sides:
            told.append(f"mostly {word} with {'a window' if len(sides) == 1 else 'windows'} of {listed(sides)}")
    shown = ", and ".join(told) or "not shown to be better or worse with any window"
    return f"At {size} px, beside `{REFERENCE}`, SSIM is {shown}."


def _on_shares(studies: Sequence[Trained], found: Sequence[Comparison], windows: Mapping[str, int]) -> list[str]:
    """Windows that see as much of images of two sizes: their means, and where it is shown that the share decides."""
    beside = beside_reference(found, CODED)
    share = {(size, loss): windows[loss] / size for size, loss in beside}
    alike = [
        (first, second)
        for first, second in combinations(beside, 2)
        if first[0] != second[0] and _same(share[first], share[second])
    ]
    if not alike:
        return []
    of_size = {study.size: study for study in studies}
    means = [
        f"{100 * share[pair[0]]:.0f} % of the side, "
        + " and ".join(f"{CODED.show(of_size[size].mean(CODED, loss))} at {size} px" for size, loss in pair)
        for pair in alike
    ]
    told = f"Windows that see as much of the image reach, of about {'; of about '.join(means)}."
    worse, better = (
        [share[first] for first, second in alike if beside[first].sign == beside[second].sign == sign]
        for sign in (1, -1)
    )
    opposite = any(beside[first].sign == -beside[second].sign != 0 for first, second in alike)
    if opposite or not worse or not better or max(worse) > min(better):
        return [told]
    return [told, f"So the share decides: narrow windows are mostly worse than `{REFERENCE}`, wide ones mostly better."]


def _same(first: float, second: float) -> bool:
    return max(first, second) / min(first, second) < SAME_SHARE


def _on_windows(found: Sequence[Comparison], windows: Mapping[str, int]) -> list[str]:
    """A wider window is better or worse at the same size."""
    return [
        f"At {one.size} px, a window of {windows[one.other]} px is mostly {'better' if one.sign > 0 else 'worse'} than "
        f"one of {windows[one.loss]} px ({one.most} pairs)."
        for one in found
        if one.metric == CODED and one.other != REFERENCE and one.sign
    ]


def _on_level(found: Sequence[Comparison], windows: Mapping[str, int]) -> list[str]:
    """A window is worse than the reference, and better once scale and shift are fitted."""
    aligned = beside_reference(found, ALIGNED)
    return [
        f"What SSIM with a window of {windows[loss]} px lacks at {size} px is the scale and the level of the whole "
        f"image: with those fitted to the ground truth, it is mostly better than `{REFERENCE}` "
        f"({aligned[size, loss].most} pairs)."
        for (size, loss), one in beside_reference(found, CODED).items()
        if one.sign > 0 and aligned[size, loss].sign < 0
    ]


def _answer(study: Trained) -> str:
    if study.bound is None:
        return f"The study at {study.size} px chooses `{study.choice}`."
    others = "losses that never failed" if study.failed else "losses"
    better = f"more than {CODED.with_unit(at_most(CODED, study.bound))} better" if study.bound else "better"
    return (
        f"The study at {study.size} px chooses `{study.choice}`: with 95 % confidence, for new seeds, objects and "
        f"backgrounds, no other of these {others} is {better}."
    )
