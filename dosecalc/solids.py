"""Solids made of slabs: what contours in parallel slices bound, and what two solids have in common."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.contours import NO_EDGES, Inside, boundary, loop_edges, oriented, signed_area_mm2
from dosecalc.errors import ContourError

Floats = npt.NDArray[np.float64]

_PLANE_MM = 0.01
"""Points of one contour, and contours of one plane, may differ this much in z: DICOM decimals."""
_OFF_PLANE_MM = 0.2
"""Contours this near to a plane, or a quarter of a slice, belong to it: a plane of their own would take
their thickness from its."""
_REPEAT_MM = 0.2
"""Outlines this close on average are one contour stored twice; no wall is contoured thinner."""
_GAP = 1.5
"""Planes further apart than this many usual spacings have slices missing between them."""


class EndCaps(enum.Enum):
    """What a solid has beyond its first and its last slice."""

    HALF = "half"  # half a slice of the last section
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slab:
    """A section (edges with the inside to the left, mm) that holds from ``low_mm`` to ``high_mm`` in z."""

    low_mm: float
    high_mm: float
    edges: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solid:
    """Slabs in ascending z, and in words what was noticed while they were made.

    ``bridged_mm`` are the gaps between planes where slices are missing and the solid was carried over.
    """

    slabs: tuple[Slab, ...]
    notes: tuple[str, ...] = ()
    bridged_mm: tuple[tuple[float, float], ...] = ()


def solid(loops_xyz_mm: Sequence[Floats], *, slice_mm: float | None = None, end_caps: EndCaps) -> Solid:
    """The solid that closed contours in planes of constant z bound: each section holds for its slice.

    Parameters
    ----------
    loops_xyz_mm : contours, each (n, 3) in mm
    slice_mm : usual spacing of the slices where it is known; needed where all contours lie in one
        plane, and where planes are further apart than it, slices count as missing
    end_caps : what lies beyond the first and last plane of each connected run of planes

    Raises
    ------
    ContourError : for contours that are no planar loops of three points or more, or are in one plane
        of unknown thickness.

    Notes
    -----
    Sections meet midway between their planes. Where planes are missing and the sections on both
    sides overlap, the gap is bridged; otherwise the solid has two parts, each with its end caps.
    Either is said in ``notes``, as is a contour that occurs twice, which would cancel itself.
    """
    notes: list[str] = []
    planes = _planes(loops_xyz_mm, notes)
    if not planes:
        return Solid(slabs=())
    z_mm = np.array(sorted(planes))
    sections = [oriented(_without_repeats(planes[z], z, notes)) for z in z_mm.tolist()]
    if len(z_mm) == 1 and slice_mm is None:
        raise ContourError(
            f"all contours lie in one plane, z = {z_mm[0]:g} mm: expected two planes or more, or the "
            "spacing of the slices, to know how thick the structure is"
        )
    usual = float(np.median(np.diff(z_mm))) if len(z_mm) > 1 else float(slice_mm or 0.0)
    if slice_mm is not None and usual > _GAP * slice_mm:
        usual = slice_mm  # two single slices far apart are no slices of that thickness
    cap = usual / 2 if end_caps is EndCaps.HALF else 0.0
    low, high, bridged = _extents(z_mm, usual, sections, cap, notes)
    slabs = tuple(
        Slab(low_mm=a, high_mm=b, edges=edges)
        for a, b, edges in zip(low, high, sections, strict=True)
        if b > a and len(edges)
    )
    return Solid(slabs=slabs, notes=tuple(notes), bridged_mm=tuple(bridged))


def _planes(loops_xyz_mm: Sequence[Floats], notes: list[str]) -> dict[float, list[Floats]]:
    """Loops (n, 2) by the z of their plane; contours a little off a plane belong to it."""
    flat = []
    for number, loop in enumerate(loops_xyz_mm, start=1):
        if len(loop) < 3:
            raise ContourError(f"contour {number}: expected 3 points or more, found {len(loop)}")
        spread = float(np.ptp(loop[:, 2]))
        if spread > _PLANE_MM:
            raise ContourError(
                f"contour {number}: expected points in a plane of constant z, found z from "
                f"{loop[:, 2].min():g} to {loop[:, 2].max():g} mm"
            )
        flat.append((float(np.mean(loop[:, 2])), number, loop))
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


def _extents(
    z_mm: Floats, usual: float, sections: Sequence[Floats], cap: float, notes: list[str]
) -> tuple[list[float], list[float], list[tuple[float, float]]]:
    """From where to where in z each section holds, with a cap (mm) at ends; and the gaps bridged."""
    bridged: list[tuple[float, float]] = []
    low = [float(z_mm[0]) - cap]
    high: list[float] = []
    for k, (below, above) in enumerate(itertools.pairwise(z_mm.tolist())):
        missing = above - below > _GAP * usual
        if missing and not _overlap(sections[k], sections[k + 1]):
            notes.append(f"separate parts below z = {below:g} mm and above z = {above:g} mm")
            high.append(below + cap)
            low.append(above - cap)
            continue
        if missing:
            bridged.append((below, above))
            notes.append(
                f"no contours between z = {below:g} and {above:g} mm, where slices are "
                f"{usual:g} mm apart: the gap is bridged"
            )
        high.append((below + above) / 2)
        low.append((below + above) / 2)
    high.append(float(z_mm[-1]) + cap)
    return low, high, bridged


def _overlap(first: Floats, second: Floats) -> bool:
    return signed_area_mm2(boundary(first, second, lambda a, b: a & b)) > 0


def combine(first: Solid, second: Solid, inside: Inside) -> Solid:
    """The solid of points for which ``inside(in first, in second)`` holds, exact for the two solids.

    Examples
    --------
    >>> from dosecalc.contours import loop_edges
    >>> def box(x, z):
    ...     edges = loop_edges(np.array([[x, 0.0], [x + 2, 0], [x + 2, 2], [x, 2]]))
    ...     return Solid(slabs=(Slab(low_mm=z, high_mm=z + 2, edges=edges),))
    >>> volume_mm3(combine(box(0, 0), box(1, 1.5), lambda a, b: a & b))
    1.0
    >>> volume_mm3(combine(box(0, 0), box(1, 1.5), lambda a, b: a & ~b))
    7.0
    """
    ends = sorted({e for s in (*first.slabs, *second.slabs) for e in (s.low_mm, s.high_mm)})
    slabs = []
    for low, high in itertools.pairwise(ends):
        middle = (low + high) / 2
        edges = boundary(_section(first, middle), _section(second, middle), inside)
        if len(edges):
            slabs.append(Slab(low_mm=low, high_mm=high, edges=edges))
    return Solid(slabs=tuple(slabs), notes=first.notes + second.notes)


def _section(body: Solid, z_mm: float) -> Floats:
    return next((s.edges for s in body.slabs if s.low_mm < z_mm < s.high_mm), NO_EDGES)


def volume_mm3(body: Solid) -> float:
    """Volume of a solid whose loops do not cross."""
    return sum((s.high_mm - s.low_mm) * signed_area_mm2(s.edges) for s in body.slabs)
