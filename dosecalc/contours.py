"""Closed contours in parallel planes, as sections and as a solid made of slabs.

A *section* is a set of directed edges ``[x0, y0, x1, y1]`` (mm). Between an odd number of its loops
lies inside, whatever their direction: nested contours, keyholes, ``CLOSEDPLANAR_XOR`` and contours
that cross themselves all follow from that one rule (even-odd).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from dosecalc.errors import ContourError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Inside = Callable[[Bools, Bools], Bools]

_SNAP_MM = 1e-7
"""Points where edges meet are put on a grid this fine, so that shared pieces are the same numbers."""
_VERTEX_GRIDS_MM = (1e-5, 1e-4, 1e-3)
"""Vertices are put on the first of these grids on which all edges meet cleanly. Each is far coarser than
the grid of the meeting points, so that vertices are equal or well apart: contours that two systems
wrote with different decimals lie closer together than the rounding of a meeting point otherwise."""

NO_EDGES: Floats = np.zeros((0, 4))


def loop_edges(points_xy_mm: Floats) -> Floats:
    """The edges of a closed loop of points, shape (n, 2); a repeated last point adds nothing."""
    following = np.roll(points_xy_mm, -1, axis=0)
    edges = np.hstack([points_xy_mm, following])
    return np.asarray(edges[np.any(points_xy_mm != following, axis=1)])


def signed_area_mm2(edges: Floats) -> float:
    """Area by the shoelace formula: positive where the inside lies to the left of the edges.

    >>> signed_area_mm2(loop_edges(np.array([[0.0, 0], [2, 0], [2, 3], [0, 3]])))
    6.0
    """
    x0, y0, x1, y1 = edges.T
    return float(np.sum(x0 * y1 - x1 * y0) / 2)


def depths(loops: Sequence[Floats]) -> list[int]:
    """By how many of the others each loop (n, 2) is surrounded; by an odd number, it is a hole.

    Loops that cross have no depth: that of their first point is given. ``area_fractions`` outside 0 to 1
    show it, and ``boundary`` mends it.
    """
    if len(loops) == 1:
        return [0]
    return [
        sum(_surrounds(other, loop[0]) for k, other in enumerate(loops) if k != number)
        for number, loop in enumerate(loops)
    ]


def touches_itself(loop: Floats) -> bool:
    """Whether a loop (n, 2) comes back to one of its points, its end aside."""
    points = loop[:-1] if np.array_equal(loop[0], loop[-1]) else loop
    order = np.lexsort(points.T)
    ordered = points[order]
    same = np.all(ordered[1:] == ordered[:-1], axis=1)
    # Points that are written twice in a row are no return.
    apart = np.abs(order[1:] - order[:-1])
    return bool(np.any(same & (apart > 1) & (apart < len(points) - 1)))


def loops_of(edges: Floats) -> list[Floats]:
    """Directed edges that bound areas, as simple loops of points (n, 2) with the inside to their left.

    At points where several loops meet, each turns as far to the left as it can, so that loops which
    touch in a point stay apart.

    >>> first = loop_edges(np.array([[0.0, 0], [1, 0], [0, 1]]))
    >>> second = loop_edges(np.array([[1.0, 0], [2, 0], [2, 1]]))
    >>> [len(loop) for loop in loops_of(np.concatenate([first, second]))]
    [3, 3]
    """
    key = [tuple(k) for k in np.round(edges[:, :2] / _SNAP_MM).astype(np.int64).tolist()]
    end = [tuple(k) for k in np.round(edges[:, 2:] / _SNAP_MM).astype(np.int64).tolist()]
    leaving: dict[tuple[int, ...], list[int]] = {}
    for number, point in enumerate(key):
        leaving.setdefault(point, []).append(number)
    angle = np.arctan2(edges[:, 3] - edges[:, 1], edges[:, 2] - edges[:, 0])
    left = set(range(len(edges)))
    loops = []
    while left:
        number = first = min(left)
        path = []
        while number in left:
            left.remove(number)
            path.append(number)
            ahead = [n for n in leaving.get(end[number], ()) if n in left or n == first]
            if not ahead or end[number] == key[first]:
                break
            back = angle[number] + np.pi
            number = min(ahead, key=lambda n: (back - angle[n]) % (2 * np.pi))
        loops.append(edges[path, :2])
    return loops


def any_inside(points_xy_mm: Floats, loop: Floats) -> bool:
    """Whether any of some points (n, 2) lies inside a loop (m, 2)."""
    edges = loop_edges(loop)
    # A few points say so most of the time.
    return any(np.any(_crossings(edges, some) % 2) for some in (points_xy_mm[::16], points_xy_mm))


def _surrounds(loop: Floats, point_xy_mm: Floats) -> bool:
    if np.any(point_xy_mm < loop.min(axis=0)) or np.any(point_xy_mm > loop.max(axis=0)):
        return False
    return bool(_crossings(loop_edges(loop), point_xy_mm[None, :])[0] % 2)


def _crossings(edges: Floats, points_xy_mm: Floats) -> npt.NDArray[np.intp]:
    """How many edges a ray from each point towards +x crosses."""
    x0, y0, x1, y1 = edges.T
    px, py = points_xy_mm[:, :1], points_xy_mm[:, 1:]
    spans = (y0 <= py) != (y1 <= py)
    rise = np.where(y1 == y0, 1.0, y1 - y0)
    at_x = x0 + (py - y0) * (x1 - x0) / rise
    return np.asarray(np.count_nonzero(spans & (at_x > px), axis=1))


def boundary(first: Floats, second: Floats, inside: Inside) -> Floats:
    """The boundary of a combination of two sections, directed so that the inside lies to its left.

    Parameters
    ----------
    first, second : edges (n, 4), each read by the even-odd rule, in any direction
    inside : says from (inside first, inside second) whether a point belongs to the combination

    Notes
    -----
    All edges are split where they meet; a piece is kept where the two sides of it differ. Which side
    is inside what follows from counting crossings on a ray, with the piece itself on neither side.

    Raises
    ------
    ContourError : if the pieces found do not close, as edges almost on top of each other can cause.

    Examples
    --------
    >>> def square(x): return loop_edges(np.array([[x, 0.0], [x + 2, 0], [x + 2, 2], [x, 2]]))
    >>> signed_area_mm2(boundary(square(0), square(1), lambda a, b: a & b))
    2.0
    >>> signed_area_mm2(boundary(square(0), square(1), lambda a, b: a & ~b))
    2.0
    """
    edges = np.concatenate([first, second])
    if len(edges) == 0:
        return NO_EDGES
    owner = np.repeat([0, 1], [len(first), len(second)])
    for grid_mm in _VERTEX_GRIDS_MM:
        found = _boundary(np.round(edges / grid_mm) * grid_mm, owner, inside)
        if _is_closed(found):
            return found
    low, high = edges[:, :2].min(axis=0), edges[:, :2].max(axis=0)
    raise ContourError(
        f"contours between x, y = {low[0]:g}, {low[1]:g} and {high[0]:g}, {high[1]:g} mm: expected "
        "edges that cross or share pieces, found some too close to parallel to tell which"
    )


def _is_closed(edges: Floats) -> bool:
    """Whether as many edges start at each point as end there: only then do they bound an area."""
    if len(edges) == 0:
        return True
    ends = np.round(np.concatenate([edges[:, :2], edges[:, 2:]]) / _SNAP_MM).astype(np.int64)
    _, point = np.unique(ends, axis=0, return_inverse=True)
    starts_less_ends = np.repeat([1.0, -1.0], len(edges))
    return not np.any(np.bincount(point.ravel(), weights=starts_less_ends))


def _boundary(edges: Floats, owner: npt.NDArray[np.intp], inside: Inside) -> Floats:
    pieces, piece_owner = _split(edges, owner)
    pieces, in_first, in_second = _merge(pieces, piece_owner)
    ahead = [_sides(pieces, m) for m in (in_first, in_second)]
    here = inside(ahead[0] % 2 == 1, ahead[1] % 2 == 1)
    there = inside((ahead[0] + in_first) % 2 == 1, (ahead[1] + in_second) % 2 == 1)
    kept = here != there
    return _directed(pieces[kept], here[kept])


def _split(edges: Floats, owner: npt.NDArray[np.intp]) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Pieces of edges between all points where edges meet, ends on other edges included."""
    i, j = _candidates(edges)
    start, step = edges[:, :2], edges[:, 2:] - edges[:, :2]
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), _SNAP_MM)
    at_edge = [np.arange(len(edges)), np.arange(len(edges))]
    at_point = [edges[:, :2], edges[:, 2:]]

    def cross(a: Floats, b: Floats) -> Floats:
        return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])

    turn = cross(step[i], step[j])
    gap = start[j] - start[i]
    skew = np.abs(turn) > 1e-12 * length[i] * length[j]
    safe = np.where(skew, turn, 1.0)
    t, u = cross(gap, step[j]) / safe, cross(gap, step[i]) / safe
    meet = skew & (t > 0) & (t < 1) & (u > 0) & (u < 1)
    points = start[i[meet]] + t[meet, None] * step[i[meet]]
    points = np.round(points / _SNAP_MM) * _SNAP_MM
    at_edge += [i[meet], j[meet]]
    at_point += [points, points]
    for a, b in ((i, j), (j, i)):
        for end in (edges[b, :2], edges[b, 2:]):
            off = np.abs(cross(step[a], end - start[a])) / length[a]
            along = np.sum((end - start[a]) * step[a], axis=1) / length[a]
            on = (off < 2 * _SNAP_MM) & (along > 0) & (along < length[a])
            at_edge.append(a[on])
            at_point.append(end[on])
    edge, point = np.concatenate(at_edge), np.concatenate(at_point)
    along = np.sum((point - start[edge]) * step[edge], axis=1)
    order = np.lexsort((along, edge))
    edge, point = edge[order], point[order]
    same = (edge[1:] == edge[:-1]) & np.any(point[1:] != point[:-1], axis=1)
    pieces = np.hstack([point[:-1], point[1:]])[same]
    return pieces, owner[edge[1:][same]]


