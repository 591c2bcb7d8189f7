"""Curves for a report: organs of one dose are steps at a known place, with limits at theirs."""

from __future__ import annotations

import functools
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import (
    CORD,
    CORE,
    LEFT,
    LESION,
    MUCOSA,
    NUMBERS,
    RIGHT,
    UIDS,
    Changed,
    box,
    cumulative,
    extended,
    judged,
    make_case,
    make_statement,
    redefine,
)

import dosecalc
from dosecalc import CheckResult, Outcome, eqd2
from dosecalc.case import Case
from dosecalc.checking.dvh_lines import Ends
from dosecalc.curves import Curve
from dosecalc.drawings import PERCENTS, DvhFigure, DvhLine, Stage
from dosecalc.envelopes import Numbers
from dosecalc.protocol import Protocol
from dosecalc.rules import SessionLimit, SessionReading
from dosecalc.statement import CourseStatement, PlanStatement

STEP_GY = 1.1e-3


def with_prior(**change: Any) -> Case:
    """All four courses with a dose each: nothing is missing in any sum."""
    stated = make_statement(
        plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
        courses={"prior": CourseStatement()},
    )
    return make_case(plans=("prior", "low", "boost", "definitive"), statement=stated, **change)


@functools.cache
def prior_result() -> CheckResult:
    return judged(with_prior())


def eqd2_gy(alpha_beta_gy: float) -> float:
    """Of the left carotid, which has one dose: EQD2 of all courses."""
    sessions = ((35, 1.8), (3, 2.0), (28, 1.6))
    return sum(float(eqd2(n * d, fractions=n, alpha_beta_gy=alpha_beta_gy)) for n, d in sessions)


def figure(result: CheckResult, key: str) -> DvhFigure:
    return next(f for f in result.draw().figures if f.key == key)


def line(found: DvhFigure, structure: str, stage: Stage = Stage.PROJECTED) -> DvhLine:
    (only,) = (li for li in found.lines if (li.structure, li.stage) == (structure, stage))
    return only


def at(drawn: DvhLine, gy: float) -> float:
    """The volume in percent that a line has at a dose."""
    return float(np.interp(gy, drawn.dose_gy, drawn.percent, right=0.0))


@pytest.mark.parametrize(
    ("key", "gy"),
    [
        ("day-induction", 0.8 + 1.2),
        ("physical", 35 * 1.8 + 3 * 2.0 + 28 * 1.6),
        (
            "eqd2",
            sum(
                float(eqd2(n * d, fractions=n, alpha_beta_gy=3.0))
                for n, d in ((35, 1.8), (3, 2.0), (28, 1.6))
            ),
        ),
    ],
)
def test_an_organ_of_one_dose_is_a_step(key: str, gy: float) -> None:
    """Not a slope from 0 Gy, which would say that half of it has half of the dose."""
    drawn = line(figure(prior_result(), key), LEFT)
    assert at(drawn, 0.0) == at(drawn, gy / 2) == pytest.approx(100)
    assert at(drawn, gy - STEP_GY) == pytest.approx(100)
    assert at(drawn, gy + STEP_GY) == 0
    assert [i.value for i in drawn.at_percent] == pytest.approx([gy] * len(PERCENTS))
    assert not drawn.is_open


def test_an_organ_without_dose_is_a_step_at_0() -> None:
    """All of it has 0 Gy at least, and none of it more."""
    case = make_case(change={"low": Changed(left_gy=0.0), "boost": Changed(left_gy=0.0)})
    drawn = line(figure(judged(case), "day-induction"), LEFT)
    assert drawn.percent[0] == pytest.approx(100)
    assert at(drawn, STEP_GY) == 0


def test_a_line_is_the_curve() -> None:
    """Against the curve of the same sum, asked at doses of its own."""
    case = with_prior(structures={CORD: box(name=CORD, low=(-30, -10, -28), high=(30, 10, 28))})
    result = judged(case, cells=500)
    ledger = dosecalc.Ledger.from_doses(
        [(dose, case.plans[k].groups[0].fractions or 1) for k, dose in enumerate(case.doses)],
        together=[(1, 2)],
    )
    settings = dosecalc.Settings(cells=500)
    cord = case.structure_sets[0][CORD]
    curve = dosecalc.accumulate(ledger, cord, dosecalc.Physical(), settings=settings)
    drawn = line(figure(result, "physical"), CORD)
    assert curve.dose_at_percent(95) + 10 < curve.dose_at_percent(5)  # it has a slope
    for gy in np.linspace(0, curve.max_gy * 1.05, 97):
        assert at(drawn, gy) == pytest.approx(curve.percent_at_dose(float(gy)), abs=1.0)


