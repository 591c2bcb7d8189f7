"""The treatment as it is asked for: on a day, after a fraction, and ended where it was stopped."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace

from dosecalc.case import Case
from dosecalc.checking.context import Context, default_as_of
from dosecalc.checking.decision_rules import stand
from dosecalc.courses import Treatment, build_treatment
from dosecalc.errors import DosecalcError, InputError
from dosecalc.ledger import Ledger
from dosecalc.protocol import Protocol
from dosecalc.results import DecisionState
from dosecalc.rules import DecisionPoint
from dosecalc.sessions import State
from dosecalc.statement import EventKind


def as_asked(case: Case, protocol: Protocol, as_of: dt.date | None, after_fraction: int | None) -> Treatment:
    """The treatment on a day or after a fraction, or as it is, ended where it was stopped.

    Raises
    ------
    InputError : if there is no such fraction, or the case file contradicts the protocol or the plans.
    """
    treatment = build_treatment(case, protocol, as_of=as_of)
    if as_of is not None:
        treatment = stood_on(treatment, as_of)
    if after_fraction is not None:
        treatment = stood_after(treatment, protocol, after_fraction)
    return ended(treatment, case, protocol)


def stood_on(treatment: Treatment, day: dt.date) -> Treatment:
    """The treatment as it stood on a day; sessions that were planned until then and not given are said."""
    ledger = treatment.ledger.as_of(day)
    passed = [s for s in ledger.remaining() if s.date is not None and s.date <= day]
    said = tuple(
        f"WARNING: {course}: {n} sessions were planned until {day}, and nothing says that they were given"
        for course, n in Counter(s.course for s in passed).items()
    )
    return replace(treatment, ledger=ledger, assumptions=(*treatment.assumptions, *said))


def stood_after(treatment: Treatment, protocol: Protocol, number: int) -> Treatment:
    """The treatment as it stands after a fraction of the last course.

    Raises
    ------
    InputError : if there is no such fraction.
    """
    try:
        ledger = treatment.ledger.after(protocol.courses[-1].name, number)
    except DosecalcError as error:
        raise InputError(f"after_fraction: {error}") from None
    said = [f"judged as after fraction {number} of the last course"]
    pairs = zip(treatment.ledger, ledger, strict=True)
    assumed = Counter(s.course for s, t in pairs if s.state is State.PLANNED and t.state is State.DELIVERED)
    said += [
        f"WARNING: {course}: {n} session{'s' if n > 1 else ''} counted as given, though nothing says so"
        for course, n in assumed.items()
    ]
    return replace(treatment, ledger=ledger, assumptions=(*treatment.assumptions, *said))


def ended(treatment: Treatment, case: Case, protocol: Protocol) -> Treatment:
    """The same treatment without what is left of courses that were stopped."""
    found = _ended_by_events(treatment)
    for rule in protocol.rules:
        if not isinstance(rule.test, DecisionPoint):
            continue
        as_of = default_as_of(found)
        context = Context(case=case, protocol=protocol, treatment=found, as_of=as_of, asked_as_of=as_of)
        try:
            stopped = stand(context, rule.test).state is DecisionState.STOPPED
        except DosecalcError:
            continue  # the rule says why
        if stopped:
            found = _without(found, found.ledger.course(rule.test.course).remaining())
    return found


def _ended_by_events(treatment: Treatment) -> Treatment:
    """Less what is left of the course that was under way when it was entered that it was stopped."""
    begun = treatment.ledger.delivered().courses
    for event in treatment.ledger.events:
        if event.kind is not EventKind.STOPPED:
            continue
        of_course = treatment.ledger.course(*begun[-1:])
        given = [s.date for s in of_course.delivered()]
        known = [d for d in given if d is not None]
        left = of_course.remaining()
        if len(left) and known and len(known) == len(given) and event.date >= max(known):
            treatment = _without(treatment, left)
        elif len(treatment.ledger.remaining()):
            said = (
                f"WARNING: stopped on {event.date}: expected the day of the last session of a course that is "
                "under way, or a later one: what is left of the plans stays in the sums"
            )
            treatment = replace(treatment, assumptions=(*treatment.assumptions, said))
    return treatment


def _without(treatment: Treatment, left: Ledger) -> Treatment:
    if not len(left):
        return treatment
    said = f"{left.courses[0]}: stopped; {len(left)} planned sessions are not given and in no sum"
    return replace(
        treatment,
        ledger=treatment.ledger.without(left),
        assumptions=(*treatment.assumptions, said),
    )
