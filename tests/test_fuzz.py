"""A short run of ``make fuzz``: the same inputs each time."""

from support.fuzz import fuzz


def test_damaged_inputs_are_refused_or_harmless(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    counts = fuzz(0, turns=20)
    assert counts["inputs"] == counts["refused"] + counts["accepted"] == 260
    assert counts["refused"] > 120 and counts["accepted"] > 20
