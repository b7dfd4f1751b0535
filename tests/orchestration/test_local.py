"""Several DVC processes at once: how tasks are dealt out, failures, Ctrl-C, and what is printed."""

import io
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from rich.console import Console
from rich.live import Live

from loss_study import cli, decisions
from loss_study.config import JointConfig, JointTraining, load_config
from loss_study.orchestration import local
from loss_study.orchestration.local import Queue, run_tasks
from loss_study.orchestration.progress_view import View
from loss_study.orchestration.tasks import Task
from loss_study.runtime.errors import StudyError
from support.clone import ROOT

#: Takes the place of `dvc --wait-for-lock repro --keep-going --single-item STAGE ...` and prints what that prints; what
#: a stage does is Python in stages.json. Held to the real one by tests/pipeline.
FAKE_DVC = """
import json, pathlib, subprocess, sys
here = pathlib.Path(__file__).parent
stages, failed = json.loads((here / "stages.json").read_text()), []
with (here / "started").open("a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
for stage in (argument for argument in sys.argv[1:] if "@" in argument):
    print(f"Running stage '{stage}':", flush=True)
    print(f"> python stages/train.py {stage}", flush=True)
    code = subprocess.run([sys.executable, "-c", stages.get(stage, "")]).returncode
    if code:
        print(f"WARNING: failed to run: python stages/train.py {stage}, exited with {code}", flush=True)
        failed.append(stage)
if failed:
    print("ERROR: failed to reproduce " + ", ".join(f"'{stage}'" for stage in failed), flush=True)
    sys.exit(255)
"""
TASKS = [Task(f"mask-l{n}", f"train@mask-l{n}") for n in range(7)]


@pytest.fixture
def stages(tmp_path, monkeypatch):
    """A function that says what stages do, as lines of Python; it returns the folder of the imitated DVC."""
    (tmp_path / "dvc.py").write_text(FAKE_DVC)
    monkeypatch.setattr(local, "DVC", (sys.executable, str(tmp_path / "dvc.py")))

    def say(**lines: str):
        named = {name.replace("_", "@", 1).replace("_", "-"): code for name, code in lines.items()}
        (tmp_path / "stages.json").write_text(json.dumps(named))
        return tmp_path

    return say


def started(folder) -> list[list[str]]:
    """Return for each process the stages that it was given."""
    lines = (folder / "started").read_text().splitlines()
    assert all(line.startswith("--wait-for-lock repro --keep-going --single-item ") for line in lines)
    return [[word for word in line.split() if "@" in word] for line in lines]


def test_shares_grow_smaller_and_hold_every_task_once():
    tasks = [Task(f"{n}", f"train@{n}") for n in range(14)]
    queue, shares = Queue(tasks, jobs=2), []
    while share := queue.take():
        shares.append(share)
    assert [len(share) for share in shares] == [4, 3, 2, 2, 1, 1, 1]
    assert [task for share in shares for task in share] == tasks


def test_one_worker_gets_half_then_half_of_the_rest():
    queue = Queue([*TASKS, Task("mask-l7", "train@mask-l7")], jobs=1)
    assert [len(queue.take()) for _ in range(5)] == [4, 2, 1, 1, 0]


def test_a_stopped_queue_hands_out_nothing():
    queue = Queue(TASKS, 2)
    queue.stop()
    assert queue.take() == []


def test_a_process_that_begins_while_the_queue_is_stopped_is_ended():
    queue = Queue(TASKS, 1)
    queue.take()
    queue.stop()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], text=True) as process:
        queue.started(process)
        assert process.wait(timeout=30) == -signal.SIGTERM


EVALUATION = Task("mask", "evaluate@mask", tuple(task.stage for task in TASKS[:3]))


