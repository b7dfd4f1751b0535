"""Make the README's picture and the tables of README.md and docs/results.md from committed results: ``make docs``.

The tables come from reports/ranking.csv (the default study) and docs/results/*/ranking.csv. The picture is a
screenshot of reports/index.html, which ``make study`` writes together with reports/ranking.csv; it carries the
SHA-256 of that table, so that a test notices when the two are not of one study.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from loss_study.runtime.errors import StudyError, run_stage

ROOT = Path(__file__).parents[1]
RANKING = ROOT / "reports" / "ranking.csv"
PAGE = ROOT / "reports" / "index.html"
PICTURE = ROOT / "docs" / "report.png"
#: Width and height of the picture in pixels.
WINDOW = (1400, 1000)
#: The text of the picture that holds the SHA-256 of `RANKING`.
SOURCE = "ranking"
#: Each head's metric: its column name, how the tables call it, digits after the point.
METRICS = {"mask": ("iou", "IoU", 3), "depth": ("rmse", "RMSE", 4)}
#: docs/results/<dataset>-<seeds>/ranking.csv
DATASETS = ("scenes", "photos")
SEEDS = ("seeds-0-1-2", "seeds-3-4-5")

Row = dict[str, str]


def main() -> None:
    """Rewrite the tables, then the picture.

    Raises:
        StudyError: there is no report, or no Chromium.
    """
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    take_picture()


def pages() -> dict[Path, str]:
    """Return the whole text of README.md and docs/results.md, with their tables as the committed results give them."""
    tables = {ROOT / "README.md": default_study(), ROOT / "docs" / "results.md": tuned_studies()}
    return {path: _replaced(path, table) for path, table in tables.items()}


def default_study() -> str:
    """Return the default study's table: a row for each loss, by rank on the mask."""
    rows = _rows(RANKING)
    lines = ["| loss | what it is | mask: IoU, higher is better | depth: RMSE, lower is better |", "|---|---|---|---|"]
    for loss in (row["loss"] for row in _of(rows, "mask")):
        values = [_interval(_row(rows, head, loss), head) for head in METRICS]
        lines.append(f"| `{loss}` | {_summary(loss)} | {' | '.join(values)} |")
    return "\n".join(lines)


def tuned_studies() -> str:
    """Return the table of docs/results.md: each loss on both datasets, from the first seeds and from others."""
    columns = [(dataset, head) for dataset in DATASETS for head in METRICS]
    first, second = (
        {dataset: _rows(ROOT / "docs" / "results" / f"{dataset}-{seeds}" / "ranking.csv") for dataset in DATASETS}
        for seeds in SEEDS
    )
    titles = [f"{dataset}, {head} {METRICS[head][1]}" for dataset, head in columns]
    lines = [f"| loss | {' | '.join(titles)} |", f"{'|---' * (len(titles) + 1)}|"]
    for loss in sorted(row["loss"] for row in _of(first[DATASETS[0]], "mask")):
        cells = [
            f"{_mean(_row(first[dataset], head, loss), head)} ({_mean(_row(second[dataset], head, loss), head)})"
            for dataset, head in columns
        ]
        lines.append(f"| `{loss}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def take_picture() -> None:
    """Write a screenshot of the report's first screen to `PICTURE`; StudyError as in `main`."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise StudyError("no Chromium for the picture of the report; on Debian: apt install chromium")
    if not PAGE.exists():
        raise StudyError(f"{PAGE.relative_to(ROOT)}: not there; 'make study' writes it")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        size = ",".join(map(str, WINDOW))
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}"]
        command = [browser, *options, f"--window-size={size}", f"--screenshot={shot}", PAGE.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not shot.exists():
            raise StudyError(f"{browser} made no picture: {done.stderr}")
        information = PngInfo()
        information.add_text(SOURCE, digest())
        with Image.open(shot) as image:
            image.convert("RGB").quantize(256).save(PICTURE, pnginfo=information, optimize=True)


def digest() -> str:
    """Return the SHA-256 of the default study's ranking."""
    return hashlib.sha256(RANKING.read_bytes()).hexdigest()


def _replaced(path: Path, table: str) -> str:
    text = path.read_text(encoding="utf-8")
    pattern = re.compile(r"(<!-- table: make docs -->\n).*?(<!-- end of table -->)", re.DOTALL)
    if not pattern.search(text):
        raise StudyError(f"{path.relative_to(ROOT)}: no place for the table, <!-- table: make docs -->")
    return pattern.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text)


def _rows(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _of(rows: Iterable[Row], head: str) -> list[Row]:
    return [row for row in rows if (row["head"], row["metric"]) == (head, METRICS[head][0])]


def _row(rows: Iterable[Row], head: str, loss: str) -> Row:
    return next(row for row in _of(rows, head) if row["loss"] == loss)


def _number(row: Row, column: str, head: str) -> str:
    return f"{float(row[column]):.{METRICS[head][2]}f}" if row[column] else "no result"


def _mean(row: Row, head: str) -> str:
    """Return the mean, in bold for the best loss of the study."""
    mean = _number(row, "mean", head)
    return f"**{mean}**" if row["rank"] == "1" else mean


def _interval(row: Row, head: str) -> str:
    """Return the mean and its 95 % interval, the mean in bold if it is not significantly worse than the best one."""
    mean, low, high = (_number(row, column, head) for column in ("mean", "low", "high"))
    if not row["mean"]:
        return mean
    return f"**{mean}** ({low}-{high})" if row["best_group"] == "True" else f"{mean} ({low}-{high})"


def _summary(loss: str) -> str:
    """Return what the first paragraph of the docstring of the loss's module says before its colon."""
    module = ast.parse((ROOT / "src" / "loss_study" / "losses" / f"{loss}.py").read_text(encoding="utf-8"))
    paragraph = " ".join((ast.get_docstring(module) or "").split("\n\n")[0].split())
    return paragraph.partition(":")[0].rstrip(".").replace("|", "\\|")


if __name__ == "__main__":
    run_stage(main)
