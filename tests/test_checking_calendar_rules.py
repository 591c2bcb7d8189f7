"""Rules on the calendar: recurrence, induction days, the interval, fractions a week."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from cases import (
    DEFINITIVE_FIRST,
    INDUCTION_DATES,
    extended,
    judged,
    make_case,
    make_statement,
    one,
    outcomes,
    redefine,
)

from dosecalc.checking.calendar_rules import _years_later
from dosecalc.errors import InputError
from dosecalc.findings import Outcome
from dosecalc.results import CheckResult
from dosecalc.statement import CourseStatement, Event, EventKind, Grouping

PASS, FAIL, NOT_EVALUATED, NOT_DUE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_DUE,
)
LAST_INDUCTION = INDUCTION_DATES[-1]
INDUCTION_UNDATED = CourseStatement(grouping=Grouping.ONE_SESSION)


CALENDAR = ("R02", "R14", "R21", "R24")


def dated(*, events: list[Event] | None = None, **courses: CourseStatement) -> CheckResult:
    return judged(
        make_case(statement=make_statement(courses=courses, events=events)), only=CALENDAR, cells=50
    )


def prior(last: dt.date | None) -> CourseStatement:
    return CourseStatement(prescription_gy=Decimal(70), fractions=35, last_date=last)


def recurred(day: dt.date) -> Event:
    return Event(kind=EventKind.RECURRENCE, date=day)


def definitive(first: dt.date, *, days: int = 28) -> CourseStatement:
    """28 dates from ``first`` on, weekends passed over after the first."""
    dates = [first]
    while len(dates) < days:
        day = dates[-1] + dt.timedelta(days=1)
        while day.weekday() >= 5:
            day += dt.timedelta(days=1)
        dates.append(day)
    return CourseStatement(dates=tuple(dates))


class TestRecurrence:
    """R02: a calendar year, the anniversary included."""

    @pytest.mark.parametrize(
        ("end", "day", "outcome"),
        [
            (dt.date(2024, 3, 1), dt.date(2025, 3, 1), PASS),
            (dt.date(2024, 3, 1), dt.date(2025, 2, 28), FAIL),
            (dt.date(2024, 2, 29), dt.date(2025, 3, 1), PASS),
            (dt.date(2024, 2, 29), dt.date(2025, 2, 28), FAIL),
            (dt.date(2023, 2, 28), dt.date(2024, 2, 28), PASS),
            (dt.date(2024, 3, 1), dt.date(2023, 1, 1), FAIL),
        ],
    )
    def test_anniversary(self, end: dt.date, day: dt.date, outcome: Outcome) -> None:
        found = one(dated(prior=prior(end), events=[recurred(day)]), "R02")
        assert found.outcome is outcome
        assert str(day) in found.message
        assert found.measured == (day - end).days

    def test_the_earliest_recurrence_counts(self) -> None:
        days = [dt.date(2026, 1, 1), dt.date(2024, 6, 1)]
        result = dated(prior=prior(dt.date(2024, 3, 1)), events=[recurred(d) for d in days])
        assert one(result, "R02").outcome is FAIL

    def test_without_a_date(self) -> None:
        assert one(dated(prior=prior(None)), "R02").outcome is NOT_EVALUATED
        assert one(dated(events=[]), "R02").outcome is NOT_EVALUATED

    def test_other_events_are_no_recurrence(self) -> None:
        note = Event(kind=EventKind.NOTE, date=dt.date(2026, 1, 1))
        assert one(dated(events=[note]), "R02").outcome is NOT_EVALUATED

    def test_29_february(self) -> None:
        assert _years_later(dt.date(2024, 2, 29), 1) == dt.date(2025, 3, 1)
        assert _years_later(dt.date(2024, 2, 29), 4) == dt.date(2028, 2, 29)


class TestConsecutiveDays:
    """R14: induction on days 1, 2 and 3."""

    @pytest.mark.parametrize(
        ("days", "outcome"),
        [
            ((2, 3, 4), PASS),
            ((2, 3, 5), FAIL),
            ((2, 4, 5), FAIL),
            ((3, 3, 4), FAIL),
            ((3, 3, 3), FAIL),
        ],
    )
    def test_days(self, days: tuple[int, ...], outcome: Outcome) -> None:
        dates = tuple(dt.date(2026, 3, d) for d in days)
        stated = CourseStatement(grouping=Grouping.ONE_SESSION, dates=dates)
        assert one(dated(induction=stated), "R14").outcome is outcome

    def test_two_visits_of_one_prescribed_day_are_one_day(self) -> None:
        stated = CourseStatement(grouping=Grouping.SEPARATE_SESSIONS, dates=INDUCTION_DATES)
        assert one(dated(induction=stated), "R14").outcome is PASS

    def test_a_weekend_is_a_gap(self) -> None:
        dates = (dt.date(2026, 3, 5), dt.date(2026, 3, 6), dt.date(2026, 3, 9))
        stated = CourseStatement(grouping=Grouping.ONE_SESSION, dates=dates)
        assert one(dated(induction=stated), "R14").outcome is FAIL

    def test_undated_before_treatment_is_not_due(self) -> None:
        assert one(dated(induction=INDUCTION_UNDATED), "R14").outcome is not PASS

    def test_undated_but_delivered_is_not_evaluated(self) -> None:
        stated = CourseStatement(grouping=Grouping.ONE_SESSION, delivered=1)
        assert one(dated(induction=stated), "R14").outcome is NOT_EVALUATED


class TestDaysBetween:
    """R21: 21 to 28 days, ends included, from the last induction fraction."""

    @pytest.mark.parametrize(
        ("days", "outcome"), [(20, FAIL), (21, PASS), (26, PASS), (28, PASS), (29, FAIL), (-5, FAIL)]
    )
    def test_ends_are_included(self, days: int, outcome: Outcome) -> None:
        first = LAST_INDUCTION + dt.timedelta(days=days)
        found = one(dated(definitive=definitive(first)), "R21")
        assert found.outcome is outcome
        assert found.measured == days
        assert str(days) in found.message

    def test_counted_from_day_one_where_the_protocol_says_so(self) -> None:
        protocol = extended('[[rules]]\nid = "R21"\ncounted_from = "first_session"\n')
        first = LAST_INDUCTION + dt.timedelta(days=27)
        case = make_case(statement=make_statement(courses={"definitive": definitive(first)}))
        found = one(judged(case, protocol=protocol, only=CALENDAR, cells=50), "R21")
        assert (found.outcome, found.measured) == (FAIL, 29)

    @pytest.mark.parametrize(
        ("induction", "later", "outcome"),
        [
            (INDUCTION_UNDATED, CourseStatement(delivered=1), NOT_EVALUATED),
            (CourseStatement(grouping=Grouping.ONE_SESSION, delivered=3), CourseStatement(), NOT_EVALUATED),
        ],
    )
    def test_undated(self, induction: CourseStatement, later: CourseStatement, outcome: Outcome) -> None:
        assert one(dated(induction=induction, definitive=later), "R21").outcome is outcome

    def test_undated_induction_before_a_definitive_course_that_has_begun(self) -> None:
        """The interval is over, and nobody knows how long it was."""
        later = CourseStatement(first_date=DEFINITIVE_FIRST, delivered=5)
        assert one(dated(induction=INDUCTION_UNDATED, definitive=later), "R21").outcome is NOT_EVALUATED

    def test_undated_on_a_day_that_is_asked_about(self) -> None:
        statement = make_statement(courses={"induction": INDUCTION_UNDATED, "definitive": CourseStatement()})
        result = judged(make_case(statement=statement), only=CALENDAR, as_of=dt.date(2026, 5, 1))
        assert one(result, "R21").outcome is NOT_EVALUATED
        assert one(result, "R24").outcome is NOT_EVALUATED

    def test_not_planned_yet_is_not_due(self) -> None:
        statement = make_statement(courses={"definitive": CourseStatement(not_planned_yet=True)})
        result = judged(make_case(plans=("low", "boost"), statement=statement), only=CALENDAR, cells=50)
        assert one(result, "R21").outcome is NOT_DUE

    def test_no_definitive_plan_and_nothing_said_is_not_evaluated(self) -> None:
        statement = make_statement(courses={"definitive": CourseStatement()})
        result = judged(make_case(plans=("low", "boost"), statement=statement), only=CALENDAR, cells=50)
        assert one(result, "R21").outcome is NOT_EVALUATED

    def test_a_later_course_has_begun_before_an_earlier_one_was_given(self) -> None:
        """One of three induction fractions, ten definitive ones: nothing can be said of the interval."""
        statement = make_statement(
            courses={
                "induction": CourseStatement(
                    grouping=Grouping.ONE_SESSION, dates=INDUCTION_DATES, delivered=1
                ),
                "definitive": CourseStatement(first_date=DEFINITIVE_FIRST, delivered=10),
            }
        )
        try:
            found = judged(make_case(statement=statement), only=CALENDAR, cells=50)
        except InputError:
            return
        assert one(found, "R21").outcome is not PASS


class TestWeekly:
    """R24: at most five an ISO week, one a day."""

    def test_weekdays(self) -> None:
        assert outcomes(dated(), "R24") == [PASS]

    def test_a_saturday_too_many(self) -> None:
        """Monday to Saturday of ISO week 14."""
        dates = list(definitive(DEFINITIVE_FIRST, days=27).dates)
        saturday = dt.date(2026, 4, 4)
        stated = CourseStatement(dates=tuple(sorted([*dates, saturday])))
        found = one(dated(definitive=stated), "R24")
        assert found.outcome is FAIL
        assert "2026-W14" in found.message
        assert (found.measured, found.limit, found.unit) == (6, 5, "sessions a week")

    def test_five_in_a_week_with_a_saturday(self) -> None:
        """A Saturday in place of the Friday keeps the rule."""
        dates = {*definitive(DEFINITIVE_FIRST).dates} - {dt.date(2026, 4, 3)} | {dt.date(2026, 4, 4)}
        stated = CourseStatement(dates=tuple(sorted(dates)))
        assert one(dated(definitive=stated), "R24").outcome is PASS

    def test_two_a_day(self) -> None:
        dates = list(definitive(DEFINITIVE_FIRST, days=27).dates)
        stated = CourseStatement(dates=tuple(sorted([*dates, dates[-1]])))
        found = one(dated(definitive=stated), "R24")
        assert found.outcome is FAIL
        assert str(dates[-1]) in found.message
        assert (found.measured, found.limit, found.unit) == (2, 1, "sessions a day")

    def test_an_iso_week_runs_over_new_year(self) -> None:
        """2026-W53: Monday 28 December to Sunday 3 January, six sessions."""
        new_year = [dt.date(2026, 12, 28) + dt.timedelta(days=n) for n in range(6)]
        later = list(definitive(dt.date(2027, 1, 4), days=22).dates)
        found = one(dated(definitive=CourseStatement(dates=(*new_year, *later))), "R24")
        assert found.outcome is FAIL
        assert "2026-W53" in found.message

    def test_undated(self) -> None:
        assert one(dated(definitive=CourseStatement()), "R24").outcome in {NOT_DUE, NOT_EVALUATED}
        begun = CourseStatement(delivered=1)
        assert one(dated(definitive=begun), "R24").outcome is NOT_EVALUATED


def test_the_rules_have_readings_by_name() -> None:
    """The tests above judge what the shipped protocol holds, not a protocol of their own."""
    tests = {r.id: r.test for r in redefine().rules}
    assert (tests["R21"].low_days, tests["R21"].high_days) == (21, 28)  # type: ignore[union-attr]
    assert tests["R02"].years == 1  # type: ignore[union-attr]
