"""README and docs: their commands exist, their links lead somewhere, their tables are those of committed results."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import yaml
from PIL import Image

from loss_study import cli
from loss_study.config import composition
from support.clone import ROOT
from support.readme import FILES

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks/README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
PROGRAMS = ("dvc", "loss-study", "make", "python")
#: Stands in the documentation for a value of the reader's.
EXAMPLE = "https://example.org/data.zip"


def words_of(line):
    """Return the words of a shell command without its comment; None for a line that is no command of ours."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return None
    return words if len(words) > 1 and words[0] in PROGRAMS else None


def commands(page):
    """Yield the words of every command on a page, in a block or in a line of text."""
    text = page.read_text()
    lines = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    inline = INLINE.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in lines + [" ".join(code.split()) for code in inline]:
        # Several commands on one line.
        for part in line.split(" && "):
            if words := words_of(part):
                yield words


ALL = sorted({(page.relative_to(ROOT).as_posix(), shlex.join(words)) for page in PAGES for words in commands(page)})


def of(program):
    found = [(page, shlex.split(command)[1:]) for page, command in ALL if command.startswith(f"{program} ")]
    assert found
    return pytest.mark.parametrize(
        ("page", "words"), found, ids=[f"{page}: {' '.join(words)}" for page, words in found]
    )


@pytest.fixture(scope="session")
def build():
    specification = importlib.util.spec_from_file_location("build", ROOT / "docs/build.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@of("make")
def test_make_targets_exist_and_variables_are_used(page, words):
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        name, equals, _ = word.partition("=")
        if equals:
            assert f"$({name})" in makefile, word
        else:
            assert re.search(rf"^{name}:", makefile, re.MULTILINE), word


@of("loss-study")
def test_loss_study_parses(page, words):
    assert callable(cli.parse(words).main)


@of("python")
def test_scripts_and_modules_exist(page, words):
    if words[0] != "-m":
        words = [word for word in words if not word.startswith("-")]
    if words[0] == "-m":
        assert importlib.util.find_spec(words[1])
    elif words[0].endswith(".py"):
        # The commands of case studies are typed in their folder.
        assert (ROOT / words[0]).is_file() or (ROOT / "case_studies" / words[0]).is_file()


@of("dvc")
def test_dvc_parses_and_what_it_selects_composes(page, words, tmp_path, monkeypatch):
    from dvc.cli import DvcParserError, parse_args

    if not any(word.startswith("-") for word in words):
        # Perhaps only mentioned, without an argument that it needs.
        words = [*words, "--help"]
    try:
        arguments = parse_args(words)
    except SystemExit as end:
        assert end.code == 0
        return
    except DvcParserError:
        pytest.fail(f"{page}: dvc does not know {words}")
    overrides = getattr(arguments, "set_param", None) or []
    if words[:2] != ["exp", "run"] or any(":" in override.partition("=")[0] for override in overrides):
        return  # A case study's own parameters have their file before a colon.
    monkeypatch.chdir(ROOT)
    overrides = [override.replace("https://...", EXAMPLE) for override in overrides]
    composition.compose(tmp_path / "params.yaml", without_examples(overrides))


def without_examples(overrides):
    """Return the overrides without the choice of a file that docs/extending.md adds."""
    added = {tuple(Path(name).with_suffix("").parts[1:]) for name in FILES if name.startswith("conf/")}
    return [override for override in overrides if tuple(override.split("=", 1)) not in added]


def test_the_list_of_experiments_fits_a_terminal():
    (words,) = (shlex.split(command) for page, command in ALL if page == "README.md" and "exp show" in command)
    kept = words[words.index("--keep") + 1]
    shown = {
        "Experiment",
        *(f"{head}.{key}" for head in ("mask", "depth") for key in ("choice", "regret_bound", "decided")),
    }
    assert words[words.index("--drop") + 1] == ".*"
    assert all(re.search(kept, column) for column in shown)
    assert not any(
        re.search(kept, column) for column in ("Created", "mask.dice.iou", "mask.best_loss", "recipe.epochs")
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_resolve(page):
    for target in LINK.findall(page.read_text()):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), target


def test_every_page_is_within_two_links_of_the_readme():
    found = {README}
    for _ in range(2):
        targets = {(page.parent / target).resolve() for page in found for target in LINK.findall(page.read_text())}
        found |= {target for target in targets if target.suffix == ".md" and target.is_file()}
    assert set(PAGES) <= found


def test_the_readme_is_a_front_page():
    assert 1000 <= len(README.read_text().split()) <= 1200


def test_tables_are_those_of_the_committed_results(build):
    for path, text in build.pages().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)}: run 'make docs'"


