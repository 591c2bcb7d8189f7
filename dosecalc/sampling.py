"""A structure as a quadrature: small cells with exact volumes, on lattices that doses are evaluated on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.contours import NO_EDGES, boundary
from dosecalc.errors import ContourError
from dosecalc.lattices import Lattice
from dosecalc.solids import EndCaps, Slab, Solid

Floats = npt.NDArray[np.float64]

_BATCH_CELLS = 1_000_000
"""Cells that are made at once: 8 MB an array, so that a body outline does not fill the memory."""
_RESIDUE = 1e-9
"""Area fractions below this are rounding of sums of order one, not volume."""
_MM3_PER_CM3 = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How finely structures are sampled.

    The cell is a cube that divides the structure into about ``cells`` parts, no smaller than
    ``min_cell_mm`` and no larger than ``max_cell_mm``.
    """

    cells: int = 60_000
    min_cell_mm: float = 0.1
    max_cell_mm: float = 2.0
    end_caps: EndCaps = EndCaps.HALF


DEFAULT_SETTINGS = Settings()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Cell centres on a lattice and the volume of the structure in each cell, ``[z, y, x]`` in cm3."""

    lattice: Lattice
    volume_cm3: Floats


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
        """Centres of all cells that hold volume, shape (n, 3), in the order of ``weights_cm3``."""
        if not self.blocks:
            return np.zeros((0, 3))
        return np.concatenate([b.lattice.points_xyz_mm()[b.volume_cm3 > 0] for b in self.blocks])

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
    # The loops may cross, so this is an estimate; it only sets the size of the cells.
    volume = sum(
        (s.high_mm - s.low_mm)
        * abs(float(np.sum(s.edges[:, 0] * s.edges[:, 3] - s.edges[:, 2] * s.edges[:, 1])))
        / 2
        for s in body.slabs
    )
    wanted = (volume / settings.cells) ** (1 / 3)
    return float(np.clip(wanted, settings.min_cell_mm, settings.max_cell_mm))


def _layers(slab: Slab, cell: float) -> int:
    return max(1, int(np.ceil((slab.high_mm - slab.low_mm) / cell - 1e-9)))


def _batches(slabs: Sequence[Slab], cell: float) -> Iterator[list[Slab]]:
    """Runs of slabs whose common bounding box has a bounded number of cells."""
    run: list[Slab] = []
    box, layers = np.array([np.inf, np.inf, -np.inf, -np.inf]), 0
    for slab in slabs:
        ends = slab.edges[:, :2]  # loops are closed: their starts are all their points
        wider = np.concatenate([np.minimum(box[:2], ends.min(axis=0)), np.maximum(box[2:], ends.max(axis=0))])
        more = layers + _layers(slab, cell)
        cells = float(np.prod((wider[2:] - wider[:2]) / cell + 2)) * more
        if run and cells > _BATCH_CELLS:
            yield run
            run, more = [], _layers(slab, cell)
            wider = np.concatenate([ends.min(axis=0), ends.max(axis=0)])
        run.append(slab)
        box, layers = wider, more
    yield run


def _block(slabs: Sequence[Slab], cell: float) -> Block:
    starts = np.concatenate([s.edges[:, :2] for s in slabs])
    low = np.floor(starts.min(axis=0) / cell) * cell
    nx, ny = (np.ceil((starts.max(axis=0) - low) / cell - 1e-9).astype(int)).clip(1)
    edges = np.concatenate([s.edges for s in slabs])
    section = np.repeat(np.arange(len(slabs)), [len(s.edges) for s in slabs])
    shape = (len(slabs), int(ny), int(nx))
    fractions = area_fractions(edges, section, shape, low, cell)
    for k in np.flatnonzero(_crossing(fractions)).tolist():
        mended = boundary(slabs[k].edges, NO_EDGES, lambda first, _: first)
        one = np.zeros(len(mended), dtype=np.intp)
        fractions[k] = area_fractions(mended, one, (1, *shape[1:]), low, cell)[0]
    still = np.flatnonzero(_crossing(fractions))
    if still.size:
        raise ContourError(
            f"the contours from z = {slabs[still[0]].low_mm:g} to {slabs[still[0]].high_mm:g} mm "
            "cross in a way that bounds no area"
        )
    fractions[fractions < _RESIDUE] = 0.0
    np.minimum(fractions, 1.0, out=fractions)
    layers = [_layers(s, cell) for s in slabs]
    thickness = [(s.high_mm - s.low_mm) / n for s, n in zip(slabs, layers, strict=True)]
    z_mm = np.concatenate(
        [s.low_mm + t * (np.arange(n) + 0.5) for s, t, n in zip(slabs, thickness, layers, strict=True)]
    )
    volume = fractions * (np.array(thickness) * cell**2 / _MM3_PER_CM3)[:, None, None]
    lattice = Lattice(
        x_mm=low[0] + cell * (np.arange(nx) + 0.5),
        y_mm=low[1] + cell * (np.arange(ny) + 0.5),
        z_mm=z_mm,
    )
    return Block(lattice=lattice, volume_cm3=np.repeat(volume, layers, axis=0))


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
) -> Floats:
    """The part of each square cell that lies inside the edges of each section, exact.

    Parameters
    ----------
    edges : (n, 4) in mm, the inside to the left of each
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
    >>> area_fractions(edges, np.zeros(3, dtype=int), (1, 2, 1), np.zeros(2), 1.0)[0].ravel()
    array([0.75, 0.25])
    """
    count, ny, nx = shape_syx
    a = (edges[:, :2] - low_xy_mm) / cell_mm
    b = (edges[:, 2:] - low_xy_mm) / cell_mm
    rising = a[:, 1] != b[:, 1]
    owner, start, stop = _cut(a[rising], b[rising])
    middle = (start + stop) / 2
    column = np.clip(np.floor(middle[:, 0]).astype(np.intp), 0, nx - 1)
    row = np.clip(np.floor(middle[:, 1]).astype(np.intp), 0, ny - 1)
    height = start[:, 1] - stop[:, 1]  # down a left side: positive, its right is inside
    line = (section[rising][owner] * ny + row) * (nx + 1)
    own = height * (column + 1 - middle[:, 0])
    cells = count * ny * (nx + 1)
    total = np.bincount(line + column, weights=own, minlength=cells)
    total += np.bincount(line + column + 1, weights=height - own, minlength=cells)
    rows = total.reshape(count, ny, nx + 1)
    return np.asarray(np.cumsum(rows, axis=2)[:, :, :nx], dtype=np.float64)


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
