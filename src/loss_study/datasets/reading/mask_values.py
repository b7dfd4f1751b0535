"""A look at some masks: which values they hold, whether these are shades or labels, and what to type for them."""

from __future__ import annotations

import itertools
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from loss_study.datasets.reading.images import DEEP, decode, is_lossy
from loss_study.datasets.reading.labels import (
    LARGEST,
    codes_of,
    colour_codes,
    has_coloured_palette,
    is_coloured,
    is_nearly_grey,
    label_of,
)

#: Masks that are looked at.
LOOKED_AT = 50
#: Rows and columns of a mask that are looked at.
SIDE = 128
#: Different values that are kept.
KEPT = 4096
#: From this grey value, of 255, or alpha on a pixel of a mask of shades is foreground.
FOREGROUND = 128
#: More different values than labels usually have.
MANY = 64
#: Share of pixels below which values between the darkest and the brightest say nothing.
FEW = 0.001
#: Units by which lossy compression changes an area of one value, also at low quality.
COMPRESSION_ERROR = 8
#: Values that a message lists.
LISTED = 8
#: The colour of void pixels in the Pascal VOC masks.
VOID_COLOUR = 0xE0E0C0
CLASSES = "dataset.options.labels.classes"


@dataclass(frozen=True)
class MaskValues:
    """What `files` masks hold.

    `modes` are Pillow's, sorted. `palette`: all values are indices of colours; `coloured`: they are colours, 0xrrggbb;
    otherwise grey values. `alpha`: transparency varies within a mask. `brightest` is a luminance, 0 to 255. `flat` is
    the share of the pixels between 0 and the largest value that lie within an area of one value: that of labels, not
    of soft edges. `lossy`: compression may have changed the values; those next to 0 and 255 do not count as between.
    `outermost` is the most frequent value at the masks' borders. `shares` are the shares of pixels by value, largest
    first.
    """

    files: int
    modes: tuple[str, ...]
    palette: bool
    coloured: bool
    alpha: bool
    brightest: int
    flat: float
    lossy: bool
    outermost: int
    shares: dict[int, float]

    @property
    def labels(self) -> bool:
        """Whether the values are labels, which would be wrong as shades of grey."""
        if self.alpha:
            return False
        return self.palette or self.coloured or 0 < self.brightest < FOREGROUND or self.flat > 0.5

    def problem(self) -> str | None:
        """Return why these masks would be read wrongly as shades of grey, and what to type instead; None: fine."""
        if not self.labels:
            return None
        what = "indices of a palette" if self.palette else "colours" if self.coloured else "labels"
        seen = f"the masks hold {what}, not shades of grey: {self.listed()} of the pixels of {self.files} masks"
        if words := self.suggestion():
            return f"{seen}; for foreground that is every value but {self._label(self.background)}: {typed(words)}"
        if self.lossy:
            return f"{seen}; the files' compression has changed them: save PNG files, or name ranges in {CLASSES}"
        return f"{seen}; these are too many for labels: correct dataset.options.files.mask, or save other masks"

    def listed(self, but: Sequence[int] = ()) -> str:
        """Return the most frequent values with their shares of pixels, such as ``0 (61 %), 3 (9 %) and 2 more``."""
        shares = {code: share for code, share in self.shares.items() if code not in but}
        texts = [f"{self._label(code)} ({percent(share)})" for code, share in list(shares.items())[:LISTED]]
        return ", ".join(texts) + (f" and {len(shares) - LISTED} more" if len(shares) > LISTED else "")

    @property
    def background(self) -> int:
        """The value of the background as far as can be guessed: 0, or the most frequent one at the masks' borders."""
        return 0 if 0 in self.shares else self.outermost

    @property
    def void(self) -> int | None:
        """The value of pixels without ground truth as far as can be guessed: far above the objects', in fewer pixels.

        In more pixels it is an object: of trimaps with 127 at the outline, of masks of 0 and 255 among some of 0 and 1.
        """
        if self.coloured:
            return VOID_COLOUR if VOID_COLOUR in self.shares else None
        largest = max(self.shares)
        objects = self.shares.keys() - {largest, self.background}
        if largest not in (0xFF, LARGEST) or not objects or max(objects) >= FOREGROUND:
            return None
        return largest if self.shares[largest] < sum(self.shares[code] for code in objects) else None

    def suggestion(self) -> list[str]:
        """Return the words after -S that read these masks as foreground and background; none if they need none.

        Every value but the background's is foreground. No words either where no labels can be told apart: photographs,
        and masks that lossy compression has changed.
        """
        looks_like_a_photograph = self.flat <= 0.5 and len(self.shares) > MANY
        if not self.labels or self.lossy or looks_like_a_photograph:
            return []
        last = 0xFFFFFF if self.coloured else LARGEST
        bounds = [-1, *sorted({self.background, *([] if self.void is None else [self.void])}), last + 1]
        if self.void == 0xFF and not self.coloured:
            bounds.pop()
        pairs = [(low + 1, high - 1) for low, high in itertools.pairwise(bounds) if high - low > 1]
        words = [f"+{CLASSES}.foreground=[{','.join(self._range(*pair) for pair in pairs)}]"]
        if self.void is not None:
            words.append(f"dataset.options.labels.ignored=[{self._quoted(self.void)}]")
        return words

    def _range(self, low: int, high: int) -> str:
        return self._quoted(low) if low == high else f'"{self._label(low)}-{self._label(high)}"'

    def _quoted(self, code: int) -> str:
        return f'"{self._label(code)}"' if self.coloured else str(code)

    def _label(self, code: int) -> int | str:
        return label_of(code, coloured=self.coloured)


