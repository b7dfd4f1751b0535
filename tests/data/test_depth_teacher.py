"""Pseudo-depth by tiny models with random weights, saved to disk and loaded as a pretrained one is."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from loss_study import datasets
from loss_study.config import DatasetConfig, DepthTeacher, SampleConfig
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import StudyError
from loss_study.sampling import depth_teacher
from loss_study.sampling.pack import pack
from support.data_at_hand import ROOT, composed, save

SIDE = 64
CPU = torch.device("cpu")
IMAGES = [np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for seed in range(5)]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two folders: dpt predicts nearness, glpn distance."""
    transformers = pytest.importorskip("transformers", reason="needs the extra teacher")
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("models")
    dpt = transformers.DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16, image_size=32, patch_size=8,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8] * 4, fusion_hidden_size=8, readout_type="ignore",
    )  # fmt: skip
    glpn = transformers.GLPNConfig(
        hidden_sizes=[8] * 4, depths=[1] * 4, num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=8
    )
    transformers.DPTForDepthEstimation(dpt).save_pretrained(root / "dpt")
    transformers.DPTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(root / "dpt")
    transformers.GLPNForDepthEstimation(glpn).save_pretrained(root / "glpn")
    transformers.GLPNImageProcessor().save_pretrained(root / "glpn")
    return root


def load(folder, **changes):
    return depth_teacher.load(DepthTeacher(model=str(folder), side=SIDE, batch_size=2, **changes), CPU)


def predicted_by_transformers(folder, image):
    """The library's own pipeline: the prediction at the image's size."""
    from transformers import pipeline

    answer = pipeline("depth-estimation", model=str(folder), device="cpu")(Image.fromarray(image))
    return answer["predicted_depth"].squeeze().numpy()


@pytest.mark.parametrize(("name", "predicts"), [("dpt", "nearness"), ("glpn", "distance")])
def test_depth_is_the_models_prediction_from_near_to_far(models, name, predicts):
    teacher = load(models / name)
    assert predicts in teacher.note and str(models / name) in teacher.note
    for image, depth in zip(IMAGES, teacher.depths(IMAGES, SIDE), strict=True):
        assert (depth.dtype, depth.shape, depth.min(), depth.max()) == (np.uint16, (SIDE, SIDE), 0, 65535)
        prediction = predicted_by_transformers(models / name, image)
        share = (prediction - prediction.min()) / np.ptp(prediction)
        expected = 65535 * (1 - share if predicts == "nearness" else share)
        # Batches differ from single images in the last digits.
        assert np.abs(depth - expected).max() <= 65535 * 1e-5 + 1


def test_the_direction_can_be_set(models):
    (far,), (near,) = (load(models / "glpn", predicts=one).depths(IMAGES[:1], 32) for one in ("distance", "nearness"))
    assert np.abs(far.astype(int) + near - 65535).max() <= 1


