"""Rules on the isodose of a session: how far contours span it, and how near it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dosecalc.celldoses import cell_doses, solid_of
from dosecalc.checking.context import Context, each_structure, finding
from dosecalc.checking.judging import digits, measured, worst
from dosecalc.checking.session_rules import days_of
from dosecalc.doses import DoseGrid
from dosecalc.errors import FrameError, MissingDoseError
from dosecalc.findings import Finding, Outcome, Reading
from dosecalc.goals import Extreme
from dosecalc.intervals import Band, Interval
from dosecalc.lattices import Lattice
from dosecalc.registrations import NoPath
from dosecalc.rules import Distance, Rule, Span
from dosecalc.sampling import Quadrature
from dosecalc.sessions import Contribution, GridFraction
from dosecalc.transforms import IDENTITY, bounds

Floats = npt.NDArray[np.float64]

_ISODOSE_MM = 1.0
"""Spacing at which an isodose is traced for distances: what a setup is reproducible to."""
_AT_ONCE = 256
"""Points of an isodose whose nearest cells are sought together."""


def session_on(
    context: Context, contributions: tuple[Contribution, ...], frame_uid: str, lattice: Lattice
) -> Floats:
    """Dose of one session on a lattice of a frame of reference: what is known of it, a lower bound.

    Raises
    ------
    MissingDoseError : if a plan of the session has no dose that can be used.
    FrameError : if a dose lies in a frame that nothing links to this one.
    """
    total = np.zeros(lattice.shape_zyx)
    for contribution in contributions:
        fraction = contribution.fraction
        if not isinstance(fraction, GridFraction):
            raise MissingDoseError(fraction.reason)
        for part in fraction.parts:
            path = context.case.frames.path(frame_uid, part.dose.frame_uid)
            if isinstance(path, NoPath):
                raise FrameError(f"{part.dose.source}: {path}")
            dose = part.dose.at(lattice, None if path == IDENTITY else path)
            total += float(contribution.share_of(part.beam)) * part.scale * np.nan_to_num(dose)
    return total


def _isodose_range_mm(
    context: Context, course: str, frame_uid: str, dose_gy: float
) -> tuple[float, float, bool] | None:
    """Craniocaudal ends of an isodose over all sessions of a course, and whether a grid cuts it off.

    Between the slices of the grid the highest dose of a slice is interpolated linearly.
    """
    found: list[tuple[float, float, bool]] = []
    for day in days_of(context.course_ledger(course)):
        lacks = (*day.missing, *context.treatment.lost)
        if lacks:
            raise MissingDoseError("; ".join(lacks))
        for grid in dict.fromkeys(
            part.dose
            for c in day.contributions
            if isinstance(c.fraction, GridFraction)
            for part in c.fraction.parts
        ):
            if context.case.frames.path(frame_uid, grid.frame_uid) != IDENTITY:
                # The slices of such a grid are not those of the structure.
                raise FrameError(f"{grid.source}: not in the frame of reference of the structure")
            dose = session_on(context, day.contributions, frame_uid, grid.lattice)
            highest = dose.max(axis=(1, 2))
            hot = np.flatnonzero(highest >= dose_gy)
            if hot.size:
                z_mm, first, last = grid.lattice.z_mm, int(hot[0]), int(hot[-1])
                cut = any(face.max() >= dose_gy for face in _faces(dose))
                low = _crossing(z_mm, highest, first, first - 1, dose_gy)
                high = _crossing(z_mm, highest, last, last + 1, dose_gy)
                found.append((low, high, cut))
    if not found:
        return None
    return min(f[0] for f in found), max(f[1] for f in found), any(f[2] for f in found)


def _faces(dose: Floats) -> tuple[Floats, ...]:
    """The six outer faces of an array ``[z, y, x]``."""
    return dose[0], dose[-1], dose[:, 0], dose[:, -1], dose[:, :, 0], dose[:, :, -1]


def _crossing(z_mm: Floats, highest: Floats, inside: int, outside: int, dose_gy: float) -> float:
    if not 0 <= outside < z_mm.size:
        return float(z_mm[inside])
    share = (highest[inside] - dose_gy) / (highest[inside] - highest[outside])
    return float(z_mm[inside] + share * (z_mm[outside] - z_mm[inside]))


def span(context: Context, rule: Rule, test: Span) -> Iterator[Finding]:
    """Contours reach as far up and down as the isodose does, without a gap."""
    yield from each_structure(rule, test.structures, lambda name: _span(context, rule, test, name))


def _span(context: Context, rule: Rule, test: Span, name: str) -> Finding:
    structure = context.find(name, context.structure_set(test.course))
    body = solid_of(structure, context.settings)
    reach = _isodose_range_mm(context, test.course, structure.frame_uid, test.dose_gy)
    if reach is None:
        text = f"no session reaches {test.dose_gy:g} Gy"
        return finding(rule, Outcome.PASS, text, structure=name)
    low, high, cut = reach
    gaps = _gaps_mm(list(body.held_mm), low, high)
    text = f"contoured from z = {body.breaks_mm[0]:.1f} to {body.breaks_mm[-1]:.1f} mm, "
    text += f"{test.dose_gy:g} Gy isodose of a session from {low:.1f} to {high:.1f} mm"
    if cut:
        text += "; the isodose reaches the end of the dose grid"
    if gaps:
        text += "; missing: " + ", ".join(f"{b - a:.1f} mm from z = {a:.1f} to {b:.1f} mm" for a, b in gaps)
    guessed = [(a, b) for a, b in body.bridged_mm if a < high and b > low]
    if guessed:
        text += "; slices missing: " + ", ".join(f"z = {a:.1f} to {b:.1f} mm" for a, b in guessed)
    missing = sum(b - a for a, b in (*gaps, *guessed))
    return replace(
        finding(rule, Outcome.UNCERTAIN if missing > 0 or cut else Outcome.PASS, text, structure=name),
        band=Band(value=missing),
        deciding=Interval.exactly(missing),
        limit=0.0,
        comparison="<=",
        unit="mm",
    )


def _gaps_mm(held: list[tuple[float, float]], low: float, high: float) -> list[tuple[float, float]]:
    """The parts of a range that no ascending interval holds.

    >>> _gaps_mm([(-5.0, 0.0), (0.0, 3.0), (4.0, 6.0)], -7.0, 5.0)
    [(-7.0, -5.0), (3.0, 4.0)]
    """
    gaps, at = [], low
    for start, stop in held:
        if start > at:
            gaps.append((at, min(start, high)))
        at = max(at, stop)
        if at >= high:
            break
    if at < high:
        gaps.append((at, high))
    return [(a, b) for a, b in gaps if b > a]


def distance(context: Context, rule: Rule, test: Distance) -> Iterator[Finding]:
    """Shown, not judged: how near the isodose is, and what a shift of the patient would do."""
    yield from each_structure(rule, test.structures, lambda name: _distance(context, rule, test, name))


def _distance(context: Context, rule: Rule, test: Distance, name: str) -> Finding:
    structure = context.find(name, context.structure_set(test.course))
    ledger = context.course_ledger(test.course)
    lacks = (*ledger.missing(), *context.treatment.lost)
    if lacks:
        raise MissingDoseError("; ".join(lacks))
    quadrature = context.quadrature(structure)
    days = [d.contributions for d in days_of(ledger)]
    cells = context.cells(structure, ledger)
    highest = [cells.session_curve(c).bounds(lambda curve: curve.max_gy).low for c in days]
    inside = any(gy >= test.dose_gy for gy in highest)
    gap = 0.0 if inside else _distance_mm(context, quadrature, days, test.dose_gy)
    if gap is not None:
        # The isodose lies up to one step beyond the points traced, the wall half a cell beyond its cell.
        gap = max(gap - _ISODOSE_MM - quadrature.cell_mm / 2, 0.0)
    shifted = []
    for offset in test.shift_mm * np.vstack([np.eye(3), -np.eye(3)]):
        there = cell_doses(_moved(cells.quadrature, offset), ledger.grids(), frames=context.case.frames)
        found = [measured(test.goal, there.session_curve(c)) for c in days]
        shifted.append(worst(found, test.goal)[1])
    moved = worst([(i, Extreme.MAXIMUM) for i in shifted], test.goal)[1]
    text = (
        f"the {test.dose_gy:g} Gy isodose of a session is nowhere"
        if gap is None
        else f"the {test.dose_gy:g} Gy isodose of a session passes through it"
        if inside
        else f"{gap:.1f} mm or more to the {test.dose_gy:g} Gy isodose of a session"
        if gap > 0
        else f"the {test.dose_gy:g} Gy isodose of a session is nearer than it can be traced"
    )
    most = "up to" if moved.is_bounded else "at least"
    text += f"; {test.goal.text.split()[0]} {most} {digits(moved.value, test.goal.limit)} Gy"
    text += f" when shifted by {test.shift_mm:g} mm along an axis"
    reading = Reading.of(f"shifted by {test.shift_mm:g} mm", moved, "Gy/fx")
    done = finding(rule, Outcome.PASS, text, structure=name)
    if gap is None:
        return replace(done, shown_readings=(reading,))
    return replace(
        done,
        band=Band(value=gap),
        deciding=Interval.exactly(gap),
        unit="mm",
        shown_readings=(reading,),
    )


def _moved(quadrature: Quadrature, offset_xyz_mm: Floats) -> Quadrature:
    blocks = tuple(b.moved(offset_xyz_mm) for b in quadrature.blocks)
    return replace(quadrature, blocks=blocks, body=None)


def _surface(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Points of a region, ``[z, y, x]``, that have a neighbour outside it."""
    padded = np.pad(inside, 1)
    core = inside.copy()
    for axis in range(3):
        for step in (-1, 1):
            core &= np.roll(padded, step, axis=axis)[1:-1, 1:-1, 1:-1]
    return inside & ~core


