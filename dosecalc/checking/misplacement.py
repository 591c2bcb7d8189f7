"""What a registration that is off does to a sum: each point with the least and the most dose near it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from dosecalc.celldoses import CellDoses, Kept
from dosecalc.checking.context import Context
from dosecalc.checking.sums import summed
from dosecalc.doses import DoseGrid
from dosecalc.errors import DosecalcError
from dosecalc.findings import Reading
from dosecalc.goals import Goal
from dosecalc.intervals import Interval
from dosecalc.registrations import NoPath

Floats = npt.NDArray[np.float64]

USUAL_MM = 3.0
"""How far off a registration is shown to be where nobody states it: what moved a cord's cumulative maximum
from 72 to 127 Gy (RADAR 2025)."""
_PER_RADIUS = 2
"""Points looked at along each axis, on the way from a cell to how far it may be off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced:
    """A metric of the sum with all doses of other images taken within so many mm of each point.

    ``anywhere`` looks at all points so near, ``within`` at those in the structure only.
    """

    radius_mm: float
    is_stated: bool
    anywhere: Interval
    within: Interval

    def readings(self, unit: str) -> Iterator[Reading]:
        """The ends of both, for showing."""
        stated = "" if self.is_stated else ", which nobody stated"
        for where, found in (("anywhere", self.anywhere), ("in the structure", self.within)):
            for word, end in (("least", found.low), ("most", found.high)):
                name = f"registration off by {self.radius_mm:g} mm{stated}, {where}: at {word}"
                yield Reading(name=name, value=end, unit=unit)


def of_other_images(context: Context) -> tuple[DoseGrid, ...]:
    """Doses of plans on other images than that of the sum: what rests on a registration, or on one frame."""
    try:
        reference = context.structure_set()
    except DosecalcError:
        return ()
    uids = {p.plan.uid for p in context.treatment.plans if p.plan.structure_set_uid != reference.uid}
    frames = {s.frame_uid for s in reference if s.frame_uid}
    return tuple(
        grid
        for grid in context.treatment.ledger.known().grids()
        if uids & set(grid.plan_uids) or (grid.frame_uid and grid.frame_uid not in frames)
    )


def misplaced(context: Context, cells: CellDoses, goal: Goal, name: str, kept: Kept) -> Misplaced | None:
    """A metric of the sum with the doses of other images off by as much as is stated, or usual.

    None where all is of one image, or where a dose does not reach all of it. A course in numbers is of the
    organ, wherever that lies.
    """
    grids = [g for g in of_other_images(context) if g in cells.gy]
    if not grids or any(np.isnan(gy).any() for gy in cells.gy.values()):
        return None
    stated = context.case.statement.registration_mm
    radius = USUAL_MM if stated is None else stated
    book = context.treatment.ledger
    as_it_is = summed(cells, book, goal, name, kept=kept)[0]
    near = {g: _near(context, cells, g, radius) for g in grids}

    def between(which: int) -> Interval:
        least, most = (
            summed(
                replace(cells, gy={**cells.gy, **{g: near[g][which][end] for g in grids}}),
                book,
                goal,
                name,
                kept=kept,
            )[0]
            for end in (0, 1)
        )
        value = as_it_is.value
        if not as_it_is.is_bounded:  # what is known of it moves all the same
            return Interval(value=value, low=min(value, least.value), high=max(value, most.value))
        below, above = max(as_it_is.low - least.low, 0.0), max(most.high - as_it_is.high, 0.0)
        return Interval(value=value, low=value - below, high=value + above)

    return Misplaced(radius_mm=radius, is_stated=stated is not None, anywhere=between(0), within=between(1))


def _near(
    context: Context, cells: CellDoses, grid: DoseGrid, radius_mm: float
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """The least and the most dose near each cell: of all points, and of those in the structure."""
    path = context.case.frames.path(cells.quadrature.frame_uid, grid.frame_uid)
    assert not isinstance(path, NoPath)  # a dose that reaches all of the structure is linked to it
    here = cells.quadrature.centres_xyz_mm()
    tree, size = cKDTree(here), np.cbrt(cells.volume_cm3 * 1000)
    own = cells.gy[grid]
    least, most, least_in, most_in = own.copy(), own.copy(), own.copy(), own.copy()
    for offset in _offsets(radius_mm):
        dose = grid.at_points(here + offset, path)
        least, most = np.fmin(least, dose), np.fmax(most, dose)
        away, nearest = tree.query(here + offset)
        inside = away <= size[nearest] * np.sqrt(3) / 2
        least_in = np.where(inside, np.fmin(least_in, dose), least_in)
        most_in = np.where(inside, np.fmax(most_in, dose), most_in)
    return (least, most), (least_in, most_in)


def _offsets(radius_mm: float) -> list[Floats]:
    """Points of a ball around 0 and on its surface, without 0 itself."""
    steps = np.linspace(-1, 1, 2 * _PER_RADIUS + 1)
    inside = [np.array(p) for p in itertools.product(steps, repeat=3) if 0 < np.linalg.norm(p) <= 1]
    corners = [np.array(p, dtype=float) for p in itertools.product((-1, 0, 1), repeat=3) if any(p)]
    return [radius_mm * p for p in inside] + [radius_mm * p / np.linalg.norm(p) for p in corners]
