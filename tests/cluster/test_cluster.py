"""The study on a real Ray cluster: two nodes of one CPU on this machine, a clone for each, a folder as DVC remote."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
import yaml

from loss_study.cluster import node, shipment, study
from loss_study.config import composition
from loss_study.orchestration.tasks import Task
from loss_study.runtime.errors import StudyError
from support.clone import NO_MLFLOW, WITHOUT_MLFLOW, Clone

CHOICES = ["scale=smoke", "loss.names=[l1,huber]", "loss.heads=[depth]", "recipe.epochs=3"]


@pytest.fixture(scope="module")
def address():
    """The address of a cluster of two nodes that run one task at a time."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
    size = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={**size, "include_dashboard": False})
    cluster.add_node(**size)
    yield cluster.address
    cluster.shutdown()


def make_clone(folder, choices=CHOICES):
    clone = Clone(folder / "clone")
    composition.compose(clone.folder / "params.yaml", choices)
    return clone


def reports(clone):
    return {name: (clone.folder / "reports" / name).read_text() for name in ("metrics.json", "answer.csv")}


def training_below(folder):
    """Return the first process that trains in a clone of a node, once it has begun its work."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        if "stages/train.py" in (process.info["cmdline"] or []) and (process.info["cwd"] or "").startswith(str(folder)):
            return process
    return None


def kill_a_worker(folder, patience=900.0):
    """Kill -9 the Ray worker behind the first training that is seen; return the process of the training."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        training = training_below(folder)
        if training is not None:
            (worker,) = [parent for parent in training.parents() if "".join(parent.cmdline()).startswith("ray::")]
            os.kill(worker.pid, signal.SIGKILL)
            return training
        time.sleep(0.05)
    raise AssertionError("no training was seen")