def test_an_evaluation_goes_out_alone_and_first_once_its_trainings_have_ended():
    queue = Queue([*TASKS[:3], EVALUATION, *TASKS[3:]], jobs=2)
    first, second = queue.take(), queue.take()
    assert (first, second) == (TASKS[:2], TASKS[2:4])
    assert queue.ended(first) is False
    third = queue.take()
    assert third == TASKS[4:5]
    assert queue.ended(second) is False
    assert queue.take() == [EVALUATION]
    assert queue.ended([EVALUATION]) is True
    assert queue.take() == TASKS[5:6]


def test_the_last_evaluation_has_nothing_beside_it():
    queue = Queue([*TASKS[:3], EVALUATION], jobs=1)
    while share := queue.take():
        assert queue.ended(share) is False
        last = share
    assert last == [EVALUATION]


def test_a_worker_waits_for_what_the_others_run(stages, tmp_path):
    """The evaluation begins when the slower of two trainings has ended, and not before."""
    stages(
        train_mask_l1=f"import time; time.sleep(0.5); open({str(tmp_path / 'done')!r}, 'w').close()",
        evaluate_mask=f"import os; assert os.path.exists({str(tmp_path / 'done')!r})",
    )
    evaluation = Task("mask", "evaluate@mask", ("train@mask-l0", "train@mask-l1"))
    assert run_tasks([*TASKS[:2], evaluation], 2) == []
    assert len(started(tmp_path)) == 3


def test_it_is_said_that_a_head_is_evaluated_while_others_are_left(stages):
    stages()
    said = []
    tasks = [*TASKS[:3], EVALUATION, TASKS[3], Task("depth", "evaluate@depth", ("train@mask-l3",))]
    assert run_tasks(tasks, 1, lambda: said.append("evaluated")) == []
    assert said == ["evaluated"]


def test_a_training_that_failed_stops_no_evaluation(stages):
    stages(train_mask_l0="raise SystemExit(1)")
    evaluation = Task("mask", "evaluate@mask", ("train@mask-l0",))
    assert run_tasks([TASKS[0], evaluation], 2) == [TASKS[0]]


def test_a_stopped_queue_keeps_no_worker_waiting():
    queue = Queue([*TASKS[:3], EVALUATION], jobs=1)
    assert queue.take() == TASKS[:2] and queue.take() == TASKS[2:3]
    waiting = threading.Thread(target=queue.take)
    waiting.start()
    queue.stop()
    waiting.join(timeout=60)
    assert not waiting.is_alive()


def test_evaluations_stand_behind_their_last_training():
    other = Task("depth", "evaluate@depth", ("train@depth-l0",))
    assert local.in_order(TASKS[:4], [EVALUATION, other]) == [*TASKS[:3], EVALUATION, TASKS[3], other]
    assert local.in_order([], [EVALUATION, other]) == [EVALUATION, other]


def test_all_stages_run_once_in_few_processes(stages, capsys):
    folder = stages(train_mask_l3="print('mask-l3-0 done in 2 s')")
    assert run_tasks(TASKS, 2) == []
    given = [stage for process in started(folder) for stage in process]
    assert sorted(given) == sorted(task.stage for task in TASKS)
    assert len(started(folder)) < len(TASKS)
    assert capsys.readouterr().out == "mask-l3-0 done in 2 s\n"


def test_a_failed_stage_stops_no_other_and_shows_all_that_it_said(stages, capsys):
    stages(
        train_mask_l0="print('mask-l0  learning rate 0.01')",
        train_mask_l1="import sys; print('a hint', flush=True); print('out of order', file=sys.stderr); sys.exit(3)",
        train_mask_l2="print('mask-l2-0 done')",
    )
    assert run_tasks(TASKS[:3], 1) == [TASKS[1]]
    assert capsys.readouterr().out.splitlines() == [
        "mask-l0  learning rate 0.01",
        "Running stage 'train@mask-l1':",
        "> python stages/train.py train@mask-l1",
        "a hint",
        "out of order",
        "WARNING: failed to run: python stages/train.py train@mask-l1, exited with 3",
        "mask-l2-0 done",
    ]


