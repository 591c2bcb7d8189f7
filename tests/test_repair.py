"""Incomplete repair between sessions of one day: from their times to BED, EQD2 and verdicts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from cases import CORE, extended, judged, make_case, make_statement, one
from factories import make_box, make_dose, make_uniform_dose
from test_visits import begun, induction

from dosecalc import Bed, Eqd2, Ledger, LqRepair, Physical, Protocol, accumulate
from dosecalc.case import Case
from dosecalc.celldoses import cell_doses
from dosecalc.courses import build_treatment
from dosecalc.doses import DoseGrid
from dosecalc.findings import Finding
from dosecalc.quantities import Lq, LqL, Model
from dosecalc.radiobiology import bed_to_eqd2, day_bed, day_bed_slopes, session_bed
from dosecalc.sessions import Contribution, GridFraction, Session, whole_dose_fraction
from dosecalc.statement import CourseStatement, Grouping

MONDAY = dt.datetime(2026, 3, 2, 9)


def sessions_of(
    grids: Sequence[tuple[DoseGrid, int]], hours: Sequence[float], days: int, *, timed: bool = True
) -> Ledger:
    """On each of some days one session of each dose, at so many hours after the first."""
    fractions = [whole_dose_fraction(grid, count) for grid, count in grids]
    found = []
    for day in range(days):
        for place, (fraction, after) in enumerate(zip(fractions, hours, strict=True)):
            when = MONDAY + dt.timedelta(days=day, hours=after)
            found.append(
                Session(
                    course="c",
                    number=day * len(fractions) + place + 1,
                    day=day + 1,
                    contributions=(Contribution(fraction=fraction),),
                    date=when.date() if timed else None,
                    time=when.time() if timed else None,
                    hours=None if timed else after,
                )
            )
    return Ledger(sessions=tuple(found))


def low_and_boost() -> list[tuple[DoseGrid, int]]:
    return [(make_uniform_dose(gy=4.5), 3), (make_uniform_dose(gy=15.0), 3)]


def eqd2(half_time_h: float) -> Eqd2:
    return Eqd2(alpha_beta_gy=3.0, model=LqRepair(half_time_h=half_time_h))


class TestNumbers:
    @pytest.mark.parametrize(
        ("hours", "half_time_h", "expected"),
        [(0, 1.5, 37.05), (6, 1.5, 28.61), (6, 4.4, 31.55), (24, 4.4, 28.26)],
    )
    def test_pair(self, hours: float, half_time_h: float, expected: float) -> None:
        """CLINICAL.md, section 1: 3 x (1.5, 5) Gy at a/b 3, EQD2."""
        bed = 3 * day_bed(
            (1.5, 5), hours=(0, hours), alpha_beta_gy=3, model=LqRepair(half_time_h=half_time_h)
        )
        assert float(bed_to_eqd2(bed, alpha_beta_gy=3)) == pytest.approx(expected, abs=0.005)

    def test_three_a_day_by_hand(self) -> None:
        """Thames with m = 3: pairs 4 h, 4 h and 8 h apart at a half-time of 4 h: theta 1/2, 1/2 and 1/4."""
        found = day_bed((1, 2, 3), hours=(0, 4, 8), alpha_beta_gy=10, model=LqRepair(half_time_h=4))
        assert float(found) == pytest.approx(6 + (1 + 4 + 9 + 2 * (2 / 2 + 6 / 2 + 3 / 4)) / 10, abs=1e-12)

    def test_time_not_known_is_a_lower_bound(self) -> None:
        model = LqRepair(half_time_h=4)
        apart = float(session_bed(1, alpha_beta_gy=3) + session_bed(2, alpha_beta_gy=3))
        assert float(day_bed((1, 2), hours=(0, None), alpha_beta_gy=3, model=model)) == apart

    @pytest.mark.parametrize("model", [None, Lq(), LqL(threshold_gy=6, gamma_over_alpha_gy=5)])
    def test_other_models_know_no_neighbours(self, model: Model | None) -> None:
        apart = sum(float(session_bed(d, alpha_beta_gy=3, model=model)) for d in (1, 8))
        assert float(day_bed((1, 8), hours=(0, 0), alpha_beta_gy=3, model=model)) == apart

    def test_slopes_are_the_derivative(self) -> None:
        doses, hours, model = np.array([1.5, 5.0, 0.7]), (0.0, 3.0, 7.5), LqRepair(half_time_h=2.5)

        def bed(at: np.ndarray) -> float:
            return float(day_bed(list(at), hours=hours, alpha_beta_gy=2.0, model=model))

        slopes = day_bed_slopes(list(doses), hours=hours, alpha_beta_gy=2.0, model=model)
        for place, slope in enumerate(slopes):
            step = np.zeros(3)
            step[place] = 1e-5
            numeric = (bed(doses + step) - bed(doses - step)) / 2e-5
            assert float(slope) == pytest.approx(numeric, abs=1e-6)


class TestLedger:
    def test_two_a_day_of_a_course(self) -> None:
        """Thames' H2: 27 days of 2 x 1.2 Gy, 6 h apart, T 4.4 h, a/b 3: BED 100.7926 (CLINICAL.md)."""
        half = make_uniform_dose(gy=27 * 1.2)
        ledger = sessions_of([(half, 27), (half, 27)], (0, 6), 27)
        quantity = Bed(alpha_beta_gy=3.0, model=LqRepair(half_time_h=4.4))
        assert accumulate(ledger, make_box(), quantity).mean_gy == pytest.approx(100.7926, abs=5e-5)

    @pytest.mark.parametrize("timed", [True, False])
    def test_by_the_clock_or_as_planned(self, timed: bool) -> None:
        ledger = sessions_of(low_and_boost(), (0, 6), 3, timed=timed)
        assert accumulate(ledger, make_box(), eqd2(4.4)).mean_gy == pytest.approx(31.55, abs=0.005)

    def test_over_midnight(self) -> None:
        """21:00 and 03:00 of one prescribed day are 6 h apart."""
        late = sessions_of(low_and_boost(), (12, 18), 3)
        assert {s.date for s in late} == {dt.date(2026, 3, d) for d in (2, 3, 4, 5)}
        assert accumulate(late, make_box(), eqd2(4.4)).mean_gy == pytest.approx(31.55, abs=0.005)

    def test_physical_dose_and_lq_do_not_see_it(self) -> None:
        ledger, box = sessions_of(low_and_boost(), (0, 6), 3), make_box()
        assert accumulate(ledger, box, Physical()).mean_gy == pytest.approx(19.5)
        assert accumulate(ledger, box, Eqd2(alpha_beta_gy=3.0)).mean_gy == pytest.approx(28.05)

    def test_days_whose_times_are_not_known(self) -> None:
        """The first day untimed: apart at least, one visit at most; the others as they are."""
        known = sessions_of(low_and_boost(), (0, 6), 3)
        first = tuple(replace(s, time=None) if s.day == 1 else s for s in known)
        ledger, box = Ledger(sessions=first), make_box()
        two_days, apart, together = 31.55 * 2 / 3, 28.05 / 3, 37.05 / 3
        at_least = accumulate(ledger, box, eqd2(4.4)).mean_gy
        assert at_least == pytest.approx(two_days + apart, abs=0.01)
        at_most = accumulate(ledger.untimed_in_one_visit(), box, eqd2(4.4)).mean_gy
        assert at_most == pytest.approx(two_days + together, abs=0.01)
        assert len(ledger.untimed_in_one_visit()) == 5
        assert len(ledger.in_one_visit_a_day()) == 3

    def test_change_across_cells_follows_the_chain_rule(self) -> None:
        """What the band and the spread of cells rest on: by differences of the total in a linear dose."""
        ramp = make_dose(field=lambda x, y, z: 30 + 0.3 * x)
        flat = make_uniform_dose(gy=15.0)
        ledger = sessions_of([(ramp, 3), (flat, 3)], (0, 6), 3)
        cells = cell_doses(make_box(), ledger.grids())
        ((_, (change, *_)),) = cells._sums(ledger, [eqd2(4.4)], {})
        width = cells.change_gy[ramp][0] / 0.3
        per_fraction = cells.gy[ramp] / 3

        def total(ramp_gy: np.ndarray) -> np.ndarray:
            bed = 3 * day_bed(
                (ramp_gy, 5.0), hours=(0, 6), alpha_beta_gy=3.0, model=LqRepair(half_time_h=4.4)
            )
            return bed_to_eqd2(bed, alpha_beta_gy=3.0)

        numeric = (total(per_fraction + 5e-6) - total(per_fraction - 5e-6)) / 1e-5 * 0.1 * width
        assert change == pytest.approx(numeric, rel=1e-6)

    def test_equal_days_are_worked_on_once(self) -> None:
        (day,) = sessions_of(low_and_boost(), (0, 6), 3).distinct_days()
        assert (day.hours, day.count, len(day.sessions)) == ((0.0, 6.0), 3, 2)
        assert all(
            isinstance(c.fraction, GridFraction) for contributions in day.sessions for c in contributions
        )


