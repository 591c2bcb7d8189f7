"""A structure as a quadrature: small cells with exact volumes, on lattices that doses are evaluated on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dosecalc.contours import NO_EDGES, boundary, signed_area_mm2
from dosecalc.errors import ContourError
from dosecalc.lattices import Lattice
from dosecalc.solids import EndCaps, Slab, Solid

Floats = npt.NDArray[np.float64]

_BATCH_CELLS = 1_000_000
"""Cells that are made at once: 8 MB an array, so that a body outline does not fill the memory."""
_WASTE = 4.0
"""A common box may have so many times the cells of its slabs' own boxes: an oblique wire fills few."""
_RESIDUE = 1e-9
"""Area fractions below this are rounding of sums of order one, not volume."""
_MM3_PER_CM3 = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How finely structures are sampled.

    The cell is a cube that divides the structure into about ``cells`` parts, no smaller than
    ``min_cell_mm`` and no larger than ``max_cell_mm``.
    """

    cells: int = 100_000
    min_cell_mm: float = 0.1
    max_cell_mm: float = 2.0
    end_caps: EndCaps = EndCaps.HALF


DEFAULT_SETTINGS = Settings()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Cells on a lattice and the volume of the structure in each, ``[z, y, x]`` in cm3.

    A cell that is filled stands at its centre. One that the surface cuts stands at the centroid of the
    part that is inside: ``cut`` are the places of such cells in the list of all cells that hold volume,
    ``cut_xyz_mm`` their centroids, (n, 3). Its own centre may lie outside the structure, and in
    another dose.
    """

    lattice: Lattice
    volume_cm3: Floats
    cut: npt.NDArray[np.intp]
    cut_xyz_mm: Floats

    def centres_xyz_mm(self) -> Floats:
        """Where each cell that holds volume stands, shape (n, 3)."""
        points = self.lattice.points_xyz_mm()[self.volume_cm3 > 0]
        points[self.cut] = self.cut_xyz_mm
        return points

    def moved(self, offset_xyz_mm: Floats) -> Block:
        """The same cells elsewhere."""
        x, y, z = offset_xyz_mm
        lattice = Lattice(x_mm=self.lattice.x_mm + x, y_mm=self.lattice.y_mm + y, z_mm=self.lattice.z_mm + z)
        return replace(self, lattice=lattice, cut_xyz_mm=self.cut_xyz_mm + offset_xyz_mm)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quadrature:
    """Weighted cells of one structure in one frame of reference.

    ``notes`` say what was noticed in the contours; ``cell_mm`` is the edge of a cell in the slice.
    """

    blocks: tuple[Block, ...]
    settings: Settings
    cell_mm: float = 0.0
    frame_uid: str = ""
    notes: tuple[str, ...] = ()

    @property
    def volume_cm3(self) -> float:
        return float(sum(b.volume_cm3.sum() for b in self.blocks))

    def centres_xyz_mm(self) -> Floats:
        """Where each cell that holds volume stands, shape (n, 3), in the order of ``weights_cm3``."""
        if not self.blocks:
            return np.zeros((0, 3))
        return np.concatenate([b.centres_xyz_mm() for b in self.blocks])

    def weights_cm3(self) -> Floats:
        """Volumes of all cells that hold any, shape (n,)."""
        if not self.blocks:
            return np.zeros(0)
        return np.concatenate([b.volume_cm3[b.volume_cm3 > 0] for b in self.blocks])


def sample(body: Solid, settings: Settings = DEFAULT_SETTINGS, *, frame_uid: str = "") -> Quadrature:
    """Divide a solid into cells: exact areas within each slab, equal layers across it.

    Raises
    ------
    ContourError : if the solid holds no volume.

    Examples
    --------
    >>> from dosecalc.contours import loop_edges
    >>> triangle = loop_edges(np.array([[0.0, 0], [10, 0], [0, 10]]))
    >>> prism = Solid(slabs=(Slab(low_mm=0.0, high_mm=6.0, edges=triangle),))
    >>> round(sample(prism).volume_cm3, 12)
    0.3
    """
    if not body.slabs:
        raise ContourError("the contours bound no volume")
    cell = _cell_mm(body, settings)
    blocks = tuple(_block(batch, cell) for batch in _batches(body.slabs, cell))
    quadrature = Quadrature(
        blocks=blocks, settings=settings, cell_mm=cell, frame_uid=frame_uid, notes=body.notes
    )
    if quadrature.volume_cm3 <= 0:
        raise ContourError("the contours bound no volume")
    return quadrature


