"""Values with the range in which the truth may lie."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dosecalc.intervals import Band, Interval, Source

SIZES = st.floats(0, 1e3)


@pytest.mark.parametrize(
    "ends", [(2.0, 1.0, 3.0), (1.0, 3.0, 2.0), (math.nan, 1.0, 2.0), (1.0, math.nan, 2.0)]
)
def test_ends_must_enclose_the_value(ends: tuple[float, float, float]) -> None:
    low, value, high = ends
    with pytest.raises(ValueError, match="expected low <= value <= high"):
        Interval(value=value, low=low, high=high)


def test_unknown_end_is_infinite() -> None:
    open_ended = Interval(value=7.5, low=7.5, high=math.inf)
    assert not open_ended.is_bounded
    assert not open_ended.is_exact
    assert Interval.exactly(3.0) == Interval(value=3.0, low=3.0, high=3.0)
    assert Interval.exactly(3.0).is_bounded


def test_sources_that_are_not_named_change_nothing() -> None:
    wide = Interval(value=2.9, low=0.0, high=9.0)
    band = Band(value=2.9, by_source={Source.ALPHA_BETA: wide})
    assert band.interval([Source.NUMERICAL, Source.STATED_BOUND]) == Interval.exactly(2.9)


def test_deviations_of_several_sources_add() -> None:
    band = Band(
        value=3.0,
        by_source={
            Source.NUMERICAL: Interval(value=3.0, low=2.75, high=3.5),
            Source.REGISTRATION: Interval(value=3.0, low=2.5, high=3.125),
        },
    )
    both = band.interval([Source.NUMERICAL, Source.REGISTRATION])
    assert (both.low, both.high) == (2.25, 3.625)


def test_missing_dose_leaves_the_upper_end_open() -> None:
    band = Band(
        value=2.0,
        by_source={
            Source.STATED_BOUND: Interval(value=2.0, low=2.0, high=math.inf),
            Source.NUMERICAL: Interval(value=2.0, low=1.5, high=2.5),
        },
    )
    both = band.interval(list(Source))
    assert (both.low, both.high) == (1.5, math.inf)


def test_what_is_never_below_0_is_not_by_two_doubts_either() -> None:
    """2 % of a volume, each doubt alone may leave none of it: both together leave none, not less."""
    doubt = Interval(value=2.0, low=0.5, high=4.0)
    band = Band(value=2.0, by_source={Source.NUMERICAL: doubt, Source.REGISTRATION: doubt})
    assert band.interval(list(Source)).low == 0.0


def test_what_may_be_below_0_stays_below() -> None:
    doubt = Interval(value=-1.0, low=-2.0, high=4.0)
    band = Band(value=-1.0, by_source={Source.NUMERICAL: doubt, Source.REGISTRATION: doubt})
    assert band.interval(list(Source)).low == -3.0


@given(value=SIZES, below=SIZES, above=SIZES)
def test_one_source_gives_its_own_ends_and_never_less(value: float, below: float, above: float) -> None:
    interval = Interval(value=value, low=value - below, high=value + above)
    found = Band(value=value, by_source={Source.NUMERICAL: interval}).interval([Source.NUMERICAL])
    assert found.low <= interval.low
    assert found.high >= interval.high
    assert found.low == pytest.approx(interval.low, abs=1e-9)
    assert found.high == pytest.approx(interval.high, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "low", "high"), [(2.9, 0.1, 3.0), (2.0, 0.05, 3.0), (1.1, 0.05, 5.2), (1.3, 0.05, 3.35)]
)
def test_rounding_does_not_move_an_end_inwards(value: float, low: float, high: float) -> None:
    """``value - (value - low)`` and ``value + (high - value)`` do, in the last digit, for these."""
    interval = Interval(value=value, low=low, high=high)
    found = Band(value=value, by_source={Source.NUMERICAL: interval}).interval([Source.NUMERICAL])
    assert found.low <= low
    assert found.high >= high


def test_sources_speak_of_one_value() -> None:
    with pytest.raises(ValueError, match=r"numerical is about 2\.8, expected 2\.9"):
        Band(value=2.9, by_source={Source.NUMERICAL: Interval.exactly(2.8)})


def test_band_does_not_follow_the_mapping_it_was_made_from() -> None:
    sources = {Source.NUMERICAL: Interval(value=2.9, low=2.5, high=3.1)}
    band = Band(value=2.9, by_source=sources)
    sources.clear()
    assert band.interval([Source.NUMERICAL]).high == 3.1


@pytest.mark.parametrize(("value", "low"), [(3.0, 0.0), (0.0, 0.0), (-2.0, -2.0)])
def test_deviations_that_add_up_end_at_0(value: float, low: float) -> None:
    """Two sources that take 2 % each off a volume of 3 %: no volume is below 0."""
    moved = Interval(value=value, low=max(value - 2, min(value, 0.0)), high=value + 2)
    band = Band(value=value, by_source={Source.NUMERICAL: moved, Source.ALPHA_BETA: moved})
    assert band.interval(list(Source)).low == low
