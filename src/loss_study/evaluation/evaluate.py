"""One trained model, measured on the test split, which nothing else reads."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from loss_study import losses, metrics, models
from loss_study.config import Augmentation
from loss_study.data.batches import Batches
from loss_study.data.packed import PackedSample
from loss_study.evaluation import class_errors, depth_errors, gradients, mask_errors, response
from loss_study.evaluation.kept import kept_places
from loss_study.losses import PROBABILITY, Output
from loss_study.metrics import classes, depth, mask
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import whole_folder, write_csv, write_json
from loss_study.training.checkpoint import DamagedError, load_saved
from loss_study.training.device import pick, pick_precision, use_cpu
from loss_study.training.loop import predictions
from loss_study.trial import Trial

#: How many test images the report shows for every trial.
PANEL_IMAGES = 8
BATCH_SIZE = 64


@dataclass(frozen=True)
class Evaluation:
    """`summary` is ``metrics.json`` but for the trial's own words; `per_image` has one value per test image;
    `panel` holds the predictions of the panel's images, uint8 (P, H, W), a number of a class where there are several,
    `kept` those of the places that `kept_places` names; `errors` says where the predictions are wrong.
    """

    summary: dict[str, Any]
    per_image: dict[str, np.ndarray]
    panel: np.ndarray
    kept: np.ndarray
    errors: dict[str, Any]


def evaluate_trial(trial: Trial, sample: PackedSample) -> None:
    """Evaluate the model in ``runs/<trial>/`` and write ``eval/<trial>/``; StudyError if there is none."""
    started = time.perf_counter()
    description = json.loads((trial.run_dir / "trial.json").read_text(encoding="utf-8"))
    use_cpu(description["threads"])
    model = load_model(trial.run_dir / "model.pt")
    output = losses.output(trial.loss, **description["loss_options"])
    augmentation = Augmentation(**description["augmentation"])
    evaluation = evaluate(
        model,
        sample,
        trial.head,
        description["precision"],
        output,
        augmentation if augmentation.test else None,
    )
    anatomy = _anatomy(trial, sample, model, description) | {"errors": evaluation.errors}
    summary = {name: description[name] for name in ("head", "loss", "seed", "status", "reason")} | evaluation.summary
    if summary["status"] == "diverged":
        summary["verdict"] = "diverged"
    summary["seconds"] = time.perf_counter() - started
    with whole_folder(trial.eval_dir) as folder:
        write_json(folder / "metrics.json", summary)
        write_csv(folder / "per_image.csv", *_table(sample, evaluation.per_image))
        np.save(folder / "predictions.npy", evaluation.panel, allow_pickle=False)
        write_json(folder / "anatomy.json", anatomy)
        np.save(folder / "test.npy", evaluation.kept, allow_pickle=False)
    headline = metrics.HEADLINE[trial.head]
    words = f"  ({summary['verdict']})" if summary["verdict"] else ""
    print(f"{trial.name}  test {headline} {summary['test'][headline]:.4f}{words}", flush=True)


def _anatomy(trial: Trial, sample: PackedSample, model: nn.Module, description: dict[str, Any]) -> dict[str, Any]:
    device = pick()
    loss = losses.build(trial.loss, **description["loss_options"])
    start = initial_model(trial.run_dir / "model.pt", trial.seed)
    moments = {"start": start.to(device, memory_format=torch.channels_last), "end": model}
    precision = pick_precision(description["precision"], device)
    rows, size = sample.rows("test"), sample.images.shape[1]
    output = losses.output(trial.loss, **description["loss_options"])
    several = trial.head == "mask" and sample.classes > 1
    return {
        "gradients": gradients.measure(moments, loss, sample, trial.head, precision, device),
        "response": None if several else response.curves(loss, trial.head, size, output),
        "kept": rows[kept_places(len(rows), size)].tolist(),
    }


def _table(sample: PackedSample, per_image: dict[str, np.ndarray]) -> tuple[list[dict[str, Any]], list[str]]:
    identity = ["id", "background", "object", "foreground"]
    rows = [
        {name: sample.index[row][name] for name in identity}
        | {name: values[place] for name, values in per_image.items()}
        for place, row in enumerate(sample.rows("test"))
    ]
    return rows, [*identity, *per_image]


def load_model(path: Path) -> nn.Module:
    """Return the model that `train` left in `path`; StudyError if the file is missing or damaged."""
    try:
        saved = load_saved(path)
        model = _build(models.blank, saved["build"])
        model.load_state_dict(saved["state"])
    except FileNotFoundError:
        raise StudyError(f"{path}: no trained model there; run 'dvc repro train@{path.parent.name}'") from None
    except (DamagedError, RuntimeError, KeyError, TypeError) as error:
        raise StudyError(f"{path}: damaged model file ({type(error).__name__}); train it again") from None
    return model


def initial_model(path: Path, seed: int) -> nn.Module:
    """Return the model of `path`, which `load_model` can read, with the weights that `train` drew from `seed`."""
    build = load_saved(path)["build"]
    torch.manual_seed(seed)
    return _build(models.build, build)


def _build(function: Callable[..., nn.Module], build: dict[str, Any]) -> nn.Module:
    heads, classes = build["heads"], build["classes"]
    return function(build["name"], build["in_channels"], heads, classes=classes, **build["options"])


def panel_rows(sample: PackedSample) -> np.ndarray:
    """Return the picture numbers of the panel: test images spread evenly from the smallest to the largest foreground.

    Where the sample has no masks of one class, spread evenly over the test split. The same for all trials.
    """
    rows = sample.rows("test")
    if sample.masks is not None and sample.classes == 1:
        share = np.array([float(sample.index[row]["foreground"] or "nan") for row in rows])
        rows = rows[np.argsort(share, kind="stable")]
    count = min(PANEL_IMAGES, len(rows))
    return rows[(2 * np.arange(count) + 1) * len(rows) // (2 * count)]


def evaluate(
    model: nn.Module,
    sample: PackedSample,
    head: str,
    precision: str,
    output: Output = PROBABILITY,
    test_augmentation: Augmentation | None = None,
) -> Evaluation:
    """Measure `model` on the test split, a mask of one class also at the threshold that is best on validation.

    Args:
        output: how the model's raw output becomes a prediction.
        test_augmentation: changes the test split, which is a mistake of the original study.
    """
    device = pick()
    precision = pick_precision(precision, device)
    model = model.to(device, memory_format=torch.channels_last)

    several = head == "mask" and sample.classes > 1
    validation = _predict(model, sample, "validation", head, precision, output, device)
    threshold = mask.best_threshold(**validation) if head == "mask" and not several else None
    test = _predict(model, sample, "test", head, precision, output, device, test_augmentation)
    foreground = _foreground(sample, "test")
    measure = partial(_measure, head, class_names=sample.class_names, threshold=threshold)
    per_image, summary = measure(test, foreground)
    _, validation_summary = measure(validation, _foreground(sample, "validation"))
    return Evaluation(
        {
            "verdict": metrics.collapse(head, **test, class_names=sample.class_names),
            "threshold": threshold,
            "classes": test["target"].shape[1],
            "test": summary,
            "validation": validation_summary,
            "images": len(test["target"]),
            "panel": panel_rows(sample).tolist(),
        },
        per_image,
        _uint8(test["prediction"][np.searchsorted(sample.rows("test"), panel_rows(sample))]),
        _uint8(test["prediction"][kept_places(*test["target"].shape[::3])]),
        _errors(head, test, foreground),
    )


def _predict(
    model: nn.Module,
    sample: PackedSample,
    split: str,
    head: str,
    precision: str,
    output: Output,
    device: torch.device,
    augmentation: Augmentation | None = None,
) -> dict[str, Tensor | None]:
    """Return prediction, target and valid of a whole split, named as the arguments of the metrics."""
    batches = Batches(sample, split, head, BATCH_SIZE, device)
    parts = zip(*predictions(model, batches, head, precision, output, augmentation), strict=True)
    joined = [None if part[0] is None else torch.cat([tensor.cpu() for tensor in part]) for part in parts]
    return dict(zip(("prediction", "target", "valid"), joined, strict=True))


def _foreground(sample: PackedSample, split: str) -> Tensor | None:
    """Return the true mask of one class, float (N, 1, H, W), 0 where there is no truth; None where there is no mask."""
    if sample.masks is None or sample.classes > 1:
        return None
    return torch.from_numpy(sample.masks[sample.rows(split)])[:, None].float() / 255


def _measure(
    head: str,
    pair: dict[str, Tensor | None],
    foreground: Tensor | None,
    *,
    class_names: Sequence[str],
    threshold: float | None,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    if head == "depth":
        values = depth.per_image(**pair, foreground=foreground)
        summary = depth.aggregate(values)
    elif threshold is None:
        values = _in_parts(partial(classes.per_image, class_names=class_names), pair)
        summary = classes.aggregate(values)
    else:
        values = mask.per_image(**pair)
        at_best = mask.at_threshold(**pair, threshold=threshold)
        values |= {name + metrics.AT_BEST: value for name, value in at_best.items()}
        summary = mask.aggregate(values)
    return {name: value.numpy() for name, value in values.items()}, summary


def _in_parts(per_image: Callable[..., dict[str, Tensor]], pair: dict[str, Tensor | None]) -> dict[str, Tensor]:
    """Return the columns of a split, computed `BATCH_SIZE` images at a time: several classes take much memory."""
    parts = [
        per_image(
            **{name: tensor if tensor is None else tensor[start : start + BATCH_SIZE] for name, tensor in pair.items()}
        )
        for start in range(0, len(pair["target"]), BATCH_SIZE)
    ]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _errors(head: str, pair: dict[str, Tensor | None], foreground: Tensor | None) -> dict[str, Any]:
    if head == "depth":
        return depth_errors.describe(**pair, mask=foreground)
    several = pair["target"].shape[1] > 1
    return class_errors.describe(**pair) if several else mask_errors.describe(**pair)


def _uint8(prediction_NCHW: Tensor) -> np.ndarray:
    if prediction_NCHW.shape[1] > 1:
        return classes.most_probable(prediction_NCHW).to(torch.uint8).numpy()
    return (prediction_NCHW[:, 0] * 255).round().to(torch.uint8).numpy()
