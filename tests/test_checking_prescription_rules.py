"""Rules on what is prescribed: R10, R12, R23, the 50 Gy point R30 and the risk mark R41."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from cases import (
    CORE,
    DEFINITIVE_FIRST,
    LESION,
    NUMBERS,
    UIDS,
    Changed,
    Prescribed,
    extended,
    judged,
    make_case,
    make_plan,
    make_statement,
    one,
    sib_case,
)

from dosecalc import Outcome, Protocol
from dosecalc.case import Case
from dosecalc.errors import InputError
from dosecalc.findings import Finding
from dosecalc.plans import Group, Prescription
from dosecalc.statement import CourseStatement, Event, EventKind, PlanStatement

PASS, FAIL, NOT_EVALUATED, NOT_DUE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_DUE,
)
FRACTION_25 = dt.date(2026, 5, 1)
"""The 25th weekday from Monday 30 March 2026 on."""


def of(case: Case, rule: str, **options: Any) -> Finding:
    return one(judged(case, only=(rule,), cells=30, **options), rule)


class TestPrescriptions:
    """R10, R12 and R23: dose per fraction within 0.01 Gy, and the exact number of fractions."""

    @pytest.mark.parametrize(
        ("rule", "name", "total", "fractions", "outcome"),
        [
            ("R10", "low", "4.5", 3, PASS),
            ("R10", "low", "4.53", 3, PASS),
            ("R10", "low", "4.47", 3, PASS),
            ("R10", "low", "4.54", 3, FAIL),
            ("R10", "low", "6", 4, FAIL),
            ("R12", "boost", "15", 3, PASS),
            ("R12", "boost", "15.03", 3, PASS),
            ("R12", "boost", "15.04", 3, FAIL),
            ("R12", "boost", "14.96", 3, FAIL),
            ("R12", "boost", "25", 5, FAIL),
            ("R23", "definitive", "56", 28, PASS),
            ("R23", "definitive", "55.94", 28, PASS),
            ("R23", "definitive", "56.28", 28, PASS),
            ("R23", "definitive", "56.29", 28, FAIL),
            ("R23", "definitive", "54", 27, FAIL),
            ("R23", "definitive", "60", 30, FAIL),
        ],
    )
    def test_limits(self, rule: str, name: str, total: str, fractions: int, outcome: Outcome) -> None:
        undated = make_statement(courses={"induction": CourseStatement()})
        change = {name: Changed(total_gy=total, fractions=fractions)}
        found = of(make_case(change=change, statement=undated), rule)
        assert found.outcome is outcome
        assert f"x {fractions}" in found.message

    def test_a_boost_on_top_of_the_low_dose_is_named_as_that(self) -> None:
        """3.5 Gy on top of 1.5 Gy makes 5 Gy a session; it is not what the protocol prescribes."""
        found = of(make_case(change={"boost": Changed(total_gy="10.5")}), "R12")
        assert found.outcome is FAIL
        assert "on top of" in found.message
        assert "3.5" in found.message

    def test_another_wrong_dose_is_not_explained_that_way(self) -> None:
        assert "on top of" not in of(make_case(change={"boost": Changed(total_gy="12")}), "R12").message

    @pytest.mark.parametrize("rule", ["R10", "R12", "R23"])
    def test_integrated_boost_holds_two_roles(self, rule: str) -> None:
        assert of(sib_case(), rule).outcome is PASS

    @pytest.mark.parametrize(("rule", "name"), [("R10", "low"), ("R12", "boost"), ("R23", "definitive")])
    def test_missing(self, rule: str, name: str) -> None:
        others = [n for n in ("low", "boost", "definitive") if n != name]
        assert of(make_case(plans=others), rule).outcome is NOT_EVALUATED
        stated = make_statement(plans=[PlanStatement(uid=UIDS[name], roles=(name,))])
        for plan in ({"prescriptions": ()}, {"groups": (Group(number=1, fractions=None),)}):
            case = make_case(change={name: Changed(plan=plan)}, statement=stated)
            assert of(case, rule).outcome is NOT_EVALUATED

    def test_fractions_stated_where_the_plan_does_not_say(self) -> None:
        stated = make_statement(plans=[PlanStatement(uid=UIDS["boost"], fractions=3)])
        case = make_case(
            change={"boost": Changed(plan={"groups": (Group(number=1, fractions=None),)})}, statement=stated
        )
        assert of(case, "R12").outcome is PASS

    def test_a_stated_prescription_does_not_overrule_the_file(self) -> None:
        """60 Gy in the plan and 56 Gy in the case file: the contradiction cannot pass."""
        stated = make_statement(plans=[PlanStatement(uid=UIDS["definitive"], prescription_gy=Decimal(56))])
        case = make_case(change={"definitive": Changed(total_gy="60")}, statement=stated)
        with pytest.raises(InputError, match=r"prescription_gy.*60.*56"):
            of(case, "R23")

    def test_the_highest_of_several_prescriptions_counts(self) -> None:
        two = (
            Prescription(dose_gy=Decimal("50.4"), roi_number=NUMBERS[LESION]),
            Prescription(dose_gy=Decimal("61.6"), roi_number=NUMBERS[CORE]),
        )
        found = of(make_case(change={"definitive": Changed(plan={"prescriptions": two})}), "R23")
        assert (found.outcome, found.measured) == (FAIL, pytest.approx(2.2))

    def test_not_planned_yet(self) -> None:
        later = make_statement(courses={"definitive": CourseStatement(not_planned_yet=True)})
        assert of(make_case(plans=("low", "boost"), statement=later), "R23").outcome is NOT_DUE


def delivered(count: int, *events: tuple[EventKind, dt.date], **course: Any) -> Case:
    """A case of which some definitive fractions were given, and what was entered."""
    stated = {"first_date": DEFINITIVE_FIRST, "delivered": count, **course}
    return make_case(
        statement=make_statement(
            courses={"definitive": CourseStatement(**stated)},
            events=[Event(kind=kind, date=day) for kind, day in events],
        )
    )


COMPLETE, INCOMPLETE = EventKind.COMPLETE_RESPONSE, EventKind.INCOMPLETE_RESPONSE


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

    def test_readings(self) -> None:
        shown = {r.name: r.value for r in of(make_case(), "R30").shown_readings}
        assert shown == {"low+definitive": 23, "boost+definitive": 18, "low+boost+definitive": 16}

    @pytest.mark.parametrize(
        ("reading", "fraction"),
        [
            ("definitive", 25),
            ("low+definitive", 23),
            ("boost+definitive", 18),
            ("low+boost+definitive", 16),
        ],
    )
    def test_chosen_readings(self, reading: str, fraction: int) -> None:
        assert of(make_case(), "R30", protocol=_read_as(reading)).measured == fraction

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


class TestCumulativePrescription:
    """R41: 145.5 Gy and above is on the mark, in exact decimals."""

    @pytest.mark.parametrize(
        ("prior", "total", "outcome"),
        [
            ("70", "145.5", FAIL),
            ("69.96", "145.46", PASS),
            ("70.01", "145.51", FAIL),
            ("66", "141.5", PASS),
        ],
    )
    def test_one_session(self, prior: str, total: str, outcome: Outcome) -> None:
        stated = CourseStatement(prescription_gy=Decimal(prior), fractions=35)
        found = of(make_case(statement=make_statement(courses={"prior": stated})), "R41")
        assert found.outcome is outcome
        assert found.measured == float(total)
        assert f"= {total} Gy" in found.message

    def test_integrated_boost(self) -> None:
        """70 + 15 + 56: the low dose is part of the boost's; EQD2 at a/b 10 of 35, 3 x 5 and 28 x 2."""
        found = of(sib_case(), "R41")
        assert (found.outcome, found.measured) == (PASS, 141.0)
        (reading,) = found.shown_readings
        assert reading.value == pytest.approx(70 + 18.75 + 56)
        assert "no repopulation" in reading.name

    def test_eqd2_adds_the_dose_of_a_session_first(self) -> None:
        (reading,) = of(make_case(), "R41").shown_readings
        assert reading.value == pytest.approx(70 + 26.8125 + 56)

    def test_unknown_prior_course(self) -> None:
        statement = make_statement(courses={"prior": CourseStatement()})
        found = of(make_case(statement=statement), "R41")
        assert (found.outcome, found.measured) == (NOT_EVALUATED, 75.5)
        assert found.deciding is not None
        assert found.deciding.high == float("inf")

    def test_a_plan_that_fits_no_role(self) -> None:
        odd = Prescribed(fractions=2, total_gy="1", target=LESION, organ_gy={})
        plan = make_plan(name="prior", prescribed=odd, label="Extra", uid="9.9")
        low = CourseStatement(prescription_gy=Decimal(60), fractions=30)
        case = make_case(more_plans=(plan,), statement=make_statement(courses={"prior": low}))
        assert of(case, "R41").outcome is NOT_EVALUATED
        high = make_case(more_plans=(plan,))
        assert of(high, "R41").outcome is FAIL

    def test_a_plan_without_a_prescription(self) -> None:
        stated = make_statement(plans=[PlanStatement(uid=UIDS["boost"], roles=("boost",))])
        case = make_case(change={"boost": Changed(plan={"prescriptions": ()})}, statement=stated)
        assert of(case, "R41").outcome is NOT_EVALUATED


def _read_as(reading: str) -> Protocol:
    return extended(f'[[rules]]\nid = "R30"\nreading = "{reading}"\n')
