"""Progress in a log, where every line stays."""

import pytest

from loss_study.runtime import progress
from loss_study.runtime.progress import duration, reporting


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_lines_in_a_log_are_few_and_say_how_long(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with reporting("trial", 100) as reporter:
        for _ in range(100):
            now += 1.0
            reporter.advance(1, "loss 0.5")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 20
    assert lines[0] == "trial  5 of 100  loss 0.5  1 min 35 s left"
