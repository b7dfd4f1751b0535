"""The fuzz test: inputs with random changes are accepted or refused in one line, whatever they are.

``PYTHONPATH=tests python -m support.fuzz --seconds 60`` takes turns at the targets below. Its last line says how many
inputs there were, how many were refused and accepted, how many ended in a traceback or hung, and how many gave other
numbers without a word; where one of the last three is not 0, it fails. ``--seed`` repeats a run, ``--only`` chooses a
target.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import socket
import sys
import tarfile
import tempfile
import threading
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import numpy as np
import torch
import yaml
from PIL import Image
from safetensors.torch import save as save_tensors

from loss_study import datasets, losses, models
from loss_study.checks.check import check_choices
from loss_study.choices import registry
from loss_study.config import composition, load_config
from loss_study.data.packed import PackedSample
from loss_study.datasets.reading.images import geometry, read_depth, read_grey, read_rgb
from loss_study.download import archives
from loss_study.download import fetch as fetching
from loss_study.inference import runtimes
from loss_study.inference.folder import WEIGHTS, ModelFolder, own_digest
from loss_study.inference.outputs import FORMATS, Prediction, write
from loss_study.inference.torch_runtime import NetworkDescription, Networks
from loss_study.models import pretrained
from loss_study.orchestration.repair import LOCK_FILES, repair
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError
from loss_study.tracking import mirror
from loss_study.training.checkpoint import DamagedError, checksum, load_saved, save_atomically
from support.channel_model import METRES, describe, write_model
from support.samples import write_sample
from tracking.test_tracking import DICE, make_study

ROOT = Path(__file__).parents[2]
#: An input that takes longer hangs.
SECONDS = 120
REFUSED = (StudyError, DamagedError)
#: What a person or a broken program may write in the place of a value.
ODD = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**400, 0.5, -0.0, 1e308, float("inf"), float("nan"),
    "", " ", "x", "0", "1e5", "nan", "null", "../..", "/", "\0", "\n", "ü", "\ud800", "a" * 10**5, "${x}", "{x}",
    [], [[]], [None], {}, {"": {}}, {"a": {"a": {}}}, [1] * 1000, "http://[::1", "file:///etc/passwd",
]  # fmt: skip

#: Tries one input; raises one of `REFUSED` if it is refused. A target that knows the right outcome asserts it.
Try = Callable[[random.Random], None]


class HangError(BaseException):
    """An input that took too long; no ``except Exception`` catches it."""


class SilentError(BaseException):
    """Damaged input was accepted and gave other numbers."""


def changed(content: bytes, rng: random.Random) -> bytes:
    """Return `content` with a few random changes: bits, bytes, cuts, repeats."""
    result = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        if not result:
            break
        place, kind = rng.randrange(len(result)), rng.randrange(6)
        if kind == 0:
            result[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            result[place] = rng.choice((0, 255, 0x7F, rng.randrange(256)))
        elif kind == 2:
            del result[place : place + rng.randrange(1, 40)]
        elif kind == 3:
            del result[place:]
        elif kind == 4:
            result[place:place] = result[max(0, place - rng.randrange(1, 40)) : place]
        else:
            result[place : place + 4] = rng.randbytes(4)
    return bytes(result)


def with_odd_value(values: object, rng: random.Random) -> object:
    """Return JSON values with an odd one at a random place, or without one of them."""
    copy = json.loads(json.dumps(values))
    parent, key, here = None, None, copy
    while isinstance(here, dict | list) and here and (parent is None or rng.random() < 0.8):
        parent, key = here, rng.choice(list(here) if isinstance(here, dict) else range(len(here)))
        here = here[key]
    if rng.random() < 0.15:
        del parent[key]
    elif rng.random() < 0.1 and isinstance(parent, dict):
        parent[rng.choice(["x", "", "ü", str(key) + "s"])] = parent.pop(key)
    else:
        parent[key] = rng.choice(ODD)
    return copy


def targets(folder: Path) -> Iterator[tuple[str, Try]]:
    """Yield the targets by name; each has a folder of its own below `folder`."""
    for make in (
        _params, _conf, _options, _images, _annotations, _archives, _responses, _states, _sample, _weights,
        _lock_files, _mlflow, _model,
    ):  # fmt: skip
        own = folder / make.__name__.strip("_")
        own.mkdir()
        yield own.name, make(own)


def _params(folder: Path) -> Try:
    path = folder / "params.yaml"
    composition.compose(path, ["scale=smoke"])
    whole, values = path.read_bytes(), yaml.safe_load(path.read_text(encoding="utf-8"))

    def run(rng: random.Random) -> None:
        if rng.random() < 0.4:
            path.write_bytes(changed(whole, rng))
        else:
            with contextlib.suppress(yaml.YAMLError, UnicodeEncodeError):
                path.write_text(yaml.safe_dump(with_odd_value(values, rng)), encoding="utf-8")
        config = load_config(path)
        if rng.random() < 0.1:
            check_choices(config)

    return run


def _conf(folder: Path) -> Try:
    shutil.copytree(ROOT / "conf", folder / "conf")
    whole = {path: path.read_bytes() for path in (folder / "conf").rglob("*.yaml")}

    def run(rng: random.Random) -> None:
        os.chdir(folder)
        path = rng.choice(list(whole))
        path.write_bytes(changed(whole[path], rng))
        group, name = path.parent.name, path.stem
        try:
            composition.compose(folder / "params.yaml", [] if group == "conf" else [f"{group}={name}"])
            load_config(folder / "params.yaml")
        finally:
            path.write_bytes(whole[path])

    return run


def _options(_: Path) -> Try:
    known = [(f"loss_options.{name}", losses.with_a_file(name).function, ("valid",)) for name in losses.names()]
    known += [(name, registry.load("model", models.PACKAGE, name).build, ()) for name in models.names()]
    known += [
        (name, registry.load("dataset", datasets.PACKAGE, name).open_dataset, ("heads",)) for name in datasets.names()
    ]

    def run(rng: random.Random) -> None:
        where, function, but = rng.choice(known)
        names = [name for name, value in (function.__kwdefaults__ or {"x": 1}).items()] + ["x"]
        registry.check_options(where, function, {rng.choice(names): rng.choice(ODD)}, but=but)

    return run


def _images(folder: Path) -> Try:
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 255, (40, 52, 3), dtype=np.uint8))
    deep = Image.fromarray(rng.integers(0, 65535, (40, 52), dtype=np.uint16))
    kinds = []
    for suffix, image, options in (
        (".jpg", colour, {}), (".png", colour, {}), (".gif", colour, {}), (".bmp", colour, {}), (".tif", colour, {}),
        (".webp", colour, {}), (".ppm", colour, {}), (".png", deep, {}), (".tif", deep, {"compression": "tiff_lzw"}),
        (".tif", Image.fromarray(rng.random((40, 52), dtype=np.float32)), {}), (".png", colour.quantize(16), {}),
    ):  # fmt: skip
        buffer = io.BytesIO()
        image.save(
            buffer, format={".jpg": "JPEG", ".tif": "TIFF", ".ppm": "PPM"}.get(suffix, suffix[1:].upper()), **options
        )
        kinds.append((suffix, buffer.getvalue()))
    for suffix, save in ((".npy", np.save), (".npz", np.savez_compressed)):
        buffer = io.BytesIO()
        save(buffer, rng.random((40, 52), dtype=np.float32))
        kinds.append((suffix, buffer.getvalue()))

    def run(rng: random.Random) -> None:
        suffix, content = rng.choice(kinds)
        path = folder / f"image{suffix}"
        path.write_bytes(changed(content, rng))
        geometry(path)
        rng.choice((read_rgb, read_grey, read_depth))(path, 16)

    return run


def _archives(folder: Path) -> Try:
    files = {"a/b.txt": b"1" * 300, "c.txt": b"", f"{'long/' * 40}d": b"2"}
    kinds = []
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:
                for name, content in files.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
                link = tarfile.TarInfo("hard")
                link.type, link.linkname = tarfile.LNKTYPE, "c.txt"
                archive.addfile(link)
            kinds.append(buffer.getvalue())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    kinds += [buffer.getvalue()] * 4

    def run(rng: random.Random) -> None:
        path = folder / "data"
        path.write_bytes(changed(rng.choice(kinds), rng))
        if archives.is_archive(path):
            archives.names(path)
            with tempfile.TemporaryDirectory(dir=folder) as out:
                archives.extract(path, Path(out) / "files", archives.Limits(bytes=10**7))

    return run


RESPONSE = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: 64\r\nETag: "abc"\r\nConnection: close\r\n'
    b'Content-Disposition: attachment; filename="data.zip"\r\n\r\n' + bytes(range(64))
)
HEADERS = (
    b"Content-Encoding: gzip", b"Content-Encoding: br", b"Content-Length: -1", b"Content-Length: 1,2", b": ",
    b"Transfer-Encoding: chunked", b"Location: http://[::1", b"Location: /", b"Location: http://a..b/", b"\xff: \xff",
    b"Content-Range: bytes 5-1/3", b"Content-Range: x", b"Content-Disposition: attachment; filename*=x''%ff",
)  # fmt: skip
STATUS = (b"200 OK", b"206 Partial", b"302 Found", b"304", b"416 No", b"500 No", b"999 X", b"-1", b"")


def _responses(folder: Path) -> Try:
    """A server on loopback whose answers are random; downloads do not wait between attempts."""
    fetching.BACKOFF_S = (0.0, 0.0)
    listening = socket.create_server(("127.0.0.1", 0))
    answers = [RESPONSE]

    def serve() -> None:
        while True:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(2)
                connection.recv(4096)
                connection.sendall(answers[0])
                connection.shutdown(socket.SHUT_WR)

    threading.Thread(target=serve, daemon=True).start()

    def run(rng: random.Random) -> None:
        answer = RESPONSE
        if rng.random() < 0.5:
            answer = answer.replace(b"200 OK", rng.choice(STATUS), 1)
        for _ in range(rng.randrange(3)):
            answer = answer.replace(b"\r\n", b"\r\n" + rng.choice(HEADERS) + b"\r\n", 1)
        answers[0] = changed(answer, rng) if rng.random() < 0.5 else answer
        with tempfile.TemporaryDirectory(dir=folder) as out:
            file = fetching.fetch(f"http://127.0.0.1:{listening.getsockname()[1]}/data.zip", Path(out))
            if Path(out) not in file.resolve().parents:
                raise SilentError(f"written to {file}")

    return run


def _states(folder: Path) -> Try:
    path = folder / "model.pt"
    state = {
        "state": {f"w{n}": torch.rand(3, n + 1, generator=torch.Generator().manual_seed(n)) for n in range(5)},
        "build": {"name": "resunet", "heads": ["mask"]},
        "history": [{"epoch": 1.0, "validation": 0.5}],
    }
    save_atomically(state, path)
    whole, expected = path.read_bytes(), checksum(state)

    def run(rng: random.Random) -> None:
        path.write_bytes(changed(whole, rng))
        if checksum(load_saved(path)) != expected:
            raise SilentError("another state")

    return run


def _sample(folder: Path) -> Try:
    sample = write_sample(folder / "sample", images=16, size=32)
    checksums.write(sample)
    whole = {path: path.read_bytes() for path in sample.iterdir()}

    def run(rng: random.Random) -> None:
        path = rng.choice(list(whole))
        path.write_bytes(changed(whole[path], rng))
        same = path.read_bytes() == whole[path]
        try:
            PackedSample.open(sample)
            if not same:
                raise SilentError(f"{path.name} changed")
        finally:
            path.write_bytes(whole[path])

    return run


def _weights(folder: Path) -> Try:
    tensors = {f"layer.{n}.weight": torch.ones(2, n + 1) for n in range(4)}
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    kinds = ((".safetensors", save_tensors(tensors)), (".pth", buffer.getvalue()))

    def run(rng: random.Random) -> None:
        suffix, content = rng.choice(kinds)
        path = folder / f"weights{suffix}"
        path.write_bytes(changed(content, rng))
        pretrained.read(path)

    return run


def _lock_files(folder: Path) -> Try:
    stage = {"cmd": "echo", "deps": [{"path": "a", "hash": "md5", "md5": "0" * 32, "size": 12}]}
    whole = yaml.safe_dump({"schema": "2.0", "stages": {f"train@{n}": stage for n in range(3)}}).encode()
    locks = json.dumps({"read": {}, "write": {"out": {"pid": 1, "cmd": "dvc repro"}}}).encode()

    def run(rng: random.Random) -> None:
        os.chdir(folder)
        Path(".dvc/tmp").mkdir(parents=True, exist_ok=True)
        Path("rounds").mkdir(exist_ok=True)
        rng.choice(LOCK_FILES).write_bytes(changed(whole, rng))
        Path(".dvc/tmp/rwlock").write_bytes(changed(locks, rng))
        repair()

    return run


def _mlflow(folder: Path) -> Try:
    """The database of a study, changed before its trials are filled in: one input in fifty, as each takes a second."""
    os.chdir(folder)
    config = make_study(folder)
    whole = {}

    def fill_in(name: str) -> None:
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/{name}.db"
        try:
            mirror.fill_in([DICE], config)
        finally:
            del os.environ["MLFLOW_TRACKING_URI"]

    def run(rng: random.Random) -> None:
        if rng.randrange(50):
            return
        os.chdir(folder)
        if not whole:
            # Importing MLflow and making its tables takes long, and is no input.
            signal.alarm(0)
            fill_in("whole")
            whole["db"] = (folder / "whole.db").read_bytes()
            signal.alarm(SECONDS)
        name = f"changed{rng.randrange(10**9)}"
        (folder / f"{name}.db").write_bytes(changed(whole["db"], rng))
        try:
            fill_in(name)
        finally:
            (folder / f"{name}.db").unlink()

    return run


def _annotations(folder: Path) -> Try:
    image = {"id": 7, "file_name": "0.png", "height": 12, "width": 16}
    outline = {"image_id": 7, "category_id": 3, "segmentation": [[1, 1, 9, 1, 8, 8]], "area": 30}
    coco = {"images": [image], "annotations": [outline], "categories": [{"id": 3, "name": "dog"}]}
    labelme = {
        "version": "5", "imagePath": "0.png", "imageHeight": 12, "imageWidth": 16,
        "shapes": [{"label": "dog", "points": [[1, 1], [9, 1], [8, 8]], "shape_type": "polygon"}],
    }  # fmt: skip
    kinds = (("coco", coco, {}), ("labelme", labelme, {}))

    def run(rng: random.Random) -> None:
        name, values, options = rng.choice(kinds)
        with tempfile.TemporaryDirectory(dir=folder) as root:
            Image.new("RGB", (16, 12)).save(Path(root) / "0.png")
            text = json.dumps(values).encode()
            with contextlib.suppress(ValueError, TypeError):
                text = json.dumps(with_odd_value(values, rng)).encode()
            (Path(root) / "0.json").write_bytes(text if rng.random() < 0.7 else changed(text, rng))
            source = datasets.open_dataset(name, Path(root), options)
            for item in source.draw(None, None, 4, np.random.default_rng(0)):
                source.example(item, 16)

    return run


def _model(folder: Path) -> Try:
    """The folder of a finished model, as one that somebody has sent."""
    sent = write_model(folder / "model", depth=METRES)
    both = {"mask": {"name": "bce", "options": {}}, "depth": {"name": "rmse", "options": {}}}
    network = {"name": "resunet", "in_channels": 3, "classes": 1, "options": {"width": 2, "stages": 1}, "losses": both}
    built = NetworkDescription(**network)
    (sent / WEIGHTS).write_bytes(save_tensors(Networks([built.build()], [built]).state_dict()))
    describe(sent, json.loads((sent / "model.json").read_text()) | {"networks": [network]})
    whole = {path: path.read_bytes() for path in sent.iterdir()}
    description = json.loads((sent / "model.json").read_text())
    signed = json.dumps(description | {"sha256": own_digest(description)}).encode()

    def run(rng: random.Random) -> None:
        path = rng.choice(list(whole))
        content = changed(whole[path], rng)
        if rng.random() < 0.7:
            path = sent / "model.json"
            with contextlib.suppress(ValueError, TypeError):
                content = json.dumps(with_odd_value(description, rng)).encode()
        elif path.name == "model.json":
            content = changed(signed, rng)
        path.write_bytes(content)
        try:
            opened = ModelFolder.open(sent)
            if b'"sha256"' in content and opened.description != json.loads(signed):
                raise SilentError("another description")
            needed, outputs = opened.contract.input, opened.contract.outputs
            found = runtimes.load(opened, rng.choice(("onnx", "torch")))(
                np.zeros((1, needed.channels, 16, 16), np.float32)
            )
            for head, output in outputs.items():
                one = Prediction.of(output, found[head][0], 8, 8)
                with tempfile.TemporaryDirectory(dir=folder) as out:
                    written = write(one, Path(out), Path("image"), head, rng.choice(FORMATS))
                    if written.parent != Path(out):
                        raise SilentError(f"written to {written}")
        finally:
            path.write_bytes(whole[path])

    return run


def _too_long(_: int, __: FrameType | None) -> None:
    raise HangError


def fuzz(seconds: float, seed: int = 0, only: str = "", turns: int | None = None) -> Counter[str]:
    """Try inputs for so many seconds, or so many of each target; print each failure with what repeats it.

    Returns:
        How many inputs had each outcome.
    """
    counts: Counter[str] = Counter()
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(ROOT)
        tried = [(name, run) for name, run in targets(Path(scratch)) if only in ("", name)]
        signal.signal(signal.SIGALRM, _too_long)
        end, number = time.monotonic() + seconds, seed
        while number - seed < turns if turns is not None else time.monotonic() < end:
            number += 1
            for name, run in tried:
                os.chdir(ROOT)
                counts["inputs"] += 1
                counts[_outcome(name, run, number)] += 1
        os.chdir(home)
    return counts


def _outcome(name: str, run: Try, number: int) -> str:
    signal.alarm(SECONDS)
    quiet = io.StringIO()
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            run(random.Random(f"{name} {number}"))
    except REFUSED:
        return "refused"
    except HangError:
        kind = "hangs"
    except SilentError as error:
        kind = "silent changes"
        print(error)
    except OSError as error:
        # Shown in one line by `run_stage`, as all errors of the system.
        return "refused" if error.errno is not None else _show(name, number, "tracebacks")
    except BaseException:
        kind = "tracebacks"
        traceback.print_exc(limit=-4)
    else:
        return "accepted"
    finally:
        signal.alarm(0)
    return _show(name, number, kind)


def _show(name: str, number: int, kind: str) -> str:
    print(f"{kind}: --only {name} --seed {number - 1}", flush=True)
    return kind


def main() -> None:
    """Fuzz as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="the name of a target")
    arguments = parser.parse_args()
    counts = fuzz(arguments.seconds, arguments.seed, arguments.only)
    kinds = ("inputs", "refused", "accepted", "tracebacks", "hangs", "silent changes")
    print(", ".join(f"{counts[kind]:,} {kind}" for kind in kinds))
    sys.exit(any(counts[kind] for kind in kinds[3:]))


if __name__ == "__main__":
    main()
