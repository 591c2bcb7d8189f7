"""Dose grids at the cells of a structure, and finer cells where the dose asks for them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dosecalc.doses import DoseGrid
from dosecalc.lattices import Lattice
from dosecalc.sampling import Block, Quadrature, refined
from dosecalc.transforms import Transform, apply, bounds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Paths = Mapping[DoseGrid, Transform | None]

_NEAR_MAXIMUM_CM3 = 0.03
_HOTTEST_CM3 = 0.1
"""Cells that may belong to so much of the hottest volume are made small enough for D0.03cc."""
_SMALL_MM = (_NEAR_MAXIMUM_CM3 * 1000 / 64) ** (1 / 3)
"""A near-maximum volume is held by 64 cells or more."""
_BENDS = 2.0
"""A bend counts up to so many times the lesser of the changes on both sides of a cell."""
_ON_FACE_MM = 1e-6
"""A voxel centre this near to a face lies on it, and in the cells on both sides."""
_BESIDE_MM = 1e-3
"""A voxel further than this from the box of a block is in none of its cells, however these are rounded."""
_MOST_VOXELS = 200_000
"""So many hot voxels of a grid are looked at, so that memory stays small."""
_FEW = 4
_FINEST_MM = 0.02
"""Cells small enough for a near-maximum are divided on around the few hottest voxels only, and no cell beyond
that size."""
_LOW = 10.0
"""Below a tenth of the maximum the bend of a cell is held against its own dose."""
_FLAT = 1e-3
"""A cell whose dose varies by less than this part of the maximum is as good as its parts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AtCells:
    """One grid at the cells of a block, in Gy: NaN where the grid does not reach.

    Parameters
    ----------
    gy : dose of each cell, (n,)
    change_gy : by how much it changes across the cell along x, y and z, (3, n)
    bend_gy : by how much that change differs on both sides of the cell, along the axis where most, (n,)
    """

    gy: Floats
    change_gy: Floats
    bend_gy: Floats

    def kept(self, wanted: Ints) -> AtCells:
        return AtCells(
            gy=self.gy[wanted],
            change_gy=np.take(self.change_gy, wanted, axis=1),
            bend_gy=self.bend_gy[wanted],
        )

    def plus(self, other: AtCells) -> AtCells:
        return AtCells(
            gy=self.gy + other.gy,
            change_gy=self.change_gy + other.change_gy,
            bend_gy=self.bend_gy + other.bend_gy,
        )


Evaluated = tuple[Block, Mapping[DoseGrid, AtCells]]


def evaluated(quadrature: Quadrature, paths: Paths) -> tuple[Quadrature, Mapping[DoseGrid, AtCells]]:
    """Grids at the cells of a structure, divided further where a dose bends or is hottest.

    Parameters
    ----------
    quadrature : the cells to start from; without a ``body`` they stay as they are
    paths : grids, and the transform from the structure's frame into that of each
    """
    done: list[Evaluated] = []
    new = [(block, _at(block, paths)) for block in quadrature.blocks]
    peaks: Sequence[_Peaks] | None = None
    while new and quadrature.body is not None and paths:
        limits = _limits(quadrature, [*done, *new])
        if peaks is None:
            peaks = _peaks(paths, limits, quadrature)
        unknown = [np.zeros(len(each.gy), dtype=np.bool_) for each in peaks]
        made: list[Block] = []
        for block, doses in new:
            chosen = _unsettled(block, doses, limits)
            alone: list[int] = []
            if peaks and block.width_mm > _FINEST_MM:
                small = block.width_mm <= _SMALL_MM
                asked = [each.hottest(_FEW) if small else np.arange(len(each.gy)) for each in peaks]
                some = [each.of(which) for each, which in zip(peaks, asked, strict=True)]
                under, above = _choose_under(some, block, doses, limits)
                for known, which, hotter in zip(unknown, asked, above, strict=True):
                    known[which] |= hotter
                # Cells around a few voxels that lie apart would make a wide box of tiny cells.
                alone = np.flatnonzero(under & ~chosen).tolist() if small else []
                chosen |= under
            if not chosen.any():
                done.append((block, doses))
                continue
            for cell in alone:
                made += refined(quadrature.body, block, np.arange(len(block.held)) == cell)
            together = chosen.copy()
            together[alone] = False
            if together.any():
                made += refined(quadrature.body, block, together)
            rest = np.flatnonzero(~chosen)
            done.append((block.kept(~chosen), {grid: at.kept(rest) for grid, at in doses.items()}))
        peaks = [
            each.of(np.flatnonzero(known)) for each, known in zip(peaks, unknown, strict=True) if known.any()
        ]
        new = [(block, _at(block, paths)) for block in made]
    done = [(block, doses) for block, doses in (*done, *new) if len(block.held)]
    blocks = tuple(block for block, _ in done)
    return replace(quadrature, blocks=blocks), {
        grid: AtCells(
            gy=np.concatenate([doses[grid].gy for _, doses in done]),
            change_gy=np.concatenate([doses[grid].change_gy for _, doses in done], axis=1),
            bend_gy=np.concatenate([doses[grid].bend_gy for _, doses in done]),
        )
        for grid in paths
    }


