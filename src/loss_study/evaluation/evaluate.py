"""Trained models of a study, measured one after another on the test split."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from loss_study import losses, metrics
from loss_study.config import Augmentation
from loss_study.data.packed import PackedSample
from loss_study.evaluation import per_image
from loss_study.evaluation.error_analysis import class_errors, depth_errors, gradients, mask_errors, pixel_response
from loss_study.evaluation.error_analysis.gradients import GradientImages
from loss_study.evaluation.shown_images import panel_rows, stored_places
from loss_study.evaluation.splits import Split, Splits
from loss_study.evaluation.trained_models import initial_model, load_description, load_model
from loss_study.joint_trial import loss_of, record_of
from loss_study.losses import PROBABILITY, Loss, Output
from loss_study.metrics.constant import best_constant
from loss_study.metrics.masks import most_probable
from loss_study.metrics.thresholds import best_threshold
from loss_study.metrics.verdict import collapse
from loss_study.runtime.files import whole_folder, write_csv, write_json
from loss_study.training.device import pick_precision, use_cpu
from loss_study.trial import Trial, parent_dir

#: Columns of ``per_image.csv`` that say which image it is; the metrics stand behind them.
IDENTITY = ("id", "background", "object", "foreground")


@dataclass(frozen=True)
class Evaluation:
    """What a model is like on the test split.

    Attributes:
        summary: ``metrics.json`` without what the trial's description says.
        columns: ``per_image.csv``: metrics by name, one value per test image.
        panel: predictions of the panel's images, uint8 (P, H, W), numbers of classes where there are several.
        stored: predictions of the images in `stored_places`, the same.
        errors: where the predictions are wrong.
    """

    summary: dict[str, Any]
    columns: dict[str, np.ndarray]
    panel: np.ndarray
    stored: np.ndarray
    errors: dict[str, Any]


def evaluate_trials(trials: Iterable[Trial], sample: PackedSample, analysed: Collection[tuple[str, str]] = ()) -> None:
    """Evaluate the models in the `run_dir` of `trials` one after another, and write their `eval_dir`.

    Batches and targets are made once for all trials of a head; a trial's numbers do not depend on the others.
    Gradients, responses and the predictions of the test images are those of one sound trial of each head and loss: they
    are kept for the first one, and for those that failed before it.

    Args:
        trials: of one or more heads.
        sample: what they were trained on; where it has folds, each is evaluated on its own.
        analysed: heads and losses that have such a trial already.

    Raises:
        StudyError: a trial's model is missing or damaged. The trials before it are written.
    """
    splits_of = cache(lambda fold, *what: Splits.of(sample.of_fold(fold), *what))
    gradient_images_of = cache(lambda fold, *what: GradientImages(sample.of_fold(fold), *what))
    done = set(analysed)
    for trial in trials:
        started = time.perf_counter()
        description = record_of(trial, load_description(trial.run_dir / "trial.json"))
        use_cpu(description["threads"])
        model = load_model(trial.run_dir / "model.pt")
        augmentation = Augmentation(**description["augmentation"])
        fold = description.get("fold", 0)
        splits = splits_of(fold, trial.head, augmentation if augmentation.test else None)
        loss = losses.load(loss_of(trial, description), description["loss_options"])
        evaluation = evaluate(model, splits, description["precision"], loss.output)
        summary, analysis = _summary(description, evaluation), {"errors": evaluation.errors}
        if shown := (trial.head, trial.loss) not in done:
            images = gradient_images_of(fold, trial.head, splits.device)
            analysis |= _error_analysis(trial, model, loss, description, splits, images)
        if not summary["verdict"]:
            done.add((trial.head, trial.loss))
        _write(trial, splits, evaluation, summary | {"seconds": time.perf_counter() - started}, analysis, shown=shown)
        _tell(trial, summary)


def evaluate(
    model: nn.Module,
    splits: Splits,
    precision: str,
    output: Output = PROBABILITY,
    *,
    threshold: float | None = None,
) -> Evaluation:
    """Measure `model` on the test split, a mask of one class also at the threshold that is best on validation.

    Args:
        model: is moved to the device of `splits`.
        splits: of the model's head.
        precision: "bfloat16", "float32" or "auto".
        output: how the model's raw output becomes a prediction.
        threshold: of a mask of one class, in the place of the best one.
    """
    sample, test = splits.sample, splits.test
    model = model.to(splits.device).to(memory_format=torch.channels_last)
    precision = pick_precision(precision, splits.device)
    if threshold is None and splits.head == "mask" and not splits.several_classes:
        threshold = best_threshold(**_pair(splits.validation, splits.validation.predict(model, precision, output)))
    test_pair = _pair(test, test.predict(model, precision, output))
    columns, summary = _measure(splits, test_pair, threshold)
    panel = panel_rows(sample)
    prediction, depth = test_pair["prediction"], sample.statistics.get("depth_mean")
    return Evaluation(
        {
            "verdict": collapse(
                splits.head,
                **test_pair,
                class_names=sample.class_names,
                threshold=0.5 if threshold is None else threshold,
                constant=depth,
            ),
            "constant": best_constant(splits.head, test_pair["target"], test_pair["valid"], depth),
            "threshold": threshold,
            "classes": prediction.shape[1],
            "test": summary,
            "images": len(prediction),
            "panel": panel.tolist(),
        },
        columns,
        _as_uint8(prediction[np.searchsorted(test.rows, panel)]),
        _as_uint8(prediction[stored_places(*prediction.shape[::3])]),
        _errors(splits, test_pair),
    )


def _pair(split: Split, prediction: Tensor) -> dict[str, Any]:
    """Return prediction, target and valid, named as the arguments of the metrics."""
    return {"prediction": prediction, "target": split.target, "valid": split.valid}


def _measure(
    splits: Splits, pair: dict[str, Any], threshold: float | None
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return the metrics of every test image by name, and their summary."""
    if splits.head == "depth":
        values = per_image.depth.columns(**pair, foreground=splits.test.foreground, scale=splits.sample.depth_scale)
        summary = per_image.depth.summary(values)
    elif threshold is None:
        values = per_image.classes.columns(**pair, class_names=splits.sample.class_names)
        summary = per_image.classes.summary(values)
    else:
        values = per_image.mask.columns(**pair)
        at_best = per_image.mask.at_threshold(**pair, threshold=threshold)
        values |= {name + metrics.AT_BEST: value for name, value in at_best.items()}
        summary = per_image.mask.summary(values)
    return {name: value.numpy() for name, value in values.items()}, summary


