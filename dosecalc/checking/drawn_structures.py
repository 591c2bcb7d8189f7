"""Outlines of structures in the sections of a hot spot: the judged one, the targets, and what lies near."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.checking.context import Context
from dosecalc.checking.ct_sections import Window
from dosecalc.checking.judged_dose import JudgedDose
from dosecalc.checking.tracing import outlined
from dosecalc.errors import ContourError, DosecalcError
from dosecalc.sections import Outline, OutlineKind, Plane
from dosecalc.structures import Structure

Floats = npt.NDArray[np.float64]
Outlines = Mapping[Plane, list[Outline]]

_OTHERS = 12
"""More outlines than these hide what the picture is for."""
_BEYOND_MM = 5.0
"""How far a solid may reach beyond its contours: no slice is thicker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    structure: Structure
    kind: OutlineKind
    name: str


def structure_outlines(
    context: Context, name: str, judged: JudgedDose, window: Window
) -> tuple[Outlines, tuple[str, ...]]:
    """Outlines by plane, and what is not drawn and why.

    The judged structure comes last, so that it is drawn over the others.
    """
    found: Outlines = {plane: [] for plane in Plane}
    notes: list[str] = []
    targets = list(_targets(context, judged, notes))
    first = _Drawn(structure=judged.structure, kind=OutlineKind.JUDGED, name=name)
    known = {id(d.structure) for d in (first, *targets)}
    others, left = 0, 0
    for structure in _near(judged, window):
        if id(structure) in known:
            continue
        if others == _OTHERS:
            left += 1
            continue
        each = _Drawn(structure=structure, kind=OutlineKind.STRUCTURE, name=structure.name)
        others += _add(context, each, window, found, notes)
    if left:
        notes.append(f"not drawn: up to {left} more structures, which are further from the hot spot")
    for each in (*targets, first):
        _add(context, each, window, found, notes)
    return found, tuple(notes)


def _targets(context: Context, judged: JudgedDose, notes: list[str]) -> Iterator[_Drawn]:
    """What the plans are prescribed to, each once, but for the judged structure itself."""
    seen = {id(judged.structure)}
    for assigned in context.treatment.plans:
        try:
            target = context.target_of(assigned)
        except DosecalcError as error:
            notes.append(f"not drawn: the target of {assigned.name}: {error}")
            continue
        if id(target) in seen:
            continue
        seen.add(id(target))
        if target.frame_uid and judged.structure.frame_uid not in ("", target.frame_uid):
            notes.append(
                f"not drawn: {target.name}, the target of {assigned.name}, which is on another image"
            )
        else:
            yield _Drawn(structure=target, kind=OutlineKind.TARGET, name=target.name)


def _near(judged: JudgedDose, window: Window) -> Iterator[Structure]:
    """Structures of the set with a contour near what is shown, the nearest to the hot spot first."""
    low, high = np.array(window.low_xyz_mm) - _BEYOND_MM, np.array(window.high_xyz_mm) + _BEYOND_MM
    spot = np.array(window.spot_xyz_mm)
    found = []
    for place, structure in enumerate(judged.structure_set):
        if not structure.contours or structure.problem:
            continue
        points = np.concatenate([c.points_xyz_mm for c in structure.contours])
        if np.all((points.max(axis=0) >= low) & (points.min(axis=0) <= high)):
            off = points - spot
            found.append((float(np.einsum("ij,ij->i", off, off).min()), place, structure))
    yield from (structure for _, _, structure in sorted(found, key=lambda each: each[:2]))


def _add(context: Context, drawn: _Drawn, window: Window, found: Outlines, notes: list[str]) -> bool:
    """Outlines of one structure, and whether there are any."""
    try:
        body = context.body(drawn.structure)
    except ContourError as error:
        notes.append(f"not drawn: {error}")
        return False
    cuts = {plane: (window.spot_xyz_mm[plane.axes[2]], window.extent(plane)) for plane in Plane}
    outlines = outlined(body, cuts)
    for plane, loops in outlines.items():
        if loops:
            found[plane].append(Outline(name=drawn.name, kind=drawn.kind, loops=loops))
    return any(outlines.values())
