"""The 50 Gy decision point, R30 with R31 and R32: where it lies, and how it stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from cases import (
    DEFINITIVE_FIRST,
    INDUCTION_DATES,
    LEFT,
    UIDS,
    Changed,
    cumulative,
    extended,
    judged,
    make_case,
    make_statement,
    one,
    sib_case,
)
from test_recovery import with_prior
from test_visits import FIRST, begun, definitive, induction, record, weekdays

from dosecalc import CheckResult, Outcome, Protocol
from dosecalc.case import Case
from dosecalc.envelopes import uniform
from dosecalc.findings import Finding
from dosecalc.report.ledger_view import ledger_view
from dosecalc.results import DecisionState, StopPoint
from dosecalc.statement import CourseStatement, Event, EventKind, PlanStatement

PASS, FAIL, NOT_EVALUATED, NOT_DUE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_DUE,
)
FRACTION_25 = dt.date(2026, 5, 1)
"""The 25th weekday from Monday 30 March 2026 on, a Friday."""


def of(case: Case, rule: str, **options: Any) -> Finding:
    return one(judged(case, only=(rule,), cells=30, **options), rule)


def delivered(count: int, *events: tuple[EventKind, dt.date], **course: Any) -> Case:
    """A case of which some definitive fractions were given, and what was entered."""
    stated = {"first_date": DEFINITIVE_FIRST, "delivered": count, **course}
    return make_case(
        statement=make_statement(
            courses={"definitive": CourseStatement(**stated)},
            events=[Event(kind=kind, date=day) for kind, day in events],
        )
    )


COMPLETE, INCOMPLETE, ULCER, STOPPED = (
    EventKind.COMPLETE_RESPONSE,
    EventKind.INCOMPLETE_RESPONSE,
    EventKind.ULCER,
    EventKind.STOPPED,
)
DAYS = [day.date() for day in weekdays(FIRST, 28)]
"""Days of the definitive fractions, by records."""


def result(count: int, *events: tuple[EventKind, dt.date], protocol: Protocol | None = None) -> CheckResult:
    """So many definitive fractions by records, and what was entered."""
    entered = [Event(kind=kind, date=day) for kind, day in events]
    case = begun([*induction(), *definitive(count)], events=entered)
    return judged(case, only=("R30",), protocol=protocol, cells=30)


def state(found: CheckResult) -> tuple[DecisionState | None, Outcome, str]:
    (point,) = found.stop_points
    finding = one(found, "R30")
    return point.state, finding.outcome, finding.message


def day(fraction: int) -> dt.date:
    return DAYS[fraction - 1]


class TestDecisionPoint:
    """R30: after fraction 25 of 28, held against what was given and what was entered."""

    @pytest.mark.parametrize(
        ("case", "outcome", "words"),
        [
            (delivered(0), NOT_DUE, "0 delivered"),
            (delivered(24), NOT_DUE, "24 delivered"),
            (delivered(25), NOT_EVALUATED, "hold"),
            (delivered(26), NOT_EVALUATED, "hold"),
            (delivered(28), NOT_EVALUATED, "hold"),
            (delivered(25, (INCOMPLETE, FRACTION_25)), PASS, "no complete response"),
            (delivered(28, (INCOMPLETE, FRACTION_25)), PASS, "no complete response"),
            (delivered(25, (COMPLETE, FRACTION_25)), PASS, "stopped"),
            (delivered(26, (COMPLETE, FRACTION_25)), FAIL, "1 fraction"),
            (delivered(28, (COMPLETE, FRACTION_25)), FAIL, "3 fraction"),
        ],
    )
    def test_states(self, case: Case, outcome: Outcome, words: str) -> None:
        found = of(case, "R30")
        assert found.outcome is outcome
        assert words in found.message
        assert found.measured == 25
        assert found.due == FRACTION_25

    def test_undated_fractions_beyond_the_point_are_after_it(self) -> None:
        case = delivered(27, (COMPLETE, FRACTION_25), first_date=None)
        assert of(case, "R30").outcome in {FAIL, NOT_EVALUATED}

    @pytest.mark.parametrize("kind", [INCOMPLETE, COMPLETE])
    def test_a_response_long_before_the_point_decides_nothing_good(self, kind: EventKind) -> None:
        """Entered a year before the course: nobody assessed anything at 50 Gy."""
        assert of(delivered(26, (kind, dt.date(2025, 1, 1))), "R30").outcome is not PASS

    def test_the_earliest_complete_response_counts(self) -> None:
        later = (COMPLETE, dt.date(2026, 6, 4))
        assert of(delivered(28, later, (COMPLETE, FRACTION_25)), "R30").outcome is FAIL

    def test_what_happens_after_the_day_of_the_question_is_not_known_yet(self) -> None:
        case = delivered(25, (COMPLETE, dt.date(2026, 5, 4)))
        assert of(case, "R30", as_of=dt.date(2026, 5, 2)).outcome is not PASS

    def test_the_point_was_planned_before_the_day_of_the_question(self) -> None:
        nothing_said = make_case()
        found = of(nothing_said, "R30", as_of=dt.date(2026, 5, 20))
        assert found.outcome is NOT_EVALUATED
        assert str(FRACTION_25) in found.message
        assert of(nothing_said, "R30", as_of=dt.date(2026, 4, 20)).outcome is NOT_DUE

    def test_a_stale_count_of_delivered_fractions(self) -> None:
        assert of(delivered(3), "R30", as_of=dt.date(2026, 5, 20)).outcome is NOT_EVALUATED

    def test_the_plans_own_decimals_and_the_protocols(self) -> None:
        """55.94 Gy in 28 reaches 50 Gy at 26 only; the protocol's 2 Gy at 25, and the earlier holds."""
        found = of(make_case(change={"definitive": Changed(total_gy="55.94")}), "R30")
        assert found.measured == 25
        assert "25" in found.message
        assert "26" in found.message

    def test_more_per_fraction_reaches_it_earlier(self) -> None:
        found = of(make_case(change={"definitive": Changed(total_gy="58.8")}), "R30")
        assert found.measured == 24

    @pytest.mark.parametrize(
        ("total", "fractions", "point"), [("50", 31, 25), ("62", 31, 25), ("70", 35, 25)]
    )
    def test_exact_decimals(self, total: str, fractions: int, point: int) -> None:
        found = of(make_case(change={"definitive": Changed(total_gy=total, fractions=fractions)}), "R30")
        assert found.measured == point
        if total == "50":
            assert "own decimals: 31" in found.message

    def test_missing(self) -> None:
        assert of(make_case(plans=("low", "boost")), "R30").outcome is NOT_EVALUATED
        later = make_statement(courses={"definitive": CourseStatement(not_planned_yet=True)})
        assert of(make_case(plans=("low", "boost"), statement=later), "R30").outcome is NOT_DUE

    def test_without_a_prescription_the_protocols_dose_holds(self) -> None:
        stated = make_statement(plans=[PlanStatement(uid=UIDS["definitive"], roles=("definitive",))])
        case = make_case(change={"definitive": Changed(plan={"prescriptions": ()})}, statement=stated)
        assert of(case, "R30").measured == 25

    def test_stop_point(self) -> None:
        result = judged(make_case(), only=("R30",))
        (point,) = result.stop_points
        assert (point.fraction, point.fractions, point.date) == (25, 28, FRACTION_25)
        left = [d for d in point.doses if d.structure == "A_Carotid_L" and d.quantity == "physical dose"]
        assert {round(d.saved_gy, 9) for d in left} == {round(3 * 1.6, 9)}
        assert {round(d.full.value, 9) for d in left} == {round(3 * 2.0 + 28 * 1.6, 9)}

    def test_an_ulcer_is_not_passed_over_in_silence(self) -> None:
        case = delivered(28, (EventKind.ULCER, dt.date(2026, 4, 4)), (INCOMPLETE, FRACTION_25))
        result = judged(case, only=("R30",), cells=30)
        warned = any("ulcer" in a.casefold() and "WARNING" in a for a in result.assumptions)
        assert warned or one(result, "R30").outcome is not PASS


