"""The table of structures and what stopping early saves: in every quantity, and never a silent zero."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from cases import (
    CORD,
    CORE,
    LATTICE,
    LEFT,
    MUCOSA,
    UIDS,
    Changed,
    cumulative,
    fraction_gy,
    judged,
    make_case,
    make_case_before_planning,
    make_grid,
    make_statement,
    one,
    organs,
    standard_structures,
)
from test_visits import FIRST, begun, definitive, induction, record, weekdays

from dosecalc import CheckResult, bed, eqd2
from dosecalc.case import Case
from dosecalc.doses import SeveralPlans
from dosecalc.report import tables
from dosecalc.results import DoseRow, StructureDoses
from dosecalc.statement import CourseStatement, Grouping, PlanStatement

COMPLETE: dict[str, Any] = {
    "plans": ("prior", "low", "boost", "definitive"),
    "statement": make_statement(
        plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
        courses={"prior": CourseStatement(last_date=dt.date(2024, 3, 1))},
    ),
}


def table(case: Case) -> dict[str, StructureDoses]:
    return {s.name: s for s in checked(case).structures}


def checked(case: Case) -> CheckResult:
    return judged(case, only=("R30",), cells=100)


def row(case: Case, name: str, course: str) -> DoseRow:
    return next(r for r in table(case)[name].rows if r.course == course)


def test_a_course_is_complete_where_the_sum_of_the_same_sessions_is_not() -> None:
    """The prior course is all there is so far: of what comes nothing is known."""
    rows = {r.course: r for r in table(make_case_before_planning())[LEFT].rows}
    prior, total = rows["prior"].physical, rows["total"].physical
    assert prior is not None
    assert total is not None
    assert prior.max_gy.low == total.max_gy.low == pytest.approx(63.0)
    assert (prior.max_gy.is_bounded, total.max_gy.is_bounded) == (True, False)


def test_what_is_certain_stands_in_every_quantity() -> None:
    """The boost reaches none of the left carotid: at least 0.8 Gy x 3, 1.6 x 28 and 1.8 x 35, at any a/b."""
    case = make_case(**COMPLETE, change={"boost": Changed(cut_x_mm=(-45.0, 20.0))})
    known = ((3, 0.8), (28, 1.6), (35, 1.8))
    found = row(case, LEFT, "total, a/b 2 to 3")
    assert found.eqd2 is not None
    assert found.bed is not None
    least = sum(float(eqd2(n * d, fractions=n, alpha_beta_gy=2.0)) for n, d in known)
    for metric in (found.eqd2.min_gy, found.eqd2.mean_gy, found.eqd2.near_max_gy, found.eqd2.max_gy):
        assert (metric.low, metric.is_bounded) == (pytest.approx(least), False)
    least = sum(float(bed(n * d, fractions=n, alpha_beta_gy=3.0)) for n, d in known)
    assert found.bed.mean_gy.low == pytest.approx(least)


def test_rows_of_a_carotid() -> None:
    """2 Gy in each of 3 sessions, 1.6 Gy in 28, 1.8 Gy in 35."""
    structure = table(make_case(**COMPLETE))[LEFT]
    assert structure.volume_cm3 == pytest.approx(0.4 * 0.8 * 5.6)
    assert structure.covered_cm3 == structure.volume_cm3
    assert structure.alpha_beta_gy == 3
    assert [(r.course, r.sessions) for r in structure.rows] == [
        ("prior", 35),
        ("induction", 3),
        ("definitive", 28),
        ("total", 66),
        ("total, a/b 2 to 3", 66),
    ]
    induction = structure.rows[1]
    for metrics, gy in (
        (induction.per_session, 2.0),
        (induction.physical, 6.0),
        (induction.bed, float(bed(6, fractions=3, alpha_beta_gy=3))),
        (induction.eqd2, float(eqd2(6, fractions=3, alpha_beta_gy=3))),
    ):
        assert metrics is not None
        for found in (metrics.min_gy, metrics.mean_gy, metrics.near_max_gy, metrics.max_gy):
            assert (found.value, found.low, found.high) == pytest.approx((gy, gy, gy))
    total = structure.total
    assert total is not None
    assert total.eqd2 is not None
    assert total.eqd2.mean_gy.value == pytest.approx(107.696)
    assert total.per_session is None
    assert not total.incomplete


@pytest.mark.parametrize(
    ("grouping", "gy"), [(Grouping.ONE_SESSION, 26.8125), (Grouping.SEPARATE_SESSIONS, 4.3125 + 18.75)]
)
def test_core_in_one_session_or_two(grouping: Grouping, gy: float) -> None:
    """CLINICAL section 1, a/b 10; the dose of a day is the sum in either case."""
    statement = make_statement(courses={"induction": CourseStatement(grouping=grouping)})
    found = row(make_case(statement=statement), CORE, "induction")
    assert found.eqd2 is not None
    assert found.eqd2.mean_gy.value == pytest.approx(gy)
    assert found.per_session is not None
    assert found.per_session.max_gy.value == pytest.approx(6.5)


class TestMissing:
    def test_a_course_without_dose_has_no_numbers(self) -> None:
        found = row(make_case(), LEFT, "prior")
        assert (found.sessions, found.physical, found.bed, found.eqd2) == (35, None, None, None)
        assert found.per_session is None
        assert found.incomplete

    def test_the_total_is_then_a_lower_bound(self) -> None:
        total = row(make_case(), LEFT, "total")
        assert total.physical is not None
        assert total.physical.max_gy.low == pytest.approx(50.8)
        assert not total.physical.max_gy.is_bounded
        assert total.incomplete

    def test_over_a_range_of_a_b_what_reaches_is_certain_too(self) -> None:
        """The definitive dose does not reach: 1.8 Gy in 35 and 2 Gy in 3 sessions do, least at a/b 2."""
        case = make_case(**COMPLETE, change={"definitive": Changed(cut_x_mm=(-25, 25))})
        found = row(case, LEFT, "total, a/b 2 to 3").eqd2
        assert found is not None
        certain = min(
            sum(float(eqd2(n * d, fractions=n, alpha_beta_gy=ratio)) for n, d in ((35, 1.8), (3, 2.0)))
            for ratio in (2.0, 3.0)
        )
        for metric in (found.min_gy, found.mean_gy, found.near_max_gy, found.max_gy):
            assert metric.certain == pytest.approx(certain)
            assert not metric.is_bounded

    def test_outside_a_grid(self) -> None:
        case = make_case(change={"definitive": Changed(cut_x_mm=(-25, 25))})
        found = table(case)[LEFT]
        assert found.covered_cm3 == 0
        definitive = next(r for r in found.rows if r.course == "definitive")
        for metrics in (definitive.physical, definitive.per_session):
            assert metrics is None or not metrics.near_max_gy.is_bounded
        total = found.total
        assert total is not None
        assert total.physical is not None
        assert not total.physical.near_max_gy.is_bounded

    def test_a_structure_that_cannot_be_read(self) -> None:
        broken = replace(standard_structures()[LEFT], contours=(), problem="ROI 3: ContourData: torn")
        found = table(make_case(structures={LEFT: broken}))
        assert found[LEFT].problem
        assert "torn" in found[LEFT].problem
        assert (found[LEFT].rows, found[LEFT].volume_cm3) == ((), None)
        assert not found[MUCOSA].problem

    def test_a_structure_in_another_frame(self) -> None:
        case = make_case(change={"boost": Changed(dose={"frame_uid": "7.7"})})
        assert any("7.7" in note for note in table(case)[LEFT].notes)

    def test_without_an_alpha_beta_there_is_no_eqd2(self) -> None:
        other = replace(standard_structures()[CORD], name="something", number=50)
        found = row(make_case(structures={"something": other}), "something", "definitive")
        assert (found.bed, found.eqd2) == (None, None)
        assert found.physical is not None

    def test_empty_structures_are_left_out(self) -> None:
        empty = replace(standard_structures()[CORD], name="empty", number=50, contours=())
        assert "empty" not in table(make_case(structures={"empty": empty}))


def test_a_sum_of_several_plans_is_a_row_and_in_no_total() -> None:
    gy = fraction_gy(target_gy=60, organ_gy=organs(left=50, right=50, mucosa=50))
    both = make_grid(
        plan="low",
        gy=gy,
        times=1,
        lattice=LATTICE,
        uid="5.5",
        holds=SeveralPlans(),
        plan_uids=(UIDS["low"], UIDS["boost"]),
        source="RD_sum.dcm",
    )
    found = table(make_case(more_doses=(both,)))[LEFT]
    row_of_sum = next(r for r in found.rows if "RD_sum.dcm" in r.course)
    assert row_of_sum.physical is not None
    assert row_of_sum.physical.mean_gy.value == pytest.approx(50)
    assert (row_of_sum.bed, row_of_sum.eqd2) == (None, None)
    assert found.total is not None
    assert found.total.physical is not None
    assert found.total.physical.mean_gy.value == pytest.approx(50.8)


def test_what_stopping_at_50_gy_saves() -> None:
    (point,) = checked(make_case(**COMPLETE)).stop_points
    saved = {(d.quantity, d.metric): d.saved_gy for d in point.doses if d.structure == LEFT}
    per_fraction = float(eqd2(1.6, fractions=1, alpha_beta_gy=3))
    assert saved["physical dose", "mean"] == pytest.approx(3 * 1.6)
    assert saved["EQD2(3)", "near maximum"] == pytest.approx(3 * per_fraction)


def test_saving_is_not_bounded_where_dose_is_missing() -> None:
    (point,) = checked(make_case()).stop_points
    assert all(d.to_dict()["lower_bounds"] for d in point.doses)
    (point,) = checked(make_case(**COMPLETE)).stop_points
    assert not any(d.to_dict()["lower_bounds"] for d in point.doses)


def test_what_is_missing_and_what_was_broken_off_leave_the_least_of_it() -> None:
    """Nothing is known of the prior course, and half of a fraction may have given nothing here."""
    half = record("definitive", 13, weekdays(FIRST, 13)[-1], parts=["0.5", "0.5"])
    (given,) = [
        r for r in table(begun([*induction(), *definitive(12), half]))[LEFT].delivered if r.course == "total"
    ]
    assert given.physical is not None
    near = given.physical.near_max_gy
    assert (near.value, near.low) == (pytest.approx(6 + 12.5 * 1.6), pytest.approx(6 + 12 * 1.6))
    assert tables.gy(near) == ">=25.20"
    case = begun([*induction(), *definitive(12), half])
    limit = one(judged(case, only=("R40.x",), protocol=cumulative("D0.03cc < 300 Gy"), cells=100), "R40.x")
    assert limit.deciding is not None
    assert f"D0.03cc is at least {limit.deciding.low:.2f} Gy" in limit.message