def _cell_mm(body: Solid, settings: Settings) -> float:
    # Loops that cross may have no signed area: no slab is taken to fill less than 2 % of its box.
    volume = sum(
        (s.high_mm - s.low_mm) * max(abs(signed_area_mm2(s.edges)), 0.02 * float(np.prod(_size_mm(s))))
        for s in body.slabs
    )
    wanted = (volume / settings.cells) ** (1 / 3)
    return float(np.clip(wanted, settings.min_cell_mm, settings.max_cell_mm))


def _size_mm(slab: Slab) -> Floats:
    return np.asarray(np.ptp(slab.edges[:, :2], axis=0))


def _layers(slab: Slab, cell: float) -> int:
    return max(1, int(np.ceil((slab.high_mm - slab.low_mm) / cell - 1e-9)))


def _batches(slabs: Sequence[Slab], cell: float) -> Iterator[list[Slab]]:
    """Runs of slabs whose common bounding box has a bounded number of cells, few of them in vain."""
    run: list[Slab] = []
    box, layers, needed = np.array([np.inf, np.inf, -np.inf, -np.inf]), 0, 0.0
    for slab in slabs:
        ends = slab.edges[:, :2]  # loops are closed: their starts are all their points
        wider = np.concatenate([np.minimum(box[:2], ends.min(axis=0)), np.maximum(box[2:], ends.max(axis=0))])
        more = layers + _layers(slab, cell)
        cells = float(np.prod((wider[2:] - wider[:2]) / cell + 2)) * more
        own = float(np.prod(_size_mm(slab) / cell + 2)) * _layers(slab, cell)
        needed += own
        if run and (cells > _BATCH_CELLS or cells > _WASTE * needed):
            yield run
            run, more, needed = [], _layers(slab, cell), own
            wider = np.concatenate([ends.min(axis=0), ends.max(axis=0)])
        run.append(slab)
        box, layers = wider, more
    yield run


def _block(slabs: Sequence[Slab], cell: float) -> Block:
    starts = np.concatenate([s.edges[:, :2] for s in slabs])
    low = np.floor(starts.min(axis=0) / cell) * cell
    nx, ny = (np.ceil((starts.max(axis=0) - low) / cell - 1e-9).astype(int)).clip(1)
    area, along_x, along_y = _areas(slabs, (len(slabs), int(ny), int(nx)), low, cell)
    area[area < _RESIDUE] = 0.0
    np.minimum(area, 1.0, out=area)
    layers = [_layers(s, cell) for s in slabs]
    thickness = [(s.high_mm - s.low_mm) / n for s, n in zip(slabs, layers, strict=True)]
    z_mm = np.concatenate(
        [s.low_mm + t * (np.arange(n) + 0.5) for s, t, n in zip(slabs, thickness, layers, strict=True)]
    )
    volume = area * (np.array(thickness) * cell**2 / _MM3_PER_CM3)[:, None, None]
    lattice = Lattice(
        x_mm=low[0] + cell * (np.arange(nx) + 0.5),
        y_mm=low[1] + cell * (np.arange(ny) + 0.5),
        z_mm=z_mm,
    )
    volume = np.repeat(volume, layers, axis=0)
    cut = (area > 0) & (area < 1 - _RESIDUE)
    k, j, i = np.nonzero(np.repeat(cut, layers, axis=0))
    section = np.repeat(np.arange(len(slabs)), layers)[k]
    part = area[section, j, i]
    centroid = np.stack(
        [
            low[0] + cell * (i + np.clip(along_x[section, j, i] / part, 0, 1)),
            low[1] + cell * (j + np.clip(along_y[section, j, i] / part, 0, 1)),
            z_mm[k],
        ],
        axis=1,
    )
    flat = np.ravel_multi_index((k, j, i), volume.shape)
    # Where a cut cell stands in the list of all cells that hold volume.
    rank = np.cumsum(volume.ravel() > 0)[flat] - 1
    return Block(lattice=lattice, volume_cm3=volume, cut=rank, cut_xyz_mm=centroid)


def _areas(
    slabs: Sequence[Slab], shape_syx: tuple[int, int, int], low_xy_mm: Floats, cell: float
) -> tuple[Floats, Floats, Floats]:
    """Areas and moments of all slabs; sections whose loops cross are mended first."""
    edges = np.concatenate([s.edges for s in slabs])
    section = np.repeat(np.arange(len(slabs)), [len(s.edges) for s in slabs])
    found = area_fractions(edges, section, shape_syx, low_xy_mm, cell)
    for k in np.flatnonzero(_crossing(found[0])).tolist():
        mended = boundary(slabs[k].edges, NO_EDGES, lambda first, _: first)
        one = np.zeros(len(mended), dtype=np.intp)
        again = area_fractions(mended, one, (1, *shape_syx[1:]), low_xy_mm, cell)
        for whole, part in zip(found, again, strict=True):
            whole[k] = part[0]
    still = np.flatnonzero(_crossing(found[0]))
    if still.size:
        raise ContourError(
            f"the contours from z = {slabs[still[0]].low_mm:g} to {slabs[still[0]].high_mm:g} mm "
            "cross in a way that bounds no area"
        )
    return found