def test_no_line_rises_and_every_band_holds_its_line() -> None:
    result = judged(with_prior(), protocol=cumulative("Dmax < 119 Gy EQD2(3)"))
    assert {f.key for f in result.draw().figures} == {"day-induction", "physical", "eqd2"}
    for found in result.draw().figures:
        for drawn in found.lines:
            assert np.all(np.diff(drawn.dose_gy) > 0)
            assert np.all(np.diff(drawn.percent) <= 1e-9), (found.key, drawn)
            assert np.all(drawn.low_percent <= drawn.percent + 1e-9)
            assert np.all(drawn.percent <= drawn.high_percent + 1e-9)
            assert drawn.percent[0] == pytest.approx(100)
            assert drawn.percent[-1] == pytest.approx(0, abs=1e-9)


def test_the_range_of_a_b_is_in_the_band_of_eqd2() -> None:
    """Of 1.6 and 1.8 Gy a session EQD2 at a/b 2 is less than at 3: the band lies below."""
    drawn = line(figure(prior_result(), "eqd2"), LEFT)
    least = eqd2_gy(2.0)
    value = eqd2_gy(3.0)
    assert least < value - 1
    middle = (least + value) / 2
    low, high = (np.interp(middle, drawn.dose_gy, end) for end in (drawn.low_percent, drawn.high_percent))
    assert (low, at(drawn, middle), high) == pytest.approx((0, 100, 100))


def test_without_the_dose_of_a_course_lines_are_lower_bounds_and_say_so() -> None:
    found = figure(judged(make_case()), "physical")
    drawn = line(found, LEFT)
    assert drawn.is_open
    assert at(drawn, 3 * 2.0 + 28 * 1.6 - STEP_GY) == pytest.approx(100)
    assert all(i.high == np.inf for i in drawn.at_percent)
    assert "lower bounds" in found.notes[0]
    assert "prior" in found.notes[0]


def test_a_course_known_as_numbers_makes_a_band() -> None:
    """45 Gy at most and 40 at least before: the sum lies between 90.8 and 95.8 Gy."""
    numbers = Numbers(least_gy=40.0, most_gy=45.0)
    prior = CourseStatement(prescription_gy=Decimal(70), fractions=35, doses={LEFT: numbers})
    drawn = line(
        figure(judged(make_case(statement=make_statement(courses={"prior": prior}))), "physical"), LEFT
    )
    later_gy = 3 * 2.0 + 28 * 1.6
    assert not drawn.is_open
    assert at(drawn, later_gy + 40 - STEP_GY) == pytest.approx(100)
    assert at(drawn, later_gy + 40 + STEP_GY) == 0
    high = np.interp(
        [later_gy + 45 - 2 * STEP_GY, later_gy + 45 + STEP_GY], drawn.dose_gy, drawn.high_percent
    )
    assert high == pytest.approx([100, 0])


@pytest.mark.parametrize("reaches", [False, True])
def test_what_a_dose_does_not_reach_is_no_zero(reaches: bool) -> None:
    """The boost ends before the left carotid, or in it: what is certain is drawn, all above is open."""
    left = box(name=LEFT, low=(26, -4, -28), high=(34, 4, 28))
    end_mm = 30.0 if reaches else 20.0  # its last voxels reach 2.5 mm further
    case = make_case(change={"boost": Changed(cut_x_mm=(-45.0, end_mm))}, structures={LEFT: left})
    drawn = line(figure(judged(case), "day-induction"), LEFT)
    covered = 100 * (32.5 - 26) / 8 if reaches else 0.0
    assert at(drawn, 0.8 - STEP_GY) == pytest.approx(100)  # what the low dose gives all of it
    assert at(drawn, 2.0 - STEP_GY) == pytest.approx(covered, abs=5.0)  # to half a cell
    assert drawn.high_percent[-1] == pytest.approx(100 - covered, abs=5.0)


