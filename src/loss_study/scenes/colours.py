"""Colours of things, drawn from ranges of hue, saturation and value."""

from __future__ import annotations

import colorsys

import numpy as np

#: Ranges (hue, saturation, value), each low and high; hues are in turns and may pass 1.
RANGES = {
    "any": ((0.0, 1.0), (0.35, 0.9), (0.35, 0.95)),
    "vivid": ((0.0, 1.0), (0.65, 0.95), (0.6, 0.95)),
    "pale": ((0.0, 1.0), (0.08, 0.3), (0.75, 0.95)),
    "grey": ((0.0, 1.0), (0.0, 0.12), (0.25, 0.8)),
    "dark": ((0.0, 1.0), (0.2, 0.6), (0.12, 0.3)),
    "wood": ((0.05, 0.1), (0.4, 0.7), (0.3, 0.75)),
    "earth": ((0.04, 0.12), (0.25, 0.55), (0.3, 0.65)),
    "sand": ((0.09, 0.13), (0.2, 0.42), (0.68, 0.9)),
    "leaf": ((0.2, 0.34), (0.4, 0.75), (0.28, 0.6)),
    "brick": ((0.99, 1.06), (0.4, 0.7), (0.4, 0.7)),
    "snow": ((0.55, 0.65), (0.02, 0.08), (0.88, 0.97)),
}


def linear(srgb: tuple[float, float, float]) -> np.ndarray:
    """Return a display colour in [0, 1] as linear light, float32 (3,)."""
    return np.asarray(srgb, dtype=np.float32) ** np.float32(2.2)


def draw(rng: np.random.Generator, name: str) -> np.ndarray:
    """Draw a linear-light colour from the range `name`, float32 (3,)."""
    hue, saturation, value = (rng.uniform(*bounds) for bounds in RANGES[name])
    return linear(colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def choose(rng: np.random.Generator, *names: str) -> np.ndarray:
    """Draw a colour from one of several ranges."""
    return draw(rng, names[rng.integers(len(names))])
