"""How the courses lie to each other: R42, and how far organs of two structure sets are apart."""

from __future__ import annotations

import cases
import numpy as np
from anatomy import Solid
from book import frame_word
from cases import CaseSpec, Link
from dicom_out import uid_of
from findings import Finding, finding
from places import Points, back, there
from quadrature import COARSE_MM

ORGANS, ALONG = ("Brainstem",), ("SpinalCord", "A_Carotid_L", "A_Carotid_R")
AT_MOST_MM = 10.0
LEAST_COMMON_MM = 5.0  # of what two organs share along z, or they are compared as a whole
AGREE_MM = 0.75  # what half a slice more or less at one end moves a middle by
NOT_RIGID = "not rigid: deformable"


def frame_findings(case: CaseSpec) -> list[Finding]:
    """R42, and R42.organs where the case is about that."""
    if case.prior_numbers:
        return [finding("R42", "PASS"), finding("R42.organs", "PASS")]
    if case.link is Link.UNREGISTERED:
        frames = [str(uid_of(frame_word(case, course), "frame")) for course in ("prior", "treatment")]
        return [finding("R42", "NOT EVALUATED", says=frames), finding("R42.organs", "NOT EVALUATED")]
    passed = finding("R42", "PASS")
    if case.link is Link.DEFORMED:
        passed["says"] = [NOT_RIGID]
    return [passed, *organ_findings(case)]


def organ_findings(case: CaseSpec) -> list[Finding]:
    """R42.organs, for each organ of another frame."""
    found = []
    for name in (*ORGANS, *ALONG) if has_two_frames(case) else ():
        mm = apart_mm(case, name)
        outcome = "PASS" if mm <= AT_MOST_MM else "UNCERTAIN"
        found.append(
            finding("R42.organs", outcome, name, measured=round(mm, 2), tolerance=AGREE_MM, unit="mm")
        )
    return found


def has_two_frames(case: CaseSpec) -> bool:
    return case.new_ct or case.link is not Link.ONE_FRAME


def apart_mm(case: CaseSpec, name: str) -> float:
    """How far the middle of an organ of the other structure set is from that of the one of the sums.

    Of what runs along the body only that part counts that both have along z.
    """
    here, other = _one(case.sum_solids(), name).points(COARSE_MM), _brought(case, name)
    if name in ALONG:
        low, high = max(p[2].min() for p in (here, other)), min(p[2].max() for p in (here, other))
        if high - low >= LEAST_COMMON_MM:
            here, other = (_between(p, low, high) for p in (here, other))
    return float(np.linalg.norm([a.mean() - b.mean() for a, b in zip(here, other, strict=True)]))


def _brought(case: CaseSpec, name: str) -> Points:
    """Points of the organ in the other structure set, as the registration brings them here."""
    if case.new_ct:
        return there(cases.NEW_CT, _one(case.solids(), name).points(COARSE_MM))
    points = _one(case.prior_solids(), name).points(COARSE_MM)
    # With the inverse of its matrix the registration leads away from here once more.
    return there(case.prior_place, points) if case.link is Link.INVERTED else back(case.prior_place, points)


def _one(solids: list[Solid], name: str) -> Solid:
    return next(s for s in solids if s.name == name)


def _between(points: Points, low: float, high: float) -> Points:
    x, y, z = points
    keep = (z >= low) & (z <= high)
    return x[keep], y[keep], z[keep]
