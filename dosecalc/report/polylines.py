"""Lines of a picture in no more points than the eye can tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def simplified(line: Floats, tolerance: float) -> Floats:
    """A line, (n, 2), with only the points that it needs to be off by no more than a tolerance.

    Douglas and Peucker, Cartographica 10:112 (1973), with all spans of a round at once.

    Examples
    --------
    >>> simplified(np.array([[0.0, 0], [1, 0.01], [2, 0], [3, 2]]), 0.1).tolist()
    [[0.0, 0.0], [2.0, 0.0], [3.0, 2.0]]
    """
    kept = np.zeros(len(line), dtype=np.bool_)
    kept[[0, -1]] = True
    while not kept.all():
        corner = np.flatnonzero(kept)
        span = np.repeat(np.arange(len(corner) - 1), np.diff(corner))
        off = _off(line[:-1], line[corner[:-1]][span], line[corner[1:]][span])
        furthest = np.maximum.reduceat(off, corner[:-1])
        worst = np.flatnonzero((off == furthest[span]) & (off > tolerance))
        if not len(worst):
            break
        kept[worst[np.unique(span[worst], return_index=True)[1]]] = True
    return line[kept]


def _off(points: Floats, first: Floats, last: Floats) -> Floats:
    """How far each point lies off the straight line from one to another, (n,)."""
    along, apart = last - first, points - first
    length = np.hypot(along[:, 0], along[:, 1])
    across = np.abs(apart[:, 0] * along[:, 1] - apart[:, 1] * along[:, 0])
    closed = length == 0
    return np.where(closed, np.hypot(apart[:, 0], apart[:, 1]), across / np.where(closed, 1.0, length))
