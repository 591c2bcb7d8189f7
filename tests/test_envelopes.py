"""Bounds of sums with a course of which a few numbers are known, against every way in which doses may lie."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dosecalc import Curve, bed, eqd2
from dosecalc.envelopes import (
    Envelope,
    Numbers,
    either,
    envelope_in_doubt,
    envelope_of,
    envelope_of_curve,
    plus,
    uniform,
)
from dosecalc.errors import MetricError
from dosecalc.intervals import Interval
from dosecalc.quantities import LqL

VOLUME = 2.0
ROUNDING = 1e-7
DOSES = st.lists(st.integers(0, 60), min_size=12, max_size=12)
"""Of twelve cells of equal volume."""


def effect(gy: float) -> float:
    return float(eqd2(gy, fractions=35, alpha_beta_gy=3.0))


def same(gy: float) -> float:
    return gy


def d_at(doses: np.ndarray, cm3: float) -> float:
    """D_v by sorting: the highest dose that so much volume has at least."""
    falling = np.sort(doses)[::-1]
    if cm3 <= 0:
        return float(falling[0])
    return float(falling[max(math.ceil(cm3 / VOLUME * len(doses) - 1e-9) - 1, 0)])


def stated(doses: np.ndarray, places: list[int], *, mean: bool, ends: bool) -> Numbers:
    """Some true numbers of a dose."""
    cell = VOLUME / len(doses)
    return Numbers(
        least_gy=float(doses.min()) if ends else 0.0,
        most_gy=float(doses.max()) if ends else math.inf,
        mean_gy=float(doses.mean()) if mean else None,
        points=tuple((k * cell, d_at(doses, k * cell)) for k in sorted(set(places))),
    )


def holds(interval: Interval, truth: float) -> bool:
    return interval.low - ROUNDING <= truth <= interval.high + ROUNDING


@given(
    first=DOSES,
    second=DOSES,
    places=st.lists(st.integers(1, 12), max_size=4),
    known=st.tuples(st.booleans(), st.booleans()),
    turn=st.sampled_from([None, effect]),
)
@example(first=[0, 0, 1, *[0] * 9], second=[1, 1, 0, *[1] * 9], places=[11], known=(False, False), turn=None)
@settings(deadline=None, max_examples=150)
def test_the_truth_lies_within(
    first: list[int],
    second: list[int],
    places: list[int],
    known: tuple[bool, bool],
    turn: Callable[[float], float] | None,
) -> None:
    """However two doses lie to each other: the first as it is, of the second some numbers only."""
    one, other = np.array(first, dtype=float), np.array(second, dtype=float)
    cells = np.full(12, VOLUME / 12)
    mean, ends = known
    alone = envelope_of(stated(other, places, mean=mean, ends=ends), volume_cm3=VOLUME, effect=turn)
    turned = np.array([(turn or same)(d) for d in other])
    both = plus(envelope_of_curve(Curve.from_cells(one, cells)), alone)
    for envelope, truth in ((alone, turned), (both, one + turned)):
        for cm3 in (0.0, 0.03, *(VOLUME * k / 12 for k in range(1, 13)), 1.05):
            assert holds(envelope.dose_at_volume(cm3), d_at(truth, cm3)), cm3
        assert holds(envelope.mean_gy, float(truth.mean()))
        for gy in (5.0, 20.0, float(truth.max())):
            volume = VOLUME * np.mean(truth >= gy - 1e-12)
            assert holds(envelope.volume_at_dose(gy - 1e-9), float(volume))


@given(first=DOSES, second=DOSES, third=DOSES)
@settings(deadline=None, max_examples=50)
def test_three_courses(first: list[int], second: list[int], third: list[int]) -> None:
    one, two, three = (np.array(d, dtype=float) for d in (first, second, third))
    envelope = envelope_of_curve(Curve.from_cells(one, np.full(12, VOLUME / 12)))
    for doses in (two, three):
        envelope = plus(envelope, envelope_of(stated(doses, [1, 6], mean=True, ends=True), volume_cm3=VOLUME))
    for cm3 in (0.0, 0.5, 1.0, 2.0):
        assert holds(envelope.dose_at_volume(cm3), d_at(one + two + three, cm3))


class TestBounds:
    """CLINICAL.md, section 3."""

    def both(self, numbers: Numbers) -> Envelope:
        curve = Curve.from_cells([10.0, 20.0, 50.0], [1.0, 0.98, 0.02])
        return plus(envelope_of_curve(curve), envelope_of(numbers, volume_cm3=VOLUME))

    def test_near_maxima_do_not_add(self) -> None:
        """D0.03cc of 20 and 20 Gy, maxima of 50: two hot spots of 0.02 cm3 apart have 70 Gy in 0.04 cm3."""
        found = self.both(Numbers(most_gy=50.0, points=((0.03, 20.0),))).dose_at_volume(0.03)
        assert found.high == 70.0
        assert found.low == 10.0 + 20.0

    def test_half_volumes(self) -> None:
        """D_v/2(A) + D_v/2(B): D0.06cc from D0.03cc of both, where the maxima are far higher."""
        known = Numbers(most_gy=500.0, points=((0.03, 20.0),))
        assert self.both(known).dose_at_volume(0.06).high == 20.0 + 20.0

    def test_maximum(self) -> None:
        found = self.both(Numbers(most_gy=45.0))
        assert (found.dose_at_volume(0).low, found.dose_at_volume(0).high) == (50.0, 95.0)

    def test_uniform_is_exact(self) -> None:
        found = self.both(uniform(45.0))
        assert found.dose_at_volume(0) == Interval.exactly(95.0)
        assert found.dose_at_volume(1.5) == Interval.exactly(55.0)
        assert found.mean_gy == Interval.exactly(45.0 + (10 + 0.98 * 20 + 0.02 * 50) / 2)
        assert found.volume_at_dose(60.0).low == pytest.approx(1.0)
        assert found.volume_at_dose(60.0).is_exact

    def test_a_mean_bounds_no_maximum(self) -> None:
        found = self.both(Numbers(mean_gy=20.0))
        assert found.dose_at_volume(0).high == math.inf
        assert found.dose_at_volume(1.0).high < math.inf
        assert found.mean_gy.is_exact

    def test_a_mean_is_a_lower_bound_of_the_mean_effect(self) -> None:
        known = envelope_of(Numbers(mean_gy=35.0), volume_cm3=VOLUME, effect=effect)
        assert (known.mean_gy.low, known.mean_gy.high) == (effect(35.0), math.inf)
        bounded = envelope_of(Numbers(mean_gy=35.0, most_gy=70.0), volume_cm3=VOLUME, effect=effect)
        assert bounded.mean_gy.high == effect(70.0) / 2

    def test_nothing_is_nothing_known(self) -> None:
        found = self.both(Numbers())
        assert (found.dose_at_volume(0).low, found.dose_at_volume(0).high) == (50.0, math.inf)

    def test_uncovered_volume_stays_open(self) -> None:
        curve = Curve.from_cells([10.0, float("nan")], [1.0, 1.0])
        found = plus(envelope_of_curve(curve), envelope_of(uniform(5.0), volume_cm3=VOLUME))
        assert (found.dose_at_volume(0.5).low, found.dose_at_volume(0.5).high) == (15.0, math.inf)
        assert found.dose_at_volume(1.5).low == 5.0

    def test_a_volume_larger_than_the_structure_is_refused(self) -> None:
        with pytest.raises(MetricError, match="not defined"):
            self.both(uniform(1.0)).dose_at_volume(2.5)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"most_gy": 10.0, "points": ((0.03, 20.0),)}, "fall from maximum to minimum"),
        ({"points": ((1.0, 20.0), (2.0, 30.0))}, "fall from maximum"),
        ({"least_gy": 20.0, "points": ((1.0, 10.0),)}, "fall from maximum"),
        ({"points": ((1.0, 20.0), (1.0, 20.0))}, "fall from maximum"),
        ({"points": ((0.0, 20.0),)}, "volumes above 0"),
        ({"most_gy": 10.0, "mean_gy": 20.0}, "a mean from 0 to 10 Gy, found 20"),
        ({"least_gy": -1.0}, "finite doses of 0 or more"),
        ({"mean_gy": math.nan}, "finite doses"),
        ({"most_gy": math.nan}, "finite doses"),
    ],
)
def test_numbers_that_cannot_be(numbers: dict[str, object], words: str) -> None:
    with pytest.raises(MetricError, match=words):
        Numbers(**numbers)  # type: ignore[arg-type]


def test_a_line_flatter_than_where_it_begins_bounds_no_mean() -> None:
    """Half of it has 0 and half 18 Gy in 3 fractions, above dT 6 Gy a line of slope 1 (the tangent has 5).

    The mean effect, half of 3 x 6 x (1 + 6/3), is below the effect of the mean (9 Gy: 18) at a larger dose:
    of 0 and 60 Gy in shares of 17 to 3 it is 0.15 x (54 + 2 x 42) = 20.7 Gy; of 9 Gy everywhere it is 18 Gy,
    and of 18 and 0 Gy in halves 27 Gy.
    """
    model = LqL(threshold_gy=6.0, gamma_over_alpha_gy=2.0)

    def effect_of(gy: float) -> float:
        return float(bed(gy, fractions=3, alpha_beta_gy=3.0, model=model))

    assert (effect_of(60.0), effect_of(18.0), effect_of(9.0)) == pytest.approx((138.0, 54.0, 18.0))
    known = Numbers(mean_gy=9.0, most_gy=60.0)
    found = envelope_of(known, volume_cm3=VOLUME, effect=effect_of, is_convex=False)
    for truth in (0.15 * 138.0, 27.0, 18.0):
        assert holds(found.mean_gy, truth), truth


def test_one_of_several() -> None:
    """Whichever of two doses it is, all of it lies between the ends."""
    doses = [np.array(d, dtype=float) for d in ([*[10] * 6, *[50] * 6], [*[20] * 9, *[30] * 3])]
    cells = np.full(12, VOLUME / 12)
    found = either([envelope_of_curve(Curve.from_cells(d, cells)) for d in doses])
    for dose in doses:
        for cm3 in (0.0, 0.5, 1.0, 1.5, 2.0):
            assert holds(found.dose_at_volume(cm3), d_at(dose, cm3))
        assert holds(found.mean_gy, float(dose.mean()))
        assert holds(found.volume_at_dose(25.0), VOLUME * float(np.mean(dose >= 25.0)))
    assert found.dose_at_volume(0.0) == Interval(value=30.0, low=30.0, high=50.0)


@pytest.mark.parametrize("volume", [0.007, 0.1, 1 / 3, 2.0, 12.34567])
def test_all_of_a_volume_by_per_cent(volume: float) -> None:
    """D100% is the minimum, however its volume is rounded."""
    curve = envelope_of_curve(Curve.from_cells([40.0, 50.0], [volume / 2, volume / 2]))
    for found in (curve, plus(curve, envelope_of(uniform(5.0), volume_cm3=volume))):
        for all_of_it in (volume * 100 / 100, volume * (1 + 1e-15)):
            assert found.dose_at_volume(all_of_it) == found.dose_at_volume(volume)
            assert found.dose_at_volume(all_of_it).low in {40.0, 45.0}


def test_what_end_caps_and_sampling_may_do_adds_up() -> None:
    """10 to 30 Gy evenly, by one assumption 1 Gy more or less, by another 2 less: from 3 less to 1 more."""

    def even(shift_gy: float) -> Curve:
        return Curve(
            dose_gy=np.array([10.0, 30.0]) + shift_gy, volume_above_cm3=np.array([2.0, 0.0]), covered_cm3=2.0
        )

    others = (("cells", even(-1.0)), ("cells", even(1.0)), ("end caps", even(-2.0)))
    envelope = envelope_in_doubt(replace(even(0.0), others=lambda: others))
    for cm3, value in ((0.0, 30.0), (1.0, 20.0), (2.0, 10.0)):
        found = envelope.dose_at_volume(cm3)
        assert (found.low, found.high) == pytest.approx((value - 3, value + 1))
    assert (envelope.mean_gy.low, envelope.mean_gy.high) == pytest.approx((17.0, 21.0))
