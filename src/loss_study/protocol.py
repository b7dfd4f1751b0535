"""What decides a trial's numbers besides its pictures: the parameters of its training, and the code.

DVC rewrites all of ``dvc.lock`` after each stage, so a stage of which there are many names few dependencies: `check`
writes a file for each head and loss, and its change stands for that of any parameter or file in it. A search takes it,
and writes another one, with the learning rate that it found.

Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from loss_study import combination
from loss_study.config import Config
from loss_study.runtime.files import whole_folder, write_json
from loss_study.trial import heads_and_losses

PACKAGE = Path(__file__).parent
#: The file that holds what decides a training; its folder is the dependency.
NAME = "protocol.json"
#: What trains a model, and every trial goes through.
TRAINING = (
    "data",
    "losses/__init__.py",
    "losses/_pixels.py",
    "losses/_class_weights.py",
    "metrics",
    "models/__init__.py",
    "models/_parts",
    "training",
)
#: What measures one; the models in it are those that were trained.
EVALUATION = ("data", "evaluation", "losses/__init__.py", "losses/_pixels.py", "metrics", "training")


def write(config: Config, folder: Path) -> None:
    """Replace `folder` by ``train/<head>-<loss>/``, what decides each training, and ``evaluate.json``."""
    with whole_folder(folder) as new:
        for head, loss in heads_and_losses(config):
            pair = new / "train" / f"{head}-{loss}"
            pair.mkdir(parents=True)
            write_json(pair / NAME, of_training(loss, config))
        write_json(new / "evaluate.json", {"code": _digests(files_in(EVALUATION))})


def of_training(loss: str, config: Config) -> dict[str, Any]:
    """Return the parameters that decide the training with `loss`, and the SHA-256 of its code by file."""
    options = combination.options_of(loss, config.loss_options)
    return {
        "model": config.model.model_dump(mode="json"),
        "recipe": config.recipe.model_dump(mode="json"),
        "options": options,
        "code": _digests(training_code(loss, options, config.model.name)),
    }


def training_code(loss: str, options: Mapping[str, Any], model: str) -> list[Path]:
    """Return the files that decide what a training with `loss`, which has these `options`, makes of `model`."""
    return [*files_in(TRAINING), *combination.files_of(loss, options), PACKAGE / "models" / f"{model}.py"]


def files_in(names: Iterable[str]) -> list[Path]:
    """Return the modules that `names`, files and folders of the package, stand for."""
    paths = [PACKAGE / name for name in names]
    return [file for path in paths for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]


def _digests(files: Iterable[Path]) -> dict[str, str]:
    return {file.relative_to(PACKAGE).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
