"""What ``scale=auto`` stands for: the scale and the seeds that ``loss-study fit-scale`` has chosen for this machine.

They are read when conf/ is composed, so that params.yaml holds numbers and never "auto".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import whole_text

#: ``{"scale": "large", "seeds": [0, 1, 2]}``; of this machine, so git ignores it.
FITTED = Path("data/fitted_scale.yaml")
AUTO = "auto"
#: Hydra hides what a resolver raises in a list of defaults, so this one is composed until `value` says what is missing.
_UNTIL_THEN = "quick"


def write(scale: str, seeds: list[int], why: str) -> None:
    """Let ``scale=auto`` stand for `scale` with `seeds`; `why` are sentences for whoever opens the file."""
    FITTED.parent.mkdir(exist_ok=True)
    comment = "".join(f"# {line}\n" for line in why.splitlines())
    whole_text(FITTED, comment + yaml.safe_dump({"scale": scale, "seeds": seeds}))


def scale_of(name: str) -> str:
    """Return the file in ``conf/scale/`` that the scale `name` stands for: of all but "auto" its own."""
    return _read().get("scale", _UNTIL_THEN) if name == AUTO else name


def value(key: str) -> Any:
    """Return the "scale" or the "seeds" that "auto" stands for; StudyError where nothing has been chosen yet."""
    if key not in (found := _read()):
        raise StudyError(
            f"scale={AUTO}: nothing has been chosen for this machine; run 'loss-study fit-scale --minutes 60'"
        )
    return found[key]


def _read() -> dict[str, Any]:
    try:
        found = yaml.safe_load(FITTED.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
