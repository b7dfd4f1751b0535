"""The packed sample: every image decoded and resized once, in flat memory-mapped arrays.

It is a folder with

- ``images.npy`` uint8 (N, H, W, 3), RGB;
- ``backgrounds.npy`` uint8 (B, H, W, 3), each background once; absent if the data has none;
- ``masks.npy`` uint8 (N, H, W), 255 is foreground; of two or more classes their numbers instead;
- ``depths.npy`` uint16 (N, H, W), 0 is near and 65535 is depth 1; both only for the heads of the sample;
- ``mask_valid.npy``, ``depth_valid.npy`` bool (N, H, W), False for a pixel without ground truth; absent if all pixels
  have one;
- ``index.csv``: one row per image: ``id, split, background_row, background, object, foreground``, and with folds
  ``fold``, the one in which the image is tested; its ``split`` is that of fold 0;
- ``SHA256SUMS``, see `checksums`;
- ``sample.json``: size, counts, whether objects are told apart by file names alone, heads, classes, heads with invalid
  pixels, the unit of depth, notes on the data, and statistics; with folds their number, and the statistics of each.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from loss_study.data.depth_scale import DepthScale
from loss_study.runtime import checksums
from loss_study.runtime.errors import StudyError

SPLITS = ("train", "validation", "test")
INDEX_COLUMNS = ("id", "split", "background_row", "background", "object", "foreground")
#: The last column of ``index.csv``, where the sample has folds.
FOLD = "fold"
FORMAT = 4


@dataclass(frozen=True)
class PackedSample:
    """A packed sample, opened for reading; arrays are memory-mapped, not loaded.

    Where it has folds, `split`s, rows and statistics are those of its `fold`.
    """

    folder: Path
    images: np.ndarray
    backgrounds: np.ndarray | None
    masks: np.ndarray | None
    depths: np.ndarray | None
    mask_valid: np.ndarray | None
    depth_valid: np.ndarray | None
    meta: dict[str, Any]
    fold: int = 0

    @classmethod
    def open(cls, folder: Path) -> PackedSample:
        """Map the sample in `folder`; StudyError if it is missing, damaged or of another format."""
        checksums.check(folder)
        try:
            meta = json.loads((folder / "sample.json").read_text(encoding="utf-8"))
            if meta["format"] != FORMAT:
                raise StudyError(
                    f"{folder}: has format {meta['format']}, but format {FORMAT} is needed; run 'dvc repro -f sample'"
                )
            sample = cls(
                folder,
                _map(folder / "images.npy"),
                _map(folder / "backgrounds.npy") if meta["backgrounds"] else None,
                _map(folder / "masks.npy") if "mask" in meta["heads"] else None,
                _map(folder / "depths.npy") if "depth" in meta["heads"] else None,
                _map(folder / "mask_valid.npy") if "mask" in meta["invalid_pixels"] else None,
                _map(folder / "depth_valid.npy") if "depth" in meta["invalid_pixels"] else None,
                meta,
            )
            sample._check()
            return sample
        except FileNotFoundError as error:
            raise StudyError(f"{error.filename}: no packed sample; run 'dvc repro sample'") from None
        except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
            raise _damaged(folder, error) from None

    def _check(self) -> None:
        """Raise a ValueError, KeyError or TypeError if the files do not fit together."""
        if self.images.ndim != 4 or self.images.shape[3] != 3:
            raise ValueError(f"images of shape {self.images.shape}")
        count, size, _, _ = self.images.shape
        shapes = {
            "images": (count, size, size, 3),
            "backgrounds": (0 if self.backgrounds is None else len(self.backgrounds), size, size, 3),
            **dict.fromkeys(("masks", "depths", "mask_valid", "depth_valid"), (count, size, size)),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            dtype = stored_type(name)
            if array is not None and (array.shape != shape or array.dtype != dtype):
                raise ValueError(f"{name} is {array.dtype} {array.shape} instead of {np.dtype(dtype)} {shape}")
        if type(self.classes) is not int or len(self.class_names) < self.classes:
            raise ValueError("classes without names")
        _ = self.depth_scale
        for head in self.meta["heads"]:
            several = head == "mask" and self.classes > 1
            for fold in range(self.folds):
                of_fold = self.of_fold(fold).statistics
                np.asarray(of_fold["class_shares" if several else f"{head}_mean"], dtype=np.float64)

    @cached_property
    def index(self) -> list[dict[str, str]]:
        """The rows of ``index.csv``, in the order of the images; StudyError if it is damaged."""
        try:
            with (self.folder / "index.csv").open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, strict=True))
            if self.folds > 1:
                rows = [row | {"split": split_of(int(row[FOLD]), self.fold, self.folds)} for row in rows]
            self._check_rows(rows)
        except (ValueError, KeyError, TypeError, OSError, csv.Error) as error:
            raise _damaged(self.folder / "index.csv", error) from None
        return rows

    def _check_rows(self, rows: list[dict[str, str]]) -> None:
        backgrounds = 0 if self.backgrounds is None else len(self.backgrounds)
        if len(rows) != len(self.images):
            raise ValueError(f"{len(rows)} rows for {len(self.images)} images")
        for row in rows:
            if row["split"] not in SPLITS or not -1 <= int(row["background_row"]) < max(backgrounds, 1):
                raise ValueError(f"no such split or background: {row}")

    @cached_property
    def background_rows(self) -> np.ndarray:
        """Row of ``backgrounds.npy`` of every image, int64 (N,); -1 if it has none."""
        return np.array([int(row["background_row"]) for row in self.index], dtype=np.int64)

    @property
    def folds(self) -> int:
        """Number of folds; 1 for a fixed split."""
        return self.meta.get("folds", 1)

    def of_fold(self, fold: int) -> PackedSample:
        """Return the same sample with the splits and statistics of `fold`, from 0."""
        return self if fold == self.fold else replace(self, fold=fold)

    def rows(self, split: str) -> np.ndarray:
        """Return the numbers of the images of one split, int64, ascending."""
        return np.array([number for number, row in enumerate(self.index) if row["split"] == split], dtype=np.int64)

    def targets(self, head: str) -> np.ndarray:
        """Return the array of `head`, (N, H, W), uint8 or uint16; StudyError if the sample has none."""
        array = {"mask": self.masks, "depth": self.depths}[head]
        if array is None:
            raise StudyError(f"{self.folder}: the sample has no {head}; take it out of loss.heads")
        return array

    def valid(self, head: str) -> np.ndarray | None:
        """Return which pixels of `head` are valid, bool (N, H, W); None: all."""
        return {"mask": self.mask_valid, "depth": self.depth_valid}[head]

    @property
    def group(self) -> str:
        """What the objects are, in the singular: "object", "patient", "scene"."""
        return self.meta.get("group", "object")

    @property
    def classes(self) -> int:
        """Number of mask logits: 1 for foreground or not, 2 and more for classes that exclude each other."""
        return self.meta["classes"]

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, by number; a single class is called ``foreground``."""
        return self.meta["class_names"]

    @property
    def depth_scale(self) -> DepthScale | None:
        """What depth is in metres; None: it is relative."""
        depth = self.meta["depth"]
        return DepthScale(float(depth["halfway_m"]), float(depth["farthest_m"])) if depth["unit"] == "m" else None

    @property
    def in_channels(self) -> int:
        """6 with backgrounds (background and composite concatenated, in this order), else 3."""
        return 3 if self.backgrounds is None else 6

    @property
    def statistics(self) -> dict[str, Any]:
        """Statistics of the heads over the valid pixels of the training split.

        ``mask_mean`` and ``depth_mean`` in [0, 1]; with several classes ``class_shares`` instead of ``mask_mean``.
        """
        return self.meta["statistics_of_folds"][self.fold] if self.folds > 1 else self.meta["statistics"]


def split_of(part: int, fold: int, folds: int) -> str:
    """Return the split of the images of `part` in `fold`: a fold tests its own part and validates on the next one."""
    return {0: "test", 1: "validation"}.get((part - fold) % folds, "train")


def fold_of(seed: int, seeds: Sequence[int], folds: int) -> int:
    """Return the fold that a loss is trained and tested on from `seed`: the `seeds` of the study take turns.

    It is 0 for a seed that is not one of the study's, as the search's.
    """
    return seeds.index(seed) % folds if seed in seeds else 0


def stored_type(name: str) -> type[np.generic]:
    """Return the type of the numbers in ``<name>.npy``."""
    if name.endswith("valid"):
        return np.bool_
    return np.uint16 if name == "depths" else np.uint8


def _damaged(path: Path, error: Exception) -> StudyError:
    return StudyError(f"{path}: damaged packed sample ({error}); run 'dvc repro -f sample'")


def _map(path: Path) -> np.ndarray:
    """Map the array; OSError as for any file, ValueError for any error of NumPy's parser in a damaged header."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(str(error)) from None