def _at(block: Block, paths: Paths) -> Mapping[DoseGrid, AtCells]:
    at = stencil(block)
    return {grid: at_cells(grid, at, transform) for grid, transform in paths.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """For one grid: what a cell may bend by, from which cell size on, and what counts as hot."""

    bend_gy: float
    spacing_mm: float
    hot_gy: float
    highest_gy: float


Asking = DoseGrid | None
"""A grid, or all of them together: where their sum is hottest none of them need be."""


def _asking(doses: Mapping[DoseGrid, AtCells]) -> dict[Asking, AtCells]:
    """What may ask for finer cells: each grid, and where there are several, their sum."""
    found: dict[Asking, AtCells] = {}
    found.update((grid, at) for grid, at in doses.items())
    if len(doses) > 1:
        found[None] = functools.reduce(AtCells.plus, doses.values())
    return found


def _limits(quadrature: Quadrature, blocks: Sequence[Evaluated]) -> Mapping[Asking, _Limits]:
    volume = np.concatenate([block.volume_cm3 for block, _ in blocks])
    asking = [_asking(doses) for _, doses in blocks]
    return {
        who: _limits_of(who, quadrature, np.concatenate([doses[who].gy for doses in asking]), volume)
        for who in asking[0]
    }


def _limits_of(who: Asking, quadrature: Quadrature, gy: Floats, volume_cm3: Floats) -> _Limits:
    known = ~np.isnan(gy)
    gy, volume_cm3 = gy[known], volume_cm3[known]
    highest = float(gy.max(initial=np.finfo(np.float64).tiny))
    return _Limits(
        bend_gy=highest * quadrature.settings.bend_percent / 100,
        spacing_mm=_spacing_mm(who) if who is not None else np.inf,
        hot_gy=_hottest(gy, volume_cm3),
        highest_gy=highest,
    )


def _spacing_mm(grid: DoseGrid) -> float:
    axes = grid.lattice.x_mm, grid.lattice.y_mm, grid.lattice.z_mm
    return min((float(np.diff(a).min()) for a in axes if a.size > 1), default=np.inf)


def _hottest(gy: Floats, volume_cm3: Floats) -> float:
    """The dose that the hottest volume has at least."""
    if not len(gy):
        return np.inf
    count = 64
    while True:
        count = min(4 * count, len(gy))
        top = np.argpartition(gy, len(gy) - count)[-count:]
        if count == len(gy) or volume_cm3[top].sum() >= _HOTTEST_CM3:
            break
    top = top[np.argsort(gy[top])[::-1]]
    last = int(np.searchsorted(np.cumsum(volume_cm3[top]), _HOTTEST_CM3))
    return float(gy[top[min(last, len(top) - 1)]])


def _unsettled(block: Block, doses: Mapping[DoseGrid, AtCells], limits: Mapping[Asking, _Limits]) -> Bools:
    """Cells of a block that are to be divided."""
    chosen = np.zeros(len(block.held), dtype=np.bool_)
    for who, at in _asking(doses).items():
        limit = limits[who]
        if block.width_mm > limit.spacing_mm:
            # Where dose is low its curve is steep: there a bend counts for more.
            chosen |= at.bend_gy > limit.bend_gy * np.clip(_LOW * at.gy / limit.highest_gy, 1 / _LOW, 1.0)
        if block.width_mm > _SMALL_MM:
            reach = _reach(at.change_gy) + at.bend_gy / 4
            chosen |= (at.gy + reach >= limit.hot_gy) & (reach > _FLAT * limit.highest_gy)
    return chosen


def _reach(change_gy: Floats) -> Floats:
    """How much hotter than its middle the corner of a cell is, where dose changes evenly."""
    along_x, along_y, along_z = np.abs(change_gy)
    return np.asarray((along_x + along_y + along_z) / 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Peaks:
    """Hot voxel centres in the structure's frame, (n, 3), and the dose there of a grid or of all, (n,)."""

    who: Asking
    xyz_mm: Floats
    gy: Floats

    def of(self, chosen: Ints) -> _Peaks:
        return _Peaks(who=self.who, xyz_mm=self.xyz_mm[chosen], gy=self.gy[chosen])

    def hottest(self, count: int) -> Ints:
        return np.argsort(self.gy, kind="stable")[-count:]


def _choose_under(
    peaks: Sequence[_Peaks], block: Block, doses: Mapping[DoseGrid, AtCells], limits: Mapping[Asking, _Limits]
) -> tuple[Bools, list[Bools]]:
    """Cells in which a voxel is hotter than they know, and which voxels these are."""
    asking = _asking(doses)
    chosen = np.zeros(len(block.held), dtype=np.bool_)
    unknown = []
    for each in peaks:
        at, slack = asking[each.who], _FLAT * limits[each.who].highest_gy
        above = np.zeros(len(each.gy), dtype=np.bool_)
        left = _near(each.xyz_mm, block)  # most voxels lie in another block
        for off in ((0.0, 0.0, 0.0), *itertools.product((-_ON_FACE_MM, _ON_FACE_MM), repeat=3)):
            if not len(left):
                break
            cell, held = block.cells_of(each.xyz_mm[left] + np.array(off))
            cell, here, left = cell[held], left[held], left[~held]
            hotter = each.gy[here] > at.gy[cell] + _reach(at.change_gy[:, cell]) + slack
            chosen[cell[hotter]] = True
            above[here[hotter]] = True
            # A voxel on a face may belong to the cell on its other side.
            left = left[block.on_face(each.xyz_mm[left], _ON_FACE_MM)] if len(left) else left
        unknown.append(above)
    return chosen, unknown


def _peaks(paths: Paths, limits: Mapping[Asking, _Limits], quadrature: Quadrature) -> list[_Peaks]:
    """Voxels that are hot: between cells that are larger than they, one may go unseen.

    What is linear between voxels has its maximum in a structure at one of them or on the surface. That of
    a sum of grids is looked for at the voxels of each.
    """
    box = _box_mm(quadrature)
    views = {grid: _voxels_in(grid, path, box) for grid, path in paths.items()}
    most = {grid: float(gy.max(initial=0)) * grid.scaling_gy for grid, (_, gy) in views.items()}
    found = []
    for grid, path in paths.items():
        lattice, stored = views[grid]
        found.append(_hot(grid, lattice, stored, at_least_gy=limits[grid].hot_gy, path=path, box=box))
        if len(paths) > 1:
            others = sum(most.values()) - most[grid]
            least = limits[None].hot_gy - others
            near = _hot(grid, lattice, stored, at_least_gy=least, path=path, box=box)
            total = sum((np.nan_to_num(g.at_points(near.xyz_mm, t)) for g, t in paths.items()), np.zeros(1))
            hot = total >= limits[None].hot_gy
            found.append(_Peaks(who=None, xyz_mm=near.xyz_mm[hot], gy=total[hot]))
    return [each for each in found if len(each.gy)]


def _hot(
    grid: DoseGrid,
    lattice: Lattice,
    stored: npt.NDArray[Any],
    *,
    at_least_gy: float,
    path: Transform | None,
    box: tuple[Floats, Floats],
) -> _Peaks:
    """Voxels of a part of a grid that have a dose at least, the hottest where they are many."""
    k, j, i = np.nonzero(stored >= at_least_gy / grid.scaling_gy)
    gy = stored[k, j, i] * grid.scaling_gy
    if len(gy) > _MOST_VOXELS:
        hottest = np.argpartition(gy, len(gy) - _MOST_VOXELS)[-_MOST_VOXELS:]
        k, j, i, gy = k[hottest], j[hottest], i[hottest], gy[hottest]
    xyz_mm = np.stack([lattice.x_mm[i], lattice.y_mm[j], lattice.z_mm[k]], axis=1)
    if path is not None:
        xyz_mm = apply(path.inverse(), xyz_mm)
    inside = np.all((xyz_mm >= box[0] - _ON_FACE_MM) & (xyz_mm <= box[1] + _ON_FACE_MM), axis=1)
    return _Peaks(who=grid, xyz_mm=xyz_mm[inside], gy=gy[inside])


def _voxels_in(
    grid: DoseGrid, path: Transform | None, box: tuple[Floats, Floats]
) -> tuple[Lattice, npt.NDArray[Any]]:
    """The part of a grid around a box of another frame: its axes, and a view of what is stored."""
    # Where no image is known the low corner lies above the high one: then one voxel is left.
    there = box if path is None else bounds(path, *box)
    low, high = there[0] - _ON_FACE_MM, there[1] + _ON_FACE_MM
    axes = grid.lattice.x_mm, grid.lattice.y_mm, grid.lattice.z_mm
    parts = []
    for number, axis in enumerate(axes):
        first, last = np.searchsorted(axis, [low[number], high[number]]).tolist()
        first = min(first, len(axis) - 1)
        parts.append(slice(first, max(last, first + 1)))
    x, y, z = (axis[part] for axis, part in zip(axes, parts, strict=True))
    return Lattice(x_mm=x, y_mm=y, z_mm=z), grid.stored[parts[2], parts[1], parts[0]]


def _box_mm(quadrature: Quadrature) -> tuple[Floats, Floats]:
    """The corners of all cells."""
    corners = [corner for block in quadrature.blocks for corner in _corners_mm(block)]
    return np.min(corners, axis=0), np.max(corners, axis=0)


def _corners_mm(block: Block) -> Iterator[Floats]:
    """The low and the high corner of the box that a block's cells lie in."""
    half = np.array([block.width_mm, block.width_mm, block.height_mm.max()]) / 2
    lattice = block.lattice
    for end, sign in ((0, -1), (-1, 1)):
        yield np.array([lattice.x_mm[end], lattice.y_mm[end], lattice.z_mm[end]]) + sign * half


def _near(xyz_mm: Floats, block: Block) -> Ints:
    """Which points (n, 3) lie in the box of a block, or as near to it as rounding can tell."""
    low, high = _corners_mm(block)
    x, y, z = xyz_mm.T
    inside = np.ones(len(xyz_mm), dtype=np.bool_)
    for axis, least, most in zip((z, y, x), low[::-1], high[::-1], strict=True):
        inside &= (axis >= least - _BESIDE_MM) & (axis <= most + _BESIDE_MM)
    return np.flatnonzero(inside)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stencil:
    """Where a block's cells and their neighbours are on its lattice, which is one cell wider on each side.

    Parameters
    ----------
    block : the cells
    wider : the lattice
    place : flat position of each cell on it, (n,)
    strides : from a cell to the next along x, y and z
    down, up : height of a cell over the way to the layer below and above, (n,)
    cut, inner : cut cells that have a cell further inside, and that cell, (m,)
    """

    block: Block
    wider: Lattice
    place: Ints
    strides: tuple[int, int, int]
    down: Floats
    up: Floats
    cut: Ints
    inner: Ints


def stencil(block: Block) -> Stencil:
    """The neighbourhood of a block's cells, made once for all grids."""
    wider = _wider(block)
    _, ny, nx = block.lattice.shape_zyx
    layer, within = np.divmod(block.held, ny * nx)
    row, column = np.divmod(within, nx)
    steps_mm = np.diff(wider.z_mm)
    inner, known = block.inner
    return Stencil(
        block=block,
        wider=wider,
        place=((layer + 1) * (ny + 2) + row + 1) * (nx + 2) + column + 1,
        strides=(1, nx + 2, (nx + 2) * (ny + 2)),
        down=(block.height_mm / steps_mm[:-1])[layer],
        up=(block.height_mm / steps_mm[1:])[layer],
        cut=block.cut[known],
        inner=inner[known],
    )


def at_cells(grid: DoseGrid, at: Stencil, transform: Transform | None) -> AtCells:
    """One grid at the cells of a block.

    Cells have the mean dose of what they hold: that of their centre, cut ones of their centroid, and a
    24th of the second difference along each axis, as a parabola across the cell has. The change comes from
    the neighbours on the lattice, which is made one cell larger for that on each side.
    """
    block, place = at.block, at.place
    gy = grid.at(at.wider).ravel() if transform is None else _one_by_one(grid, at, transform)
    dose = gy.take(place)
    change, bend, curved = np.empty((3, len(place))), np.zeros(len(place)), np.zeros(len(place))
    for axis, step in enumerate(at.strides):
        before, after = dose - gy.take(place - step), gy.take(place + step) - dose
        if axis == 2:
            before *= at.down
            after *= at.up
        change[axis] = _agreed(before, after)
        second = after - before
        np.fmax(bend, np.abs(second), out=bend)
        # A step of dose beside a cell is no bend within it.
        most = _BENDS * np.minimum(np.abs(before, out=before), np.abs(after, out=after), out=before)
        np.clip(second, -most, most, out=second)
        if axis < 2:
            second[block.cut] *= (block.cut_width_mm[:, axis] / block.width_mm) ** 2
        curved += second
    dose[block.cut] = grid.at_points(block.cut_xyz_mm, transform)
    beside = np.isnan(curved)  # at the edge of the grid: no second difference
    if beside.any():
        curved[beside] = 0.0
    dose += curved / 24
    np.maximum(dose, 0.0, out=dose)  # around a voxel without dose a parabola may go below it
    # Half of a cut cell lies outside, maybe in another dose: what is inside goes on as its neighbour does.
    change[:, at.cut] = _agreed(change[:, at.cut], change[:, at.inner])
    bend[at.cut] = np.minimum(bend[at.cut], bend[at.inner])
    change[:2, block.cut] *= block.cut_width_mm.T / block.width_mm
    return AtCells(gy=dose, change_gy=change, bend_gy=bend)


def _one_by_one(grid: DoseGrid, at: Stencil, transform: Transform) -> Floats:
    """Dose on a stencil's lattice, flat, at its cells and their neighbours only: corners of its box may be
    many, and turned points cost more than those along the axes of the grid."""
    asked = np.zeros(at.wider.shape_zyx, dtype=np.bool_).ravel()
    for step in at.strides:
        asked[at.place - step] = asked[at.place + step] = True
    asked[at.place] = True
    gy = np.full(asked.shape, np.nan)
    places = np.flatnonzero(asked)
    k, j, i = np.unravel_index(places, at.wider.shape_zyx)
    xyz_mm = np.stack([at.wider.x_mm[i], at.wider.y_mm[j], at.wider.z_mm[k]], axis=1)
    gy[places] = grid.at_points(xyz_mm, transform)
    return gy


def _agreed(before: Floats, after: Floats) -> Floats:
    """The smaller of the changes on both sides of a cell, none where they are opposed.

    A step of dose beside a cell is no change within it. At the edge of a grid the known side is taken.
    """
    smaller = np.maximum(np.minimum(before, after), 0.0)
    smaller += np.minimum(np.maximum(before, after), 0.0)
    unknown = np.isnan(smaller)
    if unknown.any():
        smaller[unknown] = np.nan_to_num(np.where(np.isnan(after), before, after)[unknown])
    return smaller


def _wider(block: Block) -> Lattice:
    """A block's lattice with one more cell on each side."""
    axes = []
    for axis, first, last in (
        (block.lattice.x_mm, block.width_mm, block.width_mm),
        (block.lattice.y_mm, block.width_mm, block.width_mm),
        (block.lattice.z_mm, block.height_mm[0], block.height_mm[-1]),
    ):
        axes.append(np.concatenate([[axis[0] - first], axis, [axis[-1] + last]]))
    return Lattice(x_mm=axes[0], y_mm=axes[1], z_mm=axes[2])