def test_what_keeps_dvc_from_a_stage_is_said(stages, tmp_path, capsys):
    """As DVC says it of a folder that it may not remove, before it runs the stage."""
    stages()
    reason = "WARNING: [Errno 13] Permission denied: 'runs/1/mask/l0'"
    error = "ERROR: failed to reproduce stages: 'train@mask-l0'"
    (tmp_path / "dvc.py").write_text(f"print({reason!r}); print({error!r}); raise SystemExit(255)")
    assert run_tasks(TASKS[:1], 1) == TASKS[:1]
    assert capsys.readouterr().out == f"{reason}\n"


def test_a_dvc_that_dies_without_a_word_fails_all_its_tasks(stages, tmp_path, capsys):
    stages()
    (tmp_path / "dvc.py").write_text("print('Traceback: no such repository'); raise SystemExit(1)")
    assert run_tasks(TASKS[:2], 2) == TASKS[:2]
    assert "Traceback: no such repository" in capsys.readouterr().out


MEET = """
import os, pathlib, time
here = pathlib.Path({here!r})
(here / str(os.getpid())).touch()
limit = time.monotonic() + 60
while len(list(here.iterdir())) < 2:
    assert time.monotonic() < limit
    time.sleep(0.01)
"""


def test_as_many_at_once_as_there_are_jobs(stages, tmp_path):
    here = tmp_path / "running"
    here.mkdir()
    meet = MEET.format(here=str(here))
    stages(train_mask_l0=meet, train_mask_l1=meet)
    assert run_tasks(TASKS[:2], 2) == []


def test_with_nothing_to_do_nothing_is_started(stages):
    folder = stages()
    assert run_tasks([], 2) == []
    assert not (folder / "started").exists()


@pytest.fixture
def compare(tmp_path, monkeypatch):
    """A function that says what ``stages/compare.py`` does, as lines of Python."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stages").mkdir()
    return (tmp_path / "stages/compare.py").write_text


def test_the_answer_is_printed_before_the_comparison_beside_the_trainings_ends(compare, capsys, tmp_path):
    compare("""
import time
from pathlib import Path
print("mask: Use dice.", flush=True)
while not Path("seen").exists():
    time.sleep(0.01)
print("MLflow holds 1 run")
""")
    with local.Comparison() as comparison:
        comparison.start()
        said, deadline = "", time.monotonic() + 60
        while not said and time.monotonic() < deadline:
            said = capsys.readouterr().out
            time.sleep(0.01)
        (tmp_path / "seen").touch()
    assert (said, capsys.readouterr().out) == ("mask: Use dice.\n", "MLflow holds 1 run\n")


def test_a_comparison_outlives_the_worker_that_starts_it(compare, capsys):
    """A process ends with the thread that starts it: the answer after the last task was never printed."""
    compare("import time; time.sleep(1); print('mask: Use dice.')")
    with local.Comparison() as comparison:
        worker = threading.Thread(target=comparison.start)
        worker.start()
        worker.join()
    assert capsys.readouterr().out == "mask: Use dice.\n"


def test_there_are_as_many_trainings_at_once_as_cores_and_four_at_most_but_as_many_as_are_asked_for(monkeypatch):
    for cores, jobs in {1: 1, 2: 2, 64: 4}.items():
        monkeypatch.setattr(local, "cores", lambda cores=cores: cores)
        assert (local.at_once(0), local.at_once(7)) == (jobs, 7)


def test_fewer_than_no_trainings_at_once_are_refused():
    with pytest.raises(StudyError, match="--jobs -1: say how many trainings at once"):
        local.at_once(-1)


@pytest.mark.parametrize("minutes", ["-1", "nan"])
def test_a_time_that_is_none_is_refused(minutes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").touch()
    arguments = cli.parse(["run", f"--minutes={minutes}"])
    with pytest.raises(StudyError, match=f"^--minutes {minutes}: say after how many minutes no round starts, or 0"):
        arguments.main(arguments)
    assert local.limit(1.5) == 90 and local.limit(0) == math.inf


def test_parameters_that_are_not_valid_are_one_line_and_nothing_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local, "dvc", lambda *_: pytest.fail("started"))
    (tmp_path / "params.yaml").write_text("seeds: 3\n")
    with pytest.raises(StudyError, match=r"^dataset: missing; set it in conf/"):
        local.run(1)


def test_what_a_killed_dvc_left_is_repaired_before_the_next_one_starts(tmp_path, monkeypatch, capsys):
    parameters = (ROOT / "params.yaml").read_bytes()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes(parameters)
    (tmp_path / "dvc.lock").write_text("stages: {")

    def dvc(*_):
        raise StudyError("started")

    monkeypatch.setattr(local, "dvc", dvc)
    with pytest.raises(StudyError, match=r"^started$"):
        local.run(1)
    assert capsys.readouterr().out.startswith("dvc.lock was half-written and is removed; ")


@pytest.fixture
def shown():
    """A view of `TASKS` on a terminal, and a function that returns what is there at the end, without colours."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80)

    def text():
        live.refresh()
        return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", console.file.getvalue())

    with Live(console=console, auto_refresh=False) as live:
        yield View(TASKS, live), text


