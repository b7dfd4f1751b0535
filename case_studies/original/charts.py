"""The page's charts, as SVG: readable on white as well as on black, and when a narrow screen shrinks them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import findings
from expected import Answer, Expected, in_as_many_steps
from findings import Measured

WIDTH = 480
_ROW, _TOP, _BOTTOM, _LEFT, _RIGHT = 26, 34, 24, 178, 14
#: Numbers below the axis are at least so far apart.
_TICK = 50
#: Readable on white as well as on black, since the chart has no ground.
_INK, _WORSE, _BETTER, _OPEN = "#767c84", "#d1495b", "#2a9d8f", "#8d99ae"
_FEW, _MANY = "#8d99ae", "#3d7dd8"


def effects(result: Measured) -> str:
    """Return a row for each mistake: what it costs on the average of all recipes, and the interval."""
    mains = sorted((one for one in result.effects if len(one.factors) == 1), key=lambda one: -one.value)
    low, high = min(0.0, *(one.low for one in mains)), max(0.0, *(one.high for one in mains))
    marks = []
    for number, one in enumerate(mains):
        y = _TOP + number * _ROW + _ROW / 2
        colour = {1: _WORSE, -1: _BETTER, 0: _OPEN}[result.told(one)]
        x_low, x, x_high = (_x(value, low, high) for value in (one.low, one.value, one.high))
        marks += [
            _label(y, result.title(one.factors[0])),
            f'<line x1="{x_low:.1f}" x2="{x_high:.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="4"/>',
            f'<circle cx="{x:.1f}" cy="{y}" r="6" fill="{colour}"/>',
        ]
    zero = _x(0.0, low, high)
    height = _TOP + len(mains) * _ROW
    marks.append(f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="{_TOP}" y2="{height}" stroke="{_INK}"/>')
    ends = [value for value in (low, high) if abs(_x(value, low, high) - zero) > _TICK]
    ticks = [(_x(value, low, high), result.written(value)) for value in (*ends, 0.0)]
    title = f"Cost in {findings.WORDS[result.measure]} (right: worse)"
    return _drawing(title, marks, ticks, height)


def answers(found: Sequence[Answer], wanted: dict[str, Expected]) -> str:
    """Return a row for each loss: the expected answer at pixels of probability 1/2, and those of the networks."""
    of_loss = {loss: own for loss in wanted if (own := in_as_many_steps(found, loss))}
    marks = []
    for number, (loss, own) in enumerate(of_loss.items()):
        y = _TOP + number * _ROW + _ROW / 2
        x_low, x_high = (_x(value, 0.0, 1.0) for value in (wanted[loss].low, wanted[loss].high))
        marks += [
            _label(y, loss),
            f'<rect x="{x_low - 4:.1f}" width="{x_high - x_low + 8:.1f}" y="{y - 10}" height="20" rx="4"'
            f' fill="{_BETTER}" opacity="0.35"/>',
        ]
        for one in own:
            colour = _FEW if one is own[0] else _MANY
            for region in ("object", "mirror"):
                x = _x(one.regions[region], 0.0, 1.0)
                fill = colour if region == "object" else "none"
                marks.append(f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{fill}" stroke="{colour}" stroke-width="2"/>')
    height = _TOP + len(of_loss) * _ROW
    return _drawing(
        "Answers at pixels of probability 1/2 (green: expected)",
        marks,
        [(_x(value, 0.0, 1.0), text) for value, text in ((0.0, "0 black"), (0.5, "0.5"), (1.0, "1 white"))],
        height,
    )


def _x(value: float, low: float, high: float) -> float:
    return _LEFT + (value - low) / (high - low or 1) * (WIDTH - _LEFT - _RIGHT - 20) + 10


def _label(y: float, text: str) -> str:
    return f'<text x="{_LEFT - 8}" y="{y + 5}" text-anchor="end">{escape(text)}</text>'


def _drawing(title: str, marks: Sequence[str], ticks: Sequence[tuple[float, str]], height: float) -> str:
    texts = [f'<text x="{x:.1f}" y="{height + 18}" text-anchor="middle">{escape(text)}</text>' for x, text in ticks]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" viewBox="0 0 {WIDTH} {height + _BOTTOM}" role="img"',
        f'  aria-label="{escape(title)}" font-family="sans-serif" font-size="14" fill="{_INK}">',
        f'<text x="0" y="18" font-size="13" font-weight="bold">{escape(title)}</text>',
        *marks,
        *texts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