def _errors(splits: Splits, pair: dict[str, Any]) -> dict[str, Any]:
    if splits.head == "depth":
        return depth_errors.describe(**pair, mask=splits.test.foreground)
    return class_errors.describe(**pair) if splits.several_classes else mask_errors.describe(**pair)


def _as_uint8(prediction_NCHW: Tensor) -> np.ndarray:
    if prediction_NCHW.shape[1] > 1:
        return most_probable(prediction_NCHW).to(torch.uint8).numpy()
    return (prediction_NCHW[:, 0] * 255).round().to(torch.uint8).numpy()


def _error_analysis(
    trial: Trial, model: nn.Module, loss: Loss, description: dict[str, Any], splits: Splits, images: GradientImages
) -> dict[str, Any]:
    """Return ``error_analysis.json`` without the errors; `model` is left in training mode."""
    # Draws the weights, and leaves the generator that dropout draws from as it is for this trial alone.
    parent = parent_dir(trial.head, splits.sample.fold) / "model.pt" if "parent" in description else None
    start = initial_model(trial.run_dir / "model.pt", trial.seed, parent)
    models = {"start": start.to(splits.device).to(memory_format=torch.channels_last), "end": model}
    precision = pick_precision(description["precision"], splits.device)
    rows, size = splits.test.rows, splits.sample.images.shape[1]
    return {
        "gradients": gradients.measure(models, loss, images, precision),
        "response": None if splits.several_classes else pixel_response.curves(loss, trial.head, size),
        "kept": rows[stored_places(len(rows), size)].tolist(),
    }


def _summary(description: dict[str, Any], evaluation: Evaluation) -> dict[str, Any]:
    summary = {name: description[name] for name in ("head", "loss", "seed", "status", "reason")} | evaluation.summary
    if summary["status"] == "diverged":
        summary["verdict"] = "diverged"
    return summary


def _write(
    trial: Trial,
    splits: Splits,
    evaluation: Evaluation,
    summary: dict[str, Any],
    analysis: dict[str, Any],
    *,
    shown: bool,
) -> None:
    with whole_folder(trial.eval_dir) as folder:
        write_json(folder / "metrics.json", summary)
        rows = [splits.sample.index[row] for row in splits.test.rows]
        write_csv(folder / "per_image.csv", _table(rows, evaluation.columns), [*IDENTITY, *evaluation.columns])
        np.save(folder / "predictions.npy", evaluation.panel, allow_pickle=False)
        write_json(folder / "error_analysis.json", analysis)
        if shown:
            np.save(folder / "test.npy", evaluation.stored, allow_pickle=False)


def _table(images: Sequence[dict[str, str]], columns: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    return [
        {name: image[name] for name in IDENTITY} | {name: values[place] for name, values in columns.items()}
        for place, image in enumerate(images)
    ]


def _tell(trial: Trial, summary: dict[str, Any]) -> None:
    headline = metrics.headline_of(trial.head, summary["classes"]).name
    verdict = f"  ({summary['verdict']})" if summary["verdict"] else ""
    print(f"{trial.name}  test {headline} {summary['test'][headline]:.4f}{verdict}", flush=True)