@pytest.mark.long
@pytest.mark.pipeline
def test_a_study_on_two_nodes_one_worker_killed_gives_the_reports_of_one_machine(address, tmp_path):
    alone = make_clone(tmp_path / "alone")
    alone.run(*WITHOUT_MLFLOW, "dvc", "repro")

    head = make_clone(tmp_path / "head")
    nodes = tmp_path / "nodes"
    head.run("dvc", "remote", "add", "--default", "team", str(tmp_path / "remote"))
    head.commit("the remote")
    command = ["python", "-m", "loss_study", "cluster", "--address", address, "--folder", str(nodes)]
    with subprocess.Popen(
        command,
        cwd=head.folder,
        env=head.environment | NO_MLFLOW,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        training = kill_a_worker(nodes)
        psutil.wait_procs([training], timeout=60)
        assert not training.is_running()
        output = process.stdout.read()
    assert process.returncode == 0, output

    begun = re.findall(r"^(\S+)  on \S+, in (\S+)$", output, re.MULTILINE)
    assert len(begun) == 3
    assert {name for name, _ in begun} == {"depth-l1", "depth-huber"}
    assert {Path(place).parent.name for _, place in begun} == {"0", "1"}
    ran = head.ran(output)
    assert (ran[:2], ran[5:]) == (["check", "download"], ["evaluate@depth", "compare"])
    assert set(ran[2:5]) == {"sample", "inspect", "parent@depth"}, "in any order"
    assert reports(head) == reports(alone)
    assert '"sound": 2' in reports(head)["metrics.json"]


def wait_for_a_kill(_shipped, name, _stage, _needs, folder, inbox):
    """Stands for `node.run`: speaks before and after the kill."""
    import ray

    ray.get(inbox.put.remote(name, f"{name} began"))
    Path(folder, name).touch()
    while not Path(folder, "killed").exists():
        time.sleep(0.05)
    ray.get(inbox.put.remote(name, f"{name} ended"))
    return 0


def kill_the_inbox(folder):
    while not Path(folder, "mask-a").exists():
        time.sleep(0.05)
    for process in psutil.process_iter(["cmdline"]):
        if "".join(process.info["cmdline"] or []).startswith("ray::Inbox"):
            process.kill()
            Path(folder, "killed").touch()


@pytest.mark.long
def test_an_inbox_that_is_killed_comes_back_and_no_task_is_lost(address, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(node, "run", wait_for_a_kill)
    tasks = [Task(f"mask-{name}", name) for name in "abc"]
    with study._connected(address) as ray:
        # The nodes cannot import the tests.
        ray.cloudpickle.register_pickle_by_value(sys.modules[wait_for_a_kill.__module__])
        request = study.Request(cpus=1, gpus=0, retries=0, folder=str(tmp_path))
        handout = study._Handout(ray, shipment.Shipment("commit", b"", {}, {}), request)
        threading.Thread(target=kill_the_inbox, args=(tmp_path,), daemon=True).start()
        assert handout.run(tasks) == []
    assert (tmp_path / "killed").exists()
    assert "mask-c ended" in capsys.readouterr().out


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A git and DVC repository with one committed file and no DVC remote; the working directory is its root."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "someone")
        monkeypatch.setenv(f"{name}_EMAIL", "someone@example.org")
    command("git", "init", "--quiet")
    for folder in (".dvc", "losses"):
        Path(folder).mkdir()
    Path(".dvc/config").write_text("[core]\n    analytics = false\n")
    Path(".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    for name in ("params.yaml", "dvc.yaml", "dvc.lock"):
        Path(name).write_text("{}\n")
    Path("losses/dice.py").write_text("one\n")
    command("git", "add", "--all")
    command("git", "commit", "--quiet", "--message", "start")
    return tmp_path


def command(*arguments, cwd=None):
    return subprocess.run(arguments, cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("changed", ["losses/dice.py", "losses/new.py"])
def test_what_is_not_committed_is_refused_by_name(repository, changed):
    commit = shipment.committed()
    assert commit == command("git", "rev-parse", "HEAD").strip()
    for made in ("params.yaml", "dvc.lock", "reports"):
        Path(made).write_text("composed: 1\n")
    assert shipment.committed() == commit
    Path(changed).write_text("two\n")
    with pytest.raises(StudyError, match=f"^{changed}: not committed"):
        shipment.committed()


def test_without_a_repository_or_its_history_nothing_is_shipped(repository, tmp_path_factory, monkeypatch):
    Path("losses/dice.py").write_text("two\n")
    command("git", "commit", "--quiet", "--all", "--message", "second")
    folder = tmp_path_factory.mktemp("elsewhere")
    command("git", "clone", "--quiet", "--depth", "1", repository.as_uri(), str(folder / "shallow"))
    monkeypatch.chdir(folder / "shallow")
    with pytest.raises(StudyError, match=r"^a shallow clone, .* run 'git fetch --unshallow'$"):
        shipment.committed()
    monkeypatch.chdir(folder)
    with pytest.raises(StudyError, match=r"^'git status' failed: fatal: not a git repository"):
        shipment.committed()


def test_a_missing_remote_is_one_line(repository):
    with pytest.raises(StudyError, match=r"^no DVC remote"):
        shipment.remote()
    command("dvc", "remote", "add", "--default", "team", str(repository / "shared"))
    assert shipment.remote() == ("team", str(repository / "shared"))


def test_an_address_where_nothing_answers_is_one_line_before_any_work(repository):
    command("dvc", "remote", "add", "--default", "team", str(repository / "shared"))
    command("git", "commit", "--quiet", "--all", "--message", "the remote")
    done = subprocess.run(
        [sys.executable, "-m", "loss_study", "cluster", "--address", "127.0.0.1:9"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"error: --address 127\.0\.0\.1:9: no Ray cluster answers there \(.*\)\n", done.stderr)


def test_tasks_of_a_node_have_clones_of_their_own_and_use_them_again(tmp_path):
    with node.own_clone(tmp_path) as first:
        with node.own_clone(tmp_path) as second:
            assert first != second
        with node.own_clone(tmp_path) as third:
            assert third == second
    with node.own_clone(tmp_path) as fourth:
        assert fourth == first


def test_nobody_else_may_enter_the_clones_of_a_node_whatever_the_umask(tmp_path):
    before = os.umask(0o002)
    try:
        with node.own_clone(tmp_path / "cache/cluster") as repository:
            made = [tmp_path / "cache", *(tmp_path / "cache").rglob("*")]
    finally:
        os.umask(before)
    folders = {path: path.stat().st_mode & 0o777 for path in made if path.is_dir()}
    assert repository.parent in folders and set(folders.values()) == {0o700}


def test_a_node_checks_out_exactly_what_was_shipped_also_over_a_clone_that_was_left_broken(repository):
    Path("params.yaml").write_text("composed: 1\n")
    shipped = asdict(shipment.pack(shipment.committed(), ("team", "/shared")))
    clone = repository.parent / f"{repository.name}-clone"
    for damage in ("nothing", "a lock", "leftovers"):
        if damage == "a lock":
            (clone / ".git/index.lock").touch()
        if damage == "leftovers":
            (clone / "losses/new.py").touch()
            (clone / "losses/dice.py").write_text("another\n")
        node.check_out(clone, shipped)
        assert command("git", "rev-parse", "HEAD", cwd=clone).strip() == shipped["commit"]
        assert (clone / "losses/dice.py").read_text() == "one\n"
        assert not (clone / "losses/new.py").exists()
        assert (clone / "params.yaml").read_text() == "composed: 1\n"
        assert command("dvc", "config", "core.remote", cwd=clone).strip() == "team"


def test_clones_that_share_a_cache_run_at_the_same_time(repository):
    """Two clones of a group make the same output and one of their own, with one cache, under umask 002."""
    stages = {
        name: {"cmd": f"echo {name} > {name}.txt", "outs": [f"{name}.txt"]} for name in ("shared", "own0", "own1")
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    Path("dvc.lock").unlink()
    cache = repository / "cache"
    command("dvc", "config", "cache.dir", str(cache))
    command("dvc", "config", "cache.shared", "group")
    command("git", "add", "--all")
    command("git", "commit", "--quiet", "--message", "a shared cache")
    clones = [repository / "clones" / str(n) for n in range(2)]
    for clone in clones:
        command("git", "clone", "--quiet", str(repository), str(clone))
    before = os.umask(0o002)
    try:
        words = ["dvc", "repro", "--quiet", "shared"]
        running = [subprocess.Popen([*words, f"own{n}"], cwd=clone) for n, clone in enumerate(clones)]
        assert [process.wait() for process in running] == [0, 0]
    finally:
        os.umask(before)
    assert [(clone / "shared.txt").read_text() for clone in clones] == ["shared\n"] * 2
    kept = sorted(path.read_text() for path in cache.glob("files/md5/??/*"))
    assert kept == ["own0\n", "own1\n", "shared\n"]
    folders = [path for path in cache.rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o775}


@pytest.mark.long
def test_pushes_at_the_same_time_lose_nothing(repository):
    """Four clones push their own result, and one that all of them have, into one folder."""
    stages = {f"own{n}": f"echo {n} > own{n}.txt" for n in range(4)} | {"shared": "echo same > shared.txt"}
    common = {"deps": ["losses/dice.py"]}
    definition = {name: {"cmd": code, "outs": [f"{name}.txt"], **common} for name, code in stages.items()}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": definition}))
    Path("dvc.lock").unlink()
    command("dvc", "remote", "add", "--default", "team", str(repository / "shared"))
    command("git", "add", "--all")
    command("git", "commit", "--quiet", "--message", "stages")
    clones = [repository / "clones" / str(n) for n in range(4)]
    for n, clone in enumerate(clones):
        command("git", "clone", "--quiet", str(repository), str(clone))
        command("dvc", "repro", "--quiet", f"own{n}", "shared", cwd=clone)
    pushing = [subprocess.Popen(["dvc", "push", "--quiet", "--run-cache"], cwd=clone) for clone in clones]
    assert [process.wait() for process in pushing] == [0] * 4
    output = command("dvc", "repro", "--pull")
    assert output.count("is cached - skipping run") == 5 and "Running stage" not in output
    assert [Path(f"own{n}.txt").read_text() for n in range(4)] == [f"{n}\n" for n in range(4)]
    assert Path("shared.txt").read_text() == "same\n"
