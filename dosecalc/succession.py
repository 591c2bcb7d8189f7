"""How courses follow one another: what comes before one that has begun was given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import replace

from dosecalc.case import Case
from dosecalc.errors import InputError
from dosecalc.ledger import Ledger
from dosecalc.protocol import Course, Protocol
from dosecalc.roles import AssignedPlan
from dosecalc.sessions import Session, State
from dosecalc.statement import EventKind


def ever_given(
    course: Course, sessions: Sequence[Session], delivered: int | None, assumptions: list[str]
) -> Sequence[Session]:
    """The sessions of a course; of a previous one of which it is known how much was given, no others.

    As of a day before its end, what was given later is among them.
    """
    if not course.previous or delivered is None:
        return sessions
    whole = Ledger(sessions=tuple(sessions)).delivered().whole_days()
    ahead = list(dict.fromkeys(s.day for s in sessions if s.state is State.PLANNED and s.day not in whole))
    later = ahead[: max(delivered - len(whole), 0)]
    given = [s for s in sessions if s.state is State.DELIVERED or s.day in later]
    if len(given) < len(sessions):
        assumptions.append(f"{course.name}: {delivered} fractions were given: what was left is in no sum")
    return given


def check_later(
    case: Case, protocol: Protocol, assigned: Sequence[AssignedPlan], later: Sequence[str]
) -> None:
    """What follows a course that is stated to be not planned yet is not planned either."""
    order = [c.name for c in protocol.courses]
    for name in order[order.index(later[0]) + 1 :] if later else ():
        stated = case.statement.course(name)
        if any(p.course == name for p in assigned) or stated.dates or stated.delivered:
            raise InputError(
                f"{case.statement.source}: courses.{later[0]}.not_planned_yet: expected false, as the "
                f"{name} course, which follows it, is planned"
            )


def check_last_dates(case: Case, sessions: Sequence[Session]) -> None:
    """A course that is stated to be over ended before the next one began."""
    order = list(dict.fromkeys(s.course for s in sessions))
    for place, course in enumerate(order):
        last = case.statement.course(course).last_date
        begun = [
            (s.date, s.course) for s in sessions if s.course in order[place + 1 :] and s.date is not None
        ]
        if last is not None and begun and min(begun)[0] <= last:
            day, following = min(begun)
            raise InputError(
                f"{case.statement.source}: courses.{course}.last_date: expected a day before {day}, on which "
                f"the {following} course begins, found {last}"
            )


def earlier_first(
    case: Case,
    sessions: list[Session],
    counted: Collection[str],
    as_of: dt.date | None,
    assumptions: list[str],
) -> list[Session]:
    """Where a course has begun by a day, all before it was given: what is stated otherwise contradicts that.

    Not where an earlier course has treatment records, or is among those that treatment summaries count: what
    they do not show has no date, and is not given.
    """
    known = Ledger(sessions=tuple(sessions))
    begun = (known if as_of is None else known.as_of(as_of)).delivered().courses
    for course in known.courses[: known.courses.index(begun[-1])] if begun else ():
        own = [s for s in sessions if s.course == course]
        left = dict.fromkeys(s.day for s in own if s.state is State.PLANNED)
        if not left:
            continue
        if course in counted or any(s.source_uids for s in own):
            assumptions.append(
                f"WARNING: {course}: no treatment record or summary shows all of its fraction "
                f"{', '.join(map(str, left))}, though the {begun[-1]} course has begun: in the sums as "
                "planned, on no known date"
            )
            settled = [replace(s, date=None) if s.state is State.PLANNED else s for s in own]
        elif (stopped := _stopped_on(case, course, sessions)) is not None:
            assumptions.append(f"{course}: stopped on {stopped}: what was left of it is in no sum")
            settled = [s for s in own if s.state is State.DELIVERED]
        elif case.statement.course(course).delivered is not None:
            raise InputError(
                f"{case.statement.source}: courses.{course}.delivered: expected all of its sessions, as "
                f"the {begun[-1]} course has begun, found {case.statement.course(course).delivered}"
            )
        else:
            assumptions.append(f"{course}: taken as delivered, as the {begun[-1]} course has begun")
            settled = [replace(s, state=State.DELIVERED) for s in own]
        place = sessions.index(own[0])
        sessions = [*sessions[:place], *settled, *sessions[place + len(own) :]]
    return sessions


def _stopped_on(case: Case, course: str, sessions: Sequence[Session]) -> dt.date | None:
    """The day on which a course of which less is stated than planned was stopped, as entered."""
    if case.statement.course(course).delivered is None:
        return None
    order = list(dict.fromkeys(s.course for s in sessions))
    given = [s.date for s in sessions if s.course == course and s.state is State.DELIVERED]
    following = [s.date for s in sessions if s.course in order[order.index(course) + 1 :]]
    known, later = ([d for d in dates if d is not None] for dates in (given, following))
    if not known or len(known) < len(given) or not later:
        return None
    stops = (e.date for e in case.statement.events if e.kind is EventKind.STOPPED)
    return next((d for d in stops if max(known) <= d < min(later)), None)
