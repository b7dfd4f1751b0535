"""Composites of the user's own images: cut-outs (RGBA images of an object) are pasted on backgrounds.

Every cut-out and its mirror image get `placements` random positions on every background. The product is never listed:
a composite is made when it is asked for, and depends only on its id, such as ``bg_017+fg_103@07m`` (the mirror image of
the cut-out in placement 7).

Cut-outs that are mirror images or copies of each other are one object: see `loss_study.datasets.reading.twins`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from loss_study.data.depth_scale import to_stored
from loss_study.datasets.base import Example, Item
from loss_study.datasets.reading import twins
from loss_study.datasets.reading.depth_files import DepthReader
from loss_study.datasets.reading.depth_values import DepthMeaning
from loss_study.datasets.reading.images import decode, geometry, list_images, read_rgb
from loss_study.runtime.errors import StudyError
from loss_study.runtime.printable import printable

#: Where the ground plane reaches depth 1, in units of the distance of its nearest row.
FAR = 10.0
#: From this alpha on a pixel belongs to the object.
OPAQUE = 128
#: Images of each kind that a process keeps decoded: at 224 px at most about 70 MB in all.
CACHED = 128
DEPTH_REMEDY = "save relative depth, with 8 bits or with 16 that fill their range, and without gaps"
#: Depth maps and backgrounds may differ in size, and in aspect ratio by rounding only.
ASPECT_TOLERANCE = 0.02

Fraction = Annotated[float, Field(gt=0, le=1)]


def open_dataset(
    path: Path,
    *,
    backgrounds: str = "bg",
    cutouts: str = "fg",
    background_depth: str = "bg_depth",
    near: Literal["dark", "bright"] = "dark",
    horizon: Annotated[float, Field(ge=0, le=0.9)] = 0.25,
    thumbnail: Fraction = 0.67,
    smallest: Fraction = 0.5,
    placements: Annotated[int, Field(ge=1)] = 20,
) -> Composites:
    """Open the backgrounds and cut-outs below the folder `path`.

    Args:
        backgrounds: folder of backgrounds; they are stretched to a square.
        cutouts: folder of images with an alpha channel, each the cut-out of one object.
        background_depth: folder of grey depth maps with the stems of the backgrounds; where there is no such
            folder, depth is that of a ground plane (`ground_depth`).
        near: whether near pixels are dark or bright in those maps.
        horizon: height of the ground plane's horizon, from 0 (top) to 1 (bottom).
        thumbnail: longest side of a cut-out at its largest, relative to the side of the composite.
        smallest: each placement scales the cut-out by a random factor between this and 1.
        placements: random positions for each background and cut-out, and as many for the mirror image.

    Raises:
        StudyError: missing or empty folder, two images with one stem, depth maps that do not match the backgrounds or
            that would be read wrongly.
    """
    background_paths = _by_stem(path / backgrounds, "backgrounds")
    _refuse_plus(background_paths)
    depth_folder = path / background_depth
    depth_paths = _by_stem(depth_folder, "depth maps") if depth_folder.is_dir() else None
    depth_reader = None
    if depth_paths is not None:
        _check_match(background_paths, depth_paths)
        relative = DepthMeaning(near, invalid=())
        depth_reader = DepthReader(relative, list(depth_paths.values()), remedy=DEPTH_REMEDY)
    cutout_paths = _by_stem(path / cutouts, "cut-outs")
    return Composites(
        background_paths=background_paths,
        cutout_paths=cutout_paths,
        twin_of=twins.groups([_portrait(one) for one in cutout_paths.values()]),
        depth_paths=depth_paths,
        depth_reader=depth_reader,
        horizon=horizon,
        thumbnail=thumbnail,
        smallest=smallest,
        placements=placements,
    )


@dataclass(frozen=True)
class Composites:
    """A `Dataset` of all backgrounds x cut-outs x placements x 2 (mirror images); paths are by stem.

    `twin_of` (n,) is for each cut-out the number of the first one that shows the same object.
    """

    background_paths: dict[str, Path]
    cutout_paths: dict[str, Path]
    twin_of: np.ndarray
    depth_paths: dict[str, Path] | None
    depth_reader: DepthReader | None
    horizon: float
    thumbnail: float
    smallest: float
    placements: int
    has_background_images = True

    @property
    def backgrounds(self) -> Sequence[str]:
        """Stems of the backgrounds, sorted."""
        return list(self.background_paths)

    @property
    def files(self) -> dict[str, list[Path]]:
        """Backgrounds, cut-outs and depth maps."""
        kinds = {"background": self.background_paths, "cut-out": self.cutout_paths, "depth": self.depth_paths}
        return {kind: list(paths.values()) for kind, paths in kinds.items() if paths}

    @property
    def objects(self) -> Sequence[str]:
        """Stems of the cut-outs, the first of each object, sorted."""
        stems = list(self.cutout_paths)
        return [stems[number] for number in np.unique(self.twin_of)]

    @property
    def notes(self) -> Sequence[str]:
        """What the report says about the images and where their depth comes from."""
        made = (
            f"Composites of {len(self.background_paths)} backgrounds and {len(self.cutout_paths)} cut-outs with their "
            f"mirror images, {self.placements} random positions for each pair."
        )
        if self.depth_paths is None:
            depth = (
                f"Depth is not measured: it is that of a ground plane with its horizon at {self.horizon:.0%} of the "
                "height, on which every object stands as an upright plane."
            )
        else:
            depth = (
                "Depth is that of the backgrounds' depth maps; every object is an upright plane at the nearest depth "
                "that it covers."
            )
        read = [] if self.depth_reader is None else self.depth_reader.notes
        return [made, depth, *read, twins.note(self.twin_of)]

    def draw(
        self,
        backgrounds: Sequence[str] | None,
        objects: Sequence[str] | None,
        count: int,
        rng: np.random.Generator,
    ) -> list[Item]:
        """Draw at most `count` different items; None stands for all backgrounds or all cut-outs."""
        backgrounds = self.backgrounds if backgrounds is None else backgrounds
        wanted = set(self.objects if objects is None else objects)
        stems = list(self.cutout_paths)
        cutouts = [(stem, stems[twin]) for stem, twin in zip(stems, self.twin_of, strict=True) if stems[twin] in wanted]
        shape = (len(backgrounds), len(cutouts), self.placements, 2)
        total = int(np.prod(shape))
        numbers = rng.choice(total, size=min(count, total), replace=False)
        return [
            _item(backgrounds[background], cutouts[cutout], placement, bool(mirrored))
            for background, cutout, placement, mirrored in zip(*np.unravel_index(numbers, shape), strict=True)
        ]

    def background(self, name: str, size: int) -> np.ndarray:
        """Return the background, uint8 (size, size, 3) RGB."""
        return _background(self.background_paths[name], size).copy()

    def example(self, item: Item, size: int) -> Example:
        """Paste the item's cut-out on its background; StudyError names a file that cannot be used."""
        assert item.background is not None
        cutout, left, top = self._placed(item, size)
        image = _background(self.background_paths[item.background], size).copy()
        mask = np.zeros((size, size), np.uint8)
        depth = self._background_depth(item.background, size).copy()

        rows, columns = slice(top, top + cutout.shape[0]), slice(left, left + cutout.shape[1])
        alpha = cutout[..., 3]
        image[rows, columns] = _over(cutout, image[rows, columns])
        mask[rows, columns] = alpha
        # A pixel belongs to one surface: the mean of two depths is the depth of neither.
        covered = depth[rows, columns]
        opaque = alpha >= OPAQUE
        if opaque.any():
            covered[opaque] = covered[opaque].min()
        return Example(image, mask, depth)

    def _placed(self, item: Item, size: int) -> tuple[np.ndarray, int, int]:
        """Return the cut-out, premultiplied uint8 (h, w, 4), and the column and row of its upper left corner."""
        rng = np.random.default_rng(_seed(item.id))
        factor, across, down = rng.uniform(self.smallest, 1), rng.random(), rng.random()
        largest = self.thumbnail * size
        image = _cutout(self.cutout_paths[_cutout_of(item)], round(2 * largest))
        if item.id.endswith("m"):
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        scale = factor * largest / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        cutout = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
        highest_foot = min(size, max(height, self._far_row(size)))
        foot = highest_foot + round(down * (size - highest_foot))
        return cutout, round(across * (size - width)), foot - height

    def _far_row(self, size: int) -> int:
        """Return the highest row on which an object can stand: where the ground plane is as far as the sky."""
        if self.depth_paths is not None:
            return 0
        return round(size * (self.horizon + (1 - self.horizon) / FAR))

    def _background_depth(self, name: str, size: int) -> np.ndarray:
        if self.depth_paths is None or self.depth_reader is None:
            return ground_depth(size, self.horizon)
        return _depth_map(self.depth_reader, self.depth_paths[name], size)


