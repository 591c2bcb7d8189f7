"""Outlines: the closed loops of a structure, all in flat arrays, with their moments and their radii.

The *frame* of an outline is its centroid ``c`` and the symmetric root ``S`` of its second moments
``M = S S`` (mm2, central, per area). In coordinates ``u = S^-1 (p - c)`` every ellipse is the same circle
and every rectangle the same square: what is left is the form, and it changes little between slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

DIRECTIONS = 64
"""Directions in which the radius of a form is kept. Only changes of it are taken from this table, so that
an outline itself is never rounded by it."""
_FLAT = 1e-9
"""Second moments this much smaller across than along are those of a line, which bounds nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlines:
    """Loops with the inside of the structure to their left: around holes they run clockwise.

    Parameters
    ----------
    points_xy_mm : points of all loops, (n, 2)
    start : where each loop starts in them, and their number at the end, (loops + 1,)
    z_mm : plane of each loop, ascending, (loops,)
    area_mm2 : positive for holes too
    centroid_xy_mm : (loops, 2)
    moments_mm2 : Mxx, Mxy, Myy, (loops, 3)
    hole : loops around holes
    sound : loops that have a frame; loops that cross themselves may have none
    """

    points_xy_mm: Floats
    start: Ints
    z_mm: Floats
    area_mm2: Floats
    centroid_xy_mm: Floats
    moments_mm2: Floats
    hole: Bools
    sound: Bools

    def __len__(self) -> int:
        return len(self.z_mm)

    def loop(self, number: int) -> Floats:
        """The points of one loop, (n, 2)."""
        return self.points_xy_mm[self.start[number] : self.start[number + 1]]

    def owner(self) -> Ints:
        """To which loop each point belongs."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))


def outlines(loops_xy_mm: Sequence[Floats], z_mm: Floats, hole: Bools) -> Outlines:
    """Loops (n, 2) in ascending planes, turned as ``Outlines`` says, with their moments.

    Examples
    --------
    >>> box = np.array([[0.0, 0], [0, 2], [6, 2], [6, 0]])
    >>> found = outlines([box], np.array([5.0]), np.array([False]))
    >>> found.area_mm2, found.centroid_xy_mm, found.moments_mm2.round(6)
    (array([12.]), array([[3., 1.]]), array([[3.      , 0.      , 0.333333]]))
    """
    counts = np.array([len(loop) for loop in loops_xy_mm], dtype=np.intp)
    start = np.concatenate([[0], np.cumsum(counts)])
    points = np.concatenate(loops_xy_mm)
    owner = np.repeat(np.arange(len(counts)), counts)
    origin = points[start[:-1]]
    near = points - origin[owner]  # about a point of the loop itself: moments of small loops far out
    area, centroid, moments = _moments(near, start, counts)
    wrong = (area > 0) == hole
    order = np.arange(len(points))
    turned = wrong[owner]
    order[turned] = (start[owner] + start[owner + 1] - 1 - order)[turned]
    xx, xy, yy = moments.T
    sound = (area != 0) & (xx > 0) & (xx * yy - xy**2 > _FLAT * (xx + yy) ** 2)
    return Outlines(
        points_xy_mm=points[order],
        start=start,
        z_mm=np.asarray(z_mm, dtype=np.float64),
        area_mm2=np.abs(area),
        centroid_xy_mm=origin + centroid,
        moments_mm2=np.where(sound[:, None], moments, 0.0),
        hole=np.asarray(hole, dtype=np.bool_),
        sound=sound,
    )


def circles_its_centroid(loops_xy_mm: Sequence[Floats]) -> Bools:
    """Loops that go once around the mean of their points, always forward: none of these meets itself."""
    start = np.concatenate([[0], np.cumsum([len(loop) for loop in loops_xy_mm])])
    points = np.concatenate(loops_xy_mm)
    mean = np.add.reduceat(points, start[:-1]) / np.diff(start)[:, None]
    x, y = (points - np.repeat(mean, np.diff(start), axis=0)).T
    angle = np.arctan2(y, x)
    step = _following(angle[:, None], start)[:, 0] - angle
    step = (step + np.pi) % (2 * np.pi) - np.pi
    low, high = np.minimum.reduceat(step, start[:-1]), np.maximum.reduceat(step, start[:-1])
    once = np.abs(np.abs(np.add.reduceat(step, start[:-1])) - 2 * np.pi) < 0.1
    flat = np.maximum(-low, high) > np.pi - 1e-6  # a loop that runs back along itself
    return np.asarray(once & ~flat & ((low > -1e-9) | (high < 1e-9)))


def finer(found: Outlines, parts: int) -> Outlines:
    """The same outlines with points put on edges that are longer than that part of the whole loop.

    A corner that a neighbouring section has, and this one not, needs a point to move there.
    """
    following = _following(found.points_xy_mm, found.start)
    step = following - found.points_xy_mm
    length = np.hypot(*step.T)
    around = np.add.reduceat(length, found.start[:-1])
    owner = found.owner()
    longest = np.where(around > 0, around, 1.0)[owner] / parts
    count = np.maximum(np.ceil(length / longest - 1e-9), 1).astype(np.intp)
    edge = np.repeat(np.arange(len(count)), count)
    ends = np.cumsum(count)
    part = (np.arange(len(edge)) - (ends - count)[edge]) / count[edge]
    return replace(
        found,
        points_xy_mm=found.points_xy_mm[edge] + part[:, None] * step[edge],
        start=np.concatenate([[0], ends])[found.start],
    )


def _moments(points: Floats, start: Ints, counts: Ints) -> tuple[Floats, Floats, Floats]:
    """Signed area, centroid and central second moments of each polygon."""
    following = _following(points, start)
    x0, y0 = points.T
    x1, y1 = following.T
    twice = x0 * y1 - x1 * y0
    terms = np.stack(
        [
            twice / 2,
            (x0 + x1) * twice / 6,
            (y0 + y1) * twice / 6,
            (x0**2 + x0 * x1 + x1**2) * twice / 12,
            (x0 * y1 + 2 * (x0 * y0 + x1 * y1) + x1 * y0) * twice / 24,
            (y0**2 + y0 * y1 + y1**2) * twice / 12,
        ],
        axis=1,
    )
    sums = np.add.reduceat(terms, start[:-1], axis=0)
    area = sums[:, 0]
    safe = np.where(area == 0, 1.0, area)[:, None]
    mean = np.add.reduceat(points, start[:-1], axis=0) / counts[:, None]
    centroid = np.where(area[:, None] == 0, mean, sums[:, 1:3] / safe)
    cx, cy = centroid.T
    return area, centroid, sums[:, 3:] / safe - np.stack([cx * cx, cx * cy, cy * cy], axis=1)


def _following(points: Floats, start: Ints) -> Floats:
    """The point after each point of its loop."""
    following = np.roll(points, -1, axis=0)
    following[start[1:] - 1] = points[start[:-1]]
    return following


def root(moments_mm2: Floats) -> Floats:
    """The symmetric root ``S`` of positive moments (Mxx, Mxy, Myy), both of shape (..., 3).

    For 2 x 2 matrices ``S = (M + s I) / sqrt(trace M + 2 s)`` with ``s = sqrt(det M)`` (Cayley-Hamilton).

    >>> root(np.array([4.0, 0.0, 9.0]))
    array([2., 0., 3.])
    """
    xx, xy, yy = np.moveaxis(moments_mm2, -1, 0)
    size = np.sqrt(np.maximum(xx * yy - xy**2, 0.0))
    scale = np.sqrt(np.maximum(xx + yy + 2 * size, np.finfo(np.float64).tiny))
    return np.asarray(np.stack([xx + size, xy, yy + size], axis=-1) / scale[..., None])


def inverse(symmetric: Floats) -> Floats:
    """The inverse of symmetric 2 x 2 matrices (xx, xy, yy), shape (..., 3)."""
    xx, xy, yy = np.moveaxis(symmetric, -1, 0)
    return np.asarray(np.stack([yy, -xy, xx], axis=-1) / (xx * yy - xy**2)[..., None])


def turned_into(symmetric: Floats, vectors: Floats) -> Floats:
    """Symmetric matrices (..., 3) times vectors (..., 2)."""
    xx, xy, yy = np.moveaxis(symmetric, -1, 0)
    x, y = np.moveaxis(vectors, -1, 0)
    return np.stack([xx * x + xy * y, xy * x + yy * y], axis=-1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forms:
    """Outlines in their own frames.

    Parameters
    ----------
    u : points in the frame of their loop, (n, 2)
    turn : direction of each as a position in the table of radii, 0 to ``DIRECTIONS``, (n,)
    radius : distance of the outline from its centroid by direction, (loops, ``DIRECTIONS``); 1 for a
        loop that is not star-shaped about its centroid
    star : loops that are
    """

    u: Floats
    turn: Floats
    radius: Floats
    star: Bools


def forms(found: Outlines) -> Forms:
    """Each outline in the frame of its moments; loops without a frame are left as they are about 0.

    Examples
    --------
    The form of any ellipse is a circle of radius 2:

    >>> angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    >>> ellipse = np.stack([5 * np.cos(angle), 2 * np.sin(angle)], axis=1)
    >>> form = forms(outlines([ellipse], np.array([0.0]), np.array([False])))
    >>> bool(form.star[0]), form.radius[0, :3].round(3)
    (True, array([2., 2., 2.]))
    """
    owner = found.owner()
    unit = np.array([1.0, 0.0, 1.0])
    frame = np.where(found.sound[:, None], root(found.moments_mm2), unit)
    u = turned_into(inverse(frame)[owner], found.points_xy_mm - found.centroid_xy_mm[owner])
    angle = np.arctan2(u[:, 1], u[:, 0])
    step = _following(angle[:, None], found.start)[:, 0] - angle
    step = (step + np.pi) % (2 * np.pi) - np.pi
    step[found.hole[owner]] *= -1
    starts = found.start[:-1]
    around = np.add.reduceat(step, starts)
    forward = np.minimum.reduceat(step, starts) > -1e-9
    star = found.sound & forward & (np.abs(around - 2 * np.pi) < 0.1)
    turn = (angle / (2 * np.pi) % 1.0) * DIRECTIONS
    turn[turn >= DIRECTIONS] = 0.0  # an angle just below 0 rounds to all the way around
    return Forms(u=u, turn=turn, radius=_radii(u, turn, owner, star), star=star)


def _radii(u: Floats, turn: Floats, owner: Ints, star: Bools) -> Floats:
    """Where a ray in each direction of the table meets each star-shaped loop."""
    radius = np.ones((len(star), DIRECTIONS))
    chosen = np.flatnonzero(star[owner])
    if not len(chosen):
        return radius
    key = owner[chosen] * (1.0 * DIRECTIONS) + turn[chosen]
    order = np.argsort(key)
    key, around = key[order], u[chosen][order]
    loops = np.flatnonzero(star)
    first = np.searchsorted(key, loops * (1.0 * DIRECTIONS))
    last = np.append(first[1:], len(key)) - 1
    wanted = (loops[:, None] * DIRECTIONS + np.arange(DIRECTIONS)).ravel()
    after = np.searchsorted(key, wanted, side="right").reshape(len(loops), DIRECTIONS)
    before = np.where(after == first[:, None], last[:, None], after - 1)
    after = np.where(after > last[:, None], first[:, None], after)
    direction = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    ex, ey = np.cos(direction), np.sin(direction)
    a, span = around[before], around[after] - around[before]
    across = ex * span[..., 1] - ey * span[..., 0]
    level = np.abs(across) < 1e-12  # an edge along the ray: its first end will do
    t = np.where(level, 0.0, (ey * a[..., 0] - ex * a[..., 1]) / np.where(level, 1.0, across))
    met = a + np.clip(t, 0.0, 1.0)[..., None] * span
    radius[loops] = met[..., 0] * ex + met[..., 1] * ey
    return radius
