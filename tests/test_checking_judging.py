"""From an interval to an outcome: the algebra of DESIGN's fourth idea, and the digits that show a side."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dosecalc.checking.judging import (
    band_of,
    digits,
    judge,
    judge_within,
    measured,
    name_of,
    near_max,
    numerical_text,
    worst,
)
from dosecalc.curves import Curve
from dosecalc.findings import Outcome
from dosecalc.goals import DoseAtVolume, Extreme, parse_goal
from dosecalc.intervals import Interval, Source

BELOW = parse_goal("D0.03cc < 3 Gy/fx")
STRICTER = parse_goal("Dmax < 3 Gy/fx")
AT_LEAST = parse_goal("D95% >= 95 %")
PASS, FAIL, UNCERTAIN, NOT_EVALUATED = (
    Outcome.PASS,
    Outcome.FAIL,
    Outcome.UNCERTAIN,
    Outcome.NOT_EVALUATED,
)
INF = math.inf
doses = st.floats(0, 6, allow_nan=False).map(lambda v: round(v, 3))


def between(low: float, value: float, high: float) -> Interval:
    return Interval(value=value, low=low, high=high)


@pytest.mark.parametrize(
    ("interval", "outcome"),
    [
        (between(2.9, 2.9, 2.9), PASS),
        (between(2.9996, 2.9996, 2.9996), PASS),
        (between(3.0, 3.0, 3.0), FAIL),
        (between(3.1, 3.1, 3.1), FAIL),
        (between(2.5, 2.8, 2.99), PASS),
        (between(2.5, 2.8, 3.0), UNCERTAIN),
        (between(2.5, 3.1, 3.3), FAIL),
        (between(2.9, 2.9, INF), NOT_EVALUATED),
        (between(3.0, 3.0, INF), FAIL),
        (between(3.2, 3.2, INF), FAIL),
    ],
)
def test_limit_from_above(interval: Interval, outcome: Outcome) -> None:
    assert judge(BELOW, interval) is outcome


@pytest.mark.parametrize(
    ("interval", "outcome"),
    [
        (between(95.0, 95.0, 95.0), PASS),
        (between(94.99, 94.99, 94.99), FAIL),
        (between(93.0, 96.0, 99.0), UNCERTAIN),
        (between(80.0, 80.0, INF), NOT_EVALUATED),
        (between(96.0, 96.0, INF), PASS),
    ],
)
def test_goal_from_below(interval: Interval, outcome: Outcome) -> None:
    assert judge(AT_LEAST, interval) is outcome


@pytest.mark.parametrize(
    ("stated", "numerical", "outcome"),
    [
        (between(2.9, 2.9, 2.9), between(2.8, 2.9, 2.99), PASS),
        (between(2.9, 2.9, 2.9), between(2.8, 2.9, 3.0), UNCERTAIN),
        (between(3.0, 3.0, 3.0), between(2.5, 3.0, 3.1), FAIL),
        # What is known breaks the limit, whatever is missing: a band does not soften that.
        (between(3.05, 3.05, INF), between(2.5, 3.05, 3.1), FAIL),
        (between(2.5, 2.5, INF), between(2.4, 2.5, 2.6), NOT_EVALUATED),
        # Both doubts together reach the limit, neither alone.
        (between(2.5, 2.5, 2.8), between(2.2, 2.5, 2.75), UNCERTAIN),
    ],
)
def test_numerical_doubt_beside_missing_dose(stated: Interval, numerical: Interval, outcome: Outcome) -> None:
    band = band_of(stated, numerical)
    deciding = band.interval([Source.NUMERICAL, Source.STATED_BOUND])
    assert judge_within(BELOW, stated, deciding) is outcome
    # A rule that does not count numerical doubt is judged without it.
    alone = band.interval([Source.STATED_BOUND])
    assert judge_within(BELOW, stated, alone) is judge(BELOW, stated)


def test_no_source_takes_a_dose_or_a_volume_below_0() -> None:
    """Nothing is certain of a volume known as numbers only; its doubt is that of the 4 % that it may be."""
    band = band_of(between(0.0, 0.5, 4.0), between(3.0, 4.0, 5.0))
    assert band.by_source[Source.NUMERICAL] == between(0.0, 0.5, 1.5)
    assert band.interval(list(Source)) == between(0.0, 0.5, 5.0)


def test_text_names_the_end_that_reaches_the_limit() -> None:
    band = band_of(between(2.9, 2.9, 2.9), between(2.8, 2.9, 3.02))
    assert numerical_text(UNCERTAIN, BELOW, band, "Gy") == (
        "; end caps and sampling leave open whether it is 3.02 Gy"
    )
    assert numerical_text(PASS, BELOW, band, "Gy") == ""
    within = band_of(between(2.9, 2.9, 2.9), between(2.8, 2.9, 2.95))
    assert numerical_text(UNCERTAIN, BELOW, within, "Gy") == ""


def test_at_most_holds_on_the_limit_and_below_does_not() -> None:
    on = Interval.exactly(135.5)
    assert judge(parse_goal("Dmax <= 135.5 Gy BED(2)"), on) is PASS
    assert judge(parse_goal("Dmax < 135.5 Gy BED(2)"), on) is FAIL
    assert judge(parse_goal("Dmax > 135.5 Gy BED(2)"), on) is FAIL


@pytest.mark.parametrize("rounded", [2.9999999999999996, 2.999999999999999, 3.0000000000000004])
def test_rounding_of_a_sum_is_no_side_of_the_limit(rounded: float) -> None:
    """2.1/3 + 6.9/3 Gy is 3 Gy, though a double says 2.9999999999999996."""
    assert judge(BELOW, Interval.exactly(rounded)) is FAIL
    assert judge(parse_goal("D0.03cc <= 3 Gy/fx"), Interval.exactly(rounded)) is PASS


def test_a_stricter_reading_makes_a_pass_uncertain() -> None:
    value = Interval.exactly(2.9)
    assert judge(BELOW, value, [(STRICTER, Interval.exactly(2.95))]) is PASS
    assert judge(BELOW, value, [(STRICTER, Interval.exactly(3.4))]) is UNCERTAIN


@given(value=doses, beyond=doses)
def test_a_stricter_reading_never_changes_a_fail(value: float, beyond: float) -> None:
    plain = judge(BELOW, Interval.exactly(value))
    strict = judge(BELOW, Interval.exactly(value), [(STRICTER, Interval.exactly(beyond))])
    assert (plain is FAIL) == (strict is FAIL)
    if plain is PASS:
        assert strict is (PASS if beyond < 3 else UNCERTAIN)


@given(ends=st.tuples(doses, doses, doses).map(sorted), bounded=st.booleans())
def test_algebra(ends: list[float], bounded: bool) -> None:
    low, value, high = ends[0], ends[1], ends[2] if bounded else INF
    outcome = judge(BELOW, between(low, value, high))
    if low >= 3:
        assert outcome is FAIL, "the certain part breaks the limit, whatever is missing"
    elif outcome is PASS:
        assert high < 3
    elif outcome is UNCERTAIN:
        assert value < 3 <= high < INF
    elif outcome is NOT_EVALUATED:
        assert high == INF


@given(low=doses, width=doses)
def test_missing_dose_never_turns_a_fail_into_anything_else(low: float, width: float) -> None:
    known = between(low, low, low + width)
    before, after = judge(BELOW, known), judge(BELOW, known.open_above())
    assert after is not PASS
    assert (after is FAIL) == (low >= 3)
    assert before is not NOT_EVALUATED


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        (2.9996, 3.0, "2.9996"),
        (3.0004, 3.0, "3.0004"),
        (3.0, 3.0, "3.00"),
        (2.994, 3.0, "2.99"),
        (2.5, None, "2.50"),
        (145.46, 145.5, "145.46"),
    ],
)
def test_digits_show_the_side(value: float, limit: float | None, text: str) -> None:
    assert digits(value, limit) == text


def test_an_unbounded_value_is_no_number() -> None:
    assert digits(INF, 3.0) == "unbounded"


@given(value=st.floats(0, 200, allow_nan=False), limit=st.sampled_from([3.0, 119.0, 135.5]))
def test_printed_digits_keep_the_side(value: float, limit: float) -> None:
    shown = float(digits(value, limit))
    assert (shown < limit) == (value < limit) or math.isclose(value, limit, rel_tol=1e-9)


def test_worst_of_several_sessions() -> None:
    metric = DoseAtVolume(cm3=0.03)
    items = [(between(1.0, 1.0, INF), metric), (between(2.5, 2.5, 2.5), metric)]
    index, interval = worst(items, BELOW)
    assert (index, interval) == (1, between(2.5, 2.5, INF))
    index, interval = worst(items, AT_LEAST)
    assert (index, interval) == (0, between(1.0, 1.0, 2.5))


def test_a_structure_smaller_than_the_volume_is_judged_by_its_maximum() -> None:
    small = Curve.from_cells([2.0, 3.5], [0.01, 0.01])
    interval, metric = measured(BELOW, small)
    assert (interval, metric) == (Interval.exactly(3.5), Extreme.MAXIMUM)
    assert "Dmax" in name_of(metric, BELOW)
    assert "D0.03cc" in name_of(metric, BELOW)
    assert near_max(small) == 3.5


def test_a_larger_structure_is_judged_by_the_metric_itself() -> None:
    curve = Curve.from_cells([2.0, 3.5], [1.0, 0.02])
    interval, metric = measured(BELOW, curve)
    assert (interval, name_of(metric, BELOW)) == (Interval.exactly(2.0), "D0.03cc")
    assert near_max(curve) == 2.0
