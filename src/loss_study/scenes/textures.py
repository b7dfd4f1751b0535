"""Textures: square tiles that repeat without a seam, drawn once and sampled with mip levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

#: Draws a tile (3, n, n) from its side n and three colours (3, 1, 1), linear RGB.
Pattern = Callable[[np.random.Generator, int, list[np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Texture:
    """A repeating tile with its mip levels, one texel in 32 bits: the square roots of linear R, G, B."""

    texels: np.ndarray
    side: int

    @classmethod
    def from_tile(cls, tile: np.ndarray) -> Texture:
        """Build from linear RGB (3, n, n) in [0, 1], n a power of two."""
        levels = [np.ascontiguousarray(tile, dtype=np.float32)]
        while levels[-1].shape[1] > 1:
            rows = levels[-1][:, 0::2] + levels[-1][:, 1::2]
            levels.append((rows[..., 0::2] + rows[..., 1::2]) * np.float32(0.25))
        roots = np.concatenate([level.reshape(3, -1) for level in levels], axis=1)
        np.sqrt(np.clip(roots, 0, 1, out=roots), out=roots)
        roots *= 255
        roots += 0.5
        rgba = np.zeros((roots.shape[1], 4), dtype=np.uint8)
        for channel in range(3):
            rgba[:, channel] = roots[channel]
        return cls(rgba.view(np.uint32).ravel(), tile.shape[1])


def sample(
    textures: Sequence[Texture], number: np.ndarray, u: np.ndarray, v: np.ndarray, footprint: np.ndarray
) -> np.ndarray:
    """Return linear RGB (3, n) of `textures[number]` at `u`, `v` for samples `footprint` wide, in tiles, all (n,).

    Bilinear within a level; between levels the choice is dithered, so that no seam shows.
    """
    texels = np.concatenate([texture.texels for texture in textures])
    first = np.cumsum([0, *(len(texture.texels) for texture in textures[:-1])], dtype=np.int32)[number]
    widest = np.array([texture.side for texture in textures], dtype=np.int32)[number]
    deepest = np.array([texture.side.bit_length() - 1 for texture in textures], dtype=np.float32)[number]
    dither = _fraction(u * np.float32(1013.7) + v * np.float32(757.3))
    level = np.log(np.maximum(footprint * widest.astype(np.float32), np.float32(1e-3))) * np.float32(1 / np.log(2))
    level = np.minimum(np.maximum(level + dither, 0), deepest).astype(np.int32)
    side = np.right_shift(widest, level)
    wide = side.astype(np.float32)
    x, y = _fraction(u) * wide - np.float32(0.5), _fraction(v) * wide - np.float32(0.5)
    column, row = np.floor(x), np.floor(y)
    x, y = x - column, y - row
    mask = side - 1
    left, top = column.astype(np.int32) & mask, row.astype(np.int32) & mask
    right, bottom = (left + 1) & mask, (top + 1) & mask
    # Each level has a quarter of the texels of the one before.
    start = first + (widest * widest - side * side) // 3 * 4
    top, bottom = start + top * side, start + bottom * side
    upper = _roots(texels, top + left) * (1 - x) + _roots(texels, top + right) * x
    lower = _roots(texels, bottom + left) * (1 - x) + _roots(texels, bottom + right) * x
    root = upper * (1 - y) + lower * y
    return root * root * np.float32(1 / 255**2)


def _roots(texels: np.ndarray, index: np.ndarray) -> np.ndarray:
    rgba = texels.take(index).view(np.uint8).reshape(-1, 4)
    return rgba.T[:3].astype(np.float32, order="C")


def _fraction(values: np.ndarray) -> np.ndarray:
    return values - np.floor(values)


def noise(rng: np.random.Generator, side: int, slope: float) -> np.ndarray:
    """Return periodic noise (side, side), mean 0 and variance 1, of amplitude 1 / frequency ** slope."""
    # The two-dimensional transforms, in place: fresh memory costs more than the arithmetic.
    white = rng.standard_normal((side, side), dtype=np.float32)
    spectrum = np.fft.rfft(white)
    np.fft.fft(spectrum, axis=0, out=spectrum)
    spectrum *= _amplitude(side, slope)
    np.fft.ifft(spectrum, axis=0, out=spectrum)
    field = np.fft.irfft(spectrum, n=side)
    squares = np.subtract(field, field.mean(), out=white)
    squares *= squares
    field /= np.sqrt(squares.mean())
    return field


@lru_cache(maxsize=64)
def _amplitude(side: int, slope: float) -> np.ndarray:
    row = np.fft.fftfreq(side)[:, None] * side
    column = np.fft.rfftfreq(side)[None, :] * side
    frequency = np.hypot(row, column)
    frequency[0, 0] = np.inf
    return (frequency**-slope).astype(np.float32)


def make(rng: np.random.Generator, pattern: str, colours: list[np.ndarray], side: int) -> Texture:
    """Draw the tile of the named pattern in `colours`, three of (3,), linear RGB."""
    return Texture.from_tile(PATTERNS[pattern](rng, side, [colour[:, None, None] for colour in colours]))


def _blend(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mix two colours or tiles by `share` (n, n) of the second; a share of one row or column stands for all."""
    mixed = (second - first) * np.clip(share, 0, 1)
    mixed += first
    return mixed


