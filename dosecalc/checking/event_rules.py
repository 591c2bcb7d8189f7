"""Rules on what a person enters: drugs given on their days, and none where they must not be."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from dosecalc.checking.context import Context, NotDueError, finding, not_evaluated
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome
from dosecalc.ledger import Ledger
from dosecalc.rules import EventOnDays, Maintenance, NoEventDuring, Rule
from dosecalc.statement import Event, EventKind

_YEAR_MONTHS = 12


def _entered(context: Context, kind: EventKind) -> list[dt.date]:
    """The days on which an event is entered, ascending.

    What is not entered is not known to be absent: only where some are, a list was kept.
    """
    return sorted({e.date for e in context.treatment.ledger.events if e.kind is kind})


def _first(ledger: Ledger) -> dt.date:
    dates = [s.date for s in ledger]
    if dates[0] is None:
        text = f"the first session of the {ledger.courses[0]} course has no date; state it in case.toml"
        raise DosecalcError(text) if len(ledger.delivered()) else NotDueError(text)
    return min(d for d in dates if d is not None)


def event_on_days(context: Context, rule: Rule, test: EventOnDays) -> Iterator[Finding]:
    """An event on certain days, counted from the first session of a course, which is day 1."""
    try:
        start = _first(context.course_ledger(test.course))
    except DosecalcError as error:
        yield not_evaluated(rule, error)
        return
    entered = _entered(context, test.event)
    for day in test.days:
        wanted = start + dt.timedelta(days=day - 1)
        text = f"{test.event.value} on day {day} of the {test.course} course ({wanted})"
        near = [
            e
            for e in context.treatment.ledger.events
            if e.kind is test.event and abs((e.date - wanted).days) <= test.tolerance_days
        ]
        ahead = context.as_of is None or context.as_of < wanted
        if near:
            outcome, said = _of_dose(near, test.dose_mg)
            text += f": entered for {near[0].date}{said}"
        elif ahead:
            outcome, text = Outcome.NOT_DUE, f"{text}: ahead"
        elif entered:
            outcome = Outcome.FAIL
            text += f": not entered; there are entries for {', '.join(map(str, entered))}"
        else:
            outcome, text = Outcome.NOT_EVALUATED, f"{text}: no such event is entered in case.toml"
        yield replace(finding(rule, outcome, text), due=wanted)


def _of_dose(entered: Sequence[Event], dose_mg: Decimal | None) -> tuple[Outcome, str]:
    """Whether what is entered has the dose that a rule names, and what is to be said of it."""
    if dose_mg is None:
        return Outcome.PASS, ""
    wrong = [e.dose_mg for e in entered if e.dose_mg not in {None, dose_mg}]
    if wrong:
        return Outcome.FAIL, f", {wrong[0]} mg, expected {dose_mg} mg"
    if any(e.dose_mg is None for e in entered):
        return Outcome.PASS, f"; its dose is not entered, expected {dose_mg} mg"
    return Outcome.PASS, f", {dose_mg} mg"


def no_event_during(context: Context, rule: Rule, test: NoEventDuring) -> Iterator[Finding]:
    """No such event from the first to the last session of a course."""
    try:
        ledger = context.course_ledger(test.course)
        start = _first(ledger)
    except DosecalcError as error:
        yield not_evaluated(rule, error)
        return
    given = [s.date for s in ledger.delivered() if s.date is not None]
    end = max((s.date for s in ledger if s.date is not None), default=start)
    entered = _entered(context, test.event)
    within = [d for d in entered if start <= d <= end]
    span = f"the {test.course} course, {start} to {end}"
    if within:
        text = f"{test.event.value} during {span}: {', '.join(map(str, within))}"
        yield finding(rule, Outcome.FAIL, text)
    elif not given:
        yield replace(finding(rule, Outcome.NOT_DUE, f"{span}, has not begun"), due=end)
    elif not entered:
        text = f"no {test.event.value} is entered in case.toml at all: whether there was none is not known"
        yield finding(rule, Outcome.NOT_EVALUATED, text)
    else:
        text = f"{test.event.value} entered for {', '.join(map(str, entered))}: none "
        if len(ledger.remaining()):
            yield _ahead(context, rule, f"{text}so far during {span}", end)
        else:
            yield finding(rule, Outcome.PASS, f"{text}during {span}")


def _ahead(context: Context, rule: Rule, text: str, due: dt.date | None) -> Finding:
    """Not due yet; past the day that it was planned for, nothing is known."""
    if due is not None and context.as_of is not None and context.as_of > due:
        return not_evaluated(rule, f"{text}, as far as is known by {context.as_of}: it was due on {due}")
    return replace(finding(rule, Outcome.NOT_DUE, text), due=due)


def maintenance(context: Context, rule: Rule, test: Maintenance) -> Iterator[Finding]:
    """An event that begins soon after a course, comes at an interval and ends within a time."""
    try:
        ledger = context.course_ledger(test.course)
        _first(ledger)
    except DosecalcError as error:
        yield not_evaluated(rule, error)
        return
    dates = [s.date for s in ledger]
    if len(ledger.remaining()) or any(d is None for d in dates):
        last = max((d for d in dates if d is not None), default=None)
        due = last + dt.timedelta(days=test.within_days) if last else None
        yield _ahead(context, rule, f"the {test.course} course has not ended", due)
        return
    end = max(d for d in dates if d is not None)
    latest = end + dt.timedelta(days=test.within_days)
    entered = [d for d in _entered(context, test.event) if d > end]
    text = f"the {test.course} course ended on {end}; "
    if not entered:
        over = context.as_of is not None and context.as_of > latest
        outcome = Outcome.NOT_EVALUATED if over else Outcome.NOT_DUE
        text += f"no {test.event.value} is entered since, expected by {latest}"
        yield replace(finding(rule, outcome, text), due=latest)
        return
    faults = [f"begun on {entered[0]}, expected by {latest}"] if entered[0] > latest else []
    faults += [
        f"{(b - a).days} days from {a} to {b}, expected {test.every_days}"
        for a, b in itertools.pairwise(entered)
        if abs((b - a).days - test.every_days) > test.tolerance_days
    ]
    final = _months_later(entered[0], test.at_most_months)
    if entered[-1] > final:
        faults.append(f"still given on {entered[-1]}, expected none after {final}")
    text += "; ".join(faults) or f"{len(entered)} entered since, from {entered[0]} to {entered[-1]}"
    following = entered[-1] + dt.timedelta(days=test.every_days + test.tolerance_days)
    if not faults and context.as_of is not None and following < context.as_of <= final:
        text += f"; expected by {following} or the end of it, as of {context.as_of} nothing says which"
        yield replace(finding(rule, Outcome.NOT_EVALUATED, text), due=following)
        return
    yield finding(rule, Outcome.FAIL if faults else Outcome.PASS, text)


def _months_later(day: dt.date, months: int) -> dt.date:
    """The same day of a later month, or the first of the month after where there is no such day.

    >>> _months_later(dt.date(2026, 1, 31), 1), _months_later(dt.date(2026, 3, 2), 12)
    (datetime.date(2026, 3, 1), datetime.date(2027, 3, 2))
    """
    month = day.month - 1 + months
    year, number = day.year + month // _YEAR_MONTHS, month % _YEAR_MONTHS + 1
    try:
        return day.replace(year=year, month=number)
    except ValueError:
        return dt.date(year + number // _YEAR_MONTHS, number % _YEAR_MONTHS + 1, 1)
