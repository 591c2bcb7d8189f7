"""Lines of curves in closed form: what they are where the truth may be another curve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dosecalc import Curve
from dosecalc.checking.dvh_lines import Ends

STEP_GY = 1.1e-3
UNKNOWN = float("nan")


def uniform(gy: float, *, cm3: float = 4.0) -> Curve:
    return Curve.from_cells([gy], [cm3])


def even(low_gy: float, high_gy: float) -> Curve:
    """1 cm3 whose doses lie evenly between two."""
    return Curve(dose_gy=np.array([low_gy, high_gy]), volume_above_cm3=np.array([1.0, 0.0]), covered_cm3=1.0)


def at(ends: Ends, gy: float) -> tuple[float, float, float]:
    """The volume in percent that has at least a dose: at least, by the line, and at most."""
    low, line, high = (np.interp(gy, ends.dose_gy, y) for y in (ends.low, ends.percent, ends.high))
    return float(low), float(line), float(high)


class TestLowerBounds:
    def test_where_dose_is_missing_the_line_is_what_is_certain(self) -> None:
        """84 Gy, or 74 where a fraction was broken off: nobody can say "at least 100 % have 83 Gy"."""
        ends = Ends.of_curves([uniform(84.0), uniform(74.0)], is_open=True)
        assert at(ends, 83.0)[1] == 0
        assert at(ends, 74.0 - STEP_GY)[1] == pytest.approx(100)
        assert ends.at_percent[0].certain == pytest.approx(74.0)

    def test_where_a_dose_does_not_reach_it_is_too(self) -> None:
        """A quarter is not reached, and the rest has 84 or 74 Gy."""
        found = [Curve.from_cells([gy, UNKNOWN], [3.0, 1.0]) for gy in (84.0, 74.0)]
        ends = Ends.of_curves(found, is_open=False)
        assert at(ends, 83.0)[:2] == (0, 0)
        assert at(ends, 70.0) == pytest.approx((75, 75, 100))

    def test_the_line_of_a_complete_dose_is_its_value(self) -> None:
        ends = Ends.of_curves([uniform(84.0), uniform(74.0)], is_open=False)
        assert at(ends, 80.0) == pytest.approx((0, 100, 100))

    def test_what_may_not_be_reached_at_all_opens_the_band(self) -> None:
        """By one reading 84 Gy, by another a dose that reaches nothing of it."""
        nowhere = Curve.from_cells([UNKNOWN], [4.0], at_least_gy=[10.0])
        ends = Ends.of_curves([uniform(84.0), nowhere], is_open=False)
        assert ends.uncovered_cm3 == pytest.approx(4.0)
        assert at(ends, 50.0) == pytest.approx((0, 0, 100))
        assert at(ends, 10.0 - STEP_GY)[1] == pytest.approx(100)
        assert ends.high[-1] == pytest.approx(100)
        assert all(i.high == np.inf for i in ends.at_percent)


@pytest.mark.parametrize(
    ("low_gy", "high_gy"), [(30.0, 70.0), (50.0, 90.0), (20.0, 45.0), (65.0, 90.0), (60.05, 60.1)]
)
def test_the_band_has_its_corners_outside_its_line_too(low_gy: float, high_gy: float) -> None:
    """Under another assumption on end caps doses begin lower, or end higher, than those of the line."""
    other = even(low_gy, high_gy)
    curve = replace(even(50.0, 70.0), others=lambda: (("end caps", other),))
    ends = Ends.of_curves([curve], is_open=False)
    for gy in np.linspace(0, 100, 401):
        own, else_ = (_percent(c, float(gy)) for c in (curve, other))
        expected = (min(own, else_), own, max(own, else_))
        assert at(ends, float(gy)) == pytest.approx(expected, abs=0.2), gy
    assert ends.high[-1] == 0


def _percent(curve: Curve, gy: float) -> float:
    return 100 * float(np.interp(gy, curve.dose_gy, curve.volume_above_cm3, right=0.0))
