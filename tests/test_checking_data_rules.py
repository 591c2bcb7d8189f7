"""Rules on the input itself: R01, R03, R05, R17, R40 and R42."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from cases import (
    CORE,
    LEFT,
    MUCOSA,
    NUMBERS,
    RIGHT,
    UIDS,
    Changed,
    cumulative,
    extended,
    findings,
    judged,
    make_case,
    make_statement,
    one,
    outcomes,
    sib_case,
    standard_structures,
)

from dosecalc import Outcome, StructureSet
from dosecalc.case import Case
from dosecalc.doses import OneSession
from dosecalc.findings import Finding
from dosecalc.plans import Group, Prescription
from dosecalc.registrations import Registration
from dosecalc.statement import CourseStatement, PlanStatement
from dosecalc.transforms import Affine

PASS, FAIL, UNCERTAIN, NOT_EVALUATED = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.UNCERTAIN,
    Outcome.NOT_EVALUATED,
)
PRIOR_STATED = make_statement(
    plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
    courses={"prior": CourseStatement(last_date=dt.date(2024, 3, 1))},
)
ALL = ("prior", "low", "boost", "definitive")


class TestPriorCourse:
    """R01: it exists; without its dose the sums are said to be incomplete."""

    def test_with_its_dose(self) -> None:
        found = one(judged(make_case(plans=ALL, statement=PRIOR_STATED), only=("R01",)), "R01")
        assert found.outcome is PASS
        assert "incomplete" not in found.message

    def test_known_as_numbers_only(self) -> None:
        found = one(judged(make_case(), only=("R01",)), "R01")
        assert found.outcome is PASS
        assert "incomplete" in found.message
        assert "70 Gy in 35 fractions" in found.message

    def test_nothing_known(self) -> None:
        statement = make_statement(courses={"prior": CourseStatement()})
        found = one(judged(make_case(statement=statement), only=("R01",)), "R01")
        assert found.outcome is NOT_EVALUATED


class TestPlanStatus:
    """R03: approved, and the dose not older than its plan."""

    def of(self, changed: Changed) -> Finding:
        return one(judged(make_case(change={"boost": changed}), only=("R03",)), "R03", "Boost")

    @pytest.mark.parametrize(
        ("approval", "outcome"),
        [("APPROVED", PASS), ("UNAPPROVED", UNCERTAIN), ("", UNCERTAIN), ("REJECTED", FAIL)],
    )
    def test_approval(self, approval: str, outcome: Outcome) -> None:
        assert self.of(Changed(plan={"approval": approval})).outcome is outcome

    @pytest.mark.parametrize(
        ("plan", "dose", "outcome"),
        [
            ("20260101", "20260101", PASS),
            ("20260101", "20260102", PASS),
            ("20260102", "20260101", FAIL),
            ("20260101120000", "20260101110000", FAIL),
            ("20260101120000", "20260101130000", PASS),
            ("", "20260101", PASS),
            ("20260101", "", PASS),
        ],
    )
    def test_age(self, plan: str, dose: str, outcome: Outcome) -> None:
        assert self.of(Changed(plan={"created": plan}, dose={"created": dose})).outcome is outcome

    def test_a_dose_of_the_same_day_without_a_time_is_not_older(self) -> None:
        changed = Changed(plan={"created": "20260101080000"}, dose={"created": "20260101"})
        assert self.of(changed).outcome is PASS

    def test_an_older_dose_of_a_plan_that_is_not_approved_fails(self) -> None:
        changed = Changed(plan={"approval": "", "created": "20260102"}, dose={"created": "20260101"})
        assert self.of(changed).outcome is FAIL

    def test_the_algorithm_is_listed(self) -> None:
        assert "TPS 1.0" in self.of(Changed(dose={"made_by": "TPS 1.0"})).message


class TestDoseMatchesPrescription:
    """R05: median target dose over prescription within 0.9 to 1.15."""

    def of(self, case: Case, plan: str = "Boost") -> Finding:
        return one(judged(case, only=("R05",)), "R05", plan)

    @pytest.mark.parametrize(
        ("ratio", "outcome"),
        [
            (1.0, PASS),
            (0.91, PASS),
            (1.14, PASS),
            (0.89, NOT_EVALUATED),
            (1.16, NOT_EVALUATED),
            (1 / 3, NOT_EVALUATED),
            (3.0, NOT_EVALUATED),
            (0.0, NOT_EVALUATED),
        ],
    )
    def test_range(self, ratio: float, outcome: Outcome) -> None:
        found = self.of(make_case(change={"boost": Changed(held_times=3 * ratio)}))
        assert found.outcome is outcome
        assert found.measured == pytest.approx(ratio)

    def test_one_fraction_labelled_as_the_plan_is_named(self) -> None:
        result = judged(
            make_case(change={"boost": Changed(held_times=1)}), only=("R05", "R13", "R15", "R16", "R18")
        )
        found = one(result, "R05", "Boost")
        assert "1/3" in found.message
        assert outcomes(result, "R15") == [NOT_EVALUATED, NOT_EVALUATED]
        assert outcomes(result, "R16") == [NOT_EVALUATED]
        assert outcomes(result, "R18") == [NOT_EVALUATED] * 3
        assert outcomes(result, "R13") == [NOT_EVALUATED]
        assert result.outcome is NOT_EVALUATED

    def test_the_plan_labelled_as_one_session_is_named(self) -> None:
        change = {"definitive": Changed(held_times=28, dose={"holds": OneSession()})}
        found = self.of(make_case(change=change), "Definitive")
        assert (found.outcome, found.measured) == (NOT_EVALUATED, pytest.approx(28))
        assert "28 times" in found.message

    def test_a_dose_taken_out_may_leave_enough_to_fail(self) -> None:
        change = {"boost": Changed(held_times=1), "low": Changed(left_gy=3.1)}
        result = judged(make_case(change=change), only=("R05", "R15"))
        assert one(result, "R15", LEFT).outcome is FAIL
        assert one(result, "R15", RIGHT).outcome is NOT_EVALUATED
        assert result.outcome is FAIL

    def test_each_plan_is_held_against_its_own(self) -> None:
        result = judged(make_case(change={"boost": Changed(held_times=1)}), only=("R05",))
        assert [(f.plan, f.outcome) for f in findings(result, "R05")] == [
            ("Low", PASS),
            ("Boost", NOT_EVALUATED),
            ("Definitive", PASS),
        ]

    def test_integrated_boost_is_held_against_its_highest_prescription(self) -> None:
        found = one(judged(sib_case(), only=("R05",)), "R05", "Sib")
        assert (found.outcome, found.structure, found.measured) == (PASS, CORE, pytest.approx(1))

    @pytest.mark.parametrize(
        ("plan", "words"),
        [
            ({"prescriptions": ()}, "prescription"),
            ({"structure_set_uid": "absent"}, "absent"),
            ({"groups": (Group(number=1, fractions=None),)}, "fractions"),
        ],
    )
    def test_nothing_to_hold_it_against(self, plan: dict[str, Any], words: str) -> None:
        roles = make_statement(plans=[PlanStatement(uid=UIDS["boost"], roles=("boost",))])
        found = self.of(make_case(change={"boost": Changed(plan=plan)}, statement=roles))
        assert (found.outcome, found.measured) == (NOT_EVALUATED, None)
        assert words in found.message

    def test_target_not_named(self) -> None:
        bare: dict[str, Any] = {"prescriptions": (Prescription(dose_gy=Decimal(15)),)}
        change = {"boost": Changed(plan=bare)}
        assert self.of(make_case(change=change)).outcome is NOT_EVALUATED
        for target in (CORE, NUMBERS[CORE]):
            stated = make_statement(plans=[PlanStatement(uid=UIDS["boost"], target=target)])
            assert self.of(make_case(change=change, statement=stated)).outcome is PASS

    def test_target_is_not_there(self) -> None:
        assert self.of(make_case(structures={CORE: None})).outcome is NOT_EVALUATED

    def test_no_dose(self) -> None:
        assert self.of(make_case(no_dose=("boost",))).outcome is NOT_EVALUATED

    def test_no_plan_at_all_has_a_role(self) -> None:
        ignored = make_statement(plans=[PlanStatement(uid=UIDS["low"], ignore="a trial")])
        result = judged(make_case(plans=("low",), statement=ignored), only=("R05",))
        assert one(result, "R05").outcome is NOT_EVALUATED

    def test_target_partly_outside_the_dose(self) -> None:
        found = self.of(make_case(change={"boost": Changed(cut_x_mm=(5, 45))}))
        assert found.outcome is NOT_EVALUATED


class TestStructuresPresent:
    """R17: carotids and mucosa are there, once, on their sides."""

    def of(self, structures: Mapping[str, Any], **more: Any) -> list[tuple[str, Outcome]]:
        result = judged(make_case(structures=structures, **more), only=("R17",))
        return [(f.structure, f.outcome) for f in findings(result, "R17")]

    def test_all_there(self) -> None:
        assert self.of({}) == [(LEFT, PASS), (RIGHT, PASS), (MUCOSA, PASS)]

    @pytest.mark.parametrize("name", [LEFT, RIGHT, MUCOSA])
    def test_missing_or_empty(self, name: str) -> None:
        empty = replace(standard_structures()[name], contours=())
        assert dict(self.of({name: None}))[name] is NOT_EVALUATED
        assert dict(self.of({name: empty}))[name] is NOT_EVALUATED

    @pytest.mark.parametrize("alias", ["Carotid_L", "  left carotid ", "ICA_L", "a_carotid_l"])
    def test_aliases(self, alias: str) -> None:
        renamed = replace(standard_structures()[LEFT], name=alias)
        assert dict(self.of({LEFT: renamed}))[LEFT] is PASS

    def test_two_on_one_alias(self) -> None:
        second = replace(standard_structures()[LEFT], name="Carotid_L", number=99)
        assert dict(self.of({"second": second}))[LEFT] is NOT_EVALUATED

    def test_sides_of_what_is_not_there(self) -> None:
        """Eyes are in no list but that of the sides, and not in the structure set."""
        more = "".join(f'[[structures]]\nname = "Eye_{side}"\n' for side in "LR")
        sides = f'left = ["{LEFT}", "Eye_L"]\nright = ["{RIGHT}", "Eye_R"]\n'
        protocol = extended(f'{more}[[rules]]\nid = "R17"\n{sides}')
        result = judged(make_case(), only=("R17",), protocol=protocol)
        assert result.outcome is NOT_EVALUATED
        assert one(result, "R17", "Eye_L").message.startswith("Eye_L: no structure of that name")

    def test_sides_exchanged(self) -> None:
        left, right = standard_structures()[LEFT], standard_structures()[RIGHT]
        swapped = {LEFT: replace(right, name=LEFT), RIGHT: replace(left, name=RIGHT)}
        result = judged(make_case(structures=swapped), only=("R17",))
        assert result.outcome is NOT_EVALUATED
        assert any("further left" in f.message for f in result.findings)

    def test_one_contour_for_both_sides(self) -> None:
        stated = make_statement(structures={LEFT: RIGHT})
        assert NOT_EVALUATED in dict(self.of({LEFT: None}, statement=stated)).values()

    def test_one_contour_for_mucosa_and_carotid(self) -> None:
        stated = make_statement(structures={MUCOSA: LEFT})
        assert NOT_EVALUATED in dict(self.of({MUCOSA: None}, statement=stated)).values()

    def test_stated_name_that_is_not_there(self) -> None:
        stated = make_statement(structures={LEFT: "no such"})
        result = judged(make_case(statement=stated), only=("R17",))
        found = one(result, "R17", LEFT)
        assert found.outcome is NOT_EVALUATED
        assert "no such" in found.message

    def test_no_structure_set(self) -> None:
        away: dict[str, Any] = {"structure_set_uid": "absent"}
        change = {name: Changed(plan=away) for name in ("low", "boost")}
        assert {o for _, o in self.of({}, change=change)} == {NOT_EVALUATED}


class TestCumulativeTable:
    """R40: says that cumulative organ dose was not judged."""

    def test_without_a_table(self) -> None:
        found = one(judged(make_case(), only=("R40",)), "R40")
        assert found.outcome is NOT_EVALUATED
        assert "not judged" in found.message

    def test_with_one(self) -> None:
        protocol = cumulative("D0.03cc < 119 Gy EQD2(3)")
        complete = make_case(plans=ALL, statement=PRIOR_STATED)
        assert one(judged(complete, protocol=protocol, only=("R40", "R40.x")), "R40").outcome is PASS

    def test_with_one_and_a_sum_that_lacks_a_dose(self) -> None:
        protocol = cumulative("D0.03cc < 119 Gy EQD2(3)")
        found = one(judged(make_case(), protocol=protocol, only=("R40", "R40.x")), "R40")
        assert "without a dose distribution" in found.message


class TestOneFrame:
    """R42: all courses in one frame of reference, or registered."""

    def of(self, case: Case) -> Finding:
        return one(judged(case, only=("R42",)), "R42")

    def test_one_frame(self) -> None:
        assert self.of(make_case()).outcome is PASS

    @pytest.mark.parametrize("name", ["low", "boost", "definitive"])
    def test_another_frame(self, name: str) -> None:
        found = self.of(make_case(change={name: Changed(dose={"frame_uid": "7.7"})}))
        assert found.outcome is NOT_EVALUATED
        assert "7.7" in found.message

    def test_registered(self) -> None:
        registration = Registration(from_uid="7.7", to_uid="1.9", transform=Affine(matrix=np.eye(4)))
        change = {"low": Changed(dose={"frame_uid": "7.7"})}
        found = self.of(make_case(change=change, registrations=(registration,)))
        assert found.outcome is PASS
        assert "registered" in found.message

    def test_structures_without_a_frame_do_not_link_two_frames(self) -> None:
        bare = {n: replace(s, frame_uid="") for n, s in standard_structures().items()}
        change = {"definitive": Changed(dose={"frame_uid": "7.7"})}
        assert self.of(make_case(structures=bare, change=change)).outcome is NOT_EVALUATED

    def test_structures_without_a_frame_between_two_registered_ones(self) -> None:
        bare = {n: replace(s, frame_uid="") for n, s in standard_structures().items()}
        registration = Registration(from_uid="7.7", to_uid="1.9", transform=Affine(matrix=np.eye(4)))
        change = {"definitive": Changed(dose={"frame_uid": "7.7"})}
        case = make_case(structures=bare, change=change, registrations=(registration,))
        assert self.of(case).outcome is NOT_EVALUATED

    def test_the_first_structure_does_not_stand_for_all(self) -> None:
        moved = {LEFT: replace(standard_structures()[LEFT], frame_uid="7.7")}
        assert self.of(make_case(structures=moved)).outcome is NOT_EVALUATED

    def test_no_dose_at_all(self) -> None:
        loose = {"low": Changed(dose={"plan_uids": ("8.8",)})}
        assert self.of(make_case(plans=("low",), change=loose)).outcome is NOT_EVALUATED

    def test_structure_sets_in_two_frames(self) -> None:
        """Induction structures and doses in a frame of their own: no sum with the definitive course."""
        own = StructureSet(
            structures=tuple(replace(s, frame_uid="7.7") for s in standard_structures().values()),
            uid="1.33",
            source="RS2.dcm",
        )
        apart = Changed(plan={"structure_set_uid": "1.33"}, dose={"frame_uid": "7.7"})
        case = make_case(change={"low": apart, "boost": apart}, more_structure_sets=(own,))
        result = judged(case, only=("R15", "R42"))
        assert one(result, "R42").outcome is NOT_EVALUATED
        assert outcomes(result, "R15") == [PASS, PASS]