def test_the_same_images_give_the_same_depth(models):
    first, second = (load(models / "dpt").depths(IMAGES, 24) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_a_flat_prediction_is_all_near(models):
    teacher = load(models / "dpt")
    assert teacher._stored(np.full((8, 8), 3.5, np.float32), 4).tolist() == [[0] * 4] * 4
    ramp = np.tile(np.array([0, 1, 2, 4], np.float32), (4, 1))
    assert teacher._stored(ramp, 4)[0].tolist() == [65535, 49151, 32768, 0]


def test_the_sample_gets_the_depth(models, tmp_path):
    root = tmp_path / "images"
    for number in range(14):
        image = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        save(root / f"images/{number:02d}.png", image)
        save(root / f"masks/{number:02d}.png", np.tri(SIDE, dtype=np.uint8) * 255)
    files = {"image": "images/{name}", "mask": "masks/{name}"}
    dataset = DatasetConfig(
        name="folder", path=str(root), heads=["mask", "depth"], options={"files": files},
        depth_teacher=DepthTeacher(model=str(models / "dpt"), side=SIDE, batch_size=4),
    )  # fmt: skip
    depth_teacher.check(dataset)
    teacher = depth_teacher.load(dataset.depth_teacher, CPU)
    chosen = SampleConfig(images=14, size=32, validation=0.2, test=0.2, seed=0)
    source = datasets.open_dataset("folder", root, dataset.options)
    with pytest.raises(StudyError, match=r"has no depth; .*dataset\.depth_teacher"):
        pack(source, tmp_path / "sample", dataset, chosen)
    pack(source, tmp_path / "sample", dataset, chosen, teacher=teacher, workers=2)
    sample = PackedSample.open(tmp_path / "sample")
    assert teacher.note in sample.meta["notes"] and sample.valid("depth") is None
    for row, depth in zip(sample.index, sample.targets("depth"), strict=True):
        number = int(row["id"][-2:])
        image = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        (alone,) = teacher.depths([image], 32)
        assert np.abs(depth.astype(int) - alone).max() <= 1


def test_weights_in_another_format_are_refused(models, tmp_path):
    shutil.copytree(models / "dpt", tmp_path / "pickled")
    (tmp_path / "pickled/model.safetensors").unlink()
    torch.save({}, tmp_path / "pickled/pytorch_model.bin")
    with pytest.raises(StudyError, match=r"pickled cannot be loaded \(.*safetensors.*; without a network"):
        load(tmp_path / "pickled")


def test_a_model_of_unknown_direction_asks_for_it(models, tmp_path, monkeypatch):
    monkeypatch.delitem(depth_teacher.PREDICTS, "glpn")
    with pytest.raises(StudyError, match=r"depth_teacher\.predicts: unknown for models of the type 'glpn'"):
        load(models / "glpn")
    assert "distance" in load(models / "glpn", predicts="distance").note


def test_a_metric_depth_anything_predicts_distance():
    from types import SimpleNamespace

    for kind, predicts in (("relative", "nearness"), ("metric", "distance")):
        config = SimpleNamespace(model_type="depth_anything", depth_estimation_type=kind)
        assert depth_teacher._predicts(DepthTeacher(model="x"), config) == predicts


def test_without_weights_or_network_the_error_is_one_line(models, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        StudyError, match=r"^dataset\.depth_teacher\.model: nobody/at-all cannot be loaded \("
    ) as caught:
        depth_teacher.load(DepthTeacher(model="nobody/at-all"), CPU)
    assert "\n" not in str(caught.value)


def test_a_missing_extra_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(StudyError, match=r"needs the extra 'teacher' .*pip install '\.\[teacher\]'"):
        depth_teacher.load(DepthTeacher(model="somebody/some-model"), CPU)


def dataset(model, heads=("mask", "depth")):
    return DatasetConfig(name="pets", path="x", heads=list(heads), depth_teacher=DepthTeacher(model=model))


def test_mistakes_are_found_before_the_work(tmp_path, monkeypatch):
    depth_teacher.check(dataset(""))
    depth_teacher.check(dataset("depth-anything/Depth-Anything-V2-Small-hf"))
    depth_teacher.check(dataset(str(tmp_path)))
    with pytest.raises(StudyError, match=r"makes depth maps; set dataset\.heads=\[mask,depth\] too"):
        depth_teacher.check(dataset(str(tmp_path), heads=["mask"]))
    with pytest.raises(StudyError, match="nowhere is neither a folder nor a name on the Hugging Face hub"):
        depth_teacher.check(dataset(str(tmp_path / "nowhere")))
    monkeypatch.setattr(depth_teacher, "find_spec", lambda name: None)
    with pytest.raises(StudyError, match=r"pip install '\.\[teacher\]'"):
        depth_teacher.check(dataset(str(tmp_path)))


def test_the_configuration_composes(tmp_path, monkeypatch):
    chosen = composed(tmp_path, monkeypatch, "dataset=pets_depth")
    assert chosen.loss.heads == ["mask", "depth"]
    assert chosen.dataset.depth_teacher.model == "depth-anything/Depth-Anything-V2-Small-hf"
    chosen = composed(
        tmp_path, monkeypatch, "dataset=birds", "dataset.heads=[mask,depth]", f"dataset.depth_teacher.model={tmp_path}"
    )
    assert chosen.dataset.depth_teacher == DepthTeacher(model=str(tmp_path))


def test_sampling_imports_torch_for_a_teacher_only():
    code = "import json, sys; sys.path.insert(0, 'stages'); import sample; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"torch", "transformers", "torchvision", "pandas"} & set(json.loads(done.stdout))
