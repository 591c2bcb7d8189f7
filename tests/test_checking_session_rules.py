"""R15 and R16: carotids and mucosa below 3 Gy per session of the induction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import (
    CORD,
    LATTICE,
    LEFT,
    LESION,
    MUCOSA,
    RIGHT,
    UIDS,
    Changed,
    Prescribed,
    box,
    extended,
    judged,
    make_case,
    make_case_before_planning,
    make_grid,
    make_plan,
    make_statement,
    one,
    sib_case,
    standard_structures,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from test_visits import INDUCTION, record

from dosecalc import Outcome, StructureSet
from dosecalc.case import Case, InputFile
from dosecalc.doses import DoseType
from dosecalc.findings import Finding
from dosecalc.statement import CourseStatement, Grouping, PlanStatement

PASS, FAIL, UNCERTAIN, NOT_EVALUATED, NOT_DUE = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.UNCERTAIN,
    Outcome.NOT_EVALUATED,
    Outcome.NOT_DUE,
)
RULES = {LEFT: "R15", RIGHT: "R15", MUCOSA: "R16"}
SIDES = {LEFT: "left_gy", RIGHT: "right_gy", MUCOSA: "mucosa_gy"}
APART = {"induction": CourseStatement(grouping=Grouping.SEPARATE_SESSIONS)}


def of(case: Case, structure: str = LEFT, **options: Any) -> Finding:
    return one(judged(case, only=(RULES[structure],), **options), RULES[structure], structure)


def organ(structure: str, *, low: float, boost: float) -> Mapping[str, Changed]:
    """The dose of one fraction of each plan to one organ."""
    key: Any = SIDES[structure]
    return {"low": Changed(**{key: low}), "boost": Changed(**{key: boost})}


class TestLimit:
    @pytest.mark.parametrize("structure", RULES)
    @pytest.mark.parametrize(
        ("low", "boost", "outcome"),
        [(0.8, 1.2, PASS), (0.9, 2.0996, PASS), (1.0, 2.0, FAIL), (0.5, 2.6, FAIL), (1.4, 1.7, FAIL)],
    )
    def test_sum_of_the_session(self, structure: str, low: float, boost: float, outcome: Outcome) -> None:
        found = of(make_case(change=organ(structure, low=low, boost=boost)), structure)
        assert found.outcome is outcome
        assert found.measured == pytest.approx(low + boost, abs=1e-9)
        assert (found.limit, found.comparison, found.unit) == (3.0, "<", "Gy/fx")

    def test_the_other_side_is_judged_by_itself(self) -> None:
        result = judged(make_case(change=organ(LEFT, low=1.0, boost=2.5)), only=("R15",))
        assert one(result, "R15", LEFT).outcome is FAIL
        assert one(result, "R15", RIGHT).outcome is PASS

    def test_digits_show_the_side_of_the_limit(self) -> None:
        found = of(make_case(change=organ(LEFT, low=0.9, boost=2.0996)))
        assert found.outcome is PASS
        assert "2.9996" in found.message
        assert "3.00 Gy" not in found.message

    @pytest.mark.parametrize("tenths", range(1, 30))
    def test_exactly_three_fails_however_it_is_made_up(self, tenths: int) -> None:
        low, boost = tenths / 10, (30 - tenths) / 10
        found = of(make_case(change=organ(LEFT, low=low, boost=boost)), cells=30)
        assert found.outcome is FAIL
        assert "3.00 Gy" in found.message

    def test_a_violation_says_where(self) -> None:
        found = of(make_case(change={"low": Changed(spot_gy=4.0)}), cells=20_000)
        assert found.outcome is FAIL
        assert found.hot_spot_xyz_mm == pytest.approx((30, 0, 0), abs=0.5)

    def test_integrated_boost(self) -> None:
        found = of(sib_case())
        assert (found.outcome, found.measured) == (PASS, pytest.approx(2.0))
        assert [c.plan for c in found.contributors] == ["Sib"]


class TestReadings:
    def test_what_each_plan_gives_is_named_where_only_the_sum_breaks_the_limit(self) -> None:
        found = of(make_case(change=organ(LEFT, low=1.0, boost=2.5)))
        assert found.outcome is FAIL
        assert {c.plan: round(c.value or 0, 9) for c in found.contributors} == {"Low": 1.0, "Boost": 2.5}
        assert "each plan alone keeps" in found.message
        assert [round(r.value, 9) for r in found.shown_readings if "each_plan" in r.name] == [2.5]

    def test_a_plan_that_breaks_the_limit_alone_is_not_said_to_keep_it(self) -> None:
        found = of(make_case(change=organ(LEFT, low=0.5, boost=3.2)))
        assert found.outcome is FAIL
        assert "keeps" not in found.message

    def test_separate_sessions_of_one_day_are_still_summed(self) -> None:
        case = make_case(change=organ(LEFT, low=1.0, boost=2.5), statement=make_statement(courses=APART))
        found = of(case)
        assert (found.outcome, found.measured) == (FAIL, pytest.approx(3.5))

    def test_each_plan_decides_where_the_protocol_says_so(self) -> None:
        protocol = extended('[[rules]]\nid = "R15"\nreading = "each_plan"\n')
        found = of(make_case(change=organ(LEFT, low=1.0, boost=2.5)), protocol=protocol)
        assert (found.outcome, found.measured) == (PASS, pytest.approx(2.5))
        assert [r.value for r in found.shown_readings if "session_sum" in r.name] == [pytest.approx(3.5)]

    def test_the_maximum_makes_a_pass_uncertain(self) -> None:
        """1.6 Gy more at one voxel: its peak is 3.6 Gy, of which 0.03 cm3 see less than 3."""
        found = of(make_case(change={"low": Changed(spot_gy=1.6)}), cells=20_000)
        assert found.outcome is UNCERTAIN
        assert found.measured is not None
        assert found.measured < 3
        stricter = [r.value for r in found.shown_readings if "Dmax" in r.name]
        assert len(stricter) == 1
        assert stricter[0] is not None
        assert 3 < stricter[0] < 3.6
        assert "Dmax" in found.message

    def test_definitive_is_shown_and_does_not_decide(self) -> None:
        found = of(make_case(change={"definitive": Changed(left_gy=3.4)}))
        assert found.outcome is PASS
        assert [r.value for r in found.shown_readings if "definitive" in r.name] == [pytest.approx(3.4)]

    def test_prior_never_counts(self) -> None:
        statement = make_statement(
            plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))], courses={"prior": CourseStatement()}
        )
        case = make_case(
            plans=("prior", "low", "boost", "definitive"),
            change={"prior": Changed(left_gy=9.0)},
            statement=statement,
        )
        found = of(case)
        assert (found.outcome, found.measured) == (PASS, pytest.approx(2.0))
        assert "Prior" not in found.message

    def test_unequal_fractions_leave_the_worst_day(self) -> None:
        """Three low fractions and one of the boost: day 1 has both."""
        case = make_case(change={"boost": Changed(fractions=1, total_gy="5", left_gy=2.5)})
        found = of(case)
        assert (found.outcome, found.measured) == (FAIL, pytest.approx(3.3))
        assert "day 1 " in found.message

    def test_the_organ_in_another_structure_set_is_shown(self) -> None:
        """The carotid as drawn on another set lies where the right one is: 2.9 Gy."""
        other = StructureSet(
            structures=(replace(standard_structures()[RIGHT], name=LEFT, number=44),),
            uid="1.33",
            source="RS2.dcm",
        )
        case = make_case(
            more_structure_sets=(other,),
            change={
                **organ(RIGHT, low=1.0, boost=1.9),
                "definitive": Changed(plan={"structure_set_uid": "1.33"}),
            },
        )
        found = of(case)
        assert (found.outcome, found.measured) == (PASS, pytest.approx(2.0))
        assert [r.value for r in found.shown_readings if "RS2.dcm" in r.name] == [pytest.approx(2.9)]


class TestSmallStructures:
    def test_below_003_cm3_the_maximum_decides(self) -> None:
        """A box of 2 x 2 x 6 mm = 0.024 cm3."""
        tiny = box(name=LEFT, low=(29, -1, -3), high=(31, 1, 3), spacing_mm=2)
        found = of(make_case(structures={LEFT: tiny}))
        assert (found.outcome, found.measured) == (PASS, pytest.approx(2.0))
        assert found.decided_by.startswith("session_sum, Dmax in place of D0.03cc")

    def test_a_small_hot_structure_fails(self) -> None:
        tiny = box(name=LEFT, low=(29, -1, -3), high=(31, 1, 3), spacing_mm=2)
        case = make_case(structures={LEFT: tiny}, change=organ(LEFT, low=1.1, boost=1.9))
        assert of(case).outcome is FAIL


class TestMissing:
    @pytest.mark.parametrize("structure", RULES)
    def test_structure(self, structure: str) -> None:
        found = of(make_case(structures={structure: None}), structure)
        assert (found.outcome, found.measured) == (NOT_EVALUATED, None)
        assert structure in found.message

    @pytest.mark.parametrize(
        "problem",
        [
            {"contours": ()},
            {"contours": (), "problem": "ROI 3: ContourData: expected finite numbers, found other text"},
        ],
    )
    def test_structure_without_contours(self, problem: dict[str, Any]) -> None:
        broken = replace(standard_structures()[LEFT], **problem)
        result = judged(make_case(structures={LEFT: broken}), only=("R15",))
        found = one(result, "R15", LEFT)
        assert (found.outcome, found.measured) == (NOT_EVALUATED, None)
        assert problem.get("problem", "contours") in found.message
        assert one(result, "R15", RIGHT).outcome is PASS

    @pytest.mark.parametrize("number", [3, 99])
    def test_two_structures_of_one_name(self, number: int) -> None:
        again = {"again": replace(standard_structures()[LEFT], number=99)}
        assert of(make_case(structures=again)).outcome is NOT_EVALUATED
        chosen = make_case(structures=again, statement=make_statement(structures={LEFT: number}))
        assert of(chosen).outcome is PASS

    @pytest.mark.parametrize(
        "change",
        [
            {"no_dose": ("boost",)},
            {"plans": ("low", "definitive")},
            {"change": {"boost": Changed(dose={"dose_type": DoseType.EFFECTIVE})}},
            {"change": {"boost": Changed(plan={"intent": "VERIFICATION"})}},
            {"statement": make_statement(plans=[PlanStatement(uid=UIDS["boost"], ignore="not given")])},
        ],
        ids=["no dose", "no plan", "effective dose", "verification plan", "ignored plan"],
    )
    def test_boost_is_missing(self, change: dict[str, Any]) -> None:
        found = of(make_case(**change))
        assert found.outcome is NOT_EVALUATED
        assert found.deciding is not None
        assert found.deciding.high == np.inf
        assert "boost" in found.message.casefold()
        assert "at least" in found.message

    def test_what_is_known_fails_whatever_is_missing(self) -> None:
        found = of(make_case(no_dose=("boost",), change={"low": Changed(left_gy=3.2)}))
        assert (found.outcome, found.measured) == (FAIL, pytest.approx(3.2))

    def test_no_dose_at_all_is_not_zero(self) -> None:
        found = of(make_case(no_dose=("low", "boost")))
        assert found.outcome is NOT_EVALUATED
        assert found.measured is None
        assert found.hot_spot_xyz_mm is None
        assert "0.00" not in found.message
        assert all(r.value != 0 for r in found.shown_readings)

    @pytest.mark.parametrize("structure", [LEFT, RIGHT])
    def test_outside_the_boost_grid_is_not_zero(self, structure: str) -> None:
        found = of(make_case(change={"boost": Changed(cut_x_mm=(-25, 25))}), structure)
        assert found.outcome is NOT_EVALUATED
        assert "RD_boost.dcm" in found.message
        assert "0.00 Gy" not in found.message
        assert {c.plan: c.value for c in found.contributors}.get("Boost") is None

    def test_known_dose_where_another_grid_ends_still_fails(self) -> None:
        """The low dose alone breaks the limit; the boost's grid does not reach the carotid."""
        change = {"low": Changed(left_gy=3.2), "boost": Changed(cut_x_mm=(-25, 25))}
        found = of(make_case(change=change))
        assert found.outcome is FAIL
        assert found.measured == pytest.approx(3.2)

    def test_shown_reading_outside_its_grid_is_not_zero(self) -> None:
        found = of(make_case(change={"definitive": Changed(cut_x_mm=(-25, 25))}))
        assert found.outcome is PASS
        assert [r.value for r in found.shown_readings if "definitive" in r.name and r.value == 0] == []

    def test_partly_covered(self) -> None:
        """The boost's grid ends inside the carotid: what is covered keeps the limit, or breaks it."""
        cut = Changed(cut_z_mm=(-14, 14))
        assert of(make_case(change={"boost": cut})).outcome is NOT_EVALUATED
        hot = replace(cut, left_gy=2.5)
        found = of(make_case(change={"boost": hot}))
        assert (found.outcome, found.measured) == (FAIL, pytest.approx(3.3))
        assert "outside the dose RD_boost.dcm" in found.message

    def test_two_doses_of_the_boost(self) -> None:
        again = make_grid(plan="boost", gy=np.ones(LATTICE.shape_zyx), times=3, uid="again")
        assert of(make_case(more_doses=(again,))).outcome is NOT_EVALUATED
        stated = make_statement(plans=[PlanStatement(uid=UIDS["boost"], dose_uids=("1.1.2.2",))])
        found = of(make_case(more_doses=(again,), statement=stated))
        assert (found.outcome, found.measured) == (PASS, pytest.approx(2.0))

    def test_a_plan_that_fits_no_role(self) -> None:
        odd = Prescribed(fractions=2, total_gy="1", target=LESION, organ_gy={})
        plan = make_plan(name="prior", prescribed=odd, label="Extra", uid="9.9")
        found = of(make_case(more_plans=(plan,)))
        assert found.outcome is NOT_EVALUATED
        assert "Extra" in found.message
        left_out = make_statement(plans=[PlanStatement(uid="9.9", ignore="never given")])
        assert of(make_case(more_plans=(plan,), statement=left_out)).outcome is PASS

    def test_a_dose_without_its_plan(self) -> None:
        loose = make_grid(plan="prior", gy=np.ones(LATTICE.shape_zyx), times=3, plan_uids=("8.8",))
        found = of(make_case(more_doses=(loose,)))
        assert found.outcome is NOT_EVALUATED
        assert "8.8" in found.message

    def test_a_file_that_could_not_be_read(self) -> None:
        lost = InputFile(path="RD_x.dcm", sha256="", kind="RTDOSE", used=False, reason="cut", lost=True)
        assert of(make_case(inputs=(lost,))).outcome is NOT_EVALUATED

    def test_another_frame_of_reference(self) -> None:
        found = of(make_case(change={"boost": Changed(dose={"frame_uid": "7.7"})}))
        assert found.outcome is NOT_EVALUATED
        assert "7.7" in found.message

    def test_no_structure_set_of_the_induction(self) -> None:
        away: dict[str, Any] = {"structure_set_uid": "absent"}
        case = make_case(change={"low": Changed(plan=away), "boost": Changed(plan=away)})
        assert of(case).outcome is NOT_EVALUATED

    def test_induction_not_planned_yet(self) -> None:
        assert of(make_case_before_planning()).outcome is NOT_DUE


