"""The point at which a response decides on an early stop: exact decimals, delivered fractions, events."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from dosecalc.checking.context import Context, finding, not_evaluated
from dosecalc.checking.prescription_rules import per_fraction_gy
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome, Reading
from dosecalc.intervals import Band, Interval
from dosecalc.ledger import Ledger
from dosecalc.results import DecisionState
from dosecalc.roles import prescription_for
from dosecalc.rules import DecisionPoint, Rule
from dosecalc.statement import EventKind


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a decision stands, if that can be said, what it means for the rule, and why, in words."""

    state: DecisionState | None
    outcome: Outcome
    text: str


def stand(context: Context, test: DecisionPoint) -> Stand:
    """Where the decision on an early stop stands.

    Raises
    ------
    DosecalcError : if there is no such course or plan, or its prescription is not known.
    """
    ledger = context.course_ledger(test.course)
    nominal, own = decision_fraction(context, test, test.counted_roles)
    point = min(nominal, own) if own is not None else nominal
    return _stand(_since_induction(context, test), point, _day_of(ledger, max(point, 1)))


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
    return nominal, _own_fraction(context, test.role, Fraction(needed))


def _own_fraction(context: Context, role: str, needed_gy: Fraction) -> int | None:
    """The fraction of the course at which plans reach a dose by their own decimals; None where not known."""
    reached = Fraction(0)
    for assigned in (plans := context.treatment.all_with_role(role)):
        prescription = prescription_for(assigned, context.protocol.role(role))
        if prescription is None or assigned.fractions is None:
            return None
        each = Fraction(prescription.dose_gy) / assigned.fractions
        days = math.ceil((needed_gy - reached) / each)
        if assigned is plans[-1] or days <= (assigned.days or 0):
            return assigned.after + days
        reached += each * (assigned.days or 0)
    return None


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
    planned = max(s.day for s in context.treatment.planned.course(test.course))
    if point > planned:
        text = f"{test.dose_gy} Gy would be reached at fraction {point}, but there are {planned} only"
        yield not_evaluated(rule, text)
        return
    due = _day_of(ledger, max(point, 1))
    text = f"{test.dose_gy} Gy is reached at fraction {point} of {planned}"
    if own is not None and own != nominal:
        text += (
            f" (at {test.dose_per_fraction_gy} Gy a fraction: {nominal}; by the plan's own decimals: {own}; "
            "the earlier one holds)"
        )
    found = _stand(_since_induction(context, test), point, due)
    passed = context.as_of is not None and due is not None and context.as_of >= due
    if found.outcome is Outcome.NOT_DUE and passed:
        late = f"{found.text}, though it was planned for {due}; state how many fractions were delivered"
        found = replace(found, outcome=Outcome.NOT_EVALUATED, text=late)
    yield replace(
        finding(rule, found.outcome, f"{text}; {found.text}"),
        band=Band(value=float(point)),
        deciding=Interval.exactly(float(point)),
        unit="fraction",
        decided_by="+".join(test.counted_roles),
        shown_readings=tuple(_point_readings(context, test)),
        due=due,
    )


def _day_of(ledger: Ledger, day: int) -> dt.date | None:
    """The date on which a fraction was, or is to be, complete."""
    dates = [s.date for s in ledger if any(number == day for _, number in s.numbered())]
    known = [d for d in dates if d is not None]
    return max(known) if known and len(known) == len(dates) else None


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


def _stand(given: Ledger, point: int, due: dt.date | None) -> Stand:
    """Where the decision stands, from the fractions given so far and what was entered."""
    delivered = len(given.whole_days())
    ulcers = [e.date for e in given.events if e.kind is EventKind.ULCER]
    if ulcers and not len(given):
        return Stand(
            None,
            Outcome.NOT_EVALUATED,
            f"an ulcer is entered for {min(ulcers)}: hold, no fraction may follow",
        )
    if ulcers:
        return _stopped(given, min(ulcers), "an ulcer", at_most=0)
    if delivered < point:
        return Stand(DecisionState.NOT_REACHED, Outcome.NOT_DUE, f"{delivered} delivered so far: not reached")
    entered = sorted(
        (e.date, e.kind is EventKind.COMPLETE_RESPONSE)
        for e in given.events
        if e.kind in {EventKind.COMPLETE_RESPONSE, EventKind.INCOMPLETE_RESPONSE}
        and due is not None
        and e.date >= due
    )
    complete = [day for day, is_complete in entered if is_complete]
    if complete:
        found = _stopped(given, complete[0], "complete response", at_most=point)
        if found.outcome is Outcome.FAIL:
            return found
    # What decides was assessed at the point, and before the next fraction if there was one.
    following = min((s.date for s in given if s.day > point and s.date is not None), default=None)
    deciding = [(d, c) for d, c in entered if following is None or d <= following]
    if not deciding or (delivered > point and following is None):
        beyond = f" and {delivered - point} more were given" if delivered > point else ""
        return Stand(
            DecisionState.DUE,
            Outcome.NOT_EVALUATED,
            f"reached{beyond}, and no response assessed there is entered with its date: hold until it is",
        )
    last = deciding[-1][0]
    if len({c for d, c in deciding if d == last}) > 1:
        text = f"the responses entered up to {last} contradict each other"
        return Stand(DecisionState.DUE, Outcome.NOT_EVALUATED, text)
    if deciding[-1][1]:
        text = f"stopped after complete response on {last}; sums are of what was given"
        return Stand(DecisionState.STOPPED, Outcome.PASS, text)
    return Stand(DecisionState.CONTINUE, Outcome.PASS, f"no complete response on {last}: treatment goes on")


def _stopped(given: Ledger, day: dt.date, why: str, *, at_most: int) -> Stand:
    """Nothing is given after a day; of undated fractions only those beyond ``at_most`` are known to be."""
    dated = all(s.date is not None for s in given)
    late = [s for s in given if s.date is not None and s.date > day]
    after = len({s.day for s in late}) if dated else len(given.whole_days()) - at_most
    if not dated and at_most == 0:
        text = f"{why} on {day}, and fractions have no dates: hold, and state them"
        return Stand(None, Outcome.NOT_EVALUATED, text)
    if after > 0:
        return Stand(
            DecisionState.VIOLATED, Outcome.FAIL, f"{after} fractions were given after {why} on {day}"
        )
    text = f"stopped after {why} on {day}; sums are of what was given"
    return Stand(DecisionState.STOPPED, Outcome.PASS, text)