def _grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x of the columns (1, n) and y of the rows (n, 1), in tiles."""
    line = (np.arange(side, dtype=np.float32) + 0.5) / side
    return line[None], line[:, None]


def _rough(rng: np.random.Generator, side: int, tile: np.ndarray, slope: float, strength: float) -> np.ndarray:
    wear = noise(rng, side, slope)
    wear *= strength
    return tile * np.exp(wear, out=wear)


def _smeared(field: np.ndarray, steps: Sequence[int], axis: int) -> np.ndarray:
    """Add to `field` (n, n), which repeats, itself moved by each of `steps` along `axis`."""
    side, total = len(field), field.copy()
    twice = np.moveaxis(np.concatenate([field, field], axis=axis), axis, 0)
    rows = np.moveaxis(total, axis, 0)
    for step in steps:
        rows += twice[-step % side :][:side]
    return total


def plain(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """One colour, slightly worn."""
    return _rough(rng, side, colours[0], 1.2, 0.05)


def mottled(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Patches of two colours at all scales, as in soil, plaster or marble."""
    tile = _blend(colours[0], colours[1], 0.5 + 0.35 * noise(rng, side, 1.6))
    return _rough(rng, side, tile, 0.6, 0.08)


def grains(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Fine grains over soft waves: sand, asphalt, snow, concrete."""
    tile = _blend(colours[0], colours[1], 0.35 + 0.2 * noise(rng, side, 1.8))
    return _rough(rng, side, tile, 0.2, 0.1)


def grass(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Blades along one direction, with lighter and drier patches."""
    blades = noise(rng, side, 0.5)
    blades = _smeared(blades, range(1, 5), axis=0) / np.sqrt(5.0)
    tile = _blend(colours[0], colours[1], 0.4 + 0.3 * noise(rng, side, 1.7))
    tile = _blend(tile, colours[2], 0.5 * (noise(rng, side, 1.4) - 0.8))
    return tile * np.exp(0.35 * blades)


def planks(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Boards with grain, each of its own tone, and dark joints."""
    count = 6
    x, y = _grid(side)
    board = np.floor(y * count).astype(int)
    length = (x + rng.random(count)[board]) % 1
    tone = rng.random((count, 2))[board, np.floor(length * 2).astype(int)]
    streaks = noise(rng, side, 0.9)
    streaks = _smeared(streaks, range(2, 24, 2), axis=1) / 6
    tile = _blend(colours[0], colours[1], tone + 0.2 * streaks)
    across, along = np.abs(y * count % 1 - 0.5), np.abs(length * 2 % 1 - 0.5)
    joint = (across > 0.46) | (along > 0.494)
    return _blend(tile, tile * 0.35, joint.astype(np.float32))


def bricks(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Courses of bricks in mortar (the third colour)."""
    x, y = _grid(side)
    course = np.floor(y * 8).astype(int)
    along = (x + 0.125 * (course % 2)) % 1 * 4
    tone = rng.random((8, 4))[course, np.floor(along).astype(int)]
    tile = _rough(rng, side, _blend(colours[0], colours[1], tone), 0.5, 0.12)
    mortar = (np.abs(along % 1 - 0.5) > 0.455) | (np.abs(y * 8 % 1 - 0.5) > 0.42)
    return _blend(tile, _rough(rng, side, colours[2], 0.5, 0.08), mortar.astype(np.float32))


def tiles(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Square slabs, each of its own tone, with joints in the third colour."""
    x, y = _grid(side)
    column, row = np.floor(x * 4).astype(int), np.floor(y * 4).astype(int)
    tile = _rough(rng, side, _blend(colours[0], colours[1], rng.random((4, 4))[row, column]), 1.0, 0.08)
    edge = np.maximum(np.abs(x * 4 % 1 - 0.5), np.abs(y * 4 % 1 - 0.5))
    return _blend(tile, colours[2], (edge - 0.465) * 60)


def checks(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """A chessboard."""
    x, y = _grid(side)
    odd = (np.floor(x * 4) + np.floor(y * 4)) % 2
    return _rough(rng, side, _blend(colours[0], colours[1], odd), 1.0, 0.06)


def cobbles(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Rounded stones, the cells of points on a shaken grid."""
    count = 7
    x, y = _grid(side)
    shaken = rng.uniform(0.18, 0.82, (count, count, 2)).astype(np.float32)
    tone = rng.random((count, count))
    column, row = (x[0] * count).astype(int), (y[:, 0] * count).astype(int)
    within_x, within_y = x[0] * count - column, y[:, 0] * count - row
    first, second = np.full((2, side, side), 9.0)
    nearest = np.zeros((side, side), dtype=int)
    for down, right in np.ndindex(3, 3):
        rows, columns = (row + down - 1) % count, (column + right - 1) % count
        px, py = (shaken[rows, :, axis][:, columns] for axis in (0, 1))
        distance = np.hypot(within_x - px - (right - 1), within_y[:, None] - py - (down - 1))
        np.copyto(nearest, rows[:, None] * count + columns, where=distance < first)
        np.minimum(second, np.maximum(distance, first), out=second)
        np.minimum(first, distance, out=first)
    share = tone.ravel()[nearest]
    gap = second - first
    tile = _rough(rng, side, _blend(colours[0], colours[1], share), 0.8, 0.1)
    return _blend(colours[2] * 0.4, tile, gap * 4) * (0.75 + 0.25 * np.clip(gap * 1.5, 0, 1))


def stripes(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Upright stripes of two colours with a thin line of the third."""
    x, _ = _grid(side)
    phase = x * 4 % 1
    tile = _blend(colours[0], colours[1], (np.abs(phase - 0.5) < 0.24).astype(np.float32))
    return _rough(rng, side, _blend(tile, colours[2], (np.abs(phase - 0.08) < 0.05).astype(np.float32)), 1.0, 0.05)


def bands(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Level bands: `stripes` on their side."""
    return stripes(rng, side, colours).transpose(0, 2, 1)


def dots(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Round dots in two colours, in staggered rows."""
    x, y = _grid(side)
    row = np.floor(y * 4)
    along = x * 4 + 0.5 * (row % 2)
    radius = np.hypot(along % 1 - 0.5, y * 4 % 1 - 0.5)
    dot = np.clip((0.3 - radius) * 20, 0, 1)
    tile = _blend(colours[0], colours[1], dot * (row % 2))
    return _rough(rng, side, _blend(tile, colours[2], dot * (1 - row % 2)), 1.0, 0.05)


def spots(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Blots as on a cow or a leopard."""
    share = (noise(rng, side, 2.2) - 0.35) * 8
    return _rough(rng, side, _blend(colours[0], colours[1], share), 0.8, 0.06)


def zigzag(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Zigzag bands in three colours."""
    x, y = _grid(side)
    band = np.floor((y * 6 + 0.6 * np.abs(x * 8 % 2 - 1)) % 3).astype(int)
    return _rough(rng, side, np.concatenate(colours, axis=2)[:, 0, band], 1.0, 0.05)


def leaves(rng: np.random.Generator, side: int, colours: list[np.ndarray]) -> np.ndarray:
    """Foliage: clumps with dark gaps."""
    clumps = noise(rng, side, 0.9)
    tile = _blend(colours[0], colours[1], 0.5 + 0.4 * noise(rng, side, 0.7))
    return tile * np.clip(0.7 + 0.5 * clumps, 0.12, 1.7)


PATTERNS: dict[str, Pattern] = {
    pattern.__name__: pattern
    for pattern in (
        plain, mottled, grains, grass, planks, bricks, tiles, checks,
        cobbles, stripes, bands, dots, spots, zigzag, leaves,
    )
}  # fmt: skip
