"""Courses that were begun: what the records say was given, what is left, and what follows from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from cases import (
    COARSE,
    LEFT,
    UIDS,
    extended,
    make_case,
    make_statement,
)

from dosecalc import CheckResult, Finding, Outcome, check, load_protocol
from dosecalc.case import Case
from dosecalc.courses import Treatment, build_treatment
from dosecalc.errors import InputError
from dosecalc.records import (
    BeamDelivery,
    FractionStatus,
    GroupSummary,
    TreatmentRecord,
    TreatmentSummary,
)
from dosecalc.results import DecisionState
from dosecalc.sessions import Session, State
from dosecalc.statement import CourseStatement, Event, EventKind, Grouping

PROTOCOL = load_protocol("redefine")
INDUCTION = (dt.datetime(2026, 3, 2, 9), dt.datetime(2026, 3, 3, 9), dt.datetime(2026, 3, 4, 9))
FIRST = dt.datetime(2026, 3, 30, 10)


def record(
    plan: str,
    fraction: int,
    given: dt.datetime,
    *,
    parts: Sequence[str] = ("1", "1"),
    kind: str = "TREATMENT",
    uid: str = "",
) -> TreatmentRecord:
    """A record of one fraction: of each beam of 100 MU the part that was given."""
    deliveries = tuple(
        BeamDelivery(
            beam=beam,
            fraction=fraction,
            kind=kind,
            specified=Decimal(100),
            delivered=100 * Decimal(part),
        )
        for beam, part in enumerate(parts, start=1)
    )
    own = uid or f"9.{UIDS[plan]}.{fraction}.{given:%Y%m%d%H%M}"
    return TreatmentRecord(
        uid=own,
        plan_uid=UIDS[plan],
        group=1,
        given=given,
        date=given.date(),
        deliveries=deliveries,
        source=f"{own}.dcm",
    )


def weekdays(first: dt.datetime, count: int) -> list[dt.datetime]:
    days = (first + dt.timedelta(days=n) for n in range(2 * count + 7))
    return [d for d in days if d.weekday() < 5][:count]


def induction(minutes_apart: int = 20) -> list[TreatmentRecord]:
    boost_after = dt.timedelta(minutes=minutes_apart)
    return [
        r
        for n, day in enumerate(INDUCTION, start=1)
        for r in (record("low", n, day), record("boost", n, day + boost_after))
    ]


def definitive(count: int) -> list[TreatmentRecord]:
    return [record("definitive", n, day) for n, day in enumerate(weekdays(FIRST, count), start=1)]


def begun(records: Iterable[TreatmentRecord], **fields: Any) -> Case:
    """A compliant case with records in place of stated dates."""
    statement = make_statement(
        courses={"induction": CourseStatement(), "definitive": CourseStatement()}, **fields
    )
    return make_case(records=tuple(records), statement=statement)


def treated(case: Case) -> Treatment:
    return build_treatment(case, PROTOCOL)


def checked(case: Case, **options: Any) -> CheckResult:
    return check(case, PROTOCOL, settings=COARSE, **options)


def of(result: CheckResult, rule: str, structure: str = "") -> Finding:
    return next(f for f in result.findings if f.rule == rule and f.structure in {structure, f.structure})


def shares(session: Session) -> list[tuple[str, int, Decimal]]:
    return [(c.fraction.plan_uid, n, c.share) for c, n in session.numbered()]


class TestBook:
    def test_what_was_given_and_what_is_left(self) -> None:
        ledger = treated(begun([*induction(), *definitive(12)])).ledger
        assert [s.day for s in ledger.course("induction")] == [1, 2, 3]
        given = ledger.course("definitive").delivered()
        left = ledger.course("definitive").remaining()
        assert [s.day for s in given] == list(range(1, 13))
        assert [s.date for s in given] == [d.date() for d in weekdays(FIRST, 12)]
        assert [s.day for s in left] == list(range(13, 29))
        assert [s.date for s in left] == [d.date() for d in weekdays(FIRST, 28)][12:]
        assert all(s.source_uids for s in given)
        assert not any(s.source_uids for s in left)

    def test_planned_stays_what_the_plans_have(self) -> None:
        treatment = treated(begun([*induction(), *definitive(12)]))
        assert len(treatment.planned.course("definitive")) == 28
        assert all(s.state is State.PLANNED for s in treatment.planned.course("definitive"))

    def test_order_of_records_does_not_matter(self) -> None:
        records = [*induction(), *definitive(12)]
        case = begun(records)
        assert treated(case) == treated(replace(case, records=tuple(records[::-1])))

    def test_plans_of_one_visit_act_together_and_apart_they_do_not(self) -> None:
        for minutes, sessions in ((20, 3), (119, 3), (121, 6)):
            ledger = treated(begun(induction(minutes))).ledger.course("induction")
            assert len(ledger) == sessions
            assert len(ledger.in_one_visit_a_day()) == 3

    def test_visit_over_midnight_is_one_day(self) -> None:
        late = dt.datetime(2026, 3, 2, 22, 30)
        records = [record("low", 1, late), record("boost", 1, late + dt.timedelta(hours=5))]
        ledger = treated(begun(records)).ledger.course("induction").delivered()
        assert [s.date.day for s in ledger if s.date] == [2, 3]
        assert len(ledger.days()) == 1

    def test_stated_count_that_contradicts_the_records_is_refused(self) -> None:
        case = begun(definitive(12))
        statement = make_statement(courses={"definitive": CourseStatement(delivered=11)})
        with pytest.raises(InputError, match=r"courses\.definitive\.delivered: expected 12.*found 11"):
            treated(make_case(records=case.records, statement=statement))

    @pytest.mark.parametrize(("first", "days", "outcome"), [(25, 21, Outcome.PASS), (33, 29, Outcome.FAIL)])
    def test_what_is_left_of_a_day_has_one_date(self, first: int, days: int, outcome: Outcome) -> None:
        """Separate sessions of 2, 3 and 4 March, of which the first two were given."""
        begin = dt.date(2026, 3, 1) + dt.timedelta(days=first - 1)
        courses = {
            "induction": CourseStatement(
                grouping=Grouping.SEPARATE_SESSIONS, dates=tuple(d.date() for d in INDUCTION)
            ),
            "definitive": CourseStatement(first_date=begin),
        }
        case = make_case(records=tuple(induction(300)[:2]), statement=make_statement(courses=courses))
        sessions = treated(case).ledger.course("induction")
        assert [s.date for s in sessions] == [d.date() for d in INDUCTION for _ in (1, 2)]
        found = of(checked(case), "R21")
        assert (found.measured, found.outcome) == (days, outcome)

    def test_a_last_date_gives_nothing_that_no_record_shows(self) -> None:
        statement = make_statement(
            courses={
                "induction": CourseStatement(),
                "definitive": CourseStatement(last_date=weekdays(FIRST, 28)[-1].date()),
            }
        )
        case = make_case(records=(*induction(), *definitive(12)), statement=statement)
        course = treated(case).ledger.course("definitive")
        assert (len(course.delivered()), len(course.remaining())) == (12, 16)
        assert any(
            "definitive: over on 2026-05-06, and treatment records show 12 of its 28 fractions" in a
            for a in treated(case).assumptions
        )
        (point,) = checked(case).stop_points
        assert (point.given, point.state) == (12, DecisionState.NOT_REACHED)

    def test_stated_count_holds_for_all_records_whatever_the_day(self) -> None:
        courses = {"induction": CourseStatement(), "definitive": CourseStatement(delivered=12)}
        case = make_case(records=(*induction(), *definitive(12)), statement=make_statement(courses=courses))
        days = [d.date() for d in weekdays(FIRST, 12)]
        for day, count in ((days[4], 5), (INDUCTION[1].date(), 0)):
            course = build_treatment(case, PROTOCOL, as_of=day).ledger.course("definitive")
            assert (len(course.delivered()), len(course)) == (count, 28)

    def test_what_is_stated_of_a_later_course_says_nothing_of_an_earlier_day(self) -> None:
        courses = {
            "induction": CourseStatement(),
            "definitive": CourseStatement(first_date=FIRST.date(), delivered=5),
        }
        case = make_case(records=tuple(induction()), statement=make_statement(courses=courses))
        day = INDUCTION[1].date()
        ledger = build_treatment(case, PROTOCOL, as_of=day).ledger.as_of(day)
        assert [s.date for s in ledger.course("induction")] == [d.date() for d in INDUCTION]
        assert len(ledger.delivered().course("induction", "definitive")) == 2

    def test_planned_dates_hold_until_they_have_passed(self) -> None:
        dates = tuple(d.date() for d in weekdays(FIRST + dt.timedelta(days=7), 28))
        statement = make_statement(courses={"definitive": CourseStatement(dates=dates)})
        case = make_case(records=tuple(definitive(3)), statement=statement)
        left = treated(case).ledger.course("definitive").remaining()
        assert [s.date for s in left] == list(dates[3:])


class TestBrokenOff:
    """A fraction that was broken off after 40 % of each of its beams."""

    def halves(self, rest: dt.datetime, part: str = "0.4") -> list[TreatmentRecord]:
        day = INDUCTION[1]
        whole = [record("boost", n, INDUCTION[n - 1] + dt.timedelta(minutes=20)) for n in (1, 3)]
        low = [record("low", n, d) for n, d in enumerate(INDUCTION, start=1)]
        first = record("boost", 2, day + dt.timedelta(minutes=20), parts=[part, part])
        second = record("boost", 2, rest, parts=[str(1 - Decimal(part))] * 2, kind="CONTINUATION")
        return [*low, *whole, first, second]

    def test_it_is_one_fraction_and_each_part_lies_where_it_was_given(self) -> None:
        ledger = treated(begun(self.halves(INDUCTION[2] + dt.timedelta(minutes=30)))).ledger
        sessions = ledger.course("induction").sessions
        assert ledger.course("induction").whole_days() == (1, 2, 3)
        low, boost = UIDS["low"], UIDS["boost"]
        assert shares(sessions[1]) == [(low, 2, Decimal(1)), (boost, 2, Decimal("0.4"))]
        assert shares(sessions[2]) == [
            (low, 3, Decimal(1)),
            (boost, 2, Decimal("0.6")),
            (boost, 3, Decimal(1)),
        ]
        assert not ledger.course("induction").remaining().sessions

    def test_the_limit_per_fraction_sees_the_sum_of_the_day(self) -> None:
        """0.8 and 1.2 Gy a day; with 60 % of another 1.2 Gy it is 2.72 Gy, with all of it 3.2 Gy."""
        result = checked(begun(self.halves(INDUCTION[2] + dt.timedelta(minutes=30))))
        found = of(result, "R15", LEFT)
        assert found.measured == pytest.approx(2.72, abs=1e-6)
        assert found.outcome is Outcome.UNCERTAIN
        assert found.deciding is not None
        assert found.deciding.high == pytest.approx(3.2, abs=1e-6)

    def test_a_plan_by_itself_is_all_that_it_gives_in_a_day(self) -> None:
        """The rest of one fraction and the next: 1.2 x 1.6 = 1.92 Gy of the boost alone, up to 2.4."""
        case = begun(self.halves(INDUCTION[2] + dt.timedelta(minutes=30)))
        found = of(checked(case), "R15", LEFT)
        (alone,) = [r.value for r in found.shown_readings if r.name == "each_plan, induction"]
        assert alone == pytest.approx(1.92, abs=1e-6)
        assert "Boost alone" in found.message
        assert max(c.value or 0 for c in found.contributors) == pytest.approx(1.92, abs=1e-6)
        each = extended('[[rules]]\nid = "R15"\nreading = "each_plan"\nstricter = []\n')
        judged = of(check(case, each, settings=COARSE), "R15", LEFT)
        assert judged.measured == pytest.approx(1.92, abs=1e-6)
        assert judged.deciding is not None
        assert judged.deciding.high == pytest.approx(2.4, abs=1e-6)

    def test_rest_that_was_not_given_is_left(self) -> None:
        records = self.halves(INDUCTION[2])[:-1]
        left = treated(begun(records)).ledger.course("induction").remaining()
        assert [shares(s) for s in left] == [[(UIDS["boost"], 2, Decimal("0.6"))]]

    def test_effect_lies_between_two_halves_and_the_whole(self) -> None:
        """The right carotid at a/b 3, 1.2 Gy as 0.48 and 0.72 with 0.8 and 2.0 Gy beside them."""
        result = checked(begun(self.halves(INDUCTION[2] + dt.timedelta(minutes=30))))
        rows = next(s for s in result.structures if s.name == LEFT)
        row = next(r for r in rows.rows if r.course == "induction")
        assert row.physical is not None
        assert row.eqd2 is not None
        assert row.physical.mean_gy.value == pytest.approx(6.0, abs=1e-6)
        days = (0.8 + 1.2, 0.8 + 0.48, 0.8 + 0.72 + 1.2)
        assert row.eqd2.mean_gy.value == pytest.approx(
            sum(d * (1 + d / 3) for d in days) / (1 + 2 / 3), abs=1e-6
        )
        whole = (2.0, 2.0, 2.0)
        most = sum(d * (1 + d / 3) for d in whole) / (1 + 2 / 3)
        assert row.eqd2.mean_gy.low <= min(most, row.eqd2.mean_gy.value) + 1e-6
        assert row.eqd2.mean_gy.high >= most - 1e-6


RESPONSE = weekdays(FIRST, 25)[-1].date()


class TestDecision:
    def result(self, count: int, *kinds: EventKind, day: dt.date = RESPONSE, **options: Any) -> CheckResult:
        events = [Event(kind=EventKind.RECURRENCE, date=dt.date(2026, 2, 10))]
        events += [Event(kind=kind, date=day) for kind in kinds]
        return checked(begun([*induction(), *definitive(count)], events=events), **options)

    @pytest.mark.parametrize(
        ("count", "kinds", "state", "outcome"),
        [
            (12, [], DecisionState.NOT_REACHED, Outcome.NOT_DUE),
            (25, [], DecisionState.DUE, Outcome.NOT_EVALUATED),
            (25, [EventKind.COMPLETE_RESPONSE], DecisionState.STOPPED, Outcome.PASS),
            (25, [EventKind.INCOMPLETE_RESPONSE], DecisionState.CONTINUE, Outcome.PASS),
            (28, [EventKind.COMPLETE_RESPONSE], DecisionState.VIOLATED, Outcome.FAIL),
            (28, [EventKind.INCOMPLETE_RESPONSE], DecisionState.CONTINUE, Outcome.PASS),
            (25, [EventKind.ULCER], DecisionState.STOPPED, Outcome.PASS),
            (27, [EventKind.ULCER], DecisionState.VIOLATED, Outcome.FAIL),
        ],
    )
    def test_states(self, count: int, kinds: list[EventKind], state: DecisionState, outcome: Outcome) -> None:
        result = self.result(count, *kinds)
        (point,) = result.stop_points
        assert (point.fraction, point.fractions, point.given, point.state) == (25, 28, count, state)
        assert of(result, "R30").outcome is outcome

    def test_sums_after_a_stop_are_of_what_was_given(self) -> None:
        result = self.result(25, EventKind.COMPLETE_RESPONSE)
        rows = next(s for s in result.structures if s.name == LEFT)
        row = next(r for r in rows.rows if r.course == "definitive")
        assert row.physical is not None
        assert row.physical.mean_gy.value == pytest.approx(25 * 1.6, abs=1e-6)
        (point,) = result.stop_points
        both = next(d for d in point.doses if d.structure == LEFT and d.quantity == "physical dose")
        assert both.full.value - both.at_stop.value == pytest.approx(3 * 1.6, abs=1e-6)
        assert any("stopped; 3 planned sessions" in a for a in result.assumptions)

    def test_three_columns(self) -> None:
        result = self.result(12)
        found = next(s for s in result.structures if s.name == LEFT)
        for rows, fractions in ((found.rows, 28), (found.delivered, 12), (found.planned, 28)):
            row = next(r for r in rows if r.course == "definitive")
            assert row.physical is not None
            assert row.sessions == fractions
            assert row.physical.mean_gy.value == pytest.approx(1.6 * fractions, abs=1e-6)

    def test_the_book_may_be_asked_after_any_fraction(self) -> None:
        result = self.result(25, after_fraction=20)
        (point,) = result.stop_points
        assert (point.given, point.state) == (20, DecisionState.NOT_REACHED)
        assert not any("counted as given" in a for a in result.assumptions)
        beyond = self.result(12, after_fraction=13).assumptions
        assert "WARNING: definitive: 1 session counted as given, though nothing says so" in beyond
        with pytest.raises(InputError, match=r"after_fraction: .*no fraction 29"):
            self.result(25, after_fraction=29)

    def test_and_as_of_any_day(self) -> None:
        result = self.result(25, as_of=weekdays(FIRST, 12)[-1].date())
        (point,) = result.stop_points
        assert (point.given, point.state) == (12, DecisionState.NOT_REACHED)


def test_record_of_a_plan_that_is_not_here_leaves_sums_open() -> None:
    stray = record("sib", 1, INDUCTION[0])
    result = checked(begun([*induction(), stray]))
    assert of(result, "R15", LEFT).outcome is Outcome.NOT_EVALUATED
    assert any(UIDS["sib"] in text for text in treated(begun([stray])).lost)


def test_grouping_stated_does_not_change_what_the_records_say() -> None:
    statement = make_statement(courses={"induction": CourseStatement(grouping=Grouping.ONE_SESSION)})
    case = make_case(records=tuple(induction(300)), statement=statement)
    assert len(treated(case).ledger.course("induction")) == 6


def summary(plan: str, delivered: int) -> TreatmentSummary:
    group = GroupSummary(number=1, planned=28, delivered=delivered)
    return TreatmentSummary(
        uid=f"8.{plan}", plan_uid=UIDS[plan], status="", first_date=None, last_date=None, groups=(group,)
    )


class TestSummaries:
    def test_summary_that_counts_more_than_the_records_leaves_sums_open(self) -> None:
        case = replace(begun([*induction(), *definitive(12)]), summaries=(summary("definitive", 14),))
        assert any("counts 14 fractions, its treatment records show 12" in t for t in treated(case).lost)
        assert of(checked(case), "R15", LEFT).outcome is Outcome.NOT_EVALUATED

    @pytest.mark.parametrize("counted", [11, 12])
    def test_summary_that_counts_no_more_changes_nothing(self, counted: int) -> None:
        case = begun([*induction(), *definitive(12)])
        with_summary = replace(case, summaries=(summary("definitive", counted),))
        assert treated(with_summary) == treated(case)

    def test_without_records_a_summary_says_how_far_the_course_is(self) -> None:
        case = replace(begun([]), summaries=(summary("definitive", 14),))
        assert len(treated(case).ledger.course("definitive").delivered()) == 14

    def as_of(self, case: Case, day: dt.date) -> tuple[int, str]:
        found = build_treatment(case, PROTOCOL, as_of=day)
        said = " ".join(a for a in found.assumptions if "summary" in a)
        return len(found.ledger.course("definitive").delivered().whole_days()), said

    @pytest.mark.parametrize("dated", [True, False])
    def test_as_of_a_day_before_its_last(self, dated: bool) -> None:
        """By the dates of its fractions 12 of 28 were given; without them all may have been."""
        days = [d.date() for d in weekdays(FIRST, 28)]
        fractions = tuple(
            FractionStatus(fraction=n, date=day if dated else None, time=None, ended="NORMAL")
            for n, day in enumerate(days, start=1)
        )
        group = GroupSummary(number=1, planned=28, delivered=28, fractions=fractions)
        whole = replace(summary("definitive", 28), groups=(group,), first_date=days[0], last_date=days[-1])
        case = replace(begun([]), summaries=(whole,))
        count, said = self.as_of(case, days[11])
        assert (count, bool(said)) == ((12, False) if dated else (28, True))
        assert (
            "how many of its fractions were given by 2026-04-14 is not known: all of them count" in said
        ) is (not dated)
        assert self.as_of(case, days[0] - dt.timedelta(days=1)) == (0, "")
        assert self.as_of(case, days[-1]) == (28, "")

    def test_as_of_a_day_records_say_more(self) -> None:
        case = replace(begun([*induction(), *definitive(12)]), summaries=(summary("definitive", 12),))
        days = [d.date() for d in weekdays(FIRST, 12)]
        assert [self.as_of(case, d)[0] for d in (days[0] - dt.timedelta(days=9), days[3], days[11])] == [
            0,
            4,
            12,
        ]

    def test_what_is_stated_comes_first(self) -> None:
        statement = make_statement(courses={"definitive": CourseStatement(delivered=3)})
        case = make_case(statement=statement, summaries=(summary("definitive", 14),))
        found = treated(case)
        assert len(found.ledger.course("definitive").delivered()) == 3
        assert any("14 fractions delivered" in a and "3 are stated" in a for a in found.assumptions)

    def test_summaries_of_plans_of_one_course_that_differ_are_said(self) -> None:
        case = replace(begun([]), summaries=(summary("low", 3), summary("boost", 2)))
        found = treated(case)
        assert not len(found.ledger.course("induction").delivered())
        assert any("count [3, 2] fractions" in a for a in found.assumptions)
