"""Pretrained encoders: where their weights come from, how they fit an encoder, and the images that they expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import AfterValidator
from torch import Tensor, nn

from loss_study.models.pretrained.weight_names import CLASSIFIER, spellings
from loss_study.runtime.errors import StudyError

#: Mean and standard deviation of ImageNet's red, green and blue, for images in [0, 1].
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

State = dict[str, Tensor]


def _imagenet_none_or_file(weights: str) -> str:
    if weights not in {"imagenet", "none"} and not Path(weights).is_file():
        raise ValueError("no such file; set imagenet, none, or the path of a .pth or .safetensors file")
    return weights


#: The option of a model with a pretrained encoder: "imagenet", "none", or a file of weights.
Weights = Annotated[str, AfterValidator(_imagenet_none_or_file)]


class Normalise(nn.Module):
    """Subtract `mean` and divide by `std`, three values each that repeat over the channels of further images.

    Part of the model's state, so that a model that is loaded back treats its images as it did in training.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, in_channels: int, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
    ) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            repeated = [values[channel % len(values)] for channel in range(in_channels)]
            self.register_buffer(name, torch.tensor(repeated).view(1, in_channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, in_channels, H, W) from images in [0, 1]."""
        return (x - self.mean) / self.std


def load_into(encoder: nn.Module, weights: str, imagenet: Callable[[], State]) -> None:
    """Give `encoder` the weights that `weights` names; "none" leaves it as it is.

    Weights of three input channels fit an encoder of any number: each further image gets the filters of the first,
    and all are divided by the number of images, so that equal images give the response of one.

    Args:
        imagenet: fetches the encoder's ImageNet weights, of three input channels.

    Raises:
        StudyError: the weights cannot be read, or are those of another network.
    """
    if weights == "none":
        return
    state = imagenet() if weights == "imagenet" else read(Path(weights))
    encoder.load_state_dict(_fitted(state, encoder.state_dict(), weights))


def read(path: Path) -> State:
    """Return the tensors of a ``.safetensors`` file or of one that ``torch.save`` wrote, which is not unpickled.

    Raises:
        StudyError: a file that is damaged, or has anything but tensors in it.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file  # noqa: PLC0415

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise StudyError(
            f"model.options.weights: {path} cannot be read ({type(error).__name__}): it is damaged, or holds more than "
            f"tensors, which could run code; fetch it again, or save the network's state_dict()"
        ) from None
    return _tensors(state, path)


@contextmanager
def fetching(what: str, address: str) -> Iterator[None]:
    """Turn a failed download in the block into a `StudyError` that says what can be done without a network."""
    try:
        yield
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(
            f"model.options.weights: {what} cannot be fetched ({type(error).__name__}); where there is a network, "
            f"download {address} and set model.options.weights to that file, or to none for random weights"
        ) from None


def _tensors(loaded: Any, path: Path) -> State:
    """A file holds the tensors by name, or a dictionary that holds them under one of the usual keys."""
    inside = (
        [loaded, *(loaded.get(key) for key in ("state_dict", "model", "state"))] if isinstance(loaded, dict) else []
    )
    for state in inside:
        if isinstance(state, dict) and state and all(isinstance(tensor, Tensor) for tensor in state.values()):
            return state
    raise StudyError(f"{path}: holds no tensors by name; save the state_dict() of a network")


def _fitted(state: State, wanted: State, source: str) -> State:
    """The tensors of `wanted`, taken from `state` under whatever names these have there."""
    names = max(spellings(state, wanted), key=lambda names: len(wanted.keys() & names.values()))
    found = {new: state[old] for old, new in names.items() if new in wanted}
    missing = [name for name in wanted if name not in found and not name.endswith("num_batches_tracked")]
    surplus = [old for old, new in names.items() if new not in wanted and not _of_a_classifier(old, new)]
    if missing or surplus:
        raise StudyError(
            f"model.options.weights: {source} is of another network: {len(missing)} of the encoder's {len(wanted)} "
            f"tensors missing{_some(missing)}, {len(surplus)} unexpected{_some(surplus)}"
        )
    return wanted | {name: _widened(found[name], wanted[name], name, source) for name in found}


def _of_a_classifier(*spelt: str) -> bool:
    return any(name.removeprefix("model.").partition(".")[0] in CLASSIFIER for name in spelt)


def _some(names: Sequence[str]) -> str:
    return f" ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})" if names else ""


def _widened(tensor: Tensor, wanted: Tensor, name: str, source: str) -> Tensor:
    """`tensor` itself, or the first convolution's filters of three channels repeated for `wanted`'s channels."""
    if tensor.shape == wanted.shape:
        return tensor
    if tensor.ndim == 4 and tensor.shape[1] == 3 and wanted.shape == (len(tensor), wanted.shape[1], *tensor.shape[2:]):
        channels = wanted.shape[1]
        return tensor[:, [channel % 3 for channel in range(channels)]] * (3 / channels)
    raise StudyError(
        f"model.options.weights: {source} is of another network: {name} is {tuple(tensor.shape)} there, "
        f"{tuple(wanted.shape)} here"
    )