@settings(max_examples=30, deadline=None)
@given(
    low=st.integers(0, 40),
    boost=st.integers(0, 40),
    missing=st.sampled_from(["", "boost", "low"]),
    outside=st.booleans(),
)
def test_outcome_by_what_is_known(low: int, boost: int, missing: str, outside: bool) -> None:
    """FAIL where the known part is at 3 Gy, PASS only where all is known: in steps of 0.1 Gy."""
    change = dict(organ(LEFT, low=low / 10, boost=boost / 10))
    if outside:
        change["boost"] = replace(change["boost"], cut_x_mm=(-25.0, 25.0))
    found = of(make_case(change=change, no_dose=(missing,) if missing else ()), cells=20)
    boost_known = missing != "boost" and not outside
    known = (low if missing != "low" else 0) + (boost if boost_known else 0)
    complete = not missing and not outside
    wanted = FAIL if known >= 30 else PASS if complete else NOT_EVALUATED
    assert found.outcome is wanted, found.message
    assert CORD not in found.message


@pytest.mark.parametrize("timed", [(False, False), (True, False), (False, True)])
def test_sessions_of_one_day_on_adjacent_dates_count_together_where_times_are_missing(
    timed: tuple[bool, bool],
) -> None:
    """The low dose at 22:00 and the boost at 01:00 give 1.9 Gy each: 3.8 Gy within three hours."""
    records = []
    for number in (1, 2, 3):
        late = INDUCTION[0].replace(hour=22) + (number - 1) * dt.timedelta(days=2)
        for plan, when, known in (("low", late, timed[0]), ("boost", late + dt.timedelta(hours=3), timed[1])):
            found = record(plan, number, when)
            records.append(found if known else replace(found, given=None))
    statement = make_statement(courses={"induction": CourseStatement(), "definitive": CourseStatement()})
    change = organ(LEFT, low=1.9, boost=1.9)
    found = of(make_case(change=change, records=tuple(records), statement=statement), cells=20)
    assert (found.outcome, found.measured) == (FAIL, pytest.approx(3.8))


