"""A structure as a quadrature: small cells with exact volumes, on lattices that doses are evaluated on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dosecalc.contours import NO_EDGES, boundary
from dosecalc.errors import ContourError
from dosecalc.lattices import Lattice
from dosecalc.shapes import Between, EndCaps
from dosecalc.solids import Body, Combination, layers, volume_mm3

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

_BATCH_CELLS = 1_000_000
"""Cells that are made at once: 8 MB an array, so that a body outline does not fill the memory."""
_CHUNK = 128
"""Layers whose sections are made at once."""
_WASTE = 4.0
"""A common box may have so many times the cells of its layers' own boxes: an oblique wire fills few."""
_RESIDUE = 1e-9
"""Area fractions below this are rounding of sums of order one, not volume."""
_NO_WAY = 0.05
"""A centroid this much of a cell off its middle, or less, is cut along that axis only."""
_MM3_PER_CM3 = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a structure's contours become a solid, and how finely that is sampled.

    The cell is a cube that divides the structure into about ``cells`` parts, no smaller than
    ``min_cell_mm`` and no larger than ``max_cell_mm``. Where dose is evaluated, cells are halved again
    in which it bends by more than ``bend_percent`` of its maximum, and the hottest, see ``refined``.
    """

    cells: int = 10_000
    min_cell_mm: float = 0.1
    max_cell_mm: float = 4.0
    bend_percent: float = 2.0
    end_caps: EndCaps = EndCaps.AUTO
    between: Between = Between.INTERPOLATED


DEFAULT_SETTINGS = Settings()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Cells of a lattice that hold some of a structure.

    A cell that is filled stands at its centre. One that the surface cuts stands at the centroid of the
    part that is inside: its own centre may lie outside the structure, and in another dose.

    Parameters
    ----------
    lattice : centres of all cells
    height_mm, width_mm : thickness of each layer, and edge of a cell in the slice
    held : flat ``[z, y, x]`` positions of the cells that hold volume, ascending, (n,)
    volume_cm3 : how much each of them holds, (n,)
    cut : which of them the surface cuts, (m,)
    cut_xyz_mm : where these stand, (m, 3)
    cut_width_mm : how far their part that is inside reaches along x and y, (m, 2)
    whole : all of the structure in these layers is here, so that cells not held are empty
    """

    lattice: Lattice
    height_mm: Floats
    width_mm: float
    held: Ints
    volume_cm3: Floats
    cut: Ints
    cut_xyz_mm: Floats
    cut_width_mm: Floats
    whole: bool = True

    def centres_xyz_mm(self) -> Floats:
        """Where each cell that holds volume stands, shape (n, 3)."""
        k, j, i = np.unravel_index(self.held, self.lattice.shape_zyx)
        points = np.stack([self.lattice.x_mm[i], self.lattice.y_mm[j], self.lattice.z_mm[k]], axis=1)
        points[self.cut] = self.cut_xyz_mm
        return points

    @property
    def inner(self) -> tuple[Ints, Bools]:
        """For each cut cell the cell further inside, as a place in ``held``, and whether there is one."""
        _, _, nx = self.lattice.shape_zyx
        flat = self.held[self.cut]
        _, j, i = np.unravel_index(flat, self.lattice.shape_zyx)
        off = self.cut_xyz_mm[:, :2] - np.stack([self.lattice.x_mm[i], self.lattice.y_mm[j]], axis=1)
        step = np.where(np.abs(off) > _NO_WAY * self.width_mm, np.sign(off), 0).astype(np.intp)
        inner = flat + step[:, 0] + nx * step[:, 1]
        place = np.minimum(np.searchsorted(self.held, inner), len(self.held) - 1)
        return place, (self.held[place] == inner) & np.any(step != 0, axis=1)

    def kept(self, wanted: Bools) -> Block:
        """The block less the cells that are not wanted, (n,)."""
        cut = wanted[self.cut]
        return replace(
            self,
            held=self.held[wanted],
            volume_cm3=self.volume_cm3[wanted],
            cut=(np.cumsum(wanted) - 1)[self.cut[cut]],
            cut_xyz_mm=self.cut_xyz_mm[cut],
            cut_width_mm=self.cut_width_mm[cut],
            whole=False,
        )

    def moved(self, offset_xyz_mm: Floats) -> Block:
        """The same cells elsewhere."""
        x, y, z = offset_xyz_mm
        lattice = Lattice(x_mm=self.lattice.x_mm + x, y_mm=self.lattice.y_mm + y, z_mm=self.lattice.z_mm + z)
        return replace(self, lattice=lattice, cut_xyz_mm=self.cut_xyz_mm + offset_xyz_mm)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quadrature:
    """Weighted cells of one structure in one frame of reference.

    ``notes`` say what was noticed in the contours; ``cell_mm`` is the edge of a cell in the slice.
    ``body`` is what was sampled, where cells can be made finer.
    """

    blocks: tuple[Block, ...]
    settings: Settings
    body: Body | None = None
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
        return np.concatenate([b.volume_cm3 for b in self.blocks])


