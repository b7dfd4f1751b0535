"""Train the model that the study decided for, measure it once on the test split, and write it to model/.

  loss-study final                                      # as params.yaml says
  loss-study final --epochs 20                          # longer
  loss-study final dataset=mine scale=laptop            # at another scale than the study: choices as for compose
  loss-study final --loss mask=dice --loss depth=rmse   # other losses than the study's choice

Run it again after an interruption: it resumes. With recipe.keep=last the validation images are trained on, too.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loss_study.config import Config, load_config
from loss_study.runtime.errors import StudyError
from loss_study.runtime.files import check_writable

if TYPE_CHECKING:
    from loss_study.data.packed import PackedSample
    from loss_study.final.decision import Weighting, Winner

#: Of a seed of its own: none of a study's, of its search or of a parent.
SEED = 3000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choices, and what differs from the study."""
    add = parser.add_argument
    add("choices", nargs="*", help="as for dvc exp run -S: scale=laptop; none: the study in params.yaml")
    add("--epochs", type=int, metavar="N", help="instead of recipe.epochs")
    add("--seed", type=int, default=SEED, help=f"of the training ({SEED})")
    add("--loss", action="append", default=[], metavar="HEAD=LOSS", help="instead of the study's choice, for one head")
    networks = parser.add_mutually_exclusive_group().add_argument
    networks("--weighting", metavar="NAME", help="of the losses in a joint network; the study's, else equal")
    networks("--separate", action="store_true", help="a network for each head, not one for both")
    add("--output", type=Path, default=Path("model"), metavar="DIR", help="the model's folder (model)")
    registry = parser.add_mutually_exclusive_group().add_argument
    registry("--no-register", action="store_true", help="do not register it in MLflow")
    registry("--only-register", action="store_true", help="train nothing: register the model that is in DIR")


def main(arguments: argparse.Namespace) -> None:
    """Decide, train, measure, write, register; StudyError as each of them."""
    if arguments.only_register:
        _register(arguments.output)
        return
    from loss_study.training.distributed import in_processes  # noqa: PLC0415 -- imports torch, which takes seconds

    study = load_config()
    config = _config(study, arguments)
    check_writable(arguments.output.absolute().parent)
    in_processes(config.recipe.devices, lambda: _train_and_write(study, config, arguments))


def _config(study: Config, arguments: argparse.Namespace) -> Config:
    config = study
    if arguments.choices:
        from loss_study.config.composition import composed  # noqa: PLC0415 -- imports DVC and Hydra

        config = composed(arguments.choices)
        if set(config.loss.heads) != set(study.loss.heads) or config.dataset.classes != study.dataset.classes:
            raise StudyError(
                f"{' '.join(arguments.choices)}: predicts {', '.join(config.loss.heads)}, the study in params.yaml "
                f"{', '.join(study.loss.heads)}; choose its dataset too, dataset={study.dataset.name}"
            )
    if arguments.epochs is None:
        return config
    if arguments.epochs < 1:
        raise StudyError("--epochs: at least 1")
    return config.model_copy(update={"recipe": config.recipe.model_copy(update={"epochs": arguments.epochs})})


def _train_and_write(study: Config, config: Config, arguments: argparse.Namespace) -> None:
    from loss_study.final import decision  # noqa: PLC0415
    from loss_study.final.data import AllForTraining, open_sample  # noqa: PLC0415
    from loss_study.final.measure import measure  # noqa: PLC0415
    from loss_study.final.training import networks  # noqa: PLC0415
    from loss_study.final.write import Final, write  # noqa: PLC0415
    from loss_study.training.distributed import is_first  # noqa: PLC0415

    winners = decision.read(study, _named(arguments.loss))
    with_losses = config.model_copy(update={"loss": study.loss, "loss_options": study.loss_options})
    sample, thresholds = open_sample(config, study), {}
    if config.recipe.keep == "last":
        sample = AllForTraining.of(sample)
        if sample.classes == 1:
            thresholds = {one.head: decision.threshold_of(study, one) for one in winners if one.head == "mask"}
    weighting = None if arguments.separate else decision.weighting(study, winners)
    if arguments.weighting:
        weighting = decision.Weighting(arguments.weighting)
    if is_first():
        _announce(winners, sample, config)
        if len(winners) > 1:
            print(f"final  {_networks(weighting, study)}", flush=True)
    with networks(winners, with_losses, sample, arguments.seed, weighting) as trained:
        if not is_first():
            return
        measured = {
            head: measure(network, head, sample, thresholds.get(head))
            for network in trained
            for head in network.description.heads
        }
        values = write(Final(with_losses, study, sample, winners, trained, measured, _command()), arguments.output)
    _tell(values, arguments.output)
    if not arguments.no_register:
        _register(arguments.output)


def _named(pairs: Sequence[str]) -> dict[str, str]:
    found = dict(pair.partition("=")[::2] for pair in pairs)
    for head, loss in found.items():
        if not loss:
            raise StudyError(f"--loss {head}: say which loss, such as --loss mask=dice")
    return found


def _announce(winners: Sequence[Winner], sample: PackedSample, config: Config) -> None:
    for one in winners:
        print(f"final  {one.head}: {one.loss}, learning rate {one.choice.lr:.3g}. {one.sentence}", flush=True)
    which = "training and validation" if config.recipe.keep == "last" else "training"
    print(f"final  {len(sample.rows('train'))} {which} images, {config.recipe.all_epochs} epochs", flush=True)


def _networks(weighting: Weighting | None, study: Config) -> str:
    if weighting is None:
        return "a network for each head"
    compared = "" if study.joint.names else "; the study's trials had one for each head, as --separate trains them"
    return f"one network for both heads, weighting {weighting.name}{compared}"


def _tell(values: Mapping[str, Any], folder: Path) -> None:
    from loss_study.final import card  # noqa: PLC0415

    for head, found in values["measured"].items():
        shown = [f"{one['label']} {card.value(one)} ({card.interval(one)})" for one in found["metrics"][:2]]
        warning = f"; warning: {found['verdict']}" if found["verdict"] else ""
        print(f"final  {head} on the test split: {', '.join(shown)}{warning}", flush=True)
    if onnx := values["onnx"]:
        differs = (
            f"differs from torch by at most {onnx['largest_difference']:.1e} on {onnx['images']} validation images"
        )
        print(f"final  model.onnx {differs}", flush=True)
    print(f"final  {folder}/: try 'loss-study predict {folder} --help'", flush=True)


def _register(folder: Path) -> None:
    """Register the model; it is written already, so that a store that fails is only a warning."""
    from loss_study.final.register import register  # noqa: PLC0415

    try:
        print(f"final  {register(folder)}", flush=True)
    except StudyError as error:
        print(f"warning: {error}", file=sys.stderr)
        print("warning: not registered; 'loss-study final --only-register' does it later", file=sys.stderr, flush=True)


def _command() -> str:
    return shlex.join(["loss-study", *sys.argv[1:]])
