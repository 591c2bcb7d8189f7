"""The sessions of a course as they are prescribed: those of its plans, or as a person states them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from dosecalc.case import Case
from dosecalc.envelopes import Numbers
from dosecalc.errors import InputError
from dosecalc.fractions import fraction_of
from dosecalc.protocol import Course
from dosecalc.roles import AssignedPlan
from dosecalc.sessions import Contribution, FractionDose, NoFraction, Session, State, Stated
from dosecalc.statement import CourseStatement, Grouping


def prescribed_sessions(
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
    delivered = _delivered(course, stated, days)
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


def _delivered(course: Course, stated: CourseStatement, days: int) -> int:
    """How many of its days were given, where no records say so: a course whose last day is stated is over."""
    if stated.delivered is not None:
        return stated.delivered
    return days if course.previous or stated.last_date else 0


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


def stated_sessions(
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
    delivered = _delivered(course, stated, n)
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