@pytest.mark.parametrize(("name", "is_apart"), [("prior_inverted", True), ("prior_registered", False)])
def test_organs_that_lie_apart_are_named_below_sums(name: str, is_apart: bool) -> None:
    """A registration that is off moves every line of a sum, and is in no band."""
    case = dosecalc.read_case(Path(__file__).parents[1] / "sample_plans" / f"redefine_{name}")
    result = judged(case, only=["R42.organs"])
    for key in ("physical", "eqd2"):
        said = [n for n in figure(result, key).notes if n.startswith("in no band, and not certain: ")]
        assert bool(said) == is_apart
        assert all(" mm from that of the structures of the sum" in note for note in said)


class TestStages:
    def test_what_was_given_has_lines_of_its_own(self) -> None:
        """The prior course is over: 63 Gy of the organ's dose."""
        found = figure(prior_result(), "physical")
        given = line(found, LEFT, Stage.GIVEN)
        assert at(given, 63 - STEP_GY) == pytest.approx(100)
        assert at(given, 63 + STEP_GY) == 0
        assert Stage.PLANNED not in {li.stage for li in found.lines}  # it stands as planned

    def test_what_was_given_is_no_more_than_what_is_certain(self) -> None:
        """35 sessions of 1.8 Gy at an a/b of 3: with no dose of the definitive plan, at least that."""
        case = with_prior(no_dose=["definitive"])
        result = judged(case)
        given = line(figure(result, "eqd2"), LEFT, Stage.GIVEN)
        least = float(eqd2(63.0, fractions=35, alpha_beta_gy=3.0))
        assert given.is_open
        (doses,) = (s for s in result.structures if s.name == LEFT)
        (total,) = (r for r in doses.delivered if r.course == "total")
        assert total.eqd2 is not None
        assert total.eqd2.mean_gy.certain == pytest.approx(least, abs=1e-6)
        assert at(given, least - 0.1) == pytest.approx(100)
        assert at(given, least + 0.1) == 0
        assert [i.low for i in given.at_percent] == pytest.approx([least] * len(PERCENTS), abs=0.05)

    def test_before_treatment_there_is_one_stage(self) -> None:
        case = make_case(statement=make_statement(courses={"prior": CourseStatement()}))
        stages = {li.stage for f in judged(case).draw().figures for li in f.lines}
        assert stages == {Stage.PROJECTED}


class TestLimits:
    def test_a_limit_per_session_stands_at_its_dose_and_volume(self) -> None:
        found = figure(judged(make_case(change={"boost": Changed(left_gy=2.5)})), "day-induction")
        by_name = {li.structure: li for li in found.limits}
        assert set(by_name) == {LEFT, RIGHT, MUCOSA}
        limit = by_name[LEFT]
        assert (limit.rule, limit.dose_gy, limit.is_upper) == ("R15", 3.0, True)
        assert limit.percent == pytest.approx(100 * 0.03 / line(found, LEFT).volume_cm3)
        assert limit.outcome is Outcome.FAIL
        assert by_name[RIGHT].outcome is Outcome.PASS

    @pytest.mark.parametrize(
        ("goal", "key", "gy", "percent"),
        [
            ("Dmax < 119 Gy EQD2(3)", "eqd2", 119.0, 0.0),
            ("Dmax <= 135 Gy BED(3)", "eqd2", 135.0 / (1 + 2 / 3), 0.0),
            ("D50% < 90 Gy", "physical", 90.0, 50.0),
            ("V20Gy < 30 %", "physical", 20.0, 30.0),
            ("Mean < 26 Gy", "physical", 26.0, None),
        ],
    )
    def test_limits_of_sums(self, goal: str, key: str, gy: float, percent: float | None) -> None:
        result = judged(with_prior(), protocol=cumulative(goal))
        (limit,) = figure(result, key).limits
        assert limit.dose_gy == pytest.approx(gy)
        assert limit.percent == percent
        assert float(limit.measured) == pytest.approx(result.findings[-1].measured or 0.0, abs=0.006)
        others = [f for f in result.draw().figures if f.key not in {key, "day-induction"}]
        assert all(f.limits == () for f in others)

    def test_one_at_another_a_b_is_not_drawn_but_named(self) -> None:
        found = figure(judged(with_prior(), protocol=cumulative("Dmax < 119 Gy EQD2(2)")), "eqd2")
        assert found.limits == ()
        assert any("R40.x" in note and "a/b" in note for note in found.notes)

    def test_coverage_is_said_to_be_judged_elsewhere(self) -> None:
        assert any(n.startswith("coverage (R11, R13)") for n in figure(prior_result(), "physical").notes)
        assert not any("coverage" in n for n in figure(prior_result(), "eqd2").notes)


