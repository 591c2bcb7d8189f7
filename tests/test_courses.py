"""From a case to courses, sessions and dates, and everything that is assumed on the way."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest
from cases import (
    DEFINITIVE_FIRST,
    INDUCTION_DATES,
    UIDS,
    Changed,
    extended,
    make_case,
    make_statement,
    redefine,
    sib_case,
)
from test_visits import record, weekdays

from dosecalc.case import Case
from dosecalc.courses import Treatment, build_treatment
from dosecalc.errors import InputError
from dosecalc.records import GroupSummary, TreatmentSummary
from dosecalc.sessions import NoFraction, State
from dosecalc.statement import CourseStatement, Event, EventKind, Grouping, PlanStatement, Statement


def treatment(case: Case) -> Treatment:
    return build_treatment(case, redefine())


def stated(**courses: CourseStatement) -> Statement:
    return make_statement(courses=courses)


def dates(case: Case, course: str) -> list[dt.date | None]:
    return [s.date for s in treatment(case).ledger.course(course)]


def contents(case: Case, course: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """Number, day and plans of each session."""
    names = {uid: name for name, uid in UIDS.items()}
    return [
        (s.number, s.day, tuple(names[c.fraction.plan_uid] for c in s.contributions))
        for s in treatment(case).ledger.course(course)
    ]


class TestSessions:
    def test_one_session_a_day(self) -> None:
        assert contents(make_case(), "induction") == [(n, n, ("low", "boost")) for n in (1, 2, 3)]
        assert contents(make_case(), "definitive") == [(n, n, ("definitive",)) for n in range(1, 29)]

    def test_separate_sessions_keep_their_prescribed_day(self) -> None:
        apart = stated(induction=CourseStatement(grouping=Grouping.SEPARATE_SESSIONS))
        assert contents(make_case(statement=apart), "induction") == [
            (1, 1, ("low",)),
            (2, 1, ("boost",)),
            (3, 2, ("low",)),
            (4, 2, ("boost",)),
            (5, 3, ("low",)),
            (6, 3, ("boost",)),
        ]

    def test_unequal_counts(self) -> None:
        case = make_case(
            change={"boost": Changed(fractions=2, total_gy="10")},
            statement=stated(induction=CourseStatement(grouping=Grouping.ONE_SESSION)),
        )
        assert contents(case, "induction") == [
            (1, 1, ("low", "boost")),
            (2, 2, ("low", "boost")),
            (3, 3, ("low",)),
        ]
        assert any("3 and 2 fractions" in a for a in treatment(case).assumptions)

    def test_integrated_boost_is_one_plan(self) -> None:
        assert contents(sib_case(), "induction") == [(n, n, ("sib",)) for n in (1, 2, 3)]

    def test_courses_in_the_order_of_the_protocol(self) -> None:
        assert treatment(make_case()).ledger.courses == ("prior", "induction", "definitive")

    def test_nothing_said_of_grouping_is_a_warning(self) -> None:
        case = make_case(statement=stated(induction=CourseStatement()))
        assert contents(case, "induction")[0] == (1, 1, ("low", "boost"))
        assert any(
            "WARNING" in a and "grouping" in a and "one session" in a for a in treatment(case).assumptions
        )
        said = treatment(make_case()).assumptions
        assert not any("grouping" in a for a in said)

    def test_the_protocols_grouping_holds_where_nothing_is_said(self) -> None:
        protocol = extended('[[courses]]\nname = "induction"\ngrouping = "separate_sessions"\n')
        case = make_case(statement=stated(induction=CourseStatement()))
        assert len(build_treatment(case, protocol).ledger.course("induction")) == 6


class TestDates:
    def test_stated(self) -> None:
        assert dates(make_case(), "induction") == list(INDUCTION_DATES)

    def test_one_date_serves_all_visits_of_a_day(self) -> None:
        apart = CourseStatement(grouping=Grouping.SEPARATE_SESSIONS, dates=INDUCTION_DATES)
        assert dates(make_case(statement=stated(induction=apart)), "induction") == [
            d for d in INDUCTION_DATES for _ in range(2)
        ]

    def test_weekdays_from_the_first(self) -> None:
        found = dates(make_case(), "definitive")
        assert (found[0], found[4], found[5], found[-1]) == (
            DEFINITIVE_FIRST,
            dt.date(2026, 4, 3),
            dt.date(2026, 4, 6),
            dt.date(2026, 5, 6),
        )
        assert any("weekday" in a for a in treatment(make_case()).assumptions)

    def test_none(self) -> None:
        case = make_case(statement=stated(definitive=CourseStatement()))
        assert dates(case, "definitive") == [None] * 28

    def test_the_last_day_of_a_course_with_plans(self) -> None:
        """It is over: its dates between are not known where weekdays would end on another one."""
        prior = CourseStatement(last_date=dt.date(2024, 3, 1))
        case = make_case(
            plans=("prior", "low", "boost", "definitive"),
            statement=make_statement(
                plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))], courses={"prior": prior}
            ),
        )
        assert dates(case, "prior") == [None] * 34 + [dt.date(2024, 3, 1)]
        assert len(treatment(case).ledger.course("prior").delivered()) == 35
        last = DEFINITIVE_FIRST + dt.timedelta(weeks=6)
        both = CourseStatement(first_date=DEFINITIVE_FIRST, last_date=last)
        case = make_case(statement=stated(definitive=both))
        assert dates(case, "definitive") == [DEFINITIVE_FIRST, *[None] * 26, last]
        assert any("would end on 2026-05-06, stated is 2026-05-11" in a for a in treatment(case).assumptions)
        known = CourseStatement(first_date=DEFINITIVE_FIRST, last_date=dt.date(2026, 5, 6))
        assert None not in dates(make_case(statement=stated(definitive=known)), "definitive")

    @pytest.mark.parametrize("day", [dt.date(2026, 3, 2), dt.date(2026, 9, 1), dt.date(2199, 1, 1)])
    def test_a_prior_course_that_ends_after_the_next_began_is_refused(self, day: dt.date) -> None:
        prior = CourseStatement(prescription_gy=Decimal(70), fractions=35, last_date=day)
        words = f"courses.prior.last_date: expected a day before 2026-03-02, on which the induction .*{day}"
        with pytest.raises(InputError, match=words):
            treatment(make_case(statement=stated(prior=prior)))
        before = CourseStatement(prescription_gy=Decimal(70), fractions=35, last_date=dt.date(2026, 3, 1))
        assert len(treatment(make_case(statement=stated(prior=before))).ledger) == 35 + 3 + 28

    @pytest.mark.parametrize("day", [dt.date(2026, 3, 28), dt.date(2026, 3, 29)])
    def test_a_weekend_is_no_first_date(self, day: dt.date) -> None:
        case = make_case(statement=stated(definitive=CourseStatement(first_date=day)))
        with pytest.raises(InputError, match=r"courses\.definitive\.first_date.*S(atur|un)day"):
            treatment(case)

    @pytest.mark.parametrize("count", [2, 4])
    def test_too_many_or_too_few(self, count: int) -> None:
        days = tuple(dt.date(2026, 3, 2) + dt.timedelta(days=n) for n in range(count))
        case = make_case(statement=stated(induction=CourseStatement(dates=days)))
        with pytest.raises(InputError, match=rf"courses\.induction\.dates: expected 3 dates, found {count}"):
            treatment(case)


class TestDelivered:
    def test_states(self) -> None:
        case = make_case(statement=stated(definitive=CourseStatement(delivered=2)))
        states = [s.state for s in treatment(case).ledger.course("definitive")]
        assert states == [State.DELIVERED] * 2 + [State.PLANNED] * 26

    def test_all_visits_of_a_day(self) -> None:
        apart = CourseStatement(grouping=Grouping.SEPARATE_SESSIONS, delivered=1)
        case = make_case(statement=stated(induction=apart))
        assert len(treatment(case).ledger.delivered()) == 2 + 35

    @pytest.mark.parametrize("plans", [("low", "boost", "definitive"), ("prior", "low", "boost")])
    def test_a_previous_course_is_over_with_dates_or_without(self, plans: tuple[str, ...]) -> None:
        by_plan = [PlanStatement(uid=UIDS["prior"], roles=("prior",))] if "prior" in plans else []
        known = CourseStatement() if by_plan else CourseStatement(prescription_gy=Decimal(70), fractions=35)
        statement = make_statement(plans=by_plan, courses={"prior": known})
        found = treatment(make_case(plans=plans, statement=statement))
        assert (len(found.ledger.delivered()), found.ledger.delivered().courses) == (35, ("prior",))
        assert "prior: taken as delivered, as it was over before the protocol began" in found.assumptions

    def test_a_previous_course_of_which_less_is_stated(self) -> None:
        case = make_case(statement=stated(prior=CourseStatement(fractions=35, delivered=12)))
        found = treatment(case)
        assert [len(found.ledger.course("prior")), len(found.planned.course("prior"))] == [12, 35]
        said = "prior: 12 fractions were given: what was left is in no sum"
        assert said in found.assumptions

    @pytest.mark.parametrize("stop", [dt.date(2024, 2, 20), INDUCTION_DATES[0]])
    def test_an_older_stop_is_not_one_of_a_course_of_which_nothing_was_given(self, stop: dt.date) -> None:
        courses = {
            "induction": CourseStatement(delivered=0, dates=INDUCTION_DATES),
            "definitive": CourseStatement(first_date=DEFINITIVE_FIRST, delivered=5),
        }
        events = [Event(kind=EventKind.STOPPED, date=stop)]
        with pytest.raises(InputError, match=r"courses\.induction\.delivered: expected all of its sessions"):
            treatment(make_case(statement=make_statement(courses=courses, events=events)))

    @pytest.mark.parametrize(
        ("day", "given"), [(None, 12), (dt.date(2024, 1, 12), 5), (dt.date(2023, 12, 1), 0)]
    )
    def test_as_of_a_day_before_its_end_a_previous_course_keeps_what_was_given_later(
        self, day: dt.date | None, given: int
    ) -> None:
        """Twelve fractions of 35 were given from Monday 8 January 2024 on."""
        days = weekdays(dt.datetime(2024, 1, 8, 9), 12)
        records = tuple(record("prior", n, when) for n, when in enumerate(days, start=1))
        statement = make_statement(
            plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
            courses={"prior": CourseStatement(delivered=12)},
        )
        case = make_case(plans=("prior", "low", "boost", "definitive"), records=records, statement=statement)
        prior = build_treatment(case, redefine(), as_of=day).ledger.course("prior")
        assert (len(prior), len(prior.delivered())) == (12, given)

    @pytest.mark.parametrize("begun", [0, 5])
    def test_a_previous_course_that_a_summary_counts(self, begun: int) -> None:
        """30 of 35, and no more, whether the definitive course has begun or not."""
        group = GroupSummary(number=1, planned=35, delivered=30)
        counted = TreatmentSummary(
            uid="8.1", plan_uid=UIDS["prior"], status="", first_date=None, last_date=None, groups=(group,)
        )
        statement = make_statement(
            plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
            courses={"prior": CourseStatement(), "definitive": CourseStatement(delivered=begun)},
        )
        plans = ("prior", "low", "boost", "definitive")
        found = treatment(make_case(plans=plans, statement=statement, summaries=(counted,)))
        assert len(found.ledger.course("prior")) == len(found.ledger.course("prior").delivered()) == 30
        assert not any("prior: taken as delivered" in a for a in found.assumptions)

    def test_of_a_course_that_was_stopped_less_may_be_stated(self) -> None:
        courses = {
            "induction": CourseStatement(delivered=2, dates=INDUCTION_DATES),
            "definitive": CourseStatement(first_date=DEFINITIVE_FIRST, delivered=5),
        }
        stop = Event(kind=EventKind.STOPPED, date=INDUCTION_DATES[1])
        found = treatment(make_case(statement=make_statement(courses=courses, events=[stop])))
        assert [len(found.ledger.course(c)) for c in ("induction", "definitive")] == [2, 28]
        said = "induction: stopped on 2026-03-03: what was left of it is in no sum"
        assert said in found.assumptions
        late = Event(kind=EventKind.STOPPED, date=DEFINITIVE_FIRST)
        with pytest.raises(InputError, match=r"courses\.induction\.delivered: expected all of its sessions"):
            treatment(make_case(statement=make_statement(courses=courses, events=[late])))

    def test_more_than_there_are(self) -> None:
        case = make_case(statement=stated(definitive=CourseStatement(delivered=29)))
        with pytest.raises(InputError, match=r"delivered: expected at most 28, found 29"):
            treatment(case)


class TestCoursesWithoutPlans:
    def test_numbers_only(self) -> None:
        prior = treatment(make_case()).ledger.course("prior")
        assert len(prior) == 35
        assert prior.missing() == (
            "prior course: 70 Gy in 35 fractions as stated, without a dose distribution",
        )
        assert all(isinstance(c.fraction, NoFraction) for s in prior for c in s.contributions)
        assert prior.sessions[-1].date == dt.date(2024, 3, 1)
        assert any("70 Gy in 35 fractions" in a for a in treatment(make_case()).assumptions)

    def test_numbers_only_with_dates_and_deliveries(self) -> None:
        """What is stated of such a course is used or refused, not dropped."""
        numbers: dict[str, Any] = {"prescription_gy": Decimal(56), "fractions": 28}
        definitive = CourseStatement(**numbers, first_date=DEFINITIVE_FIRST, delivered=28)
        case = make_case(plans=("low", "boost"), statement=stated(definitive=definitive))
        ledger = treatment(case).ledger.course("definitive")
        assert len(ledger.delivered()) == 28
        assert ledger.sessions[0].date == DEFINITIVE_FIRST

    def test_absent_and_later(self) -> None:
        case = make_case(
            plans=("low", "boost"),
            statement=stated(prior=CourseStatement(), definitive=CourseStatement(not_planned_yet=True)),
        )
        found = treatment(case)
        assert (found.absent, found.later) == (("prior",), ("definitive",))

    def test_not_planned_yet_and_yet_planned(self) -> None:
        case = make_case(statement=stated(definitive=CourseStatement(not_planned_yet=True)))
        with pytest.raises(InputError, match="not_planned_yet"):
            treatment(case)

    @pytest.mark.parametrize(
        ("course", "words"),
        [
            (CourseStatement(fractions=4), r"fractions: expected 3.*found 4"),
            (CourseStatement(prescription_gy=Decimal(99)), r"99"),
        ],
    )
    def test_what_is_stated_must_fit_the_plans(self, course: CourseStatement, words: str) -> None:
        case = make_case(statement=stated(induction=course))
        try:
            said = " ".join(a for a in treatment(case).assumptions if "WARNING" in a)
        except InputError as error:
            said = str(error)
        assert re.search(words, said)


def test_a_dose_that_is_taken_out_leaves_the_others() -> None:
    ledger = treatment(make_case()).without_dose(UIDS["boost"], "because").ledger
    assert "because" in ledger.course("induction").missing()
    assert len(ledger.course("induction").known()) == 3
    assert ledger.course("definitive").missing() == ()