class TestResponsesBeforeThePoint:
    """A response counts when assessed at 50 Gy (Friday 1 May) or up to three days before."""

    @pytest.mark.parametrize(
        ("count", "assessed", "expected", "outcome"),
        [
            (25, day(22), DecisionState.STOPPED, PASS),  # Tuesday 28 April, three days before
            (25, day(21), DecisionState.DUE, NOT_EVALUATED),  # Monday, four days before
            (26, day(22), DecisionState.VIOLATED, FAIL),
            (28, day(24), DecisionState.VIOLATED, FAIL),
            (28, day(21), DecisionState.DUE, NOT_EVALUATED),
            (24, day(24), DecisionState.NOT_REACHED, NOT_DUE),
        ],
    )
    def test_complete(self, count: int, assessed: dt.date, expected: DecisionState, outcome: Outcome) -> None:
        assert state(result(count, (COMPLETE, assessed)))[:2] == (expected, outcome)

    def test_incomplete(self) -> None:
        assert state(result(28, (INCOMPLETE, day(22))))[:2] == (DecisionState.CONTINUE, PASS)
        assert state(result(28, (INCOMPLETE, day(21))))[:2] == (DecisionState.DUE, NOT_EVALUATED)

    def test_the_assessment_at_the_point_overrules_the_one_before(self) -> None:
        found = result(28, (COMPLETE, day(23)), (INCOMPLETE, day(25)))
        assert state(found)[:2] == (DecisionState.CONTINUE, PASS)
        found = result(28, (INCOMPLETE, day(23)), (COMPLETE, day(25)))
        assert state(found)[:2] == (DecisionState.VIOLATED, FAIL)

    def test_a_complete_response_at_the_point_is_not_overruled_by_a_later_one(self) -> None:
        found = result(28, (COMPLETE, day(25)), (INCOMPLETE, day(26)))
        assert state(found)[:2] == (DecisionState.VIOLATED, FAIL)

    def test_contradiction_of_one_day(self) -> None:
        found = result(25, (COMPLETE, day(25)), (INCOMPLETE, day(25)))
        assert state(found)[:2] == (DecisionState.DUE, NOT_EVALUATED)
        assert "contradict" in state(found)[2]

    def test_on_the_day_of_the_next_fraction_it_was_assessed_after_it(self) -> None:
        assert state(result(26, (COMPLETE, day(26))))[:2] == (DecisionState.STOPPED, PASS)
        assert state(result(27, (COMPLETE, day(26))))[:2] == (DecisionState.VIOLATED, FAIL)

    def test_the_window_is_the_protocols(self) -> None:
        wide = extended('[[rules]]\nid = "R30"\nwindow_days = 4\n')
        assert state(result(25, (COMPLETE, day(21)), protocol=wide))[0] is DecisionState.STOPPED
        none = extended('[[rules]]\nid = "R30"\nwindow_days = 0\n')
        assert state(result(25, (COMPLETE, day(24)), protocol=none))[0] is DecisionState.DUE
        assert state(result(25, (COMPLETE, day(25)), protocol=none))[0] is DecisionState.STOPPED

    def test_what_is_said_ahead_of_the_point(self) -> None:
        assert "counts: none after fraction 25" in state(result(24, (COMPLETE, day(24))))[2]
        early = state(result(15, (COMPLETE, day(15))))
        assert early[:2] == (DecisionState.NOT_REACHED, NOT_DUE)
        assert "more than 3 days before 50 Gy and does not count" in early[2]


