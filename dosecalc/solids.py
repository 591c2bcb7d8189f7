"""Solids that contours in parallel planes bound, and what two solids have in common."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dosecalc.contours import (
    NO_EDGES,
    Inside,
    boundary,
    depths,
    loop_edges,
    loops_of,
    signed_area_mm2,
    touches_itself,
)
from dosecalc.errors import ContourError
from dosecalc.linking import NONE, Links, linked
from dosecalc.outlines import Outlines, circles_its_centroid, outlines
from dosecalc.shapes import ABOVE, BELOW, Between, EndCaps, Shape, extruded, interpolated

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

_PLANE_MM = 0.01
"""Points of one contour, and contours of one plane, may differ this much in z: DICOM decimals."""
_OFF_PLANE_MM = 0.2
"""Contours this near to a plane, or a quarter of a slice, belong to it: a plane of their own would take
their thickness from its."""
_REPEAT_MM = 0.2
"""Outlines this close on average are one contour stored twice; no wall is contoured thinner."""
_GAP = 1.5
"""Planes further apart than this many usual spacings have slices missing between them."""
_SLIVER_MM = 1e-4
"""What is thinner than this all over is left of two surfaces that are the same but for rounding."""
_LEAST_MM = 1e-6
"""Layers thinner than this are rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCap:
    """What a solid has beyond an end plane, in mm of z; flat where the contours do not say how it ends."""

    plane_mm: float
    end_mm: float
    flat: bool


class Body(Protocol):
    """What can be cut into layers."""

    @property
    def breaks_mm(self) -> Floats:
        """Heights between which parts neither begin nor end, ascending; the first and last are the ends."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noticed while the solid was made, in words."""

    @property
    def caps(self) -> tuple[EndCap, ...]:
        """The parts of the solid that are there by convention, beyond the planes at its ends."""

    def sections(self, low_mm: Floats, high_mm: Floats) -> tuple[Floats, Ints]:
        """Mean sections of layers (layers,): edges with the inside to the left, and the layer of each.

        Edges come layer by layer.
        """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solid:
    """One structure's solid: a shape, and in words what was noticed while it was made.

    ``bridged_mm`` are the gaps between planes where slices are missing and the solid was carried over.
    """

    shape: Shape | None
    notes: tuple[str, ...] = ()
    bridged_mm: tuple[tuple[float, float], ...] = ()

    @property
    def breaks_mm(self) -> Floats:
        """The ends of all outlines' parts, and the planes that end caps begin at."""
        if self.shape is None:
            return np.zeros(0)
        shape = self.shape
        ends = np.concatenate([shape.low_mm, shape.high_mm])
        planes = np.array([cap.plane_mm for cap in self.caps])
        every = np.sort(np.concatenate([ends, planes]))
        every = every[(every >= ends.min()) & (every <= ends.max())]
        return np.asarray(every[np.diff(every, prepend=-np.inf) > _LEAST_MM])

    @property
    def caps(self) -> tuple[EndCap, ...]:
        """At each end where all that is left of the solid is beyond its plane."""
        if self.shape is None:
            return ()
        shape, found = self.shape, []
        for side, end_mm in ((BELOW, shape.low_mm), (ABOVE, shape.high_mm)):
            reaches = shape.open[:, side] & (np.abs(end_mm - shape.found.z_mm) > _LEAST_MM)
            for plane in np.unique(shape.found.z_mm[reaches]).tolist():
                here = reaches & (shape.found.z_mm == plane)
                furthest = end_mm[here][np.argmax(np.abs(end_mm[here] - plane))]
                middle = (plane + furthest) / 2
                through = (shape.low_mm < middle) & (middle < shape.high_mm)
                if not np.any(through & ~here):
                    flat = not bool(shape.rounded[here, side].all())
                    found.append(EndCap(plane_mm=plane, end_mm=float(furthest), flat=flat))
        return tuple(found)

    @property
    def held_mm(self) -> tuple[tuple[float, float], ...]:
        """From where to where in z the part of each outline reaches, ascending."""
        if self.shape is None:
            return ()
        return tuple(sorted(zip(self.shape.low_mm.tolist(), self.shape.high_mm.tolist(), strict=True)))

    def sections(self, low_mm: Floats, high_mm: Floats) -> tuple[Floats, Ints]:
        assert self.shape is not None
        return self.shape.sections(low_mm, high_mm)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combination:
    """The points for which ``inside(in first, in second)`` holds, section by section."""

    first: Body
    second: Body
    inside: Inside

    @property
    def breaks_mm(self) -> Floats:
        return np.union1d(self.first.breaks_mm, self.second.breaks_mm)

    @property
    def notes(self) -> tuple[str, ...]:
        return self.first.notes + self.second.notes

    @property
    def caps(self) -> tuple[EndCap, ...]:
        """Those of the first, and of the second unless it is taken away: its caps hold no cells then."""
        both = np.ones(1, dtype=np.bool_)
        return self.first.caps + (self.second.caps if self.inside(both, both)[0] else ())

    def sections(self, low_mm: Floats, high_mm: Floats) -> tuple[Floats, Ints]:
        parts = [_by_layer(body, low_mm, high_mm) for body in (self.first, self.second)]
        found = [boundary(one, other, self.inside) for one, other in zip(*parts, strict=True)]
        return np.concatenate([NO_EDGES, *found]), np.repeat(
            np.arange(len(found)), [len(edges) for edges in found]
        )


