"""The fraction at which the dose of a decision point is reached, by any reading of it, in exact decimals."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

from dosecalc.checking.context import Context
from dosecalc.checking.prescription_rules import per_fraction_gy
from dosecalc.errors import DosecalcError
from dosecalc.findings import Reading
from dosecalc.ledger import Ledger
from dosecalc.roles import AssignedPlan, prescription_for
from dosecalc.rules import DecisionPoint, PointReading
from dosecalc.sessions import Session
from dosecalc.statement import Grouping

_REFERENCE_GY = 2  # the dose per fraction that EQD2 refers to, by definition


def decision_fraction(context: Context, test: DecisionPoint, reading: PointReading) -> tuple[int, int | None]:
    """The fraction at which a reading of the dose is reached: by the protocol's dose and by the plan's own.

    Raises
    ------
    DosecalcError : if a prescription that counts is not known.
    """
    needed = max(Fraction(test.dose_gy) - _before(context, test, reading), Fraction(0))
    nominal = math.ceil(needed / _counted(Fraction(test.dose_per_fraction_gy), reading))
    return nominal, _own_fraction(context, test.role, reading, needed)


def earlier(nominal: int, own: int | None) -> int:
    """Which of both holds: the earlier."""
    return nominal if own is None else min(nominal, own)


def point_readings(context: Context, test: DecisionPoint) -> Iterator[Reading]:
    """The fractions by the readings that are shown; none for one that counts a plan that is not here."""
    for reading in test.shown_readings:
        try:
            point = earlier(*decision_fraction(context, test, reading))
        except DosecalcError:
            continue
        if point < 1:
            yield Reading(name=f"{reading}: reached before the course", value=None, unit="fraction")
        else:
            yield Reading(name=str(reading), value=float(point), unit="fraction")


def prescribed_gy(context: Context, test: DecisionPoint, given: Ledger) -> Fraction | None:
    """The prescribed dose of what was given of the role that is decided on; None where it is not known."""
    doses = _given(context, test, given)
    return None if doses is None else sum((gy for _, gy in doses), Fraction(0))


def reached_by(context: Context, test: DecisionPoint, given: Ledger) -> Session | None:
    """The session with which what was given, parts of fractions too, reaches the dose of a decision point.

    Raises
    ------
    DosecalcError : if a prescription that counts is not known.
    """
    total = _before(context, test, test.reading)
    for session, gy in _given(context, test, given) or ():
        total += _counted(gy, test.reading)
        if total >= test.dose_gy:
            return session
    return None


def _given(context: Context, test: DecisionPoint, given: Ledger) -> list[tuple[Session, Fraction]] | None:
    """The prescribed dose that each session gave of the role that is decided on; None where not known."""
    each = {}
    for assigned in context.treatment.all_with_role(test.role):
        prescription = prescription_for(assigned, context.protocol.role(test.role))
        if prescription is None or assigned.fractions is None:
            return None
        each[assigned.plan.uid] = Fraction(prescription.dose_gy) / assigned.fractions
    return [
        (s, sum((each.get(c.fraction.plan_uid, 0) * Fraction(c.share) for c in s.contributions), Fraction(0)))
        for s in given
    ]


def _counted(dose_gy: Fraction, reading: PointReading) -> Fraction:
    """What one session of a dose counts: itself, or its EQD2."""
    if reading.alpha_beta_gy is None:
        return dose_gy
    alpha_beta = Fraction(reading.alpha_beta_gy)
    return dose_gy * (dose_gy + alpha_beta) / (_REFERENCE_GY + alpha_beta)


def _before(context: Context, test: DecisionPoint, reading: PointReading) -> Fraction:
    """What the other roles of a reading count. Of a plan with several of them, its highest prescription."""
    plans: dict[str, AssignedPlan] = {}
    doses: dict[str, Fraction] = {}
    for role in reading.roles:
        if role == test.role:
            continue
        assigned, _ = per_fraction_gy(context, role)
        prescription = prescription_for(assigned, context.protocol.role(role))
        assert prescription is not None  # per_fraction_gy refuses a role without one
        assert assigned.fractions is not None
        uid = assigned.plan.uid
        plans[uid] = assigned
        # A plan with two roles gives its core the higher of two prescriptions, not their sum.
        doses[uid] = max(doses.get(uid, Fraction(0)), Fraction(prescription.dose_gy) / assigned.fractions)
    return sum((_counted(dose, reading) for dose in _sessions(plans, doses, reading)), Fraction(0))


def _sessions(
    plans: Mapping[str, AssignedPlan], doses: Mapping[str, Fraction], reading: PointReading
) -> Iterator[Fraction]:
    """The dose of each session of some plans; of one course, those of a day apart or together."""
    together: dict[tuple[str, int], Fraction] = {}
    for uid, assigned in plans.items():
        for day in range(1, (assigned.fractions or 0) + 1):
            if reading.grouping is Grouping.SEPARATE_SESSIONS:
                yield doses[uid]
            else:
                key = assigned.course, day
                together[key] = together.get(key, Fraction(0)) + doses[uid]
    yield from together.values()


def _own_fraction(context: Context, role: str, reading: PointReading, needed_gy: Fraction) -> int | None:
    """The fraction of the course at which plans reach a dose by their own decimals; None where not known."""
    reached = Fraction(0)
    for assigned in (plans := context.treatment.all_with_role(role)):
        prescription = prescription_for(assigned, context.protocol.role(role))
        if prescription is None or not prescription.dose_gy or assigned.fractions is None:
            return None
        each = _counted(Fraction(prescription.dose_gy) / assigned.fractions, reading)
        days = math.ceil((needed_gy - reached) / each)
        if assigned is plans[-1] or days <= (assigned.days or 0):
            return assigned.after + days
        reached += each * (assigned.days or 0)
    return None