def _distance_mm(
    context: Context,
    quadrature: Quadrature,
    days: list[tuple[Contribution, ...]],
    dose_gy: float,
) -> float | None:
    """Distance from cells that have less than a dose to the nearest point that has it; None if none has."""
    from scipy.spatial import cKDTree  # noqa: PLC0415 - a third of all imports, and only this needs it

    nearest: list[float] = []
    cells = cKDTree(quadrature.centres_xyz_mm())
    for contributions in days:
        for grid in {
            part.dose
            for c in contributions
            if isinstance(c.fraction, GridFraction)
            for part in c.fraction.parts
        }:
            traced = _lattice_here(context, quadrature.frame_uid, grid)
            if traced is None:
                continue
            coarse = session_on(context, contributions, quadrature.frame_uid, traced)
            where = np.argwhere(coarse >= dose_gy)
            if not where.size:
                continue
            axes = []
            for number, axis in enumerate((traced.z_mm, traced.y_mm, traced.x_mm)):
                low = axis[max(where[:, number].min() - 1, 0)]
                high = axis[min(where[:, number].max() + 1, axis.size - 1)]
                count = int((high - low) / _ISODOSE_MM) + 1
                axes.append(np.linspace(low, high, count + 1) if high > low else np.array([low]))
            fine = Lattice(x_mm=axes[2], y_mm=axes[1], z_mm=axes[0])
            dose = session_on(context, contributions, quadrature.frame_uid, fine)
            hot = fine.points_xyz_mm()[_surface(dose >= dose_gy)]
            nearest.append(_least_mm(cells, hot))
    return min(nearest, default=None)


