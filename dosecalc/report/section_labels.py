"""Where the labels of a section go: on or beside their line, clear of each other and of the hot spot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FONT_PX = 10.0
_CHARACTER = 0.62
"""Width of a character over the size of its font: that of wide sans-serif fonts, so that labels have room."""
_LINE = 1.15
_STEP_PX = 5.0
"""Places along a line that a label may go to."""
_MOST_PLACES = 200
_CLEAR_PX, _OFF_PX = 3.0, 15.0
_BESIDE = 5.0
"""What it costs an isodose to have its label beside the line, in points of other lines that it covers."""
_OFF = 3.0
"""What it costs any label to stand off its line."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wanted:
    """A label, the lines that it belongs to, (n, 2) in pixels each, and whether it may stand on them."""

    text: str
    lines: Sequence[Floats]
    on_line: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A label and its middle."""

    text: str
    x_px: float
    y_px: float


def placed(
    wanted: Sequence[Wanted],
    *,
    width_px: float,
    height_px: float,
    keep_clear: Sequence[tuple[float, float, float, float]] = (),
) -> list[Placed | None]:
    """A place for each label in turn, or None where none is free.

    Parameters
    ----------
    wanted : labels, the most important ones first
    width_px, height_px : size of the picture; no label leaves it
    keep_clear : boxes that no label may touch: middle, and half of width and height

    Examples
    --------
    >>> line = np.array([[0.0, 50.0], [200.0, 50.0]])
    >>> labels = [Wanted(text="3 Gy", lines=[line], on_line=True)]
    >>> placed(labels, width_px=200, height_px=100)[0]
    Placed(text='3 Gy', x_px=15.0, y_px=50.0)
    """
    every = [np.concatenate([resampled(line) for line in each.lines]) for each in wanted]
    taken = [np.array(box, dtype=np.float64) for box in keep_clear]
    found: list[Placed | None] = []
    size = np.array([width_px, height_px])
    for number, each in enumerate(wanted):
        half = np.array([len(each.text) * _CHARACTER, _LINE]) * FONT_PX / 2
        middles, costs = _places(each, half)
        inside = np.all((middles >= half) & (middles <= size - half), axis=1)
        for box in taken:
            inside &= np.any(np.abs(middles - box[:2]) > half + box[2:] + 1.0, axis=1)
        middles, costs = middles[inside], costs[inside]
        if not len(middles):
            found.append(None)
            continue
        others = [points for k, points in enumerate(every) if k != number or not each.on_line]
        covered = costs + _covered(middles, half, np.concatenate(others) if others else np.zeros((0, 2)))
        x, y = middles[int(np.argmin(covered))].tolist()
        found.append(Placed(text=each.text, x_px=x, y_px=y))
        taken.append(np.array([x, y, *half]))
    return found


def _covered(middles: Floats, half: Floats, points: Floats) -> npt.NDArray[np.intp]:
    """How many points of lines each box would cover."""
    beside, above = (np.abs(points[:, k] - middles[:, k, None]) < half[k] + 1.0 for k in (0, 1))
    return np.asarray(np.count_nonzero(beside & above, axis=1))


def _places(each: Wanted, half: Floats) -> tuple[Floats, Floats]:
    """Middles that a label may have, and what each costs by itself."""
    found, costs = [], []
    for line in sorted(each.lines, key=lambda points: -len(resampled(points))):
        points = resampled(line)
        out = points - points.mean(axis=0)
        out /= np.maximum(np.hypot(*out.T), 1e-9)[:, None]
        if each.on_line:
            found.append(points)
            costs.append(np.zeros(len(points)))
        for way, off_px, cost in ((1.0, _CLEAR_PX, 0.0), (-1.0, _CLEAR_PX, 0.0), (1.0, _OFF_PX, _OFF)):
            # A box that touches the point with the side, or the corner, that looks back at it.
            found.append(points + way * out * off_px + np.sign(way * out) * half * _rounded(out))
            costs.append(np.full(len(points), cost + (_BESIDE if each.on_line else 0.0)))
    middles, own = np.concatenate(found), np.concatenate(costs)
    if len(middles) > _MOST_PLACES:
        some = np.unique(np.linspace(0, len(middles) - 1, _MOST_PLACES).round().astype(np.intp))
        middles, own = middles[some], own[some]
    return middles, own


def _rounded(towards: Floats) -> Floats:
    """How much of its half size a box moves along each axis, so that it stands beside its point."""
    return np.asarray(np.minimum(1.0, 1.5 * np.abs(towards)))


def resampled(line: Floats) -> Floats:
    """Points along a line, evenly and no further apart than a label needs."""
    step = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(step)])
    if along[-1] <= 0:
        return line[:1]
    at = np.linspace(0.0, along[-1], max(int(np.ceil(along[-1] / _STEP_PX)), 1) + 1)
    return np.stack([np.interp(at, along, line[:, k]) for k in (0, 1)], axis=1)
