"""Make the README's picture and the tables of README.md and docs/results.md from committed results: ``make docs``.

The tables come from reports/answer.csv, the default study's; from the folders of docs/results/, see committed.py: a
section of docs/results.md for each; from the default study's repetitions, see repeated.py; and from repeated searches
for learning rates, see searched.py. The picture is a screenshot of reports/index.html, which ``make study`` writes
together with that table; it carries the table's SHA-256, so that a test notices when the two are not of one study.
"""

from __future__ import annotations

import ast
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

sys.path.insert(0, str(Path(__file__).parent))
import repeated
import searched
from committed import HEADS, Row, Study, of_head, studies

from loss_study.metrics import find
from loss_study.runtime.errors import StudyError, run_stage
from loss_study.statistics.joint import seconds
from loss_study.statistics.ranking import BEST, GROUPS, WORSE
from loss_study.statistics.results import read_csv
from loss_study.statistics.sentences import at_least, at_most
from loss_study.statistics.tables import choice_in

ROOT = Path(__file__).parents[1]
ANSWER = ROOT / "reports" / "answer.csv"
RESULTS = ROOT / "docs" / "results"
PAGE = ROOT / "reports" / "index.html"
PICTURE = ROOT / "docs" / "report.png"
#: Width and height of the picture in pixels.
WINDOW = (1400, 1000)
#: The text of the picture that holds the SHA-256 of `ANSWER`.
SOURCE = "answer"
#: What the default study is called in docs/results.md.
DEFAULT = "scenes, the default study"


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
    results = ROOT / "docs" / "results.md"
    searches = "\n".join(searched.section(RESULTS / "searches.csv", ANSWER.with_name("metrics.json")))
    return {
        ROOT / "README.md": _replaced(ROOT / "README.md", {"table": default_study()}),
        results: _replaced(results, {"table": all_studies(), "searches": searches}),
    }


