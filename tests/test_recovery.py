"""Recovery of a prior course, and the range of a/b: shown with and without, and never for tumour."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from cases import (
    INDUCTION_DATES,
    LEFT,
    LESION,
    UIDS,
    Changed,
    cumulative,
    extended,
    judged,
    make_case,
    make_statement,
    one,
)
from factories import make_box, make_dose, make_lattice, make_uniform_dose

from dosecalc import Bed, Eqd2, Finding, Ledger, Outcome, Physical, Protocol, accumulate, bed, eqd2
from dosecalc.case import Case
from dosecalc.celldoses import cell_doses
from dosecalc.envelopes import uniform
from dosecalc.errors import QuantityError, TomlError
from dosecalc.intervals import Source
from dosecalc.statement import CourseStatement, Grouping, PlanStatement

PASS, FAIL = Outcome.PASS, Outcome.FAIL
PRIOR, NOW = (
    float(eqd2(35 * 1.8, fractions=35, alpha_beta_gy=3)),
    float(eqd2(3 * 2.0, fractions=3, alpha_beta_gy=3) + eqd2(28 * 1.6, fractions=28, alpha_beta_gy=3)),
)
"""Of the carotids: 60.48 and 47.216 Gy."""


class TestScripts:
    @pytest.mark.parametrize(
        ("recovered", "total"), [(0.0, 136.8), (0.1, 129.8), (0.25, 119.3), (0.5, 101.8)]
    )
    def test_a_carotid(self, recovered: float, total: float) -> None:
        """CLINICAL.md, section 1: 70/35 + 3 x 3 + 56/28 at a/b 3."""
        doses = [(make_uniform_dose(gy=d), n) for d, n in ((70.0, 35), (9.0, 3), (56.0, 28))]
        ledger = Ledger.from_doses(doses)
        prior = ledger.courses[0]
        found = accumulate(ledger, make_box(), Eqd2(alpha_beta_gy=3.0), recovery={prior: recovered})
        assert found.mean_gy == pytest.approx(total, abs=1e-9)

    def test_after_conversion_and_not_before(self) -> None:
        ledger = Ledger.from_doses([(make_uniform_dose(gy=70.0), 35)])
        found = accumulate(ledger, make_box(), Bed(alpha_beta_gy=2.0), recovery={"course 1": 0.5})
        assert found.mean_gy == pytest.approx(70.0)  # half of 140; of half the dose it would be 52.5

    def test_the_change_across_cells_is_that_of_what_is_kept(self) -> None:
        ramp = make_dose(field=lambda x, y, z: 60 + 0.5 * x)
        ledger, box = Ledger.from_doses([(ramp, 30), (make_uniform_dose(gy=10.0), 5)]), make_box()
        quantity = Eqd2(alpha_beta_gy=3.0)
        half = accumulate(ledger, box, quantity, recovery={"course 1": 0.5})
        whole = accumulate(Ledger.from_doses([(ramp, 30)]), box, quantity)
        rest = accumulate(Ledger.from_doses([(make_uniform_dose(gy=10.0), 5)]), box, quantity)
        assert half.max_gy == pytest.approx(whole.max_gy / 2 + rest.max_gy)
        assert half.min_gy == pytest.approx(whole.min_gy / 2 + rest.min_gy)

    def test_refused(self) -> None:
        ledger = Ledger.from_doses([(make_uniform_dose(gy=70.0), 35)])
        with pytest.raises(QuantityError, match="expected BED or EQD2, which it is about, found physical"):
            accumulate(ledger, make_box(), Physical(), recovery={"course 1": 0.5})
        for recovery in ({"course 1": 1.5}, {"prior": 0.5}):
            with pytest.raises(QuantityError, match="shares of 0 to 1 of courses course 1"):
                accumulate(ledger, make_box(), Eqd2(alpha_beta_gy=3.0), recovery=recovery)


RULE = """
[[recovery]]
structures = ["{name}"]
course = "prior"
months = [6, 12]
percent = [25, 50]
source = "t"
"""


def recovering(goal: str, *, judged_so: bool = False, name: str = LEFT) -> Protocol:
    more = "recovered = true\n" if judged_so else ""
    return cumulative(goal, more=more + RULE.format(name=name))


def with_prior(last: dt.date = dt.date(2024, 3, 1)) -> Case:
    return make_case(
        plans=("prior", "low", "boost", "definitive"),
        statement=make_statement(
            plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
            courses={"prior": CourseStatement(last_date=last)},
        ),
    )


def of(case: Case, protocol: Protocol) -> Finding:
    return one(judged(case, only=("R40.x",), protocol=protocol, cells=30), "R40.x")


class TestCheck:
    """Two years after the prior course: half of its 60.48 Gy."""

    def test_a_limit_that_was_derived_without_is_judged_without(self) -> None:
        found = of(with_prior(), recovering("D0.03cc < 107 Gy EQD2(3)"))
        assert (found.outcome, found.measured) == (FAIL, pytest.approx(PRIOR + NOW))
        (shown,) = [r for r in found.shown_readings if "recovery" in r.name]
        assert shown.name == "less recovery of 50 % of the prior course"
        assert shown.value == pytest.approx(PRIOR / 2 + NOW)

    def test_one_that_was_derived_with_it(self) -> None:
        found = of(with_prior(), recovering("D0.03cc < 107 Gy EQD2(3)", judged_so=True))
        assert (found.outcome, found.measured) == (PASS, pytest.approx(PRIOR / 2 + NOW))
        assert "; less recovery of 50 % of the prior course" in found.message
        (shown,) = [r for r in found.shown_readings if "recovery" in r.name]
        assert (shown.name, shown.value) == ("without recovery", pytest.approx(PRIOR + NOW))

        (part,) = [c for c in found.contributors if c.course == "prior"]
        assert part.value == pytest.approx(PRIOR / 2)

    @pytest.mark.parametrize(
        ("last", "kept"),
        [
            (dt.date(2025, 10, 1), 1.0),  # five months before 2 March 2026
            (dt.date(2025, 8, 20), 0.75),
            (dt.date(2025, 2, 20), 0.5),
        ],
    )
    def test_by_the_interval(self, last: dt.date, kept: float) -> None:
        found = of(with_prior(last), recovering("D0.03cc < 900 Gy EQD2(3)", judged_so=True))
        assert found.measured == pytest.approx(kept * PRIOR + NOW)

    def test_without_dates_nothing_is_recovered(self) -> None:
        case = make_case(
            plans=("prior", "low", "boost", "definitive"),
            statement=make_statement(
                plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))],
                courses={"prior": CourseStatement(), "induction": CourseStatement()},
            ),
        )
        found = of(case, recovering("D0.03cc < 900 Gy EQD2(3)", judged_so=True))
        assert found.measured == pytest.approx(PRIOR + NOW)

    def test_physical_dose_is_as_it_is(self) -> None:
        found = of(with_prior(), recovering("Dmax < 900 Gy"))
        assert found.measured == pytest.approx(35 * 1.8 + 3 * 2.0 + 28 * 1.6)
        assert not [r for r in found.shown_readings if "recovery" in r.name]

    def test_a_course_known_as_numbers(self) -> None:
        course = CourseStatement(
            prescription_gy=Decimal(70),
            fractions=35,
            last_date=dt.date(2024, 3, 1),
            doses={LEFT: uniform(63.0)},
        )
        case = make_case(statement=make_statement(courses={"prior": course}))
        found = of(case, recovering("D0.03cc < 900 Gy EQD2(3)", judged_so=True))
        assert found.measured == pytest.approx(PRIOR / 2 + NOW)

    def test_the_table_has_both(self) -> None:
        result = judged(with_prior(), only=("R42",), protocol=recovering("Dmax < 900 Gy"), cells=30)
        rows = {r.course: r for s in result.structures if s.name == LEFT for r in s.rows}
        with_, without = rows["total, recovered"].eqd2, rows["total"].eqd2
        assert with_ is not None
        assert without is not None
        assert with_.mean_gy.value == pytest.approx(PRIOR / 2 + NOW)
        assert without.mean_gy.value == pytest.approx(PRIOR + NOW)
        assert rows["total, recovered"].physical is None

    @pytest.mark.parametrize(
        ("judged_so", "said"),
        [
            (True, "recovery of prior dose in R40.x only"),
            (False, "no recovery of prior dose in any sum that"),
        ],
    )
    def test_what_the_sums_rest_on(self, judged_so: bool, said: str) -> None:
        protocol = recovering("D0.03cc < 900 Gy EQD2(3)", judged_so=judged_so)
        found = judged(with_prior(), only=("R40.x",), protocol=protocol, cells=30).assumptions
        assert any(said in a and "no repopulation but in rows of its own" in a for a in found)

    def test_off_by_default(self) -> None:
        result = judged(with_prior(), only=("R42",), cells=30)
        assert not [r for s in result.structures for r in s.rows if r.course == "total, recovered"]


class TestProtocol:
    @pytest.mark.parametrize(
        ("before", "after", "words"),
        [
            (f'"{LEFT}"', f'"{LESION}"', f"expected organs, found '{LESION}', which is a tumour"),
            (f'"{LEFT}"', '"Elbow"', "found 'Elbow'"),
            ('"prior"', '"first"', r"recovery\[1\].course"),
            ("[25, 50]", "[25]", "expected one for each of months"),
            ("[25, 50]", "[50, 25]", "percent: expected rising numbers"),
            ("[25, 50]", "[50, 125]", "percent: expected rising numbers"),
            ("[6, 12]", "[-6, 12]", "months: expected rising numbers"),
            ('source = "t"', "", "source"),
            (f'"{LEFT}"', f'"{LEFT}", "{LEFT}"', "expected each once for a course"),
        ],
    )
    def test_refused(self, before: str, after: str, words: str) -> None:
        rule = RULE.format(name=LEFT)
        assert before in rule
        with pytest.raises(TomlError, match=words):
            extended(rule.replace(before, after))

    def test_a_physical_limit_knows_no_recovery(self) -> None:
        with pytest.raises(TomlError, match="recovered: expected a goal in BED or EQD2"):
            recovering("Dmax < 70 Gy", judged_so=True)


class TestRangeOfAlphaBeta:
    def test_points_that_move_in_opposite_directions(self) -> None:
        """The smaller of two points is 109.82, 111.14 and 109.83 Gy at a/b 2, 3 and 4 (CLINICAL.md)."""
        counts, points = (35, 3, 28), ((1.756, 1.263, 1.829), (0.850, 6.102, 1.972))
        for alpha_beta, expected in ((2.0, 109.82), (3.0, 111.14), (4.0, 109.83)):
            sums = [
                sum(
                    float(eqd2(n * d, fractions=n, alpha_beta_gy=alpha_beta))
                    for n, d in zip(counts, each, strict=True)
                )
                for each in points
            ]
            assert min(sums) == pytest.approx(expected, abs=0.006)

    def test_what_is_certain_of_a_sum_less_a_loss(self) -> None:
        """The second dose ends in the middle: 60 Gy in 30 fractions less 15, and what the loss eats up."""
        whole = make_lattice()
        lattice = replace(whole, x_mm=whole.x_mm[whole.x_mm <= 0])
        half = make_dose(field=lambda x, y, z: 20 + 0 * x, lattice=lattice)
        ledger = Ledger.from_doses([(make_uniform_dose(gy=60.0), 30), (half, 10)])
        cells = cell_doses(make_box(), ledger.grids())
        first, second = (float(bed(gy, fractions=n, alpha_beta_gy=3.0)) for gy, n in ((60, 30), (20, 10)))
        curve = cells.lessened(ledger, Bed(alpha_beta_gy=3.0), {"course 1": 15.0, "course 2": 40.0})
        assert 0 < curve.uncovered_cm3 < curve.volume_cm3
        assert second < 40
        assert curve.bounds(lambda c: c.mean_gy).low == pytest.approx(first - 15)

    def test_an_enclosure_holds_every_value_within(self) -> None:
        """Doses of two courses that cross: metrics at any a/b of the range lie within the enclosure."""
        rising = make_dose(field=lambda x, y, z: np.maximum(40 + 3 * x, 0))
        falling = make_dose(field=lambda x, y, z: np.maximum(12 - 1.2 * x, 0))
        ledger, box = Ledger.from_doses([(rising, 35), (falling, 3)]), make_box()
        cells = cell_doses(box, ledger.grids())
        ends = [Eqd2(alpha_beta_gy=a) for a in (2.0, 4.0)]
        between = cells.between(ledger, ends)
        for alpha_beta in np.linspace(2.0, 4.0, 9):
            curve = cells.curve(ledger, Eqd2(alpha_beta_gy=float(alpha_beta)))
            for metric in (
                lambda c: c.dose_at_volume(0.03),
                lambda c: c.dose_at_percent(95),
                lambda c: c.mean_gy,
            ):
                assert metric(between.low) - 1e-9 <= metric(curve) <= metric(between.high) + 1e-9
        for volume in (0.03, 1.0, 2.4):
            low, high = ([accumulate(ledger, box, e).dose_at_volume(volume) for e in ends] for _ in range(2))
            assert between.low.dose_at_volume(volume) <= min(low) + 1e-9
            assert between.high.dose_at_volume(volume) >= max(high) - 1e-9

    def test_row_and_band(self) -> None:
        """One dose everywhere: EQD2 at a/b 2 and 3 of 35 x 1.8, 3 x 2 and 28 x 1.6 Gy."""
        result = judged(
            with_prior(), only=("R40.x",), protocol=cumulative("D0.03cc < 900 Gy EQD2(3)"), cells=30
        )
        rows = {r.course: r for s in result.structures if s.name == LEFT for r in s.rows}
        band = rows["total, a/b 2 to 3"].eqd2
        assert band is not None
        ends = [
            float(
                eqd2(35 * 1.8, fractions=35, alpha_beta_gy=a)
                + eqd2(6.0, fractions=3, alpha_beta_gy=a)
                + eqd2(28 * 1.6, fractions=28, alpha_beta_gy=a)
            )
            for a in (2.0, 3.0)
        ]
        assert (band.mean_gy.low, band.mean_gy.high) == (
            pytest.approx(min(ends)),
            pytest.approx(max(ends)),
        )
        found = one(result, "R40.x")
        assert found.band is not None
        shown = found.band.by_source[Source.ALPHA_BETA]
        assert (shown.low, shown.high) == (pytest.approx(min(ends)), pytest.approx(max(ends)))

    @pytest.mark.parametrize("numbers", [True, False])
    def test_sessions_of_a_day_apart_or_together(self, numbers: bool) -> None:
        """3 x (1.4 and 1.4), then 28 x 1.6 Gy: BED at a/b 3 apart 81.01, at a/b 2 together 100.80."""
        courses = {"induction": CourseStatement(grouping=Grouping.SEPARATE_SESSIONS, dates=INDUCTION_DATES)}
        change = {n: Changed(left_gy=gy) for n, gy in (("low", 1.4), ("boost", 1.4), ("prior", 0.0))}
        plans = ["low", "boost", "definitive"]
        if numbers:  # of a prior course that gave nothing
            nothing = {LEFT: uniform(0.0)}
            courses["prior"] = CourseStatement(prescription_gy=Decimal(70), fractions=35, doses=nothing)
            statement = make_statement(courses=courses)
        else:
            plans, courses["prior"] = ["prior", *plans], CourseStatement()
            statement = make_statement(
                plans=[PlanStatement(uid=UIDS["prior"], roles=("prior",))], courses=courses
            )
        case = make_case(change=change, plans=plans, statement=statement)

        def of_days(a: float, *sessions: float) -> float:
            return sum(d * (1 + d / a) for d in sessions) * 3 + 28 * 1.6 * (1 + 1.6 / a)

        more = 'uncertain_by = ["numerical", "stated_bound", "alpha_beta"]\n'
        protocol = cumulative("Mean < 100 Gy BED(3)", more=more)
        result = judged(case, only=("R40.x",), protocol=protocol, cells=30)
        rows = {r.course: r.bed for s in result.structures if s.name == LEFT for r in s.rows}
        over = rows["total, a/b 2 to 3"]
        assert over is not None
        assert over.mean_gy.low == pytest.approx(of_days(3, 1.4, 1.4))
        assert over.mean_gy.high == pytest.approx(of_days(2, 2.8))
        found = one(result, "R40.x")
        assert found.deciding is not None
        assert found.deciding.high == pytest.approx(of_days(2, 2.8))
        assert found.outcome is Outcome.UNCERTAIN

    def test_it_decides_only_where_the_protocol_says_so(self) -> None:
        assert of(with_prior(), cumulative("D0.03cc < 179.6 Gy BED(3)")).outcome is PASS
        more = 'uncertain_by = ["numerical", "stated_bound", "alpha_beta"]\n'
        assert of(with_prior(), cumulative("D0.03cc < 179.6 Gy BED(3)", more=more)).outcome is (
            Outcome.UNCERTAIN
        )