class TestStops:
    """The course was ended on a day: for complete response at about 50 Gy, else it needs a reason."""

    def test_after_complete_response_within_the_window(self) -> None:
        found = result(24, (COMPLETE, day(23)), (STOPPED, day(24)))
        assert state(found)[:2] == (DecisionState.STOPPED, PASS)
        (point,) = found.stop_points
        assert (point.given, point.given_gy, point.stopped_on) == (24, 48.0, day(24))

    def test_for_complete_response_far_below(self) -> None:
        found = result(15, (COMPLETE, day(15)), (STOPPED, day(15)))
        said = state(found)
        assert said[:2] == (DecisionState.VIOLATED, FAIL)
        assert "stopped on 2026-04-17 at fraction 15 (30 Gy) for complete response" in said[2]

    def test_without_a_reason(self) -> None:
        for count, events in (
            (15, ()),
            (25, ()),
            (26, ((INCOMPLETE, day(25)),)),
            (24, ((COMPLETE, day(25)),)),  # assessed after the stop: it was not for that
        ):
            found = state(result(count, *events, (STOPPED, day(count))))
            assert found[:2] == (DecisionState.STOPPED, NOT_EVALUATED), count
            assert "neither a complete response that counts nor an ulcer" in found[2]

    def test_no_fraction_after_it(self) -> None:
        found = state(result(27, (INCOMPLETE, day(25)), (STOPPED, day(25))))
        assert found[:2] == (DecisionState.VIOLATED, FAIL)
        assert "2 fractions were given after the course was stopped on 2026-05-01" in found[2]

    def test_after_the_last_fraction_it_says_nothing_new(self) -> None:
        found = result(28, (INCOMPLETE, day(25)), (STOPPED, day(28)))
        assert state(found)[:2] == (DecisionState.CONTINUE, PASS)

    def test_what_was_left_is_in_no_sum_and_not_in_the_book(self) -> None:
        found = result(15, (STOPPED, day(16)))
        left = next(s for s in found.structures if s.name == LEFT)
        row = next(r for r in left.rows if r.course == "definitive")
        assert row.physical is not None
        assert row.physical.mean_gy.value == pytest.approx(15 * 1.6, abs=1e-6)
        case = begun([*induction(), *definitive(15)], events=[Event(kind=STOPPED, date=day(16))])
        view = ledger_view(case, extended())
        assert [(c.delivered, c.left) for c in view.counts if c.course == "definitive"] == [(15, 0)]

    def test_a_stop_of_another_time_ends_nothing(self) -> None:
        """Before the last fraction of the course under way, or between courses: nothing leaves the sums."""
        for count, when in ((15, day(14)), (15, dt.date(2024, 3, 1)), (0, dt.date(2026, 3, 20))):
            found = result(count, (STOPPED, when))
            row = next(
                r for s in found.structures if s.name == LEFT for r in s.rows if r.course == "definitive"
            )
            assert row.sessions == 28
            assert any(a.startswith(f"WARNING: stopped on {when}") for a in found.assumptions)

    def test_the_stop_of_the_course_before_is_not_one_of_this(self) -> None:
        """The induction was stopped after two of three; all 28 fractions then had a reason."""
        events = [Event(kind=STOPPED, date=INDUCTION_DATES[1]), Event(kind=INCOMPLETE, date=day(25))]
        case = begun([*induction()[:4], *definitive(28)], events=events)
        assert state(judged(case, only=("R30",), cells=30))[:2] == (DecisionState.CONTINUE, PASS)

    def test_of_the_course_before_where_no_record_says_that_it_was_stopped(self) -> None:
        """The dates of the induction are stated, and that it was stopped on the second of three."""
        events = [Event(kind=STOPPED, date=INDUCTION_DATES[1])]
        courses = {"definitive": CourseStatement(first_date=DEFINITIVE_FIRST, delivered=5)}
        case = make_case(statement=make_statement(courses=courses, events=events))
        assert state(judged(case, only=("R30",), cells=30))[:2] == (DecisionState.NOT_REACHED, NOT_DUE)

    @pytest.mark.parametrize("stop", [dt.date(2024, 2, 20), INDUCTION_DATES[1]])
    def test_of_another_course_where_this_one_has_no_dates(self, stop: dt.date) -> None:
        """The sums keep what is planned: 20 of the prior course, 6 and 44.8 Gy are not below 60."""
        prior = CourseStatement(prescription_gy=Decimal(20), fractions=10, doses={LEFT: uniform(20.0)})
        courses = {
            "prior": prior,
            "induction": CourseStatement(),
            "definitive": CourseStatement(delivered=5),
        }
        statement = make_statement(courses=courses, events=[Event(kind=STOPPED, date=stop)])
        found = judged(
            make_case(statement=statement),
            only=("R30", "R40.x"),
            protocol=cumulative("Dmax < 60 Gy"),
            cells=30,
        )
        limit = one(found, "R40.x")
        assert (limit.outcome, limit.measured) == (FAIL, pytest.approx(70.8))
        assert one(found, "R30").outcome is NOT_EVALUATED

    def test_without_dates_nothing_is_told(self) -> None:
        entered = [Event(kind=kind, date=FRACTION_25) for kind in (COMPLETE, STOPPED)]
        case = make_case(
            statement=make_statement(courses={"definitive": CourseStatement(delivered=20)}, events=entered)
        )
        assert of(case, "R30").outcome is NOT_EVALUATED


