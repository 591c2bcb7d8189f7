"""Sections through the hot spot of each limit that is broken, in the very dose that was judged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dosecalc.celldoses import CellDoses
from dosecalc.checking.context import Context
from dosecalc.checking.ct_sections import Window, ct_around, grey_images, pictured
from dosecalc.checking.drawn_structures import structure_outlines
from dosecalc.checking.judged_dose import JudgedDose
from dosecalc.checking.tracing import isodose, unknown_area
from dosecalc.doses import DoseGrid
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome
from dosecalc.lattices import Lattice
from dosecalc.mapping import cells_at, ways
from dosecalc.registrations import NoPath
from dosecalc.sections import HotSpot, Outline, OutlineKind, Plane, Section
from dosecalc.structures import Structure

Floats = npt.NDArray[np.float64]

_MARGIN_MM = 25.0
_LEAST_MM, _MOST_MM = 80.0, 150.0
_DOSE_STEP_MM = 1.0
_LEVELS_PERCENT = (50, 75, 100, 125, 150)
"""Isodoses in percent of the limit."""
_UNIT = "Gy"


def hot_spots(context: Context, findings: Iterable[Finding]) -> tuple[HotSpot, ...]:
    """Sections through the hot spot of each finding that FAILs and has one, in the order of the findings.

    The dose is evaluated anew on the points of each section, from what the finding was judged by.

    Raises
    ------
    DosecalcError : if a package that draws them is not installed.

    Examples
    --------
    >>> from dosecalc.casefile import read_case
    >>> from dosecalc.checking import check
    >>> from dosecalc.protocol import load_protocol
    >>> case = read_case("sample_plans/redefine_carotid_violation")
    >>> (spot,) = check(case, load_protocol("redefine")).draw().hot_spots
    >>> spot.rule, spot.structure, spot.quantity
    ('R15', 'A_Carotid_L', 'dose of the induction session of days 1 to 3')
    >>> [s.plane.value for s in spot.sections]
    ['axial', 'coronal', 'sagittal']
    """
    found = []
    for each in findings:
        judged = context.judged.get((each.rule, each.structure))
        if each.outcome is Outcome.FAIL and each.hot_spot_xyz_mm is not None and judged is not None:
            found.append(_hot_spot(context, each, each.hot_spot_xyz_mm, judged))
    return tuple(found)


def _hot_spot(
    context: Context, finding: Finding, xyz_mm: tuple[float, float, float], judged: JudgedDose
) -> HotSpot:
    dose = _Judged(context=context, judged=judged)
    window = window_around(judged.structure, xyz_mm)
    value, ends, at_least = dose.at_point(xyz_mm)
    axes_mm = window.axes_mm(_DOSE_STEP_MM)
    outlines, said = structure_outlines(context, finding.structure, judged, window)
    image, ct_note = ct_around(context.case, judged.structure.frame_uid, window)
    greys = {}
    if image is not None:
        try:
            greys = dict(grey_images(context.case, image, window))
        except DosecalcError as error:
            ct_note = f"no CT is drawn: {error}"
    sections = []
    for plane in Plane:
        lines = (*_dose_lines(dose, plane, window, axes_mm), *outlines[plane])
        sections.append(
            Section(
                plane=plane,
                position_mm=xyz_mm[plane.axes[2]],
                extent=window.extent(plane),
                outlines=lines,
                grey=greys.get(plane),
            )
        )
    is_unknown = any(s.of(OutlineKind.NOT_KNOWN) for s in sections)
    hatched = ("where it is hatched, a dose of the sum does not reach: what is given there is not known",)
    notes = (*dose.notes(), *(hatched if is_unknown else ()), *said, ct_note)
    return HotSpot(
        rule=finding.rule,
        structure=finding.structure,
        quantity=judged.quantity,
        unit=_UNIT,
        xyz_mm=xyz_mm,
        value=value,
        ends=ends,
        at_least=at_least,
        limit=judged.limit_gy,
        comparison=finding.comparison,
        sections=tuple(sections),
        notes=tuple(dict.fromkeys(notes)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Judged:
    """The dose that was judged, at any points of the frame of its structure."""

    context: Context
    judged: JudgedDose

    def on(self, lattice: Lattice) -> CellDoses:
        """All doses of it at the points of a lattice; what nothing links to them is left out."""
        linked = [g for g in self.judged.dose.grids() if g not in self._unlinked()]
        uid, frames = self.judged.structure.frame_uid, self.context.case.frames
        cells = cells_at(lattice, linked, frame_uid=uid, frames=frames)
        nowhere = np.zeros(cells.volume_cm3.shape)  # of no weight in a sum that is said to be a part
        return replace(cells, gy={**cells.gy, **dict.fromkeys(self._unlinked(), nowhere)})

    def gy(self, lattice: Lattice) -> Floats:
        """The dose there, ``lattice.shape_zyx``; NaN where a part of it is not known."""
        return self.judged.dose.gy(self.on(lattice)).reshape(lattice.shape_zyx)

    def at_point(self, xyz_mm: Sequence[float]) -> tuple[float, tuple[float, float] | None, bool]:
        """The dose at a point, the ends of what it may be instead, and whether the truth may be more.

        Where it may be more there is no upper end, and the dose is the least that it may be.
        """
        x, y, z = (np.array([v]) for v in xyz_mm)
        cells = self.on(Lattice(x_mm=x, y_mm=y, z_mm=z))
        every = (self.judged.dose, *self.judged.dose.others())
        values = [float(dose.gy(cells)[0]) for dose in every]
        if self.judged.missing or self._unlinked() or not all(map(math.isfinite, values)):
            return min(float(dose.at_least_gy(cells)[0]) for dose in every), None, True
        low, high = min(values), max(values)
        return values[0], (low, high) if high > low else None, False

    def _unlinked(self) -> dict[DoseGrid, NoPath]:
        frames, uid = self.context.case.frames, self.judged.structure.frame_uid
        paths = {g: frames.path(uid, g.frame_uid) for g in self.judged.dose.grids()}
        return {g: path for g, path in paths.items() if isinstance(path, NoPath)}

    def notes(self) -> Iterator[str]:
        """What of the dose is not drawn, and how the rest came to these points."""
        for text in self.judged.missing:
            yield f"not drawn: {text}"
        for grid, path in self._unlinked().items():
            yield f"not drawn: dose {grid.source or grid.uid}: {path}"
        yield from self.judged.dose.notes()
        yield from ways(self.judged.dose.grids(), self.judged.structure.frame_uid, self.context.case.frames)


def window_around(structure: Structure, xyz_mm: Sequence[float]) -> Window:
    """What the sections show: a structure and a point with a margin, at least 80 and at most 150 mm."""
    points = np.concatenate([c.points_xyz_mm for c in structure.contours])
    spot = np.asarray(xyz_mm, dtype=np.float64)
    low = np.minimum(points.min(axis=0), spot) - _MARGIN_MM
    high = np.maximum(points.max(axis=0), spot) + _MARGIN_MM
    half = np.clip((high - low) / 2, _LEAST_MM / 2, _MOST_MM / 2)
    middle = (low + high) / 2
    # Where not all of it can be shown, the part around the hot spot is.
    middle = np.where(high - low > _MOST_MM, np.clip(spot, low + half, high - half), middle)
    (x0, y0, z0), (x1, y1, z1) = (middle - half).tolist(), (middle + half).tolist()
    x, y, z = spot.tolist()
    return Window(low_xyz_mm=(x0, y0, z0), high_xyz_mm=(x1, y1, z1), spot_xyz_mm=(x, y, z))


def _dose_lines(dose: _Judged, plane: Plane, window: Window, axes_mm: list[Floats]) -> Iterator[Outline]:
    """Where dose is not known, and the isodoses that occur."""
    gy = pictured(plane, dose.gy(window.lattice(plane, axes_mm)))
    across, down, _ = plane.axes
    down_mm = axes_mm[down] if plane.down_sign > 0 else -axes_mm[down][::-1]
    unknown = unknown_area(axes_mm[across], down_mm, gy)
    if unknown:
        yield Outline(name="dose not known", kind=OutlineKind.NOT_KNOWN, loops=unknown)
    for percent in _LEVELS_PERCENT:
        level = dose.judged.limit_gy * percent / 100
        loops = isodose(axes_mm[across], down_mm, gy, level)
        if loops:
            yield Outline(name=f"{level:g} {_UNIT}", kind=OutlineKind.ISODOSE, loops=loops, dose_gy=level)