class TestLimitsThatAreNotDrawn:
    def test_one_without_a_line_is_named_with_its_outcome(self) -> None:
        """There is no mucosa: its limits, per session and on the sum, stand in no figure."""
        more = cumulative("Dmax < 100 Gy", structure=MUCOSA)
        result = judged(with_prior(structures={MUCOSA: None}), protocol=more)
        for key, rule in (("day-induction", "R16"), ("physical", "R40.x")):
            assert f"{rule} {MUCOSA}: NOT EVALUATED, not drawn" in figure(result, key).notes
        assert not any("R40.x" in note for note in figure(result, "eqd2").notes)

    def test_nor_one_of_which_nothing_could_be_judged(self) -> None:
        """Neither dose of the induction reaches the right carotid."""
        cut = Changed(cut_x_mm=(-20.0, 45.0))
        found = figure(judged(make_case(change={"low": cut, "boost": cut})), "day-induction")
        assert RIGHT not in {li.structure for li in found.lines}
        assert f"R15 {RIGHT}: NOT EVALUATED, not drawn" in found.notes

    def test_where_every_limit_is_drawn_nothing_is_said(self) -> None:
        result = judged(with_prior(), protocol=cumulative("Dmax < 119 Gy EQD2(3)"))
        assert not any("EVALUATED" in n for f in result.draw().figures for n in f.notes)

    def test_coverage_is_said_to_be_judged_elsewhere(self) -> None:
        (note,) = (n for n in figure(prior_result(), "physical").notes if n.startswith("coverage"))
        assert "R11, R13" in note
        assert not any(n.startswith("coverage") for n in figure(prior_result(), "eqd2").notes)


def test_structures_without_a_b_are_named_and_not_drawn_as_eqd2() -> None:
    unnamed = make_case()
    (reference,) = unnamed.structure_sets
    renamed = tuple(replace(s, name="Unknown") if s.name == CORD else s for s in reference)
    case = replace(unnamed, structure_sets=(replace(reference, structures=renamed),))
    found = figure(judged(case), "eqd2")
    assert "Unknown" not in {li.structure for li in found.lines}
    assert any("no a/b for Unknown" in note for note in found.notes)


def test_judged_structures_are_marked() -> None:
    found = figure(judged(make_case()), "physical")
    marked = {li.structure for li in found.lines if li.is_judged}
    assert marked == {LEFT, RIGHT, MUCOSA, LESION, CORE}


def session_rule(goal: str, *, course: str = "induction", more: str = "") -> Protocol:
    """REDEFINE with one more limit per session, on the left carotid."""
    return extended(
        f'[[rules]]\nid = "R15.x"\ntitle = "per session"\nkind = "session_limit"\nlevel = "required"\n'
        f'structures = ["{LEFT}"]\ncourse = "{course}"\ngoal = "{goal}"\nreading = "session_sum"\n{more}'
        'source = "a test"\n'
    )


