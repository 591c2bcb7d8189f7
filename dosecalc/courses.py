"""From a case and a protocol to a treatment: courses, sessions and dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from dosecalc.case import Case
from dosecalc.counts import beyond_records, by_summaries, summaries_until, whole_fractions
from dosecalc.delivery import Visit, deliveries
from dosecalc.errors import InputError
from dosecalc.fractions import fraction_of
from dosecalc.ledger import Ledger
from dosecalc.plans import Plan
from dosecalc.prescribed import prescribed_sessions, stated_sessions
from dosecalc.protocol import Course, Protocol
from dosecalc.roles import AssignedPlan, assign_plans, check_statement, in_turn, lost_doses
from dosecalc.sessions import Contribution, NoFraction, Session, State
from dosecalc.statement import CourseStatement
from dosecalc.succession import check_last_dates, check_later, earlier_first, ever_given
from dosecalc.visits import given_sessions, left_sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """All that is planned or given, in order, and what was assumed to say so.

    ``lost`` says, in words, what may have been given or planned and is in no session: treatment plans
    that fit no role, doses without their plan, files that could not be read, roles without a plan.
    While there is any, no sum is complete. ``absent`` are courses of the protocol of which nothing is
    known, ``later`` those that are stated to be not planned yet. ``planned`` is the treatment as its plans
    have it; ``ledger`` the book: what was given as it was given, and what is left of the plans.
    """

    plans: tuple[AssignedPlan, ...]
    unassigned: tuple[Plan, ...]
    lost: tuple[str, ...]
    absent: tuple[str, ...]
    later: tuple[str, ...]
    ledger: Ledger
    planned: Ledger
    assumptions: tuple[str, ...]

    def with_role(self, role: str) -> AssignedPlan | None:
        """The plan that holds a role, the last one where it was replaced."""
        return next((p for p in reversed(self.plans) if role in p.roles), None)

    def all_with_role(self, role: str) -> tuple[AssignedPlan, ...]:
        """The plans that hold a role one after another."""
        return tuple(p for p in self.plans if role in p.roles)

    def of_course(self, course: str) -> tuple[AssignedPlan, ...]:
        return tuple(p for p in self.plans if p.course == course)

    def in_full(self, course: str) -> Ledger:
        """The book with the whole of a course, even where the course was stopped."""
        left = left_sessions(self.planned.course(course).sessions, self.ledger.course(course).sessions)
        return Ledger(sessions=(*self.ledger.sessions, *left), events=self.ledger.events)

    def without_dose(self, plan_uid: str, reason: str) -> Treatment:
        """The same treatment with the dose of one plan declared unusable."""

        def mended(contribution: Contribution) -> Contribution:
            if contribution.fraction.plan_uid != plan_uid:
                return contribution
            return replace(contribution, fraction=NoFraction(plan_uid=plan_uid, reason=reason))

        def without(ledger: Ledger) -> Ledger:
            sessions = (
                replace(s, contributions=tuple(mended(c) for c in s.contributions)) for s in ledger.sessions
            )
            return replace(ledger, sessions=tuple(sessions))

        return replace(self, ledger=without(self.ledger), planned=without(self.planned))


def build_treatment(case: Case, protocol: Protocol, *, as_of: dt.date | None = None) -> Treatment:
    """Assign plans to roles and lay out their sessions.

    Parameters
    ----------
    as_of : the day until which treatment records, and summaries, count as given. Of a plan that was replaced
        they all say how many of its fractions belong to the course, those of later days too.

    Raises
    ------
    InputError : if two plans hold one role, or the case file contradicts the protocol or the plans.
    """
    assumptions: list[str] = []
    check_statement(case, protocol)
    assigned, unassigned = assign_plans(case, protocol, assumptions)
    known = _known_on(case, as_of, assumptions)
    plans = [p.plan for p in assigned]
    given = ever = deliveries(plans, known.records, visit_hours=protocol.visit_hours)
    if len(known.records) < len(case.records):
        ever = deliveries(plans, case.records, visit_hours=protocol.visit_hours)
    assumptions.extend(given.notes)
    assumptions.extend(
        f"WARNING: {p.name}: EFFECTIVE dose taken as dose, as declared: {p.stated.effective}"
        for p in assigned
        if p.stated.effective
    )
    whole = whole_fractions(ever.visits)
    assigned = in_turn(case, assigned, protocol, {uid: len(n) for uid, n in whole.items()}, assumptions)
    shown = {uid: len(numbers) for uid, numbers in whole_fractions(given.visits).items()}
    numbers = _Given(given.visits, ever.visits, whole, shown)
    laid = [
        _lay_out(case, known, course, assigned, given=numbers, assumptions=assumptions)
        for course in protocol.courses
    ]
    sessions = [s for found in laid for s in found.sessions]
    later = [found.course for found in laid if found.is_later]
    check_later(case, protocol, assigned, later)
    check_last_dates(case, sessions)
    counted = {found.course for found in laid if found.is_counted}
    events = case.statement.events
    return Treatment(
        plans=tuple(assigned),
        unassigned=tuple(unassigned),
        lost=(
            *lost_doses(case, protocol, assigned, unassigned),
            *given.lost,
            *beyond_records(known, assigned, shown),
        ),
        absent=tuple(found.course for found in laid if not (found.planned or found.is_later)),
        later=tuple(later),
        ledger=Ledger(
            sessions=tuple(earlier_first(case, sessions, counted, as_of, assumptions)), events=events
        ),
        planned=Ledger(sessions=tuple(s for found in laid for s in found.planned), events=events),
        assumptions=tuple(assumptions),
    )


@dataclass(frozen=True, slots=True)
class _Given:
    """What was given in which visit until the day that is asked for, and ever.

    ``whole`` are the fractions that were ever given whole, by plan, ``shown`` how many until that day.
    """

    visits: Sequence[Visit]
    ever: Sequence[Visit]
    whole: Mapping[str, Sequence[int]]
    shown: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Laid:
    """The sessions of a course as they are prescribed, and as they were given with what is left of them.

    ``is_counted`` is whether treatment summaries say how many were given.
    """

    course: str
    planned: Sequence[Session] = ()
    sessions: Sequence[Session] = ()
    is_later: bool = False
    is_counted: bool = False


def _known_on(case: Case, day: dt.date | None, assumptions: list[str]) -> Case:
    """The case with the treatment records, and summaries, that there were on a day."""
    if day is None:
        return case
    summaries, said = summaries_until(case, day)
    assumptions.extend(said)
    records = tuple(r for r in case.records if r.date is None or r.date <= day)
    return replace(case, records=records, summaries=summaries)


def _counted(
    case: Case,
    course: str,
    members: Sequence[AssignedPlan],
    shown: Mapping[str, int],
    assumptions: list[str],
) -> CourseStatement:
    """What is stated of a course, with how far it is by treatment summaries where nobody states that."""
    stated = case.statement.course(course)
    counted, said = by_summaries(case, members, shown)
    if said and stated.delivered is None:
        assumptions.append(said)
        return replace(stated, delivered=counted)
    if counted is not None and counted != stated.delivered:
        assumptions.append(f"WARNING: {said}, but {stated.delivered} are stated, and taken")
    return stated


def _lay_out(
    case: Case,
    known: Case,
    course: Course,
    assigned: Sequence[AssignedPlan],
    *,
    given: _Given,
    assumptions: list[str],
) -> _Laid:
    """The sessions of one course: of its plans, or where it has none, as stated."""
    members = [p for p in assigned if p.course == course.name]
    stated = _counted(known, course.name, members, given.shown, assumptions)
    if members:
        _check_course(case, course.name, members, stated, assumptions)
        planned = list(prescribed_sessions(case, course, members, stated, assumptions))
        sessions = _of_plans(case, course, members, stated, planned, given=given, assumptions=assumptions)
    elif stated.fractions is not None or stated.prescription_gy is not None or stated.doses:
        planned = sessions = stated_sessions(case, course, stated, assumptions)
        _say_over(course, stated, assumptions)
    else:
        return _Laid(course.name, is_later=stated.not_planned_yet)
    return _Laid(
        course.name,
        planned,
        ever_given(course, sessions, stated.delivered, assumptions),
        is_counted=stated != case.statement.course(course.name),
    )


def _of_plans(
    case: Case,
    course: Course,
    members: Sequence[AssignedPlan],
    stated: CourseStatement,
    planned: Sequence[Session],
    *,
    given: _Given,
    assumptions: list[str],
) -> list[Session]:
    """The sessions of a course with plans, as its treatment records have them, and what is left."""
    fractions = {p.plan.uid: fraction_of(case, p.plan, p.stated) for p in members}
    days = {p.plan.uid: _day_by_fraction(p, given.whole.get(p.plan.uid, ())) for p in members}
    until, ever = (
        list(given_sessions(course.name, fractions, days, visits)) for visits in (given.visits, given.ever)
    )
    _check_delivered(case, course, ever)
    if not ever:
        _say_over(course, stated, assumptions)
    if ever and not until:  # all that was given of it was given later
        return [replace(s, state=State.PLANNED) for s in planned]
    return _booked(case, course, planned, until, assumptions)


def _say_over(course: Course, stated: CourseStatement, assumptions: list[str]) -> None:
    if course.previous and stated.delivered is None and not stated.last_date:
        assumptions.append(f"{course.name}: taken as delivered, as it was over before the protocol began")


def _check_delivered(case: Case, course: Course, given: Sequence[Session]) -> None:
    """What is stated to be given must not contradict the treatment records, where there are any."""
    stated, whole = case.statement.course(course.name).delivered, Ledger(sessions=tuple(given)).whole_days()
    if given and stated is not None and stated != len(whole):
        raise InputError(
            f"{case.statement.source}: courses.{course.name}.delivered: expected {len(whole)}, as its "
            f"treatment records have, found {stated}"
        )


def _booked(
    case: Case, course: Course, planned: Sequence[Session], given: Sequence[Session], assumptions: list[str]
) -> list[Session]:
    """The sessions of a course as they were given, by its records, and what is left of its plans.

    Where there are no records, the planned ones, of which so many were given as is stated.
    """
    if not given:
        return list(planned)
    whole = Ledger(sessions=tuple(given)).whole_days()
    stated = case.statement.course(course.name)
    parts = [s for s in given if any(c.is_approximate for c in s.contributions)]
    if parts:
        days = ", ".join(str(s.date or f"day {s.day}") for s in parts)
        assumptions.append(
            f"WARNING: {course.name}: parts of fractions that were broken off ({days}) count by their "
            "metersets: what they gave at a point lies between nothing and the whole fraction"
        )
    left = list(left_sessions(planned, given))
    if left and (stated.last_date is not None or course.previous):
        over = f"over on {stated.last_date}" if stated.last_date else "over before the protocol began"
        assumptions.append(
            f"WARNING: {course.name}: {over}, and treatment records show {len(whole)} of its "
            f"{len({s.day for s in planned})} fractions: the others are in the sums as planned, not as given"
        )
    moved = [s for s in left if s.date is not None and s.date not in stated.dates]
    if moved:
        assumptions.append(
            f"{course.name}: of the {len(left)} sessions left, those from {moved[0].date} on are counted one "
            "each weekday after the last visit, holidays not counted"
        )
    return [*given, *left]


def _check_course(
    case: Case,
    course: str,
    members: Sequence[AssignedPlan],
    stated: CourseStatement,
    assumptions: list[str],
) -> None:
    """What is stated of a course must not contradict its plans."""
    where = f"{case.statement.source}: courses.{course}"
    if stated.doses or stated.hot_spot_factor is not None:
        key = "structures" if stated.doses else "hot_spot_factor"
        raise InputError(f"{where}.{key}: expected none, as {members[0].name} is of this course")
    if stated.not_planned_yet:
        raise InputError(f"{where}.not_planned_yet: expected false, as {members[0].name} is of this course")
    counts = {None if p.days is None else p.after + p.days for p in members if p.used is None}
    if stated.fractions is not None and counts != {stated.fractions}:
        found = " and ".join(str(c) for c in sorted(counts, key=str))
        raise InputError(f"{where}.fractions: expected {found}, as its plans have, found {stated.fractions}")
    prescribed = [p.prescription.dose_gy for p in members if p.prescription]
    if stated.prescription_gy is not None and stated.prescription_gy not in {*prescribed, sum(prescribed)}:
        assumptions.append(
            f"WARNING: {course}: {stated.prescription_gy} Gy is stated, its plans prescribe "
            + " and ".join(f"{d} Gy" for d in prescribed)
        )


def _day_by_fraction(assigned: AssignedPlan, whole: Sequence[int]) -> Callable[[int], int]:
    """On which day of the course a fraction of a plan is, or was.

    Of a plan that was replaced, the fractions that were given whole make up its days, in their order: one
    that no record shows leaves none, for it will not be given any more. What was begun besides belongs to
    its last day, and is no fraction of its own; where it has no day at all, to day 0.
    """
    if assigned.used is None:
        return lambda fraction: assigned.after + fraction
    days = {fraction: assigned.after + place for place, fraction in enumerate(whole, 1)}
    last = assigned.after + assigned.used if assigned.used else 0
    return lambda fraction: days.get(fraction, last)
