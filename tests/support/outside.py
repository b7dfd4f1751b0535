"""The environment that a test is started from."""

import pytest


def leave(patch: pytest.MonkeyPatch) -> None:
    """Forget the DVC experiment and the MLflow store that the tests may have been started from."""
    for name in ("DVC_ROOT", "DVC_EXP_NAME", "MLFLOW_TRACKING_URI"):
        patch.delenv(name, raising=False)