class TestTheDayThatWasJudged:
    """10 fractions of one plan and 18 of another, which gives the left carotid less."""

    REPLANNED = Path(__file__).parents[1] / "sample_plans" / "redefine_replanned"

    def test_it_is_the_worst_one_for_the_goal(self) -> None:
        """Of a limit from below that is the day with the least dose, not the one with the hottest spot."""
        result = judged(
            dosecalc.read_case(self.REPLANNED),
            protocol=session_rule("D95% >= 1.2 Gy/fx", course="definitive"),
            only=["R15.x"],
        )
        (found,) = result.findings
        drawn = line(figure(result, "day-definitive"), LEFT)
        assert found.measured is not None
        assert drawn.at_percent[PERCENTS.index(95)].value == pytest.approx(found.measured)
        assert "days 11 to 28" in drawn.quantity

    def test_a_day_without_a_dose_leaves_it_open(self) -> None:
        """The rule cannot pass for want of the second plan's dose, and the line is a lower bound."""
        case = dosecalc.read_case(self.REPLANNED)
        without = replace(case, doses=tuple(d for d in case.doses if "adapted" not in d.source))
        assert len(without.doses) == len(case.doses) - 1
        protocol = session_rule("D0.03cc < 2.5 Gy/fx", course="definitive")
        result = judged(without, protocol=protocol, only=["R15.x"])
        assert result.findings[0].outcome is Outcome.NOT_EVALUATED
        found = figure(result, "day-definitive")
        assert line(found, LEFT).is_open
        assert any(note.startswith(f"{LEFT}: a lower bound: ") for note in found.notes)

    def test_each_plan_by_itself_is_drawn_by_itself(self) -> None:
        """The boost gives 2.5 Gy alone and keeps the limit, the session 3.3 Gy."""
        protocol = extended('[[rules]]\nid = "R15"\nreading = "each_plan"\n')
        case = make_case(change={"boost": Changed(left_gy=2.5)})
        found = figure(judged(case, protocol=protocol, only=["R15"]), "day-induction")
        drawn = line(found, LEFT)
        assert at(drawn, 2.5 - STEP_GY) == pytest.approx(100)
        assert at(drawn, 2.5 + STEP_GY) == 0
        assert "Boost alone" in drawn.quantity
        assert {li.outcome for li in found.limits} == {Outcome.PASS}

    def test_each_rule_has_the_line_that_it_judged(self) -> None:
        """One per plan and one per session, on the same carotid: two lines, each with its own limit."""
        protocol = session_rule("D0.03cc < 3 Gy/fx").rules
        per_plan = [
            replace(r, test=replace(r.test, reading=SessionReading.EACH_PLAN))
            for r in protocol
            if r.id == "R15.x" and isinstance(r.test, SessionLimit)
        ]
        both = replace(redefine(), rules=(*redefine().rules, *per_plan))
        case = make_case(change={"boost": Changed(left_gy=2.5)})
        found = figure(judged(case, protocol=both, only=["R15", "R15.x"]), "day-induction")
        by_quantity = {li.quantity: li for li in found.lines if li.structure == LEFT}
        doses = {quantity: li.at_percent[0].value for quantity, li in by_quantity.items()}
        assert sorted(doses.values()) == pytest.approx([2.5, 3.3])
        limits = {li.rule: doses[li.quantity] for li in found.limits if li.structure == LEFT}
        assert limits == {"R15": pytest.approx(3.3), "R15.x": pytest.approx(2.5)}
        assert found.title == "Dose of one day and one plan alone in one day of the induction course"

    def test_a_plan_that_is_all_of_a_session_has_a_line_for_each_reading(self) -> None:
        """The dose of both is the same, and what it is the dose of is not."""
        both = (SessionReading.SESSION_SUM, SessionReading.EACH_PLAN)
        (rule,) = (r for r in session_rule("D0.03cc < 3 Gy/fx", course="definitive").rules if r.id == "R15.x")
        assert isinstance(rule.test, SessionLimit)
        rules = tuple(replace(rule, id=r.value, test=replace(rule.test, reading=r)) for r in both)
        found = figure(judged(make_case(), protocol=replace(redefine(), rules=rules)), "day-definitive")
        assert len({li.quantity for li in found.lines}) == 2
        assert [li.quantity for li in found.limits] == [li.quantity for li in found.lines]

    def test_what_could_not_be_judged_has_no_line(self) -> None:
        result = judged(make_case(no_dose=["low", "boost"]), only=["R15"])
        assert {f.outcome for f in result.findings} == {Outcome.NOT_EVALUATED}
        assert [f.key for f in result.draw().figures if f.key.startswith("day")] == []


def test_a_volume_that_a_structure_does_not_have_is_judged_by_its_maximum() -> None:
    """D99cc of a carotid of some cm3: the mark stands at the maximum, not at all of the volume."""
    (limit,) = figure(judged(with_prior(), protocol=cumulative("D99cc < 50 Gy")), "physical").limits
    assert (limit.dose_gy, limit.percent, limit.outcome) == (50.0, 0.0, Outcome.FAIL)


def test_the_doses_in_numbers_have_the_ends_of_the_band() -> None:
    """EQD2 of the left carotid at a/b 2 and 3: one dose everywhere, so every percentage has the same ends."""
    drawn = line(figure(prior_result(), "eqd2"), LEFT)
    for interval in drawn.at_percent:
        assert interval.value == pytest.approx(eqd2_gy(3.0))
        assert interval.low == pytest.approx(eqd2_gy(2.0), abs=0.05)  # and what sampling adds
        assert interval.high == pytest.approx(eqd2_gy(3.0), abs=0.05)


