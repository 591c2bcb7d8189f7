"""The shape between slices: how one outline goes over into the next, and how it ends.

Per outline, what is carried along z is its centroid ``c``, its second moments ``M`` and the radii of its
form (see ``outlines``); the section at z is ``c(z) + S(z) u r(z)/r`` with ``S S = M``. Each is a parabola or
less from plane to plane, bent as much as its neighbours agree on, so that nothing overshoots. Ellipsoids,
cones and cylinders in any direction have centroids and moments that are exactly that, and a form that
does not change: they come back exactly, and so do prisms, straight or oblique.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.contours import NO_EDGES, any_inside
from dosecalc.linking import NONE, Links
from dosecalc.outlines import DIRECTIONS, Forms, Outlines, finer, forms, root, turned_into

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

BELOW, ABOVE = 0, 1
_CENTROID, _MOMENTS, _COMPACT, _RADII = slice(0, 2), slice(2, 5), 5, slice(6, 6 + DIRECTIONS)
_AREA = slice(2, 6)  # the moments, and the area over the root of their determinant
_SMALL = 1 / 16
"""An outline with less than this part of its neighbour's area is but the tip of it: the neighbour's points
stand for its form."""
_OUT_OF_RANGE = 0.15
"""Between two slices, areas may go beyond those of both by this part of them: a ball halfway between its
largest sections does by 1/8 where it has three."""
_TIP = 0.01
"""A section whose smaller second moment is this part of the last outline's has come to its end."""
_TIP_STEPS = 64
_SLACK = 1.02
"""A pole that lies in the next plane is within reach, whatever rounding says."""
_DOT_MM2 = 0.25
"""An end outline smaller than this is a dot that says how far the structure reaches: it keeps half a slice
like any other flat end, at no cost in volume. Of a hole it says nothing: that one is but a tip."""


class EndCaps(enum.Enum):
    """What a solid has beyond its first and its last slice."""

    AUTO = "auto"  # rounded off where the sections shrink and would vanish within one slice, else half
    HALF = "half"  # half a slice of the last section
    NONE = "none"


class Between(enum.Enum):
    """What a solid is between slices."""

    INTERPOLATED = "interpolated"
    EXTRUDED = "extruded"  # each section holds for its slice


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """Outlines, from where to where each holds, and how it changes on the way.

    Parameters
    ----------
    found : the outlines
    form : their forms
    donor : whose points stand for each outline, (loops,)
    low_mm, high_mm : where each outline's part of the solid begins and ends, (loops,)
    value, slope, bend : what is carried, its first and its second difference, by side below and above;
        (loops, n) and (loops, 2, n)
    other_mm : the second node of each parabola, (loops, 2)
    moves : sides on which anything changes at all, (loops, 2)
    open : ends that nothing continues, (loops, 2)
    rounded : of these the ones whose extrapolation vanishes, (loops, 2)
    """

    found: Outlines
    form: Forms
    donor: Ints
    low_mm: Floats
    high_mm: Floats
    value: Floats
    slope: Floats
    bend: Floats
    other_mm: Floats
    moves: Bools
    open: Bools
    rounded: Bools

    def sections(self, low_mm: Floats, high_mm: Floats) -> tuple[Floats, Ints]:
        """Mean sections of layers: the section in the middle of each, with the mean area of the layer.

        Parameters
        ----------
        low_mm, high_mm : ends of the layers, which follow each other, (layers,)

        Returns
        -------
        edges with the inside to the left, (n, 4), and to which layer each belongs, (n,), ascending
        """
        middle = (low_mm + high_mm) / 2
        first = np.searchsorted(middle, self.low_mm)
        count = np.maximum(np.searchsorted(middle, self.high_mm) - first, 0)
        loop = np.repeat(np.arange(len(count)), count)
        layer = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)
        order = np.argsort(layer, kind="stable")
        loop, layer = loop[order], layer[order]
        at = self.at(loop, middle[layer])
        donor = self.donor[loop]
        ratio = (at[:, _RADII] / self.form.radius[donor]).ravel()

        if not len(loop):
            return NO_EDGES, layer
        counts = np.diff(self.found.start)[donor]
        first = np.cumsum(counts) - counts
        pair = np.repeat(np.arange(len(loop)), counts)
        point = (self.found.start[donor] - first)[pair] + np.arange(len(pair))
        turn = self.form.turn[point]
        lower = turn.astype(np.intp)
        here = ratio[pair * DIRECTIONS + lower % DIRECTIONS]
        there = ratio[pair * DIRECTIONS + (lower + 1) % DIRECTIONS]
        u = self.form.u[point] * (here + (turn - lower) * (there - here))[:, None]
        around = turned_into(root(at[:, _MOMENTS])[pair], u)
        area = np.abs(np.add.reduceat(_twice(around, _following(around, first)), first)) / 2
        wanted = self._mean_area(loop, low_mm[layer], high_mm[layer])
        changed = self.moves[loop].any(axis=1) & (area > 0)
        scale = np.sqrt(np.divide(wanted, area, out=np.ones_like(area), where=changed))
        xy = at[:, _CENTROID][pair] + scale[pair, None] * around
        return np.hstack([xy, _following(xy, first)]), layer[pair]

    def at(self, loop: Ints, z_mm: Floats, part: slice = slice(None)) -> Floats:
        """What is carried, or a part of it, at a height below or above an outline's plane, (n, ...)."""
        side = (z_mm > self.found.z_mm[loop]).astype(np.intp)
        first = (z_mm - self.found.z_mm[loop])[:, None]
        second = (z_mm - self.other_mm[loop, side])[:, None]
        slope, bend = self.slope[..., part], self.bend[..., part]
        return np.asarray(self.value[loop, part] + first * (slope[loop, side] + second * bend[loop, side]))

    def _mean_area(self, loop: Ints, low_mm: Floats, high_mm: Floats) -> Floats:
        """The mean area of an outline's section in a layer.

        By Gauss's rule of two points on each side of its plane, where it turns from one parabola to the
        next: exact for areas that are cubic in z, as a ball's is.
        """
        plane = np.clip(self.found.z_mm[loop], low_mm, high_mm)
        total = np.zeros(len(loop))
        for begin, end in ((low_mm, plane), (plane, high_mm)):
            middle, off = (begin + end) / 2, (end - begin) / (2 * np.sqrt(3))
            for z_mm in (middle - off, middle + off):
                at = self.at(loop, z_mm, _AREA)
                total += (end - begin) / 2 * _size(at[:, :3]) * at[:, 3]
        return np.asarray(total / (high_mm - low_mm))


