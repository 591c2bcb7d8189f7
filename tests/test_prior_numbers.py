"""A prior course of which a few numbers are known: valid bounds of sums, and verdicts that say so."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import (
    FRAME_UID,
    LATTICE,
    LEFT,
    RIGHT,
    UIDS,
    Changed,
    box,
    cumulative,
    judged,
    make_case,
    make_statement,
    one,
)

from dosecalc import Finding, Outcome, eqd2
from dosecalc.case import Case
from dosecalc.casefile import read_statement
from dosecalc.checking import remaining
from dosecalc.courses import build_treatment
from dosecalc.doses import DoseGrid, DoseType
from dosecalc.envelopes import Numbers, uniform
from dosecalc.errors import InputError, TomlError
from dosecalc.intervals import Source
from dosecalc.report.remaining_text import remaining_text
from dosecalc.statement import CourseStatement

PASS, FAIL, UNCERTAIN, NOT_EVALUATED = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.UNCERTAIN,
    Outcome.NOT_EVALUATED,
)
NOW_GY = 3 * 2.0 + 28 * 1.6
"""What the carotids have of the induction and the definitive course, everywhere in them: 50.8 Gy."""
NOW_EQD2 = float(eqd2(6.0, fractions=3, alpha_beta_gy=3) + eqd2(28 * 1.6, fractions=28, alpha_beta_gy=3))


def prior(*, fractions: int | None = 35, hot: float | None = None, **doses: Numbers) -> Case:
    names = {"left": LEFT, "right": RIGHT}
    course = CourseStatement(
        prescription_gy=Decimal(70),
        fractions=fractions,
        last_date=dt.date(2024, 3, 1),
        doses={names[name]: numbers for name, numbers in doses.items()},
        hot_spot_factor=hot,
    )
    return make_case(statement=make_statement(courses={"prior": course}))


def of(case: Case, goal: str, **options: Any) -> Finding:
    return one(judged(case, only=("R40.x",), protocol=cumulative(goal, **options), cells=30), "R40.x")


def then(gy: float) -> float:
    return float(eqd2(gy, fractions=35, alpha_beta_gy=3))


class TestVerdicts:
    """The carotid maximum of the prior course is 45 Gy: the sum has 50.8 to 95.8 Gy."""

    @pytest.mark.parametrize(
        ("goal", "outcome"),
        [
            ("Dmax < 95.9 Gy", PASS),
            ("Dmax < 95.7 Gy", UNCERTAIN),
            ("Dmax < 50.7 Gy", FAIL),
            ("D0.03cc < 95.9 Gy", PASS),
            ("Mean < 95.7 Gy", UNCERTAIN),
            ("V95.7Gy < 1 %", UNCERTAIN),
            ("V95.9Gy < 1 %", PASS),
            ("V50.7Gy < 99 %", FAIL),
        ],
    )
    def test_a_maximum(self, goal: str, outcome: Outcome) -> None:
        assert of(prior(left=Numbers(most_gy=45.0)), goal).outcome is outcome

    def test_the_band_is_said(self) -> None:
        found = of(prior(left=Numbers(most_gy=45.0)), "Dmax < 95.7 Gy")
        assert (found.measured, found.deciding and found.deciding.high) == (
            pytest.approx(NOW_GY),
            pytest.approx(NOW_GY + 45),
        )
        assert "at least 50.80 Gy" in found.message
        assert "up to 95.80 Gy wherever the dose of a course lies that is known as numbers" in found.message

    def test_effect_of_a_maximum(self) -> None:
        found = of(prior(left=Numbers(most_gy=45.0)), "Dmax < 200 Gy EQD2(3)")
        assert found.deciding is not None
        assert found.deciding.low == pytest.approx(NOW_EQD2)
        assert found.deciding.high == pytest.approx(NOW_EQD2 + then(45.0))

    def test_one_dose_everywhere_is_exact(self) -> None:
        case = prior(left=uniform(63.0))
        found = of(case, "D0.03cc < 300 Gy EQD2(3)")
        assert found.deciding is not None
        assert found.deciding.low == found.deciding.high == pytest.approx(NOW_EQD2 + then(63.0))
        assert found.outcome is PASS

    def test_a_mean_bounds_the_mean_from_below_only(self) -> None:
        case = prior(left=Numbers(mean_gy=20.0))
        assert of(case, "Mean < 70.9 Gy").outcome is PASS
        assert of(case, "Mean < 70.7 Gy").outcome is FAIL
        found = of(case, "Mean < 300 Gy EQD2(3)")
        assert found.outcome is NOT_EVALUATED
        assert found.measured == pytest.approx(NOW_EQD2 + then(20.0))
        assert of(case, "Dmax < 300 Gy").outcome is NOT_EVALUATED

    def test_near_maximum_alone_bounds_no_maximum(self) -> None:
        """What is given now is one dose, so that D0.03cc of the sum is known, and its maximum is not."""
        case = prior(left=Numbers(points=((0.03, 43.0),)))
        near = of(case, "D0.03cc < 93.9 Gy")
        assert near.deciding is not None
        assert (near.deciding.low, near.deciding.high) == (
            pytest.approx(NOW_GY + 43),
            pytest.approx(NOW_GY + 43),
        )
        highest = of(case, "Dmax < 300 Gy")
        assert highest.outcome is NOT_EVALUATED
        assert highest.measured == pytest.approx(NOW_GY + 43)

    def test_a_goal_from_below(self) -> None:
        case = prior(left=Numbers(least_gy=10.0, most_gy=45.0))
        assert of(case, "Dmin >= 60.7 Gy").outcome is PASS
        assert of(case, "Dmin >= 60.9 Gy").outcome is UNCERTAIN
        assert of(case, "Dmin >= 95.9 Gy").outcome is FAIL


class TestNumericalDoubt:
    """Of a dose that rises by 1 Gy a mm, and of that with 20 Gy more everywhere: the same band."""

    @pytest.mark.parametrize("goal", ["V{}Gy < 60 %", "D50% < {} Gy"])
    def test_the_band_of_the_known_part(self, goal: str) -> None:
        gy = np.broadcast_to(45 + LATTICE.x_mm, LATTICE.shape_zyx)
        dose = replace(
            DoseGrid.from_array(LATTICE, gy, frame_uid=FRAME_UID, uid="1.1.3.2"),
            plan_uids=(UIDS["definitive"],),
        )
        bands = []
        for more in (0.0, 20.0):
            known = CourseStatement(prescription_gy=Decimal(70), fractions=35, doses={LEFT: uniform(more)})
            later = CourseStatement(prescription_gy=Decimal(15), fractions=3, doses={LEFT: uniform(0.0)})
            statement = make_statement(courses={"prior": known, "induction": later})
            case = make_case(
                plans=("definitive",), no_dose=("definitive",), statement=statement, more_doses=(dose,)
            )
            protocol = cumulative(goal.format(75 + more))
            found = one(judged(case, only=("R40.x",), protocol=protocol, cells=2000), "R40.x")
            assert found.band is not None
            band = found.band.by_source[Source.NUMERICAL]
            assert band.high > band.low
            bands.append((band.low - found.band.value, band.high - found.band.value))
        assert bands[1] == pytest.approx(bands[0], abs=1e-3)


@pytest.mark.parametrize("half_mm", [24.25, 27.75])
def test_a_structure_that_is_partly_covered(half_mm: float) -> None:
    """Its covered and its other volume add up to the whole, but for rounding."""
    for wide in (3.3, 3.9, 4.1, 4.3):
        left = box(name=LEFT, low=(28, -wide, -half_mm), high=(32.3, wide, half_mm), spacing_mm=half_mm / 7)
        known = CourseStatement(
            prescription_gy=Decimal(70), fractions=35, doses={LEFT: Numbers(most_gy=45.0)}
        )
        case = make_case(
            statement=make_statement(courses={"prior": known}),
            structures={LEFT: left},
            change={"definitive": Changed(cut_z_mm=(-7, 7))},
        )
        found = one(judged(case, only=("R40.x",), protocol=cumulative("Dmin < 95 Gy"), cells=60), "R40.x")
        assert found.outcome in {NOT_EVALUATED, UNCERTAIN, PASS}


class TestWhatIsNotKnown:
    def test_a_prescription_bounds_nothing(self) -> None:
        assert of(prior(right=uniform(40.0)), "Dmax < 300 Gy").outcome is NOT_EVALUATED

    def test_a_hot_spot_factor_bounds_every_structure(self) -> None:
        """No point had more than 1.07 times 70 Gy."""
        found = of(prior(hot=1.07), "Dmax < 125.8 Gy")
        assert found.outcome is PASS
        assert found.deciding is not None
        assert found.deciding.high == pytest.approx(NOW_GY + 74.9)
        assert of(prior(hot=1.07, left=Numbers(most_gy=45.0)), "Dmax < 95.9 Gy").outcome is PASS

    def test_effect_needs_the_number_of_fractions(self) -> None:
        case = prior(fractions=None, left=uniform(45.0))
        assert of(case, "Dmax < 95.9 Gy").outcome is PASS
        found = of(case, "Dmax < 300 Gy EQD2(3)")
        assert found.outcome is NOT_EVALUATED
        assert "states no fractions: its effect is not known" in found.message

    def test_numbers_of_a_course_that_has_plans_are_refused(self) -> None:
        course = CourseStatement(doses={LEFT: uniform(3.0)})
        with pytest.raises(InputError, match=r"courses\.definitive\.structures: expected none, as plan"):
            judged(make_case(statement=make_statement(courses={"definitive": course})), cells=30)

    def test_a_structure_that_no_protocol_knows_is_refused(self) -> None:
        course = CourseStatement(doses={"Carotis": uniform(3.0)}, prescription_gy=Decimal(70))
        with pytest.raises(InputError, match=r"courses\.prior\.structures\.Carotis: expected a structure of"):
            judged(make_case(statement=make_statement(courses={"prior": course})), cells=30)


class TestTable:
    def test_rows(self) -> None:
        result = judged(prior(left=Numbers(least_gy=5.0, most_gy=45.0)), only=("R42",), cells=30)
        rows = {r.course: r for s in result.structures if s.name == LEFT for r in s.rows}
        alone, total = rows["prior"], rows["total"]
        assert alone.physical is not None
        assert total.physical is not None
        assert total.eqd2 is not None
        assert (alone.physical.max_gy.low, alone.physical.max_gy.high) == (5.0, 45.0)
        assert alone.per_session is None
        assert (total.physical.max_gy.low, total.physical.max_gy.high) == (
            pytest.approx(NOW_GY + 5),
            pytest.approx(NOW_GY + 45),
        )
        assert total.eqd2.mean_gy.high == pytest.approx(NOW_EQD2 + then(45.0))
        assert total.incomplete == ()
        other = {r.course: r for s in result.structures if s.name == RIGHT for r in s.rows}
        assert other["prior"].physical is None
        assert other["total"].physical is not None
        assert other["total"].physical.max_gy.high == math.inf
        assert other["total"].incomplete != ()

    def test_what_is_left_counts_the_upper_end(self) -> None:
        """119 Gy less 45 of the prior course and 6 leave 68 Gy: 42 fractions of 1.6 Gy, which is all 28."""
        case = prior(left=Numbers(most_gy=45.0))
        (found,) = remaining(case, cumulative("Dmax < 75 Gy"))
        assert found.given is not None
        assert found.given.high == pytest.approx(45.0)
        # Nothing of the current treatment is given yet: the next sessions are those of the induction, 2 Gy.
        assert found.fractions == 14
        assert found.problem == ""

    def test_what_is_left_of_what_nothing_bounds_is_not_counted(self) -> None:
        """A near-maximum bounds no maximum: at least 43 Gy were given, so that at most 32 are left."""
        (found,) = remaining(prior(left=Numbers(points=((0.03, 43.0),))), cumulative("Dmax < 75 Gy"))
        assert found.given is not None
        assert (found.given.low, found.given.high) == (pytest.approx(43.0), math.inf)
        assert found.available == pytest.approx(32.0)
        assert (found.fractions, found.unbounded) == (None, False)
        assert found.problem.startswith("nothing that is known of a course in numbers bounds it")
        (line,) = [line for line in remaining_text([found]).splitlines() if LEFT in line]
        assert ">=43.00" in line
        assert "<=32.00" in line
        assert found.to_dict()["given_at_most"] is None

    def test_part_of_such_a_course(self) -> None:
        """12 of 35 fractions were given: 12/35 of its dose."""
        course = CourseStatement(
            prescription_gy=Decimal(70), fractions=35, delivered=12, doses={LEFT: uniform(70.0)}
        )
        case = make_case(statement=make_statement(courses={"prior": course}))
        treatment = build_treatment(case, cumulative("Dmax < 75 Gy"))
        ((stated, sessions),) = treatment.ledger.delivered().stated(LEFT)
        assert (stated.fractions, sessions) == (35, 12)


class TestOverAlphaBeta:
    """45 Gy everywhere in 7 fractions of the prior course, and 3 x 2.0 and 28 x 1.6 Gy: at a/b 2 and 3."""

    CASE = prior(fractions=7, left=uniform(45.0))
    LESS, MORE = (
        float(
            eqd2(45.0, fractions=7, alpha_beta_gy=a)
            + eqd2(6.0, fractions=3, alpha_beta_gy=a)
            + eqd2(28 * 1.6, fractions=28, alpha_beta_gy=a)
        )
        for a in (3.0, 2.0)
    )
    DECIDES = 'uncertain_by = ["numerical", "stated_bound", "alpha_beta"]\n'

    def test_the_row_holds_the_course_in_numbers(self) -> None:
        result = judged(self.CASE, only=("R42",), cells=30)
        rows = {r.course: r.eqd2 for s in result.structures if s.name == LEFT for r in s.rows}
        total, over = rows["total"], rows["total, a/b 2 to 3"]
        assert total is not None
        assert over is not None
        for found, value in ((total.mean_gy, over.mean_gy), (total.near_max_gy, over.near_max_gy)):
            assert found.value == value.value == pytest.approx(self.LESS)
            # Wider than the truth by what the courses would differ if each had an a/b of its own.
            assert self.LESS - 1.0 <= value.low <= self.LESS + 1e-9
            assert self.MORE - 1e-9 <= value.high <= self.MORE + 1.0

    def test_a_limit_that_only_the_other_end_breaks(self) -> None:
        goal = "D0.03cc < 135 Gy EQD2(3)"
        assert self.LESS < 135 < self.MORE
        assert of(self.CASE, goal).outcome is PASS
        found = of(self.CASE, goal, more=self.DECIDES)
        assert found.outcome is UNCERTAIN
        assert found.deciding is not None
        assert found.deciding.high >= self.MORE - 1e-9
        assert of(self.CASE, "D0.03cc < 145 Gy EQD2(3)", more=self.DECIDES).outcome is PASS

    def test_all_that_is_known_are_numbers(self) -> None:
        """No dose of a plan can be used: the row over a/b is that of the course in numbers alone."""
        known = CourseStatement(fractions=7, prescription_gy=Decimal(45), doses={LEFT: uniform(45.0)})
        case = make_case(
            change={"low": Changed(dose={"dose_type": DoseType.EFFECTIVE})},
            no_dose=("boost", "definitive"),
            statement=make_statement(courses={"prior": known}),
        )
        result = judged(case, only=("R42",), cells=30)
        rows = {r.course: r.eqd2 for s in result.structures if s.name == LEFT for r in s.rows}
        over = rows["total, a/b 2 to 3"]
        assert over is not None
        ends = [float(eqd2(45.0, fractions=7, alpha_beta_gy=a)) for a in (3.0, 2.0)]
        assert [over.mean_gy.value, over.mean_gy.low] == pytest.approx([ends[0], ends[0]])
        assert not over.mean_gy.is_bounded


class TestCaseFile:
    TEXT = """
