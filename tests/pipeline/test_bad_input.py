"""Inputs changed at random, a few hundred of them: each is a clear error or a valid run, and nothing is half-written.

The changes come from hypothesis without a random seed; what it draws depends on the modules that are imported, too. The
last line of a run says how many were tried.
"""

import copy
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from loss_study import datasets
from loss_study.checks.check import check_choices
from loss_study.config import DatasetConfig, SampleConfig, composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.download.prepare import prepare
from loss_study.runtime.errors import StudyError
from loss_study.sampling.pack import pack
from loss_study.training import run
from loss_study.trial import Trial
from support.samples import write_sample

ROOT = Path(__file__).parents[2]
#: What was tried and what came of it, by kind of input.
TRIED: Counter[tuple[str, str]] = Counter()

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2, 7, 2**31, 10**30, 0.0, -0.5, 1e-300, 1e308, float("nan"), float("inf")]),
    st.sampled_from(
        ["", " ", "dcie", "../../etc", "a\nb", "\0", "é", "<script>", "${x}", "mask", "1e-3", "auto", "x" * 5000]
    ),
    st.sampled_from([[], {}, [[]], [None], ["bce", "bce"], [1, 1], {"a": {}}, {1: 2}, ["mask", 3]]),
)


def some(examples):
    """Try that many examples, none of them by a random seed."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module", autouse=True)
def told():
    """Say at the end how many inputs were tried."""
    yield
    for kind in dict.fromkeys(kind for kind, _ in TRIED):
        print(f"bad inputs: {kind}: {TRIED[kind, 'refused']} refused, {TRIED[kind, 'valid']} valid")
    print(f"bad inputs tried: {TRIED.total()}")


def outcome(kind, act):
    """Return what `act` returns, None where it raises a StudyError; any other exception fails the test."""
    try:
        result = act()
    except StudyError as error:
        assert str(error).strip()
        TRIED[kind, "refused"] += 1
        return None
    TRIED[kind, "valid"] += 1
    return result


# Parameters


def places(value, path=()):
    """Yield the path of everything in nested dicts and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


@st.composite
def changed(draw, values):
    """`values` with up to three things removed, replaced, renamed or doubled."""
    values = copy.deepcopy(values)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(values)) or [()]))
        if not path:
            break
        holder = values
        for key in path[:-1]:
            holder = holder[key]
        match draw(st.sampled_from(["remove", "replace", "replace", "replace", "rename", "double"])):
            case "remove":
                del holder[path[-1]]
            case "replace":
                holder[path[-1]] = draw(ODD)
            case "rename" if isinstance(holder, dict):
                holder[f"{path[-1]}x"] = holder.pop(path[-1])
            case "double" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[path[-1]]))
    return values


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    path = tmp_path_factory.mktemp("composed") / "params.yaml"
    here = Path.cwd()
    os.chdir(ROOT)
    composition.compose(path, ["scale=smoke"])
    os.chdir(here)
    return path


def read_and_check(path):
    """What the stage `check` does."""
    loaded = load_config(path)
    check_choices(loaded)
    return loaded


