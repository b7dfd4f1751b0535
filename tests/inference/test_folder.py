"""A model folder that is damaged, of another format or not there is refused in one line."""

import json

import numpy as np
import pytest
from safetensors.numpy import save

from loss_study.data.depth_scale import DepthScale
from loss_study.inference import runtimes
from loss_study.inference.contract import Contract, Depth, Input, Mask
from loss_study.inference.folder import DESCRIPTION, ONNX, ModelFolder, own_digest
from loss_study.runtime.errors import StudyError
from support.channel_model import MASK, METRES, RELATIVE, changed, describe, write_model


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


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "\x00\x01", "[" * 10**5])
def test_a_damaged_description(tmp_path, text):
    write_model(tmp_path / "model")
    (tmp_path / "model" / DESCRIPTION).write_text(text)
    assert refused(ModelFolder.open, tmp_path / "model").startswith(f"{tmp_path}/model/model.json: damaged")


def test_a_description_that_has_changed_is_noticed(tmp_path):
    path = write_model(tmp_path / "model") / DESCRIPTION
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"sha256": own_digest(values)}))
    whole = path.read_text()
    assert ModelFolder.open(path.parent).contract.outputs["mask"].threshold == 0.5
    path.write_text(whole.replace('"threshold": 0.5', '"threshold": 0.4'))
    assert refused(ModelFolder.open, path.parent).startswith(f"{path}: damaged (its SHA-256 is not that in it)")


def test_another_format(tmp_path):
    changed(write_model(tmp_path / "model"), format=99)
    assert "has format 99, but format 1 is needed" in refused(ModelFolder.open, tmp_path / "model")


@pytest.mark.parametrize("part", ["input", "outputs"])
def test_a_description_without_its_parts(tmp_path, part):
    changed(write_model(tmp_path / "model"), **{part: {}} if part == "input" else {part: None})
    assert "model.json: damaged" in refused(ModelFolder.open, tmp_path / "model")


INPUT = {"channels": 3, "size": 16, "stride": 16, "image_range": None}
INFINITE = float("inf")


@pytest.mark.parametrize(
    "values",
    [
        {"input": INPUT | {"size": 10**9}},
        {"input": INPUT | {"size": 0}},
        {"input": INPUT | {"size": INFINITE}},
        {"input": INPUT | {"channels": 7}},
        {"input": INPUT | {"stride": 0}},
        {"input": INPUT | {"image_range": [5, 1]}},
        {"input": INPUT | {"image_range": [0, 10**400]}},
        {"outputs": {}},
        {"outputs": {"../../mask": RELATIVE}},
        {"outputs": {"mask": MASK | {"classes": 10**12}}},
        {"outputs": {"mask": MASK | {"classes": 2, "threshold": None}}},
        {"outputs": {"mask": MASK | {"threshold": float("nan")}}},
        {"outputs": {"depth": METRES | {"halfway_m": 0}}},
        {"outputs": {"depth": METRES | {"farthest_m": INFINITE}}},
    ],
)
def test_values_out_of_range(tmp_path, values):
    changed(write_model(tmp_path / "model"), **values)
    assert refused(ModelFolder.open, tmp_path / "model").startswith(f"{tmp_path}/model/model.json: damaged (")


def test_a_graph_that_does_not_give_what_the_description_says(tmp_path):
    folder = write_model(tmp_path / "model", mask=MASK | {"classes": 2, "class_names": ["a", "b"], "threshold": None})
    changed(folder, outputs={"mask": MASK})
    images = np.zeros((1, 3, 16, 16), np.float32)
    message = refused(runtimes.load(ModelFolder.open(folder)), images)
    assert message == f"{folder}/{ONNX}: gives float32 (1, 2, 16, 16) for the mask instead of float32 (1, 1, 16, 16)"
    assert "onnxruntime cannot compute it (" in refused(runtimes.load(ModelFolder.open(folder)), images[:, :1])


@pytest.mark.parametrize("place", ["options", "losses"])
def test_code_that_a_folder_names_runs_only_if_torch_was_asked_for(tmp_path, place):
    folder, ran = tmp_path / "model", tmp_path / "ran"
    code = {"_target_": "subprocess.check_output", "args": ["touch", str(ran)]}
    network = {"name": "imported", "in_channels": 3, "classes": 1, "options": {}, "losses": {}}
    loss = {"name": "own", "options": code} if place == "losses" else {"name": "bce", "options": {}}
    network |= {"losses": {"mask": loss}} | ({"options": code} if place == "options" else {})
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(save({"weight": np.zeros(1, np.float32)}))
    describe(folder, {"format": 1, "input": INPUT, "outputs": {"mask": MASK}, "networks": [network]})
    message = refused(runtimes.load, ModelFolder.open(folder))
    assert message.startswith(f"{folder}: runs code, subprocess.check_output; ") and "--runtime torch" in message
    assert not ran.exists()
    if place == "options":
        refused(runtimes.load, ModelFolder.open(folder), "torch")
        assert ran.exists()


def test_no_memory_is_taken_for_a_network_that_the_weights_are_not_of(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(save({"weight": np.zeros(1, np.float32)}))
    loss = {"name": "bce", "options": {}}
    network = {"name": "resunet", "in_channels": 3, "classes": 1, "losses": {"mask": loss}}
    network["options"] = {"width": 10**5, "stages": 4}  # Terabytes.
    describe(folder, {"format": 1, "input": INPUT, "outputs": {"mask": MASK}, "networks": [network]})
    assert "does not fit model.json (ValueError)" in refused(runtimes.load, ModelFolder.open(folder))


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
