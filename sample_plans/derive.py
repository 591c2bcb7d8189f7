"""What each case must give, by a second method: closed forms on dense points, and dates by hand."""

from __future__ import annotations

import functools
import math
from collections import Counter
from typing import Any

import book
import cases
import numpy as np
from agreement import frame_findings
from book import STOP_FRACTION, Session
from cases import CaseSpec, Link
from findings import Finding, finding, passes
from quadrature import (
    COARSE_MM,
    FINE_MM,
    Points,
    TotalDose,
    covered,
    eqd2,
    least_to,
    near_maximum_gy,
    physical,
    points_of,
    session_gy,
    shared_gy,
    solid_of,
    stored_session_gy,
    sum_points_of,
)
from rows import CONTOUR_SHARE, known, row_values
from timeline import (
    ALPHA_BETA_LATE_GY,
    ALPHA_BETA_TUMOUR_GY,
    calendar_findings,
    drug_findings,
    progress_values,
)

LIMIT_GY = 3.0
CONTOUR_GY = 0.015  # chords (0.03 mm) and slices of 3 mm (0.1 mm) at up to 0.13 Gy/mm
SHORT_END_GY = 0.02  # more for a contour that ends in a gradient: its end cap is a convention
CAROTIDS = ("A_Carotid_L", "A_Carotid_R")
MUCOSA = "Nasopharynx^Muc"
SPARED = (*CAROTIDS, MUCOSA)
REQUIRED = {
    "R05", "R10", "R12", "R15", "R16", "R17", "R18", "R21", "R23", "R24", "R25", "R30", "R42", "R42.organs",
}  # fmt: skip


def expected(case: CaseSpec) -> dict[str, Any]:
    findings = [
        *plan_findings(case), *target_findings(case), *sparing_findings(case),
        *contour_findings(case), *calendar_findings(case), *frame_findings(case), *drug_findings(case),
    ]  # fmt: skip
    outcomes = {f["outcome"] for f in findings if f["rule"] in REQUIRED}
    outcome = next(o for o in ("FAIL", "NOT EVALUATED", "UNCERTAIN", "PASS") if o in outcomes)
    return {
        "exit_code": {"FAIL": 1, "PASS": 0}.get(outcome, 3),
        "outcome": outcome,
        "stop_fraction": STOP_FRACTION,
        "findings": findings,
        **progress_values(case),
        **session_values(case),
        "structures": structure_values(case),
        **row_values(case),
    }


# Findings


def plan_findings(case: CaseSpec) -> list[Finding]:
    """R05, R10, R12, R23: what the plans prescribe and whether the grids hold it."""
    found = []
    for plan in case.plans():
        name, gy = plan.targets[0]
        if plan.course != "prior":
            points = sum_points_of if plan.course == "definitive" else points_of
            inside = points(case, name, COARSE_MM)
            median_gy = float(np.median(session_gy([plan], inside))) * plan.stored_fractions
            outcome = "PASS" if 0.9 <= median_gy / gy <= 1.15 else "NOT EVALUATED"
            found.append(finding("R05", outcome, name, measured=round(median_gy / gy, 4), tolerance=0.01))
    return [*found, *(finding(rule, "PASS") for rule in ("R10", "R12", "R23"))]


def trusted(case: CaseSpec) -> bool:
    """Whether R05 lets the boost's dose be used."""
    return all(p.stored_fractions == p.fractions for p in case.plans())


def target_findings(case: CaseSpec) -> list[Finding]:
    """R11 and R13: coverage of the lesion by the low dose and of the core by the boost."""
    plans = case.induction()
    lesion = session_gy([plans[0]], points_of(case, "GTVp", COARSE_MM))
    core = session_gy([plans[-1]], points_of(case, "GTVp_High", COARSE_MM))
    good = least_to(core, 95) >= 0.95 * 5 and core_outside_lesion_cm3(case) <= 0.1
    return [
        finding("R11", passes(least_to(lesion, 98) >= 0.95 * 1.5)),
        finding("R13", passes(good) if trusted(case) else "NOT EVALUATED"),
    ]