def _twice(points: Floats, following: Floats) -> Floats:
    """Twice the signed area between the origin and each edge."""
    return np.asarray(points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1])


def _following(points: Floats, first: Ints) -> Floats:
    """The point after each in its loop, where loops follow each other and start at ``first``."""
    following = np.roll(points, -1, axis=0)
    following[np.append(first[1:], len(points)) - 1] = points[first]
    return following


def _size(moments_mm2: Floats) -> Floats:
    """The root of the determinant: proportional to the area of a section of that form."""
    xx, xy, yy = np.moveaxis(moments_mm2, -1, 0)
    return np.asarray(np.sqrt(np.maximum(xx * yy - xy**2, 0.0)))


def _smaller_moment(moments_mm2: Floats) -> Floats:
    xx, xy, yy = np.moveaxis(moments_mm2, -1, 0)
    return np.asarray((xx + yy) / 2 - np.hypot((xx - yy) / 2, xy))


def _open(links: Links) -> Bools:
    below = (links.below == NONE) & ~links.splits_below
    return np.stack([below, (links.above == NONE) & ~links.splits_above], axis=1)


def extruded(found: Outlines, links: Links, low_mm: Floats, high_mm: Floats) -> Shape:
    """Each outline as it is, from where to where it is said to hold."""
    count = len(found)
    unit = np.array([1.0, 0.0, 1.0])
    value = np.ones((count, 6 + DIRECTIONS))
    value[:, _CENTROID], value[:, _MOMENTS] = 0.0, unit
    still = np.zeros((count, 2, 6 + DIRECTIONS))
    plain = Forms(
        u=found.points_xy_mm,
        turn=np.zeros(len(found.points_xy_mm)),
        radius=np.ones((count, DIRECTIONS)),
        star=np.zeros(count, dtype=np.bool_),
    )
    return Shape(
        found=found,
        form=plain,
        donor=np.arange(count),
        low_mm=low_mm,
        high_mm=high_mm,
        value=value,
        slope=still,
        bend=still,
        other_mm=np.stack([found.z_mm, found.z_mm], axis=1),
        moves=np.zeros((count, 2), dtype=np.bool_),
        open=_open(links),
        rounded=np.zeros((count, 2), dtype=np.bool_),
    )


