"""From a case and a protocol to a treatment: courses, sessions and dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from dosecalc.case import Case
from dosecalc.counts import beyond_records, by_summaries, whole_fractions
from dosecalc.delivery import deliveries
from dosecalc.envelopes import Numbers
from dosecalc.errors import InputError
from dosecalc.fractions import fraction_of
from dosecalc.ledger import Contribution, FractionDose, Ledger, NoFraction, Session, State, Stated
from dosecalc.plans import Plan
from dosecalc.protocol import Course, Protocol
from dosecalc.roles import AssignedPlan, assign_plans, check_statement, in_turn, lost_doses
from dosecalc.statement import CourseStatement, Grouping
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


def build_treatment(case: Case, protocol: Protocol) -> Treatment:
    """Assign plans to roles and lay out their sessions.

    Raises
    ------
    InputError : if two plans hold one role, or the case file contradicts the protocol or the plans.
    """
    assumptions: list[str] = []
    check_statement(case, protocol)
    assigned, unassigned = assign_plans(case, protocol, assumptions)
    given = deliveries([p.plan for p in assigned], case.records, visit_hours=protocol.visit_hours)
    assumptions.extend(given.notes)
    assumptions.extend(
        f"WARNING: {p.name}: EFFECTIVE dose taken as dose, as declared: {p.stated.effective}"
        for p in assigned
        if p.stated.effective
    )
    whole = whole_fractions(given.visits)
    shown = {uid: len(numbers) for uid, numbers in whole.items()}
    assigned = in_turn(case, assigned, protocol, shown, assumptions)
    planned: list[Session] = []
    sessions: list[Session] = []
    absent, later = [], []
    for course in protocol.courses:
        members = [p for p in assigned if p.course == course.name]
        stated = case.statement.course(course.name)
        counted, said = by_summaries(case, members, shown)
        if said and stated.delivered is None:
            assumptions.append(said)
            stated = replace(stated, delivered=counted)
        elif counted is not None and counted != stated.delivered:
            assumptions.append(f"WARNING: {said}, but {stated.delivered} are stated, and taken")
        if members:
            _check_course(case, course.name, members, stated, assumptions)
            prescribed = list(_sessions(case, course, members, stated, assumptions))
            planned.extend(prescribed)
            fractions = {p.plan.uid: fraction_of(case, p.plan, p.stated) for p in members}
            days = {p.plan.uid: _day_by_fraction(p, whole.get(p.plan.uid, ())) for p in members}
            visits = list(given_sessions(course.name, fractions, days, given.visits))
            sessions.extend(_booked(case, course.name, prescribed, visits, assumptions))
        elif stated.fractions is not None or stated.prescription_gy is not None or stated.doses:
            prescribed = _stated_sessions(case, course, stated, assumptions)
            planned.extend(prescribed)
            sessions.extend(prescribed)
        elif stated.not_planned_yet:
            later.append(course.name)
        else:
            absent.append(course.name)
        if later and (members or stated.dates or stated.delivered):
            raise InputError(
                f"{case.statement.source}: courses.{later[0]}.not_planned_yet: expected false, as the "
                f"{course.name} course, which follows it, is planned"
            )
    _check_last_dates(case, sessions)
    sessions = _earlier_first(case, sessions, assumptions)
    events = case.statement.events
    return Treatment(
        plans=tuple(assigned),
        unassigned=tuple(unassigned),
        lost=(
            *lost_doses(case, protocol, assigned, unassigned),
            *given.lost,
            *beyond_records(case, assigned, shown),
        ),
        absent=tuple(absent),
        later=tuple(later),
        ledger=Ledger(sessions=tuple(sessions), events=events),
        planned=Ledger(sessions=tuple(planned), events=events),
        assumptions=tuple(assumptions),
    )


def _check_last_dates(case: Case, sessions: Sequence[Session]) -> None:
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


def _booked(
    case: Case, course: str, planned: Sequence[Session], given: Sequence[Session], assumptions: list[str]
) -> list[Session]:
    """The sessions of a course as they were given, by its records, and what is left of its plans.

    Where there are no records, the planned ones, of which so many were given as is stated.
    """
    if not given:
        return list(planned)
    whole = Ledger(sessions=tuple(given)).whole_days()
    stated = case.statement.course(course)
    if stated.delivered is not None and stated.delivered != len(whole):
        raise InputError(
            f"{case.statement.source}: courses.{course}.delivered: expected {len(whole)}, as its "
            f"treatment records have, found {stated.delivered}"
        )
    parts = [s for s in given if any(c.is_approximate for c in s.contributions)]
    if parts:
        days = ", ".join(str(s.date or f"day {s.day}") for s in parts)
        assumptions.append(
            f"WARNING: {course}: parts of fractions that were broken off ({days}) count by their metersets: "
            "what they gave at a point lies between nothing and the whole fraction"
        )
    left = list(left_sessions(planned, given))
    moved = [s for s in left if s.date is not None and s.date not in stated.dates]
    if moved:
        assumptions.append(
            f"{course}: of the {len(left)} sessions left, those from {moved[0].date} on are counted one "
            "each weekday after the last visit, holidays not counted"
        )
    return [*given, *left]


def _earlier_first(case: Case, sessions: list[Session], assumptions: list[str]) -> list[Session]:
    """Where a course has begun, all that comes before it was given: stated otherwise, it contradicts.

    Not where an earlier course has treatment records: what they do not show has no date, and is not given.
    """
    begun = [s.course for s in sessions if s.state is State.DELIVERED]
    if not begun:
        return sessions
    order = list(dict.fromkeys(s.course for s in sessions))
    earlier = order[: order.index(begun[-1])]
    recorded = {s.course for s in sessions if s.source_uids}
    left: dict[str, list[int]] = {}
    for session in sessions:
        if session.course in earlier and session.state is State.PLANNED:
            left.setdefault(session.course, []).append(session.day)
    for course, days in left.items():
        if course in recorded:
            assumptions.append(
                f"WARNING: {course}: no treatment record shows all of its fraction "
                f"{', '.join(map(str, dict.fromkeys(days)))}, though the {begun[-1]} course has begun: in "
                "the sums as planned, on no known date"
            )
        elif case.statement.course(course).delivered is not None:
            raise InputError(
                f"{case.statement.source}: courses.{course}.delivered: expected all of its sessions, as "
                f"the {begun[-1]} course has begun, found {case.statement.course(course).delivered}"
            )
        else:
            assumptions.append(f"{course}: taken as delivered, as the {begun[-1]} course has begun")

    def settled(session: Session) -> Session:
        if session.course not in left or session.state is State.DELIVERED:
            return session
        if session.course in recorded:
            return replace(session, date=None)
        return replace(session, state=State.DELIVERED)

    return [settled(s) for s in sessions]


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


def _sessions(
    case: Case,
    course: Course,
    members: Sequence[AssignedPlan],
    stated: CourseStatement,
    assumptions: list[str],
) -> Iterator[Session]:
    """Sessions of a course: fraction ``k`` of each of its plans falls on its prescribed day ``k``."""
    fractions: list[tuple[AssignedPlan, FractionDose]] = [
        (p, fraction_of(case, p.plan, p.stated)) for p in members
    ]
    days = max(p.after + (1 if p.days is None else p.days) for p in members)
    dates = _dates(case, course.name, stated, days, assumptions)
    together = _together(course, members, stated, assumptions)
    delivered = _delivered(stated, days)
    number = 0
    for day in range(1, days + 1):
        given = [Contribution(fraction=f) for p, f in fractions if _on_day(p, day)]
        for place, visit in enumerate([given] if together else [[c] for c in given]):
            number += 1
            yield Session(
                course=course.name,
                number=number,
                day=day,
                contributions=tuple(visit),
                state=State.DELIVERED if day <= delivered else State.PLANNED,
                date=dates[day - 1],
                hours=None if stated.hours_apart is None else place * stated.hours_apart,
            )


def _delivered(stated: CourseStatement, days: int) -> int:
    """How many of its days were given, where no records say so: a course whose last day is stated is over."""
    if stated.delivered is not None:
        return stated.delivered
    return days if stated.last_date else 0


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


def _on_day(assigned: AssignedPlan, day: int) -> bool:
    return assigned.after < day <= assigned.after + (1 if assigned.days is None else assigned.days)


def _together(
    course: Course,
    members: Sequence[AssignedPlan],
    stated: CourseStatement,
    assumptions: list[str],
) -> bool:
    if all(b.after > 0 for b in members[1:]):
        return True  # one plan, or plans that follow one another
    labels = " and ".join(p.name for p in members)
    if len({p.fractions for p in members}) > 1:
        counts = " and ".join(str(p.fractions) for p in members)
        assumptions.append(
            f"{course.name}: {labels} have {counts} fractions; their first ones are taken to be on one day"
        )
    if stated.grouping is Grouping.SEPARATE_SESSIONS:
        assumptions.append(
            f"{course.name}: sessions of one prescribed day lie less than 24 h apart: limits per fraction "
            "judge their sum, EQD2 lies between that of separate sessions and of one"
        )
    if stated.grouping is not None:
        return stated.grouping is Grouping.ONE_SESSION
    words = {
        Grouping.ONE_SESSION: "in one session: their doses add before EQD2",
        Grouping.SEPARATE_SESSIONS: "in separate sessions",
    }
    assumptions.append(
        f"WARNING: {course.name}: nothing says whether {labels} are given in one session; taken as the "
        f"protocol has it, {words[course.grouping]}. State it in case.toml: courses.{course.name}.grouping"
    )
    return course.grouping is Grouping.ONE_SESSION


def _dates(
    case: Case, course: str, stated: CourseStatement, days: int, assumptions: list[str]
) -> list[dt.date | None]:
    """Dates of the prescribed days of a course, or None where they are not known."""
    source = f"{case.statement.source}: courses.{course}"
    if stated.delivered is not None and stated.delivered > days:
        raise InputError(f"{source}.delivered: expected at most {days}, found {stated.delivered}")
    if stated.dates:
        if len(stated.dates) != days:
            raise InputError(
                f"{source}.dates: expected {days} dates, found {len(stated.dates)}; one a prescribed day"
            )
        if stated.last_date not in {None, stated.dates[-1]}:
            raise InputError(
                f"{source}.last_date: expected {stated.dates[-1]}, as in dates, found {stated.last_date}"
            )
        return list(stated.dates)
    if stated.first_date and stated.last_date and stated.last_date < stated.first_date:
        raise InputError(
            f"{source}.last_date: expected {stated.first_date} or later, found {stated.last_date}"
        )
    first, last = stated.first_date, stated.last_date
    if first is None:
        return [*[None] * (days - 1), last]
    if first.weekday() >= 5:
        raise InputError(f"{source}.first_date: expected a weekday, found {first:%A}")
    found: list[dt.date] = []
    day = first
    while len(found) < days:
        if day.weekday() < 5:
            found.append(day)
        day = _next_day(day, source)
    if last not in {None, found[-1]}:
        assumptions.append(
            f"{course}: one fraction each weekday from {first} would end on {found[-1]}, stated is {last}: "
            "the dates between are not known"
        )
        return [first, *[None] * (days - 2), last][:days]
    assumptions.append(f"{course}: one fraction each weekday from {first}, holidays not counted")
    return list(found)


def _next_day(day: dt.date, source: str) -> dt.date:
    try:
        return day + dt.timedelta(days=1)
    except OverflowError:
        raise InputError(
            f"{source}.first_date: expected a date well within the calendar, found {day}"
        ) from None


def _stated_doses(course: str, stated: CourseStatement) -> Stated | None:
    """What is known in numbers of a course without DICOM."""
    factor, prescribed = stated.hot_spot_factor, stated.prescription_gy
    anywhere = None
    if factor is not None and prescribed is not None:
        anywhere = Numbers(most_gy=factor * float(prescribed))
    if not stated.doses and anywhere is None:
        return None
    return Stated(
        course=course,
        fractions=stated.fractions,
        structures=tuple(sorted(stated.doses.items(), key=lambda i: i[0])),
        anywhere=anywhere,
    )


def _stated_sessions(
    case: Case, course: Course, stated: CourseStatement, assumptions: list[str]
) -> list[Session]:
    """Sessions of a course that is known as numbers only: they have no dose."""
    dose = f"{stated.prescription_gy} Gy" if stated.prescription_gy is not None else "unknown dose"
    count = f" in {stated.fractions} fractions" if stated.fractions is not None else ""
    reason = f"{course.name} course: {dose}{count} as stated, without a dose distribution"
    assumptions.append(reason)
    fraction = NoFraction(plan_uid="", reason=reason, stated=_stated_doses(course.name, stated))
    n = stated.fractions or 1
    dates = _dates(case, course.name, stated, n, assumptions)
    delivered = _delivered(stated, n)
    return [
        Session(
            course=course.name,
            number=k,
            day=k,
            contributions=(Contribution(fraction=fraction),),
            state=State.DELIVERED if k <= delivered else State.PLANNED,
            date=dates[k - 1],
        )
        for k in range(1, n + 1)
    ]
