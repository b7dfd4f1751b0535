"""Read params.yaml, and refuse what it may not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from loss_study.choices.registry import validate
from loss_study.config import consistency
from loss_study.config.study import Config
from loss_study.runtime.errors import StudyError

PARAMS = Path("params.yaml")


def load_config(path: Path = PARAMS) -> Config:
    """Read and check params.yaml.

    Raises:
        StudyError: unreadable file, unknown key, wrong type, value out of range, or sections that contradict
            each other; the message names the key.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: no such file; run in the project's root, or create it with 'make params'") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: not valid YAML: {error}") from None
    except RecursionError:
        raise StudyError(f"{path}: sections within sections without end; create it again with 'make params'") from None
    if not isinstance(values, dict):
        raise StudyError(f"{path}: should hold a mapping of sections; create it again with 'make params'")
    consistency.refuse_bombs(values, path)
    return checked(values)


def checked(values: dict[str, Any]) -> Config:
    """Return `values`, those of params.yaml, as a configuration; StudyError as `load_config`."""
    consistency.refuse_secrets(values)
    consistency.refuse_large_numbers(values)
    config = validate(Config, values, "")
    consistency.check_consistent(config)
    return config
