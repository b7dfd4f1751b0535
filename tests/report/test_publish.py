from pathlib import Path

import pytest

from loss_study.report.publish import publish


def test_publish_replaces_the_report_and_nothing_else(study):
    Path("reports/panels").mkdir(parents=True)
    Path("reports/panels/stale.png").touch()
    Path("reports/README.md").touch()
    publish(Path("reports"), study.files())
    written = {str(path.relative_to("reports")) for path in Path("reports").rglob("*") if path.is_file()}
    pictures = {f"panels/{head}-{number}.png" for head in ("mask", "depth") for number in (0, 1)}
    tables = {"metrics.json", "compare.csv", "curves.csv", "answer.csv", "rounds.csv", "pairs.csv"}
    assert written == {"README.md", "index.html"} | tables | pictures


def test_a_failed_write_leaves_the_previous_report(tmp_path, monkeypatch):
    publish(tmp_path, {"index.html": b"old", "panels/a.png": b"old"})

    def full(path, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(Path, "write_bytes", full)
        publish(tmp_path, {"index.html": b"new"})
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "panels"}
    assert (tmp_path / "index.html").read_bytes() == b"old"