def test_brackets_in_what_a_stage_says_are_shown_as_they_are(shown):
    seen, text = shown
    seen.began(0, TASKS[:2])
    seen.said(0, f"{TASKS[0].name}  reading [/data/x] [red]")
    assert "reading [/data/x] [red]" in text()
    seen.said(0, "ValueError: [/data/y] [red]")
    seen.said(0, "WARNING: failed to run: python stages/train.py mask l0, exited with 1")
    assert "ValueError: [/data/y] [red]" in text()


def test_a_terminal_shows_how_many_are_done_and_only_what_still_runs(shown):
    seen, text = shown
    seen.began(0, TASKS[:2])
    seen.said(0, "mask-l1  epoch 1")
    before = text()
    assert "mask-l1  epoch 1" in before and "0 of 7 done" in before
    seen.ended(0, 0)
    now = text().removeprefix(before)
    assert "2 of 7 done" in now and "epoch" not in now


@pytest.mark.parametrize("words", [["run"], ["repair"], ["cluster"]])
def test_outside_of_a_project_nothing_is_written(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = cli.parse(words)
    with pytest.raises(StudyError, match=r"dvc\.yaml: not here; run this in the project's root"):
        arguments.main(arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_comparison_ends_with_the_trainings_beside_it(compare, tmp_path):
    compare(f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    with pytest.raises(KeyboardInterrupt), local.Comparison() as comparison:
        comparison.start()
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


SAYS_THAT_IT_ENDS = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("terminated", flush=True)))
print("begun", flush=True)
time.sleep(60)
"""


def test_a_comparison_that_is_ended_says_nothing_more(compare, capsys):
    compare(SAYS_THAT_IT_ENDS)
    said = ""
    with pytest.raises(KeyboardInterrupt), local.Comparison() as comparison:
        comparison.start()
        while not said:
            said = capsys.readouterr().out
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert (said, capsys.readouterr().out) == ("begun\n", "")


def test_a_comparison_that_begins_after_an_interrupt_is_ended_too(compare, monkeypatch):
    compare("import time; time.sleep(60)")
    interrupted = threading.Event()

    def late(*words, popen=subprocess.Popen, **options):
        interrupted.wait(60)
        time.sleep(0.2)
        return popen(*words, **options)

    monkeypatch.setattr(subprocess, "Popen", late)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), local.Comparison() as comparison:
        comparison.start()
        interrupted.set()
        raise KeyboardInterrupt
    assert time.monotonic() - began < 50


def test_two_comparisons_never_run_at_once(compare, tmp_path):
    """Both would write the report."""
    compare("""
import time
with open("seen", "a") as file:
    print("begun", file=file, flush=True)
    time.sleep(0.3)
    print("ended", file=file)
""")
    with local.Comparison() as comparison:
        comparison.start()
        comparison.start()
    assert (tmp_path / "seen").read_text().split() == ["begun", "ended"] * 2


WAITS_FOR_A_COMPARISON = """
from loss_study.orchestration import local
from loss_study.runtime.errors import run_stage

def main():
    with local.Comparison() as comparison:
        comparison.start()

run_stage(main)
"""


def test_a_study_that_waits_for_its_last_comparison_can_be_ended(compare, tmp_path):
    compare("import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)")
    done = subprocess.run(
        [sys.executable, "-c", WAITS_FOR_A_COMPARISON],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (143, "terminated\n")


@pytest.fixture
def ending(tmp_path, monkeypatch):
    """A function that runs a study whose rounds end as it is told, and returns the commands behind them."""

    def ran(**done):
        told = []
        parameters = (ROOT / "params.yaml").read_bytes()
        monkeypatch.chdir(tmp_path)
        (tmp_path / "params.yaml").write_bytes(parameters)
        monkeypatch.setattr(local, "dvc", lambda *words: told.append(words[-1]))
        monkeypatch.setattr(local, "_rounds", lambda *_: local._Done(**done))
        monkeypatch.setattr(subprocess, "run", lambda words, **_: told.append(words[-1]))
        local.run(1, 90)
        return told

    return ran


def test_the_answer_is_shown_also_where_nothing_was_to_be_done(ending):
    assert ending(changed=True) == ["parent", "compare"]
    assert ending() == ["parent", "compare", "show"]


def test_a_study_says_which_round_the_time_was_too_short_for_and_how_to_keep_it(ending, capsys):
    ending(changed=True, left_out=2)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "1.5 minutes are over: no round 2; the same command goes on"
    assert second.startswith("to keep this study in git: git add params.yaml dvc.lock ")


def test_a_study_names_what_failed_once_the_others_are_compared(ending):
    with pytest.raises(StudyError, match=r"^failed: mask-l0, mask-l1; the same command tries again$"):
        ending(changed=True, failed=TASKS[:2])


@pytest.fixture
def events(tmp_path, monkeypatch):
    """What a study of two losses does in its rounds, in order; the decision leaves `bce` on the mask alone."""
    loss = load_config().loss.model_copy(update={"names": ["dice", "bce"]})
    race = load_config().race.model_copy(update={"rounds": [1, 2]})
    config = load_config().model_copy(update={"loss": loss, "race": race, "seeds": [0, 1]})
    found = []

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local.Comparison, "start", lambda _: found.append("compare"))

    def ran(left=lambda tasks: tasks, deadline=math.inf, failing=(), joint=config.joint, later=("bce",)):
        def decide(*words):
            found.append(words[-1].partition(":")[2])
            decisions.write(config, 2, {"mask": later, "depth": []})

        def run(tasks, _, evaluated):
            for task in tasks:
                found.append(task.name)
                if task.name == "mask" and len(tasks) > 2:
                    evaluated()
            return [task for task in tasks if task.name in failing]

        monkeypatch.setattr(local, "dvc", decide)
        monkeypatch.setattr(local, "run_tasks", run)
        monkeypatch.setattr(local, "unfinished", left)
        done = local._rounds(config.model_copy(update={"joint": joint}), 2, deadline)
        return [*found, *(f"no round {number}" for number in [done.left_out] if number)]

    return ran


FIRST = ["mask-dice", "mask-bce", "mask", "compare", "depth-dice", "depth-bce", "depth"]
LONG_AGO = -math.inf


def of_round(number):
    """Return what keeps of tasks those of a round."""
    return lambda tasks: [task for task in tasks if task.stage.startswith("rounds/") is (number == 2)]


def test_a_head_is_compared_as_soon_as_it_is_evaluated_beside_the_next_trainings(events):
    assert events() == [*FIRST, "decide@2", "compare", "mask-bce", "mask"]


def test_what_was_compared_before_is_not_compared_again(events):
    assert events(of_round(2)) == ["mask", "depth", "decide@2", "mask-bce", "mask"]


def test_a_joint_training_is_compared_once_all_of_the_round_is_evaluated(events):
    joint = JointConfig(names=["both"], options={"both": JointTraining(mask="dice", depth="bce")})
    told = events(joint=joint)
    assert told.index("compare") > told.index("decide@2") and told.count("compare") == 1


def test_after_a_failure_no_round_starts(events):
    assert events(failing=["mask-dice"]) == FIRST


def test_once_all_is_decided_nothing_more_starts(events):
    assert events(later=()) == [*FIRST, "decide@2"]


def test_the_time_ends_a_study_before_a_later_round_and_never_before_the_first(events):
    assert events(deadline=LONG_AGO) == [*FIRST, "decide@2", "no round 2"]


def test_what_is_trained_already_is_compared_however_late_it_is(events):
    assert events(lambda _: [], LONG_AGO) == ["mask", "depth", "decide@2", "mask"]


def test_what_is_trained_again_leaves_no_earlier_result_to_be_compared(events, tmp_path):
    gone = ["runs/1/mask/dice/0", "tuning/mask/dice", "eval/1/mask/bce/0", "eval/2/mask/bce/1"]
    kept = ["runs/1/mask/bce/0", "tuning/mask/bce", "runs/2/mask/bce/1"]
    for folder in (*gone, *kept):
        (tmp_path / folder).mkdir(parents=True)
    events(lambda tasks: [task for task in tasks if task.stage == "train@mask-dice"])
    assert [folder for folder in (*gone, *kept) if (tmp_path / folder).exists()] == kept


def test_what_a_later_round_trains_again_keeps_its_learning_rate_and_the_rounds_before(events, tmp_path):
    gone, kept = ["runs/2/mask/bce/1", "eval/2/mask/bce/1"], ["runs/1/mask/bce/0", "tuning/mask/bce", "eval/1/mask"]
    for folder in (*gone, *kept):
        (tmp_path / folder).mkdir(parents=True)
    events(of_round(2))
    assert [folder for folder in (*gone, *kept) if (tmp_path / folder).exists()] == kept


INTERRUPTED = """
import signal, sys
from loss_study import cli
from loss_study.orchestration import local
from loss_study.orchestration.tasks import Task
from loss_study.runtime.errors import StudyError

signal.signal(signal.SIGINT, signal.default_int_handler)
local.DVC = (sys.executable, sys.argv[1])
try:
    local.run_tasks([Task(f"mask-l{n}", f"train@mask-l{n}") for n in range(8)], 1)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_starts_nothing_more_and_ends_what_runs(stages, tmp_path):
    interrupt = "os.kill(psutil.Process().parents()[1].pid, signal.SIGINT)"
    # A real stage ends with its DVC; this one lives on, but holds nothing open that somebody waits for.
    stages(train_mask_l0=f"import os, psutil, signal, time; {interrupt}; os.close(1); os.close(2); time.sleep(60)")
    (tmp_path / "program.py").write_text(INTERRUPTED)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "program.py"), str(tmp_path / "dvc.py")],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
        timeout=50,
        check=True,
    )
    assert done.stdout == "interrupted\n"
    assert len(started(tmp_path)) == 1


def test_a_second_study_in_the_same_folder_names_the_process_that_runs_the_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").touch()
    arguments = cli.parse(["run"])
    with local.locked(local.LOCK, "running the study of this folder"), pytest.raises(StudyError) as refused:
        arguments.main(arguments)
    holder = rf"process {os.getpid()} on \S+ is running the study of this folder"
    assert re.fullmatch(rf"\.dvc/tmp/study\.lock: {holder}; wait until it ends, or end it", str(refused.value))
    monkeypatch.setattr(local, "run", lambda *_: None)
    arguments.main(arguments)