def test_the_band_of_what_is_not_reached_begins_at_what_is_certain() -> None:
    """What the low dose gives is certain, though the boost does not reach."""
    left = box(name=LEFT, low=(26, -4, -28), high=(34, 4, 28))
    case = make_case(change={"boost": Changed(cut_x_mm=(-45.0, 30.0))}, structures={LEFT: left})
    found = figure(judged(case), "day-induction")
    drawn = line(found, LEFT)
    assert drawn.is_lower_bound
    assert drawn.low_percent == pytest.approx(drawn.percent)
    assert any("have no known dose" in note and LEFT in note for note in found.notes)


def test_only_lines_that_miss_a_course_are_said_to() -> None:
    """The prior course is known as numbers for the left carotid alone: from 40 to 45 Gy."""
    prior = CourseStatement(
        prescription_gy=Decimal(70), fractions=35, doses={LEFT: Numbers(least_gy=40.0, most_gy=45.0)}
    )
    found = figure(judged(make_case(statement=make_statement(courses={"prior": prior}))), "physical")
    (note,) = (n for n in found.notes if n.startswith("lower bounds: "))
    assert RIGHT in note
    assert LEFT not in note
    assert any(n.startswith(f"{LEFT}: a course is known as numbers only") for n in found.notes)
    assert (line(found, LEFT).is_lower_bound, line(found, LEFT).is_open) == (True, False)


@pytest.mark.parametrize(("most_gy", "is_least"), [(45.0, True), (40.0, False)])
def test_the_low_end_of_numbers_is_called_a_lower_bound(most_gy: float, is_least: bool) -> None:
    """Of 40 to 45 Gy the line has 40, at least; of 40 Gy everywhere it is what it is."""
    drawn = line(figure(judged(prior_numbers(40.0, most_gy)), "physical"), LEFT)
    assert drawn.is_lower_bound == is_least
    assert at(drawn, 3 * 2.0 + 28 * 1.6 + 40.0 - STEP_GY) == pytest.approx(100)


def prior_numbers(least_gy: float, most_gy: float) -> Case:
    """Of the prior course the least and the most dose of the left carotid are known."""
    numbers = {LEFT: Numbers(least_gy=least_gy, most_gy=most_gy)}
    prior = CourseStatement(prescription_gy=Decimal(70), fractions=35, doses=numbers)
    return make_case(statement=make_statement(courses={"prior": prior}))


def test_the_range_of_a_b_is_in_the_band_of_a_course_known_as_numbers_too() -> None:
    """63 Gy in 35 fractions, known as one number: the same sum, and so the same ends, as of its doses."""
    drawn = line(figure(judged(prior_numbers(63.0, 63.0)), "eqd2"), LEFT)
    low, high = eqd2_gy(2.0), eqd2_gy(3.0)
    for interval in drawn.at_percent:
        assert interval.low == pytest.approx(low, abs=0.05)
        assert interval.high == pytest.approx(high, abs=0.05)
    middle = (low + high) / 2
    ends = [np.interp(middle, drawn.dose_gy, y) for y in (drawn.low_percent, drawn.high_percent)]
    assert ends == pytest.approx([0, 100])
    assert drawn.is_lower_bound


def test_end_caps_and_sampling_are_in_the_band_of_a_course_known_as_numbers_too() -> None:
    """A cord with a slope of dose, with a prior dose of 10 Gy everywhere and without one."""
    cord = {CORD: box(name=CORD, low=(-30, -10, -28), high=(30, 10, 28))}
    numbers = {CORD: Numbers(least_gy=10.0, most_gy=10.0)}
    prior = CourseStatement(prescription_gy=Decimal(70), fractions=35, doses=numbers)
    known = make_case(structures=cord, statement=make_statement(courses={"prior": prior}))
    drawn = line(figure(judged(known), "physical"), CORD)
    none = make_case(structures=cord, plans=("low", "boost", "definitive"))
    alone = line(figure(judged(none), "physical"), CORD)
    widths = []
    for with_prior_, without in zip(drawn.at_percent, alone.at_percent, strict=True):
        assert with_prior_.value - 10 == pytest.approx(without.low, abs=1e-3)
        widths.append(with_prior_.high - with_prior_.low)
    assert max(widths) > 0.05


