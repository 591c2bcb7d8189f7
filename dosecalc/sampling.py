"""A structure as a quadrature: small cells with exact volumes, on lattices that doses are evaluated on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dosecalc.areas import Fractions, area_fractions
from dosecalc.contours import NO_EDGES, boundary
from dosecalc.errors import ContourError
from dosecalc.lattices import Lattice
from dosecalc.shapes import Between, EndCaps
from dosecalc.solids import Body, Combination, layers, volume_mm3

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

_BATCH_CELLS = 300_000
"""Cells that are made at once: 2.4 MB an array, which a processor's cache holds."""
_CHUNK = 128
"""Layers whose sections are made at once."""
_WASTE = 4.0
"""A common box may have so many times the cells of its layers' own boxes: an oblique wire fills few."""
_RESIDUE = 1e-9
"""Parts of a cell this small, or this near to all of it, are rounding."""
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

    def cells_of(self, xyz_mm: Floats) -> tuple[Ints, Bools]:
        """For points (n, 3) the cells whose boxes they lie in, as places in ``held``, and whether any is."""
        nz, ny, nx = self.lattice.shape_zyx
        corner = np.array([self.lattice.x_mm[0], self.lattice.y_mm[0]]) - self.width_mm / 2
        i, j = np.floor((xyz_mm[:, :2] - corner) / self.width_mm).astype(np.intp).T
        tops = self.lattice.z_mm + self.height_mm / 2
        k = np.minimum(np.searchsorted(tops, xyz_mm[:, 2]), nz - 1)
        off = np.abs(xyz_mm[:, 2] - self.lattice.z_mm[k])
        within = (i >= 0) & (i < nx) & (j >= 0) & (j < ny) & (off <= self.height_mm[k] / 2)
        cell = np.where(within, (k * ny + j) * nx + i, -1)
        place = np.minimum(np.searchsorted(self.held, cell), len(self.held) - 1)
        return place, self.held[place] == cell

    def on_face(self, xyz_mm: Floats, near_mm: float) -> Bools:
        """Which points (n, 3) lie that near to a plane between cells, or at the ends of the block."""
        corner = np.array([self.lattice.x_mm[0], self.lattice.y_mm[0]]) - self.width_mm / 2
        place = (xyz_mm[:, :2] - corner) / self.width_mm
        off_mm = np.abs(place - np.rint(place)).min(axis=1) * self.width_mm
        levels = np.append(
            self.lattice.z_mm - self.height_mm / 2, self.lattice.z_mm[-1:] + self.height_mm[-1:] / 2
        )
        above = np.clip(np.searchsorted(levels, xyz_mm[:, 2]), 1, len(levels) - 1)
        off_z_mm = np.minimum(np.abs(xyz_mm[:, 2] - levels[above]), np.abs(xyz_mm[:, 2] - levels[above - 1]))
        return np.asarray((off_mm <= near_mm) | (off_z_mm <= near_mm))

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
            block = _block(made.part(a, b), cell)
            if len(block.held):
                yield block


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
    crossing = _crossing(found, ny * nx)
    if len(crossing):
        edges, section = _mended(made, crossing.tolist())
        found = area_fractions(edges, section, shape, low, cell)
        still = _crossing(found, ny * nx)
        if len(still):
            raise ContourError(
                f"the contours from z = {made.low_mm[still[0]]:g} to {made.high_mm[still[0]]:g} mm "
                "cross in a way that bounds no area"
            )
    height = made.high_mm - made.low_mm
    z_mm = (made.low_mm + made.high_mm) / 2
    kept = (found.part > _RESIDUE) & (found.part < 1 - _RESIDUE)
    cut, part = found.cut[kept], found.part[kept]
    k, j, i = np.unravel_index(cut, shape)
    within = np.stack([found.along_x[kept], found.along_y[kept]], axis=1) / part[:, None]
    within = np.clip(within, 0, 1)
    corner = low + cell * np.stack([i, j], axis=1)
    return Block(
        lattice=Lattice(
            x_mm=low[0] + cell * (np.arange(nx) + 0.5),
            y_mm=low[1] + cell * (np.arange(ny) + 0.5),
            z_mm=z_mm,
        ),
        height_mm=height,
        width_mm=cell,
        held=found.held,
        volume_cm3=found.area * (height * cell**2 / _MM3_PER_CM3)[found.held // (ny * nx)],
        cut=np.searchsorted(found.held, cut),
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
        kept = finer.kept(parents[a // 2, b // 2, c // 2])
        if len(kept.held):
            yield kept


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


def _crossing(found: Fractions, cells: int) -> Ints:
    """Sections of so many cells whose loops cross: some cell counts twice or negatively."""
    slack = 1e-6
    return np.unique(found.cut[(found.part < -slack) | (found.part > 1 + slack)] // cells)


def _mended(made: _Layers, crossing: list[int]) -> tuple[Floats, Ints]:
    """The edges of all sections, those whose loops cross replaced by what they bound (even-odd)."""
    parts = [made.edges[a:b] for a, b in zip(made.first[:-1], made.first[1:], strict=True)]
    for k in crossing:
        parts[k] = boundary(parts[k], NO_EDGES, lambda first, _: first)
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(p) for p in parts])
