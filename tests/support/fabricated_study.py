"""A finished study without training: fabricated runs/, eval/ and data/sample, with values known by construction."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from loss_study.config import Config, load_config, rounds
from loss_study.data.depth_scale import eight_bits
from loss_study.data.packed import PackedSample
from loss_study.datasets.base import Example, Item
from loss_study.inspection import contact_sheet
from loss_study.inspection.examples import Seen
from loss_study.inspection.findings import Findings, Table
from loss_study.report.build import build
from loss_study.statistics import results
from loss_study.statistics.ranking import Ranking, headlines, rank_all
from loss_study.statistics.results import Result
from loss_study.trial import Trial

REPOSITORY = Path(__file__).parents[2]
LOSSES = ["bce", "l1", "rmse", "dice", "weighted_bce", "huber", "ssim"]
SEEDS = [0, 1]
SIZE = 32
PANEL = [8, 9]
# Test value of the headline metric; seed 0 scores 0.01 below it and seed 1 0.01 above it.
IOU = {"bce": 0.90, "l1": 0.80, "rmse": 0.88, "dice": 0.93, "weighted_bce": 0.91, "huber": 0.85, "ssim": 0.96}
RMSE = {"bce": 0.05, "l1": 0.04, "rmse": 0.03, "dice": 0.35, "weighted_bce": 0.38, "huber": 0.045, "ssim": 0.032}
COLLAPSED = ("mask", "ssim", 1)
DIVERGED = ("depth", "huber", 1)
MISSING = ("depth", "bce", 0)
DIVERGENCE = "the loss became nan in epoch 3"


def fabricate(root: Path, *, repository: Path, losses=LOSSES, seeds=SEEDS, background="bg", reason=DIVERGENCE) -> None:
    """Write params.yaml and every file that `compare` reads below `root`."""
    values = yaml.safe_load((repository / "params.yaml").read_text(encoding="utf-8"))
    values["loss"]["names"], values["seeds"] = list(losses), list(seeds)
    values["loss_options"] = {loss: {} for loss in losses} | values["loss_options"]
    values["recipe"] |= {"name": "fixed", "search": {**values["recipe"]["search"], "lr": []}}
    study = seeds, values["race"]["rounds"], 1, losses
    values["race"] |= {"later": rounds.later(*study), "previous": rounds.previous(*study)}
    (root / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    masks, depths = write_sample(root / "data" / "sample", background)
    write_inspection(root / "data")
    for head, target in (("mask", masks), ("depth", depths)):
        for loss in losses:
            for seed in seeds:
                if (head, loss, seed) != MISSING:
                    write_trial(root, head, loss, seed, target, reason)


@dataclass(frozen=True)
class Study:
    """What `compare` reads in the working directory."""

    config: Config
    results: list[Result]
    rankings: list[Ranking]
    sample: PackedSample

    @classmethod
    def read(cls) -> "Study":
        config = load_config()
        found = results.read(config)
        return cls(config, found, rank_all(found, config), PackedSample.open(Path("data/sample")))

    def files(self) -> dict[str, bytes]:
        """What `compare` writes."""
        return build(self.config, self.results, self.rankings, self.sample)

    def page(self) -> str:
        return self.files()["index.html"].decode()

    def ranking(self, head: str) -> Ranking:
        """The ranking of `head` on its headline metric."""
        return next(ranking for ranking in headlines(self.rankings) if ranking.head == head)

    def order(self, head: str) -> list[str]:
        """The losses of `head`, best first."""
        return [standing.loss for standing in self.ranking(head).standings]

    def result(self, head: str, loss: str, seed: int) -> Result:
        return next(result for result in self.results if result.trial == Trial(head, loss, seed))


def write_sample(folder: Path, background: str) -> tuple[np.ndarray, np.ndarray]:
    """Ten images of a disc before a gradient; 0-5 train, 6-7 validation, 8-9 test, one background per split."""
    folder.mkdir(parents=True)
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    masks, depths, images = [], [], []
    sky = np.stack([90 + 2 * y, 110 + y, 150 - 2 * y], axis=-1)
    for number in range(10):
        mask = np.clip(7 - np.hypot(x - 9 - 1.4 * number, y - 18), 0, 1)
        masks.append(np.uint8(255 * mask))
        depths.append(np.uint16(257 * np.where(mask > 0.5, 60, 250 - 5 * y)))
        images.append(np.uint8(sky * (1 - mask[..., None]) + mask[..., None] * (200, 120, 40)))
    splits = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    rows = {split: row for row, split in enumerate(["train", "validation", "test"])}
    np.save(folder / "images.npy", np.stack(images))
    np.save(folder / "backgrounds.npy", np.stack([np.uint8(sky)] * 3))
    np.save(folder / "masks.npy", np.stack(masks))
    np.save(folder / "depths.npy", np.stack(depths))
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "split", "background_row", "background", "object", "foreground"])
        for number, split in enumerate(splits):
            name = f"{background}{rows[split]}"
            writer.writerow([f"{name}-{number}", split, rows[split], name, f"cut{number}", 0.14])
    meta = {
        "format": 4,
        "backgrounds": 3,
        "heads": ["mask", "depth"],
        "classes": 1,
        "class_names": ["foreground"],
        "invalid_pixels": [],
        "depth": {"unit": "m", "halfway_m": 9.0, "farthest_m": 80.0},
        "notes": ["Depth is fabricated."],
        "statistics": {"mask_mean": 0.14, "depth_mean": 0.6},
    }
    (folder / "sample.json").write_text(json.dumps(meta), encoding="utf-8")
    return np.stack(masks), np.stack(depths)


def write_inspection(data: Path, text: str = "odd") -> None:
    """What the stage `inspect` finds in the sample in `data`, with `text` in each kind of text."""
    sample = PackedSample.open(data / "sample")
    arrays = zip(sample.images, sample.masks, sample.depths, strict=True)
    seen = [Seen(Item(f"image {text}", None, None), "test", Example(*one), sample.backgrounds[0]) for one in arrays]
    table = Table(f"table {text}", ("quantity", f"column {text}"), (("row", f"cell {text}"),), f"explanation {text}")
    found = Findings(f"summary {text}", (f"warning {text}",), (table,), (), f"sheet {text}")
    found.write(data / "inspection", contact_sheet.draw(seen, 1))


def headline(head: str, loss: str, seed: int) -> float:
    """The test value that `write_trial` gives the head's headline metric; a collapsed mask has IoU 0."""
    if (head, loss, seed) == COLLAPSED:
        return 0.0
    return {"mask": IOU, "depth": RMSE}[head][loss] + (0.01 if seed else -0.01)


