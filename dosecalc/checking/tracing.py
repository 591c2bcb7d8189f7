"""Lines of a picture: isodoses, outlines of solids in a plane, and where dose is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import numpy.typing as npt

from dosecalc.contours import loops_of
from dosecalc.errors import DosecalcError
from dosecalc.sections import Extent, Loop, Plane
from dosecalc.solids import Body, layers

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

_LAYER_MM = 1.0
"""Layers that a solid is cut into for the planes along z."""
_STEP_MM = 0.5
"""Lines are looked for on columns so far apart: a wall twice as thick comes back as it is."""
_FAR_MM = 3.0
"""How far from a surface is far: where one layer has nothing, its neighbour ends about midway."""
_THIN_MM = 0.01
"""The layer that stands for a plane of constant z."""
_PLATEAU_GY = 1e-9
"""Doses that differ by less are equal: a uniform dose at a level has no isodose but for rounding."""
_EDGE_MM = 1e-6


def isodose(across_mm: Floats, down_mm: Floats, gy: Floats, level_gy: float) -> tuple[Loop, ...]:
    """Where a dose passes a level, between points where it is known.

    Parameters
    ----------
    across_mm, down_mm : ascending places of the points, (columns,) and (rows,)
    gy : dose there, (rows, columns), NaN where it is not known

    Raises
    ------
    DosecalcError : if contourpy is not installed.

    Examples
    --------
    >>> x, y = np.linspace(0.0, 4.0, 5), np.linspace(0.0, 2.0, 3)
    >>> (line,) = isodose(x, y, np.tile(2 * x, (3, 1)), 3.0)
    >>> line.closed, np.unique(line.points_mm[:, 0]).tolist()
    (False, [1.5])
    """
    rounded = np.round(gy / _PLATEAU_GY) * _PLATEAU_GY
    return tuple(_traced(across_mm, down_mm, rounded, level_gy))


def unknown_area(across_mm: Floats, down_mm: Floats, gy: Floats) -> tuple[Loop, ...]:
    """The closed lines around where a dose is not known, to half a step of the points.

    Examples
    --------
    >>> x = np.linspace(0.0, 4.0, 5)
    >>> (line,) = unknown_area(x, x, np.tile([1.0, 1.0, 1.0, np.nan, np.nan], (5, 1)))
    >>> line.closed, np.ptp(line.points_mm, axis=0).round(3).tolist()
    (True, [1.5, 4.0])
    """
    unknown = np.isnan(gy)
    if not unknown.any():
        return ()
    # A frame of known points around all of it closes what the edge of the picture cuts.
    across, down = (np.concatenate([[a[0] - _EDGE_MM], a, [a[-1] + _EDGE_MM]]) for a in (across_mm, down_mm))
    return tuple(_traced(across, down, np.pad(unknown.astype(np.float64), 1), 0.5))


def _traced(across_mm: Floats, down_mm: Floats, values: Floats, level: float) -> Iterator[Loop]:
    masked = np.ma.masked_invalid(values)
    generator = _contourpy().contour_generator(x=across_mm, y=down_mm, z=masked, name="serial")
    for points in generator.lines(level):
        closed = len(points) > 2 and bool(np.all(points[0] == points[-1]))
        yield Loop(points_mm=points[:-1] if closed else points, closed=closed)


def _contourpy() -> ModuleType:
    try:
        import contourpy  # noqa: PLC0415 - an extra, which the core does without
    except ImportError:
        raise DosecalcError(
            "sections: expected the package contourpy, found none; pip install 'dosecalc[report]'"
        ) from None
    return contourpy


def outlined(body: Body, cuts: Mapping[Plane, tuple[float, Extent]]) -> dict[Plane, tuple[Loop, ...]]:
    """The outlines of a solid in planes, given where each lies and what the picture of it shows.

    Across z it is the section itself; along z what layers of 1 mm have in the plane, joined by lines.

    Raises
    ------
    DosecalcError : if contourpy is not installed.
    """
    if len(body.breaks_mm) == 0:
        return dict.fromkeys(cuts, ())
    along_z = [extent for plane, (_, extent) in cuts.items() if plane is not Plane.AXIAL]
    layered = _layered(body, along_z) if along_z else None
    found: dict[Plane, tuple[Loop, ...]] = {}
    for plane, (position_mm, extent) in cuts.items():
        if plane is Plane.AXIAL:
            found[plane] = tuple(_axial(body, position_mm, extent))
        else:
            found[plane] = tuple(_along_z(layered, plane, position_mm, extent)) if layered else ()
    return found


def _axial(body: Body, z_mm: float, extent: Extent) -> Iterator[Loop]:
    edges, _ = body.sections(np.array([z_mm - _THIN_MM]), np.array([z_mm + _THIN_MM]))
    for points in loops_of(edges):
        yield from clipped(Loop(points_mm=points, closed=True), extent)


def clipped(line: Loop, extent: Extent) -> Iterator[Loop]:
    """A line as far as it lies in a picture: whole, or the pieces of it that do.

    Examples
    --------
    >>> square = Loop(points_mm=np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]]), closed=True)
    >>> half = Extent(left_mm=-1, right_mm=2, top_mm=-1, bottom_mm=9)
    >>> [(piece.closed, piece.points_mm.tolist()) for piece in clipped(square, half)]
    [(False, [[2.0, 4.0], [0.0, 4.0], [0.0, 0.0], [2.0, 0.0]])]
    """
    low, high = np.array([extent.left_mm, extent.top_mm]), np.array([extent.right_mm, extent.bottom_mm])
    points = line.points_mm
    if np.all((points >= low) & (points <= high)):
        yield line
        return
    step = np.roll(points, -1, axis=0) - points
    start, step = (points, step) if line.closed else (points[:-1], step[:-1])
    begin, end = _inside(start, step, low, high)
    kept = np.flatnonzero(begin < end)
    # An edge goes on from the one before, unless the frame has cut either of them.
    follows = (begin[kept] == 0) & (end[kept - 1] == 1) & (begin[kept - 1] < end[kept - 1])
    follows &= line.closed | (kept > 0)
    first = np.flatnonzero(~follows)
    if not len(first):
        return  # a closed line that the frame cuts has an edge that enters
    order, follows = np.roll(kept, -first[0]), np.roll(follows, -first[0])
    for run in np.split(order, np.flatnonzero(~follows)[1:]):
        head = start[run] + begin[run, None] * step[run]
        tail = start[run[-1]] + end[run[-1]] * step[run[-1]]
        yield Loop(points_mm=np.vstack([head, tail]), closed=False)


def _inside(start: Floats, step: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """From which to which part of each edge it lies in a box; the first is no smaller where it does not."""
    begin, end = np.zeros(len(step)), np.ones(len(step))
    for axis in (0, 1):
        along, moves = start[:, axis], step[:, axis] != 0
        safe = np.where(moves, step[:, axis], 1.0)
        faces = (low[axis] - along) / safe, (high[axis] - along) / safe
        outside = ~moves & ((along < low[axis]) | (along > high[axis]))
        begin = np.where(moves, np.maximum(begin, np.minimum(*faces)), np.where(outside, np.inf, begin))
        end = np.where(moves, np.minimum(end, np.maximum(*faces)), end)
    return begin, end


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Layered:
    """Layers of a solid: where each lies, the edges of their sections, and to which layer each belongs.

    ``ends`` says whether the solid itself ends with the first one, and with the last.
    """

    low_mm: Floats
    high_mm: Floats
    edges: Floats
    layer: Ints
    ends: tuple[bool, bool]


def _layered(body: Body, extents: Sequence[Extent]) -> _Layered | None:
    """The layers of a solid that pictures along z show, for all of them at once."""
    top_mm, bottom_mm = min(e.top_mm for e in extents), max(e.bottom_mm for e in extents)
    low_mm, high_mm = layers(body, _LAYER_MM)
    # One layer more than is shown, so that lines reach the frame.
    shown = np.flatnonzero((high_mm > -bottom_mm - _LAYER_MM) & (low_mm < -top_mm + _LAYER_MM))
    if not len(shown):
        return None
    low_mm, high_mm = low_mm[shown], high_mm[shown]
    edges, layer = body.sections(low_mm, high_mm)
    ends = bool(low_mm[0] == body.breaks_mm[0]), bool(high_mm[-1] == body.breaks_mm[-1])
    return _Layered(low_mm=low_mm, high_mm=high_mm, edges=edges, layer=layer, ends=ends)


def _along_z(layered: _Layered, plane: Plane, position_mm: float, extent: Extent) -> Iterator[Loop]:
    crossings, row = _crossings(layered.edges, layered.layer, plane, position_mm)
    if not len(crossings):
        return
    left = max(extent.left_mm, float(crossings.min()) - _STEP_MM)
    right = min(extent.right_mm, float(crossings.max()) + _STEP_MM)
    if left >= right:
        return
    across_mm = np.linspace(left, right, int(np.ceil((right - left) / _STEP_MM)) + 1)
    low_mm, high_mm = layered.low_mm, layered.high_mm
    depth = _depths(crossings, row, len(low_mm), across_mm)
    z_mm = (low_mm + high_mm) / 2
    # Beyond a flat end lies the mirror image of what is before it, turned inside out.
    if layered.ends[0]:
        z_mm, depth = np.append(2 * low_mm[0] - z_mm[0], z_mm), np.vstack([-np.abs(depth[:1]), depth])
    if layered.ends[1]:
        z_mm, depth = np.append(z_mm, 2 * high_mm[-1] - z_mm[-1]), np.vstack([depth, -np.abs(depth[-1:])])
    for line in _traced(across_mm, -z_mm[::-1], depth[::-1], 0.0):
        yield from clipped(line, extent)


def _crossings(edges: Floats, layer: Ints, plane: Plane, position_mm: float) -> tuple[Floats, Ints]:
    """Where outlines of layers cross a line of the plane, by layer and ascending: places and layers."""
    across = plane.axes[0]
    a0, a1 = edges[:, across], edges[:, 2 + across]
    b0, b1 = edges[:, 1 - across] - position_mm, edges[:, 3 - across] - position_mm
    met = (b0 <= 0) != (b1 <= 0)
    a0, a1, b0, b1, row = a0[met], a1[met], b0[met], b1[met], layer[met]
    places = a0 - b0 * (a1 - a0) / (b1 - b0)
    order = np.lexsort((places, row))
    return places[order], row[order]


def _depths(crossings: Floats, row: Ints, rows: int, across_mm: Floats) -> Floats:
    """How deep points of each layer lie inside along its line, (rows, columns): outside it is negative."""
    low = min(float(crossings.min()), across_mm[0])
    span = max(float(crossings.max()), across_mm[-1]) - low + 2 * _FAR_MM
    # Layer after layer on one long line, so that one search finds the neighbours of all points.
    sought = (np.arange(rows)[:, None] * span + (across_mm - low)).ravel()
    along = row * span + (crossings - low)
    after = np.searchsorted(along, sought)
    begins = np.repeat(np.searchsorted(row, np.arange(rows)), len(across_mm))
    inside = (after - begins) % 2 == 1
    ends = np.concatenate([[-np.inf], along, [np.inf]])
    distance = np.minimum(sought - ends[after], ends[after + 1] - sought)
    depth = np.minimum(distance, _FAR_MM) * np.where(inside, 1.0, -1.0)
    return np.asarray(depth.reshape(rows, len(across_mm)))
