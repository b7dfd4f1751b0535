"""Compose conf/ into params.yaml, exactly as ``dvc exp run`` does.

``python -m loss_study.composition [loss=dice scale=laptop ...]``
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loss_study.config import PARAMS, Config, load_config
from loss_study.runtime.errors import StudyError, run_stage


def compose(output: Path, overrides: Sequence[str] = ()) -> None:
    """Write the parameters that the default choices and `overrides` (Hydra's grammar) compose to `output`.

    Raises:
        StudyError: a choice that does not exist, or conf/ does not compose.
    """
    from dvc.utils.hydra import compose_and_dump  # noqa: PLC0415 -- half a second

    # By the suffix, DVC knows the format.
    new = output.with_name(f".new.{output.name}")
    try:
        compose_and_dump(new, str(Path("conf").resolve()), None, "config", "", list(overrides))
    except Exception as error:
        # Hydra, OmegaConf, the YAML reader and DVC each have errors of their own for what a file may hold.
        new.unlink(missing_ok=True)
        raise StudyError(_explained(error)) from None
    new.replace(output)


def _explained(error: Exception) -> str:
    # Hydra names the file in all of them but this one.
    if isinstance(error, UnicodeDecodeError):
        for path in Path("conf").rglob("*.yaml"):
            if error.object in path.read_bytes():
                return f"{path}: {error}; save it as UTF-8"
    return f"conf/: {error}"


def composed(overrides: Sequence[str]) -> Config:
    """Return the checked parameters that the default choices and `overrides` compose; StudyError as in `compose`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        compose(path, overrides)
        return load_config(path)


def main() -> None:
    """Compose the defaults, changed by the overrides on the command line, into params.yaml."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="choices in Hydra's grammar, such as loss=dice scale=laptop")
    compose(PARAMS, parser.parse_args().overrides)


if __name__ == "__main__":
    run_stage(main)