def write_trial(root: Path, head: str, loss: str, seed: int, target: np.ndarray, reason: str) -> None:
    trial, folders = (head, loss, seed), Trial(head, loss, seed)
    status = "diverged" if trial == DIVERGED else "finished"
    verdict = {COLLAPSED: "all background", DIVERGED: "diverged"}.get(trial, "")
    identity = {"head": head, "loss": loss, "seed": seed, "status": status}
    identity["reason"] = reason if status == "diverged" else ""
    value = headline(*trial)
    run = root / folders.run_dir
    run.mkdir(parents=True)
    epochs = 3 if status == "diverged" else 8
    settings = {"batch_size": 16, "epochs": 8, "lr": 0.01, "precision": "float32", "device": "cpu", "threads": 1}
    details = {"epochs_run": epochs, "kept_epoch": epochs, "kept_validation": value}
    details |= {"parameters": 496_000, "trainable_parameters": 496_000}
    speed = {"seconds": 10.0 + 2 * seed, "images_per_second": 500.0, "versions": {"torch": "2.15.0"}}
    (run / "trial.json").write_text(json.dumps(identity | settings | details | speed), encoding="utf-8")
    write_history(run / "history.csv", value, epochs, diverges=status == "diverged")
    write_evaluation(root / folders.eval_dir, identity | {"verdict": verdict}, value, target)


def collapse(head: str, loss: str, verdict: str) -> None:
    """Let every trial of `loss` in the working directory collapse; "constant depth" is such a verdict."""
    for path in Path("eval").glob(f"*/{head}/{loss}/*/metrics.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"verdict": verdict}), encoding="utf-8")


def write_history(path: Path, final: float, epochs: int, *, diverges: bool) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "train_loss", "validation", "learning_rate", "seconds", "images_per_second"])
        for epoch in range(1, epochs + 1):
            train = "nan" if diverges and epoch == epochs else 0.7 * 0.6**epoch
            start = 0.1 if final > 0.5 else final + 0.2
            writer.writerow([epoch, train, final + (start - final) * 0.5**epoch, 0.01 / epoch, 1.2, 500.0])


def write_evaluation(folder: Path, outcome: dict, value: float, target: np.ndarray) -> None:
    folder.mkdir(parents=True)
    head = outcome["head"]
    if head == "mask":
        at_best = {"iou": value, "dice": 2 * value / (1 + value), "precision": value, "recall": 1.0}
        test = {f"{name}_at_best": score for name, score in at_best.items()}
        test |= {name: max(0.0, score - 0.01) for name, score in at_best.items()}
    else:
        test = {
            "rmse_coded": value,
            "rmse": 20 * value,
            "abs_rel": 2 * value,
            "delta1": 1 - value,
            "ssim": 1 - 2 * value,
        }
        test |= {f"{name}_fg": score / 2 for name, score in test.items()}
    metrics = {**outcome, "threshold": 0.4 if head == "mask" else None, "test": test, "validation": test}
    metrics |= {"images": 2, "classes": 1, "panel": PANEL, "seconds": 0.3}
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    rng = np.random.default_rng(outcome["seed"])
    spread = 255 * (1 - value if head == "mask" else value)
    noisy = eight_bits(target[PANEL]) + rng.normal(0, spread, (len(PANEL), SIZE, SIZE))
    prediction = np.zeros_like(noisy) if outcome["verdict"] == "all background" else noisy
    np.save(folder / "predictions.npy", np.uint8(np.clip(prediction, 0, 255)))
    with (folder / "per_image.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "background", "object", "foreground", next(iter(test))])
        writer.writerows([[f"bg2-{number}", "bg2", f"cut{number}", 0.14, value] for number in PANEL])