def test_a_plan_of_which_dose_is_missing_is_not_said_to_keep_the_limit() -> None:
    """The grid of the boost reaches a part of the carotid only: it may give 3 Gy alone."""
    change = {"low": Changed(left_gy=2.0), "boost": Changed(left_gy=2.0, cut_z_mm=(-14, 14))}
    partly = of(make_case(change=change), cells=200)
    assert (partly.outcome, "each plan alone keeps" in partly.message) == (FAIL, False)


def test_a_limit_over_two_prescribed_days_names_both() -> None:
    """The boost of Monday on Tuesday at 8, then low and boost of Tuesday at 15: 1.2 + 0.8 + 1.2 Gy."""
    hours = {"low": (9, 39, 57), "boost": (32, 39, 57)}
    monday = dt.datetime(2026, 3, 2)
    records = tuple(
        record(plan, n, monday + dt.timedelta(hours=hour, minutes=20 * (plan == "boost")))
        for plan, own in hours.items()
        for n, hour in enumerate(own, start=1)
    )
    statement = make_statement(courses={"induction": CourseStatement(), "definitive": CourseStatement()})
    found = of(make_case(records=records, statement=statement), cells=20)
    assert (found.outcome, found.measured) == (FAIL, pytest.approx(3.2))
    assert "in the induction session of day 1 and 2 " in found.message


def test_end_cap_towards_the_target_leaves_the_limit_open() -> None:
    """Contours end where dose begins to rise to the target: half a slice further it is above 3 Gy."""
    ends_above = box(name=LEFT, low=(2, -4, 19.7), high=(10, 4, 35.7))
    found = of(make_case(structures={LEFT: ends_above}), LEFT)
    assert found.outcome is Outcome.UNCERTAIN
    assert found.measured is not None
    assert found.measured < 3.0
    assert "end caps and sampling leave open whether it is 3." in found.message
    band = found.to_dict()["band"]
    assert isinstance(band, dict)
    assert band["numerical"]["high"] > 3.0
    further = box(name=LEFT, low=(2, -4, 26), high=(10, 4, 38))
    assert of(make_case(structures={LEFT: further}), LEFT).outcome is Outcome.PASS
