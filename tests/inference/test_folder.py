"""A model folder that is damaged, of another format or not there is refused in one line."""

import json

import numpy as np
import pytest

from loss_study.data.depth_scale import DepthScale
from loss_study.inference import runtimes
from loss_study.inference.contract import Contract, Depth, Input, Mask
from loss_study.inference.folder import DESCRIPTION, ONNX, ModelFolder
from loss_study.runtime.errors import StudyError
from support.channel_model import METRES, changed, write_model


def refused(function, *arguments):
    with pytest.raises(StudyError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_contract_survives_its_json():
    outputs = {
        "mask": Mask(3, ("pet", "background", "border"), None),
        "depth": Depth(DepthScale(9.0, 80.0)),
    }
    contract = Contract(Input(6, 64, 16, (0.0, 4095.0)), outputs)
    values = json.loads(json.dumps({"format": 1, **contract.as_json()}))
    assert Contract.of(values, "model.json") == contract
    assert values["input"]["background"] is True


def test_a_folder_gives_its_contract_and_its_files(tmp_path):
    folder = ModelFolder.open(write_model(tmp_path / "model", depth=METRES))
    assert folder.contract.outputs["depth"] == Depth(DepthScale(9.0, 80.0))
    assert folder.file(ONNX) == tmp_path / "model" / ONNX
    assert not folder.has("model.safetensors")


def test_no_model(tmp_path):
    message = refused(ModelFolder.open, tmp_path / "nowhere")
    assert message.startswith(f"{tmp_path}/nowhere/model.json: no model there") and "loss-study final" in message


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "\x00\x01"])
def test_a_damaged_description(tmp_path, text):
    write_model(tmp_path / "model")
    (tmp_path / "model" / DESCRIPTION).write_text(text)
    assert refused(ModelFolder.open, tmp_path / "model").startswith(f"{tmp_path}/model/model.json: damaged")


def test_another_format(tmp_path):
    changed(write_model(tmp_path / "model"), format=99)
    assert "has format 99, but format 1 is needed" in refused(ModelFolder.open, tmp_path / "model")


@pytest.mark.parametrize("part", ["input", "outputs"])
def test_a_description_without_its_parts(tmp_path, part):
    changed(write_model(tmp_path / "model"), **{part: {}} if part == "input" else {part: None})
    assert "model.json: damaged" in refused(ModelFolder.open, tmp_path / "model")


@pytest.mark.parametrize("damage", ["changed", "cut off", "missing"])
def test_a_damaged_graph(tmp_path, damage):
    path = write_model(tmp_path / "model") / ONNX
    content = path.read_bytes()
    path.write_bytes(content[:-1] if damage == "cut off" else content[:-1] + b"!")
    if damage == "missing":
        path.unlink()
    message = refused(runtimes.load, ModelFolder.open(tmp_path / "model"))
    assert message.startswith(f"{path}: damaged (")


def test_a_model_without_a_graph_says_so(tmp_path):
    write_model(tmp_path / "model")
    changed(tmp_path / "model", files={})
    assert refused(runtimes.load, ModelFolder.open(tmp_path / "model"), "onnx") == (
        f"{tmp_path}/model: the model has no model.onnx"
    )


def test_onnxruntime_gives_each_head(tmp_path):
    runtime = runtimes.load(ModelFolder.open(write_model(tmp_path / "model", background=True)))
    inputs = np.random.default_rng(0).random((3, 6, 16, 32), dtype=np.float32)
    found = runtime(inputs)
    assert runtime.name == "onnxruntime"
    np.testing.assert_array_equal(found["mask"], inputs[:, 3:4])
    np.testing.assert_array_equal(found["depth"], inputs[:, 4:5])


@pytest.mark.parametrize(("name", "said"), [("onnx", "onnxruntime: not installed"), ("torch", "torch: not installed")])
def test_a_package_that_is_missing_is_named_with_its_command(tmp_path, monkeypatch, name, said):
    folder = ModelFolder.open(write_model(tmp_path / "model"))
    monkeypatch.setattr(runtimes, "find_spec", lambda _: None)
    message = refused(runtimes.load, folder, name)
    assert message.startswith(said) and "run 'pip install" in message