def interpolated(
    found: Outlines, links: Links, low_mm: Floats, high_mm: Floats, *, reach_mm: Floats | None
) -> tuple[Shape, Floats]:
    """Outlines that go over into each other where they are linked.

    Parameters
    ----------
    found, links : outlines and which continue which
    low_mm, high_mm : where each holds if its ends are flat
    reach_mm : up to how far from its plane an end may be rounded off, by side, (loops, 2); None where
        ends are to be flat

    Returns
    -------
    the shape, and the planes below gaps that had to be extruded, in mm
    """
    found = finer(found, DIRECTIONS)
    form = forms(found)
    value = _carried(found, form)
    change = _differences(found, form, links, value)
    refused = _refused(found, links, value, change)
    for loop in refused.tolist():
        change.moves[loop, ABOVE] = change.moves[links.above[loop], BELOW] = False
    for differences in (change.slope, change.bend):
        differences[~change.moves] = 0.0
    value[~found.sound, _MOMENTS] = np.array([1.0, 0.0, 1.0])
    shape = Shape(
        found=found,
        form=form,
        donor=_donors(found, links, change.moves),
        low_mm=low_mm.copy(),
        high_mm=high_mm.copy(),
        value=value,
        slope=change.slope,
        bend=change.bend,
        other_mm=change.other_mm,
        moves=change.moves,
        open=_open(links),
        rounded=np.zeros((len(found), 2), dtype=np.bool_),
    )
    if reach_mm is not None:
        _close(shape, reach_mm)
    return shape, found.z_mm[refused]


def _carried(found: Outlines, form: Forms) -> Floats:
    size = _size(found.moments_mm2)
    compact = np.where(found.sound, found.area_mm2 / np.where(found.sound, size, 1.0), 1.0)
    return np.hstack([found.centroid_xy_mm, found.moments_mm2, compact[:, None], form.radius])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Differences:
    """First and second differences on both sides of each outline, their second nodes, and where any are."""

    slope: Floats
    bend: Floats
    other_mm: Floats
    moves: Bools


def _differences(found: Outlines, form: Forms, links: Links, value: Floats) -> _Differences:
    count, width = value.shape
    slope, bend = np.zeros((count, 2, width)), np.zeros((count, 2, width))
    other = np.stack([found.z_mm, found.z_mm], axis=1)
    moves = np.zeros((count, 2), dtype=np.bool_)
    low = np.flatnonzero((links.above != NONE) & found.sound)
    low = low[found.sound[links.above[low]]]
    high = links.above[low]
    gap = (found.z_mm[high] - found.z_mm[low])[:, None]
    slope[low, ABOVE] = slope[high, BELOW] = (value[high] - value[low]) / gap
    moves[low, ABOVE] = moves[high, BELOW] = True
    other[low, ABOVE], other[high, BELOW] = found.z_mm[high], found.z_mm[low]

    inner = moves[:, BELOW] & moves[:, ABOVE]
    width_mm = np.where(inner, other[:, ABOVE] - other[:, BELOW], 1.0)[:, None]
    second = np.where(inner[:, None], (slope[:, ABOVE] - slope[:, BELOW]) / width_mm, 0.0)
    agreed = _agreed(second[low], second[high])
    agreed = np.where(inner[low][:, None], np.where(inner[high][:, None], agreed, second[low]), second[high])
    comparable = (form.star[low] & form.star[high])[:, None]
    most = 2 * np.minimum(value[low, _RADII], value[high, _RADII]) / gap**2
    agreed[:, _RADII] = np.where(comparable, np.clip(agreed[:, _RADII], -most, most), 0.0)
    slope[low, ABOVE, _RADII] = np.where(comparable, slope[low, ABOVE, _RADII], 0.0)
    slope[high, BELOW, _RADII] = slope[low, ABOVE, _RADII]
    bend[low, ABOVE] = bend[high, BELOW] = agreed
    return _Differences(slope=slope, bend=bend, other_mm=other, moves=moves)


