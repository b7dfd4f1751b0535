"""The arrays of an item of somebody's dataset, as those of the packed sample: sizes, orders of axes, types, ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from loss_study.data.depth_scale import DEPTH_STEPS
from loss_study.datasets.base import Example
from loss_study.datasets.reading.images import average_depth, stretched
from loss_study.datasets.reading.labels import resize_nearest
from loss_study.heads import HEADS

#: What an item that is a mapping may hold.
KEYS = ("image", "mask", "depth", "mask_valid", "depth_valid")


def example(item: Any, heads: Sequence[str], classes: int, size: int) -> Example:
    """Return the arrays of `item`, stretched to `size`.

    Args:
        item: (image, mask), (image, depth) or (image, mask, depth), as `heads` say, or a mapping with `KEYS`. Images
            are RGB or grey, (3, H, W), (H, W, 3), (1, H, W) or (H, W), uint8 or float in [0, 1]; masks (H, W) or
            (1, H, W), of one class bool, 0 and 1, 0 to 255 in uint8, or float in [0, 1], of several classes their
            numbers; depth maps (H, W) or (1, H, W), float in [0, 1], uint8 or uint16, small values being near.
            Tensors, arrays and images of Pillow.
        heads: the kinds of ground truth that are wanted.
        classes: of the mask.

    Raises:
        ValueError: an item that is none of these; the message says what it is.
    """
    parts = _parts(item, heads)
    found: dict[str, Any] = {"image": _image(parts["image"], size), "mask": None, "depth": None}
    for head in heads:
        plane, valid = _plane(head, parts[head]), _valid(parts, head)
        if valid is not None:
            # What invalid pixels hold is nothing: not to be checked, and not to be averaged with their neighbours.
            plane = np.where(valid, plane, np.zeros((), plane.dtype))
            found[f"{head}_valid"] = resize_nearest(valid, size)
        resized = resize_nearest if valid is not None else None
        if head == "depth":
            found["depth"] = (resized or average_depth)(_depth(plane), size)
        elif classes > 1:
            found["mask"] = resize_nearest(_classes(plane, classes), size)
        else:
            found["mask"] = (resized or _averaged)(_mask(plane), size)
    return Example(**found)


def _valid(parts: Mapping[str, Any], head: str) -> np.ndarray | None:
    """Return which pixels of the ground truth of `head` are valid, bool (H, W); None: all."""
    name = f"{head}_valid"
    if parts.get(name) is None:
        return None
    valid, plane = _plane(name, parts[name]) > 0, _plane(head, parts[head])
    if valid.shape != plane.shape:
        raise ValueError(f"the {name} has shape {valid.shape}, its {head} {plane.shape}")
    return valid


def _parts(item: Any, heads: Sequence[str]) -> Mapping[str, Any]:
    ordered = ["image", *(head for head in HEADS if head in heads)]
    if isinstance(item, Mapping):
        parts: Mapping[str, Any] = item
    elif isinstance(item, tuple | list) and len(item) >= len(ordered):
        parts = dict(zip(ordered, item, strict=False))
    else:
        raise ValueError(f"an item is a {_kind(item)}, not ({', '.join(ordered)}) or a dict of these")
    for name in ordered:
        if parts.get(name) is None:
            raise ValueError(f"an item has no {name!r}; it has {', '.join(map(str, parts))}")
    return parts


def _image(value: Any, size: int) -> np.ndarray:
    array = _array(value)
    if array.ndim == 2:
        array = array[None]
    if array.ndim == 3 and array.shape[0] not in (1, 3) and array.shape[2] in (1, 3):
        array = np.moveaxis(array, 2, 0)
    if array.ndim != 3 or array.shape[0] not in (1, 3):
        raise ValueError(f"the image has shape {array.shape}, not (3, H, W), (H, W, 3) or (H, W)")
    rgb = np.moveaxis(np.broadcast_to(_as_uint8("image", array), (3, *array.shape[1:])), 0, 2)
    return np.asarray(stretched(Image.fromarray(np.ascontiguousarray(rgb)), size))


def _mask(array: np.ndarray) -> np.ndarray:
    """Return a mask of one class as uint8, 0 to 255."""
    if array.dtype.kind in "iu" and array.max(initial=0) <= 1:
        array = array.astype(bool)
    return array.astype(np.uint8) * 255 if array.dtype == bool else _as_uint8("mask", array)


def _averaged(mask_HW: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(stretched(Image.fromarray(mask_HW), size))


def _classes(array: np.ndarray, classes: int) -> np.ndarray:
    if array.dtype.kind not in "iub":
        raise ValueError(f"the mask of {classes} classes is {array.dtype}; it holds the whole numbers of the classes")
    if array.min() < 0 or array.max() >= classes:
        raise ValueError(f"the mask holds {int(array.min())} to {int(array.max())}, but there are {classes} classes")
    return array.astype(np.uint8)


def _depth(array: np.ndarray) -> np.ndarray:
    """Return a depth map as uint16, 0 to `DEPTH_STEPS`."""
    if array.dtype == np.uint8:
        return array.astype(np.uint16) * 257
    if array.dtype != np.uint16:
        _check_range("depth", array, "uint16, uint8 or float in [0, 1]")
        return np.rint(array * DEPTH_STEPS).astype(np.uint16)
    return array


def _plane(name: str, value: Any) -> np.ndarray:
    array = _array(value)
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[2]):
        array = array[0] if array.shape[0] == 1 else array[..., 0]
    if array.ndim != 2:
        raise ValueError(f"the {name} has shape {array.shape}, not (H, W) or (1, H, W)")
    return array


def _as_uint8(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind in "iu" and array.min() >= 0 and array.max() <= 255:
        return array.astype(np.uint8)
    _check_range(name, array, "uint8, or float in [0, 1]")
    return np.rint(array.astype(np.float64) * 255).astype(np.uint8)


def _check_range(name: str, array: np.ndarray, wanted: str) -> None:
    if array.dtype.kind != "f" or not (array.min() >= 0 and array.max() <= 1):
        found = f"{array.dtype} from {array.min():g} to {array.max():g}"
        raise ValueError(f"the {name} is {found}; give {wanted}, without normalisation")


def _array(value: Any) -> np.ndarray:
    # A tensor on any device; everything else is NumPy's to read.
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.dtype.kind not in "biuf" or not array.size:
        raise ValueError(f"an item holds a {_kind(value)}, not numbers")
    return array


def _kind(value: Any) -> str:
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, tuple | list) else type(value).__name__