@lru_cache(maxsize=4)
def ground_depth(size: int, horizon: float) -> np.ndarray:
    """Return the depth of a level ground plane, uint16 (size, size); 0 is the camera, 65535 is `FAR` and beyond.

    A camera that looks horizontally from height h with focal length f sees the plane's point at distance d in the row
    f h / d below the horizon. Let v in (0, 1) be the position of a row's centre from top to bottom, and 1 the distance
    at the lower edge. Then d(v) = (1 - horizon) / (v - horizon) below the horizon; above it everything is far.
    """
    below = (np.arange(size) + 0.5) / size - horizon
    distance = np.full(size, FAR)
    ground = below > 0
    distance[ground] = np.minimum(FAR, (1 - horizon) / below[ground])
    return np.repeat(to_stored(distance / FAR)[:, None], size, axis=1)


@lru_cache(maxsize=CACHED)
def _background(path: Path, size: int) -> np.ndarray:
    return read_rgb(path, size)


@lru_cache(maxsize=CACHED)
def _depth_map(reader: DepthReader, path: Path, size: int) -> np.ndarray:
    return reader.read(path, size)[0]


def _rgba(path: Path) -> Image.Image:
    image = decode(path)
    if not image.has_transparency_data:
        raise StudyError(f"{path}: has no alpha channel; save the cut-out as PNG with a transparent background")
    image = image.convert("RGBA")
    if np.asarray(image.getchannel("A")).max() < OPAQUE:
        raise StudyError(f"{path}: is transparent everywhere; replace or remove it")
    return image