format_version = 1
[courses.prior]
prescription_gy = "70"
fractions = 35
hot_spot_factor = 1.1
[courses.prior.structures.SpinalCord]
max_gy = 45
near_max_gy = 43.5
mean_gy = 20.0
dvh = [[1.0, 38], [0.5, 40.5]]
[courses.prior.structures.A_Carotid_L]
uniform_gy = 66
"""

    def read(self, folder: Path, before: str = "", after: str = "") -> CourseStatement:
        path = folder / "case.toml"
        assert before in self.TEXT
        path.write_text(self.TEXT.replace(before, after) if before else self.TEXT, encoding="utf-8")
        return read_statement(path).course("prior")

    def test_everything(self, tmp_path: Path) -> None:
        found = self.read(tmp_path)
        assert found.hot_spot_factor == 1.1
        assert found.doses == {
            "SpinalCord": Numbers(
                most_gy=45.0, mean_gy=20.0, points=((0.03, 43.5), (0.5, 40.5), (1.0, 38.0))
            ),
            "A_Carotid_L": uniform(66.0),
        }

    @pytest.mark.parametrize(
        ("before", "after", "words"),
        [
            ("max_gy = 45", "max_gy = 43", "structures.SpinalCord: expected doses that fall from maximum"),
            ("mean_gy = 20.0", "mean_gy = 46.0", "structures.SpinalCord: expected a mean from 0 to 45 Gy"),
            ("uniform_gy = 66", "uniform_gy = -1", "A_Carotid_L.uniform_gy"),
            (
                "uniform_gy = 66",
                "uniform_gy = 66\nmax_gy = 70",
                "A_Carotid_L.max_gy: expected nothing beside",
            ),
            ("max_gy = 45", "dmax_gy = 45", "SpinalCord.dmax_gy: unknown key"),
            ("[1.0, 38]", "[1.0]", r"dvh\[1\]: expected two numbers, found \[1.0\]"),
            ("[1.0, 38]", "[0, 38]", "expected volumes above 0"),
            ("hot_spot_factor = 1.1", "hot_spot_factor = 0.9", "hot_spot_factor: expected 1"),
            ('prescription_gy = "70"', "", "hot_spot_factor: expected prescription_gy with it"),
        ],
    )
    def test_refused(self, tmp_path: Path, before: str, after: str, words: str) -> None:
        with pytest.raises(TomlError, match=words):
            self.read(tmp_path, before, after)
