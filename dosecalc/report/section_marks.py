"""Marks of a picture as SVG: texts, places, and hatching."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from dosecalc.report.tables import clean

Floats = npt.NDArray[np.float64]

_HATCH_PX = 8.0


def haloed(
    x: float, y: float, text: str, *, size: float, weight: str, fill: str, anchor: str = "middle"
) -> Iterator[str]:
    """A text that a white edge keeps legible on whatever is under it."""
    edge = ' stroke="#ffffff" stroke-width="3.2" stroke-linejoin="round"'
    yield text_at(x, y, text, size=size, anchor=anchor, weight=weight, fill="#ffffff", more=edge)
    yield text_at(x, y, text, size=size, anchor=anchor, weight=weight, fill=fill)


def text_at(
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    anchor: str = "start",
    weight: str = "",
    fill: str = "",
    more: str = "",
) -> str:
    """A text whose base line begins, has its middle or ends at a place."""
    named = {"text-anchor": anchor if anchor != "start" else "", "font-weight": weight, "fill": fill}
    given = "".join(f' {name}="{value}"' for name, value in named.items() if value)
    return f'<text x="{px(x)}" y="{px(y)}" font-size="{size:g}"{given}{more}>{escape(clean(text))}</text>'


def slanting(loops: Sequence[Floats]) -> Iterator[tuple[Floats, Floats]]:
    """Pieces of the lines x + y = constant that lie inside an odd number of loops."""
    edges = np.concatenate([np.hstack([loop, np.roll(loop, -1, axis=0)]) for loop in loops])
    start, stop = edges[:, 0] + edges[:, 1], edges[:, 2] + edges[:, 3]
    first = math.ceil(min(start.min(), stop.min()) / _HATCH_PX)
    last = math.floor(max(start.max(), stop.max()) / _HATCH_PX)
    for number in range(first, last + 1):
        level = number * _HATCH_PX
        met = (start <= level) != (stop <= level)
        part = ((level - start[met]) / (stop[met] - start[met]))[:, None]
        points = edges[met, :2] + part * (edges[met, 2:] - edges[met, :2])
        ordered = points[np.argsort(points[:, 0], kind="stable")]
        yield from zip(ordered[::2], ordered[1::2], strict=False)


def px(value: float) -> str:
    """A length in pixels, to a tenth."""
    return f"{round(value, 1) + 0.0:g}"


def place(point: Floats) -> str:
    """A point as it stands in a path."""
    return f"{px(float(point[0]))} {px(float(point[1]))}"