class TestUlcer:
    """An ulcer stops at any dose; by the other reading one before 50 Gy stops nothing."""

    AT_THE_POINT = '[[rules]]\nid = "R30"\nulcer = "at_the_point"\n'

    @pytest.mark.parametrize(
        ("count", "seen", "any_dose", "at_the_point"),
        [
            (10, day(10), DecisionState.STOPPED, DecisionState.NOT_REACHED),
            (12, day(10), DecisionState.VIOLATED, DecisionState.NOT_REACHED),
            (25, day(24), DecisionState.VIOLATED, DecisionState.DUE),
            (25, day(25), DecisionState.STOPPED, DecisionState.STOPPED),
            (26, day(25), DecisionState.VIOLATED, DecisionState.VIOLATED),
        ],
    )
    def test_readings(
        self, count: int, seen: dt.date, any_dose: DecisionState, at_the_point: DecisionState
    ) -> None:
        assert state(result(count, (ULCER, seen)))[0] is any_dose
        other = state(result(count, (ULCER, seen), protocol=extended(self.AT_THE_POINT)))
        assert other[0] is at_the_point
        assert ("stops nothing by the reading that is chosen" in other[2]) is (seen < day(25))

    def test_before_the_course(self) -> None:
        found = result(0, (ULCER, dt.date(2026, 3, 10)))
        assert state(found)[:2] == (None, NOT_EVALUATED)
        assert state(result(1, (ULCER, dt.date(2026, 3, 10))))[:2] == (DecisionState.VIOLATED, FAIL)


