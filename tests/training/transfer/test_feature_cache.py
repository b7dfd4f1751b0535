"""A frozen encoder's outputs, computed once: the same numbers, for every trial that would compute them."""

import numpy as np
import pytest
import torch

from loss_study import models
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import StudyError
from loss_study.training.transfer import feature_cache
from loss_study.training.transfer.feature_batches import Features, FeatureWriter
from loss_study.trial import Trial
from support.small_training import KilledError, same, trained


def caches(folder):
    """Return the finished caches in the working directory `folder`."""
    return [path for path in (folder / "features").iterdir() if path.is_dir()]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("flip", [0.0, 0.5])
def test_cached_features_give_the_same_numbers(flip, precision, sample, recipe, tmp_path):
    """With an incomplete batch at the end of both splits: 12 pictures for training, 6 for validation, batches of 5."""
    whole = recipe(freeze=["encoder"], batch_size=5, precision=precision, augmentation={"flip": flip})
    plain = trained(sample, whole)
    kept = trained(sample, recipe(cache_features=True))
    assert kept[1] == plain[1] and same(kept[2], plain[2])
    (cache,) = caches(tmp_path)
    assert len(np.load(cache / "0.npy", mmap_mode="r")) == (30 if flip else 18)


def test_every_kind_of_tensor_comes_back_as_it_was(sample, tmp_path):
    """Values, dtype and layout: the layout decides which kernel reads it, and so the last digits."""
    numbers = torch.Generator().manual_seed(0)
    rows = torch.from_numpy(np.concatenate([sample.rows("train"), sample.rows("validation"), sample.rows("train")]))
    whole = [
        torch.randn(30, 3, 4, 4, generator=numbers),
        torch.randn(30, 3, 4, 4, generator=numbers).to(memory_format=torch.channels_last),
        torch.randn(30, 5, 1, 1, generator=numbers).bfloat16().to(memory_format=torch.channels_last),
        torch.randint(0, 1 << 40, (30, 2, 4, 4), generator=numbers),
        torch.randn(30, 7, generator=numbers).bfloat16(),
    ]
    writer = FeatureWriter(tmp_path, 30)
    for batch in range(0, 30, 8):
        writer.add([tensor[batch : batch + 8] for tensor in whole], len(rows[batch : batch + 8]))
    features = Features(tmp_path, sample, torch.device("cpu"))
    order = torch.tensor([17, 3, 0, 11, 12])
    taken = features.take(rows[order], torch.zeros(5, dtype=torch.bool))
    mirrored = features.take(rows[[2, 5]], torch.tensor([True, False]))
    for tensor, found, pair in zip(whole, taken, mirrored, strict=True):
        assert torch.equal(found, tensor[order]) and found.dtype == tensor.dtype
        assert found.stride() == tensor[:5].stride()
        assert torch.equal(pair, tensor[[18 + 2, 5]])


def test_the_encoder_runs_once_for_all_losses_and_heads(sample, recipe, monkeypatch):
    study = recipe(freeze=["encoder"], cache_features=True)
    passes, outputs = [], feature_cache.Encoder.outputs

    def counted(self, pictures):
        passes.append(len(pictures))
        return outputs(self, pictures)

    monkeypatch.setattr(feature_cache.Encoder, "outputs", counted)
    trained(sample, study)
    assert passes == [4, 4, 4, 4, 2, 4, 4, 4], "training, validation, mirrored training"
    trained(sample, study, Trial("depth", "huber", 0))
    assert len(passes) == 8
    trained(sample, study, Trial("mask", "bce", 1))
    assert len(passes) == 16, "another seed draws another encoder"


@pytest.mark.parametrize(("size", "expected"), [(5, [5, 5, 5, 5, 1]), (16, [12, 6])])
def test_batches_of_the_training_split_are_as_large_as_in_a_training(size, expected, sample, recipe, monkeypatch):
    """12 images for training, 6 for validation; the last digits may depend on the size of a batch."""
    passes, outputs = [], feature_cache.Encoder.outputs

    def counted(self, images):
        passes.append(len(images))
        return outputs(self, images)

    monkeypatch.setattr(feature_cache.Encoder, "outputs", counted)
    trained(sample, recipe(freeze=["encoder"], cache_features=True, batch_size=size, augmentation={"flip": 0.0}))
    assert passes == expected


def test_the_key_tells_encoders_apart_and_not_decoders():
    def digest(change=None):
        torch.manual_seed(0)
        model = models.build("resunet", 3, ["mask"], width=2)
        model.register_buffer("mean", torch.tensor([0.5]))
        if change:
            with torch.no_grad():
                dict(model.named_parameters(), **dict(model.named_buffers()))[change].add_(1)
        return feature_cache.Encoder(model, "float32").digest()

    assert digest() == digest("decoders.mask.logits.bias") == digest("decoders.mask.ups.0.convs.1.running_mean")
    changed = ["encoder.0.convs.0.weight", "bridge.1.running_var", "mean"]
    assert len({digest(), *map(digest, changed)}) == 4


def test_other_pictures_are_other_features(sample, recipe, tmp_path):
    study = recipe(freeze=["encoder"], cache_features=True)
    trained(sample, study)
    pictures = np.array(sample.images)
    pictures[sample.rows("train")[0]] ^= 1
    (tmp_path / "data/sample/images.npy").unlink()
    np.save(tmp_path / "data/sample/images.npy", pictures)
    trained(PackedSample.open(tmp_path / "data/sample"), study)
    assert len(caches(tmp_path)) == 2


def test_a_killed_computation_leaves_nothing_that_is_taken_for_whole(sample, recipe, monkeypatch, tmp_path):
    study = recipe(freeze=["encoder"], cache_features=True)
    expected = trained(sample, study)[1]
    feature_cache.shutil.rmtree(tmp_path / "features")
    outputs, passes = feature_cache.Encoder.outputs, []

    def killed(self, pictures):
        passes.append(pictures)
        if len(passes) == 3:
            raise KilledError
        return outputs(self, pictures)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(feature_cache.Encoder, "outputs", killed)
        trained(sample, study)
    assert not caches(tmp_path)
    assert trained(sample, study)[1] == expected


def test_a_full_disk_is_foreseen(sample, recipe, monkeypatch):
    usage = feature_cache.shutil.disk_usage(".")._replace(free=1000)
    monkeypatch.setattr(feature_cache.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StudyError, match=r"recipe.cache_features: the outputs take 0\.\d GB, features/ has 0\.0 GB"):
        trained(sample, recipe(freeze=["encoder"], cache_features=True))
