"""Which plan is what: recognised by ranges or stated, and what belongs to no session is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from cases import (
    CORE,
    LATTICE,
    LESION,
    NUMBERS,
    PRESCRIBED,
    UIDS,
    Changed,
    Prescribed,
    make_case,
    make_grid,
    make_plan,
    make_statement,
    redefine,
    sib_case,
)

from dosecalc.case import Case
from dosecalc.courses import Treatment, build_treatment
from dosecalc.errors import InputError
from dosecalc.plans import Group, Plan, Prescription
from dosecalc.roles import prescription_for
from dosecalc.statement import CourseStatement, PlanStatement


def treatment(case: Case) -> Treatment:
    return build_treatment(case, redefine())


def plan(total: str, fractions: int, *, uid: str = "9.9", **changes: Any) -> Plan:
    prescribed = Prescribed(fractions=fractions, total_gy=total, target=LESION, organ_gy={})
    return make_plan(name="low", prescribed=prescribed, uid=uid, label="Extra", **changes)


def roles(case: Case) -> dict[str, tuple[str, ...]]:
    return {p.plan.uid: p.roles for p in treatment(case).plans}


def stated(*plans: PlanStatement) -> Any:
    return make_statement(plans=plans)


class TestRecognition:
    @pytest.mark.parametrize(
        ("total", "fractions", "found"),
        [
            ("4.5", 3, ("low",)),
            ("3", 3, ("low",)),
            ("7.2", 3, ("low",)),
            ("7.5", 3, ("boost",)),
            ("15", 3, ("boost",)),
            ("24", 3, ("boost",)),
            ("56", 28, ("definitive",)),
            ("60", 24, ("definitive",)),
            ("7.3", 3, None),
            ("25", 3, None),
            ("2.9", 3, None),
            ("56", 14, None),
            ("12", 8, None),
            ("82", 41, None),
        ],
    )
    def test_ranges(self, total: str, fractions: int, found: tuple[str, ...] | None) -> None:
        """Ends included; the prior course is never recognised."""
        case = make_case(plans=(), more_plans=(plan(total, fractions),), more_doses=())
        assert roles(case).get("9.9") == found
        lost = " ".join(treatment(case).lost)
        assert ("Extra" in lost) == (found is None)

    def test_what_was_recognised_is_an_assumption(self) -> None:
        said = [a for a in treatment(make_case()).assumptions if "is taken as" in a]
        assert len(said) == 3
        assert "low" in said[0]
        assert "1.5 Gy" in said[0]
        assert "x 3" in said[0]

    def test_integrated_boost(self) -> None:
        assert roles(sib_case())[UIDS["sib"]] == ("low", "boost")

    @pytest.mark.parametrize(
        "changes",
        [{"prescriptions": ()}, {"groups": (Group(number=1, fractions=None),)}, {"groups": ()}],
    )
    def test_nothing_to_recognise_it_by(self, changes: dict[str, Any]) -> None:
        case = make_case(more_plans=(plan("4.5", 3, **changes),))
        assert any("Extra" in reason for reason in treatment(case).lost)

    def test_a_label_proves_nothing(self) -> None:
        odd = replace(plan("1", 2), label="definitive")
        assert [p.label for p in treatment(make_case(more_plans=(odd,))).unassigned] == ["definitive"]

    @pytest.mark.parametrize("intent", ["VERIFICATION", "MACHINE_QA", "SERVICE"])
    def test_not_for_treatment(self, intent: str) -> None:
        found = treatment(make_case(more_plans=(plan("15", 3, intent=intent),)))
        assert "9.9" not in {p.plan.uid for p in found.plans}
        assert any(intent in a for a in found.assumptions)
        assert found.unassigned == ()

    def test_stated_against_its_intent_is_counted_and_said(self) -> None:
        case = make_case(
            change={"boost": Changed(plan={"intent": "VERIFICATION"})},
            statement=stated(PlanStatement(uid=UIDS["boost"], roles=("boost",))),
        )
        found = treatment(case)
        assert found.with_role("boost") is not None
        assert any(a.startswith("WARNING") and "VERIFICATION" in a for a in found.assumptions)

    def test_doses_at_points_are_no_prescriptions(self) -> None:
        """A point dose of 20 Gy beside the 15 Gy of the volume."""
        two = (
            Prescription(dose_gy=Decimal(15), roi_number=NUMBERS[CORE], structure_type="VOLUME"),
            Prescription(dose_gy=Decimal(20), structure_type="POINT"),
        )
        found = treatment(make_case(change={"boost": Changed(plan={"prescriptions": two})}))
        boost = found.with_role("boost")
        assert boost is not None
        assert [p.dose_gy for p in boost.prescriptions] == [Decimal(15)]
        assert any("point" in a for a in found.assumptions)


class TestStated:
    def test_role(self) -> None:
        case = make_case(
            plans=("prior", "low", "boost", "definitive"),
            statement=stated(PlanStatement(uid=UIDS["prior"], roles=("prior",))),
        )
        assert roles(case)[UIDS["prior"]] == ("prior",)

    def test_role_against_the_ranges(self) -> None:
        """9 Gy a fraction fits no range; a person may still say that it is the boost."""
        change = {"boost": Changed(total_gy="27")}
        assert UIDS["boost"] not in roles(make_case(change=change))
        said = stated(PlanStatement(uid=UIDS["boost"], roles=("boost",)))
        assert roles(make_case(change=change, statement=said))[UIDS["boost"]] == ("boost",)

    def test_ignored(self) -> None:
        said = stated(PlanStatement(uid="9.9", ignore="superseded"))
        found = treatment(make_case(more_plans=(plan("15", 3),), statement=said))
        assert any("superseded" in a for a in found.assumptions)
        assert found.lost == ()

    @pytest.mark.parametrize(
        ("statement", "words"),
        [
            (PlanStatement(uid="8.8", roles=("low",)), r"plans\[8\.8\].*UID"),
            (PlanStatement(uid=UIDS["low"], roles=("lower",)), r"roles.*lower"),
            (PlanStatement(uid=UIDS["low"], fractions=4), r"fractions.*3.*4"),
            (PlanStatement(uid=UIDS["low"], prescription_gy=Decimal(5)), r"prescription_gy.*4\.5.*5"),
            (PlanStatement(uid=UIDS["low"], roles=("low", "definitive")), r"low.*definitive"),
        ],
    )
    def test_contradictions(self, statement: PlanStatement, words: str) -> None:
        with pytest.raises(InputError, match=words):
            treatment(make_case(statement=stated(statement)))

    def test_course_and_structure_names_of_another_protocol(self) -> None:
        with pytest.raises(InputError, match=r"courses\.boost"):
            treatment(make_case(statement=make_statement(courses={"boost": CourseStatement()})))
        with pytest.raises(InputError, match=r"structures\.Carotid"):
            treatment(make_case(statement=make_statement(structures={"Carotid": 3})))

    def test_prescription_where_the_plan_has_none(self) -> None:
        said = stated(PlanStatement(uid=UIDS["boost"], prescription_gy=Decimal(15), target=CORE))
        case = make_case(change={"boost": Changed(plan={"prescriptions": ()})}, statement=said)
        assert roles(case)[UIDS["boost"]] == ("boost",)


class TestOnePlanARole:
    @pytest.mark.parametrize(
        ("more", "role"), [(plan("15", 3), "boost"), (plan("4.5", 3), "low"), (plan("70", 35), "definitive")]
    )
    def test_refused(self, more: Plan, role: str) -> None:
        with pytest.raises(InputError, match=rf"role '{role}'.*found 2.*9\.9.*ignore"):
            treatment(make_case(more_plans=(more,)))

    def test_integrated_boost_beside_a_low_plan(self) -> None:
        low = make_plan(name="low", prescribed=PRESCRIBED["low"])
        case = sib_case()
        with pytest.raises(InputError, match="role 'low'"):
            treatment(replace(case, plans=(*case.plans, low)))


class TestLost:
    """What may belong to the treatment and is in no session leaves every sum open."""

    def lost(self, **case: Any) -> Sequence[str]:
        return treatment(make_case(**case)).lost

    def test_nothing(self) -> None:
        assert self.lost() == ()

    def test_plan_of_no_role(self) -> None:
        assert "Extra" in " ".join(self.lost(more_plans=(plan("1", 2),)))

    def test_dose_without_plan(self) -> None:
        loose = make_grid(plan="prior", gy=np.ones(LATTICE.shape_zyx), times=1, plan_uids=("8.8",))
        assert "8.8" in " ".join(self.lost(more_doses=(loose,)))
        unlinked = replace(loose, plan_uids=())
        assert unlinked.source in " ".join(self.lost(more_doses=(unlinked,)))

    def test_dose_of_a_plan_that_is_left_out(self) -> None:
        loose = make_grid(plan="prior", gy=np.ones(LATTICE.shape_zyx), times=1, plan_uids=("8.8",))
        said = stated(PlanStatement(uid="8.8", ignore="a phantom"))
        assert self.lost(more_doses=(loose,), statement=said) == ()

    def test_role_without_plan(self) -> None:
        assert "boost" in " ".join(self.lost(plans=("low", "definitive")))


def test_prescription_of_each_role_of_a_plan() -> None:
    assigned = treatment(sib_case()).with_role("low")
    assert assigned is not None
    for role, dose in (("low", "4.5"), ("boost", "15")):
        found = prescription_for(assigned, redefine().role(role))
        assert found is not None
        assert found.dose_gy == Decimal(dose)
    assert assigned.prescription is not None
    assert assigned.per_fraction_gy(assigned.prescription) == Decimal(5)