class TestReadingsOfTheDose:
    """CLINICAL.md, section 4: 25, 23, 18, 16; in EQD2 at a/b 10 apart 14, together 12."""

    @pytest.mark.parametrize(
        ("reading", "fraction"),
        [
            ("definitive", 25),
            ("low+definitive", 23),
            ("boost+definitive", 18),
            ("low+boost+definitive", 16),
            ("low+boost+definitive EQD2(10) apart", 14),
            ("low+boost+definitive EQD2(10) together", 12),
            # 50 - 3 x 5 x 15/12 = 31.25 in steps of 2
            ("boost+definitive EQD2(10) apart", 16),
            # 50 - 3 x 6.5 x 9.5/5 = 12.95
            ("low+boost+definitive EQD2(3) together", 7),
        ],
    )
    def test_chosen(self, reading: str, fraction: int) -> None:
        assert of(make_case(), "R30", protocol=_read_as(reading)).measured == fraction

    def test_of_an_integrated_boost_the_core_has_the_higher_prescription_only(self) -> None:
        """15 Gy and not 19.5; 50 - 18.75 = 31.25, apart or together."""
        assert of(sib_case(), "R30", protocol=_read_as("low+boost+definitive")).measured == 18
        for how in ("apart", "together"):
            reading = f"low+boost+definitive EQD2(10) {how}"
            assert of(sib_case(), "R30", protocol=_read_as(reading)).measured == 16

    def test_own_decimals_are_converted_too(self) -> None:
        """50 Gy EQD2(10) in fractions of 2.1 Gy, of which each is 2.1 x 12.1/12 = 2.1175: 24."""
        case = make_case(change={"definitive": Changed(total_gy="58.8")})
        assert of(case, "R30", protocol=_read_as("definitive EQD2(10) apart")).measured == 24

    def test_exactly_on_the_mark(self) -> None:
        """14.4 Gy in 3 fractions are 17.76 Gy: 32.24 needs 17; one part in 10^20 less than 32 is 16."""
        assert Fraction("14.4") * (Fraction("4.8") + 10) / 12 == Fraction("17.76")
        case = make_case(change={"boost": Changed(total_gy="14.4")})
        assert of(case, "R30", protocol=_read_as("boost+definitive EQD2(10) apart")).measured == 17

    def test_shown(self) -> None:
        shown = {r.name: r.value for r in of(make_case(), "R30").shown_readings}
        assert shown == {
            "low+definitive": 23,
            "boost+definitive": 18,
            "low+boost+definitive": 16,
            "low+boost+definitive EQD2(10) apart": 14,
            "low+boost+definitive EQD2(10) together": 12,
        }