def test_the_picture_and_the_tables_show_the_same_study(build):
    with Image.open(build.PICTURE) as image:
        assert image.size == build.WINDOW
        assert image.text[build.SOURCE] == build.digest(), "run 'make study' and 'make docs'"


def test_repetitions_are_counted_by_both_heads(build, tmp_path):
    table = tmp_path / "repetitions.csv"
    assert build.repeated.section(table) == []
    head = "repetition,choices,head,choice,regret_bound,margin,decided,trials,worse_by,agrees"
    rows = [
        "0,the default,mask,dice,0.0143,0.02,True,60,0.0,True",
        "0,the default,depth,ssim,0.0021,0.004,True,27,0.0,True",
        "10,sample.seed=10,mask,rmse,0.0111,0.02,True,60,0.0013,True",
        "10,sample.seed=10,depth,huber,0.0052,0.004,False,27,0.0067,False",
        "3,sample.seed=3 recipe.precision=bfloat16,mask,dice,0.0143,0.02,True,60,0.0,True",
        "3,sample.seed=3 recipe.precision=bfloat16,depth,ssim,0.0021,0.004,True,27,0.0,True",
    ]
    table.write_text("\n".join([head, *rows]) + "\n")
    lines = build.repeated.section(table)
    assert "python benchmarks/repetitions.py 3 10" in lines
    assert any(line.endswith("On both heads 1 of 2 do.") for line in lines)
    assert lines[-2:] == [
        "| 3, bfloat16 | `dice` | 0.015 IoU | 0.000 | `ssim` | 0.0021 of the depth range | 0.0000 |",
        "| 10 | `rmse` | 0.012 IoU | 0.001 | `huber` | 0.0052 of the depth range, not decided | 0.0067 |",
    ]


def test_the_luck_of_a_search_is_read_off_a_parabola(build, tmp_path):
    values = {0.004: 0.5, 0.02: 0.6, 0.1: 0.5}  # Steps of one factor, so the parabola's best rate is the middle one.
    trainings = [
        f"{head},bce,training,{seed},{rate},{value + spread}"
        for head, towards in (("mask", 1), ("depth", -1))
        for rate, value in {rate: 0.6 + towards * (value - 0.6) for rate, value in values.items()}.items()
        for seed, spread in enumerate((-0.01, 0.01))
    ]
    searches = [
        f"{head},bce,search,{seed},{rate},{value}"
        for head, found in (("mask", (0.5, 0.6, 0.5)), ("depth", (0.2, 0.1, 0.2)))
        for seed, of_search in ((1000, found), (1001, (found[1], "nan", found[0])))
        for rate, value in zip(values, of_search, strict=True)
    ]
    (tmp_path / "searches.csv").write_text("\n".join(["head,loss,kind,seed,lr,value", *searches, *trainings]) + "\n")
    (tmp_path / "metrics.json").write_text('{"mask": {"margin": 0.02}, "depth": {"margin": 0.004}}')
    _, mask, _, titles, _, row, *_ = build.searched.section(tmp_path / "searches.csv", tmp_path / "metrics.json")
    assert mask == (
        "**On the mask:** 1 of 2 searches lose at most half of the margin, which is 0.020 IoU. More: bce up to 0.100."
    )
    assert titles.startswith("| loss | IoU at the threshold chosen on validation at 0.004, 0.02, 0.1 |")
    # By hand: the variance of a mean of two is .01 ** 2; a search with a diverged training takes the best rate.
    assert row == "| `bce` | 0.500, 0.600, 0.500 | 0.010 | 0.02, 0.004 | 0.000, 0.100 |"
    *_, row = build.searched.section(tmp_path / "searches.csv", tmp_path / "metrics.json")
    assert row == "| `bce` | 0.7000, 0.6000, 0.7000 | 0.0100 | 0.02, 0.004 | 0.0000, 0.1000 |"