def _by_layer(body: Body, low_mm: Floats, high_mm: Floats) -> list[Floats]:
    if not len(body.breaks_mm):
        return [NO_EDGES] * len(low_mm)
    edges, layer = body.sections(low_mm, high_mm)
    ends = np.searchsorted(layer, np.arange(len(low_mm) + 1))
    return [edges[a:b] for a, b in itertools.pairwise(ends.tolist())]


def combine(first: Body, second: Body, inside: Inside) -> Combination:
    """The solid of points for which ``inside(in first, in second)`` holds.

    Examples
    --------
    >>> def box(x, z):
    ...     square = np.array([[x, 0.0, z], [x + 2, 0, z], [x + 2, 2, z], [x, 2, z]])
    ...     return solid([square, square + [0, 0, 1]], end_caps=EndCaps.HALF)
    >>> round(volume_mm3(combine(box(0, 0), box(1, 1.5), lambda a, b: a & b)), 9)
    1.0
    >>> round(volume_mm3(combine(box(0, 0), box(1, 1.5), lambda a, b: a & ~b)), 9)
    7.0
    """
    return Combination(first=first, second=second, inside=inside)


def layers(body: Body, thickness_mm: float) -> tuple[Floats, Floats]:
    """Ends of layers no thicker than that, each between two breaks, ascending.

    >>> square = np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]])
    >>> layers(solid([square], slice_mm=3.0, end_caps=EndCaps.HALF), 1.0)[0]
    array([-1.5 , -0.75,  0.  ,  0.75])
    """
    breaks = body.breaks_mm
    count = np.maximum(np.ceil(np.diff(breaks) / thickness_mm - 1e-9), 1).astype(np.intp)
    owner = np.repeat(np.arange(len(count)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    ends = [breaks[owner] + (np.diff(breaks) / count)[owner] * (step + k) for k in (0, 1)]
    return ends[0], ends[1]


def volume_mm3(body: Body) -> float:
    """Volume of a solid whose loops do not cross; what is all slivers of rounding has none."""
    low, high = layers(body, np.inf)
    if not len(low):
        return 0.0
    edges, layer = body.sections(low, high)
    x0, y0, x1, y1 = edges.T
    volume = float(np.sum((x0 * y1 - x1 * y0) / 2 * (high - low)[layer]))
    surface = float(np.sum(np.hypot(x1 - x0, y1 - y0) * (high - low)[layer]))
    return volume if abs(volume) > _SLIVER_MM * surface else 0.0


def solid(
    loops_xyz_mm: Sequence[Floats],
    *,
    slice_mm: float | None = None,
    end_caps: EndCaps = EndCaps.AUTO,
    between: Between = Between.INTERPOLATED,
) -> Solid:
    """The solid that closed contours in planes of constant z bound.

    Parameters
    ----------
    loops_xyz_mm : contours, each (n, 3) in mm
    slice_mm : usual spacing of the slices where it is known; needed where all contours lie in one
        plane, and where planes are further apart than it, slices count as missing
    end_caps : what lies beyond the first and last plane of each connected run of planes
    between : what lies between planes

    Raises
    ------
    ContourError : for contours that are no planar loops of three points or more, or are in one plane
        of unknown thickness.

    Notes
    -----
    Where planes are missing and the sections on both sides overlap, the gap is bridged; otherwise the
    solid has two parts, each with its end caps. Either is said in ``notes``, as is a contour that occurs
    twice, which would cancel itself.
    """
    notes: list[str] = []
    found, planes = _outlines(loops_xyz_mm, notes)
    if found is None:
        return Solid(shape=None)
    z_mm = found.z_mm[planes[:-1]]
    if len(z_mm) == 1 and slice_mm is None:
        raise ContourError(
            f"all contours lie in one plane, z = {z_mm[0]:g} mm: expected two planes or more, or the "
            "spacing of the slices, to know how thick the structure is"
        )
    usual = _usual_mm(z_mm, slice_mm)
    missing = np.diff(z_mm) > _GAP * usual
    reach = _reach(planes, z_mm, missing, usual)
    links = linked(found, planes, missing)
    if missing.any():
        links = _without_closed(found, links, planes, missing, reach)
    bridged = _said_of_gaps(z_mm, planes, missing, links, usual, notes=notes)
    low, high = _flat_ends(found, planes, missing, links, 0.0 if end_caps is EndCaps.NONE else usual / 2)
    if between is Between.EXTRUDED:
        shape = extruded(found, links, low, high)
    else:
        round_off = reach if end_caps is EndCaps.AUTO else None
        shape, refused = interpolated(found, links, low, high, reach_mm=round_off)
        for z in np.unique(refused).tolist():
            notes.append(f"extruded above z = {z:g} mm: the two sections there are too unlike to interpolate")
    return Solid(shape=shape, notes=tuple(notes), bridged_mm=tuple(bridged))


def _usual_mm(z_mm: Floats, slice_mm: float | None) -> float:
    """The usual gap between planes: one that there is, and no more than the spacing of the slices."""
    gaps = np.sort(np.diff(z_mm))
    if not len(gaps):
        return float(slice_mm or 0.0)
    usual = float(gaps[(len(gaps) - 1) // 2])
    if slice_mm is not None and usual > slice_mm + _PLANE_MM:
        return slice_mm  # slices far apart are no slices of that thickness
    return usual


def _outlines(loops_xyz_mm: Sequence[Floats], notes: list[str]) -> tuple[Outlines | None, Ints]:
    """All outlines by plane, and where each plane starts in them."""
    planes = [
        (z, loop)
        for z, around in sorted(_planes(loops_xyz_mm, notes).items())
        for loop in _without_repeats(around, z, notes)
    ]
    if not planes:
        return None, np.zeros(1, dtype=np.intp)
    simple = circles_its_centroid([loop for _, loop in planes]).tolist()
    loops: list[Floats] = []
    heights: list[float] = []
    holes: list[bool] = []
    starts = [0]
    for plane, around in itertools.groupby(zip(planes, simple, strict=True), key=lambda item: item[0][0]):
        parts = [part for (_, loop), whole in around for part in ([loop] if whole else _simple(loop))]
        loops += parts
        heights += [plane] * len(parts)
        holes += [depth % 2 == 1 for depth in depths(parts)]
        starts.append(len(loops))
    return outlines(loops, np.array(heights), np.array(holes)), np.array(starts)


def _simple(loop: Floats) -> list[Floats]:
    """A loop that runs along itself, as one that walks into a hole and back does, as loops that do not."""
    if not touches_itself(loop):
        return [loop]
    parts = loops_of(boundary(loop_edges(loop), NO_EDGES, lambda first, _: first))
    return parts or [loop]


def _planes(loops_xyz_mm: Sequence[Floats], notes: list[str]) -> dict[float, list[Floats]]:
    """Loops (n, 2) by the z of their plane; contours a little off a plane belong to it."""
    flat = []
    for number, loop in enumerate(loops_xyz_mm, start=1):
        if len(loop) < 3:
            raise ContourError(f"contour {number}: expected 3 points or more, found {len(loop)}")
        height = loop[:, 2]
        low, high = float(height.min()), float(height.max())
        if high - low > _PLANE_MM:
            raise ContourError(
                f"contour {number}: expected points in a plane of constant z, found z from "
                f"{low:g} to {high:g} mm"
            )
        flat.append((float(height.mean()), number, loop))
    flat.sort(key=lambda item: item[:2])
    near = _near_mm(np.array([z for z, _, _ in flat]))
    planes: dict[float, list[Floats]] = {}
    plane = -np.inf
    for z, _, loop in flat:
        if z - plane > near:
            plane = z
        elif z - plane > _PLANE_MM:
            notes.append(f"a contour at z = {z:g} mm is taken to the plane at z = {plane:g} mm")
        planes.setdefault(plane, []).append(loop[:, :2])
    return planes


def _near_mm(z_mm: Floats) -> float:
    """How far off a plane a contour may lie and belong to it: a part of the spacing of the planes.

    That is the gap which half of the structure's length lies in; where contours lie off their planes,
    most of all gaps are small ones.
    """
    gaps = np.sort(np.diff(z_mm))
    if gaps.sum() <= 0:
        return _PLANE_MM
    usual = float(gaps[np.searchsorted(np.cumsum(gaps), gaps.sum() / 2)])
    return max(_PLANE_MM, min(_OFF_PLANE_MM, usual / 4))


def _without_repeats(loops: list[Floats], z_mm: float, notes: list[str]) -> list[Floats]:
    """The loops less repeats: two equal contours would cancel under the even-odd rule.

    Contours are equal where their outlines are, whatever their points, direction or last decimals.
    """
    kept: list[Floats] = []
    for loop in loops:
        if not any(_repeats(loop, other) for other in kept):
            kept.append(loop)
    if len(kept) < len(loops):
        notes.append(f"the same contour occurs twice at z = {z_mm:g} mm; it is taken once")
    return kept


def _repeats(loop: Floats, other: Floats) -> bool:
    """Whether two outlines are nowhere far apart: what lies between them, over their length."""
    corners = (loop.min(axis=0), loop.max(axis=0)), (other.min(axis=0), other.max(axis=0))
    if np.max(np.abs(np.subtract(*corners))) > 5 * _REPEAT_MM:
        return False
    edges = loop_edges(loop)
    length = float(np.hypot(*(edges[:, 2:] - edges[:, :2]).T).sum())
    between = signed_area_mm2(boundary(edges, loop_edges(other), lambda a, b: a ^ b))
    return between <= _REPEAT_MM * length


def _without_closed(found: Outlines, links: Links, planes: Ints, missing: Bools, reach_mm: Floats) -> Links:
    """The links less those across missing slices between two parts that both close there by themselves."""
    before_gap = np.flatnonzero(np.repeat(np.append(missing, False), np.diff(planes)))
    low = before_gap[links.above[before_gap] != NONE]
    high = links.above[low]
    apart = replace(links, above=links.above.copy(), below=links.below.copy())
    apart.above[low] = apart.below[high] = NONE
    shape, _ = interpolated(found, apart, found.z_mm, found.z_mm, reach_mm=reach_mm)
    closed = shape.rounded[low, ABOVE] & shape.rounded[high, BELOW]
    apart.above[low[~closed]], apart.below[high[~closed]] = high[~closed], low[~closed]
    return apart


def _said_of_gaps(
    z_mm: Floats, planes: Ints, missing: Bools, links: Links, usual: float, *, notes: list[str]
) -> list[tuple[float, float]]:
    """The gaps that are bridged where slices are missing; these and the others are noted."""
    bridged = []
    for k in np.flatnonzero(missing).tolist():
        below, above = float(z_mm[k]), float(z_mm[k + 1])
        across = slice(planes[k], planes[k + 1])
        if np.any(links.above[across] != NONE) or np.any(links.splits_above[across]):
            bridged.append((below, above))
            notes.append(
                f"no contours between z = {below:g} and {above:g} mm, where slices are "
                f"{usual:g} mm apart: the gap is bridged"
            )
        else:
            notes.append(f"separate parts below z = {below:g} mm and above z = {above:g} mm")
    return bridged


def _flat_ends(
    found: Outlines, planes: Ints, missing: Bools, links: Links, cap_mm: float
) -> tuple[Floats, Floats]:
    """From where to where each outline holds: to the middles of gaps, and to the caps at open ends."""
    z_mm = found.z_mm[planes[:-1]]
    plane = np.repeat(np.arange(len(z_mm)), np.diff(planes))
    middle = (z_mm[1:] + z_mm[:-1]) / 2
    ends = []
    for side, continues, gap in (
        (-1.0, (links.below != NONE) | links.splits_below, plane - 1),
        (1.0, (links.above != NONE) | links.splits_above, plane),
    ):
        inside = (gap >= 0) & (gap < len(middle))
        at = np.clip(gap, 0, max(len(middle) - 1, 0))
        to_middle = inside.copy()
        if len(middle):
            to_middle &= continues | ~missing[at]
        cap = found.z_mm + side * cap_mm
        ends.append(np.where(to_middle, middle[at], cap) if len(middle) else cap)
    return ends[0], ends[1]


def _reach(planes: Ints, z_mm: Floats, missing: Bools, usual: float) -> Floats:
    """How far an end of each outline may be rounded off, by side: one slice, or to the next plane."""
    gaps = np.where(missing, usual, np.diff(z_mm))
    by_plane = np.stack([np.append(usual, gaps), np.append(gaps, usual)], axis=1)
    assert (BELOW, ABOVE) == (0, 1)
    return np.asarray(np.repeat(by_plane, np.diff(planes), axis=0))
