"""How many further fractions fit below a limit, and how much dose is left."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from cases import COARSE, LEFT, RIGHT, Changed, cumulative, make_case, make_statement
from test_checking_frame_rules import two_sets
from test_recovery import PRIOR, recovering, with_prior
from test_visits import begun, definitive, induction

from dosecalc import load_protocol
from dosecalc.case import Case
from dosecalc.checking import remaining
from dosecalc.checking.allowances import Allowance
from dosecalc.cli import main
from dosecalc.envelopes import uniform
from dosecalc.records import TreatmentRecord
from dosecalc.report.remaining_text import remaining_json, remaining_text
from dosecalc.statement import CourseStatement


def left_of(case: Case, goal: str, *, structure: str = LEFT, **options: int) -> Allowance:
    (found,) = remaining(case, cumulative(goal, structure=structure), settings=COARSE, **options)  # type: ignore[arg-type]
    return found


def replace_parts(whole: TreatmentRecord) -> TreatmentRecord:
    """The same record of a fraction that was broken off after half of each beam."""
    halves = tuple(replace(d, delivered=Decimal(50)) for d in whole.deliveries)
    return replace(whole, deliveries=halves)


def eqd2(gy: float, fractions: int) -> float:
    return fractions * gy * (1 + gy / 3) / (1 + 2 / 3)


@pytest.mark.parametrize("given", [0, 12, 28])
def test_fractions_and_dose_that_are_left(given: int) -> None:
    """The left carotid has 2.0 Gy in each of 3 sessions, then 1.6 Gy in each of 28: at a/b 3."""
    found = left_of(begun([*induction(), *definitive(given)]), "Dmax <= 60 Gy EQD2(3)")
    so_far = eqd2(2.0, 3) + eqd2(1.6, given)
    assert found.given is not None
    assert found.projected is not None
    assert found.given.value == pytest.approx(so_far, abs=1e-6)
    assert found.projected.value == pytest.approx(eqd2(2.0, 3) + eqd2(1.6, 28), abs=1e-6)
    assert found.available == pytest.approx(60 - so_far, abs=1e-6)
    assert found.fractions == int((60 - so_far) / eqd2(1.6, 1))
    assert found.planned == 28 - given
    assert found.plan == "Definitive"


def test_hottest_point_of_the_sum_decides() -> None:
    """1 Gy more in one voxel of the left carotid, three times."""
    change = {"low": Changed(spot_gy=1.0)}
    case = make_case(change=change, records=(*induction(), *definitive(1)))
    spot = left_of(case, "Dmax <= 60 Gy")
    assert spot.given is not None
    assert spot.given.value == pytest.approx(3 * 3.0 + 1.6, abs=0.3)
    assert spot.fractions == int((60 - spot.given.value) / 1.6)


def test_limit_that_is_broken_already() -> None:
    found = left_of(begun([*induction(), *definitive(12)]), "Dmax <= 20 Gy")
    assert found.fractions == 0
    assert found.available is not None
    assert found.available < 0


def test_limit_that_bounds_nothing() -> None:
    change = {"definitive": Changed(right_gy=0.0)}
    found = left_of(
        make_case(change=change, records=(*induction(), *definitive(1))), "Dmax <= 60 Gy", structure=RIGHT
    )
    assert found.unbounded
    assert found.fractions is None


def test_dose_of_a_prior_course_that_is_not_known_makes_it_an_upper_bound() -> None:
    found = left_of(begun([*induction(), *definitive(12)]), "Dmax <= 60 Gy")
    assert found.problem.startswith("prior course: 70 Gy in 35 fractions")
    assert found.given is not None
    assert (found.given.value, found.given.is_bounded) == (pytest.approx(3 * 2.0 + 12 * 1.6), False)
    line = next(line for line in remaining_text([found]).splitlines() if LEFT in line)
    assert ">=25.20" in line
    assert ">=50.80" in line


def test_what_is_not_planned_yet_opens_what_was_given_in_nothing() -> None:
    prior = CourseStatement(prescription_gy=Decimal(45), fractions=25, doses={LEFT: uniform(45.0)})
    later = CourseStatement(not_planned_yet=True)
    statement = make_statement(courses={"prior": prior, "definitive": later})
    found = left_of(make_case(plans=("low", "boost"), statement=statement), "Dmax <= 60 Gy")
    assert found.given is not None
    assert found.projected is not None
    assert (found.given.high, found.projected.is_bounded) == (pytest.approx(45.0), False)
    assert found.problem == "the definitive course is not planned yet"
    assert (found.available, found.at_most) == (pytest.approx(15.0), False)


def test_fractions_of_a_course_that_is_over_are_not_counted() -> None:
    """Half of a fraction of the boost was never given, and twelve of the definitive plan were."""
    half = replace_parts(induction()[-1])
    found = left_of(begun([*induction()[:-1], half, *definitive(12)]), "Dmax <= 80 Gy")
    assert (found.plan, found.planned) == ("Definitive", 16)


def test_what_a_grid_does_not_reach_is_not_counted_as_nothing() -> None:
    """The left carotid lies outside the grid of the definitive plan, of which a fraction was given."""
    change = {"definitive": Changed(cut_x_mm=(-25, 25))}
    found = left_of(make_case(change=change, records=(*induction(), *definitive(1))), "Dmax <= 60 Gy")
    assert found.given is not None
    assert not found.given.is_bounded
    assert (found.fractions, found.unbounded) == (None, False)
    assert "1.79 of 1.79 cm3 lie outside the dose RD_definitive.dcm" in found.problem
    line = next(line for line in remaining_text([found]).splitlines() if LEFT in line)
    assert line.count(">=") == 2  # given and projected


@pytest.mark.parametrize(("judged_so", "kept"), [(True, 0.5), (False, 1.0)])
def test_recovery_as_the_limit_judges_it(judged_so: bool, kept: float) -> None:
    (found,) = remaining(with_prior(), recovering("D0.03cc < 107 Gy EQD2(3)", judged_so=judged_so))
    assert found.given is not None
    assert found.given.value == pytest.approx(kept * PRIOR)
    assert found.available == pytest.approx(107 - kept * PRIOR)
    assert found.metric == ("D0.03cc EQD2(3), recovered" if judged_so else "D0.03cc EQD2(3)")


@pytest.mark.parametrize(("shift_mm", "counted"), [(0, True), (20, False)])
def test_where_organs_lie_apart_nothing_is_counted(shift_mm: float, counted: bool) -> None:
    found = left_of(two_sets(shift_mm=(0, shift_mm, 0)), "Dmax <= 300 Gy")
    assert (found.fractions is not None, found.available is not None) == (counted, counted)
    assert ("Brainstem of RS_old.dcm lies 20.0 mm from that of" in found.problem) is not counted


def test_after_all_sessions_without_dates_the_next_has_a_day_of_its_own() -> None:
    """3 x 2.0 and 28 x 1.6 Gy were given: EQD2(3) 47.216 of 60, and 1.472 a fraction: 8 more."""
    prior = CourseStatement(prescription_gy=Decimal(70), fractions=35, doses={LEFT: uniform(0.0)})
    courses = {"prior": prior, "induction": CourseStatement(), "definitive": CourseStatement(delivered=28)}
    found = left_of(make_case(statement=make_statement(courses=courses)), "Dmax <= 60 Gy EQD2(3)")
    assert (found.planned, found.fractions) == (0, int((60 - 47.216) / 1.472))


def test_more_than_any_course_has_is_no_count_where_dose_is_missing() -> None:
    found = left_of(begun([*induction(), *definitive(12)]), "Dmax <= 6000 Gy")
    assert found.at_most
    assert found.fractions is None
    assert ">200" not in remaining_text([found])


def test_next_session_without_dose_is_said() -> None:
    case = make_case(no_dose=("definitive",), records=tuple(induction()))
    found = left_of(case, "Dmax <= 60 Gy")
    assert found.fractions is None
    assert not found.unbounded
    assert "dose of the next session is not known" in found.problem


def test_as_after_any_fraction() -> None:
    case = begun([*induction(), *definitive(12)])
    assert left_of(case, "Dmax <= 60 Gy", after_fraction=5).planned == 23


def test_protocol_without_cumulative_limits_has_nothing_to_say() -> None:
    assert remaining(make_case(), load_protocol("redefine"), settings=COARSE) == ()


def test_what_is_left_as_text_and_json() -> None:
    found = remaining(
        begun([*induction(), *definitive(12)]), cumulative("Dmax <= 60 Gy EQD2(3)"), settings=COARSE
    )
    line = next(line for line in remaining_text(found).splitlines() if LEFT in line)
    assert line.split()[:2] == ["R40.x", LEFT]
    assert line.split()[-3:] == ["<=24", "16", "Definitive"]
    (data,) = json.loads(remaining_json(found))["remaining"]
    assert (data["fractions"], data["planned"], data["limit"]) == (24, 16, 60.0)
    assert "no cumulative limit" in remaining_text(())


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'format_version = 1\nextends = "redefine"\nname = "mine"\n[[rules]]\nid = "R40.c"\ntitle = "t"\n'
        'kind = "cumulative_limit"\nlevel = "advisory"\nstructures = ["A_Carotid_L"]\n'
        'goal = "D0.03cc <= 119 Gy EQD2(3)"\nsource = "Embring 2021"\n'
    )
    written = tmp_path / "left.json"
    arguments = [
        "remaining",
        "sample_plans/redefine_under_way",
        "--protocol",
        str(mine),
        "--json",
        str(written),
    ]
    assert main(arguments) == 0
    assert "A_Carotid_L" in capsys.readouterr().out
    (data,) = json.loads(written.read_text())["remaining"]
    assert data["planned"] == 16
    assert data["given"] < data["projected"]
