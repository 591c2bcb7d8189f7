"""The point at which a response decides on an early stop: exact decimals, delivered fractions, events."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from dosecalc.checking.context import Context, finding, not_evaluated
from dosecalc.checking.prescription_rules import per_fraction_gy
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome, Reading
from dosecalc.intervals import Band, Interval
from dosecalc.ledger import Ledger
from dosecalc.roles import prescription_for
from dosecalc.rules import DecisionPoint, Rule
from dosecalc.statement import EventKind


def decision_fraction(
    context: Context, test: DecisionPoint, roles: tuple[str, ...]
) -> tuple[int, int | None]:
    """The fraction at which a reading of the dose is reached: by the protocol's dose and by the plan's own.

    Raises
    ------
    DosecalcError : if a prescription that counts is not known.
    """
    before: dict[str, Decimal] = {}
    for role in roles:
        if role == test.role:
            continue
        assigned, _ = per_fraction_gy(context, role)
        prescription = prescription_for(assigned, context.protocol.role(role))
        assert prescription is not None  # per_fraction_gy refuses a role without one
        # A plan with two roles gives its core the higher of two prescriptions, not their sum.
        uid = assigned.plan.uid
        before[uid] = max(before.get(uid, Decimal(0)), prescription.dose_gy)
    needed = max(test.dose_gy - sum(before.values()), Decimal(0))
    nominal = math.ceil(Fraction(needed) / Fraction(test.dose_per_fraction_gy))
    try:
        assigned, _ = per_fraction_gy(context, test.role)
    except DosecalcError:
        return nominal, None
    prescription = prescription_for(assigned, context.protocol.role(test.role))
    if prescription is None or assigned.fractions is None:
        return nominal, None
    return nominal, math.ceil(Fraction(needed) * assigned.fractions / Fraction(prescription.dose_gy))


def decision_point(context: Context, rule: Rule, test: DecisionPoint) -> Iterator[Finding]:
    """Whether the decision on an early stop lies ahead, is due, or was taken."""
    try:
        ledger = context.course_ledger(test.course)
        context.require_fractions(test.course)
        nominal, own = decision_fraction(context, test, test.counted_roles)
    except DosecalcError as error:
        yield not_evaluated(rule, error)
        return
    point = min(nominal, own) if own is not None else nominal
    if point > len(ledger):
        text = f"{test.dose_gy} Gy would be reached at fraction {point}, but there are {len(ledger)} only"
        yield not_evaluated(rule, text)
        return
    due = next((s.date for s in ledger if s.number == max(point, 1)), None)
    text = f"{test.dose_gy} Gy is reached at fraction {point} of {len(ledger)}"
    if own is not None and own != nominal:
        text += (
            f" (at {test.dose_per_fraction_gy} Gy a fraction: {nominal}; by the plan's own decimals: {own}; "
            "the earlier one holds)"
        )
    outcome, state = _state(_since_induction(context, test), point, due)
    passed = context.as_of is not None and due is not None and context.as_of >= due
    if outcome is Outcome.NOT_DUE and passed:
        outcome = Outcome.NOT_EVALUATED
        state += f", though it was planned for {due}; state how many fractions were delivered"
    yield replace(
        finding(rule, outcome, f"{text}; {state}"),
        band=Band(value=float(point)),
        deciding=Interval.exactly(float(point)),
        unit="fraction",
        decided_by="+".join(test.counted_roles),
        shown_readings=tuple(_point_readings(context, test)),
        due=due,
    )


def _point_readings(context: Context, test: DecisionPoint) -> Iterator[Reading]:
    for roles in test.shown_roles:
        try:
            nominal, own = decision_fraction(context, test, roles)
        except DosecalcError:
            continue  # a reading that counts a plan that is not here
        value = float(min(nominal, own) if own is not None else nominal)
        yield Reading(name="+".join(roles), value=value, unit="fraction")


def _since_induction(context: Context, test: DecisionPoint) -> Ledger:
    """Delivered sessions of the course, and events since the course before it began: no older history."""
    order = [c.name for c in context.protocol.courses]
    place = order.index(test.course)
    recent = context.treatment.ledger.course(*order[max(place - 1, 0) : place + 1])
    begin = min((s.date for s in recent if s.date is not None), default=None)
    given = context.treatment.ledger.course(test.course).delivered()
    return replace(given, events=tuple(e for e in given.events if begin is None or e.date >= begin))


def _state(given: Ledger, point: int, due: dt.date | None) -> tuple[Outcome, str]:
    """Where the decision stands, from the fractions given so far and what was entered."""
    delivered = len(given)
    ulcers = [e.date for e in given.events if e.kind is EventKind.ULCER]
    if ulcers and not delivered:
        return Outcome.NOT_EVALUATED, f"an ulcer is entered for {min(ulcers)}: hold, no fraction may follow"
    if ulcers:
        return _stopped(given, min(ulcers), "an ulcer", at_most=0)
    if delivered < point:
        return Outcome.NOT_DUE, f"{delivered} delivered so far: not reached"
    entered = sorted(
        (e.date, e.kind is EventKind.COMPLETE_RESPONSE)
        for e in given.events
        if e.kind in {EventKind.COMPLETE_RESPONSE, EventKind.INCOMPLETE_RESPONSE}
        and due is not None
        and e.date >= due
    )
    complete = [day for day, is_complete in entered if is_complete]
    if complete:
        outcome, text = _stopped(given, complete[0], "complete response", at_most=point)
        if outcome is Outcome.FAIL:
            return outcome, text
    # What decides was assessed at the point, and before the next fraction if there was one.
    following = next((s.date for s in given if s.number == point + 1), None)
    deciding = [(d, c) for d, c in entered if following is None or d <= following]
    if not deciding or (delivered > point and following is None):
        beyond = f" and {delivered - point} more were given" if delivered > point else ""
        return Outcome.NOT_EVALUATED, (
            f"reached{beyond}, and no response assessed there is entered with its date: hold until it is"
        )
    last = deciding[-1][0]
    if len({c for d, c in deciding if d == last}) > 1:
        return Outcome.NOT_EVALUATED, f"the responses entered up to {last} contradict each other"
    if deciding[-1][1]:
        return Outcome.PASS, f"stopped after complete response on {last}; sums here are of the whole plan"
    return Outcome.PASS, f"no complete response on {last}: treatment goes on"


def _stopped(given: Ledger, day: dt.date, why: str, *, at_most: int) -> tuple[Outcome, str]:
    """Nothing is given after a day; of undated fractions only those beyond ``at_most`` are known to be."""
    dates = [s.date for s in given if s.date is not None]
    dated = len(dates) == len(given)
    after = sum(d > day for d in dates) if dated else len(given) - at_most
    if not dated and at_most == 0:
        return Outcome.NOT_EVALUATED, f"{why} on {day}, and fractions have no dates: hold, and state them"
    if after > 0:
        return Outcome.FAIL, f"{after} fractions were given after {why} on {day}"
    return Outcome.PASS, f"stopped after {why} on {day}"