def core_outside_lesion_cm3(case: CaseSpec) -> float:
    lesion = solid_of(case, "GTVp")
    assert lesion is not None
    outside = ~lesion.inside(*points_of(case, "GTVp_High", COARSE_MM))
    return float(np.count_nonzero(outside)) * math.prod(COARSE_MM) / 1000


def sparing_findings(case: CaseSpec) -> list[Finding]:
    """R15 and R16: D0.03cc of the session's sum."""
    found = []
    for name in SPARED:
        rule = "R16" if name == MUCOSA else "R15"
        if not trusted(case) or solid_of(case, name) is None:
            found.append(finding(rule, "NOT EVALUATED", name))
        else:
            found.append(near_maximum_finding(case, rule, name))
    return found


def near_maximum_finding(case: CaseSpec, rule: str, name: str) -> Finding:
    """The worst session: FAIL by what it gives, UNCERTAIN where only fractions in parts leave it open."""
    points = points_of(case, name, FINE_MM)
    within = covered(case.induction(), points)
    found = [
        (near_maximum_gy(shared_gy(s, within)), s) for s in book.of_course(book.sessions(case), "induction")
    ]
    value, worst = max(found, key=lambda item: item[0])
    if len(within[0]) < len(points[0]) and value < LIMIT_GY:
        return finding(rule, "NOT EVALUATED", name)
    whole = [shared_gy(book.at_most(s), within) for _, s in found]
    highest = max(float(dose.max()) for dose in whole)
    outcome = "FAIL" if value >= LIMIT_GY else "UNCERTAIN" if highest >= LIMIT_GY else "PASS"
    measured = {"measured": round(value, 3), "tolerance": tolerance_gy(case, name, within, worst, value)}
    most = max(near_maximum_gy(dose) for dose in whole)
    ends = {"high": round(most, 3)} if most > value else {}
    exact = {"exact": True} if in_whole_beams(case) else {}
    return finding(rule, outcome, name, **measured, unit="Gy", **ends, **exact)


def in_whole_beams(case: CaseSpec) -> bool:
    """Whether a fraction was given in parts, each of them a whole number of beams with doses of their own."""
    given = [session for _, session in book.given_sessions(case) if book.in_parts(session)]
    return bool(given) and all(book.at_most(session) == session for session in given)


def tolerance_gy(case: CaseSpec, name: str, points: Points, session: Session, value_gy: float) -> float:
    """How far the stored grid is from the closed form, and contours are from the solid."""
    grid_gy = abs(near_maximum_gy(shared_gy(session, points, stored_session_gy)) - value_gy)
    end_gy = SHORT_END_GY if case.short_carotid and name == "A_Carotid_L" else 0.0
    return math.ceil((grid_gy + CONTOUR_GY + end_gy) * 100) / 100


@functools.cache
def isodose_z_mm(case: CaseSpec) -> tuple[float, float]:
    """Craniocaudal range of the 3 Gy isodose over all sessions, on points 0.25 mm apart."""
    points = _isodose_points()
    found = book.of_course(book.sessions(case), "induction")
    hot = [points[2][shared_gy(session, points) >= LIMIT_GY] for session in found]
    return min(float(h.min()) for h in hot), max(float(h.max()) for h in hot)


@functools.cache
def _isodose_points() -> Points:
    """The same for all cases, so that what a plan gives there is too."""
    x, y, z = np.meshgrid(
        np.arange(-30, 45, 1.5), np.arange(-30, 35, 1.0), np.arange(-40, 40, 0.25), indexing="ij"
    )
    return x, y, z