def test_dose_of_what_was_given_counts_parts() -> None:
    """Twelve fractions and 60 % of one: 25.2 Gy are prescribed for them."""
    half = record("definitive", 13, weekdays(FIRST, 13)[-1], parts=["1", "0.2"])
    found = judged(begun([*induction(), *definitive(12), half]), only=("R30",), cells=30)
    (point,) = found.stop_points
    assert isinstance(point, StopPoint)
    assert (point.given, point.given_gy) == (12, pytest.approx(25.2, abs=1e-12))


@pytest.mark.parametrize(
    ("parts", "gy", "expected", "outcome"),
    [
        (("0.9", "0.9"), 51.6, DecisionState.DUE, NOT_EVALUATED),
        (("0.55", "0.55", "0.55"), 51.3, DecisionState.DUE, NOT_EVALUATED),
        (("0.5", "0.5"), 50.0, DecisionState.DUE, NOT_EVALUATED),
        (("0.9",), 49.8, DecisionState.NOT_REACHED, NOT_DUE),
    ],
)
def test_parts_of_fractions_reach_the_point_too(
    parts: Sequence[str], gy: float, expected: DecisionState, outcome: Outcome
) -> None:
    """24 whole fractions, and parts of more: 50 Gy are reached by what was given, however it was cut."""
    days = weekdays(FIRST, 24 + len(parts))[24:]
    more = [
        record("definitive", n, when, parts=[part, part])
        for n, (when, part) in enumerate(zip(days, parts, strict=True), start=25)
    ]
    found = judged(begun([*induction(), *definitive(24), *more]), only=("R30",), cells=30)
    (point,) = found.stop_points
    assert (point.given, point.given_gy) == (24, pytest.approx(gy, abs=1e-12))
    assert state(found)[:2] == (expected, outcome)
    if expected is DecisionState.DUE:
        reached = 48 + 2 * sum(float(part) for part in parts[:2])
        said = f"reached on {days[1].date()}, at 24 whole fractions ({reached:g} Gy)"
        assert said in state(found)[2]
        assert one(found, "R30").due == days[1].date()


def test_response_where_parts_of_fractions_reached_the_point() -> None:
    """50 Gy are reached with the second part of 90 %: a complete response there stops the course."""
    days = weekdays(FIRST, 27)
    more = [record("definitive", n, days[n - 1], parts=["0.9", "0.9"]) for n in (25, 26)]
    for count, kind, expected in (
        (0, COMPLETE, DecisionState.STOPPED),
        (0, INCOMPLETE, DecisionState.CONTINUE),
        (1, COMPLETE, DecisionState.VIOLATED),
    ):
        after = [record("definitive", 27, days[26])][:count]
        events = [Event(kind=kind, date=days[25].date())]
        case = begun([*induction(), *definitive(24), *more, *after], events=events)
        assert state(judged(case, only=("R30",), cells=30))[0] is expected


