"""Test images that are hard or easy in the mean over the losses, and those on which the losses differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.data.packed import PackedSample
from loss_study.report.error_analysis.evidence import Evidence, subjects
from loss_study.report.panels import Panel, Prediction, panel, scores
from loss_study.statistics.ranking import Ranking
from loss_study.statistics.results import Result, read_json

HARDEST, DISPUTED, EASIEST = 2, 2, 1


@dataclass(frozen=True)
class HardImage:
    """A panel and why it is shown."""

    title: str
    panel: Panel


def choose(scores: np.ndarray, *, higher_is_better: bool, them: str = "losses") -> dict[int, str]:
    """Return the places of the images to show, each with a title.

    Args:
        scores: headline metric, (losses, images). Hardest and easiest are by the mean over the losses, disputed by
            the difference between the best and the worst loss, if there is one. No image is chosen twice, and none
            without a value.
        them: what differs, in a title.
    """
    mean, difference = scores.mean(axis=0), np.ptp(scores, axis=0)
    hardest_first = [place for place in _ascending(mean if higher_is_better else -mean) if np.isfinite(mean[place])]
    most_disputed_first = [place for place in _ascending(-difference) if difference[place] > 0]
    chosen: dict[int, str] = {}
    for title, order, count in (
        ("Hardest on average", hardest_first, HARDEST),
        (f"The {them} differ most", most_disputed_first, DISPUTED),
        ("Easiest on average", hardest_first[::-1], EASIEST),
    ):
        chosen |= dict.fromkeys([place for place in order if place not in chosen][:count], title)
    return chosen


def _ascending(values: np.ndarray) -> list[int]:
    return np.argsort(values, kind="stable").tolist()


def hard_images(ranking: Ranking, evidence: Sequence[Evidence], sample: PackedSample) -> list[HardImage]:
    """Return panels of the images chosen among those whose predictions every trial kept; the losses as ranked.

    Each loss is judged by its sound trials and shown by the first of them.
    """
    shown = [known.results[0] for known in evidence if known.results]
    kept = _kept(shown)
    by_loss = [values for known in evidence if (values := known.per_image(ranking.metric.name)) is not None]
    if not kept or not by_loss:
        return []
    places = np.searchsorted(sample.rows("test"), kept)
    higher = ranking.metric.higher_is_better is not False
    chosen = choose(np.array(by_loss)[:, places], higher_is_better=higher, them=subjects(evidence)[1])
    scored = [(result, scores(result)) for result in shown]
    return [
        HardImage(title, _panel(ranking, scored, kept[place], place, f"{number}-{title}", sample))
        for number, (place, title) in enumerate(chosen.items())
    ]


def _kept(shown: Sequence[Result]) -> list[int]:
    """Image numbers of the kept predictions, the same for every trial of a study; none where one has none.

    With folds they are those of the first one, and none where a loss is shown by another.
    """
    if any(result.fold for result in shown):
        return []
    lists = [read_json(result.trial.eval_dir / "error_analysis.json").get("kept", []) for result in shown]
    return lists[0] if lists and all(kept == lists[0] for kept in lists) else []


def _panel(
    ranking: Ranking,
    scored: Sequence[tuple[Result, Mapping[str, str]]],
    image: int,
    place: int,
    name: str,
    sample: PackedSample,
) -> Panel:
    predictions = [
        Prediction(result, np.load(result.trial.eval_dir / "test.npy", mmap_mode="r", allow_pickle=False)[place], by_id)
        for result, by_id in scored
    ]
    return panel(ranking.head, name, image, predictions, sample)