def _least_mm(cells: Any, points_xyz_mm: Floats) -> float:
    """The distance from the nearest of some points to the nearest cell of a tree.

    Few points lie near: once one is known, only what is nearer than that is sought for the others.
    """
    least = np.inf
    for begin in range(0, len(points_xyz_mm), _AT_ONCE):
        gaps, _ = cells.query(points_xyz_mm[begin : begin + _AT_ONCE], distance_upper_bound=least)
        least = min(least, float(gaps.min()))
    return least


def _lattice_here(context: Context, frame_uid: str, grid: DoseGrid) -> Lattice | None:
    """A grid's own lattice, or where it lies in another frame an even one that holds all of it here.

    None where no point of this frame has an image in that of the grid.
    """
    path = context.case.frames.path(frame_uid, grid.frame_uid)
    if isinstance(path, NoPath):
        raise FrameError(f"{grid.source}: {path}")
    if path == IDENTITY:
        return grid.lattice
    axes = (grid.lattice.x_mm, grid.lattice.y_mm, grid.lattice.z_mm)
    ends = (np.array([axis[end] for axis in axes]) for end in (0, -1))
    low, high = bounds(path.inverse(), *ends)
    if np.any(low > high):
        return None
    spacing = min(float(np.diff(axis).min()) for axis in axes if axis.size > 1)
    x_mm, y_mm, z_mm = (np.arange(a, b + spacing, spacing) for a, b in zip(low, high, strict=True))
    return Lattice(x_mm=x_mm, y_mm=y_mm, z_mm=z_mm)
