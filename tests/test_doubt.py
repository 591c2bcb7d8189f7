"""The numerical band: end caps that may be shorter or longer, and half of the cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from factories import make_box, make_cylinder, make_dose, make_sphere, make_uniform_dose, slices

from dosecalc import Curve, accumulate, dvh
from dosecalc.ledger import Ledger
from dosecalc.quantities import Eqd2

FALLING = make_dose(field=lambda x, y, z: 50 + 0.5 * z)
SIDEWAYS = make_dose(field=lambda x, y, z: 50 + x)
BOX = make_box(low_xyz_mm=(-5, -6, -9), high_xyz_mm=(5, 6, 9), spacing_mm=3)
"""Six slices of 3 mm: the end caps are a twelfth of its length each."""


def test_volume_of_a_flat_end_may_be_a_slice_less_or_more() -> None:
    found = dvh(FALLING, BOX).numerical(lambda c: c.volume_cm3)
    assert found.value == pytest.approx(2.16, rel=1e-9)
    assert found.low == pytest.approx(10 * 12 * 15 / 1000, rel=1e-9)
    assert found.high == pytest.approx(10 * 12 * 21 / 1000, rel=1e-9)


def test_maximum_at_a_flat_end_may_lie_half_a_slice_further_or_nearer() -> None:
    """The box ends at 9 mm: with its cap missing at 7.5, with it twice as long at 10.5."""
    found = dvh(FALLING, BOX).numerical(lambda c: c.max_gy)
    assert found.value == pytest.approx(54.5, abs=0.01)
    assert found.low == pytest.approx(50 + 0.5 * 7.5, abs=0.02)
    assert found.high == pytest.approx(50 + 0.5 * 10.5, abs=0.02)


def test_end_caps_do_not_matter_to_a_dose_that_falls_sideways() -> None:
    curve = dvh(SIDEWAYS, BOX)
    for percent in (99, 50, 1):
        found = curve.numerical(lambda c, p=percent: c.dose_at_percent(p))
        assert found.high - found.low < 0.3
        assert found.low < 55 - 10 * percent / 100 < found.high


def test_a_round_end_is_in_less_doubt_than_a_flat_one() -> None:
    sphere = make_sphere(radius_mm=12, planes_mm=slices(low_mm=-12, high_mm=12, spacing_mm=3))
    cylinder = make_cylinder(radius_mm=12, low_mm=-12, high_mm=12, spacing_mm=3)
    widths = []
    for structure in (sphere, cylinder):
        found = dvh(FALLING, structure).numerical(lambda c: c.volume_cm3)
        widths.append((found.high - found.low) / found.value)
    assert widths[0] < 0.03
    assert widths[1] > 0.2


def test_uniform_dose_leaves_no_doubt_about_any_dose() -> None:
    curve = dvh(make_uniform_dose(gy=2.9996), BOX)
    for metric in (
        lambda c: c.mean_gy,
        lambda c: c.max_gy,
        lambda c: c.dose_at_percent(95),
        lambda c: c.dose_at_volume(0.03),
    ):
        assert curve.numerical(metric).is_exact


def test_effect_has_a_band_too() -> None:
    """EQD2 of the end that dose rises towards: further out it is more."""
    quantity = Eqd2(alpha_beta_gy=3.0)
    curve = accumulate(Ledger.from_doses([(FALLING, 20)]), BOX, quantity)
    found = curve.numerical(lambda c: c.max_gy)

    def eqd2(dose_gy: float) -> float:
        return dose_gy * (dose_gy / 20 + 3) / 5

    assert found.value == pytest.approx(eqd2(54.5), abs=0.02)
    assert found.low == pytest.approx(eqd2(53.75), abs=0.05)
    assert found.high == pytest.approx(eqd2(55.25), abs=0.05)


def test_uncovered_volume_is_for_bounds_to_speak_of() -> None:
    lattice = SIDEWAYS.lattice
    kept = lattice.x_mm <= 0
    cut = replace(
        SIDEWAYS,
        lattice=replace(lattice, x_mm=lattice.x_mm[kept]),
        stored=SIDEWAYS.stored[:, :, kept],
    )
    curve = dvh(cut, BOX)
    assert curve.uncovered_cm3 > 0
    found = curve.numerical(lambda c: c.mean_gy)
    assert found.is_exact
    assert found.value == curve.bounds(lambda c: c.mean_gy).value


def test_metric_that_a_shorter_structure_does_not_have_is_left_out() -> None:
    small = make_box(low_xyz_mm=(-1, -1, -9), high_xyz_mm=(1, 1, 9), spacing_mm=9)
    curve = dvh(FALLING, small)
    assert curve.volume_cm3 == pytest.approx(0.072)
    found = curve.numerical(lambda c: c.dose_at_volume(0.05))  # without a cap 0.054, without both 0.036
    assert found.low <= found.value <= found.high
    assert np.isfinite([found.low, found.high]).all()


def test_curves_made_from_cells_alone_have_no_doubt() -> None:
    curve = Curve.from_cells([1.0, 2.0], [1.0, 1.0])
    assert curve.numerical(lambda c: c.max_gy).is_exact
