"""Whether a mask or depth map fits its image: an image may be turned by its EXIF orientation, and its mask not."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from loss_study.datasets.reading.images import Geometry, geometry
from loss_study.runtime.errors import StudyError

#: auto: found by the sizes. upright: masks and depth maps show the image as it is seen. stored: as its pixels are
#: stored in the file, before its EXIF orientation turns it. stretched: as it is seen, with any aspect ratio.
Fit = Literal["auto", "upright", "stored", "stretched"]
#: Aspect ratios may differ by so much, and by the rounding of both sides to whole pixels.
TOLERANCE = 0.02
KEY = "dataset.options.fit"


def orientation(image: Path, target: Path, fit: Fit) -> int:
    """Return the EXIF orientation by which the mask or depth map `target` has to be turned to fit `image`, 1 for none.

    Raises:
        StudyError: aspect ratios that differ, or, for ``auto``, an orientation that the sizes do not tell.
    """
    if fit == "stretched":
        return 1
    seen, other = geometry(image), geometry(target)
    is_turned = seen.orientation != 1 and other.orientation == 1
    may_be_upright = fit != "stored" or not is_turned
    may_be_stored = fit != "upright" and is_turned
    fits = may_be_upright and _same_aspect(seen.width, seen.height, other)
    fits_stored = may_be_stored and _same_aspect(*_as_stored(seen), other)
    if fits and fits_stored:
        raise StudyError(
            f"{image}: its EXIF orientation turns it, and {target} has none; if that shows the image as it is seen: "
            f"-S {KEY}=upright; if as it is stored: -S {KEY}=stored"
        )
    if not fits and not fits_stored:
        raise StudyError(
            f"{target}: {other.width} x {other.height} does not have the aspect ratio of {image}, {seen.width} x "
            f"{seen.height}; replace one of them, or stretch all over their images: -S {KEY}=stretched"
        )
    return 1 if fits else seen.orientation


def _as_stored(seen: Geometry) -> tuple[int, int]:
    return (seen.height, seen.width) if seen.is_on_its_side else (seen.width, seen.height)


def _same_aspect(width: int, height: int, other: Geometry) -> bool:
    shortest = min(width, height, other.width, other.height)
    return abs(width * other.height / (height * other.width) - 1) <= TOLERANCE + 1 / shortest