def test_changed_parameters(composed, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    values = yaml.safe_load(composed.read_text())
    path = tmp_path / "params.yaml"

    @some(250)
    @given(changed(values))
    def try_it(different):
        path.write_text(yaml.safe_dump(different, allow_unicode=True), encoding="utf-8")
        outcome("params.yaml, values", lambda: read_and_check(path))

    try_it()


def cut_or_changed(data):
    """Strategy for the bytes `data` cut off, emptied, or with some of them replaced."""
    cut = st.integers(0, len(data)).map(lambda end: data[:end])
    replaced = st.tuples(st.integers(0, max(len(data) - 1, 0)), st.binary(min_size=1, max_size=8)).map(
        lambda change: data[: change[0]] + change[1] + data[change[0] + len(change[1]) :]
    )
    return st.one_of(cut, replaced, replaced)


def test_a_params_yaml_with_other_bytes(composed, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    path = tmp_path / "params.yaml"

    @some(150)
    @given(cut_or_changed(composed.read_bytes()))
    def try_it(data):
        path.write_bytes(data)
        outcome("params.yaml, bytes", lambda: read_and_check(path))

    try_it()


CHOSEN = ["config", "dataset/scenes", "loss/all", "model/resunet", "recipe/fixed", "scale/smoke"]


def test_changed_files_in_conf(composed, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "src").symlink_to(ROOT / "src")
    monkeypatch.chdir(tmp_path)
    before = composed.read_bytes()

    def compose_and_check():
        composition.compose(Path("params.yaml"), ["scale=smoke"])
        return read_and_check(Path("params.yaml"))

    @some(60)
    @given(st.data())
    def try_it(data):
        path = Path("conf", data.draw(st.sampled_from(CHOSEN))).with_suffix(".yaml")
        whole = (ROOT / path).read_bytes()
        if data.draw(st.booleans()):
            path.write_bytes(data.draw(cut_or_changed(whole)))
        else:
            path.write_text(yaml.safe_dump(data.draw(changed(yaml.safe_load(whole))), allow_unicode=True))
        Path("params.yaml").write_bytes(before)
        outcome("conf/", compose_and_check)
        path.write_bytes(whole)
        # The parameters of before, or all of the new ones; config and a scale say which groups there are.
        groups = set(yaml.safe_load(Path("params.yaml").read_bytes()))
        assert groups >= {"dataset", "recipe"} or path.stem in {"config", "smoke"}
        assert {each.name for each in Path().iterdir()} == {"conf", "src", "params.yaml"}

    try_it()


def test_a_file_in_conf_that_is_not_utf8_is_named(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    Path("conf/scale/smoke.yaml").write_bytes("name: dépannage".encode("latin-1"))
    with pytest.raises(StudyError, match=r"^conf/scale/smoke\.yaml: 'utf-8' codec .*; save it as UTF-8$"):
        composition.compose(Path("params.yaml"), ["scale=smoke"])
    assert [path.name for path in Path().iterdir()] == ["conf"]


# Pictures


def picture(path, mode, size=(40, 40), seed=0):
    rng = np.random.default_rng(seed)
    array = rng.integers(0, 255, (size[1], size[0], 4), dtype=np.uint8)
    array[..., 3] = 255 * (rng.random((size[1], size[0])) > 0.4)
    Image.fromarray(array).convert(mode).save(path)


def write_ingredients(root):
    """Backgrounds, their depth, and cut-outs."""
    for folder, mode in (("bg", "RGB"), ("bg_depth", "L"), ("fg", "RGBA")):
        (root / folder).mkdir(parents=True)
        for number in range(6):
            picture(root / folder / f"p{number}.png", mode, seed=number)


#: A PNG that says it has 60,000 x 60,000 pixels, in 57 bytes.
BOMB = bytes.fromhex("89504e470d0a1a0a0000000d494844520000ea600000ea6008020000") + b"\0" * 29


def other_mode(path, data):
    with Image.open(path) as image:
        other = image.convert(data.draw(st.sampled_from(["1", "L", "LA", "P", "CMYK", "I", "F", "RGBA"])))
    other.save(path, format="TIFF" if other.mode in ("F", "CMYK", "I") else "PNG")


def other_size(path, data):
    with Image.open(path) as image:
        mode = image.mode
    picture(path, mode, data.draw(st.sampled_from([(1, 1), (1, 500), (500, 1), (40, 20)])))


def a_folder(path, data):
    path.unlink()
    path.mkdir()


def a_link_to_nowhere(path, data):
    path.unlink()
    path.symlink_to("nowhere")


def other_name(path, data):
    odd = data.draw(st.sampled_from(["<script>alert(1)", "a b", "é", "x+y", "..png", "Thumbs"]))
    path.rename(path.with_name(f"{odd}{path.suffix}"))


#: Ways to spoil the file of a picture.
WAYS = {
    "bytes": lambda path, data: path.write_bytes(data.draw(cut_or_changed(path.read_bytes()))),
    "text": lambda path, data: path.write_text("no picture"),
    "empty": lambda path, data: path.write_bytes(b""),
    "huge": lambda path, data: path.write_bytes(BOMB),
    "gone": lambda path, data: path.unlink(),
    "mode": other_mode,
    "size": other_size,
    "folder": a_folder,
    "link": a_link_to_nowhere,
    "name": other_name,
}


def test_spoiled_pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_ingredients(tmp_path / "whole")
    options = yaml.safe_load((ROOT / "conf/dataset/composites.yaml").read_text())["options"]
    dataset = DatasetConfig(name="composites", path="data", heads=["mask", "depth"], options=options)
    sample = SampleConfig(images=12, size=16, validation=0.2, test=0.2, seed=0)

    def make():
        prepare(dataset, Path("source"), Path("downloads"))
        found = json.loads(Path("source/source.json").read_text())
        pack(datasets.open_dataset("composites", Path(found["path"]), options), Path("sample"), dataset, sample)
        return PackedSample.open(Path("sample"))

    shutil.copytree("whole", "data")
    make()

    @some(60)
    @given(st.data())
    def try_it(data):
        for folder in ("data", "source", "sample"):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree("whole", "data")
        files = sorted(path for path in Path("data").rglob("*") if path.is_file())
        for path in data.draw(st.lists(st.sampled_from(files), min_size=1, max_size=2, unique=True)):
            WAYS[data.draw(st.sampled_from(sorted(WAYS)))](path, data)
        packed = outcome("images", make)
        left = {path.name for path in Path().iterdir()} - {"whole", "data", "source", "sample", "downloads"}
        assert not left
        assert Path("sample").exists() == (packed is not None)
        if packed is not None:
            assert len(packed.index) == len(packed.images) == 12

    try_it()


# The packed sample


def test_a_damaged_sample(tmp_path, monkeypatch, composed):
    monkeypatch.chdir(tmp_path)
    write_sample(tmp_path / "whole", images=16, size=32)
    monkeypatch.chdir(ROOT)
    composition.compose(
        tmp_path / "params.yaml", ["scale=smoke", "recipe.epochs=1", "model.options.width=2", "sample.size=32"]
    )
    monkeypatch.chdir(tmp_path)
    study = load_config()
    files = sorted(path.name for path in (tmp_path / "whole").iterdir())

    def train():
        trial = Trial("mask", "bce", 0)
        run.train_trials([trial], study, PackedSample.open(Path("sample")))
        return trial

    @some(90)
    @given(st.data())
    def try_it(data):
        for folder in ("sample", "runs", "checkpoints"):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree("whole", "sample")
        path = Path("sample", data.draw(st.sampled_from(files)))
        match data.draw(st.sampled_from(["bytes", "bytes", "json", "gone", "array"])):
            case "json" if path.suffix == ".json":
                path.write_text(json.dumps(data.draw(changed(json.loads(path.read_text())))))
            case "gone":
                path.unlink()
            case "array" if path.suffix == ".npy":
                odd = [
                    np.zeros((3, 32, 32), np.uint8),
                    np.zeros((16, 32, 32), np.float32),
                    np.zeros(0),
                    np.zeros((16, 8, 8), np.uint8),
                ]
                np.save(path, odd[data.draw(st.integers(0, 3))])
            case _:
                path.write_bytes(data.draw(cut_or_changed(path.read_bytes())))
        trial = outcome("packed sample", train)
        written = {file.name for file in Path("runs").rglob("*") if file.is_file()}
        assert written == (set() if trial is None else {"model.pt", "history.csv", "trial.json", "SHA256SUMS"})

    try_it()
