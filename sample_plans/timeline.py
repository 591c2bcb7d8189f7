"""What must come of dates, prescriptions and the count of fractions: all by hand, no dose grid."""

from __future__ import annotations

import datetime as dt
from typing import Any

import book
import cases
from book import STOP_FRACTION
from cases import CaseSpec
from findings import Finding, finding, passes

ALPHA_BETA_TUMOUR_GY = 10.0
ALPHA_BETA_LATE_GY = 3.0
RISK_MARK_GY = 145.5
MAINTENANCE_DAYS = 14  # after the last fraction, it begins within so many


def calendar_findings(case: CaseSpec) -> list[Finding]:
    """R02, R14, R21, R24, R30, R41 from the dates and prescriptions."""
    induction, definitive = book.induction_days(), book.definitive_days(case)
    core_gy = sum(gy for _, gy in core_prescriptions(case))
    one_a_day = len(set(definitive)) == len(definitive)
    eqd2_gy = round(core_prescription_eqd2_gy(case, ALPHA_BETA_TUMOUR_GY), 3)
    more = {"eqd2_gy": eqd2_gy} if case.progress else {}
    core: Finding = {"measured": core_gy, "tolerance": 1e-9, "unit": "Gy", **more}
    return [
        finding("R02", "PASS"),
        finding("R14", passes((induction[-1] - induction[0]).days == 2)),
        finding("R21", "PASS", measured=float((definitive[0] - induction[-1]).days), tolerance=0.0, unit="d"),
        finding("R24", passes(book.busiest_week(definitive) <= 5 and one_a_day)),
        finding("R30", decision(case)[1]),
        finding("R41", on_risk_mark(case), **core),
    ]


def drug_findings(case: CaseSpec) -> list[Finding]:
    """R20, R25 and R26 of a treatment that has begun, a finding for each day that something is due."""
    if case.progress is None:
        return []
    entered = book.drugs_given(case)
    first, last = book.definitive_days(case)[0], last_day(case)
    latest = last + dt.timedelta(days=MAINTENANCE_DAYS)
    inside = any(first <= day <= last for day in entered)
    over = book.stopped(case) or book.given_definitive(case) == len(book.definitive_days(case))
    return [
        *(
            finding("R20", "PASS" if day in entered else "NOT DUE", due=day.isoformat())
            for day in book.drug_days()
        ),
        finding("R25", "FAIL" if inside else "PASS" if over else "NOT DUE"),
        finding("R26", "NOT DUE" if book.as_of(case) <= latest else "NOT EVALUATED", due=latest.isoformat()),
    ]


def last_day(case: CaseSpec) -> dt.date:
    """Day of the last definitive fraction: the last one given where that was the end, else as planned."""
    count = STOP_FRACTION if book.stopped(case) else len(book.definitive_days(case))
    return book.definitive_days(case)[count - 1]


def decision(case: CaseSpec) -> tuple[str, str]:
    """Where the decision at 50 Gy stands, and what R30 says then."""
    given = book.given_definitive(case)
    if given < STOP_FRACTION:
        return "NOT REACHED", "NOT DUE"
    assert case.progress is not None
    if not case.progress.complete_response:
        return "DUE", "NOT EVALUATED"
    return ("VIOLATED", "FAIL") if given > STOP_FRACTION else ("STOPPED", "PASS")


def core_prescriptions(case: CaseSpec) -> list[tuple[str, float]]:
    """Prescriptions to the core; of a course that was stopped and a plan that was replaced what was given."""
    found = [("prior", cases.PRIOR_GY)]
    for plan in case.plans():
        gy = plan.targets[0][1]
        if plan.course == "definitive" and book.stopped(case):
            gy *= STOP_FRACTION / plan.fractions
        if plan.used is not None:
            gy *= plan.used / plan.fractions
        if plan.course != "prior":
            found.append((plan.key, gy))
    return found


def on_risk_mark(case: CaseSpec) -> str:
    """R41: physical dose on the mark fails; below it, EQD2 on the mark is uncertain."""
    if sum(gy for _, gy in core_prescriptions(case)) >= RISK_MARK_GY:
        return "FAIL"
    return "UNCERTAIN" if core_prescription_eqd2_gy(case, ALPHA_BETA_LATE_GY) >= RISK_MARK_GY else "PASS"


def core_prescription_eqd2_gy(case: CaseSpec, alpha_beta: float) -> float:
    """EQD2 of the same, session by session."""

    def of(count: int, gy: float) -> float:
        return count * gy * (gy + alpha_beta) / (2 + alpha_beta)

    given = [
        of(count, sum(p.share * p.plan.targets[0][1] / p.plan.fractions for p in session))
        for session, count in book.sessions(case).items()
        if session[0].plan.course != "prior"
    ]
    return of(cases.PRIOR_FRACTIONS, cases.PRIOR_GY / cases.PRIOR_FRACTIONS) + sum(given)


def progress_values(case: CaseSpec) -> dict[str, Any]:
    """The state of the decision, days given and left of each course, and fractions given in parts."""
    if case.progress is None:
        return {}
    given = [day.isoformat() for day in book.definitive_days(case)[: case.progress.definitive]]
    return {
        "decision": {
            "state": decision(case)[0],
            "given": case.progress.definitive,
            "date": book.definitive_days(case)[STOP_FRACTION - 1].isoformat(),
        },
        "book": {
            "induction": {"given": [day.isoformat() for day in book.induction_days()], "left": []},
            "definitive": {"given": given, "left": [day.isoformat() for day in book.days_left(case)]},
        },
        "parts": [
            {
                "date": d.day.isoformat(), "plan": d.plan.key.upper(), "fraction": d.fraction,
                "share": d.share, "beams": list(d.beams),
            }
            for d in book.deliveries(case)
            if d.beams != book.WHOLE
        ],
    }  # fmt: skip
