"""Compose conf/ into params.yaml, as ``dvc exp run -S`` does, without running anything."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from dvc.utils.hydra import compose_and_dump

from loss_study.config import PARAMS, Config, load_config, resolvers
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import temporary_folder

#: What OmegaConf puts before the message of one of our resolvers.
_RESOLVING = "StudyError raised while resolving interpolation: "


def compose(output: Path, overrides: Sequence[str] = ()) -> None:
    """Write the configuration that the default choices and `overrides` (Hydra's grammar) compose to `output`.

    Raises:
        StudyError: a choice that does not exist, or conf/ does not compose.
        PermissionError: this account may not write there.
    """
    # DVC takes the format from the suffix.
    new = output.with_name(f".new.{output.name}")
    try:
        resolvers.register()
        compose_and_dump(new, str(Path("conf").resolve()), None, "config", "", list(overrides))
    except PermissionError:
        raise
    except Exception as error:
        # Hydra, OmegaConf, the YAML reader and DVC each raise their own errors for an invalid file.
        new.unlink(missing_ok=True)
        raise StudyError(_explained(error)) from None
    new.replace(output)


def _explained(error: Exception) -> str:
    # Hydra names the file in all of them but this one.
    if isinstance(error, UnicodeDecodeError):
        for path in Path("conf").rglob("*.yaml"):
            if error.object in path.read_bytes():
                return f"{path}: {error}; save it as UTF-8"
    return f"conf/: {str(error).removeprefix(_RESOLVING)}"


def composed(overrides: Sequence[str]) -> Config:
    """Return the checked configuration that the default choices and `overrides` compose; StudyError as in `compose`."""
    with temporary_folder() as folder:
        path = folder / "params.yaml"
        compose(path, overrides)
        return load_config(path)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choices."""
    parser.add_argument("choices", nargs="*", help="as for dvc exp run -S: loss=dice scale=laptop 'seeds=[0,1,2]'")


def main(arguments: argparse.Namespace) -> None:
    """Compose the defaults, changed by the choices on the command line, into params.yaml."""
    compose(PARAMS, arguments.choices)
