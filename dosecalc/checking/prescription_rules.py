"""Rules on what is prescribed: exact decimals, no dose grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from dosecalc.checking.context import Context, finding, not_evaluated
from dosecalc.checking.judging import digits
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome, Reading
from dosecalc.intervals import Band, Interval
from dosecalc.radiobiology import bed_to_eqd2, session_bed
from dosecalc.roles import AssignedPlan, prescription_for
from dosecalc.rules import CumulativePrescription, PrescriptionIs, Rule


def per_fraction_gy(context: Context, role: str) -> tuple[AssignedPlan, Decimal]:
    """The plan of a role and its exact dose per fraction.

    Raises
    ------
    DosecalcError : if the plan, its prescription or its number of fractions is not known.
    """
    return _per_fraction_gy(context, context.plan_with_role(role), role)


def _per_fraction_gy(context: Context, assigned: AssignedPlan, role: str) -> tuple[AssignedPlan, Decimal]:
    prescription = prescription_for(assigned, context.protocol.role(role))
    if prescription is None:
        raise DosecalcError(f"{assigned.name}: it has no prescription that fits the role {role!r}")
    dose = assigned.per_fraction_gy(prescription)
    if dose is None:
        raise DosecalcError(
            f"{assigned.name}: NumberOfFractionsPlanned is missing; state fractions in case.toml"
        )
    return assigned, dose


def prescription_is(context: Context, rule: Rule, test: PrescriptionIs) -> Iterator[Finding]:
    """A role is prescribed as the protocol has it: dose per fraction within tolerance, exact count.

    Plans that follow one another count together.
    """
    try:
        context.plan_with_role(test.role)
        parts = [_per_fraction_gy(context, p, test.role) for p in context.treatment.all_with_role(test.role)]
    except DosecalcError as error:
        yield not_evaluated(rule, error)
        return
    assigned, dose = max(parts, key=lambda part: abs(part[1] - test.dose_per_fraction_gy))
    right_dose = abs(dose - test.dose_per_fraction_gy) <= test.tolerance_gy
    right_count = sum(p.days or 0 for p, _ in parts) == test.fractions
    text = ", then ".join(f"{p.name}: {_plain(d)} Gy x {p.days}" for p, d in parts)
    text += f" (expected {test.dose_per_fraction_gy} Gy x {test.fractions})"
    if not right_dose:
        text += _on_top(context, test, dose)
    outcome = Outcome.PASS if right_dose and right_count else Outcome.FAIL
    yield replace(
        finding(rule, outcome, text, plan=assigned.plan.label),
        band=Band(value=float(dose)),
        deciding=Interval.exactly(float(dose)),
        limit=float(test.dose_per_fraction_gy),
        comparison="=",
        unit="Gy/fx",
    )


def _on_top(context: Context, test: PrescriptionIs, dose: Decimal) -> str:
    """Names a dose that is right only together with another plan of the same session."""
    for role in context.protocol.roles:
        if role.name == test.role or role.course != context.protocol.role(test.role).course:
            continue
        try:
            other, below = per_fraction_gy(context, role.name)
        except DosecalcError:
            continue
        if abs(dose + below - test.dose_per_fraction_gy) <= test.tolerance_gy:
            return (
                f"; on top of the {_plain(below)} Gy of {other.plan.label!r} it makes "
                f"{_plain(dose + below)} Gy per session, but the protocol prescribes "
                f"{test.dose_per_fraction_gy} Gy for this plan"
            )
    return ""


def cumulative_prescription(context: Context, rule: Rule, test: CumulativePrescription) -> Iterator[Finding]:
    """The sum of all prescriptions to a target against a risk mark: physical, with EQD2 beside it."""
    known, missing = _prescribed(context)
    total = sum((dose for _, dose, _ in known), Decimal(0))
    parts = " + ".join(f"{_plain(dose)} ({name})" for name, dose, _ in known)
    at_mark = total >= test.below_gy
    text = f"prescriptions add up to {parts} = {_plain(total)} Gy, "
    text += f"{'not ' if at_mark else ''}below the risk mark of {test.below_gy} Gy"
    text += "".join(f"; {reason}" for reason in missing)
    ahead = len(context.treatment.later) == len(missing) > 0
    open_end = Outcome.NOT_DUE if ahead else Outcome.NOT_EVALUATED
    outcome = Outcome.FAIL if at_mark else open_end if missing else Outcome.PASS
    value = float(total)
    high = math.inf if missing else value
    yield replace(
        finding(rule, outcome, text, structure=test.structure),
        band=Band(value=value),
        deciding=Interval(value=value, low=value, high=high),
        limit=float(test.below_gy),
        comparison="<",
        unit="Gy",
        shown_readings=tuple(_eqd2_of(context, test.structure)),
    )


def _prescribed(context: Context) -> tuple[list[tuple[str, Decimal, int | None]], list[str]]:
    """Prescriptions (name, total, fractions) of all plans and stated courses, and what is not known."""
    known: list[tuple[str, Decimal, int | None]] = []
    missing: list[str] = []
    for course in context.protocol.courses:
        members = context.treatment.of_course(course.name)
        stated = context.case.statement.course(course.name)
        for assigned in members:
            if assigned.prescription is None:
                missing.append(f"{assigned.name}: no prescription")
            else:
                name = assigned.plan.label or course.name
                known.append((name, _as_booked_gy(context, assigned), assigned.fractions))
        if not members and stated.prescription_gy is not None:
            known.append((course.name, stated.prescription_gy, stated.fractions))
        elif not members:
            missing.append(f"the prescription of the {course.name} course is not known")
    missing.extend(context.treatment.lost)
    return known, missing


def _as_booked_gy(context: Context, assigned: AssignedPlan) -> Decimal:
    """The prescription of a plan, or of as many of its fractions as were given where it was ended."""
    assert assigned.prescription is not None
    whole = assigned.prescription.dose_gy
    booked = context.treatment.ledger.of_plan(assigned.plan.uid)
    fractions = sum((c.share for s in booked for c in s.contributions), Decimal(0))
    if assigned.fractions is None or fractions == assigned.fractions:
        return whole
    return whole * fractions / assigned.fractions


def _eqd2_of(context: Context, structure: str) -> Iterator[Reading]:
    """EQD2 of the prescriptions, those of one session added before conversion."""
    alpha_beta_gy = context.protocol.structure(structure).alpha_beta_gy
    if alpha_beta_gy is None:
        return
    effect = 0.0
    for course in context.protocol.courses:
        members = context.treatment.of_course(course.name)
        stated = context.case.statement.course(course.name)
        doses = {p.plan.uid: p.prescription and p.per_fraction_gy(p.prescription) for p in members}
        if members and all(doses.values()):
            for session in context.treatment.ledger.course(course.name):
                dose = sum(
                    float(doses[c.fraction.plan_uid] or 0) * float(c.share) for c in session.contributions
                )
                effect += float(session_bed(dose, alpha_beta_gy=alpha_beta_gy))
        elif not members and stated.prescription_gy is not None and stated.fractions is not None:
            dose = float(stated.prescription_gy) / stated.fractions
            effect += stated.fractions * float(session_bed(dose, alpha_beta_gy=alpha_beta_gy))
        else:
            return
    yield Reading(
        name=f"EQD2({alpha_beta_gy:g}) of the prescriptions, no repopulation",
        value=float(bed_to_eqd2(effect, alpha_beta_gy=alpha_beta_gy)),
        unit="Gy",
    )


def _plain(value: Decimal) -> str:
    """An exact decimal without trailing zeros or exponent.

    >>> _plain(Decimal("50.00")), _plain(Decimal(56) / 28)
    ('50', '2')
    """
    if value != value.to_integral_value() and len(value.normalize().as_tuple().digits) > 10:
        return digits(float(value))
    return f"{value.normalize():f}"
