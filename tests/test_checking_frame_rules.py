"""Organs of two structure sets held against each other: R42.organs, and what it does to sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import (
    CORD,
    FRAME_UID,
    LEFT,
    RIGHT,
    UIDS,
    Changed,
    box,
    cumulative,
    findings,
    judged,
    make_case,
    make_statement,
    one,
    standard_structures,
)

from dosecalc import Finding, Outcome
from dosecalc.case import Case
from dosecalc.registrations import Registration
from dosecalc.statement import PlanStatement
from dosecalc.structures import Structure, StructureSet
from dosecalc.transforms import Affine

PASS, UNCERTAIN, NOT_EVALUATED, FAIL = (
    Outcome.PASS,
    Outcome.UNCERTAIN,
    Outcome.NOT_EVALUATED,
    Outcome.FAIL,
)
OLD_FRAME = "7.7"
BRAINSTEM = "Brainstem"


def stem(shift_mm: Sequence[float] = (0, 0, 0)) -> Structure:
    low, high = (np.array(corner) + shift_mm for corner in ((-8, -20, -12), (8, -12, 12)))
    return box(name=BRAINSTEM, low=low, high=high)


def moved(structure: Structure, shift_mm: Sequence[float], frame_uid: str) -> Structure:
    contours = tuple(
        replace(c, points_xyz_mm=c.points_xyz_mm + np.array(shift_mm)) for c in structure.contours
    )
    return replace(structure, contours=contours, frame_uid=frame_uid)


def two_sets_fields(
    *,
    shift_mm: Sequence[float] = (0, 0, 0),
    organs: Mapping[str, Structure] | None = None,
    frame_uid: str = FRAME_UID,
    registrations: Sequence[Registration] = (),
) -> dict[str, Any]:
    """A prior course with a structure set of its own, in which organs lie elsewhere."""
    kept = {BRAINSTEM: stem(), **standard_structures()} if organs is None else organs
    structures = tuple(moved(s, shift_mm, frame_uid) for s in kept.values())
    old = StructureSet(structures=structures, uid="1.33", source="RS_old.dcm")
    return {
        "plans": ("prior", "low", "boost", "definitive"),
        "structures": {BRAINSTEM: stem()},
        "more_structure_sets": (old,),
        "change": {"prior": Changed(plan={"structure_set_uid": "1.33"}, dose={"frame_uid": frame_uid})},
        "registrations": tuple(registrations),
        "statement": make_statement(plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))]),
    }


def two_sets(**fields: Any) -> Case:
    return make_case(**two_sets_fields(**fields))


def link(shift_mm: Sequence[float]) -> Registration:
    """From the frame of the prior course into that of the others."""
    matrix = np.eye(4)
    matrix[:3, 3] = shift_mm
    return Registration(from_uid=OLD_FRAME, to_uid=FRAME_UID, transform=Affine(matrix=matrix))


@pytest.mark.parametrize(
    ("shift_mm", "outcome"), [((6, 0, 8), PASS), ((6, 0, 8.1), UNCERTAIN), ((0, -11, 0), UNCERTAIN)]
)
def test_distance_of_centroids(shift_mm: Sequence[float], outcome: Outcome) -> None:
    case = two_sets(shift_mm=shift_mm)
    result = judged(case, only=("R42.organs",))
    found = one(result, "R42.organs", BRAINSTEM)
    assert found.outcome is outcome
    warned = [a for a in result.assumptions if a.startswith("WARNING: no sum over all courses is certain")]
    assert len(warned) == (outcome is UNCERTAIN), "the sums of the table bear no mark of their own"
    assert found.measured == pytest.approx(float(np.linalg.norm(shift_mm)), abs=1e-6)
    assert "Brainstem of RS_old.dcm lies" in found.message
    assert (found.limit, found.unit) == (10.0, "mm")


def test_one_structure_set_has_nothing_to_hold_against() -> None:
    found = one(judged(make_case(), only=("R42.organs",)), "R42.organs")
    assert (found.outcome, found.message) == (PASS, "all plans that have a structure set here share one")


def test_no_organ_in_common_is_not_evaluated() -> None:
    for organs in ({}, {"Elbow": replace(stem(), name="Elbow")}):
        found = one(judged(two_sets(organs=organs), only=("R42.organs",)), "R42.organs")
        assert found.outcome is NOT_EVALUATED
        assert "RS_old.dcm: expected one of Brainstem, Bone_Mandible" in found.message


def test_a_cord_is_held_against_the_other_where_both_are() -> None:
    """The old cord begins 20 mm higher: by whole centroids they would lie 10 mm apart, and 2 mm aside."""
    shorter = box(name=CORD, low=(38, -24, -8), high=(46, -18, 28))
    case = two_sets(organs={CORD: shorter})
    found = one(judged(case, only=("R42.organs",)), "R42.organs", CORD)
    assert found.outcome is PASS
    assert found.measured == pytest.approx(2.0, abs=0.5)


class TestRegistered:
    """The old frame lies 30 mm further along y, and 20 mm higher."""

    SHIFT = (0.0, 30.0, 20.0)

    def case(self, shift_mm: Sequence[float]) -> Case:
        return two_sets(shift_mm=self.SHIFT, frame_uid=OLD_FRAME, registrations=[link(shift_mm)])

    def test_the_right_matrix(self) -> None:
        result = judged(self.case([-s for s in self.SHIFT]), only=("R42.organs", "R42"))
        assert {f.outcome for f in findings(result, "R42.organs")} == {PASS}
        assert all((f.measured or 0) < 1e-6 for f in findings(result, "R42.organs"))

    def test_an_inverted_matrix_shows(self) -> None:
        result = judged(self.case(self.SHIFT), only=("R42.organs", "R42"))
        found = one(result, "R42.organs", BRAINSTEM)
        assert found.outcome is UNCERTAIN
        assert found.measured == pytest.approx(2 * float(np.linalg.norm(self.SHIFT)), abs=1e-6)
        assert "the registration, or its direction, or the anatomy" in found.message

    def test_without_a_registration_nothing_is_held(self) -> None:
        case = two_sets(shift_mm=self.SHIFT, frame_uid=OLD_FRAME)
        found = one(judged(case, only=("R42.organs",)), "R42.organs")
        assert found.outcome is NOT_EVALUATED
        assert "RS_old.dcm: nothing places its frame of reference in that of the sum" in found.message


class TestSums:
    """A sum over sets whose organs lie apart passes nothing, and fails all the same."""

    def sum_of(self, shift_mm: Sequence[float], limit: float) -> Outcome:
        protocol = cumulative(f"D0.03cc < {limit} Gy EQD2(3)", structure=RIGHT)
        result = judged(two_sets(shift_mm=shift_mm), only=("R40.x", "R42.organs"), protocol=protocol)
        found = one(result, "R40.x")
        apart = "Brainstem of RS_old.dcm lies 20.0 mm from that of the structures of the sum"
        assert (apart in found.message) is (shift_mm[1] == 20)
        return found.outcome

    def test_they_agree(self) -> None:
        assert self.sum_of((0, 0, 0), 300) is PASS
        assert self.sum_of((0, 0, 0), 50) is FAIL

    def test_they_do_not(self) -> None:
        assert self.sum_of((0, 20, 0), 300) is UNCERTAIN
        assert self.sum_of((0, 20, 0), 50) is FAIL

    def test_the_outcome_of_all(self) -> None:
        assert judged(two_sets(shift_mm=(0, 20, 0))).outcome is UNCERTAIN
        assert judged(two_sets()).outcome is PASS


def test_left_is_not_held_against_right() -> None:
    case = two_sets(organs={LEFT: standard_structures()[LEFT], RIGHT: standard_structures()[RIGHT]})
    result = judged(case, only=("R42.organs",))
    assert [(f.structure, f.outcome) for f in findings(result, "R42.organs")] == [(LEFT, PASS), (RIGHT, PASS)]


class TestWithoutItsStructureSet:
    """The structure set of the prior course is not in the folder: nothing shows where its organs lie."""

    def case(self, frame_uid: str = FRAME_UID, shift_mm: Sequence[float] = (0, 0, 0)) -> Case:
        registrations = [link(shift_mm)] if frame_uid != FRAME_UID else []
        fields = two_sets_fields(frame_uid=frame_uid, registrations=registrations)
        return make_case(**{**fields, "more_structure_sets": ()})

    def test_it_is_not_passed_over(self) -> None:
        found = one(judged(self.case(), only=("R42.organs",)), "R42.organs")
        assert found.outcome is NOT_EVALUATED
        assert found.plan == "Prior"
        assert "its structure set is not in the folder" in found.message

    def sum_of(self, case: Case, limit: float = 300) -> Finding:
        protocol = cumulative(f"D0.03cc < {limit} Gy EQD2(3)", structure=RIGHT)
        return one(judged(case, only=("R40.x", "R42.organs"), protocol=protocol), "R40.x")

    def test_a_registration_that_nothing_shows_to_be_right_passes_no_sum(self) -> None:
        for shift_mm in ((0, 0, 0), (0, 2, 0)):
            found = self.sum_of(self.case(OLD_FRAME, shift_mm))
            assert found.outcome is UNCERTAIN
            assert "is registered, and no organ of its own shows whether rightly" in found.message
        assert self.sum_of(self.case(OLD_FRAME), 50).outcome is FAIL

    def test_nor_where_its_structure_set_has_none_of_the_organs(self) -> None:
        case = two_sets(
            organs={"Elbow": replace(stem(), name="Elbow")},
            frame_uid=OLD_FRAME,
            registrations=[link((0, 0, 0))],
        )
        found = self.sum_of(case)
        assert found.outcome is UNCERTAIN
        assert "is registered, and no organ of its own shows whether rightly" in found.message
        assert self.sum_of(two_sets(organs={"Elbow": replace(stem(), name="Elbow")})).outcome is PASS

    def test_in_the_frame_of_the_others_the_sum_stands(self) -> None:
        assert self.sum_of(self.case()).outcome is PASS

    def test_what_nothing_links_is_not_said_to_be_registered(self) -> None:
        fields = two_sets_fields(frame_uid=OLD_FRAME)
        found = self.sum_of(make_case(**{**fields, "more_structure_sets": ()}))
        assert found.outcome is NOT_EVALUATED
        assert "is registered" not in found.message
