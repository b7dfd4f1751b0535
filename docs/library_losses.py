"""Try every loss of segmentation-models-pytorch, MONAI and kornia by its import path, and write docs/losses.md.

``python docs/library_losses.py``. A loss is tried on two images, as `check` does before a study: on a mask of one
class, on one of three classes, and on a depth map; with the first of its `ARGUMENTS` that works.
"""

from __future__ import annotations

import inspect
import re
import textwrap
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import nn

from loss_study import losses
from loss_study.checks.tiny_batch import try_loss
from loss_study.choices.imported import TARGET
from loss_study.losses import TargetStatistics
from loss_study.runtime.errors import StudyError

PAGE = Path(__file__).with_name("losses.md")
PACKAGES = {
    "segmentation_models_pytorch.losses": "segmentation-models-pytorch",
    "monai.losses": "monai",
    "kornia.losses": "kornia",
}
#: Head, number of classes, title of the column.
CASES = (("mask", 1, "mask of one class"), ("mask", 3, "mask of three classes"), ("depth", 1, "depth"))
SIZE = 64
#: Tried in this order; for several classes the other way round.
ARGUMENTS: tuple[dict[str, Any], ...] = (
    {"mode": "binary"},
    {"sigmoid": True},
    {},
    {"use_softmax": True},
    {"softmax": True},
    {"mode": "multiclass"},
)
_BCE = {TARGET: "torch.nn.BCEWithLogitsLoss"}
_DISTANCES = {TARGET: "torch.tensor", "data": [[0.0, 1.0, 1.0], [1.0, 0.0, 0.5], [1.0, 0.5, 0.0]]}
#: What a loss cannot be made without, or not be used without.
NEEDED: dict[str, dict[str, Any]] = {
    "segmentation_models_pytorch.losses.SoftCrossEntropyLoss": {"smooth_factor": 0.0},
    "monai.losses.DeepSupervisionLoss": {"loss": _BCE},
    "monai.losses.GeneralizedWassersteinDiceLoss": {"dist_matrix": _DISTANCES},
    "monai.losses.JukeboxLoss": {"spatial_dims": 2},
    "monai.losses.LocalNormalizedCrossCorrelationLoss": {"spatial_dims": 2},
    "monai.losses.MaskedLoss": {"loss": _BCE},
    "monai.losses.MultiScaleLoss": {"loss": _BCE},
    "monai.losses.NACLLoss": {"classes": 3, "dim": 2},
    "monai.losses.SSIMLoss": {"spatial_dims": 2},
    "kornia.losses.BinaryFocalLossWithLogits": {"alpha": 0.25},
    "kornia.losses.FocalLoss": {"alpha": 0.25},
    "kornia.losses.PSNRLoss": {"max_val": 1.0},
    "kornia.losses.SSIM3DLoss": {"window_size": 11},
    "kornia.losses.SSIMLoss": {"window_size": 11},
    "kornia.losses.TverskyLoss": {"alpha": 0.3, "beta": 0.7},
}
ONE_IMAGE = "compare all images with a single one"
#: Not tried, and why.
LEFT_OUT = {
    "kornia.losses.InverseDepthSmoothnessLoss": "compare the prediction with the image",
    "monai.losses.PerceptualLoss": "need the weights of a network from the internet",
    "kornia.losses.MILossFromRef": ONE_IMAGE,
    "kornia.losses.MILossFromRef2D": ONE_IMAGE,
    "kornia.losses.MILossFromRef3D": ONE_IMAGE,
    "kornia.losses.NMILossFromRef": ONE_IMAGE,
    "kornia.losses.NMILossFromRef2D": ONE_IMAGE,
    "kornia.losses.NMILossFromRef3D": ONE_IMAGE,
}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page, as it is with the libraries that are installed."""
    parts = [INTRODUCTION]
    for module, package in PACKAGES.items():
        parts.append(f"## {package} {version(package)}\n")
        parts += [*_table(module), ""]
    return "\n".join(parts)


INTRODUCTION = """# Losses of libraries

Made by `python docs/library_losses.py`, which tries each one on two images of 64 px as `check` does. A configuration
names any of them by its import path, see [extending.md](extending.md):

```yaml
# @package _global_
loss:
  imported: [monai_dice]
  heads: [mask]
loss_options:
  monai_dice: {_target_: monai.losses.DiceLoss, sigmoid: true}
```

A cell has the arguments that it worked with and, behind them, how it is called: with logits or a probability (`two_`:
of background and foreground); with the ground truth as shares of the classes, as their numbers, or as numbers with an
axis for the channel; and how one value per image is got: its `own`, with `reduction="none"`, or by calls with one image
after the other (`images`). All of that is found by trying. A dash: it worked with none of the arguments.
"""


def _table(module: str) -> Iterator[str]:
    found = {path: {title: tried(path, head, classes) for head, classes, title in CASES} for path in _losses(module)}
    yield f"| loss | {' | '.join(title for *_, title in CASES)} |"
    yield "|---" * (len(CASES) + 1) + "|"
    for path, cells in found.items():
        if any(cells.values()):
            row = " | ".join(cells[title] or "-" for *_, title in CASES)
            yield f"| `{path.rpartition('.')[2]}` | {row} |"
    without = [path for path, cells in found.items() if not any(cells.values())]
    yield ""
    if without:
        names = ", ".join(f"`{path.rpartition('.')[2]}`" for path in without if path not in LEFT_OUT)
        yield _wrapped(f"Made for something else, or without a gradient that training can use: {names}.")
    for reason in sorted({LEFT_OUT[path] for path in without if path in LEFT_OUT}):
        names = ", ".join(f"`{path.rpartition('.')[2]}`" for path in without if LEFT_OUT.get(path) == reason)
        yield _wrapped(f"Not tried: {names}, since they {reason}.")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 120, break_on_hyphens=False)


def _losses(module: str) -> list[str]:
    """Return the import paths of the losses in a module, each once."""
    seen, paths = set(), []
    for name, one in vars(import_module(module)).items():
        if inspect.isclass(one) and issubclass(one, nn.Module) and one not in seen and one.__name__ == name:
            seen.add(one)
            paths.append(f"{module}.{name}")
    return sorted(paths)


def tried(path: str, head: str, classes: int) -> str:
    """Return arguments and convention with which the loss at `path` works, "" if it does not."""
    if path in LEFT_OUT:
        return ""
    for arguments in _arguments(path, classes):
        loss = {TARGET: path, **NEEDED.get(path, {}), **arguments}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = losses.load("tried", loss)
                try_loss(made, head, classes, SIZE)
                found = made.resolve(TargetStatistics(0.2, (0.8, 0.2), classes if head == "mask" else 1)).options
        except StudyError:
            continue
        return _words({**NEEDED.get(path, {}), **arguments}, found)
    return ""


def _arguments(path: str, classes: int) -> Iterator[dict[str, Any]]:
    module, _, name = path.rpartition(".")
    known = inspect.signature(getattr(import_module(module), name)).parameters
    ordered = ARGUMENTS if classes == 1 else ARGUMENTS[::-1]
    yield from (arguments for arguments in ordered if set(arguments) <= set(known))


def _words(arguments: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    given = ", ".join(f"{name}={_value(value)}" for name, value in arguments.items())
    how = ", ".join(str(found[key]) for key in ("_prediction_", "_ground_truth_", "_values_"))
    return f"`{given}`; {how}" if given else how


def _value(value: Any) -> str:
    text = f"{value[TARGET]}(...)" if isinstance(value, Mapping) else repr(value)
    return re.sub(r"'", "", text)


if __name__ == "__main__":
    main()
