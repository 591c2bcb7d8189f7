"""The part of each square cell that lies inside a section, exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_RESIDUE = 1e-9
"""Area fractions below this are rounding of sums of order one, not volume."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fractions:
    """Cells that hold any of their section, in units of cells.

    Parameters
    ----------
    held : flat ``[section, y, x]`` positions of these cells, ascending, (n,)
    area : the part of each that is inside, (n,)
    cut : flat positions of the cells that edges run through, ascending, (m,)
    part : of these the part that is inside, (m,); below 0 or above 1 where loops cross
    along_x, along_y : first moments of that part about the cell's lower corner, (m,); over the part they are
        its centroid
    """

    held: Ints
    area: Floats
    cut: Ints
    part: Floats
    along_x: Floats
    along_y: Floats


def area_fractions(
    edges: Floats,
    section: Ints,
    shape_syx: tuple[int, int, int],
    low_xy_mm: Floats,
    cell_mm: float,
) -> Fractions:
    """The part of each square cell that lies inside the edges of each section, and where it lies, exact.

    Parameters
    ----------
    edges : (n, 4) in mm, the inside to the left of each; they may reach beyond the cells
    section : to which section each edge belongs, (n,)
    shape_syx : numbers of sections, rows and columns
    low_xy_mm, cell_mm : lower corner of the first cell and edge of a cell

    Notes
    -----
    By Green's theorem each piece of an edge within one cell gives that cell the area between itself
    and the cell's right side, and every cell further right its height; heights are summed along rows.

    Examples
    --------
    >>> edges = np.array([[0.0, 0, 1, 0], [1, 0, 1, 2], [1, 2, 0, 0]])
    >>> found = area_fractions(edges, np.zeros(3, dtype=int), (1, 2, 1), np.zeros(2), 1.0)
    >>> found.area, (found.along_y / found.part).round(3)
    (array([0.75, 0.25]), array([0.444, 0.333]))
    """
    count, ny, nx = shape_syx
    ends = (edges.reshape(-1, 2, 2) - low_xy_mm) / cell_mm
    lowest, highest = ends.min(axis=1), ends.max(axis=1)
    # What lies left of the box has all of it to its right; what lies right, above or below has nothing.
    ends[highest[:, 0] <= 0, :, 0] = 0.0
    met = (lowest[:, 0] < nx) & (highest[:, 1] >= 0) & (lowest[:, 1] <= ny)
    start, stop, owner = ends[met, 0], ends[met, 1], section[met]
    for axis in (0, 1):
        start, stop, piece = _split(start, stop, axis)
        owner = owner[piece]
    height = (start[:, 1] + stop[:, 1]) / 2
    inside = (height >= 0) & (height <= ny)
    if not inside.all():
        start, stop, owner = start[inside], stop[inside], owner[inside]
    start[:, 0], stop[:, 0] = np.clip(start[:, 0], 0, nx), np.clip(stop[:, 0], 0, nx)
    middle = (start + stop) / 2
    column = np.clip(middle[:, 0].astype(np.intp), 0, nx - 1)
    row = np.clip(middle[:, 1].astype(np.intp), 0, ny - 1)
    u0, u1 = start[:, 0] - column, stop[:, 0] - column
    v0, v1 = start[:, 1] - row, stop[:, 1] - row
    height = start[:, 1] - stop[:, 1]  # down a left side: positive, its right is inside
    lift = height * (v0 + v1) / 2
    cut, place = _places((owner * ny + row) * nx + column, count * ny * nx)

    def gathered(weights: Floats) -> Floats:
        sums = np.bincount(place, weights=weights, minlength=len(cut))
        return np.asarray(sums.astype(np.float64, copy=False))  # bincount of nothing counts in integers

    heights, line = gathered(height), cut // nx
    before = _before_in_row(heights, line)
    # A cell that edges run through has its own part of their heights, all cells to the right the whole.
    part = before + gathered(height * (1 - (u0 + u1) / 2))
    along_x = before / 2 + gathered(height * (0.5 - (u0**2 + u0 * u1 + u1**2) / 6))
    crossed = height * (2 * u0 * v0 + u0 * v1 + u1 * v0 + 2 * u1 * v1) / 6
    along_y = _before_in_row(gathered(lift), line) + gathered(lift - crossed)
    held, area = _with_filled(cut, part, before + heights, nx)
    return Fractions(held=held, area=area, cut=cut, part=part, along_x=along_x, along_y=along_y)


def _places(cell: Ints, cells: int) -> tuple[Ints, Ints]:
    """The different cells, ascending, and the place of each given one among them."""
    touched = np.zeros(cells, dtype=np.bool_)
    touched[cell] = True
    found = np.flatnonzero(touched)
    place = np.empty(cells, dtype=np.int32)  # only where touched is it written, or read
    place[found] = np.arange(len(found), dtype=np.int32)
    return found, place[cell].astype(np.intp)


def _with_filled(cut: Ints, part: Floats, beyond: Floats, nx: int) -> tuple[Ints, Floats]:
    """Cells that hold area, and how much: those that are cut, and the ones from each to the next in its row.

    Parameters
    ----------
    cut, part : the cells that edges run through, and their areas, (m,)
    beyond : what cells to the right of each hold, (m,)
    """
    following = np.append(cut[1:], 0)
    end = (cut // nx + 1) * nx
    following = np.where((following > cut) & (following < end), following, end)
    run = np.where(beyond > _RESIDUE, following - cut, 1)
    owner = np.repeat(np.arange(len(cut)), run)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(run) - run, run)
    area = np.where(step == 0, part[owner], beyond[owner])
    some = area > _RESIDUE
    return (cut[owner] + step)[some], np.minimum(area[some], 1.0)


def _before_in_row(values: Floats, row: Ints) -> Floats:
    """The sum of the values that come earlier in the same row."""
    before = np.cumsum(values) - values
    if not len(row):
        return before
    first = np.flatnonzero(np.diff(row, prepend=row[0] - 1))
    return np.asarray(before - np.repeat(before[first], np.diff(np.append(first, len(row)))))


def _split(start: Floats, stop: Floats, axis: int) -> tuple[Floats, Floats, Ints]:
    """Edges (in units of cells) cut at all lines across one axis: starts, stops and owner of each piece."""
    a, b = start[:, axis], stop[:, axis]
    first = np.floor(np.minimum(a, b)) + 1
    count = np.maximum(np.ceil(np.maximum(a, b)) - first, 0).astype(np.intp)
    if not count.any():
        return start, stop, np.arange(len(start))
    owner = np.repeat(np.arange(len(a)), count + 1)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(count + 1) - count - 1, count + 1)
    crossing = np.flatnonzero(step)  # pieces that start on a line; the piece before each ends there
    edge = owner[crossing]
    ahead = np.where(b > a, 1.0, -1.0)[edge]
    line = np.where(b > a, first, first + count - 1)[edge] + ahead * (step[crossing] - 1)
    part = (line - a[edge]) / (b - a)[edge]
    point = np.empty((len(edge), 2))
    point[:, axis] = line
    other = 1 - axis
    point[:, other] = start[edge, other] + part * (stop - start)[edge, other]
    starts, stops = start[owner], stop[owner]
    starts[crossing] = point
    stops[crossing - 1] = point
    return starts, stops, owner
