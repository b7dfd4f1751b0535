"""Predict masks and depth maps with a finished model.

  loss-study predict model photos/                                  # every image in a folder and its subfolders
  loss-study predict model 'photos/*.jpg' --background empty.jpg    # one background for all
  loss-study predict model photos/ --background backgrounds/        # for each image the background of the same name
  loss-study predict model photo.jpg --format npy --csv

MODEL is the folder that 'loss-study final' writes. Results have the original size of their image and go to
predictions/: <name>.mask.png, <name>.depth.png, and <name>.overlay.jpg for people.

  --format   mask                               depth
  png        8 bits: 0 and 255, or the class    8 bits: 0 near to 255 far
  png16      the same                           16 bits: millimetres, or 0 near to 65535 far where metres are unknown
  npy        probabilities, float32             metres, or relative from 0 to 1, float32

An image that cannot be read is named and skipped. Exit code: 0 if all images were predicted on, 3 if some were skipped,
1 for an error.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from loss_study.inference.folder import ModelFolder
from loss_study.inference.inputs import find
from loss_study.inference.outputs import FORMATS
from loss_study.inference.predict import Wanted, predict
from loss_study.inference.runtimes import NAMES, load
from loss_study.runtime.files import check_writable
from loss_study.runtime.progress import duration, reporting

#: Exit code where some images were skipped.
SKIPPED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model, the images and what to write."""
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help="the model's folder")
    add("input", nargs="+", metavar="INPUT", help="an image, a folder, or a pattern in quotes")
    add("--background", type=Path, help="image of the background, or a folder with one of the same name for each image")
    add("--output", type=Path, default=Path("predictions"), metavar="DIR", help="where results go (predictions)")
    add("--format", choices=FORMATS, default="png16", help="of masks and depth maps (png16), see above")
    add("--no-overlays", action="store_true", help="no <name>.overlay.jpg; faster")
    add("--csv", action="store_true", help="also predictions.csv: shares of the mask, median depth, seconds")
    add("--batch-size", type=_batch_size, default=0, metavar="N", help="images at once (auto: found while predicting)")
    add("--runtime", choices=NAMES, default="auto", help="auto: onnxruntime where it is installed, else torch")
    add("--threads", type=int, default=0, metavar="N", help="of the processor; 0 (default): all cores")


def main(arguments: argparse.Namespace) -> None:
    """Predict, write, and say what was skipped; StudyError for a damaged model or arguments that do not fit."""
    started = time.monotonic()
    folder = ModelFolder.open(arguments.model)
    tasks = find(arguments.input, arguments.background, folder.contract.input, arguments.output)
    check_writable(arguments.output)
    runtime = load(folder, arguments.runtime, arguments.threads, at_once=len(tasks))
    wanted = Wanted(arguments.output, arguments.format, not arguments.no_overlays, arguments.csv)
    with reporting("predict", len(tasks)) as reporter:

        def on_image(problem: str) -> None:
            if problem:
                reporter.note(f"skipped: {problem}")
            reporter.advance(detail=f"{(reporter.done + 1) / (time.monotonic() - started):.1f} images/s")

        done = predict(runtime, folder.contract, tasks, wanted, batch_size=arguments.batch_size, on_image=on_image)
    seconds = time.monotonic() - started
    print(
        f"predict  {done.predicted} of {len(tasks)} images in {duration(seconds)}, by {runtime.name} in batches of "
        f"{done.batch_size}: {arguments.output}"
    )
    if done.skipped:
        print(f"predict  {len(done.skipped)} skipped, first: {done.skipped[0]}", file=sys.stderr)
        sys.exit(SKIPPED)


def _batch_size(text: str) -> int:
    if text == "auto":
        return 0
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("'auto' or a number from 1 on")
    return number
