"""Rows of the table of structures: what all courses together give, where some of it is not known too."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import book
import cases
import numpy as np
from book import Session
from cases import CaseSpec, Link
from places import Floats, Points
from quadrature import (
    FINE_MM,
    NEAR_MAXIMUM_CM3,
    TotalDose,
    eqd2,
    near_maximum_gy,
    physical,
    session_gy,
    stored_session_gy,
    sum_points_of,
)

Row = dict[str, Any]

CONTOUR_SHARE = 0.002  # of a mean: chords, and slices of 3 mm on a curved tube
CONTOUR_MM = 0.12  # how far contours lie from the solid: chords 0.03, slices of 3 mm 0.1
CELL_MM = 0.8  # within which a maximum, or a minimum, is told
STEP_MM = 0.5  # of slopes
MEAN, NEAR_MAXIMUM, MAXIMUM = "Mean", "D0.03cc", "Dmax"
CORD_ALPHA_BETA_GY, LATE_ALPHA_BETA_GY = 2.0, 3.0

LATE = ("EQD2(3)", functools.partial(eqd2, alpha_beta_gy=LATE_ALPHA_BETA_GY))
CORD = ("EQD2(2)", functools.partial(eqd2, alpha_beta_gy=CORD_ALPHA_BETA_GY))
PHYSICAL = ("Physical", physical)
Wanted = tuple[str, str, tuple[str, TotalDose]]  # structure, metric, quantity
WANTED: tuple[Wanted, ...] = (
    ("A_Carotid_L", NEAR_MAXIMUM, PHYSICAL),
    ("A_Carotid_L", NEAR_MAXIMUM, LATE),
    ("A_Carotid_R", MEAN, LATE),
    ("A_Carotid_R", NEAR_MAXIMUM, LATE),
    ("SpinalCord", MEAN, PHYSICAL),
    ("SpinalCord", MEAN, CORD),
    ("SpinalCord", NEAR_MAXIMUM, CORD),
    ("Brainstem", MEAN, CORD),
)


def row_values(case: CaseSpec) -> dict[str, Any]:
    """Rows of all courses together, for cases with more than one frame or with numbers only."""
    if case.prior_numbers:
        return {"rows": [*uniform_rows(case), *bounded_rows(case), *unknown_rows(case)]}
    if case.link is Link.INVERTED or not (case.new_ct or case.link is not Link.ONE_FRAME):
        return {}
    is_open = not case.prior or case.link is Link.UNREGISTERED
    return {"rows": [known_row(case, wanted, is_open=is_open) for wanted in WANTED]}


def known(case: CaseSpec, sessions: Counter[Session]) -> Counter[Session]:
    """Those whose dose can be had: not those of a frame that nothing leads to."""
    if case.link is not Link.UNREGISTERED:
        return sessions
    return Counter({s: n for s, n in sessions.items() if s[0].plan.course != "prior"})


class Sum:
    """What the known courses give in a structure: the closed form and what a reader of the files sees."""

    def __init__(self, case: CaseSpec, name: str, total_of: TotalDose) -> None:
        self.points = sum_points_of(case, name, FINE_MM)
        self._sessions, self._total_of = known(case, book.sessions(case)), total_of
        self.gy = self._at(self.points)
        self.stored_gy = total_of(self._sessions, self.points, stored_session_gy)
        self.volume_cm3 = len(self.gy) * math.prod(FINE_MM) / 1000

    def _at(self, points: Points) -> Floats:
        return self._total_of(self._sessions, points, session_gy)

    def value(self, metric: Callable[[Floats], float]) -> float:
        return metric(self.gy)

    def tolerance(self, metric: Callable[[Floats], float], *, within_mm: float) -> float:
        """How far the stored grids are from the closed form, and the steepest slope there over a distance."""
        value = metric(self.gy)
        near = np.argsort(np.abs(self.gy - value), kind="stable")[: _count(NEAR_MAXIMUM_CM3)]
        return abs(metric(self.stored_gy) - value) + within_mm * self._steepest(near)

    def _steepest(self, near: np.ndarray[Any, Any]) -> float:
        x, y, z = (p[near] for p in self.points)
        h = STEP_MM
        slopes = [
            (self._at((x + h, y, z)) - self._at((x - h, y, z))) / (2 * h),
            (self._at((x, y + h, z)) - self._at((x, y - h, z))) / (2 * h),
            (self._at((x, y, z + h)) - self._at((x, y, z - h))) / (2 * h),
        ]
        return float(np.linalg.norm(slopes, axis=0).max())


@functools.cache
def sum_of(case: CaseSpec, name: str, quantity: tuple[str, TotalDose]) -> Sum:
    return Sum(case, name, quantity[1])


def _count(cm3: float) -> int:
    return round(cm3 * 1000 / math.prod(FINE_MM))


def mean_gy(dose_gy: Floats) -> float:
    return float(dose_gy.mean())


def maximum_gy(dose_gy: Floats) -> float:
    return float(dose_gy.max())


def minimum_gy(dose_gy: Floats) -> float:
    return float(dose_gy.min())


def near_minimum_gy(dose_gy: Floats) -> float:
    """What all but the coldest 0.03 cm3 have at least."""
    count = _count(NEAR_MAXIMUM_CM3)
    return float(np.partition(dose_gy, count)[count])


METRICS = {MEAN: mean_gy, NEAR_MAXIMUM: near_maximum_gy, MAXIMUM: maximum_gy}


def known_row(case: CaseSpec, of: Wanted, *, is_open: bool, more: float = 0.0) -> Row:
    """A value of the known courses and the same everywhere in addition; open above, or that and no more."""
    name, metric, quantity = of
    found = sum_of(case, name, quantity)
    value = found.value(METRICS[metric]) + more
    tolerance = abs(found.value(mean_gy) - mean_gy(found.stored_gy)) + CONTOUR_SHARE * value
    if metric != MEAN:
        tolerance = found.tolerance(METRICS[metric], within_mm=CONTOUR_MM)
    return row(of, value, None if is_open else value, tolerance)


def row(of: Wanted, low: float, high: float | None, tolerance: float) -> Row:
    name, metric, (quantity, _) = of
    return {
        "name": name, "metric": metric, "course": "total", "quantity": quantity, "low": round(low, 3),
        "high": None if high is None else round(high, 3), "tolerance": math.ceil(tolerance * 100) / 100,
    }  # fmt: skip


def prior_effect(quantity: str, gy: float) -> float:
    """A dose of the prior course, of equal fractions, as physical dose or EQD2."""
    d, n = gy / cases.PRIOR_FRACTIONS, cases.PRIOR_FRACTIONS
    alpha_beta = {"EQD2(2)": CORD_ALPHA_BETA_GY, "EQD2(3)": LATE_ALPHA_BETA_GY}.get(quantity)
    return gy if alpha_beta is None else n * d * (d + alpha_beta) / (2 + alpha_beta)


def uniform_rows(case: CaseSpec) -> list[Row]:
    """One dose everywhere adds to every value as it is."""
    return [
        known_row(case, (cases.UNIFORM, metric, quantity), is_open=False,
                  more=prior_effect(quantity[0], cases.UNIFORM_GY))
        for quantity in (PHYSICAL, LATE) for metric in (MEAN, NEAR_MAXIMUM)
    ]  # fmt: skip


def unknown_rows(case: CaseSpec) -> list[Row]:
    return [known_row(case, (cases.UNKNOWN, metric, CORD), is_open=True) for metric in (MEAN, NEAR_MAXIMUM)]


def bounded_rows(case: CaseSpec) -> list[Row]:
    """The maximum and the near-maximum of the sum, wherever the dose of the prior course lies.

    ``A`` is known and has a volume of V; of ``B`` the maximum M and the near-maximum N are. Above: no point
    has more than Dmax(A) + M; 0.03 cm3 with more than D0.03cc(A) + M would have more than D0.03cc(A) of A,
    with more than Dmax(A) + N more than N of B. Below: A alone; and the 0.03 cm3 that have N of B have at
    least Dmin(A) of A, the hottest point of them what all but 0.03 cm3 have.
    """
    found = []
    for quantity in (PHYSICAL, CORD):
        known_sum = sum_of(case, cases.BOUNDED, quantity)
        most, near = (prior_effect(quantity[0], gy) for gy in (cases.MAX_GY, cases.NEAR_MAX_GY))
        maximum, d003, minimum, all_but = (
            known_sum.value(m) for m in (maximum_gy, near_maximum_gy, minimum_gy, near_minimum_gy)
        )
        slack = known_sum.tolerance
        cell = max(slack(m, within_mm=CELL_MM) for m in (maximum_gy, minimum_gy))
        contour = max(slack(m, within_mm=CONTOUR_MM) for m in (near_maximum_gy, near_minimum_gy))
        tolerance = max(cell, contour)
        low, high = max(maximum, all_but + near), maximum + most
        found.append(row((cases.BOUNDED, MAXIMUM, quantity), low, high, tolerance))
        low, high = max(d003, minimum + near), min(d003 + most, maximum + near)
        found.append(row((cases.BOUNDED, NEAR_MAXIMUM, quantity), low, high, tolerance))
    return found
