"""Loops of points, each a polygon of the area of the curve that it stands for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Curve = Callable[[Floats], Floats]


def rotation_2d(turn_deg: float) -> Floats:
    """A turn from x to y, for columns."""
    turn = np.radians(turn_deg)
    return np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])


def area_mm2(loop: Floats) -> float:
    """Area of a loop (n, 2), positive if it runs counterclockwise."""
    x, y = loop.T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def sampled(curve: Curve, points: int) -> Floats:
    """A polygon of a smooth closed curve (t from 0 to 1), scaled to the area that the curve has."""
    loop = curve(np.arange(points) / points)
    fine = curve(np.arange(8 * points) / (8 * points))
    return with_area(loop, area_mm2(fine))


def between_ends(curve: Curve, points: int) -> Floats:
    """The same for a curve whose ends (t = 0 and 1) are joined by a straight line."""
    loop = curve(np.linspace(0, 1, points))
    return with_area(loop, area_mm2(curve(np.linspace(0, 1, 8 * points))))


def with_area(loop: Floats, area: float) -> Floats:
    """The loop scaled about its middle to an area in mm2."""
    middle = loop.mean(axis=0)
    own = area_mm2(loop)
    if own == 0:
        return loop
    return np.asarray(middle + (loop - middle) * np.sqrt(area / own))


def circle(radius_mm: float, points: int, x_mm: float = 0.0, y_mm: float = 0.0) -> Floats:
    return ellipse(radius_mm, radius_mm, points, x_mm, y_mm)


def ellipse(a_mm: float, b_mm: float, points: int, x_mm: float = 0.0, y_mm: float = 0.0) -> Floats:
    """An ellipse as a polygon of the ellipse's area."""
    step = 2 * np.pi / points
    angle = step * np.arange(points)
    grown = np.sqrt(step / np.sin(step))
    return np.stack([x_mm + a_mm * grown * np.cos(angle), y_mm + b_mm * grown * np.sin(angle)], axis=1)


def root(square: float) -> float:
    """The square root, 0 below zero."""
    return float(np.sqrt(max(square, 0.0)))


def rotation(tilt_deg: float, roll_deg: float) -> Floats:
    """A turn about x by the roll, then about y by the tilt."""
    a, b = np.radians([tilt_deg, roll_deg])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return np.asarray(about_y @ about_x)


def twins(c: float, a: float, b: float, points: int) -> list[Floats]:
    """Two ellipses at x = -c and c, as two loops or, where they overlap, as one outline."""
    if c >= a:
        return [ellipse(a, b, points, c), ellipse(a, b, points, -c)]
    end = np.arccos(-c / a)

    def around(number: int) -> Floats:
        angle = np.linspace(-end, end, number)
        side = np.stack([c + a * np.cos(angle), b * np.sin(angle)], axis=1)[:-1]
        side[0, 0] = 0.0
        return np.concatenate([side, -side])

    return [with_area(around(points), area_mm2(around(8 * points)))]