def repairing(goal: str, *, half_time: str = "4.4") -> Protocol:
    """REDEFINE with a cumulative limit and a half-time of repair for the core at a/b 3."""
    return extended(
        f'[[structures]]\nname = "{CORE}"\nalpha_beta_gy = 3.0\nalpha_beta_range_gy = [3.0, 3.0]\n'
        f'repair_half_time_h = {half_time}\nmodel_source = "a test"\n'
        '[[rules]]\nid = "R40.x"\ntitle = "cumulative"\nkind = "cumulative_limit"\nlevel = "required"\n'
        f'structures = ["{CORE}"]\ngoal = "{goal}"\nsource = "a test"\n'
    )


def apart(hours: float | None) -> Case:
    """Induction alone, low and boost apart; the definitive course is not planned yet."""
    stated = CourseStatement(grouping=Grouping.SEPARATE_SESSIONS, hours_apart=hours)
    courses = {
        "induction": stated,
        "definitive": CourseStatement(not_planned_yet=True),
    }
    return make_case(plans=("low", "boost"), statement=make_statement(courses=courses))


def limit(case: Case, goal: str, **options: str) -> Finding:
    return one(judged(case, only=("R40.x",), protocol=repairing(goal, **options)), "R40.x")


class TestCheck:
    """3 x (1.5, 5) Gy to the core at a/b 3: EQD2 28.05 apart, 37.05 together, 31.55 with repair over 6 h."""

    def test_value_with_repair(self) -> None:
        found = limit(apart(6.0), "Mean < 31 Gy EQD2(3)")
        assert found.measured == pytest.approx(31.55, abs=0.005)
        assert found.outcome.value == "FAIL"
        assert "EQD2(3, repair 4.4 h)" in found.message

    def test_without_hours_it_lies_between(self) -> None:
        found = limit(apart(None), "Mean < 31 Gy EQD2(3)")
        assert found.measured == pytest.approx(28.05, abs=1e-6)
        assert found.outcome.value != "PASS"
        assert "up to 37.05 Gy without repair" in found.message

    def test_from_the_times_of_records(self) -> None:
        """Low at 9:00, boost 6 h later, by records; the same hours as planned."""
        case = begun(induction(6 * 60))
        result = judged(case, only=("R42",), protocol=repairing("Mean < 99 Gy EQD2(3)"))
        core = next(s for s in result.structures if s.name == CORE)
        for rows in (core.rows, core.delivered):
            row = next(r for r in rows if r.course == "induction")
            assert row.eqd2 is not None
            assert row.eqd2.mean_gy.value == pytest.approx(31.55, abs=0.005)
            assert row.eqd2.mean_gy.high == pytest.approx(31.55, abs=0.005)

    def test_it_is_said(self) -> None:
        result = judged(apart(6.0), only=("R42",), protocol=repairing("Mean < 99 Gy EQD2(3)"))
        said = f"incomplete repair between sessions of one day, half-time 4.4 h (a test): {CORE}"
        assert said in result.assumptions

    def test_planned_hours_are_in_the_book(self) -> None:
        ledger = build_treatment(apart(6.0), extended()).ledger.course("induction")
        assert [s.hours for s in ledger] == [0.0, 6.0] * 3
        assert [s.hours for s in build_treatment(apart(None), extended()).ledger.course("induction")] == [
            None
        ] * 6