def _agreed(first: Floats, second: Floats) -> Floats:
    """What two second differences agree on: their harmonic mean, or none where they are opposed.

    Centroids and moments are taken as a whole, so that the answer turns with the frame.
    """
    result = np.zeros_like(first)
    for part, alone in ((_CENTROID, False), (_MOMENTS, False), (slice(5, None), True)):
        a, b = first[:, part], second[:, part]
        weight = np.array([1.0, np.sqrt(2.0), 1.0]) if part == _MOMENTS else 1.0
        sizes = [
            np.abs(v) if alone else np.sqrt(np.sum((v * weight) ** 2, axis=1, keepdims=True)) for v in (a, b)
        ]
        total = sizes[0] + sizes[1]
        result[:, part] = (a * sizes[1] + b * sizes[0]) / np.where(total > 0, total, 1.0)
    return result


def _refused(found: Outlines, links: Links, value: Floats, change: _Differences) -> Ints:
    """Outlines above which the shape would leave what its two sections allow."""
    low = np.flatnonzero(change.moves[:, ABOVE])
    high = links.above[low]
    slope, bend = change.slope[low, ABOVE, :6], change.bend[low, ABOVE, :6]
    least = (1 - _OUT_OF_RANGE) * np.minimum(found.area_mm2[low], found.area_mm2[high])
    most = (1 + _OUT_OF_RANGE) * np.maximum(found.area_mm2[low], found.area_mm2[high])
    gap = found.z_mm[high] - found.z_mm[low]
    bad: Bools = np.zeros(len(low), dtype=np.bool_)
    for part in (0.25, 0.5, 0.75):
        first, second = (part * gap)[:, None], ((part - 1) * gap)[:, None]
        at = value[low, :6] + first * (slope + second * bend)
        area = _size(at[:, _MOMENTS]) * at[:, _COMPACT]
        bad |= (_smaller_moment(at[:, _MOMENTS]) <= 0) | (area < least) | (area > most)
    return np.asarray(low[bad])


def _donors(found: Outlines, links: Links, moves: Bools) -> Ints:
    donor = np.arange(len(found))
    for side, neighbour in ((BELOW, links.below), (ABOVE, links.above)):
        tip = np.flatnonzero(moves[:, side])
        larger = neighbour[tip]
        small = found.area_mm2[tip] < _SMALL * found.area_mm2[larger]
        donor[tip[small]] = larger[small]
    return donor


def _close(shape: Shape, reach_mm: Floats) -> None:
    """Carry ends on as they came: to their tip where that is near, else for half a slice."""
    for side, inner, end_mm in ((BELOW, ABOVE, shape.low_mm), (ABOVE, BELOW, shape.high_mm)):
        ends = np.flatnonzero(shape.open[:, side] & shape.moves[:, inner])
        for part in (_CENTROID, _MOMENTS):
            shape.slope[ends, side, part] = shape.slope[ends, inner, part]
            shape.bend[ends, side, part] = shape.bend[ends, inner, part]
        shape.other_mm[ends, side] = shape.other_mm[ends, inner]
        shape.moves[ends, side] = True
        for loop in ends.tolist():
            dot = shape.found.area_mm2[loop] < _DOT_MM2 and not shape.found.hole[loop]
            reach = float(reach_mm[loop, side])
            tip = None if dot else _tip(shape, loop, reach if side == ABOVE else -reach)
            if tip is not None:
                end_mm[loop] = tip
                shape.rounded[loop, side] = True
        for outline, holes in _rings(shape.found, shape.open[:, side]).items():
            _close_ring(shape, outline, holes, side, end_mm)
        for loop in ends[~shape.rounded[ends, side]].tolist():
            _move_on(shape, loop, side)


def _rings(found: Outlines, ends: Bools) -> dict[int, list[int]]:
    """Outlines that end, each with the holes that end in it."""
    rings: dict[int, list[int]] = {}
    around = ~found.hole & found.sound
    ending = found.hole & found.sound & ends & np.isin(found.z_mm, found.z_mm[around & ends])
    for hole in np.flatnonzero(ending).tolist():
        here = np.flatnonzero(around & (found.z_mm == found.z_mm[hole])).tolist()
        holding = [loop for loop in here if any_inside(found.loop(hole), found.loop(loop))]
        nearest = min(holding, key=lambda loop: float(found.area_mm2[loop]), default=NONE)
        if nearest != NONE and ends[nearest]:
            rings.setdefault(nearest, []).append(hole)
    return rings


