"""A plan that is replaced midway: n1 fractions of the one and n2 of the other are one course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from cases import (
    COARSE,
    LEFT,
    PRESCRIBED,
    UIDS,
    cumulative,
    fraction_gy,
    judged,
    make_case,
    make_grid,
    make_plan,
    make_statement,
    one,
)
from test_visits import FIRST, definitive, induction, record, treated, weekdays

from dosecalc import CheckResult, Outcome, check, load_protocol
from dosecalc.case import Case
from dosecalc.courses import build_treatment
from dosecalc.errors import InputError
from dosecalc.records import TreatmentRecord
from dosecalc.report.ledger_view import ledger_view
from dosecalc.statement import CourseStatement, PlanStatement

SECOND = "1.1.33"
NEW_LEFT_GY = 1.0
"""Of each fraction of the second plan, in the left carotid; the first gives it 1.6 Gy."""


def replanned(
    *,
    fractions: int = 18,
    records: tuple[TreatmentRecord, ...] = (),
    predecessor: bool = False,
    **stated: Any,
) -> Case:
    """A compliant case whose definitive plan was replaced by one of so many fractions of 2 Gy."""
    prescribed = replace(PRESCRIBED["definitive"], fractions=fractions, total_gy=str(2 * fractions))
    related = (("PREDECESSOR", UIDS["definitive"]),) if predecessor else ()
    plan = replace(
        make_plan(name="definitive", prescribed=prescribed),
        uid=SECOND,
        label="Second",
        source="RP_second.dcm",
        related_uids=related,
    )
    gy = fraction_gy(target_gy=2.0, organ_gy={**prescribed.organ_gy, LEFT: NEW_LEFT_GY})
    dose = replace(make_grid(plan="definitive", gy=gy, times=fractions, uid="1.1.33.2"), plan_uids=(SECOND,))
    plans = (
        [] if predecessor else [PlanStatement(uid=SECOND, roles=("definitive",), replaces=UIDS["definitive"])]
    )
    first = stated.pop("delivered", None)
    if first is not None:
        plans.append(PlanStatement(uid=UIDS["definitive"], delivered=first))
    courses: Mapping[str, CourseStatement] = {"induction": CourseStatement(), "definitive": CourseStatement()}
    return make_case(
        more_plans=(plan,),
        more_doses=(dose,),
        records=records,
        statement=make_statement(plans=plans, courses=courses),
    )


def given(first: int, second: int) -> tuple[TreatmentRecord, ...]:
    days = weekdays(FIRST, first + second)
    later = (
        replace(record("definitive", n, day), plan_uid=SECOND, uid=f"9.2.{n}")
        for n, day in enumerate(days[first:], start=1)
    )
    return (*induction(), *definitive(first), *later)


def checked(case: Case) -> CheckResult:
    return check(case, load_protocol("redefine"), settings=COARSE)


@pytest.mark.parametrize("predecessor", [False, True])
def test_fractions_of_both_plans_are_one_course(predecessor: bool) -> None:
    treatment = treated(replanned(records=given(10, 2), predecessor=predecessor))
    course = treatment.ledger.course("definitive")
    plans = [s.contributions[0].fraction.plan_uid for s in course]
    assert plans == [UIDS["definitive"]] * 10 + [SECOND] * 18
    assert [s.day for s in course] == list(range(1, 29))
    assert course.delivered().whole_days() == tuple(range(1, 13))
    assert len(treatment.planned.course("definitive")) == 28


def test_dose_is_that_of_each_plan_for_its_fractions() -> None:
    result = checked(replanned(records=given(10, 2)))
    found = next(s for s in result.structures if s.name == LEFT)
    for rows, gy in ((found.rows, 10 * 1.6 + 18 * 1.0), (found.delivered, 10 * 1.6 + 2 * 1.0)):
        row = next(r for r in rows if r.course == "definitive")
        assert row.physical is not None
        assert row.physical.mean_gy.value == pytest.approx(gy, abs=1e-6)


@pytest.mark.parametrize(
    ("fractions", "outcome"), [(18, Outcome.PASS), (17, Outcome.FAIL), (28, Outcome.FAIL)]
)
def test_the_prescription_is_judged_on_the_course(fractions: int, outcome: Outcome) -> None:
    result = checked(replanned(fractions=fractions, records=given(10, 2)))
    found = {f.rule: f for f in result.findings}
    assert found["R23"].outcome is outcome
    assert found["R05"].outcome is Outcome.PASS
    (point,) = result.stop_points
    assert (point.fraction, point.given) == (25, 12)


def test_prescriptions_add_up_by_the_fractions_used() -> None:
    result = checked(replanned(records=given(10, 2)))
    found = next(f for f in result.findings if f.rule == "R41")
    assert found.measured == pytest.approx(70 + 4.5 + 15 + 20 + 36)


def test_without_records_the_number_of_fractions_is_stated() -> None:
    course = treated(replanned(delivered=10)).ledger.course("definitive")
    assert len(course) == 28
    with pytest.raises(InputError, match=r"plans\[1\.1\.3\]\.delivered: expected the number of fractions"):
        treated(replanned())
    with pytest.raises(InputError, match=r"delivered: expected at most 28, found 29"):
        treated(replanned(delivered=29))
    with pytest.raises(InputError, match=r"delivered: expected 10, as its treatment records have, found 9"):
        treated(replanned(records=given(10, 2), delivered=9))


def test_two_plans_of_one_role_that_do_not_follow_one_another_are_refused() -> None:
    case = replanned(delivered=10)
    plans = (PlanStatement(uid=SECOND, roles=("definitive",)),)
    with pytest.raises(InputError, match=r"role .definitive.: expected one plan, found 2.*replaces"):
        treated(replace(case, statement=make_statement(plans=plans)))
    circle = (
        PlanStatement(uid=SECOND, roles=("definitive",), replaces=UIDS["definitive"]),
        PlanStatement(uid=UIDS["definitive"], roles=("definitive",), replaces=SECOND),
    )
    with pytest.raises(InputError, match="expected one plan, found 2"):
        treated(replace(case, statement=make_statement(plans=circle)))
    nowhere = (PlanStatement(uid=SECOND, roles=("definitive",), replaces="1.2.3"),)
    with pytest.raises(InputError, match="replaces: expected the SOP Instance UID of another plan"):
        treated(replace(case, statement=make_statement(plans=nowhere)))


def test_plan_that_was_replaced_before_its_first_fraction_is_in_no_sum() -> None:
    course = treated(replanned(fractions=28, delivered=0)).ledger.course("definitive")
    assert {s.contributions[0].fraction.plan_uid for s in course} == {SECOND}
    assert len(course) == 28


def broken_off(whole: int) -> tuple[TreatmentRecord, ...]:
    """So many fractions of the first plan, half of one more, then 15 of the second."""
    days = weekdays(FIRST, whole + 16)
    half = record("definitive", whole + 1, days[whole], parts=["0.5", "0.5"])
    later = (
        replace(record("definitive", n, day), plan_uid=SECOND, uid=f"9.2.{n}")
        for n, day in enumerate(days[whole + 1 :], start=1)
    )
    return (*induction(), *definitive(whole), half, *later)


@pytest.mark.parametrize("whole", [0, 10])
def test_part_of_a_fraction_before_the_plan_was_replaced_stays_in_the_sums(whole: int) -> None:
    """Half a fraction of the first plan gives the left carotid 0.8 Gy; as a fraction it does not count."""
    case = replanned(fractions=28 - whole, records=broken_off(whole))
    course = treated(case).ledger.course("definitive")
    assert len(course.delivered().whole_days()) == whole + 15
    found = next(s for s in checked(case).structures if s.name == LEFT)
    row = next(r for r in found.delivered if r.course == "definitive")
    assert row.physical is not None
    assert row.physical.mean_gy.value == pytest.approx(whole * 1.6 + 0.8 + 15 * NEW_LEFT_GY, abs=1e-6)


def test_a_fraction_that_no_record_shows_before_the_plan_was_replaced() -> None:
    """Of the first plan 2 to 10 are shown: nine fractions, and the point comes one later, not two."""
    records = tuple(
        r for r in given(10, 16) if not (r.plan_uid == UIDS["definitive"] and r.deliveries[0].fraction == 1)
    )
    case = replanned(fractions=19, records=records)
    course = treated(case).ledger.course("definitive")
    assert course.delivered().whole_days() == tuple(range(1, 26))
    assert [s.day for s in course] == list(range(1, 29))
    assert {s.contributions[0].fraction.plan_uid for s in course.remaining()} == {SECOND}
    (point,) = checked(case).stop_points
    assert (point.given, point.given_gy) == (25, 50.0)
    found = next(s for s in checked(case).structures if s.name == LEFT)
    row = next(r for r in found.delivered if r.course == "definitive")
    assert row.physical is not None
    assert row.physical.mean_gy.value == pytest.approx(9 * 1.6 + 16 * NEW_LEFT_GY, abs=1e-6)


AFTER_FIVE = weekdays(FIRST, 5)[-1].date()


def test_as_of_a_day_before_the_plan_was_replaced_nothing_is_lost() -> None:
    """Ten of the first plan were given in the end: as of the fifth day five of them are left."""
    case = replanned(records=given(10, 2))
    course = build_treatment(case, load_protocol("redefine"), as_of=AFTER_FIVE).ledger.course("definitive")
    assert [s.contributions[0].fraction.plan_uid for s in course] == [UIDS["definitive"]] * 10 + [SECOND] * 18
    assert course.delivered().whole_days() == (1, 2, 3, 4, 5)
    result = check(case, load_protocol("redefine"), settings=COARSE, as_of=AFTER_FIVE)
    found = next(s for s in result.structures if s.name == LEFT)
    for rows, gy in ((found.rows, 10 * 1.6 + 18 * NEW_LEFT_GY), (found.delivered, 5 * 1.6)):
        row = next(r for r in rows if r.course == "definitive")
        assert row.physical is not None
        assert row.physical.mean_gy.value == pytest.approx(gy, abs=1e-6)


def test_a_limit_as_of_a_day_is_that_of_the_whole_treatment() -> None:
    """3 x 2.0 + 10 x 1.6 + 18 x 1.0 Gy are 40 Gy on any day."""
    case = replanned(records=given(10, 2))
    protocol = cumulative("Mean < 300 Gy")
    days = [None, AFTER_FIVE, weekdays(FIRST, 11)[-1].date()]
    found = [one(judged(case, only=("R40.x",), protocol=protocol, as_of=d, cells=30), "R40.x") for d in days]
    assert [f.measured for f in found] == pytest.approx([40.0] * 3)


def test_the_book_as_of_a_day() -> None:
    case = replanned(records=given(10, 2))
    view = ledger_view(case, load_protocol("redefine"), at=AFTER_FIVE)
    assert [(c.delivered, c.left) for c in view.counts if c.course == "definitive"] == [(5, 23)]
