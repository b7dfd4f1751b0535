"""`loss-study verify` on a fabricated study: what holds passes, and each kind of damage is named in a line."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from loss_study import cli
from loss_study.orchestration.verify import folders
from loss_study.report.renew import renew
from loss_study.runtime import checksums
from loss_study.runtime.files import whole_folder
from loss_study.tracking import mirror, store
from loss_study.trial import trials
from tracking.test_tracking import study_in


@pytest.fixture(scope="module")
def root(tmp_path_factory, empty_store):
    """A whole study: files with checksums, a report, MLflow."""
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        config = study_in(root, empty_store, patch)
        for folder in folders():
            checksums.write(folder)
        renew(config)
        mirror.fill_in(trials(config), config)
    return root


@pytest.fixture
def verify(root, monkeypatch, capsys):
    """A function that returns the lines of the command and its exit code."""
    monkeypatch.chdir(root)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run():
        arguments = cli.parse(["verify"])
        with pytest.raises(SystemExit) as end:
            arguments.main(arguments)
        return capsys.readouterr().out.splitlines(), end.value.code

    return run


def test_a_whole_study_holds(verify):
    assert verify() == (["6 folders, 0 files in DVC's cache, the report and MLflow: no problems"], 0)


def test_a_hidden_file_of_the_system_hides_no_folder(verify, root):
    (root / "runs/.DS_Store").touch()
    found = verify()
    (root / "runs/.DS_Store").unlink()
    assert found == (["6 folders, 0 files in DVC's cache, the report and MLflow: no problems"], 0)


def test_a_commit_after_the_study_is_no_problem(verify, root):
    """The page names the commit that was checked out when it was made."""
    (root / "code").write_text("1")
    identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
    whole = (["6 folders, 0 files in DVC's cache, the report and MLflow: no problems"], 0)
    for words in (["init"], ["add", "code"], [*identity, "commit", "--message", "the study"]):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)
    committed = verify()
    (root / "code").write_text("2")
    changed = verify()
    shutil.rmtree(root / ".git")
    (root / "code").unlink()
    assert (committed, changed) == (whole, whole)


def test_a_changed_number_is_named(verify, root):
    path = root / "eval/1/mask/dice/0/metrics.json"
    before = path.read_bytes()
    path.write_bytes(before.replace(b'"iou": 0.', b'"iou": 1.'))
    lines, code = verify()
    path.write_bytes(before)
    changed = "eval/1/mask/dice/0/metrics.json: changed since it was written"
    assert code == 1 and len(lines) == 3
    assert lines[0].startswith(changed) and lines[1].startswith(f"reports: cannot be built again: {changed}")
    assert lines[2] == "6 folders, 0 files in DVC's cache, the report and MLflow: 2 problems"


def test_a_damaged_file_in_the_cache_of_dvc_is_named(verify, root):
    for content in (b"whole", b"damaged"):
        name = hashlib.md5(b"whole" if content == b"damaged" else content).hexdigest()
        path = root / ".dvc/cache/files/md5" / name[:2] / (name[2:] + (".dir" if content == b"damaged" else ""))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lines, code = verify()
    shutil.rmtree(root / ".dvc/cache")
    damaged = f"{path.relative_to(root)}: damaged in DVC's cache; remove it, then run 'dvc repro -f' on its stage"
    assert (lines, code) == ([damaged, "6 folders, 2 files in DVC's cache, the report and MLflow: 1 problem"], 1)


def test_what_dvc_could_not_copy_to_the_end_is_no_file_of_its_cache(verify, root):
    """A disk that is full leaves it, under a name of its own."""
    half = root / ".dvc/cache/files/md5/a4/.htsk9r37-BZiWY20c2jopA.tmp"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    said = verify()
    shutil.rmtree(root / ".dvc/cache")
    assert said == (["6 folders, 0 files in DVC's cache, the report and MLflow: no problems"], 0)


def test_a_cache_that_clones_share_is_verified_too(verify, root, tmp_path):
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / ".dvc/config").write_text(f"[cache]\n    dir = {tmp_path}/shared\n")
    path = tmp_path / "shared/files/md5/00/11223344556677889900aabbccddee"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    lines, code = verify()
    (root / ".dvc/config").unlink()
    shutil.rmtree(root / ".git")
    damaged = f"{path}: damaged in DVC's cache; remove it, then run 'dvc repro -f' on its stage"
    assert (lines, code) == ([damaged, "6 folders, 1 files in DVC's cache, the report and MLflow: 1 problem"], 1)


def test_a_number_that_somebody_wrote_into_the_report_is_named(verify, root):
    path = root / "reports/answer.csv"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"0.", b"1.", 1))
    lines, code = verify()
    path.write_bytes(before)
    assert (lines[:-1], code) == (
        ["reports/answer.csv: is not what follows from the files; run 'dvc repro -f -s compare'"],
        1,
    )


def test_a_run_with_another_number_and_a_missing_run_are_named(verify):
    opened = store.connect()
    (run,) = [one for one in opened.client.search_runs([opened.experiment]) if one.info.run_name == "mask-dice-0"]
    logged = run.data.metrics["test/iou"]
    opened.client.log_metric(run.info.run_id, "test/iou", 0.99, timestamp=run.info.end_time + 1)
    opened.client.set_tag(run.info.run_id, "verdict", "mended")
    lines, _ = verify()
    assert lines[:2] == [
        f"MLflow: mask-dice-0: test/iou is 0.99 instead of {logged}; delete the run",
        f"MLflow: mask-dice-0: verdict is mended instead of {run.data.tags['verdict']}; delete the run",
    ]
    opened.client.delete_run(run.info.run_id)
    lines, _ = verify()
    assert lines[0] == "MLflow: mask-dice-0 has 0 complete runs instead of one; run 'dvc repro -f -s compare'"


def test_a_folder_without_checksums_is_named(verify, root):
    folder = root / "runs/1/mask/dice/0"
    content = (folder / checksums.LIST).read_bytes()
    (folder / checksums.LIST).unlink()
    lines, _ = verify()
    (folder / checksums.LIST).write_bytes(content)
    assert lines[0].startswith("runs/1/mask/dice/0: has no SHA256SUMS")


def test_a_store_that_cannot_be_read_does_not_hide_what_else_was_found(verify, root, monkeypatch):
    path = root / "runs/1/mask/dice/0" / checksums.LIST
    content = path.read_bytes()
    path.unlink()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    lines, code = verify()
    path.write_bytes(content)
    assert code == 1 and lines[0].startswith("runs/1/mask/dice/0: has no SHA256SUMS")
    assert lines[1].startswith("MLflow at http://127.0.0.1:9: no connection")


def test_parents_and_joint_trainings_are_deeper_than_others(tmp_path, monkeypatch):
    """A study with either was said to lack checksums where it has none to have."""
    monkeypatch.chdir(tmp_path)
    written = ["parents/mask/0", "parents/depth", "tuning/mask/dice", "decisions/1", "runs/1/mask/dice/0"]
    written += ["runs/1/joint/pair/0", "eval/1/mask/dice/0", "eval/1/joint/pair/depth/0"]
    for name in written:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        with whole_folder(Path(name)) as folder:
            (folder / "deeper").mkdir()
            (folder / "deeper" / "file.json").write_text("{}")
    Path("runs/2/mask/dice").mkdir(parents=True)
    assert sorted(map(str, folders())) == sorted(written)
