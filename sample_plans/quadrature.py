"""Closed-form doses on dense points of the solids, and what is measured on them: the second method.

Nothing here reads the files, rasters a contour or interpolates a grid, except to say how far the
stored grids are from the closed forms, which goes into the tolerances.
"""

from __future__ import annotations

import functools
import math
import operator
from collections import Counter
from collections.abc import Callable

import numpy as np
from anatomy import Floats, Solid
from book import Session
from cases import CaseSpec, PlanSpec
from fields import total
from places import Points, back, read

SessionDose = Callable[[list[PlanSpec], Points], Floats]
TotalDose = Callable[[Counter[Session], Points, SessionDose], Floats]

NEAR_MAXIMUM_CM3 = 0.03
FINE_MM = (0.25, 0.25, 0.3)  # for near-maxima: 1600 points make 0.03 cm3
COARSE_MM = (1.0, 1.0, 1.0)  # for medians, means and percentages
MOST_KEPT = 128  # doses of a plan at points, of some MB each


def solid_of(case: CaseSpec, name: str) -> Solid | None:
    return next((s for s in case.solids() if s.name == name), None)


def points_of(case: CaseSpec, name: str, step_mm: tuple[float, float, float]) -> Points:
    solid = solid_of(case, name)
    assert solid is not None, f"{case.name} has no {name}"
    return _points_in(solid, step_mm)


@functools.cache
def _points_in(solid: Solid, step_mm: tuple[float, float, float]) -> Points:
    """Most cases have the same solids, and these the same points."""
    return solid.points(step_mm)


@functools.cache
def sum_points_of(case: CaseSpec, name: str, step_mm: tuple[float, float, float]) -> Points:
    """Points of a structure that sums are taken in, which may be contoured in another frame."""
    if case.sum_place is None:
        return points_of(case, name, step_mm)
    solid = next(s for s in case.sum_solids() if s.name == name)
    return back(case.sum_place, solid.points(step_mm))


def session_gy(plans: list[PlanSpec], points: Points) -> Floats:
    """Closed form of the physical sum of one fraction of each plan."""
    return total(tuple(f for p in plans for f in p.fields), *points)


def stored_session_gy(plans: list[PlanSpec], points: Points) -> Floats:
    """The same as a trilinear reader of the stored grids would see it."""
    sum_gy = np.zeros(points[0].shape)
    for plan in (one for p in plans for one in (p.beams() or [p])):
        nodes, there = plan.grid.axes(), read(plan.place, points)
        x, y, z = (np.clip(p, n[0], n[-1]) for p, n in zip(there, nodes, strict=True))  # outer half voxel
        stored = plan.grid.interpolator(plan.fields, plan.stored_fractions, plan.place)
        sum_gy += stored(np.column_stack((z, y, x))) / plan.fractions
    return sum_gy


def covered(plans: list[PlanSpec], points: Points) -> Points:
    """The points that lie in a voxel of every plan's grid along x (the other axes cover all)."""
    x = points[0]
    low = max(p.grid.axes()[0][0] - p.grid.step_mm[0] / 2 for p in plans)
    high = min(p.grid.axes()[0][-1] + p.grid.step_mm[0] / 2 for p in plans)
    keep = (x >= low) & (x <= high)
    if keep.all():
        return points
    return points[0][keep], points[1][keep], points[2][keep]


def near_maximum_gy(dose_gy: Floats) -> float:
    """D0.03cc of FINE_MM points: the lowest dose of the hottest 0.03 cm3."""
    count = round(NEAR_MAXIMUM_CM3 * 1000 / math.prod(FINE_MM))
    return float(np.partition(dose_gy, -count)[-count])


def least_to(dose_gy: Floats, percent: float) -> float:
    """D98% and the like: what ``percent`` of the volume has at least."""
    return float(np.percentile(dose_gy, 100 - percent))


def shared_gy(session: Session, points: Points, dose: SessionDose = session_gy) -> Floats:
    """What a visit gives: of each plan its share of a fraction, or of each of its beams by itself."""
    at = _At(points)
    parts = (share * _of_one(dose, one, at) for part in session for one, share in part.doses())
    return sum(parts, np.zeros(points[0].shape))


class _At:
    """Points by which they are: equal only to the very same arrays."""

    def __init__(self, points: Points) -> None:
        self.points = points

    def __hash__(self) -> int:
        return hash(tuple(map(id, self.points)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _At) and all(map(operator.is_, self.points, other.points))


@functools.lru_cache(maxsize=MOST_KEPT)
def _of_one(dose: SessionDose, plan: PlanSpec, at: _At) -> Floats:
    """One plan at points: it is asked for in every session, in every quantity and in most cases."""
    found = dose([plan], at.points)
    found.setflags(write=False)
    return found


def physical(sessions: Counter[Session], points: Points, dose: SessionDose) -> Floats:
    """Physical dose of all sessions."""
    parts = (n * shared_gy(s, points, dose) for s, n in sessions.items())
    return sum(parts, np.zeros(points[0].shape))


def eqd2(sessions: Counter[Session], points: Points, dose: SessionDose, *, alpha_beta_gy: float) -> Floats:
    """EQD2 of all sessions; what is given in one is summed before."""
    sum_gy = np.zeros(points[0].shape)
    for session, count in sessions.items():
        d = shared_gy(session, points, dose)
        sum_gy += count * d * (d + alpha_beta_gy) / (2 + alpha_beta_gy)
    return sum_gy