def typed(words: Sequence[str]) -> str:
    """Return `words` as they are typed in a shell, each after -S."""
    return " ".join(f"-S {shlex.quote(word)}" for word in words)


def spread(count: int, most: int = LOOKED_AT) -> list[int]:
    """Return at most `most` of the numbers below `count`, at equal distances."""
    return np.unique(np.linspace(0, count - 1, most).astype(int)).tolist() if count else []


def survey(paths: Sequence[Path], *, labelled: bool = False, coloured: bool = False) -> MaskValues:
    """Look at some of the masks at `paths`, at least one.

    Args:
        labelled: floating-point numbers are labels, also those between 0 and 1, which are shades otherwise.
        coloured: take values as colours even where all are grey or of a palette.

    Raises:
        StudyError: a file that cannot be read, or numbers that are neither labels nor shades.
    """
    looks = [_look(paths[number], labelled) for number in spread(len(paths))]
    coloured = coloured or any(one.coloured for one in looks)
    palette = not coloured and any(one.palette for one in looks)
    codes = np.concatenate([one.colours if coloured else one.codes for one in looks])
    border = np.concatenate([one.border for one in looks])
    counted = np.concatenate([np.full(one.flat.size, palette or coloured) | one.between for one in looks])
    flat = np.concatenate([one.flat for one in looks])
    values, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:KEPT]
    return MaskValues(
        files=len(looks),
        modes=tuple(sorted({one.mode for one in looks})),
        palette=palette,
        coloured=coloured,
        alpha=any(one.alpha for one in looks),
        brightest=max(one.brightest for one in looks),
        flat=float(flat[counted].mean()) if counted.mean() > FEW else 0.0,
        lossy=any(one.lossy for one in looks),
        outermost=_most_frequent(codes[border]),
        shares=dict(zip(values[order].tolist(), (counts[order] / codes.size).tolist(), strict=True)),
    )


@dataclass(frozen=True)
class _Look:
    """One mask; the arrays are of the same pixels, a grid of them, flattened."""

    mode: str
    palette: bool
    coloured: bool
    alpha: bool
    brightest: int
    lossy: bool
    codes: np.ndarray
    colours: np.ndarray
    border: np.ndarray
    between: np.ndarray
    flat: np.ndarray


def _look(path: Path, labelled: bool) -> _Look:
    image = decode(path)
    mode = image.mode
    if is_nearly_grey(image, path):
        image = image.convert("L")
    if mode == "F" and not labelled and _are_shares(image):
        image = Image.fromarray(np.rint(255 * np.asarray(image)).astype(np.uint8))
    deep, lossy = image.mode in DEEP, is_lossy(path)
    error = COMPRESSION_ERROR if lossy else 0
    grid = np.ix_(*(np.array(spread(length, SIDE)) for length in (image.height, image.width)))
    coloured = is_coloured(image)
    codes = colour_codes(image) if coloured else codes_of(image, path)
    colours = colour_codes(Image.fromarray(np.asarray(image.convert("RGB"))[grid]))
    shades = codes / 257 if deep else np.asarray(image.convert("L"))
    shades = shades[grid].ravel()
    alpha = np.asarray(image.getchannel("A")) if image.mode in ("RGBA", "LA") else np.zeros(1)
    return _Look(
        mode=mode,
        palette=has_coloured_palette(image),
        coloured=coloured,
        alpha=bool(alpha.min() < FOREGROUND <= alpha.max()),
        brightest=math.ceil(shades.max()),
        lossy=lossy,
        codes=codes[grid].ravel(),
        colours=colours.ravel(),
        border=_border(colours.shape),
        between=(shades > error) & (shades < 255 - error),
        flat=_is_flat(codes, *grid).ravel(),
    )


def _border(shape: tuple[int, ...]) -> np.ndarray:
    """Return which pixels of a grid are outermost, flattened."""
    inside = np.zeros(shape, dtype=bool)
    inside[1:-1, 1:-1] = True
    return ~inside.ravel()


def _most_frequent(codes: np.ndarray) -> int:
    values, counts = np.unique(codes, return_counts=True)
    return int(values[counts.argmax()])


def _is_flat(codes: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return which of the pixels at `rows` and `columns` belong to a square of 3 x 3 pixels of one value."""
    height, width = codes.shape
    same = (
        np.array(
            [
                [
                    codes[(rows + down).clip(0, height - 1), (columns + right).clip(0, width - 1)]
                    for right in range(-2, 3)
                ]
                for down in range(-2, 3)
            ]
        )
        == codes[rows, columns]
    )
    return np.any([same[top : top + 3, left : left + 3].all((0, 1)) for top in range(3) for left in range(3)], axis=0)


def _are_shares(image: Image.Image) -> bool:
    values = np.asarray(image)
    return bool(((values >= 0) & (values <= 1)).all())


def percent(share: float) -> str:
    """Return a share as text, such as ``12 %``."""
    return "under 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"