@functools.cache
def broken_off() -> CheckResult:
    """Half of a boost fraction may have given nothing or all of it; nothing is known of the prior dose."""
    folder = Path(__file__).parents[1] / "sample_plans" / "redefine_broken_off"
    return judged(dosecalc.read_case(folder), cells=300)


@pytest.mark.parametrize("name", [CORE, LEFT, CORD])
@pytest.mark.parametrize(
    ("key", "stage"), [("physical", Stage.PROJECTED), ("physical", Stage.GIVEN), ("eqd2", Stage.PROJECTED)]
)
def test_a_lower_bound_claims_no_more_than_the_table(name: str, key: str, stage: Stage) -> None:
    """What the table has as certain for the maximum, no part of the line may pass."""
    (doses,) = (s for s in broken_off().structures if s.name == name)
    rows = doses.delivered if stage is Stage.GIVEN else doses.rows
    (total,) = (r for r in rows if r.course == "total")
    metrics = total.physical if key == "physical" else total.eqd2
    if metrics is None:
        pytest.skip("the table has no such dose")
    drawn = line(figure(broken_off(), key), name, stage)
    assert drawn.is_lower_bound
    assert drawn.percent == pytest.approx(drawn.low_percent)
    near_percent = 100 * 0.03 / drawn.volume_cm3
    assert at(drawn, metrics.near_max_gy.certain + 0.01) <= near_percent + 0.05
    assert all(i.certain <= metrics.max_gy.certain + 1e-9 for i in drawn.at_percent)


def test_no_band_runs_to_the_edge_where_all_is_covered() -> None:
    """A band past the highest dose would say that volume without a known dose is there."""
    for found in prior_result().draw().figures:
        for drawn in found.lines:
            assert drawn.uncovered_cm3 == 0
            assert drawn.high_percent[-1] == pytest.approx(0, abs=1e-9)


def test_the_band_has_its_corners_beyond_the_line() -> None:
    """Half of the line, from 40 to 50 Gy, may as well be from 35 to 60 Gy: its band reaches there."""
    curve = Curve.from_cells([45.0, 45.0], [1.0, 1.0], span_gy=[10.0, 10.0])
    wider = Curve.from_cells([37.5, 45.0, 55.0], [0.5, 1.0, 0.5], span_gy=[5.0, 10.0, 10.0])
    ends = Ends.of_curves([replace(curve, others=lambda: (("end caps", wider),))], is_open=False)
    for gy in np.linspace(0, 65, 131):
        both = curve.percent_at_dose(gy), wider.percent_at_dose(gy)
        low, high = (np.interp(gy, ends.dose_gy, end) for end in (ends.low, ends.high))
        assert (low, high) == pytest.approx((min(both), max(both)), abs=0.5), gy


def test_two_structures_of_one_name_stay_two() -> None:
    """Another structure is stated to be the left carotid; the one that bears the name has its number too."""
    stated = make_statement(structures={LEFT: "Vessel"}, courses={"prior": CourseStatement()})
    vessel = replace(box(name="Vessel", low=(26, -4, -28), high=(34, 4, 28)), number=99)
    result = judged(make_case(statement=stated, structures={"Vessel": vessel}))
    names = [s.name for s in result.structures]
    assert len(set(names)) == len(names)
    assert f"{LEFT} (ROI {NUMBERS[LEFT]})" in names
    lines = [(li.structure, li.stage) for li in figure(result, "physical").lines]
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize(
    ("goal", "has_one"),
    [
        ("D0.03cc < 1 Gy/fx", True),
        ("Dmax < 1 Gy/fx", True),
        ("D2% < 1 Gy/fx", True),
        ("D50% < 1 Gy/fx", False),
        ("Mean < 1 Gy/fx", False),
        ("D0.1cc > 9 Gy/fx", False),
    ],
)
def test_a_hot_spot_is_shown_for_what_bounds_it_from_above(goal: str, has_one: bool) -> None:
    result = judged(make_case(), protocol=session_rule(goal), only=["R15.x"])
    assert result.findings[0].outcome is Outcome.FAIL
    assert (result.findings[0].hot_spot_xyz_mm is not None) == has_one
    assert len(result.draw().hot_spots) == has_one
