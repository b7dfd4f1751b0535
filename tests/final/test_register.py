"""The final model in MLflow's registry: loaded, and served over HTTP, where neither this package nor torch is."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from loss_study.final import register
from loss_study.inference import runtimes
from loss_study.inference.folder import OWN, ModelFolder, own_digest
from support import outside
from support.ports import free_port

NAME = "loss-study-scenes"
#: In the folder that is searched first: no package of ours is found but that in a model, and no torch.
SITE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("no torch here", name=name)
        if name == "loss_study" and not any("code" in one.split("/")[-1:] for one in sys.path):
            raise ModuleNotFoundError("no loss_study here", name=name)

sys.meta_path.insert(0, Refuse())
"""
SECONDS_TO_START = 600


@pytest.fixture(scope="module")
def registered(written, tmp_path_factory, empty_store):
    """A store in a file, with the final model in its registry; the sentence that says so."""
    root = tmp_path_factory.mktemp("registry")
    (root / ".git").mkdir()
    shutil.copy(empty_store, root / "mlflow.db")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(root)
        outside.leave(patched)
        yield root, register.register(written.path)


def client(root):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{root}/mlflow.db", f"sqlite:///{root}/mlflow.db")


def test_the_champion_is_registered_once(registered, written):
    root, said = registered
    assert said == f"in MLflow: models:/{NAME}@champion, version 1"
    assert register.register(written.path) == said
    assert [one.version for one in client(root).search_model_versions(f"name = '{NAME}'")] in ([1], ["1"])
    version = client(root).get_model_version_by_alias(NAME, "champion")
    run = client(root).get_run(version.run_id)
    stated = written.description["measured"]["mask"]["metrics"][0]
    assert run.data.metrics[f"final/mask/{stated['metric']}"] == pytest.approx(stated["value"])
    assert run.data.tags["mlflow.note.content"].startswith("# Model of the study of scenes")


def test_another_model_becomes_the_champion(registered, written, tmp_path):
    root, _ = registered
    shutil.copytree(written.path, tmp_path / "model")
    values = json.loads((tmp_path / "model/model.json").read_text())
    values["created"] = "2030-01-01"
    (tmp_path / "model/model.json").write_text(json.dumps(values | {OWN: own_digest(values)}))
    assert register.register(tmp_path / "model").endswith("@champion, version 2")
    assert str(client(root).get_model_version_by_alias(NAME, "champion").version) == "2"
    assert register.register(written.path).endswith("@champion, version 1")
    assert str(client(root).get_model_version_by_alias(NAME, "champion").version) == "1"


def test_nothing_that_strangers_could_publish_is_required(registered, written):
    root, _ = registered
    source = next((root / "mlartifacts/models").glob("*/artifacts"))
    for name in ("requirements.txt", "conda.yaml", "python_env.yaml"):
        assert "loss" not in (source / name).read_text().replace("_", "-")
    requirements = (source / "requirements.txt").read_text()
    assert "onnxruntime==" in requirements and "torch" not in requirements
    assert (source / "code/loss_study/inference/serving.py").is_file()
    assert (source / "input_example.json").is_file()


def test_it_predicts_on_arrays_of_any_number_and_size(registered, written, monkeypatch):
    import mlflow

    root, _ = registered
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    inputs = np.random.default_rng(0).random((3, 6, 48, 32), dtype=np.float32)
    found, expected = model.predict(inputs), runtimes.load(written)(inputs)
    np.testing.assert_allclose(found["mask"], expected["mask"], atol=1e-6)
    scale = ModelFolder.open(written.path).contract.outputs["depth"].scale
    np.testing.assert_allclose(found["depth"], scale.decode(expected["depth"]), rtol=1e-5)


ALONE = """
import sys
import numpy as np
from loss_study.inference.serving import _load_pyfunc
found = _load_pyfunc(sys.argv[1]).predict(np.zeros((1, 6, 32, 64), np.float32))
print(*(values.shape for values in found.values()))
"""


def test_its_code_is_complete(registered, written, tmp_path):
    root, _ = registered
    code = next((root / "mlartifacts/models").glob("*/artifacts/code"))
    around = environment(tmp_path, root)
    around["PYTHONPATH"] += f"{os.pathsep}{code}"
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(written.path)], env=around, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("(1, 1, 32, 64) (1, 1, 32, 64)\n", "")
    assert not (code / "loss_study/training").exists(), "and no more than it needs"


def environment(folder, root):
    """Return that of a machine with MLflow and onnxruntime, but without torch and this package."""
    (folder / "sitecustomize.py").write_text(SITE)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PYTHON"))}
    return kept | {
        "PYTHONPATH": str(folder),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


@pytest.mark.long
def test_it_is_served_over_http_without_torch_and_without_this_package(registered, written, tmp_path):
    root, _ = registered
    address = f"http://127.0.0.1:{free_port()}"
    around = environment(tmp_path, root)
    gone = [sys.executable, "-c", "import loss_study"]
    assert "no loss_study here" in subprocess.run(gone, env=around, capture_output=True, text=True, check=False).stderr
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", f"models:/{NAME}@champion"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]]
    log = (tmp_path / "log").open("w")
    server = subprocess.Popen(
        command, cwd=tmp_path, env=around, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        _wait(server, address, tmp_path / "log")
        inputs = np.random.default_rng(1).random((2, 6, 32, 64), dtype=np.float32)
        answer = _post(f"{address}/invocations", {"inputs": inputs.tolist()})
        expected = runtimes.load(written)(inputs)["mask"]
        found = np.array(answer["predictions"]["mask"])
        assert found.shape == (2, 1, 32, 64) and np.abs(found - expected).max() < 1e-4
        assert np.array(answer["predictions"]["depth"]).shape == (2, 1, 32, 64)
        example = json.loads(next((root / "mlartifacts").rglob("serving_input_example.json")).read_text())
        assert np.array(_post(f"{address}/invocations", example)["predictions"]["mask"]).shape == (1, 1, 32, 32)
        with pytest.raises(urllib.error.HTTPError) as refused:
            _post(f"{address}/invocations", {"inputs": [[1.0, 2.0]]})
        assert refused.value.code == 400
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _wait(server, address, log):
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        assert server.poll() is None and time.monotonic() < deadline, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/ping", timeout=5):
                return
        except OSError:
            time.sleep(0.2)


def _post(address, values):
    content = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(values).encode(), content)
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)