def default_study() -> str:
    """Return the default study's table: a row for each loss, by its place on the mask."""
    rows = read_csv(ANSWER)
    titles = [f"{head}: {find(of_head(rows, head)[0]['metric']).label}" for head in HEADS]
    lines = [f"| loss | what it is | {' | '.join(titles)} |", "|---|---|---|---|"]
    for loss in (row["loss"] for row in of_head(rows, "mask")):
        cells = [_known(_row(rows, head, loss), rows) for head in HEADS]
        lines.append(f"| `{loss}` | {_summary(loss)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def all_studies() -> str:
    """Return the tables of docs/results.md: what every study decided, then a section of each but the default one."""
    found = [Study(ANSWER.parent, DEFAULT, "make study", {}), *studies(RESULTS)]
    lines = ["| study | head | choice | no compared one is better by more than | " + " | ".join(GROUPS) + " | trials |"]
    lines.append("|---" * 9 + "|")
    for study in found:
        lines += [f"| {study.title} | {head} | {_decision(of_head(study.rows, head))} |" for head in study.heads]
    sections = [line for study in found[1:] for line in section(study)]
    return "\n".join([*lines, *repeated.section(RESULTS / "repetitions.csv"), *sections])


def section(study: Study) -> list[str]:
    """Return the section of a study: its command, each loss on each head, and joint trainings beside separate ones."""
    lines = ["", f"### {study.title[0].upper()}{study.title[1:]}", "", "```sh", study.command, "```", ""]
    titles = [f"{head}: {find(of_head(study.rows, head)[0]['metric']).label}" for head in study.heads]
    lines += [f"| loss | {' | '.join(titles)} |", "|---" * (1 + len(titles)) + "|"]
    for loss in dict.fromkeys(row["loss"] for row in study.rows):
        found = [study.row(head, loss) for head in study.heads]
        lines.append(f"| `{loss}` | {' | '.join(_known(row, study.rows) if row else '-' for row in found)} |")
    return lines + (_joint(study) if study.joint else [])


def _joint(study: Study) -> list[str]:
    """Return the table of joint trainings beside the separate networks with the same losses."""
    lines = [
        "",
        "One network with both heads beside a network for each. A minus sign: the joint one is worse. The intervals of "
        "all pairs of a head hold together, with 95 % confidence.",
        "",
        "| joint training | head | separate networks with | joint | separate | better by | 95 % interval |",
        "|---" * 7 + "|",
    ]
    for name, losses in study.joint.items():
        lines += [
            f"| `{name}` | {head} | `{losses[head]}` | {_beside(study, head, name, losses[head])} |" for head in HEADS
        ]
    timed = [(name, _times(study, name, losses)) for name, losses in study.joint.items()]
    words = [
        f"`{name}` {seconds(joint)}, its losses separately {seconds(apart)}" for name, (joint, apart) in timed if apart
    ]
    return [*lines, "", f"Seconds of a training: {'; '.join(words)}."] if words else lines


def _beside(study: Study, head: str, name: str, loss: str) -> str:
    joint, separate, gain = study.row(head, name), study.row(head, loss), study.gain(head, name, loss)
    metric = find(next(row for row in study.rows if row["head"] == head)["metric"])
    means = [metric.show(float(row["mean"])) if row and row["mean"] else "-" for row in (joint, separate)]
    if gain is None:
        return " | ".join([*means, "not compared", "-"])
    better, low, high = (metric.show(value) for value in gain)
    return " | ".join([*means, better, f"{low} to {high}"])


def _times(study: Study, name: str, losses: Mapping[str, str]) -> tuple[float, float]:
    """Return the seconds of a joint training, and those of separate ones together; zeros where one is unknown."""
    found = [study.seconds(HEADS[0], name), *(study.seconds(head, losses[head]) for head in HEADS)]
    joint, *separate = (value or 0.0 for value in found)
    return (joint, sum(separate)) if all(found) else (0.0, 0.0)


def _decision(rows: list[Row]) -> str:
    """Return the cells of one head: choice, bound, the losses of each group, number of trials."""
    choice = choice_in(rows, rows[0]["head"])
    if choice is None:
        raise StudyError(f"answer.csv decides nothing on the {rows[0]['head']}")
    metric = find(choice["metric"])
    groups = [", ".join(f"`{row['loss']}`" for row in rows if row["group"] == group) or "-" for group in GROUPS]
    bound = f"{at_most(metric, float(choice['regret_high']))} {metric.short_label}"
    trials = str(sum(int(row["trials"]) for row in rows))
    return " | ".join([f"`{choice['loss']}`", bound, *groups, trials])


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
    """Return the SHA-256 of the default study's answer."""
    return hashlib.sha256(ANSWER.read_bytes()).hexdigest()


def _replaced(path: Path, parts: Mapping[str, str]) -> str:
    """Return the text of `path` with the `parts` between their marks, such as ``<!-- table: make docs -->``."""
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        pattern = re.compile(rf"(<!-- {name}: make docs -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise StudyError(f"{path.relative_to(ROOT)}: no place for the {name}, <!-- {name}: make docs -->")
        text = pattern.sub(lambda match, part=part: f"{match[1]}{part}\n{match[2]}", text)
    return text


def _row(rows: list[Row], head: str, loss: str) -> Row:
    return next(row for row in of_head(rows, head) if row["loss"] == loss)


def _known(row: Row, rows: list[Row]) -> str:
    """Return the mean and what is known of the loss: its group, and by how much it is worse than the best.

    `rows` are those of the study: of losses that are not compared nothing is known.
    """
    if not row["mean"]:
        return "no result"
    metric = find(row["metric"])
    mean = metric.show(float(row["mean"]))
    if row["group"] == BEST:
        all_compared = all(one["group"] for one in of_head(rows, row["head"]))
        none = "none is better" if all_compared else "none compared is better"
        return f"**{mean}**, {'may be the best' if float(row['regret_high']) else none}"
    if row["group"] == WORSE:
        low, high = at_least(metric, float(row["regret_low"])), at_most(metric, float(row["regret_high"]))
        return f"{mean}, worse by {low} to {high}"
    if row["group"]:
        return f"{mean}, worse by at most {at_most(metric, float(row['regret_high']))}"
    return f"{mean}, not compared"


def _summary(loss: str) -> str:
    """Return what the first paragraph of the docstring of the loss's module says before its colon."""
    module = ast.parse((ROOT / "src" / "loss_study" / "losses" / f"{loss}.py").read_text(encoding="utf-8"))
    paragraph = " ".join((ast.get_docstring(module) or "").split("\n\n")[0].split())
    return paragraph.partition(":")[0].rstrip(".").replace("|", "\\|")


if __name__ == "__main__":
    run_stage(main)