def _candidates(edges: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pairs of edges whose bounding boxes touch, found along y so that memory stays small."""
    low = np.minimum(edges[:, :2], edges[:, 2:]) - 2 * _SNAP_MM
    high = np.maximum(edges[:, :2], edges[:, 2:]) + 2 * _SNAP_MM
    order = np.argsort(low[:, 1], kind="stable")
    last = np.searchsorted(low[order, 1], high[order, 1], side="right")
    count = last - np.arange(len(edges)) - 1
    first = np.repeat(np.arange(len(edges)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    a, b = order[first], order[first + 1 + step]
    near = (low[a, 0] <= high[b, 0]) & (low[b, 0] <= high[a, 0])
    return a[near], b[near]


def _merge(
    pieces: Floats, owner: npt.NDArray[np.intp]
) -> tuple[Floats, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Each piece once, with how often it bounds the first and the second section."""
    backwards = (pieces[:, 0] > pieces[:, 2]) | (
        (pieces[:, 0] == pieces[:, 2]) & (pieces[:, 1] > pieces[:, 3])
    )
    forward = np.where(backwards[:, None], pieces[:, [2, 3, 0, 1]], pieces)
    keys = np.round(forward / _SNAP_MM).astype(np.int64)
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    group = group.ravel()
    counts = [np.bincount(group[owner == k], minlength=len(first)) for k in (0, 1)]
    return forward[first], counts[0], counts[1]


def _steep(pieces: Floats) -> Bools:
    return np.asarray(np.abs(pieces[:, 3] - pieces[:, 1]) >= np.abs(pieces[:, 2] - pieces[:, 0]))


def _sides(pieces: Floats, multiplicity: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Loops of one section crossed by a ray from the middle of each piece, the piece left out.

    The ray runs towards +x from steep pieces and towards +y from flat ones.
    """
    middle = (pieces[:, :2] + pieces[:, 2:]) / 2
    counts = np.zeros(len(pieces), dtype=np.intp)
    steep = _steep(pieces)
    for chosen, columns in ((steep, [0, 1, 2, 3]), (~steep, [1, 0, 3, 2])):
        where = np.flatnonzero(chosen)
        x0, y0, x1, y1 = pieces[:, columns].T
        for part in np.array_split(where, len(where) * len(pieces) // 4_000_000 + 1):
            point = middle[part][:, columns[:2]]
            px, py = point[:, :1], point[:, 1:]
            spans = (y0 <= py) != (y1 <= py)
            at_x = x0 + (py - y0) * (x1 - x0) / np.where(y1 == y0, 1.0, y1 - y0)
            crossed = spans & (at_x > px)
            crossed[np.arange(len(part)), part] = False
            counts[part] = crossed @ multiplicity
    return counts


def _directed(pieces: Floats, inside_ahead: Bools) -> Floats:
    """Pieces turned so that the inside lies to the left: up where it is behind a steep piece."""
    steep = _steep(pieces)
    rises = np.where(steep, pieces[:, 3] > pieces[:, 1], pieces[:, 2] > pieces[:, 0])
    wanted = np.where(steep, ~inside_ahead, inside_ahead)
    return np.where((rises == wanted)[:, None], pieces, pieces[:, [2, 3, 0, 1]])
