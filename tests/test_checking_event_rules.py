"""R20, R25, R26 and the breaks in R24: what is entered, and the calendar of what was given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest
from cases import COARSE, make_statement
from test_visits import FIRST, INDUCTION, begun, definitive, induction, record, weekdays

from dosecalc import Finding, Outcome, check, load_protocol
from dosecalc.case import Case
from dosecalc.statement import CourseStatement, Event, EventKind

PROTOCOL = load_protocol("redefine")
PASS, FAIL = Outcome.PASS, Outcome.FAIL
NOT_EVALUATED, NOT_DUE = Outcome.NOT_EVALUATED, Outcome.NOT_DUE
DAY_1, DAY_22 = INDUCTION[0].date(), INDUCTION[0].date() + dt.timedelta(days=21)
LAST = weekdays(FIRST, 28)[-1].date()


def events(*days: dt.date) -> list[Event]:
    recurrence = Event(kind=EventKind.RECURRENCE, date=dt.date(2026, 2, 10))
    return [recurrence, *(Event(kind=EventKind.ANTI_PD1, date=day) for day in days)]


def of(case: Case, rule: str, **options: dt.date) -> list[Finding]:
    result = check(case, PROTOCOL, settings=COARSE, **options)  # type: ignore[arg-type]
    return [f for f in result.findings if f.rule == rule]


def outcomes(findings: Sequence[Finding]) -> list[Outcome]:
    return [f.outcome for f in findings]


@pytest.mark.parametrize(
    ("given", "days", "expected"),
    [
        (12, [DAY_1, DAY_22], [PASS, PASS]),
        (12, [DAY_1], [PASS, FAIL]),
        (12, [DAY_1 + dt.timedelta(days=1), DAY_22], [FAIL, PASS]),
        (12, [], [NOT_EVALUATED, NOT_EVALUATED]),
        (0, [DAY_1], [PASS, NOT_DUE]),
        (0, [], [NOT_EVALUATED, NOT_DUE]),
    ],
)
def test_drug_on_days_1_and_22(given: int, days: list[dt.date], expected: list[Outcome]) -> None:
    found = of(begun([*induction(), *definitive(given)], events=events(*days)), "R20")
    assert outcomes(found) == expected
    assert [f.due for f in found] == [DAY_1, DAY_22]


def test_drug_days_of_an_undated_course() -> None:
    assert outcomes(of(begun([]), "R20")) == [NOT_DUE]
    courses = {"induction": CourseStatement(delivered=3)}
    case = begun([])
    undated = make_statement(courses={**case.statement.courses, **courses})
    assert outcomes(of(replace(case, statement=undated), "R20")) == [NOT_EVALUATED]


@pytest.mark.parametrize(
    ("given", "days", "expected"),
    [
        (28, [DAY_1, DAY_22], PASS),
        (12, [DAY_1, DAY_22], NOT_DUE),
        (12, [DAY_1, FIRST.date() + dt.timedelta(days=3)], FAIL),
        (12, [], NOT_EVALUATED),
        (0, [DAY_1], NOT_DUE),
    ],
)
def test_no_drug_during_definitive(given: int, days: list[dt.date], expected: Outcome) -> None:
    found = of(begun([*induction(), *definitive(given)], events=events(*days)), "R25")
    assert outcomes(found) == [NOT_DUE if not given else expected]


def after(*days: int) -> list[dt.date]:
    return [LAST + dt.timedelta(days=n) for n in days]


@pytest.mark.parametrize(
    ("given", "days", "expected", "words"),
    [
        (28, after(14, 35, 56), PASS, "3 entered since"),
        (28, after(15, 36), FAIL, "begun on"),
        (28, after(10, 31, 56), FAIL, "25 days from"),
        (28, after(*range(10, 400, 21)), FAIL, "expected none after"),
        (28, [], NOT_DUE, "expected by"),
        (12, [], NOT_DUE, "has not ended"),
    ],
)
def test_maintenance(given: int, days: list[dt.date], expected: Outcome, words: str) -> None:
    (found,) = of(begun([*induction(), *definitive(given)], events=events(DAY_1, *days)), "R26")
    assert found.outcome is expected
    assert words in found.message


@pytest.mark.parametrize(("days", "expected"), [(0, NOT_DUE), (15, NOT_EVALUATED)])
def test_what_was_planned_to_be_over_long_ago_is_not_ahead(days: int, expected: Outcome) -> None:
    """Twelve of 28 fractions are recorded: after the planned end nothing shows how it went on."""
    case = begun([*induction(), *definitive(12)], events=events(DAY_1, DAY_22))
    for rule in ("R25", "R26"):
        assert outcomes(of(case, rule, as_of=LAST + dt.timedelta(days=days))) == [expected], rule


def test_maintenance_that_is_overdue_and_not_entered() -> None:
    case = begun([*induction(), *definitive(28)], events=events(DAY_1))
    assert outcomes(of(case, "R26", as_of=LAST + dt.timedelta(days=15))) == [NOT_EVALUATED]


@pytest.mark.parametrize(
    ("days", "expected"), [(24, PASS), (25, NOT_EVALUATED), (365, NOT_EVALUATED), (366, PASS)]
)
def test_maintenance_of_which_nothing_more_is_entered(days: int, expected: Outcome) -> None:
    """Every 21 days within 3, for 12 months at most: it may have ended, or nobody has entered it."""
    case = begun([*induction(), *definitive(28)], events=events(DAY_1, *after(14)))
    (found,) = of(case, "R26", as_of=after(14)[0] + dt.timedelta(days=days))
    assert found.outcome is expected
    assert (f"expected by {after(14 + 24)[0]}" in found.message) is (expected is NOT_EVALUATED)


def test_break_of_five_weekdays_is_named_with_the_overall_time() -> None:
    days = weekdays(FIRST, 33)
    dates = [*days[:10], *days[15:]]
    records = [*induction(), *(record("definitive", n, d) for n, d in enumerate(dates[:15], start=1))]
    (found,) = of(begun(records), "R24")
    assert found.outcome is PASS
    assert f"5 weekdays between {dates[9].date()} and {dates[10].date()}" in found.message
    assert f"{(dates[-1] - dates[0]).days + 1} days in all" in found.message


def test_two_fractions_on_one_day() -> None:
    dates = [d.replace(hour=8) for d in weekdays(FIRST, 5)]
    twice = record("definitive", 6, dates[4].replace(hour=15))
    records = [*(record("definitive", n, d) for n, d in enumerate(dates, start=1)), twice]
    (found,) = of(begun([*induction(), *records]), "R24")
    assert found.outcome is FAIL


def test_fraction_in_two_parts_on_one_day_is_one() -> None:
    dates = weekdays(FIRST, 5)
    parts = [
        record("definitive", 5, dates[4], parts=["1", "0.5"]),
        record("definitive", 5, dates[4].replace(hour=16), parts=["0", "0.5"], kind="CONTINUATION"),
    ]
    records = [*(record("definitive", n, d) for n, d in enumerate(dates[:4], start=1)), *parts]
    (found,) = of(begun([*induction(), *records]), "R24")
    assert found.outcome is PASS
