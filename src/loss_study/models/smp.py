"""Any architecture with any encoder of segmentation-models-pytorch, with one encoder and a decoder for each head.

https://github.com/qubvel-org/segmentation_models.pytorch, or https://smp.readthedocs.io for what there is. For 3 input
channels and one class an FPN on a ResNet-34 has 23,155,393 parameters, a U-Net on it 24,436,369.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Any

from pydantic import AfterValidator
from torch import Tensor, nn

from loss_study.models.base import EncoderDecoder, Part, logit_counts
from loss_study.models.pretrained import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Normalise,
    State,
    Weights,
    fetching,
    load_into,
)
from loss_study.models.pretrained.stages import stages_of
from loss_study.runtime.errors import StudyError, nearest

STRIDE = 32
#: What the library puts before the name of an encoder that timm has: ``tu-resnet18``, ``tu-resnet18.a1_in1k``.
TIMM = "tu-"
#: Arguments of the library that are not for `settings`: the model says them itself.
_OURS = {"self", "encoder_name", "encoder_weights", "in_channels", "classes", "activation", "aux_params", "kwargs"}


def _known(name: str, names: Collection[str]) -> str:
    if name not in names:
        close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        guess = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise ValueError(f"segmentation-models-pytorch has none of this name; {guess}see https://smp.readthedocs.io")
    return name


def _known_architecture(name: str) -> str:
    import segmentation_models_pytorch as library  # noqa: PLC0415

    return _known(name, library.MODEL_ARCHITECTURES_MAPPING)


def _known_encoder(name: str) -> str:
    import timm  # noqa: PLC0415
    from segmentation_models_pytorch.encoders import get_encoder_names  # noqa: PLC0415

    if not name.startswith(TIMM):
        return _known(name, get_encoder_names())
    known = timm.list_pretrained() if "." in name else timm.list_models()
    return _known(name, [TIMM + timm_name for timm_name in known])


Architecture = Annotated[str, AfterValidator(_known_architecture)]
Encoder = Annotated[str, AfterValidator(_known_encoder)]


class Smp(EncoderDecoder):
    """The encoder of the first of `networks`, and the decoder and head of each, one network of the library per head."""

    def __init__(self, networks: dict[str, nn.Module], normalise: Normalise) -> None:
        super().__init__()
        self.normalise = normalise
        self.encoder = next(iter(networks.values())).get_submodule("encoder")
        self.decoders = nn.ModuleDict({head: network.get_submodule("decoder") for head, network in networks.items()})
        self.heads = nn.ModuleDict(
            {head: network.get_submodule("segmentation_head") for head, network in networks.items()}
        )

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the encoder's maps, the largest first, and behind them a vision transformer's tokens."""
        features = self.encoder(self.normalise(x))
        if isinstance(features, tuple):
            maps, tokens = features
            return [*maps, *(token for token in tokens if token is not None)]
        return list(features)

    def decode(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return the logits of every head."""
        has_tokens = getattr(self.encoder, "has_prefix_tokens", None)
        if has_tokens is None:
            arguments: list[Any] = [features]
        elif has_tokens:
            arguments = [features[: len(features) // 2], features[len(features) // 2 :]]
        else:
            arguments = [features, [None] * len(features)]
        return {head: self.heads[head](decoder(*arguments)) for head, decoder in self.decoders.items()}

    def parts(self) -> dict[Part, nn.ModuleList]:
        """Return the parts as the library has them."""
        return {
            "encoder": nn.ModuleList([self.encoder]),
            "decoder": nn.ModuleList(self.decoders.values()),
            "head": nn.ModuleList(self.heads.values()),
        }

    def stages(self) -> list[nn.ModuleList]:
        """Return the modules behind each of the encoder's maps, see `stages_of`."""
        return stages_of(self.encoder, in_channels=self.normalise.mean.shape[1])


def build(
    in_channels: int,
    heads: Sequence[str],
    classes: int,
    *,
    architecture: Architecture = "unet",
    encoder: Encoder = "resnet34",
    weights: Weights = "none",
    settings: dict[str, Any] | None = None,
) -> Smp:
    """Return the model.

    Images are normalised as timm says for its encoders, as the library says where it fetches weights, and else with
    ImageNet's mean and standard deviation.

    Args:
        weights: "imagenet", which the library fetches once into its own cache, "none" for random weights, or a file
            with the state of the encoder as the library, torchvision or timm spell it.
        settings: further arguments of the architecture, such as ``decoder_channels`` or ``encoder_depth``.

    Raises:
        StudyError: the architecture has no such setting, or cannot be built with this encoder; weights that are not
            there or do not fit.
    """
    choice = {"arch": architecture, "encoder_name": encoder, **_checked(settings or {}, architecture, encoder)}
    counts = logit_counts(heads, classes)
    networks = {head: _network(choice, in_channels, count, weights=None) for head, count in counts.items()}
    load_into(next(iter(networks.values())).get_submodule("encoder"), weights, imagenet=lambda: _imagenet(choice))
    return Smp(networks, Normalise(in_channels, *_mean_and_std(encoder, weights)))


def _checked(settings: dict[str, Any], architecture: str, encoder: str) -> dict[str, Any]:
    """`settings`, if the architecture has them all; what it does not have, it gives on to encoders of timm."""
    import segmentation_models_pytorch as library  # noqa: PLC0415

    known = set(inspect.signature(library.MODEL_ARCHITECTURES_MAPPING[architecture].__init__).parameters) - _OURS
    for name in settings:
        if name in _OURS or (name not in known and not encoder.startswith(TIMM)):
            raise StudyError(
                f"model.options.settings.{name}: {architecture} has no such setting; {nearest(name, known)}"
            )
    return settings


def _network(choice: dict[str, Any], in_channels: int, classes: int, weights: str | bool | None) -> nn.Module:
    import segmentation_models_pytorch as library  # noqa: PLC0415

    try:
        return library.create_model(**choice, encoder_weights=weights, in_channels=in_channels, classes=classes)
    except (ValueError, KeyError, TypeError, AttributeError, NotImplementedError, RuntimeError) as error:
        raise StudyError(f"model.options: {choice['arch']} with {choice['encoder_name']}: {error}") from None


def _imagenet(choice: dict[str, Any]) -> State:
    encoder = choice["encoder_name"]
    with _fetching(encoder):
        weights = True if encoder.startswith(TIMM) else "imagenet"
        return _network(choice, in_channels=3, classes=1, weights=weights).get_submodule("encoder").state_dict()


def _mean_and_std(encoder: str, weights: str) -> tuple[Sequence[float], Sequence[float]]:
    import timm  # noqa: PLC0415
    from segmentation_models_pytorch.encoders import get_preprocessing_params  # noqa: PLC0415

    if encoder.startswith(TIMM):
        settings = timm.get_pretrained_cfg(encoder.removeprefix(TIMM))
        return (settings.mean, settings.std) if settings else (IMAGENET_MEAN, IMAGENET_STD)
    if weights == "imagenet":
        with _fetching(encoder):
            settings = get_preprocessing_params(encoder)
        return settings["mean"], settings["std"]
    return IMAGENET_MEAN, IMAGENET_STD


def _fetching(encoder: str) -> AbstractContextManager[None]:
    # Without a network the library would announce each of its retries.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    return fetching(f"the ImageNet weights of encoder {encoder}", _address(encoder))


def _address(encoder: str) -> str:
    """Where the library finds the encoder's ImageNet weights; StudyError if there are none."""
    import timm  # noqa: PLC0415
    from segmentation_models_pytorch.encoders import encoders  # noqa: PLC0415

    if encoder.startswith(TIMM):
        settings = timm.get_pretrained_cfg(encoder.removeprefix(TIMM))
        repository = settings.hf_hub_id if settings else None
    else:
        repository = encoders[encoder]["pretrained_settings"].get("imagenet", {}).get("repo_id")
    if repository is None:
        raise StudyError(
            f"model.options.weights: there are no ImageNet weights of encoder {encoder}; set none or a file"
        )
    return f"https://huggingface.co/{repository}/resolve/main/model.safetensors"
