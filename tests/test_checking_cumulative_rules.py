"""Limits of the sum over all courses, as a protocol of one's own may hold them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import (
    CORE,
    LEFT,
    LESION,
    UIDS,
    Changed,
    Prescribed,
    cumulative,
    judged,
    make_case,
    make_plan,
    make_statement,
    one,
    sib_case,
    standard_structures,
)

from dosecalc import Outcome, StructureSet, eqd2
from dosecalc.case import Case
from dosecalc.doses import DoseType, OneSession
from dosecalc.findings import Finding
from dosecalc.plans import Group
from dosecalc.statement import CourseStatement, Grouping, PlanStatement, Statement

PASS, FAIL, NOT_EVALUATED, NOT_DUE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_DUE,
)
ALL = ("prior", "low", "boost", "definitive")
LIMIT = "D0.03cc < 119 Gy EQD2(3)"
CAROTID_GY = float(
    eqd2(1.8 * 35, fractions=35, alpha_beta_gy=3)
    + eqd2(2.0 * 3, fractions=3, alpha_beta_gy=3)
    + eqd2(1.6 * 28, fractions=28, alpha_beta_gy=3)
)
"""The carotid of a complete case: 60.48 + 6 + 41.216 = 107.696 Gy."""


def stated(*, plans: tuple[PlanStatement, ...] = (), **courses: CourseStatement) -> Statement:
    prior = PlanStatement(uid=UIDS["prior"], roles=("prior",))
    known = {"prior": CourseStatement(last_date=dt.date(2024, 3, 1))}
    return make_statement(plans=[prior, *plans], courses={**known, **courses})


def complete(*, change: Mapping[str, Changed] | None = None, **more: Any) -> Case:
    """A case with the dose of the prior course too."""
    return make_case(**{"plans": ALL, "statement": stated(), "change": change, **more})


def of(case: Case, goal: str = LIMIT, *, structure: str = LEFT, **options: Any) -> Finding:
    protocol = cumulative(goal, structure=structure)
    return one(judged(case, only=("R40.x",), protocol=protocol, **options), "R40.x")


def test_sum_of_three_courses() -> None:
    assert pytest.approx(107.696) == CAROTID_GY
    found = of(complete())
    assert (found.outcome, found.measured) == (PASS, pytest.approx(CAROTID_GY, abs=1e-9))
    assert [(c.plan, c.sessions) for c in found.contributors] == [
        ("Prior", 35),
        ("Low", 3),
        ("Boost", 3),
        ("Definitive", 28),
    ]
    assert "EQD2(3)" in found.unit


@pytest.mark.parametrize(
    ("goal", "outcome"),
    [
        ("D0.03cc < 107.6 Gy EQD2(3)", FAIL),
        ("D0.03cc < 107.7 Gy EQD2(3)", PASS),
        ("Dmax < 114 Gy", PASS),
        ("Dmax < 113.8 Gy", FAIL),
        ("Dmax <= 113.8 Gy", PASS),
        ("Mean < 179.4 Gy BED(3)", FAIL),
        ("Mean < 179.6 Gy BED(3)", PASS),
        ("V100Gy EQD2(3) < 5 %", FAIL),
        ("V110Gy EQD2(3) < 5 %", PASS),
        ("V100Gy EQD2(3) < 2 cc", PASS),
    ],
)
def test_goals(goal: str, outcome: Outcome) -> None:
    assert of(complete(), goal).outcome is outcome


@pytest.mark.parametrize(
    ("grouping", "gy"),
    [(Grouping.ONE_SESSION, 37.05), (Grouping.SEPARATE_SESSIONS, 28.05)],
)
def test_one_session_or_two(grouping: Grouping, gy: float) -> None:
    """CLINICAL: 1.5 and 5 Gy three times at a/b 3, in one session or apart; then 28 x 2 Gy = 56 Gy."""
    statement = stated(induction=CourseStatement(grouping=grouping))
    found = of(complete(statement=statement), "Dmax < 300 Gy EQD2(3)", structure=CORE)
    assert found.measured == pytest.approx(70 + gy + 56, abs=1e-9)


def test_integrated_boost_of_the_core() -> None:
    """5 Gy a session and no 1.5 Gy on top: 24 + 56 Gy; the prior course is not in the sum."""
    found = of(sib_case(), "Dmax < 300 Gy EQD2(3)", structure=CORE)
    assert found.outcome is NOT_EVALUATED
    assert found.measured == pytest.approx(24 + 56, abs=1e-9)


class TestIncomplete:
    def test_prior_known_as_numbers_only(self) -> None:
        found = of(make_case())
        assert found.outcome is NOT_EVALUATED
        assert found.measured == pytest.approx(CAROTID_GY - 60.48)
        assert found.deciding is not None
        assert found.deciding.high == np.inf
        assert "70 Gy in 35 fractions" in found.message

    def test_numbers_only_but_the_rest_fails_already(self) -> None:
        assert of(make_case(), "D0.03cc < 47 Gy EQD2(3)").outcome is FAIL

    def test_nothing_known_of_the_prior_course(self) -> None:
        statement = make_statement(courses={"prior": CourseStatement()})
        found = of(make_case(statement=statement))
        assert found.outcome is NOT_EVALUATED
        assert "prior" in found.message

    @pytest.mark.parametrize("fails", [False, True])
    def test_a_plan_that_fits_no_role(self, fails: bool) -> None:
        odd = Prescribed(fractions=2, total_gy="1", target=LESION, organ_gy={})
        plan = make_plan(name="sib", prescribed=odd, label="Extra", uid="9.9")
        goal = "D0.03cc < 100 Gy EQD2(3)" if fails else LIMIT
        found = of(complete(more_plans=(plan,)), goal)
        assert found.outcome is (FAIL if fails else NOT_EVALUATED)
        assert "Extra" in found.message

    @pytest.mark.parametrize("name", ALL)
    def test_a_dose_is_missing(self, name: str) -> None:
        found = of(complete(no_dose=(name,)))
        assert found.outcome is NOT_EVALUATED
        assert f"RP_{name}.dcm" in found.message

    def test_a_dose_that_is_not_its_prescription_is_in_no_sum(self) -> None:
        """R05 takes a grid of one fraction out: the sum is open, not 1/28 of what it should be."""
        protocol = cumulative(LIMIT)
        case = complete(change={"definitive": Changed(held_times=1)})
        found = one(judged(case, only=("R05", "R40.x"), protocol=protocol), "R40.x")
        assert found.outcome is NOT_EVALUATED
        assert found.measured == pytest.approx(CAROTID_GY - 41.216)

    def test_unknown_number_of_fractions_of_a_dose_per_session(self) -> None:
        """One session of an unknown number must not stand for the whole course."""
        change = {
            "definitive": Changed(
                held_times=1,
                plan={"groups": (Group(number=1, fractions=None),)},
                dose={"holds": OneSession()},
            )
        }
        roles = PlanStatement(uid=UIDS["definitive"], roles=("definitive",))
        found = of(complete(change=change, statement=stated(plans=(roles,))))
        assert found.outcome is NOT_EVALUATED

    def test_a_grid_that_ends_before_the_structure(self) -> None:
        found = of(complete(change={"definitive": Changed(cut_x_mm=(-25, 25))}))
        assert found.outcome is NOT_EVALUATED
        assert "RD_definitive.dcm" in found.message
        assert "0.00" not in found.message
        assert {c.plan: c.value for c in found.contributors}.get("Definitive") is None

    def test_known_part_fails_where_a_grid_ends(self) -> None:
        """3 Gy x 35 before is 126 Gy EQD2(3) already."""
        change = {"definitive": Changed(cut_x_mm=(-25, 25)), "prior": Changed(left_gy=3.0)}
        found = of(complete(change=change))
        assert found.outcome is FAIL
        assert found.measured == pytest.approx(126 + 6)

    def test_another_frame_of_reference(self) -> None:
        found = of(complete(change={"prior": Changed(dose={"frame_uid": "7.7"})}))
        assert found.outcome is NOT_EVALUATED
        assert "7.7" in found.message

    def test_definitive_not_planned_yet_is_not_due(self) -> None:
        later = stated(definitive=CourseStatement(not_planned_yet=True))
        case = make_case(plans=("prior", "low", "boost"), statement=later)
        assert of(case).outcome is NOT_DUE
        assert of(case, "D0.03cc < 60 Gy EQD2(3)").outcome is FAIL

    def test_not_planned_yet_and_a_dose_missing_is_not_evaluated(self) -> None:
        later = make_statement(courses={"definitive": CourseStatement(not_planned_yet=True)})
        assert of(make_case(plans=("low", "boost"), statement=later)).outcome is NOT_EVALUATED

    def test_no_dose_at_all_is_not_zero(self) -> None:
        weighted = {"definitive": Changed(dose={"dose_type": DoseType.EFFECTIVE})}
        found = of(make_case(no_dose=("low", "boost"), change=weighted))
        assert (found.outcome, found.measured, found.hot_spot_xyz_mm) == (NOT_EVALUATED, None, None)

    def test_structure_missing(self) -> None:
        found = of(complete(structures={LEFT: None}))
        assert (found.outcome, found.measured) == (NOT_EVALUATED, None)


def test_a_lower_goal_passes_on_what_is_known() -> None:
    """More dose cannot undo a coverage that is reached already."""
    goal = "D95% >= 60 Gy"
    assert of(make_case(), goal, structure=CORE).outcome is PASS
    assert of(make_case(), "D95% >= 80 Gy", structure=CORE).outcome is NOT_EVALUATED


def test_the_sum_is_taken_in_the_structure_set_of_the_definitive_plan() -> None:
    """There the organ lies in the core; the other set's value is shown."""
    moved = StructureSet(
        structures=(
            *(s for n, s in standard_structures().items() if n not in {LEFT, CORE}),
            replace(standard_structures()[CORE], name=LEFT),
        ),
        uid="1.33",
        source="RS2.dcm",
    )
    change = {"definitive": Changed(plan={"structure_set_uid": "1.33"})}
    found = of(complete(more_structure_sets=(moved,), change=change), "Dmax < 300 Gy EQD2(3)")
    assert found.measured == pytest.approx(70 + 37.05 + 56)
    shown = [r.value for r in found.shown_readings if "RS.dcm" in r.name]
    assert shown == [pytest.approx(CAROTID_GY)]
