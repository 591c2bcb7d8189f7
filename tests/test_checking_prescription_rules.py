"""Rules on what is prescribed: R10, R12, R23 and the risk mark R41."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from cases import (
    CORE,
    LESION,
    NUMBERS,
    UIDS,
    Changed,
    Prescribed,
    judged,
    make_case,
    make_plan,
    make_statement,
    one,
    sib_case,
)

from dosecalc import Outcome, eqd2
from dosecalc.case import Case
from dosecalc.errors import InputError
from dosecalc.findings import Finding
from dosecalc.plans import Group, Prescription
from dosecalc.statement import CourseStatement, PlanStatement

PASS, FAIL, UNCERTAIN = Outcome.PASS, Outcome.FAIL, Outcome.UNCERTAIN
NOT_EVALUATED, NOT_DUE = Outcome.NOT_EVALUATED, Outcome.NOT_DUE


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
        assert found.measured is not None and found.limit is not None
        met = abs(found.measured - found.limit) <= (0 if found.unit == "fractions" else 0.01 + 1e-9)
        assert met is (outcome is PASS)

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


class TestCumulativePrescription:
    """R41: 145.5 Gy and above is on the mark, in exact decimals."""

    @pytest.mark.parametrize(
        ("prior", "total", "outcome"),
        [
            ("70", "145.5", FAIL),
            ("69.96", "145.46", UNCERTAIN),  # 69.96 in 35 are 69.944, + 37.05 + 56 Gy at a/b 3
            ("70.01", "145.51", FAIL),
            ("66", "141.5", UNCERTAIN),
            ("54", "129.5", PASS),
        ],
    )
    def test_one_session(self, prior: str, total: str, outcome: Outcome) -> None:
        stated = CourseStatement(prescription_gy=Decimal(prior), fractions=35)
        found = of(make_case(statement=make_statement(courses={"prior": stated})), "R41")
        assert found.outcome is outcome
        assert found.measured == float(total)
        assert f"= {total} Gy" in found.message

    def test_integrated_boost(self) -> None:
        """70 + 15 + 56: the low dose is part of the boost's; EQD2 of 35 x 2, 3 x 5 and 28 x 2."""
        found = of(sib_case(), "R41")
        assert (found.outcome, found.measured) == (UNCERTAIN, 141.0)
        late, tumour = found.shown_readings
        assert late.value == pytest.approx(150.0)
        assert tumour.value == pytest.approx(70 + 18.75 + 56)
        assert "no repopulation" in tumour.name
        assert "as EQD2(3), what one session gives added first, they are 150.00 Gy" in found.message

    def test_eqd2_adds_the_dose_of_a_session_first(self) -> None:
        late, tumour = of(make_case(), "R41").shown_readings
        assert (late.value, tumour.value) == (pytest.approx(163.05), pytest.approx(70 + 26.8125 + 56))

    @pytest.mark.parametrize(("prior", "outcome"), [("52.4", UNCERTAIN), ("52.2", PASS)])
    def test_eqd2_on_the_mark(self, prior: str, outcome: Outcome) -> None:
        """Induction and definitive course leave 145.5 - 37.05 - 56 = 52.45 Gy to a prior course."""
        mark = CourseStatement(prescription_gy=Decimal(prior), fractions=26)
        found = of(make_case(statement=make_statement(courses={"prior": mark})), "R41")
        exact = 37.05 + 56 + float(eqd2(float(prior), fractions=26, alpha_beta_gy=3))
        assert (exact >= 145.5) is (outcome is UNCERTAIN)
        assert found.outcome is outcome

    def test_eqd2_not_known_does_not_pass(self) -> None:
        course = CourseStatement(prescription_gy=Decimal(54))
        found = of(make_case(statement=make_statement(courses={"prior": course})), "R41")
        assert found.outcome is UNCERTAIN
        assert "they are not known" in found.message

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
