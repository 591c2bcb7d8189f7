"""Effect of fractionated dose, against the tables of the clinical reference and published anchors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dosecalc.errors import QuantityError
from dosecalc.quantities import LqL
from dosecalc.radiobiology import (
    bed,
    bed_to_eqd2,
    eqd2,
    geud,
    pair_bed,
    repopulated_bed,
    session_bed,
    unrepaired_share,
)

HALF_UNIT = 0.5e-4
"""The tables print four decimals."""

SCHEDULES = [
    # fractions, dose per fraction, {a/b: (BED, EQD2)}
    (35, 2.0, {2: (140, 70), 3: (116.6667, 70), 10: (84, 70)}),
    (33, 2.12, {2: (144.1176, 72.0588), 3: (119.3984, 71.6390), 10: (84.7915, 70.6596)}),
    (28, 2.0, {2: (112, 56), 3: (93.3333, 56), 10: (67.2, 56)}),
    (3, 1.5, {2: (7.875, 3.9375), 3: (6.75, 4.05), 10: (5.175, 4.3125)}),
    (3, 5.0, {2: (52.5, 26.25), 3: (40, 24), 10: (22.5, 18.75)}),
    (3, 6.5, {2: (82.875, 41.4375), 3: (61.75, 37.05), 10: (32.175, 26.8125)}),
    (3, 3.0, {2: (22.5, 11.25), 3: (18, 10.8), 10: (11.7, 9.75)}),
    (68, 1.2, {2: (130.56, 65.28), 3: (114.24, 68.544), 10: (91.392, 76.16)}),
    (3, 18.0, {2: (540, 270), 3: (378, 226.8), 10: (151.2, 126)}),
]
ROWS = [
    pytest.param(n, d, float(ab), *values, id=f"{n}x{d:g} at {ab}")
    for n, d, columns in SCHEDULES
    for ab, values in columns.items()
]

DOSES_GY = st.floats(0, 30)
COUNTS = st.integers(1, 70)
ALPHA_BETAS_GY = st.floats(0.5, 20)


@pytest.mark.parametrize(("fractions", "dose_gy", "alpha_beta_gy", "bed_gy", "eqd2_gy"), ROWS)
def test_schedules_of_the_reference_table(
    fractions: int, dose_gy: float, alpha_beta_gy: float, bed_gy: float, eqd2_gy: float
) -> None:
    total_gy = fractions * dose_gy
    found_bed = bed(total_gy, fractions=fractions, alpha_beta_gy=alpha_beta_gy)
    found_eqd2 = eqd2(total_gy, fractions=fractions, alpha_beta_gy=alpha_beta_gy)
    assert float(found_bed) == pytest.approx(bed_gy, abs=HALF_UNIT)
    assert float(found_eqd2) == pytest.approx(eqd2_gy, abs=HALF_UNIT)


@pytest.mark.parametrize(("alpha_beta_gy", "published_gy"), [(2.0, 100.0), (4.0, 75.0)])
def test_anchor_of_nieder_2006(alpha_beta_gy: float, published_gy: float) -> None:
    found = bed(50, fractions=25, alpha_beta_gy=alpha_beta_gy)
    assert float(found) == pytest.approx(published_gy, rel=1e-12)


@given(n=COUNTS, alpha_beta_gy=ALPHA_BETAS_GY)
def test_eqd2_of_two_gray_fractions_is_the_dose(n: int, alpha_beta_gy: float) -> None:
    found = eqd2(2.0 * n, fractions=n, alpha_beta_gy=alpha_beta_gy)
    assert float(found) == pytest.approx(2.0 * n, rel=1e-12)


@given(courses=st.lists(st.tuples(COUNTS, DOSES_GY), min_size=1, max_size=5), ab=ALPHA_BETAS_GY)
def test_cumulative_identity(courses: list[tuple[int, float]], ab: float) -> None:
    """``EQD2 = D_total + sum D_k (d_k - 2)/(2 + a/b)``: another way to the same number."""
    found = sum(float(eqd2(n * d, fractions=n, alpha_beta_gy=ab)) for n, d in courses)
    total_gy = sum(n * d for n, d in courses)
    expected = total_gy + sum(n * d * (d - 2) for n, d in courses) / (2 + ab)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(n=COUNTS, d1=DOSES_GY, d2=DOSES_GY, ab=ALPHA_BETAS_GY)
def test_one_session_exceeds_two_by_the_cross_term(n: int, d1: float, d2: float, ab: float) -> None:
    together = n * float(session_bed(d1 + d2, alpha_beta_gy=ab))
    apart = n * float(session_bed(d1, alpha_beta_gy=ab) + session_bed(d2, alpha_beta_gy=ab))
    assert together - apart == pytest.approx(2 * n * d1 * d2 / ab, rel=1e-9, abs=1e-6)


def test_cross_term_of_low_and_boost_is_15_gy() -> None:
    together = bed(19.5, fractions=3, alpha_beta_gy=3.0)
    apart = bed(4.5, fractions=3, alpha_beta_gy=3.0) + bed(15, fractions=3, alpha_beta_gy=3.0)
    assert float(together - apart) == pytest.approx(15.0, abs=1e-12)


@pytest.mark.parametrize(
    ("fractions", "dose_gy", "linear_gy", "quadratic_gy"),
    [(3, 20, 264, 460), (5, 10, 190, 216.667), (3, 6.5, 61.5, 61.75)],
)
def test_linear_quadratic_linear(
    fractions: int, dose_gy: float, linear_gy: float, quadratic_gy: float
) -> None:
    model = LqL(threshold_gy=6, gamma_over_alpha_gy=5)
    total_gy = fractions * dose_gy
    linear = bed(total_gy, fractions=fractions, alpha_beta_gy=3, model=model)
    quadratic = bed(total_gy, fractions=fractions, alpha_beta_gy=3)
    assert float(linear) == pytest.approx(linear_gy, rel=1e-12)
    assert float(quadratic) == pytest.approx(quadratic_gy, abs=5e-4)


@given(dose_gy=st.floats(0, 6), ab=ALPHA_BETAS_GY)
def test_below_its_threshold_lql_is_lq(dose_gy: float, ab: float) -> None:
    model = LqL(threshold_gy=6, gamma_over_alpha_gy=5)
    found = session_bed(dose_gy, alpha_beta_gy=ab, model=model)
    assert float(found) == float(session_bed(dose_gy, alpha_beta_gy=ab))


@pytest.mark.parametrize(
    ("hours", "half_time_h", "eqd2_gy"),
    [(0, 1.5, 37.05), (0, 4.4, 37.05), (6, 1.5, 28.61), (6, 4.4, 31.55), (24, 4.4, 28.26)],
)
def test_incomplete_repair_between_low_and_boost(hours: float, half_time_h: float, eqd2_gy: float) -> None:
    one_day = pair_bed(1.5, 5, hours=hours, half_time_h=half_time_h, alpha_beta_gy=3)
    found = bed_to_eqd2(3 * one_day, alpha_beta_gy=3)
    assert float(found) == pytest.approx(eqd2_gy, abs=0.005)


def test_two_equal_fractions_a_day_after_thames() -> None:
    one_day = pair_bed(1.2, 1.2, hours=6, half_time_h=4.4, alpha_beta_gy=3)
    assert 27 * float(one_day) == pytest.approx(100.7926, abs=HALF_UNIT)


def test_repair_lies_between_one_session_and_two() -> None:
    at_once = pair_bed(1.5, 5, hours=0, half_time_h=1.5, alpha_beta_gy=3)
    never = pair_bed(1.5, 5, hours=math.inf, half_time_h=1.5, alpha_beta_gy=3)
    one_session = float(session_bed(6.5, alpha_beta_gy=3))
    two_sessions = float(session_bed([1.5, 5], alpha_beta_gy=3).sum())
    assert float(at_once) == pytest.approx(one_session, rel=1e-12)
    assert float(never) == pytest.approx(two_sessions, rel=1e-12)
    assert unrepaired_share(4.4, half_time_h=4.4) == 0.5


def test_time_factor() -> None:
    def late(days: float) -> float:
        return float(repopulated_bed(84, days=days, k_gy_per_day=0.9, kickoff_days=28))

    assert late(46) == pytest.approx(67.8, abs=1e-12)
    assert late(28) == late(0) == 84.0
    assert late(1000) == 0.0


@pytest.mark.parametrize(("a", "expected_gy"), [(-10, 11.48582), (1, 22.5), (8, 27.5769)])
def test_geud_of_three_cells(a: float, expected_gy: float) -> None:
    found = geud([10, 20, 30], [0.25, 0.25, 0.5], a=a)
    assert found == pytest.approx(expected_gy, abs=HALF_UNIT if a != -10 else 0.5e-5)


CELLS = st.lists(st.tuples(st.floats(0.01, 80), st.floats(0.01, 5)), min_size=1, max_size=8)


@given(cells=CELLS, a=st.sampled_from([-40.0, -10.0, -1.0, 0.5, 1.0, 8.0, 40.0]), by=st.floats(0.1, 9))
def test_geud_lies_between_the_extremes_and_knows_no_units(
    cells: list[tuple[float, float]], a: float, by: float
) -> None:
    dose_gy, volume_cm3 = np.array(cells).T
    found = geud(dose_gy, volume_cm3, a=a)
    assert dose_gy.min() * (1 - 1e-12) <= found <= dose_gy.max() * (1 + 1e-12)
    assert geud(by * dose_gy, 7 * volume_cm3, a=a) == pytest.approx(by * found, rel=1e-9)
    if a == 1:
        assert found == pytest.approx(np.average(dose_gy, weights=volume_cm3), rel=1e-12)


def test_geud_does_not_overflow() -> None:
    assert geud([60.0, 60.0], [1, 2], a=300) == pytest.approx(60.0, rel=1e-12)


def test_cells_without_volume_count_for_nothing_in_geud() -> None:
    assert geud([0.0, 10.0], [0, 1], a=-10) == 10.0
    assert geud([10.0, 60.0], [1, 0], a=1000) == 10.0


def test_unknown_dose_stays_unknown() -> None:
    assert np.isnan(session_bed([1.0, math.nan], alpha_beta_gy=3)).tolist() == [False, True]
    assert np.isnan(eqd2([1.0, math.nan], fractions=3, alpha_beta_gy=3)).tolist() == [False, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bed(-1, fractions=3, alpha_beta_gy=3), "total_dose_gy: expected no negative dose"),
        (lambda: bed(6, fractions=0, alpha_beta_gy=3), "fractions: expected positive numbers"),
        (lambda: bed(6, fractions=math.nan, alpha_beta_gy=3), "fractions: expected positive"),
        (lambda: bed(6, fractions=3, alpha_beta_gy=0), "alpha_beta_gy: expected a positive"),
        (lambda: eqd2(6, fractions=3, alpha_beta_gy=-2), "alpha_beta_gy: expected a positive"),
        (lambda: session_bed(6, alpha_beta_gy=math.nan), "alpha_beta_gy: expected a positive"),
        (lambda: bed_to_eqd2(6, alpha_beta_gy=math.inf), "alpha_beta_gy: expected a positive"),
        (lambda: unrepaired_share(-1, half_time_h=1), "hours: expected zero or more, found -1"),
        (lambda: unrepaired_share(1, half_time_h=0), "half_time_h: expected a positive"),
        (lambda: geud([1], [1], a=0), "a: expected a finite number other than 0"),
        (lambda: geud([1], [0], a=1), "volume_cm3: expected volumes of 0 or more"),
        (lambda: geud([1, 2], [2, -1], a=1), "volume_cm3: expected volumes of 0 or more"),
        (lambda: LqL(threshold_gy=0, gamma_over_alpha_gy=5), "threshold_gy: expected a positive"),
        (
            lambda: repopulated_bed(84, days=math.nan, k_gy_per_day=0.9, kickoff_days=28),
            "days: expected a finite number",
        ),
        (
            lambda: repopulated_bed(84, days=46, k_gy_per_day=-0.9, kickoff_days=28),
            "k_gy_per_day: expected a finite number",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(QuantityError) as caught:
        call()
    assert str(caught.value).startswith(message)