def test_tables_are_made_from_the_columns_of_an_answer(build, tmp_path, monkeypatch):
    rows = [
        "mask,iou,dice,best,0.61249,0.5,0.7,0,0.0101,5",
        "mask,iou,l1,worse,0.5,0.4,0.6,0.0309,0.2001,3",
        "mask,iou,ssim,open,0.6,0.4,0.6,0,0.05,5",
        "depth,rmse_coded,dice,,,,,,,0",
        "depth,rmse_coded,l1,best,0.1,0.09,0.11,0,0.002,5",
        "depth,rmse_coded,ssim,equivalent,0.101,0.09,0.11,0.0001,0.003,5",
    ]
    monkeypatch.setattr(build, "ANSWER", write_answer(tmp_path, rows))
    *_, dice, l1, ssim = build.default_study().splitlines()
    assert dice.startswith("| `dice` | One minus the overlap")
    assert dice.endswith(" | **0.612**, may be the best | no result |")
    assert l1.endswith(" | 0.500, worse by 0.030 to 0.201 | **0.1000**, may be the best |")
    assert ssim.endswith(" | 0.600, worse by at most 0.050 | 0.1010, worse by at most 0.0030 |")
    monkeypatch.setattr(build, "DEFAULT", "the study")
    monkeypatch.setattr(build, "RESULTS", tmp_path)
    *_, mask, depth = build.all_studies().splitlines()
    assert mask == "| the study | mask | `dice` | 0.011 IoU | `dice` | - | `l1` | `ssim` | 13 |"
    assert depth.startswith("| the study | depth | `l1` | 0.0020 RMSE")


def test_a_committed_study_has_a_section_with_its_joint_trainings_beside_separate_ones(build, tmp_path, monkeypatch):
    rows = [
        "mask,iou,dice,best,0.6,0.5,0.7,0,0.01,3",
        "mask,iou,both,open,0.58,0.5,0.7,0,0.05,3",
        "depth,rmse_coded,both,best,0.08,0.07,0.09,0,0.002,3",
        "depth,rmse_coded,ssim,open,0.09,0.08,0.1,0,0.02,3",
    ]
    pairs = [
        "head,metric,better,worse,difference,low,high,p_adjusted,probability_of_improvement",
        "mask,iou,dice,both,0.02,-0.01,0.05,1,0.5",
        # A pair is the first minus the second; a lower RMSE is better.
        "depth,rmse_coded,both,ssim,-0.01,-0.02,-0.001,0.01,0.9",
    ]
    seconds = ["head,loss,seed,status,seconds", "mask,both,0,finished,12", "mask,both,1,diverged,1"]
    seconds += ["mask,dice,0,finished,10", "depth,ssim,0,finished,8", "depth,ssim,1,finished,10"]
    folder = tmp_path / "results/joint"
    folder.mkdir(parents=True)
    write_answer(folder, rows)
    (folder / "pairs.csv").write_text("\n".join(pairs))
    (folder / "compare.csv").write_text("\n".join(seconds))
    about = {"title": "photographs, both heads", "command": "make study", "joint": {"both": {"mask": "dice"}}}
    about["joint"]["both"]["depth"] = "ssim"
    (folder / "study.yaml").write_text(yaml.safe_dump(about))
    monkeypatch.setattr(build, "RESULTS", tmp_path / "results")
    lines = build.all_studies().splitlines()
    at = lines.index("### Photographs, both heads")
    assert lines[at + 3] == "make study" and "| photographs, both heads | mask | `dice`" in "\n".join(lines[:at])
    assert "| `both` | 0.580, worse by at most 0.050 | **0.0800**, may be the best |" in lines
    assert "| `dice` | **0.600**, may be the best | - |" in lines
    assert "| `both` | mask | `dice` | 0.580 | 0.600 | -0.020 | -0.050 to 0.010 |" in lines
    assert "| `both` | depth | `ssim` | 0.0800 | 0.0900 | 0.0100 | 0.0010 to 0.0200 |" in lines
    assert lines[-1] == "Seconds of a training: `both` 12 s, its losses separately 19 s."


def test_a_study_of_one_head_has_a_section_of_one(build, tmp_path, monkeypatch):
    (tmp_path / "masks").mkdir()
    write_answer(tmp_path / "masks", ["mask,iou,dice,best,0.6,0.5,0.7,0,0.01,3"])
    (tmp_path / "masks/study.yaml").write_text("title: masks\ncommand: make study\n")
    monkeypatch.setattr(build, "RESULTS", tmp_path)
    assert build.all_studies().splitlines()[-1] == "| `dice` | **0.600**, may be the best |"


def write_answer(folder, rows):
    path = folder / "answer.csv"
    header = "head,metric,loss,group,mean,low,high,regret_low,regret_high,trials"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_page_without_a_place_for_its_table_is_named(build, tmp_path, monkeypatch):
    page = build.ROOT / "README.md"
    monkeypatch.setattr(Path, "read_text", lambda self, **_: "no place" if self == page else "")
    with pytest.raises(build.StudyError, match=r"README\.md: no place for the table"):
        build._replaced(page, {"table": ""})


def test_the_workflow_runs_what_ci_runs():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step][-1] == ".ci/run"
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