def _portrait(path: Path) -> twins.Portrait:
    image = _rgba(path)
    grey, alpha = image.convert("RGB").convert("L"), image.getchannel("A")
    inside = np.asarray(alpha) >= OPAQUE
    # Nothing of the invisible colour of transparent pixels.
    plain = Image.new("L", image.size, round(float(np.asarray(grey)[inside].mean())))
    found = twins.portrait(Image.composite(grey, plain, alpha), alpha)
    assert found is not None
    return found


@lru_cache(maxsize=CACHED)
def _cutout(path: Path, longest: int) -> Image.Image:
    """Return the cut-out without empty margins, premultiplied by alpha ("RGBa"), no side longer than `longest`."""
    image = _rgba(path)
    alpha = image.getchannel("A")
    # Premultiplied, so that resizing does not mix the invisible colour of transparent pixels into the edges.
    image = image.crop(alpha.getbbox()).convert("RGBa")
    scale = longest / max(image.size)
    if scale >= 1:
        return image
    return image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR)


def _over(cutout: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Paste a premultiplied cut-out, uint8 (h, w, 4), on an opaque image, uint8 (h, w, 3): Porter and Duff's *over*."""
    remaining = image.astype(np.uint16) * (255 - cutout[..., 3:].astype(np.uint16))
    return np.minimum(cutout[..., :3] + (remaining + 127) // 255, 255).astype(np.uint8)


def _item(background: str, names: tuple[str, str], placement: int, mirrored: bool) -> Item:
    """Return an item; `names` are those of the cut-out and of the first one that shows the same object."""
    cutout, first = names
    return Item(f"{background}+{cutout}@{placement:02d}{'m' if mirrored else ''}", background, first)


def _cutout_of(item: Item) -> str:
    return item.id.partition("+")[2].rpartition("@")[0]


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


def _by_stem(folder: Path, kind: str) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for path in list_images(folder):
        # The stem is a part of ids, which are written to tables.
        stem = printable(path.stem)
        if stem in paths:
            raise StudyError(f"{path}: {paths[stem].name} has the same stem; rename or remove one of them")
        paths[stem] = path
    if not paths:
        raise StudyError(f"{folder}: no images in it; put the {kind} there, or correct dataset.path")
    return dict(sorted(paths.items()))


def _refuse_plus(background_paths: dict[str, Path]) -> None:
    """Raise a StudyError for a plus sign in a background's stem: it separates the parts of an item's id."""
    for stem, path in background_paths.items():
        if "+" in stem:
            raise StudyError(f"{path}: a background's name may not contain '+'; rename it")


def _check_match(background_paths: dict[str, Path], depth_paths: dict[str, Path]) -> None:
    for stem in sorted(background_paths.keys() ^ depth_paths.keys()):
        if stem in depth_paths:
            raise StudyError(f"{depth_paths[stem]}: a depth map without a background of that name; add or remove one")
        raise StudyError(f"{background_paths[stem]}: a background without a depth map of that name; add or remove one")
    for stem, path in background_paths.items():
        image, depth = geometry(path), geometry(depth_paths[stem])
        if abs(image.width * depth.height / (image.height * depth.width) - 1) > ASPECT_TOLERANCE:
            raise StudyError(
                f"{depth_paths[stem]}: {depth.width}x{depth.height} does not fit its background of "
                f"{image.width}x{image.height}; save it with the same aspect ratio"
            )
        if image.orientation != 1 and depth.orientation == 1:
            raise StudyError(f"{path}: its EXIF orientation turns it, but not its depth map; save both without one")
