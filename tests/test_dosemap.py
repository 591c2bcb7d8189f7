"""The record of a map: what is not covered, cropping, and the grid made of it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from factories import make_dose, make_ledger, make_uniform_dose
from hypothesis import given
from hypothesis import strategies as st

from dosecalc import Bed, Eqd2, Ledger, Physical
from dosecalc.dosemap import DoseMap, SummedDose
from dosecalc.doses import DoseType, SeveralPlans
from dosecalc.errors import DosecalcError, MissingDoseError
from dosecalc.lattices import Lattice
from dosecalc.mapping import dose_map
from dosecalc.registrations import Frames, Registration
from dosecalc.transforms import Affine

WIDE = Lattice(x_mm=np.arange(0.0, 21, 2), y_mm=np.arange(0.0, 31, 3), z_mm=np.array([0.0, 1, 3, 6, 10, 15]))
SHORT = Lattice(x_mm=np.arange(0.0, 13, 2), y_mm=np.arange(0.0, 31, 3), z_mm=np.array([-5.0, 0, 5]))
"""It ends at x = 13 and z = 7.5 mm, half a voxel beyond its last centres."""
REACHED = 7 * 11 * 4
"""Voxels of WIDE with x up to 12 and z up to 6 mm."""


def short_sum() -> DoseMap:
    first = make_dose(field=lambda x, y, z: 56 + 0 * x, lattice=WIDE, uid="1.1")
    second = make_dose(field=lambda x, y, z: 15 + 0 * x, lattice=SHORT, uid="1.2")
    return dose_map(Ledger.from_doses([(first, 28), (second, 3)]), WIDE, Physical())


class TestUncovered:
    def test_is_nan_and_counted(self) -> None:
        found = short_sum()
        assert np.count_nonzero(np.isfinite(found.gy)) == REACHED
        assert found.uncovered_voxels == 11 * 11 * 6 - REACHED
        assert np.unique(found.gy[found.covered]).tolist() == [71.0]
        assert np.unique(found.at_least_gy[~found.covered]).tolist() == [56.0]
        assert found.max_gy == 71.0

    def test_its_volume(self) -> None:
        """WIDE is 22 x 33 x 18 mm; of it 14 x 33 mm and the planes up to 6 mm (to z = 8) are covered."""
        whole, covered = 22 * 33 * (0.5 + 15 + 2.5), 14 * 33 * (0.5 + 8)
        assert short_sum().uncovered_cm3 == pytest.approx((whole - covered) / 1000, rel=1e-12)

    def test_says_which_dose_ends(self) -> None:
        text = short_sum().uncovered_text
        assert text == f"{726 - REACHED} of 726 voxels (9.1 cm3) not reached: {726 - REACHED} by 1.2"

    def test_where_nothing_reaches_there_is_nothing_known(self) -> None:
        grid = make_uniform_dose(gy=20)
        away = Lattice(x_mm=np.arange(30.0, 70, 4), y_mm=[0.0, 2], z_mm=[0.0, 2])
        found = dose_map(Ledger.from_doses([(grid, 10)]), away, Eqd2(alpha_beta_gy=3))
        outside = away.x_mm > 41
        assert np.isnan(found.gy[..., outside]).all()
        assert np.isfinite(found.gy[..., ~outside]).all()
        assert (found.at_least_gy[..., outside] == 0).all()


class TestCropped:
    def test_to_the_box_that_is_covered(self) -> None:
        found = short_sum().cropped()
        assert found.lattice.shape_zyx == (4, 11, 7)
        assert (found.lattice.x_mm[-1], found.lattice.z_mm[-1]) == (12.0, 6.0)
        assert found.uncovered_voxels == 0
        assert np.unique(found.gy).tolist() == [71.0]

    def test_of_a_turned_dose_a_box_within(self) -> None:
        """Of a square that stands on its corner an upright box holds half at the most."""
        angle = np.pi / 4
        matrix = np.eye(4)
        matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        frames = Frames(
            registrations=(Registration(from_uid="1.8", to_uid="1.9", transform=Affine(matrix=matrix)),)
        )
        grid = make_dose(field=lambda x, y, z: x * 0 + 3, frame_uid="1.9")
        where = Lattice(x_mm=np.arange(-60.0, 61, 4), y_mm=np.arange(-60.0, 61, 4), z_mm=[0.0, 5])
        found = dose_map(Ledger.from_doses([(grid, 1)]), where, Physical(), frame_uid="1.8", frames=frames)
        cropped = found.cropped()
        assert (found.uncovered_voxels > 0, cropped.uncovered_voxels) == (True, 0)
        assert cropped.as_grid().gy == pytest.approx(3.0)
        covered = np.count_nonzero(found.covered)
        assert 0.4 * covered < cropped.covered.size <= 0.55 * covered

    @given(st.lists(st.booleans(), min_size=27, max_size=27).filter(any))
    def test_whatever_is_covered_something_is_left(self, covered: list[bool]) -> None:
        axis = np.arange(3.0)
        inside = np.array(covered).reshape(3, 3, 3)
        where = Lattice(x_mm=axis, y_mm=axis, z_mm=axis)
        found = DoseMap(
            lattice=where, quantity=Physical(), at_least_gy=inside * 3.0, covered=inside
        ).cropped()
        assert found.covered.size > 0
        assert found.covered.all()
        assert (found.at_least_gy == 3.0).all()

    def test_nothing_covered(self) -> None:
        grid = make_uniform_dose(gy=20)
        away = Lattice(x_mm=[90.0, 94], y_mm=[0.0, 2], z_mm=[0.0, 2])
        with pytest.raises(MissingDoseError, match="no voxel that every dose reaches: 8 of 8 voxels"):
            dose_map(Ledger.from_doses([(grid, 10)]), away, Physical()).cropped()


class TestAsGrid:
    def test_kind(self) -> None:
        ledger = make_ledger((56, 28))
        for quantity in (Bed(alpha_beta_gy=3), Eqd2(alpha_beta_gy=3)):
            assert dose_map(ledger, WIDE, quantity).as_grid().dose_type is DoseType.EFFECTIVE
        found = dose_map(ledger, WIDE, Physical()).as_grid()
        assert found.dose_type is DoseType.PHYSICAL
        assert found.holds == SeveralPlans()
        assert found.max_gy == pytest.approx(56)

    def test_refused_where_it_would_be_0(self) -> None:
        with pytest.raises(MissingDoseError, match=r"418 of 726 voxels .* not reached: 418 by 1\.2"):
            short_sum().as_grid()


def test_shapes_must_agree() -> None:
    with pytest.raises(DosecalcError, match=r"covered: expected shape \(6, 11, 11\), found \(1, 2, 3\)"):
        DoseMap(
            lattice=WIDE,
            quantity=Physical(),
            at_least_gy=np.zeros(WIDE.shape_zyx),
            covered=np.ones((1, 2, 3), dtype=np.bool_),
        )


def test_arrays_are_locked() -> None:
    found = short_sum()
    with pytest.raises(ValueError, match="read-only"):
        found.at_least_gy[0, 0, 0] = 1


def test_names_of_doses() -> None:
    assert SummedDose(uid="1.2", source="RD.dcm", uncovered_voxels=0).name == "RD.dcm"
    assert SummedDose(uid="", source="", uncovered_voxels=0).name == "a dose without UID"
    assert short_sum().fractions == (("", Decimal(31)),)
