"""Rules on what is prescribed: exact decimals, no dose grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from dosecalc.checking.context import Context, finding, not_evaluated
from dosecalc.checking.judging import digits
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome, Reading
from dosecalc.intervals import Band, Interval
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
    count = sum(p.days or 0 for p, _ in parts)
    right_count = count == test.fractions
    text = ", then ".join(f"{p.name}: {_plain(d)} Gy x {p.days}" for p, d in parts)
    text += f" (expected {test.dose_per_fraction_gy} Gy x {test.fractions})"
    if not right_dose:
        text += _on_top(context, test, dose)
    outcome = Outcome.PASS if right_dose and right_count else Outcome.FAIL
    only_count = right_dose and not right_count
    found, expected = (count, test.fractions) if only_count else (dose, test.dose_per_fraction_gy)
    yield replace(
        finding(rule, outcome, text, plan=assigned.plan.label),
        band=Band(value=float(found)),
        deciding=Interval.exactly(float(found)),
        limit=float(expected),
        comparison="=",
        unit="fractions" if only_count else "Gy/fx",
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
    """The sum of all prescriptions to a target against a risk mark: physical dose decides, EQD2 may warn."""
    known, missing = _prescribed(context)
    total = sum((dose for _, dose, _ in known), Decimal(0))
    parts = " + ".join(f"{_plain(dose)} ({name})" for name, dose, _ in known)
    at_mark = total >= test.below_gy
    text = f"prescriptions add up to {parts} = {_plain(total)} Gy, "
    text += f"{'not ' if at_mark else ''}below the risk mark of {test.below_gy} Gy"
    effect = _eqd2_of(context, Fraction(test.alpha_beta_gy))
    kept = effect is not None and effect < Fraction(test.below_gy)
    if not at_mark and not kept:
        eqd2 = "not known" if effect is None else f"{digits(float(effect), float(test.below_gy))} Gy"
        text += f"; as EQD2({test.alpha_beta_gy}), what one session gives added first, they are {eqd2}"
    text += "".join(f"; {reason}" for reason in missing)
    ahead = len(context.treatment.later) == len(missing) > 0
    open_end = Outcome.NOT_DUE if ahead else Outcome.NOT_EVALUATED
    outcome = (
        Outcome.FAIL if at_mark else open_end if missing else Outcome.PASS if kept else Outcome.UNCERTAIN
    )
    value = float(total)
    high = math.inf if missing else value
    yield replace(
        finding(rule, outcome, text, structure=test.structure),
        band=Band(value=value),
        deciding=Interval(value=value, low=value, high=high),
        limit=float(test.below_gy),
        comparison="<",
        unit="Gy",
        shown_readings=tuple(_as_eqd2(context, test)),
    )


def _as_eqd2(context: Context, test: CumulativePrescription) -> Iterator[Reading]:
    """EQD2 of the prescriptions at the a/b that may warn, and at that of the target."""
    own = context.protocol.structure(test.structure).alpha_beta_gy
    ratios = dict.fromkeys((Fraction(test.alpha_beta_gy), *([] if own is None else [Fraction(own)])))
    for ratio in ratios:
        effect = _eqd2_of(context, ratio)
        if effect is not None:
            warns = "may make it UNCERTAIN: " if ratio == test.alpha_beta_gy else ""
            name = f"{warns}EQD2({float(ratio):g}) of the prescriptions, no repopulation"
            yield Reading(name=name, value=float(effect), unit="Gy")


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


def _eqd2_of(context: Context, alpha_beta_gy: Fraction) -> Fraction | None:
    """EQD2 of the prescriptions, those of one session added before conversion; None where it is not known."""

    def effect(dose_gy: Fraction) -> Fraction:
        return dose_gy * (dose_gy + alpha_beta_gy) / (2 + alpha_beta_gy)

    total = Fraction(0)
    for course in context.protocol.courses:
        members = context.treatment.of_course(course.name)
        stated = context.case.statement.course(course.name)
        doses = {p.plan.uid: _each(p) for p in members}
        if members and None not in doses.values():
            for session in context.treatment.ledger.course(course.name):
                gy = ((doses[c.fraction.plan_uid] or 0) * Fraction(c.share) for c in session.contributions)
                total += effect(sum(gy, Fraction(0)))
        elif not members and stated.prescription_gy is not None and stated.fractions is not None:
            total += stated.fractions * effect(Fraction(stated.prescription_gy) / stated.fractions)
        else:
            return None
    return total


def _each(assigned: AssignedPlan) -> Fraction | None:
    """The prescribed dose of one fraction of a plan."""
    if assigned.prescription is None or assigned.fractions is None:
        return None
    return Fraction(assigned.prescription.dose_gy) / assigned.fractions


def _plain(value: Decimal) -> str:
    """A decimal without trailing zeros or exponent; one that has no end, to four places.

    >>> _plain(Decimal("50.00")), _plain(Decimal(56) / 28), _plain(Decimal("15.04") / 3)
    ('50', '2', '5.0133')
    """
    if value != value.to_integral_value() and len(value.normalize().as_tuple().digits) > 10:
        return f"{value:.4f}"
    return f"{value.normalize():f}"