def sample(body: Body, settings: Settings = DEFAULT_SETTINGS, *, frame_uid: str = "") -> Quadrature:
    """Divide a solid into cells: thin layers of exact areas.

    Raises
    ------
    ContourError : if the solid holds no volume.

    Examples
    --------
    >>> from dosecalc.solids import solid
    >>> triangle = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0]])
    >>> prism = solid([triangle, triangle + [0, 0, 3]])
    >>> round(sample(prism).volume_cm3, 12)
    0.3
    """
    if not len(body.breaks_mm):
        raise ContourError("the contours bound no volume")
    volume = volume_mm3(body)
    if isinstance(body, Combination) and volume <= 0:
        raise ContourError("the contours bound no volume")
    cell = _cell_mm(volume, settings)
    blocks = tuple(_blocks(body, cell))
    quadrature = Quadrature(
        blocks=blocks, settings=settings, body=body, cell_mm=cell, frame_uid=frame_uid, notes=body.notes
    )
    if quadrature.volume_cm3 <= 0:
        raise ContourError("the contours bound no volume")
    return quadrature


def _cell_mm(volume: float, settings: Settings) -> float:
    wanted = (max(volume, 0.0) / settings.cells) ** (1 / 3)
    return float(np.clip(wanted, settings.min_cell_mm, settings.max_cell_mm))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Layers:
    """Layers that follow each other, their sections' edges layer by layer, and their boxes."""

    low_mm: Floats
    high_mm: Floats
    edges: Floats
    first: Ints  # where each layer's edges start, and their number at the end
    box_low_mm: Floats
    box_high_mm: Floats

    def part(self, a: int, b: int) -> _Layers:
        start, stop = self.first[a], self.first[b]
        return _Layers(
            low_mm=self.low_mm[a:b],
            high_mm=self.high_mm[a:b],
            edges=self.edges[start:stop],
            first=self.first[a : b + 1] - start,
            box_low_mm=self.box_low_mm[a:b],
            box_high_mm=self.box_high_mm[a:b],
        )


def _blocks(body: Body, cell: float) -> Iterator[Block]:
    low, high = layers(body, cell)
    for begin in range(0, len(low), _CHUNK):
        some = slice(begin, begin + _CHUNK)
        edges, layer = body.sections(low[some], high[some])
        held, first = np.unique(layer, return_index=True)  # a gap between parts has no section
        if not len(held):
            continue
        ends = edges[:, :2]  # loops are closed: their starts are all their points
        made = _Layers(
            low_mm=low[some][held],
            high_mm=high[some][held],
            edges=edges,
            first=np.append(first, len(edges)),
            box_low_mm=np.minimum.reduceat(ends, first),
            box_high_mm=np.maximum.reduceat(ends, first),
        )
        for a, b in _batches(made, cell):
            yield _block(made.part(a, b), cell)


def _batches(made: _Layers, cell: float) -> Iterator[tuple[int, int]]:
    """Runs of layers whose common box has a bounded number of cells, few of them in vain."""
    own = np.prod((made.box_high_mm - made.box_low_mm) / cell + 2, axis=1).tolist()
    lows, highs = made.box_low_mm.tolist(), made.box_high_mm.tolist()
    begin, needed = 0, 0.0
    (x0, y0), (x1, y1) = lows[0], highs[0]
    for k, (wanted, (ax, ay), (bx, by)) in enumerate(zip(own, lows, highs, strict=True)):
        wider = min(x0, ax), min(y0, ay), max(x1, bx), max(y1, by)
        cells = ((wider[2] - wider[0]) / cell + 2) * ((wider[3] - wider[1]) / cell + 2) * (k - begin + 1)
        needed += wanted
        if k > begin and (cells > _BATCH_CELLS or cells > _WASTE * needed):
            yield begin, k
            begin, needed, wider = k, wanted, (ax, ay, bx, by)
        x0, y0, x1, y1 = wider
    yield begin, len(own)