@pytest.mark.parametrize("broken", [10, 24, 25])
def test_a_fraction_that_was_never_completed_does_not_put_off_the_point(broken: int) -> None:
    """With half a fraction less, 50 Gy are reached with the 26th: after complete response none may follow."""
    days = weekdays(FIRST, 27)
    records = [
        record("definitive", n, day, parts=["0.5", "0.5"] if n == broken else ["1", "1"])
        for n, day in enumerate(days, start=1)
    ]
    events = [Event(kind=COMPLETE, date=days[25].date())]
    for count, expected in ((26, DecisionState.STOPPED), (27, DecisionState.VIOLATED)):
        found = judged(begun([*induction(), *records[:count]], events=events), only=("R30",), cells=30)
        assert state(found)[0] is expected
        assert one(found, "R30").due == days[25].date()


@pytest.mark.parametrize(
    ("assessed", "expected"), [(21, DecisionState.VIOLATED), (22, DecisionState.STOPPED)]
)
def test_the_point_lies_where_so_many_are_complete_whatever_their_numbers(
    assessed: int, expected: DecisionState
) -> None:
    """Of 1 to 25 the tenth was never given: 25 are complete on Friday 1 May, three days after Tuesday."""
    given = [record("definitive", n + (n >= 10), day) for n, day in enumerate(weekdays(FIRST, 24), start=1)]
    found = judged(begun([*induction(), *given]), only=("R30",), cells=30, as_of=day(24))
    assert (one(found, "R30").outcome, one(found, "R30").due) == (NOT_DUE, day(25))
    events = [Event(kind=COMPLETE, date=day(assessed)), Event(kind=STOPPED, date=day(24))]
    assert state(judged(begun([*induction(), *given], events=events), only=("R30",), cells=30))[0] is expected


@pytest.mark.parametrize(("events", "half"), [(False, False), (True, False), (False, True)])
def test_the_future_of_a_stop_at_the_point_is_what_was_given_then(events: bool, half: bool) -> None:
    """25 fractions, or 24, a half and one more: 6 and 40 Gy, or 40.8, in the left carotid."""
    parts = {10: ["0.5", "0.5"]} if half else {}
    days = weekdays(FIRST, 26 if half else 25)
    given = [record("definitive", n, d, parts=parts.get(n, ["1", "1"])) for n, d in enumerate(days, start=1)]
    entered = [Event(kind=COMPLETE, date=day(24)), Event(kind=STOPPED, date=day(24))] if events else []
    if events:
        given = given[:24]
    found = judged(begun([*induction(), *given], events=entered), only=("R30",), cells=30)
    (point,) = found.stop_points
    both = next(
        d for d in point.doses if (d.structure, d.quantity, d.metric) == (LEFT, "physical dose", "mean")
    )
    assert both.at_stop.value == pytest.approx(6 + (40.8 if half else 40))
    assert both.full.value == pytest.approx(50.8)


def test_by_a_prescription_of_nothing_the_protocols_dose_places_the_point() -> None:
    stated = [PlanStatement(uid=UIDS["definitive"], roles=("definitive",))]
    change = {"definitive": Changed(total_gy="0")}
    case = make_case(change=change, statement=make_statement(plans=stated))
    found = one(judged(case, only=("R30",), cells=30), "R30")
    assert (found.outcome, found.measured) == (NOT_DUE, 25)


def _read_as(reading: str) -> Protocol:
    return extended(f'[[rules]]\nid = "R30"\nreading = "{reading}"\n')


