"""Rules on the calendar. Until a session is delivered, its planned date is judged."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from dosecalc.checking.context import Context, NotDueError, finding, not_evaluated
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome
from dosecalc.intervals import Band, Interval
from dosecalc.ledger import Ledger
from dosecalc.rules import ConsecutiveDays, CountedFrom, DaysBetween, Recurrence, Rule, Weekly
from dosecalc.statement import EventKind


def _dates(context: Context, course: str, *, given: bool = False) -> list[dt.date]:
    """Dates of all sessions of a course, or of those that were given where there are any.

    Raises
    ------
    NotDueError : where sessions have no dates, and nothing says that the course has begun.
    DosecalcError : where a date is missing although the course has begun, or a day is asked about.
    """
    ledger = context.course_ledger(course)
    context.require_fractions(course)
    if given and len(ledger.delivered()):
        ledger = ledger.delivered()
    dates = [s.date for s in ledger]
    known = [d for d in dates if d is not None]
    if len(known) == len(dates):
        return known
    text = f"{len(dates) - len(known)} of {len(dates)} sessions of the {course} course have no date"
    text += f"; state them in case.toml: courses.{course}.dates"
    order = [c.name for c in context.protocol.courses]
    from_here_on = context.treatment.ledger.course(*order[order.index(course) :])
    begun = context.asked_as_of is not None or len(from_here_on.delivered()) > 0
    raise DosecalcError(text) if begun else NotDueError(text)


def _days_finding(rule: Rule, outcome: Outcome, text: str, *, days: int, limit: int, sign: str) -> Finding:
    return replace(
        finding(rule, outcome, text),
        band=Band(value=float(days)),
        deciding=Interval.exactly(float(days)),
        limit=float(limit),
        comparison=sign,
        unit="days",
    )


def days_between(context: Context, rule: Rule, test: DaysBetween) -> Iterator[Finding]:
    """Days from one course to the first session of the next; once that has begun, of what was given."""
    try:
        first = _dates(context, test.course, given=context.has_begun(test.next_course))
        then = _dates(context, test.next_course)[0]
    except DosecalcError as error:
        yield not_evaluated(rule, error)
        return
    last = test.counted_from is CountedFrom.LAST_SESSION
    start = first[-1] if last else first[0]
    days = (then - start).days
    word = "last" if last else "first"
    text = (
        f"{days} days from the {word} {test.course} session ({start}) to the first {test.next_course} session"
    )
    text += f" ({then}); expected {test.low_days} to {test.high_days}"
    inside = test.low_days <= days <= test.high_days
    limit, sign = (test.high_days, "<=") if days > test.high_days else (test.low_days, ">=")
    yield _days_finding(
        rule, Outcome.PASS if inside else Outcome.FAIL, text, days=days, limit=limit, sign=sign
    )


def consecutive_days(context: Context, rule: Rule, test: ConsecutiveDays) -> Iterator[Finding]:
    """The days of a course follow one another without a gap."""
    try:
        _dates(context, test.course)
    except DosecalcError as error:
        yield not_evaluated(rule, error)
        return
    dates = _days_begun(context.course_ledger(test.course))
    prescribed = max(s.day for s in context.treatment.planned.course(test.course))
    listed = ", ".join(str(d) for d in dates)
    gaps = [(b - a).days for a, b in itertools.pairwise(dates)]
    if len(dates) == prescribed and all(gap == 1 for gap in gaps):
        yield finding(rule, Outcome.PASS, f"{test.course} sessions on consecutive days: {listed}")
    else:
        text = f"{test.course} sessions not on {prescribed} consecutive days: {listed}"
        yield finding(rule, Outcome.FAIL, text)


def _days_begun(ledger: Ledger) -> list[dt.date]:
    """The days on which a fraction of any plan was begun; the rest of a broken-off one makes no new day."""
    begun: set[tuple[str, int]] = set()
    dates = []
    for day in ledger.days():
        fractions = {(c.fraction.plan_uid, number) for s in day for c, number in s.numbered()}
        if fractions - begun and day[0].date is not None:
            dates.append(day[0].date)
        begun |= fractions
    return sorted(dates)


def weekly(context: Context, rule: Rule, test: Weekly) -> Iterator[Finding]:
    """At most so many sessions in an ISO week and in a day."""
    try:
        _dates(context, test.course)
    except DosecalcError as error:
        yield not_evaluated(rule, error)
        return
    # A fraction in two parts on one day is one; its rest with the next fraction comes in that one's visit.
    fractions = {(s.date, s.day) for s in context.course_ledger(test.course) if s.date is not None}
    dates = sorted(date for date, _ in fractions)
    weeks = Counter(d.isocalendar()[:2] for d in dates)
    days = Counter(dates)
    (year, week), most = max(weeks.items(), key=lambda item: (item[1], item[0]))
    day, in_day = max(days.items(), key=lambda item: (item[1], item[0]))
    text = f"at most {most} in a week ({year}-W{week:02d}) and {in_day} in a day"
    if most > test.per_week or in_day > test.per_day:
        text = f"{most} sessions in week {year}-W{week:02d}, {in_day} on {day}"
        outcome = Outcome.FAIL
    else:
        outcome = Outcome.PASS
    text += f" (expected at most {test.per_week} a week, {test.per_day} a day)" + _overall(dates)
    only_in_day = most <= test.per_week and in_day > test.per_day
    found, limit = (in_day, test.per_day) if only_in_day else (most, test.per_week)
    yield replace(
        finding(rule, outcome, f"{test.course}: {text}"),
        band=Band(value=float(found)),
        deciding=Interval.exactly(float(found)),
        limit=float(limit),
        comparison="<=",
        unit=f"sessions a {'day' if only_in_day else 'week'}",
    )


def _overall(dates: list[dt.date]) -> str:
    """The overall time, and each break: days on which at least one weekday went without a session."""
    breaks = [
        f"{_weekdays_between(a, b)} weekdays between {a} and {b}"
        for a, b in itertools.pairwise(dates)
        if _weekdays_between(a, b)
    ]
    text = f"; {(dates[-1] - dates[0]).days + 1} days in all, from {dates[0]} to {dates[-1]}"
    return text + (f", without a session: {', '.join(breaks)}" if breaks else ", without a break")


def _weekdays_between(first: dt.date, last: dt.date) -> int:
    """Weekdays strictly between two days."""
    days = (first + dt.timedelta(days=n) for n in range(1, (last - first).days))
    return sum(day.weekday() < 5 for day in days)


def recurrence(context: Context, rule: Rule, test: Recurrence) -> Iterator[Finding]:
    """Recurrence a number of calendar years after the end of a course, the anniversary included."""
    stated = context.case.statement.course(test.course)
    dates = [s.date for s in context.treatment.ledger.course(test.course) if s.date is not None]
    end = stated.last_date or max(dates, default=None)
    events = [e for e in context.treatment.ledger.events if e.kind is EventKind.RECURRENCE]
    if end is None or not events:
        lacks = "its last date" if end is None else "the date of recurrence (an event)"
        text = f"{test.course} course: {lacks} is not stated in case.toml"
        later = [e.date for e in context.case.statement.events if e.kind is EventKind.RECURRENCE]
        if end is not None and later:
            text = f"recurrence on {min(later)}: later than the day that is judged as of"
        yield finding(rule, Outcome.NOT_EVALUATED, text)
        return
    day = min(e.date for e in events)
    try:
        earliest = _years_later(end, test.years)
    except ValueError:
        yield not_evaluated(rule, f"{end} and {test.years} years lie beyond the calendar")
        return
    outcome = Outcome.PASS if day >= earliest else Outcome.FAIL
    text = f"recurrence on {day}, {test.course} course ended on {end} (expected {earliest} or later)"
    limit = (earliest - end).days
    yield _days_finding(rule, outcome, text, days=(day - end).days, limit=limit, sign=">=")


def _years_later(day: dt.date, years: int) -> dt.date:
    """The anniversary; of 29 February it is 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return dt.date(day.year + years, 3, 1)
