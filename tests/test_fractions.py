"""The dose of one fraction from the grids of a plan: every DoseSummationType, and every refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction as Exact

import numpy as np
import pytest
from cases import LATTICE, PRESCRIBED, UIDS, make_case, make_grid, make_plan, with_fractions

from dosecalc.case import Case
from dosecalc.doses import (
    Beams,
    DoseGrid,
    DoseType,
    FractionGroup,
    Holds,
    OneSession,
    SeveralPlans,
    Unstated,
    WholePlan,
)
from dosecalc.fractions import fraction_of, fractions_of, holds_text
from dosecalc.plans import BeamDose, Group, Plan
from dosecalc.sessions import FractionDose, GridFraction, NoFraction
from dosecalc.statement import PlanStatement

BOOST = make_plan(name="boost", prescribed=PRESCRIBED["boost"])
GROUPS = replace(
    BOOST,
    groups=(
        Group(number=1, fractions=2, beams=(BeamDose(number=1),)),
        Group(number=2, fractions=1, beams=(BeamDose(number=2),)),
    ),
)
UNKNOWN = with_fractions(BOOST, None)


def grid(holds: Holds, *, uid: str = "d1", dose_type: DoseType = DoseType.PHYSICAL) -> DoseGrid:
    """3 Gy everywhere, whatever it is said to hold."""
    return make_grid(
        plan="boost",
        gy=np.full(LATTICE.shape_zyx, 3.0),
        times=1,
        uid=uid,
        holds=holds,
        dose_type=dose_type,
        source=f"RD_{uid}.dcm",
    )


def of(plan: Plan, *doses: DoseGrid, stated: PlanStatement | None = None) -> FractionDose:
    case = make_case(plans=(), more_plans=(plan,), more_doses=doses)
    return fraction_of(case, plan, stated or PlanStatement(uid=plan.uid))


def scales(fraction: FractionDose) -> list[float]:
    assert isinstance(fraction, GridFraction), fraction
    return [float(p.scale) for p in fraction.parts]


def refused(fraction: FractionDose) -> str:
    assert isinstance(fraction, NoFraction), fraction
    assert fraction.plan_uid == UIDS["boost"]
    return fraction.reason


def beam(*numbers: int, session: bool = False, uid: str = "") -> DoseGrid:
    uid = uid or "b" + "".join(map(str, numbers))
    return grid(Beams(numbers=numbers, one_session=session), uid=uid)


class TestOneGrid:
    @pytest.mark.parametrize(
        ("holds", "scale"),
        [
            (WholePlan(), 1 / 3),
            (FractionGroup(number=1), 1 / 3),
            (FractionGroup(number=None), 1 / 3),
            (OneSession(), 1.0),
            (OneSession(group_number=1), 1.0),
        ],
    )
    def test_scale(self, holds: Holds, scale: float) -> None:
        assert scales(of(BOOST, grid(holds))) == [pytest.approx(scale, rel=1e-15)]

    def test_the_scale_is_exact(self) -> None:
        fraction = of(BOOST, grid(WholePlan()))
        assert isinstance(fraction, GridFraction)
        assert fraction.parts[0].scale == Exact(1, 3)

    def test_a_group_that_the_plan_does_not_have(self) -> None:
        assert "2" in refused(of(BOOST, grid(FractionGroup(number=2))))

    def test_a_session_of_a_group_that_the_plan_does_not_have(self) -> None:
        assert "2" in refused(of(BOOST, grid(OneSession(group_number=2))))

    @pytest.mark.parametrize(
        "holds", [WholePlan(), FractionGroup(number=1), OneSession(), OneSession(group_number=1)]
    )
    def test_several_groups(self, holds: Holds) -> None:
        assert "2 fraction groups" in refused(of(GROUPS, grid(holds)))

    @pytest.mark.parametrize("dose_type", [DoseType.EFFECTIVE, DoseType.UNSTATED])
    def test_not_physical(self, dose_type: DoseType) -> None:
        assert dose_type.value in refused(of(BOOST, grid(WholePlan(), dose_type=dose_type)))

    def test_not_physical_beside_a_physical_one(self) -> None:
        doses = (grid(WholePlan()), grid(WholePlan(), uid="d2", dose_type=DoseType.EFFECTIVE))
        refused(of(BOOST, *doses))
        chosen = PlanStatement(uid=UIDS["boost"], dose_uids=("d1",))
        assert scales(of(BOOST, *doses, stated=chosen)) == [pytest.approx(1 / 3)]

    def test_summation_not_stated(self) -> None:
        refused(of(BOOST, grid(Unstated())))

    def test_no_dose(self) -> None:
        assert "RT Dose" in refused(of(BOOST))

    def test_dose_of_another_plan(self) -> None:
        refused(of(BOOST, replace(grid(WholePlan()), plan_uids=("9.9",))))


class TestFractionCount:
    @pytest.mark.parametrize("holds", [WholePlan(), FractionGroup(number=1)])
    def test_unknown(self, holds: Holds) -> None:
        assert "NumberOfFractionsPlanned" in refused(of(UNKNOWN, grid(holds)))

    @pytest.mark.parametrize("holds", [WholePlan(), FractionGroup(number=1)])
    def test_stated(self, holds: Holds) -> None:
        stated = PlanStatement(uid=UIDS["boost"], fractions=5)
        assert scales(of(UNKNOWN, grid(holds), stated=stated)) == [pytest.approx(1 / 5)]

    def test_beams(self) -> None:
        refused(of(UNKNOWN, beam(1), beam(2)))
        refused(of(UNKNOWN, beam(1, session=True), beam(2)))

    def test_fractions_of(self) -> None:
        assert fractions_of(BOOST, PlanStatement(uid="")) == 3
        assert fractions_of(GROUPS, PlanStatement(uid="")) == 3
        assert fractions_of(UNKNOWN, PlanStatement(uid="")) is None
        assert fractions_of(UNKNOWN, PlanStatement(uid="", fractions=4)) == 4
        assert fractions_of(replace(BOOST, groups=()), PlanStatement(uid="")) is None


class TestBeams:
    """The plan treats with beams 1 and 2; beam 3 is for setup."""

    @pytest.mark.parametrize(
        ("doses", "expected"),
        [
            ((beam(1), beam(2)), [1 / 3, 1 / 3]),
            ((beam(2), beam(1)), [1 / 3, 1 / 3]),
            ((beam(1, 2),), [1 / 3]),
            ((beam(1, session=True), beam(2, session=True)), [1.0, 1.0]),
            ((beam(1, session=True), beam(2)), [1.0, 1 / 3]),
        ],
    )
    def test_complete(self, doses: Sequence[DoseGrid], expected: list[float]) -> None:
        assert scales(of(BOOST, *doses)) == [pytest.approx(s) for s in expected]

    def test_each_part_names_its_beam(self) -> None:
        fraction = of(BOOST, beam(1), beam(2))
        assert isinstance(fraction, GridFraction)
        assert [p.beam for p in fraction.parts] == [1, 2]

    @pytest.mark.parametrize(
        "doses",
        [
            (beam(1),),
            (beam(2),),
            (beam(1), beam(1, uid="again")),
            (beam(1), beam(2), beam(2, uid="again")),
            (beam(1, 2), beam(2)),
            (beam(1), beam(2), beam(3)),
            (beam(1), beam(4)),
        ],
        ids=lambda doses: "+".join(d.uid for d in doses),
    )
    def test_incomplete_or_too_many(self, doses: Sequence[DoseGrid]) -> None:
        assert "beams [1, 2]" in refused(of(BOOST, *doses))

    def test_of_several_groups(self) -> None:
        refused(of(GROUPS, beam(1), beam(2)))

    def test_of_a_plan_without_beams(self) -> None:
        refused(of(replace(BOOST, groups=(Group(number=1, fractions=3),)), beam(1)))


class TestNothingTwice:
    @pytest.mark.parametrize(
        "doses",
        [
            (grid(WholePlan()), grid(WholePlan(), uid="d2")),
            (grid(WholePlan()), grid(FractionGroup(number=1), uid="d2")),
            (grid(WholePlan()), grid(OneSession(), uid="d2")),
            (grid(WholePlan()), beam(1), beam(2)),
            (grid(OneSession()), grid(OneSession(), uid="d2")),
        ],
    )
    def test_refused_unless_stated(self, doses: Sequence[DoseGrid]) -> None:
        reason = refused(of(BOOST, *doses))
        assert all(d.source in reason for d in doses)
        chosen = PlanStatement(uid=UIDS["boost"], dose_uids=(doses[0].uid,))
        assert len(scales(of(BOOST, *doses, stated=chosen))) == 1

    def test_beams_may_be_stated(self) -> None:
        chosen = PlanStatement(uid=UIDS["boost"], dose_uids=("b1", "b2"))
        assert len(scales(of(BOOST, grid(WholePlan()), beam(1), beam(2), stated=chosen))) == 2

    def test_some_beams_stated(self) -> None:
        chosen = PlanStatement(uid=UIDS["boost"], dose_uids=("b1",))
        refused(of(BOOST, beam(1), beam(2), stated=chosen))

    def test_a_sum_of_plans_beside_the_plan_is_not_added(self) -> None:
        both = replace(grid(SeveralPlans(), uid="sum"), plan_uids=(UIDS["low"], UIDS["boost"]))
        assert scales(of(BOOST, grid(WholePlan()), both)) == [pytest.approx(1 / 3)]

    def test_a_sum_of_plans_alone_is_no_dose_of_one(self) -> None:
        both = replace(grid(SeveralPlans(), uid="sum"), plan_uids=(UIDS["low"], UIDS["boost"]))
        assert "RD_sum.dcm" in refused(of(BOOST, both))
        chosen = PlanStatement(uid=UIDS["boost"], dose_uids=("sum",))
        refused(of(BOOST, both, stated=chosen))

    def test_stated_dose_that_is_not_there(self) -> None:
        chosen = PlanStatement(uid=UIDS["boost"], dose_uids=("d1", "absent"))
        assert "absent" in refused(of(BOOST, grid(WholePlan()), stated=chosen))


@pytest.mark.parametrize(
    ("holds", "words"),
    [
        (WholePlan(), "whole plan"),
        (FractionGroup(number=2), "fraction group 2"),
        (FractionGroup(), "fraction group"),
        (OneSession(), "one session"),
        (Beams(numbers=(1, 3), one_session=True), "beam 1, 3, one session"),
        (Beams(numbers=(2,), one_session=False), "beam 2, all fractions"),
        (SeveralPlans(), "several plans"),
        (Unstated(), "not stated"),
    ],
)
def test_words(holds: Holds, words: str) -> None:
    assert words in holds_text(grid(holds))


def test_the_plan_of_the_tests_has_a_setup_beam() -> None:
    case: Case = make_case()
    assert [b.treats for b in case.plans[0].groups[0].beams] == [True, True, False]
