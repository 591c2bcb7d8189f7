"""A registration that is off: the sum with the least and the most dose near each point, and without any."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from cases import (
    FRAME_UID,
    INDUCTION_DATES,
    LATTICE,
    LEFT,
    UIDS,
    cumulative,
    judged,
    make_case,
    make_statement,
    one,
)
from test_checking_frame_rules import OLD_FRAME, link, two_sets, two_sets_fields

from dosecalc import Finding, Outcome
from dosecalc.case import Case
from dosecalc.doses import DoseGrid
from dosecalc.envelopes import uniform
from dosecalc.intervals import Source
from dosecalc.statement import CourseStatement, PlanStatement

NOW_GY = 3 * 2.0 + 28 * 1.6
"""Of the left carotid, which lies at x = 28 to 32 mm, from induction and definitive course."""


def linear(case: Case, *, per_mm: float = 1.0, frame_uid: str = FRAME_UID) -> Case:
    """The dose of the prior course is 45 Gy in the middle and rises along x: 77 Gy at x = 32 mm."""
    gy = np.broadcast_to(45 + per_mm * LATTICE.x_mm, LATTICE.shape_zyx)
    dose = replace(
        DoseGrid.from_array(LATTICE, gy, frame_uid=frame_uid, uid=f"{UIDS['prior']}.2"),
        plan_uids=(UIDS["prior"],),
        source="RD_prior.dcm",
    )
    others = tuple(d for d in case.doses if d.plan_uids != (UIDS["prior"],))
    return replace(case, doses=(dose, *others))


def of(case: Case, goal: str, **options: Any) -> Finding:
    protocol = cumulative(goal, **options)
    return one(judged(case, only=("R40.x",), protocol=protocol, cells=2000), "R40.x")


def readings(found: Finding) -> dict[str, float]:
    return {r.name.partition("mm")[2]: r.value for r in found.shown_readings if r.value is not None}


class TestEnds:
    def test_a_maximum(self) -> None:
        """The hottest point of the carotid has 77 Gy; 3 mm beside it there are 80, and 74 in it."""
        found = of(linear(two_sets()), "Dmax < 900 Gy")
        assert found.measured == pytest.approx(NOW_GY + 77, abs=0.01)
        ends = readings(found)
        unstated = ", which nobody stated"
        assert ends[f"{unstated}, anywhere: at most"] == pytest.approx(NOW_GY + 80, abs=0.01)
        assert ends[f"{unstated}, anywhere: at least"] == pytest.approx(NOW_GY + 74, abs=0.01)
        # Of points near the wall only those count that lie inside, which are looked at in steps of 1.5 mm.
        assert ends[f"{unstated}, in the structure: at most"] == pytest.approx(NOW_GY + 77, abs=0.8)
        assert NOW_GY + 73.9 < ends[f"{unstated}, in the structure: at least"] < NOW_GY + 75.5

    def test_a_stated_accuracy(self) -> None:
        case = linear(two_sets())
        case = replace(case, statement=replace(case.statement, registration_mm=1.0))
        ends = readings(of(case, "Mean < 900 Gy"))
        assert ends[", anywhere: at most"] == pytest.approx(NOW_GY + 75 + 1, abs=0.01)
        assert ends[", anywhere: at least"] == pytest.approx(NOW_GY + 75 - 1, abs=0.01)

    def test_through_a_registration(self) -> None:
        """The old frame lies 30 mm further along y; its dose rises along x there as here."""
        case = two_sets(shift_mm=(0, 30, 0), frame_uid=OLD_FRAME, registrations=[link((0, -30, 0))])
        shifted = replace(LATTICE, y_mm=LATTICE.y_mm + 30)
        gy = np.broadcast_to(45 + LATTICE.x_mm, LATTICE.shape_zyx)
        dose = replace(
            DoseGrid.from_array(shifted, gy, frame_uid=OLD_FRAME, uid="1.1.0.2"), plan_uids=(UIDS["prior"],)
        )
        case = replace(case, doses=(dose, *(d for d in case.doses if d.plan_uids != (UIDS["prior"],))))
        found = of(case, "Dmax < 900 Gy")
        assert found.measured == pytest.approx(NOW_GY + 77, abs=0.01)
        assert readings(found)[", which nobody stated, anywhere: at most"] == pytest.approx(
            NOW_GY + 80, abs=0.01
        )

    def test_courses_on_one_image_rest_on_no_registration(self) -> None:
        found = of(make_case(), "Dmax < 900 Gy")
        assert found.band is not None
        assert Source.REGISTRATION not in found.band.by_source
        assert not [r for r in found.shown_readings if "registration" in r.name]


class TestVerdict:
    LIMIT = "Dmax < 129 Gy"  # between 127.8 and 130.8

    def test_it_is_shown_and_decides_nothing(self) -> None:
        found = of(linear(two_sets()), self.LIMIT)
        assert found.outcome is Outcome.PASS
        assert found.band is not None
        band = found.band.by_source[Source.REGISTRATION]
        assert (band.low, band.high) == (
            pytest.approx(NOW_GY + 74, abs=0.01),
            pytest.approx(NOW_GY + 80, abs=0.01),
        )

    def test_unless_the_protocol_says_so(self) -> None:
        more = 'uncertain_by = ["numerical", "stated_bound", "registration"]\n'
        assert of(linear(two_sets()), self.LIMIT, more=more).outcome is Outcome.UNCERTAIN

    def test_beside_a_course_in_numbers(self) -> None:
        """The induction is known as 6 Gy everywhere in the carotid, wherever that lies."""
        induction = CourseStatement(
            prescription_gy=Decimal(15), fractions=3, dates=INDUCTION_DATES, doses={LEFT: uniform(6.0)}
        )
        statement = make_statement(
            plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))], courses={"induction": induction}
        )
        fields = {**two_sets_fields(), "plans": ("prior", "definitive"), "statement": statement}
        case = linear(make_case(**fields))
        found = of(case, self.LIMIT)
        assert (found.outcome, found.measured) == (Outcome.PASS, pytest.approx(NOW_GY + 77, abs=0.01))
        assert found.band is not None
        band = found.band.by_source[Source.REGISTRATION]
        assert (band.low, band.high) == (
            pytest.approx(NOW_GY + 74, abs=0.01),
            pytest.approx(NOW_GY + 80, abs=0.01),
        )
        more = 'uncertain_by = ["numerical", "stated_bound", "registration"]\n'
        assert of(case, self.LIMIT, more=more).outcome is Outcome.UNCERTAIN


class TestWithoutRegistration:
    def sum_of_maxima(self, goal: str) -> list[float | None]:
        found = of(linear(two_sets()), goal)
        return [r.value for r in found.shown_readings if r.name.startswith("sum of the courses' maxima")]

    def test_sum_of_maxima(self) -> None:
        """77 Gy of the prior course and 6 and 44.8 Gy, wherever they lie."""
        for goal in ("Dmax < 900 Gy", "D0.03cc < 900 Gy"):
            (value,) = self.sum_of_maxima(goal)
            assert value == pytest.approx(77 + NOW_GY, abs=0.01)

    def test_of_means_there_is_none(self) -> None:
        assert self.sum_of_maxima("Mean < 900 Gy") == []

    def test_of_a_course_without_dose_there_is_none(self) -> None:
        case = linear(make_case(**{**two_sets_fields(), "no_dose": ("definitive",)}))
        assert not [
            r for r in of(case, "Dmax < 900 Gy").shown_readings if r.name.startswith("sum of the courses")
        ]

    def test_of_a_course_on_two_images_there_is_none(self) -> None:
        """Between them it rests on a registration again."""
        case = linear(two_sets())
        plans = tuple(replace(p, structure_set_uid="1.33") if p.uid == UIDS["low"] else p for p in case.plans)
        found = of(replace(case, plans=plans), "Dmax < 900 Gy")
        assert not [r for r in found.shown_readings if r.name.startswith("sum of the courses")]

    def test_each_on_its_own_structures(self) -> None:
        """The carotid of the prior course's image lies 4 mm further left, where its dose is 81 Gy."""
        found = of(linear(two_sets(shift_mm=(4, 0, 0))), "Dmax < 900 Gy")
        (bound,) = [r for r in found.shown_readings if r.name.startswith("sum of the courses' maxima")]
        assert bound.value == pytest.approx(81 + NOW_GY, abs=0.01)
        assert found.measured == pytest.approx(77 + NOW_GY, abs=0.01)


def test_an_organ_that_the_other_image_lacks_gives_no_such_bound() -> None:
    case = linear(two_sets(organs={}))
    assert not [r for r in of(case, "Dmax < 900 Gy").shown_readings if r.name.startswith("sum of the")]
    assert one(judged(case, only=("R40.x",), protocol=cumulative("Dmax < 900 Gy"), cells=500), "R40.x", LEFT)
