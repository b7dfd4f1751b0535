"""The command `loss-study`: what it can do, what it imports, how it ends."""

import os
import signal
import subprocess
import sys
from configparser import ConfigParser
from importlib import import_module

import pytest
import yaml

import loss_study
from loss_study import cli
from support.clone import ROOT


def run(*words, cwd=ROOT):
    command = [sys.executable, "-m", "loss_study", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_setup_cfg_installs_the_command_and_all_files_of_the_package():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    name, _, target = setup["options.entry_points"]["console_scripts"].strip().partition(" = ")
    module, _, function = target.partition(":")
    assert name == "loss-study"
    assert getattr(import_module(module), function) is cli.main
    package = ROOT / "src/loss_study"
    patterns = [pattern.strip() for pattern in setup["options.package_data"]["loss_study"].split(",")]
    installed = {path for pattern in patterns for path in package.glob(pattern)}
    assert package / "py.typed" in installed
    other = {path for path in package.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert installed == other


def test_help_lists_every_subcommand():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in cli.COMMANDS:
        assert f"    {command.name}" in done.stdout and command.help in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", cli.COMMANDS, ids=lambda command: command.name)
def test_help_of_a_subcommand_says_what_it_does_and_explains_every_option(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.parse([command.name, "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: loss-study {command.name}")
    assert import_module(command.module).__doc__.splitlines()[0] in shown
    # Two spaces in front of an option, more in front of what explains it.
    options = [line for line in shown.splitlines() if line.startswith("  ") and line[2] != " "]
    described = [line.split(maxsplit=1) for line in options]
    assert all(len(words) > 1 for words in described)


def test_version():
    assert run("--version").stdout == f"{loss_study.__version__}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "the following arguments are required: command"),
        (["comopse"], "invalid choice: 'comopse'"),
        (["show", "me"], "unrecognized arguments: me"),
        (["ui", "--port", "x"], "argument --port: invalid int value: 'x'"),
    ],
)
def test_a_wrong_word_is_named(words, says, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.parse(words)
    assert says in capsys.readouterr().err


def test_compose_writes_params_yaml_and_an_error_is_one_line(tmp_path):
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    done = run("compose", "loss=dice", "scale=smoke", "seeds=[0,1]", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    assert (params["loss"]["names"], params["scale"], params["seeds"]) == (["dice"], "smoke", [0, 1])

    done = run("compose", "loss=dcie", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: conf/: ") and "loss/dcie" in done.stderr


def test_only_the_chosen_subcommand_is_imported():
    code = (
        "import sys; from loss_study.cli import parse; parse(['compose']); "
        "assert not {'torch', 'mlflow', 'rich', 'loss_study.tracking.ui'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_ctrl_c_during_the_imports_is_one_line(tmp_path):
    # In short pieces: a signal that comes just before a sleep is seen only after it.
    lasting = "import time; print('imports', flush=True); [time.sleep(0.01) for _ in range(6000)]"
    (tmp_path / "rich.py").write_text(lasting)
    process = subprocess.Popen(
        [sys.executable, "-m", "loss_study", "show"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT / 'src'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "imports\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == "interrupted\n"
    assert process.returncode == 130