def contour_findings(case: CaseSpec) -> list[Finding]:
    """R17 and R18: are the structures there, and do they span the 3 Gy isodose?"""
    missing = finding("R17", "NOT EVALUATED", MUCOSA)
    present = [finding("R17", "PASS") if case.mucosa else missing]
    if case.boost_is_cropped:
        return present  # how far the isodose reaches is not known where dose is missing
    low, high = isodose_z_mm(case)
    for name in SPARED:
        solid = solid_of(case, name)
        if solid is None or not trusted(case):
            outcome = "NOT EVALUATED"
        else:
            spans = solid.z_mm[0] <= low and high <= solid.z_mm[1]
            outcome = "PASS" if spans else "UNCERTAIN"
        present.append(finding("R18", outcome, name))
    return present


# Values of structures


def session_values(case: CaseSpec) -> dict[str, Any]:
    """Near-maxima of the days that gave parts of a fraction, where these are known exactly."""
    if not in_whole_beams(case):
        return {}
    found = []
    for day, session in book.given_sessions(case):
        for name in SPARED if book.in_parts(session) else ():
            points = points_of(case, name, FINE_MM)
            value = near_maximum_gy(shared_gy(session, points))
            tolerance = tolerance_gy(case, name, points, session, value)
            found.append({"date": day.isoformat(), "structure": name, "metric": "D0.03cc",
                          "value": round(value, 3), "tolerance": tolerance})  # fmt: skip
    return {"sessions": found}


def structure_values(case: CaseSpec) -> list[dict[str, Any]]:
    """Means over all courses whose dose is at hand: of the core (plateaus) and of a carotid."""
    if not trusted(case) or case.link is Link.INVERTED:
        return []
    left_is_short = case.short_carotid or case.boost_x_mm[1] < cases.ALL_X_MM[1]
    carotid = "A_Carotid_R" if left_is_short or case.prior_numbers else "A_Carotid_L"
    late = functools.partial(eqd2, alpha_beta_gy=ALPHA_BETA_LATE_GY)
    tumour = functools.partial(eqd2, alpha_beta_gy=ALPHA_BETA_TUMOUR_GY)
    wanted: list[tuple[str, str, TotalDose]] = [
        ("GTVp_High", "Physical", physical),
        ("GTVp_High", f"EQD2({ALPHA_BETA_LATE_GY:g})", late),
        ("GTVp_High", f"EQD2({ALPHA_BETA_TUMOUR_GY:g})", tumour),
        (carotid, f"EQD2({ALPHA_BETA_LATE_GY:g})", late),
    ]
    books = {"total": known(case, book.sessions(case))}
    if case.progress:
        books["delivered"] = book.sessions(case, ahead=False)
    return [
        {
            "name": name,
            "metric": "Mean",
            "course": course,
            "quantity": quantity,
            **mean_value(case, sessions, name, total_of),
            **least_mean(case, sessions, name, total_of),
        }
        for course, sessions in books.items()
        for name, quantity, total_of in wanted
    ]


def least_mean(case: CaseSpec, sessions: Counter[Session], name: str, total_of: TotalDose) -> dict[str, Any]:
    """What is certain of a mean where parts of fractions may have missed a point altogether."""
    certain: Counter[Session] = Counter()
    for session, count in sessions.items():
        certain[tuple(part.at_least() for part in session)] += count
    return {} if certain == sessions else {"least": mean_value(case, certain, name, total_of)["value"]}


def mean_value(case: CaseSpec, sessions: Counter[Session], name: str, total_of: TotalDose) -> dict[str, Any]:
    """A mean; its tolerance is what the stored grids differ, and CONTOUR_SHARE for the contours."""
    points = sum_points_of(case, name, COARSE_MM if name == "GTVp_High" else FINE_MM)
    value = float(total_of(sessions, points, session_gy).mean())
    stored = float(total_of(sessions, points, stored_session_gy).mean())
    tolerance = math.ceil((abs(stored - value) + CONTOUR_SHARE * value) * 100) / 100
    return {"value": round(value, 3), "tolerance": tolerance}
