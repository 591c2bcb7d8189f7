"""R18 and R19: contours along the 3 Gy isodose of a session, and the distance to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import (
    FRAME_UID,
    ISODOSE_END_MM,
    LATTICE,
    LEFT,
    MUCOSA,
    NUMBERS,
    RIGHT,
    UIDS,
    Changed,
    box,
    judged,
    make_case,
    make_case_before_planning,
    make_statement,
    one,
    outcomes,
    sib_case,
)
from factories import make_structure, rectangle, slices
from scipy.spatial import cKDTree

from dosecalc import Outcome, Structure
from dosecalc.case import Case
from dosecalc.checking import isodose_rules
from dosecalc.doses import DoseGrid
from dosecalc.findings import Finding
from dosecalc.lattices import Lattice
from dosecalc.registrations import Registration
from dosecalc.statement import CourseStatement, Grouping, PlanStatement
from dosecalc.transforms import Affine

PASS, UNCERTAIN, NOT_EVALUATED, NOT_DUE = (
    Outcome.PASS,
    Outcome.UNCERTAIN,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_DUE,
)


def left(low_mm: float, high_mm: float) -> Structure:
    return box(name=LEFT, low=(28, -4, low_mm), high=(32, 4, high_mm), spacing_mm=2)


def of(case: Case, structure: str = LEFT, rule: str = "R18") -> Finding:
    return one(judged(case, only=(rule,)), rule, structure)


class TestSpan:
    """R18: the isodose of a compliant session ends at |z| = 19.44 mm."""

    def test_the_isodose_of_the_test_case(self) -> None:
        assert pytest.approx(19.4444, abs=1e-3) == ISODOSE_END_MM
        found = of(make_case())
        assert (found.outcome, found.measured) == (PASS, 0)
        assert "-19.4 to 19.4" in found.message

    @pytest.mark.parametrize(
        ("low_mm", "high_mm", "missing_mm"),
        [
            (-20, 20, 0.0),
            (-18, 20, ISODOSE_END_MM - 18),
            (-20, 18, ISODOSE_END_MM - 18),
            (-28, -16, ISODOSE_END_MM + 16),
            (-28, -20, 2 * ISODOSE_END_MM),
            (22, 28, 2 * ISODOSE_END_MM),
        ],
    )
    def test_missing_millimetres(self, low_mm: float, high_mm: float, missing_mm: float) -> None:
        found = of(make_case(structures={LEFT: left(low_mm, high_mm)}))
        assert found.outcome is (UNCERTAIN if missing_mm else PASS)
        assert found.measured == pytest.approx(missing_mm)
        if missing_mm:
            assert f"{missing_mm:.1f} mm" in found.message

    @pytest.mark.parametrize(
        "shift_mm",
        [0, 6],
    )
    def test_a_hole_in_the_middle(self, shift_mm: float) -> None:
        """Slices of 2 mm with 12 mm left out; above it the vessel goes on, or goes on elsewhere."""
        loop = rectangle(low_xy_mm=(28, -4), high_xy_mm=(32, 4))
        planes = [z for z in slices(low_mm=-28, high_mm=28, spacing_mm=2) if abs(z) > 6]
        torn = make_structure(
            sections=[(z, [loop + np.array([shift_mm * (z > 0), 0])]) for z in planes],
            name=LEFT,
            number=NUMBERS[LEFT],
            frame_uid="1.9",
        )
        found = of(make_case(structures={LEFT: torn}))
        assert found.outcome is UNCERTAIN
        assert found.measured is not None
        assert 12 <= round(found.measured, 6) <= 14

    def test_each_structure_by_itself(self) -> None:
        result = judged(make_case(structures={LEFT: left(-28, -16)}), only=("R18",))
        assert outcomes(result, "R18") == [UNCERTAIN, PASS, PASS]

    def test_nowhere_3_gy(self) -> None:
        """Prescriptions of 1.5 and 1.2 Gy a fraction: nothing to span."""
        case = make_case(change={"boost": Changed(total_gy="3.6")}, structures={LEFT: left(-4, 4)})
        stated = replace(case.statement, plans=(_role("low"), _role("boost")))
        assert of(replace(case, statement=stated)).outcome is PASS

    def test_the_grid_ends_within_the_isodose(self) -> None:
        found = of(make_case(change={"boost": Changed(cut_z_mm=(-14, 14))}))
        assert found.outcome is UNCERTAIN
        assert "grid" in found.message

    def test_just_above_3_gy_up_to_the_end_of_the_grid(self) -> None:
        """3.4 Gy a session all along the left side."""
        change = {"low": Changed(left_gy=1.5), "boost": Changed(left_gy=1.9)}
        found = of(make_case(change=change), RIGHT)
        assert found.outcome is UNCERTAIN
        assert "-35.0 to 35.0" in found.message

    def test_the_grid_ends_sideways_within_the_isodose(self) -> None:
        assert of(make_case(change={"boost": Changed(cut_x_mm=(-10, 10))})).outcome is UNCERTAIN

    @pytest.mark.parametrize(
        "change",
        [{"no_dose": ("boost",)}, {"structures": {LEFT: None}}, {"plans": ("low", "definitive")}],
    )
    def test_missing(self, change: dict[str, Any]) -> None:
        assert of(make_case(**change)).outcome is NOT_EVALUATED

    def test_registered_dose_is_not_guessed(self) -> None:
        """The slices of a grid in another frame are not those of the structure."""
        registration = Registration(from_uid="7.7", to_uid="1.9", transform=Affine(matrix=np.eye(4)))
        change = {"boost": Changed(dose={"frame_uid": "7.7"})}
        assert of(make_case(change=change)).outcome is NOT_EVALUATED
        assert of(make_case(change=change, registrations=(registration,))).outcome in {
            PASS,
            NOT_EVALUATED,
        }

    def test_separate_sessions_of_one_day_are_summed(self) -> None:
        """At |z| = 18 mm the boost alone has 2.8 Gy and both together 3.9 Gy."""
        apart = make_statement(courses={"induction": CourseStatement(grouping=Grouping.SEPARATE_SESSIONS)})
        found = of(make_case(statement=apart, structures={LEFT: left(-18, 18)}))
        assert found.outcome is UNCERTAIN
        assert found.measured == pytest.approx(2 * (ISODOSE_END_MM - 18))

    def test_induction_not_planned_yet(self) -> None:
        result = judged(make_case_before_planning(), only=("R18",))
        assert set(outcomes(result, "R18")) <= {NOT_EVALUATED, NOT_DUE}


class TestDistance:
    """R19 is shown: it decides nothing."""

    def test_distance_and_shift(self) -> None:
        """From x = 28 mm to where 6.5 - 4.5 w ends at 3 Gy, at x = 15 + 10 (3.5 / 4.5) = 22.78 mm."""
        result = judged(make_case(), only=("R19",), cells=3000)
        found = one(result, "R19", LEFT)
        assert found.measured == pytest.approx(28 - (15 + 35 / 4.5), abs=1.5)
        (reading,) = found.shown_readings
        assert reading.value == pytest.approx(2.0, abs=0.05)

    def test_doses_of_another_image(self) -> None:
        """An integrated boost on an image 60 mm further along x, turned by a quarter: nothing changes."""
        matrix = np.array([[0.0, -1, 0, 60], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        case = sib_case()
        (boost,) = case.doses_of(UIDS["sib"])
        turned = DoseGrid.from_array(
            Lattice(x_mm=60 - LATTICE.y_mm[::-1], y_mm=LATTICE.x_mm, z_mm=LATTICE.z_mm),
            boost.gy.transpose(0, 2, 1)[:, :, ::-1],
            frame_uid="7.7",
            uid=boost.uid,
        )
        others = tuple(d for d in case.doses if d is not boost)
        link = Registration(from_uid=FRAME_UID, to_uid="7.7", transform=Affine(matrix=matrix))
        moved = replace(
            case, doses=(*others, replace(turned, plan_uids=boost.plan_uids)), registrations=(link,)
        )
        here, there = (one(judged(c, only=("R19",), cells=3000), "R19", LEFT).measured for c in (case, moved))
        assert there == pytest.approx(here, abs=0.5)

    def test_it_is_not_among_the_findings(self) -> None:
        result = judged(make_case(), only=("R19",))
        assert result.findings == ()
        assert [f.structure for f in result.shown] == [LEFT, RIGHT]
        assert result.outcome is NOT_EVALUATED

    def test_inside_the_isodose(self) -> None:
        found = of(make_case(change={"low": Changed(left_gy=3.5)}), rule="R19")
        assert found.measured == 0

    def test_missing(self) -> None:
        assert of(make_case(no_dose=("boost",)), rule="R19").outcome is NOT_EVALUATED
        assert of(make_case(structures={LEFT: None}), rule="R19").outcome is NOT_EVALUATED

    def test_shifted_out_of_the_grid_is_no_dose(self) -> None:
        """The boost ends at x = 30 mm: shifted, part of the carotid has no known dose."""
        found = of(make_case(change={"boost": Changed(cut_x_mm=(-45, 35))}), rule="R19")
        assert all(r.value != 0 for r in found.shown_readings)


def _role(name: str) -> PlanStatement:
    return PlanStatement(uid=UIDS[name], roles=(name,))


def test_the_mucosa_is_held_too() -> None:
    short = box(name=MUCOSA, low=(-10, 18, -16), high=(10, 22, 16))
    assert of(make_case(structures={MUCOSA: short}), MUCOSA).outcome is UNCERTAIN


def test_the_least_distance_is_that_of_all_points() -> None:
    """Wherever among them the nearest lies: each is sought only as far as the nearest before it."""
    random = np.random.default_rng(1)
    cells = random.uniform(-10, 10, (50, 3))
    points = random.uniform(-40, 40, (3 * isodose_rules._AT_ONCE + 5, 3))
    gaps = np.linalg.norm(points[:, None] - cells[None], axis=2).min(axis=1)
    near_first, as_drawn, near_last = np.argsort(gaps), np.arange(len(gaps)), np.argsort(-gaps)
    for order in (near_first, as_drawn, near_last):
        found = isodose_rules._least_mm(cKDTree(cells), points[order])
        assert found == pytest.approx(gaps.min(), rel=1e-12)