def _block(made: _Layers, cell: float) -> Block:
    low = np.floor(made.box_low_mm.min(axis=0) / cell) * cell
    nx, ny = np.ceil((made.box_high_mm.max(axis=0) - low) / cell - 1e-9).astype(int).clip(1).tolist()
    return _filled(made, low, (len(made.low_mm), ny, nx), cell)


def _filled(made: _Layers, low: Floats, shape: tuple[int, int, int], cell: float) -> Block:
    """The cells of a box that the layers fill, wholly or in part."""
    _, ny, nx = shape
    section = np.repeat(np.arange(shape[0]), np.diff(made.first))
    found = area_fractions(made.edges, section, shape, low, cell)
    crossing = _crossing(found)
    if len(crossing):
        edges, section = _mended(made, crossing.tolist())
        found = area_fractions(edges, section, shape, low, cell)
        still = _crossing(found)
        if len(still):
            raise ContourError(
                f"the contours from z = {made.low_mm[still[0]]:g} to {made.high_mm[still[0]]:g} mm "
                "cross in a way that bounds no area"
            )
    area = found.area
    area[area < _RESIDUE] = 0.0
    np.minimum(area, 1.0, out=area)
    height = made.high_mm - made.low_mm
    z_mm = (made.low_mm + made.high_mm) / 2
    part = area.ravel()[found.cut]
    kept = (part > 0) & (part < 1 - _RESIDUE)
    cut, part = found.cut[kept], part[kept]
    k, j, i = np.unravel_index(cut, shape)
    within = np.stack([found.along_x[kept], found.along_y[kept]], axis=1) / part[:, None]
    within = np.clip(within, 0, 1)
    corner = low + cell * np.stack([i, j], axis=1)
    held = np.flatnonzero(area)
    return Block(
        lattice=Lattice(
            x_mm=low[0] + cell * (np.arange(nx) + 0.5),
            y_mm=low[1] + cell * (np.arange(ny) + 0.5),
            z_mm=z_mm,
        ),
        height_mm=height,
        width_mm=cell,
        held=held,
        volume_cm3=area.ravel()[held] * (height * cell**2 / _MM3_PER_CM3)[held // (ny * nx)],
        cut=np.searchsorted(held, cut),
        cut_xyz_mm=np.hstack([corner + cell * within, z_mm[k][:, None]]),
        # A part that reaches from one side of the cell has its centroid half as far from that side.
        cut_width_mm=2 * cell * np.minimum(within, 1 - within),
    )


def refined(body: Body, block: Block, chosen: Bools) -> Iterator[Block]:
    """Some cells of a block, (n,), divided into eight each; the rest of it is ``block.kept(~chosen)``.

    Parameters
    ----------
    body : what the block was sampled from
    """
    half = block.width_mm / 2
    k, j, i = np.unravel_index(block.held[chosen], block.lattice.shape_zyx)
    # One cell more on each side: a slanted surface reaches further in one half of a layer than in its mean.
    j0, i0, ny, nx = int(j.min()) - 1, int(i.min()) - 1, int(np.ptp(j)) + 3, int(np.ptp(i)) + 3
    low_xy = np.array([block.lattice.x_mm[0], block.lattice.y_mm[0]]) - half
    low_xy += block.width_mm * np.array([i0, j0])
    held_layers = np.unique(k)
    at_once = max(1, _BATCH_CELLS // (8 * ny * nx))
    for begin in range(0, len(held_layers), at_once):
        some = held_layers[begin : begin + at_once]
        middle, thick = block.lattice.z_mm[some], block.height_mm[some]
        low = np.stack([middle - thick / 2, middle], axis=1).ravel()
        high = np.stack([middle, middle + thick / 2], axis=1).ravel()
        edges, layer = body.sections(low, high)
        shape = len(low), 2 * ny, 2 * nx
        first = np.searchsorted(layer, np.arange(len(low) + 1))
        nowhere = np.zeros((len(low), 2))
        made = _Layers(
            low_mm=low, high_mm=high, edges=edges, first=first, box_low_mm=nowhere, box_high_mm=nowhere
        )
        finer = _filled(made, low_xy, shape, half)
        a, b, c = np.unravel_index(finer.held, shape)
        parents = _parents(block, chosen, some, (j0, i0), (ny, nx))
        yield finer.kept(parents[a // 2, b // 2, c // 2])


def _parents(
    block: Block, chosen: Bools, layers_k: Ints, corner_ji: tuple[int, int], shape_yx: tuple[int, int]
) -> Bools:
    """The cells of some layers, in a box, that are divided: those chosen, and empty ones beside them."""
    divided, empty = np.zeros((2, len(layers_k), *shape_yx), dtype=np.bool_)
    empty[:] = block.whole
    k, j, i = np.unravel_index(block.held, block.lattice.shape_zyx)
    j, i = j - corner_ji[0], i - corner_ji[1]
    here = np.isin(k, layers_k) & (j >= 0) & (j < shape_yx[0]) & (i >= 0) & (i < shape_yx[1])
    place = np.searchsorted(layers_k, k[here]), j[here], i[here]
    empty[place] = False
    divided[place] = chosen[here]
    beside = divided.copy()
    for axis in (1, 2):
        for step in (-1, 1):
            beside |= np.roll(beside, step, axis=axis)
    return np.asarray(divided | (beside & empty))


def _crossing(found: Fractions) -> Ints:
    """Sections whose loops cross: some cell that their edges run through counts twice or negatively."""
    slack = 1e-6
    part = found.area.ravel()[found.cut]
    wrong = found.cut[(part < -slack) | (part > 1 + slack)]
    _, ny, nx = found.area.shape
    return np.unique(wrong // (ny * nx))


def _mended(made: _Layers, crossing: list[int]) -> tuple[Floats, Ints]:
    """The edges of all sections, those whose loops cross replaced by what they bound (even-odd)."""
    parts = [made.edges[a:b] for a, b in zip(made.first[:-1], made.first[1:], strict=True)]
    for k in crossing:
        parts[k] = boundary(parts[k], NO_EDGES, lambda first, _: first)
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(p) for p in parts])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fractions:
    """The part of each cell that is inside, in units of cells.

    Parameters
    ----------
    area : ``[section, y, x]``
    cut : flat positions of the cells that edges run through, ascending, (n,)
    along_x, along_y : first moments of the part inside these cells about their lower corner, (n,); over
        the area they are its centroid
    """

    area: Floats
    cut: Ints
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
    >>> found.area.ravel(), (found.along_y / found.area.ravel()[found.cut]).round(3)
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
    line = (owner * ny + row) * nx + column

    cells = count * ny * nx
    heights = np.bincount(line, weights=height, minlength=cells).astype(np.float64, copy=False)
    touched = np.zeros(cells, dtype=np.bool_)
    touched[line] = True
    cut = np.flatnonzero(touched)
    place = np.cumsum(touched)[line] - 1

    def gathered(weights: Floats) -> Floats:
        sums = np.bincount(place, weights=weights, minlength=len(cut))
        return np.asarray(sums.astype(np.float64, copy=False))  # bincount of nothing counts in integers

    area = np.cumsum(heights.reshape(shape_syx), axis=2).ravel()
    full = area[cut] - heights[cut]
    # A cell that edges run through has its own part of their heights, all cells to the right the whole.
    area[cut] = full + gathered(height * (1 - (u0 + u1) / 2))
    along_x = full / 2 + gathered(height * (0.5 - (u0**2 + u0 * u1 + u1**2) / 6))
    crossed = height * (2 * u0 * v0 + u0 * v1 + u1 * v0 + 2 * u1 * v1) / 6
    along_y = _before_in_row(gathered(lift), cut // nx) + gathered(lift - crossed)
    return Fractions(area=area.reshape(shape_syx), cut=cut, along_x=along_x, along_y=along_y)


def _before_in_row(values: Floats, row: Ints) -> Floats:
    """The sum of the values that come earlier in the same row."""
    before = np.cumsum(values) - values
    first = np.searchsorted(row, row)
    return np.asarray(before - before[first]) if len(row) else before


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