def test_a_reading_that_is_over_the_dose_before_the_course() -> None:
    """70 Gy of the prior course are more than 50 Gy: no fraction of the definitive course is the point."""
    found = judged(with_prior(), only=("R30",), protocol=_read_as("prior+definitive"))
    finding = one(found, "R30")
    assert (finding.outcome, finding.measured, found.stop_points) == (NOT_EVALUATED, None, ())
    assert "50 Gy are reached before the definitive course begins" in finding.message
    shown = extended('[[rules]]\nid = "R30"\nshown_readings = ["prior+definitive"]\n')
    (reading,) = one(judged(with_prior(), only=("R30",), protocol=shown), "R30").shown_readings
    assert (reading.name, reading.value) == ("prior+definitive: reached before the course", None)


class TestFutures:
    """Both futures side by side: stop at fraction 25, or go on to 28, for structures and for rules."""

    def test_rules_on_sums(self) -> None:
        """Left carotid: 3 x 2.0 and 1.6 Gy a fraction; prescribed are 139.5 Gy or 145.5."""
        protocol = cumulative("Mean < 48 Gy")
        found = judged(make_case(), only=("R30", "R40.x", "R41"), protocol=protocol, cells=30)
        (point,) = found.stop_points
        limit, mark = sorted(point.rules, key=lambda r: r.rule)
        assert limit.at_stop is not None
        assert limit.full is not None
        assert limit.at_stop.value == pytest.approx(3 * 2.0 + 25 * 1.6, abs=1e-6)
        assert limit.full.value == pytest.approx(3 * 2.0 + 28 * 1.6, abs=1e-6)
        # A prior course of unknown dose leaves what keeps the limit open, and breaks nothing.
        assert (limit.at_stop_outcome, limit.full_outcome) == (NOT_EVALUATED, FAIL)
        assert mark.at_stop is not None
        assert mark.full is not None
        assert (mark.at_stop.value, mark.full.value) == (139.5, 145.5)
        # As EQD2(3) even the shorter course is 70 + 37.05 + 50 Gy, above the mark of 145.5 Gy.
        assert (mark.at_stop_outcome, mark.full_outcome) == (Outcome.UNCERTAIN, FAIL)

    def test_what_nothing_bounds_has_one_number_in_words_and_data(self) -> None:
        """3 x 2.0 and 28 x 1.6 Gy at a/b 3, less at 2; the prior course is missing."""
        protocol = cumulative("Mean < 900 Gy EQD2(3)", more='uncertain_by = ["stated_bound", "alpha_beta"]\n')
        found = judged(make_case(), only=("R30", "R40.x"), protocol=protocol, cells=30)
        finding, (point,) = one(found, "R40.x"), found.stop_points
        expected = [6.0 + n * 1.6 * (3 + 1.6) / (3 + 2) for n in (25, 28)]
        assert finding.measured == pytest.approx(expected[1], abs=1e-6)
        assert f"is at least {expected[1]:.2f} Gy" in finding.message
        assert finding.deciding is not None
        assert finding.deciding.low < finding.measured - 0.1
        assert not finding.deciding.is_bounded
        (rule,) = point.rules
        data = rule.to_dict()
        assert [data["at_stop"], data["full"]] == pytest.approx(expected, abs=1e-6)
        assert data["lower_bounds"] is True
        assert finding.to_dict()["measured"] == finding.measured

    def test_after_a_stop_the_full_course_is_still_shown(self) -> None:
        found = judged(
            begun([*induction(), *definitive(25)], events=[Event(kind=COMPLETE, date=day(25))]),
            only=("R30", "R41"),
            cells=30,
        )
        (point,) = found.stop_points
        (mark,) = point.rules
        assert point.when == f"reached on {day(25)}"
        ahead = judged(begun([*induction(), *definitive(24)]), only=("R30",), cells=30).stop_points
        assert [p.when for p in ahead] == [f"planned on {day(25)}"]
        assert one(found, "R41").measured == 139.5
        assert mark.full is not None
        assert (mark.full.value, mark.full_outcome) == (145.5, FAIL)