def _close_ring(shape: Shape, outline: int, holes: list[int], side: int, end_mm: Floats) -> None:
    """End an outline and its holes together; one that is rounded off, where no wall is left between them.

    Beyond there they cross, and what crossing loops bound depends on the layers they are cut into. A hole
    that ended before its outline, but for a tip of its own, would get a lid; one that outlasted it would
    be solid.
    """
    plane_mm = float(shape.found.z_mm[outline])
    tipped, tip_mm = shape.rounded[holes, side], np.abs(end_mm[holes] - plane_mm)
    if shape.rounded[outline, side]:
        z_mm = np.linspace(plane_mm, end_mm[outline], _TIP_STEPS + 1)
        open_yet = ~tipped[:, None] | (np.abs(z_mm - plane_mm) <= tip_mm[:, None])
        areas = np.array([_area(shape, hole, z_mm) for hole in holes])
        wall = _area(shape, outline, z_mm) - np.sum(areas * open_yet, axis=0)
        gone = np.flatnonzero(wall <= 0)
        if len(gone) and gone[0] > 0:  # outlines of one plane that cross may leave no wall to begin with
            end_mm[outline] = _zero(z_mm, wall, int(gone[0]))
    together = np.array(holes)[~tipped | (tip_mm > abs(end_mm[outline] - plane_mm))]
    end_mm[together] = end_mm[outline]
    shape.rounded[together, side] |= shape.rounded[outline, side]


def _area(shape: Shape, loop: int, z_mm: Floats) -> Floats:
    """The area of an outline's section at some heights, none where it has vanished."""
    at = shape.at(np.full(len(z_mm), loop), z_mm, _AREA)
    return np.where(_smaller_moment(at[:, :3]) > 0, _size(at[:, :3]) * at[:, 3], 0.0)


def _zero(z_mm: Floats, size: Floats, gone: int) -> float:
    """Where a size is 0 that is positive at the height before number ``gone`` and no more at that one."""
    part = size[gone - 1] / (size[gone - 1] - size[gone])
    return float(z_mm[gone - 1] + part * (z_mm[gone] - z_mm[gone - 1]))


def _move_on(shape: Shape, loop: int, side: int) -> None:
    """A flat end: the last section moved on along its centroid, and slanted as that is.

    A part with the cross-section Q about an axis of slope s = dc/dz has M = Q + q s s^T, where q, for a
    round one, is the smaller moment. Along the end s changes and Q does not; how much of q s s^T there is
    shows between the last two sections.
    """
    back = shape.found.z_mm[loop] - shape.other_mm[loop, side]
    bend = shape.bend[loop, side, _CENTROID]
    mean = shape.slope[loop, side, _CENTROID]
    slope = mean + back * bend  # at the plane; 2 bend more for each mm on
    before = mean - back * bend
    slanted = (_symmetric(slope, slope) - _symmetric(before, before)) / (2 * back)
    seen = shape.slope[loop, side, _MOMENTS]
    round_mm2 = float(_smaller_moment(shape.value[loop : loop + 1, _MOMENTS])[0])
    size = float(np.sum(slanted**2))
    part = float(np.clip(np.sum(seen * slanted) / size, 0.0, round_mm2)) if size > 0 else 0.0
    twice = part * 2 * _symmetric(bend, bend)
    shape.bend[loop, side, _MOMENTS] = twice
    shape.slope[loop, side, _MOMENTS] = part * 2 * _symmetric(slope, bend) - back * twice


def _symmetric(a: Floats, b: Floats) -> Floats:
    """a b^T + b a^T as xx, xy, yy."""
    return np.array([2 * a[0] * b[0], a[0] * b[1] + a[1] * b[0], 2 * a[1] * b[1]])


def _tip(shape: Shape, loop: int, reach_mm: float) -> float | None:
    """Where an outline's extrapolation vanishes within ``reach_mm`` of its plane, if it does."""
    way = reach_mm * _SLACK * np.linspace(0, 1, _TIP_STEPS + 1)
    n = np.full(_TIP_STEPS + 1, loop)
    z_mm = shape.found.z_mm[loop] + way
    at = shape.at(n, z_mm, _MOMENTS)
    moment = _smaller_moment(at) / max(float(_smaller_moment(at[:1])[0]), np.finfo(np.float64).tiny)
    if not moment[1] < 1:
        return None
    gone = np.flatnonzero(moment <= 0)
    if len(gone):
        return _zero(z_mm, moment, int(gone[0]))
    least = int(np.argmin(moment))
    return float(z_mm[least]) if moment[least] <= _TIP and least < _TIP_STEPS else None