def _crossing(fractions: Floats) -> npt.NDArray[np.bool_]:
    """Sections whose loops cross: some cell counts twice or negatively."""
    slack = 1e-6
    return np.asarray((fractions.min(axis=(1, 2)) < -slack) | (fractions.max(axis=(1, 2)) > 1 + slack))


def area_fractions(
    edges: Floats,
    section: npt.NDArray[np.intp],
    shape_syx: tuple[int, int, int],
    low_xy_mm: Floats,
    cell_mm: float,
) -> tuple[Floats, Floats, Floats]:
    """The part of each square cell that lies inside the edges of each section, and where it lies, exact.

    Parameters
    ----------
    edges : (n, 4) in mm, the inside to the left of each
    section : to which section each edge belongs, (n,)
    shape_syx : numbers of sections, rows and columns
    low_xy_mm, cell_mm : lower corner of the first cell and edge of a cell

    Returns
    -------
    area inside each cell, and its first moments in x and y from the cell's lower corner, all in units
    of cells; moments over area are the centroid of the part that is inside.

    Notes
    -----
    By Green's theorem each piece of an edge within one cell gives that cell the area between itself
    and the cell's right side, and every cell further right its height; heights are summed along rows.

    Examples
    --------
    >>> edges = np.array([[0.0, 0, 1, 0], [1, 0, 1, 2], [1, 2, 0, 0]])
    >>> area, x, y = area_fractions(edges, np.zeros(3, dtype=int), (1, 2, 1), np.zeros(2), 1.0)
    >>> area.ravel(), (y / area).ravel().round(3)
    (array([0.75, 0.25]), array([0.444, 0.333]))
    """
    count, ny, nx = shape_syx
    a = (edges[:, :2] - low_xy_mm) / cell_mm
    b = (edges[:, 2:] - low_xy_mm) / cell_mm
    rising = a[:, 1] != b[:, 1]
    owner, start, stop = _cut(a[rising], b[rising])
    middle = (start + stop) / 2
    column = np.clip(np.floor(middle[:, 0]).astype(np.intp), 0, nx - 1)
    row = np.clip(np.floor(middle[:, 1]).astype(np.intp), 0, ny - 1)
    (u0, v0), (u1, v1) = (
        (start - np.stack([column, row], axis=1)).T,
        (stop - np.stack([column, row], axis=1)).T,
    )
    height = start[:, 1] - stop[:, 1]  # down a left side: positive, its right is inside
    lift = height * (v0 + v1) / 2
    line = (section[rising][owner] * ny + row) * nx + column
    cells = count * ny * nx

    def gathered(weights: Floats) -> Floats:
        sums = np.bincount(line, weights=weights, minlength=cells).reshape(shape_syx)
        return sums.astype(np.float64, copy=False)  # bincount of nothing counts in integers

    def from_the_left(weights: Floats) -> Floats:
        here = gathered(weights)
        return np.asarray(np.cumsum(here, axis=2) - here)

    full = from_the_left(height)
    area = full + gathered(height * (1 - (u0 + u1) / 2))
    along_x = full / 2 + gathered(height * (0.5 - (u0**2 + u0 * u1 + u1**2) / 6))
    crossed = height * (2 * u0 * v0 + u0 * v1 + u1 * v0 + 2 * u1 * v1) / 6
    along_y = from_the_left(lift) + gathered(lift - crossed)
    return area, along_x, along_y


def _cut(a: Floats, b: Floats) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """Edges a-b (in units of cells) cut at all lines between cells: owner, start and stop of each piece."""
    edge = [np.arange(len(a)), np.arange(len(a))]
    where = [np.zeros(len(a)), np.ones(len(a))]
    for axis in (0, 1):
        low, high = np.minimum(a[:, axis], b[:, axis]), np.maximum(a[:, axis], b[:, axis])
        first = np.floor(low) + 1
        number = np.maximum(np.ceil(high) - first, 0).astype(np.intp)
        crossing = np.repeat(np.arange(len(a)), number)
        ahead = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        line = first[crossing] + ahead
        step = (b - a)[crossing, axis]
        edge.append(crossing)
        where.append((line - a[crossing, axis]) / step)
    owner, t = np.concatenate(edge), np.concatenate(where)
    order = np.lexsort((t, owner))
    owner, t = owner[order], t[order]
    same = owner[1:] == owner[:-1]
    piece, begin, end = owner[1:][same], t[:-1][same][:, None], t[1:][same][:, None]
    span = b[piece] - a[piece]
    return piece, a[piece] + begin * span, a[piece] + end * span
