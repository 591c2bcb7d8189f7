"""The map of a sum: against numbers by hand, a second method, and laws."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_dose, make_lattice, make_ledger, make_uniform_dose
from scipy.interpolate import RegularGridInterpolator
from test_repair import eqd2, low_and_boost, sessions_of

import dosecalc.mapping
from dosecalc import Bed, Eqd2, Ledger, LqL, PerFraction, Physical, accumulate
from dosecalc.doses import DoseGrid, OneSession
from dosecalc.errors import DosecalcError, FrameError, MissingDoseError, QuantityError
from dosecalc.lattices import Lattice
from dosecalc.mapping import Missing, dose_map, respaced
from dosecalc.quantities import Quantity
from dosecalc.registrations import Frames, Registration
from dosecalc.sessions import Contribution, GridFraction, NoFraction, Part, Session
from dosecalc.transforms import Affine, Deformation, VectorGrid

Floats = npt.NDArray[np.float64]

SMALL = make_lattice(low_xyz_mm=(-8, -10, -9), high_xyz_mm=(8, 10, 9), spacing_xyz_mm=(1.6, 2.5, 3.6))
MISSING = NoFraction(plan_uid="1.7", reason="plan 'Prior' (RP.dcm): no RT Dose refers to it")


def given(*contributions: Contribution, day: int = 1) -> Session:
    return Session(course="c", number=day, day=day, contributions=contributions)


def turned(*, degrees: float, shift_xyz_mm: Sequence[float]) -> Affine:
    """Turned about z, then shifted."""
    angle = np.radians(degrees)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:3, 3] = shift_xyz_mm
    return Affine(matrix=matrix)


class TestByHand:
    @pytest.mark.parametrize(
        ("ledger", "quantity", "expected"),
        [
            (make_ledger((4.5, 3), (15, 3), together=[(0, 1)]), Eqd2(alpha_beta_gy=3), 37.05),
            (make_ledger((4.5, 3), (15, 3)), Eqd2(alpha_beta_gy=3), 28.05),
            (make_ledger((70, 35), (4.5, 3), (15, 3), (56, 28)), Eqd2(alpha_beta_gy=3), 154.05),
            (
                make_ledger((70, 35), (4.5, 3), (15, 3), (56, 28), together=[(1, 2)]),
                Eqd2(alpha_beta_gy=3),
                163.05,
            ),
            (make_ledger((81.6, 68)), Eqd2(alpha_beta_gy=10), 76.16),
            (make_ledger((54, 3)), Bed(alpha_beta_gy=2), 540),
            (
                make_ledger((60, 3)),
                Bed(alpha_beta_gy=3, model=LqL(threshold_gy=6, gamma_over_alpha_gy=5)),
                264,
            ),
            (make_ledger((70, 35), (56, 28)), Physical(), 126),
        ],
    )
    def test_uniform(self, ledger: Ledger, quantity: Quantity, expected: float) -> None:
        """CLINICAL.md, section 1."""
        found = dose_map(ledger, SMALL, quantity)
        assert np.ptp(found.gy) == 0
        assert found.max_gy == pytest.approx(expected, abs=1e-9)
        assert found.uncovered_voxels == 0

    @pytest.mark.parametrize(("hours", "expected"), [(0, 37.05), (6, 31.55)])
    def test_incomplete_repair(self, hours: float, expected: float) -> None:
        """CLINICAL.md, section 1: 3 x (1.5, 5) Gy, half-time 4.4 h."""
        ledger = sessions_of(low_and_boost(), (0, hours), days=3)
        found = dose_map(ledger, SMALL, eqd2(4.4))
        assert found.max_gy == pytest.approx(expected, abs=0.005)
        assert found.notes == ()

    def test_a_lower_bound_is_said(self) -> None:
        timed = sessions_of(low_and_boost(), (0, 6), days=3)
        assert "complete: a lower bound" in dose_map(timed, SMALL, Eqd2(alpha_beta_gy=3)).notes[0]
        assert dose_map(timed, SMALL, Physical()).notes == ()
        untimed = Ledger(sessions=tuple(replace(s, time=None, hours=None) for s in timed))
        (note,) = dose_map(untimed, SMALL, eqd2(4.4)).notes
        assert "times are not known" in note

    def test_linear_doses_of_two_lattices(self) -> None:
        """Linear along each axis, so that interpolation is exact; EQD2 of the voxel's own doses."""
        first = make_dose(field=lambda x, y, z: 30 + 0.2 * x - 0.1 * y + 0.05 * z)
        second = make_dose(
            field=lambda x, y, z: 9 - 0.03 * x + 0.02 * y + 0.04 * z,
            lattice=make_lattice(spacing_xyz_mm=(2.7, 1.9, 3.3)),
            uid="1.4",
        )
        ledger = Ledger.from_doses([(first, 20), (second, 3)], together=[])
        x, y, z = 3.2, -7.5, 5.4
        k, j, i = (int(np.argmin(abs(a - v))) for a, v in ((SMALL.z_mm, z), (SMALL.y_mm, y), (SMALL.x_mm, x)))
        x, y, z = SMALL.x_mm[i], SMALL.y_mm[j], SMALL.z_mm[k]
        d1 = (30 + 0.2 * x - 0.1 * y + 0.05 * z) / 20
        d2 = (9 - 0.03 * x + 0.02 * y + 0.04 * z) / 3
        by_hand = {
            Physical(): 20 * d1 + 3 * d2,
            Bed(alpha_beta_gy=2): 20 * d1 * (1 + d1 / 2) + 3 * d2 * (1 + d2 / 2),
            Eqd2(alpha_beta_gy=3): (20 * d1 * (1 + d1 / 3) + 3 * d2 * (1 + d2 / 3)) / (1 + 2 / 3),
        }
        for quantity, expected in by_hand.items():
            found = dose_map(ledger, SMALL, quantity)
            assert found.gy[k, j, i] == pytest.approx(expected, abs=1e-12)

    def test_parts_of_fractions(self) -> None:
        """Beam 1 of 10 Gy given whole and 0.6 of beam 2 of 5 Gy: 13 Gy; all of both on another day: 15 Gy."""
        beams = [make_uniform_dose(gy=d) for d in (10.0, 5.0)]
        fraction = GridFraction(
            plan_uid="1.2",
            parts=tuple(Part(dose=d, scale=Fraction(1), beam=n) for n, d in enumerate(beams, start=1)),
        )
        broken = Contribution(
            fraction=fraction, share=Decimal("0.8"), beams=((1, Decimal(1)), (2, Decimal("0.6")))
        )
        ledger = Ledger(sessions=(given(broken), given(Contribution(fraction=fraction), day=2)))
        found = dose_map(ledger, SMALL, Bed(alpha_beta_gy=10))
        assert found.max_gy == pytest.approx(13 * 2.3 + 15 * 2.5, abs=1e-12)
        assert found.fractions == (("1.2", Decimal("1.8")),)
        assert "broken off" in found.notes[0]

    def test_exact_fractions(self) -> None:
        """147 Gy in 49 fractions are 3 Gy each, to the last digit."""
        assert dose_map(make_ledger((147, 49)), SMALL, Bed(alpha_beta_gy=3)).max_gy == 49 * 3 * 2.0


def second_method(
    grids: Sequence[tuple[DoseGrid, int]], groups: Sequence[Sequence[int]], where: Floats, ab: float
) -> float:
    """EQD2 at one point (of the map's frame), visit by visit, through scipy."""
    bed = 0.0
    for group in groups:
        for _ in range(grids[group[0]][1]):
            visit = 0.0
            for n in group:
                grid, fractions = grids[n]
                axes = (grid.lattice.z_mm, grid.lattice.y_mm, grid.lattice.x_mm)
                at = RegularGridInterpolator(axes, grid.gy)
                visit += float(at(where[n][::-1])[0]) / fractions
            bed += visit * (1 + visit / ab)
    return bed / (1 + 2 / ab)


class TestSecondMethod:
    @pytest.mark.parametrize("degrees", [0.0, 12.0])
    def test_random_doses_in_other_frames(self, degrees: float) -> None:
        rng = np.random.default_rng(7)
        grids = []
        for n, fractions in enumerate((3, 3, 28)):
            axes = [np.cumsum(rng.uniform(2, 6, size=14 + n)) - 40 for _ in range(3)]
            x_mm, y_mm, z_mm = axes
            lattice = Lattice(x_mm=x_mm, y_mm=y_mm, z_mm=z_mm)
            gy = rng.uniform(0, 60, size=lattice.shape_zyx)
            grids.append(
                (DoseGrid.from_array(lattice, gy, frame_uid=f"1.{min(n, 1)}", uid=f"2.{n}"), fractions)
            )
        path = turned(degrees=degrees, shift_xyz_mm=(1.0, -2.0, 0.5))
        link = Registration(from_uid="1.0", to_uid="1.1", transform=path, source="REG.dcm")
        frames = Frames(registrations=(link,))
        ledger = Ledger.from_doses(grids, together=[(0, 1)])
        found = dose_map(ledger, SMALL, Eqd2(alpha_beta_gy=2.5), frame_uid="1.0", frames=frames)
        assert found.uncovered_voxels == 0
        assert [note[:76] for note in found.notes] == [
            "from frame of reference 1.0 into 1.1 by registration REG.dcm (rigid: turned "
        ]
        for k, j, i in np.ndindex(*SMALL.shape_zyx):
            if (k + j + i) % 7:
                continue  # a seventh of the voxels, as each takes a while
            point = np.array([SMALL.x_mm[i], SMALL.y_mm[j], SMALL.z_mm[k]])
            moved = path.matrix[:3, :3] @ point + path.matrix[:3, 3]
            expected = second_method(grids, [(0, 1), (2,)], np.array([point, moved, moved]), 2.5)
            assert found.gy[k, j, i] == pytest.approx(expected, rel=1e-12)

    def test_where_a_registration_folds_nothing_is_known(self) -> None:
        """Vectors of 0, 7 and 0 mm at x = 0, 5 and 10: up to 5 mm x goes to 2.4 x, beyond it turns back."""
        vectors = np.zeros((2, 2, 3, 3))
        vectors[:, :, 1, 0] = 7
        grid = VectorGrid(origin_xyz_mm=[0, 0, 0], resolution_mm=[5, 50, 50], vectors_mm=vectors)
        link = Registration(from_uid="1.0", to_uid="1.1", transform=Deformation(grid=grid), source="REG.dcm")
        dose = make_dose(field=lambda x, y, z: 50 + x, frame_uid="1.1")
        where = Lattice(x_mm=[1.0, 2, 4, 6, 9], y_mm=[10.0, 20], z_mm=[5.0, 15])
        ledger = Ledger.from_doses([(dose, 1)])
        frames = Frames(registrations=(link,))
        found = dose_map(ledger, where, Physical(), frame_uid="1.0", frames=frames)
        expected = [50 + 2.4, 50 + 4.8, 50 + 9.6, np.nan, np.nan]
        np.testing.assert_allclose(found.gy[1, 1], expected, rtol=1e-6)
        assert found.uncovered_voxels == 8
        assert any("REG.dcm" in note for note in found.notes)

    def test_the_same_as_a_curve(self) -> None:
        """A uniform sum has one dose, at voxels and in structures."""
        from factories import make_box

        ledger = make_ledger((4.5, 3), (15, 3), (56, 28), together=[(0, 1)])
        curve = accumulate(ledger, make_box(), Eqd2(alpha_beta_gy=2.0))
        found = dose_map(ledger, SMALL, Eqd2(alpha_beta_gy=2.0))
        assert found.max_gy == pytest.approx(curve.max_gy, rel=1e-12)


class TestLaws:
    def test_eqd2_of_2_gy_fractions_is_the_dose(self) -> None:
        ledger = make_ledger((56, 28))
        physical = dose_map(ledger, SMALL, Physical())
        for alpha_beta in (1.5, 3.0, 10.0):
            found = dose_map(ledger, SMALL, Eqd2(alpha_beta_gy=alpha_beta))
            np.testing.assert_allclose(found.gy, physical.gy, rtol=1e-14)

    def test_slabs_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        first = make_dose(field=lambda x, y, z: 20 + 0.1 * x * y / 40 + 0.05 * z)
        short = make_dose(field=lambda x, y, z: 5 + 0 * x, lattice=make_lattice(high_xyz_mm=(0, 40, 3)))
        ledger = Ledger.from_doses([(first, 10), (short, 5)])
        whole = dose_map(ledger, SMALL, Eqd2(alpha_beta_gy=3))
        monkeypatch.setattr(dosecalc.mapping, "_SLAB_VOXELS", 1)
        planes = dose_map(ledger, SMALL, Eqd2(alpha_beta_gy=3))
        np.testing.assert_array_equal(whole.gy, planes.gy)
        np.testing.assert_array_equal(whole.at_least_gy, planes.at_least_gy)
        assert whole.doses == planes.doses

    def test_the_order_of_courses_does_not_matter(self) -> None:
        one, other = make_ledger((70, 35), (15, 3)), make_ledger((15, 3), (70, 35))
        first, second = (dose_map(led, SMALL, Bed(alpha_beta_gy=3)).gy for led in (one, other))
        np.testing.assert_allclose(first, second, rtol=1e-14)


class TestRefused:
    def test_a_dose_that_is_not_known(self) -> None:
        known = make_ledger((56, 28))
        ledger = Ledger(sessions=(*known.sessions, given(Contribution(fraction=MISSING), day=29)))
        with pytest.raises(MissingDoseError, match=r"plan 'Prior' \(RP\.dcm\): no RT Dose refers to it"):
            dose_map(ledger, SMALL, Physical())
        found = dose_map(ledger, SMALL, Physical(), missing=Missing.LEFT_OUT)
        assert found.max_gy == pytest.approx(56)
        assert found.left_out == (MISSING.reason,)

    def test_no_dose_at_all(self) -> None:
        with pytest.raises(MissingDoseError, match="the ledger holds no dose to sum"):
            dose_map(Ledger(), SMALL, Physical())
        nothing = Ledger(sessions=(given(Contribution(fraction=MISSING)),))
        with pytest.raises(MissingDoseError, match="no dose to sum; plan 'Prior'"):
            dose_map(nothing, SMALL, Physical(), missing=Missing.LEFT_OUT)

    def test_per_fraction(self) -> None:
        with pytest.raises(QuantityError, match="dose per fraction is no sum"):
            dose_map(make_ledger((56, 28)), SMALL, PerFraction())

    def test_frames_that_nothing_links(self) -> None:
        grid = make_dose(field=lambda x, y, z: x * 0 + 2, frame_uid="1.9")
        ledger = Ledger.from_doses([(grid, 1)])
        with pytest.raises(FrameError, match=r"dose 1\.2\.3: no registration links .* 1\.8 with 1\.9"):
            dose_map(ledger, SMALL, Physical(), frame_uid="1.8")

    def test_what_was_weighted_already(self) -> None:
        found = dose_map(make_ledger((56, 28)), SMALL, Eqd2(alpha_beta_gy=3)).as_grid(uid="1.5")
        with pytest.raises(QuantityError, match=r"dose 1\.5: DoseType: expected PHYSICAL, found EFFECTIVE"):
            Ledger.from_doses([(found, 28)])
        physical = dose_map(make_ledger((56, 28)), SMALL, Physical()).as_grid(uid="1.5")
        with pytest.raises(QuantityError, match=r"dose 1\.5: a sum of several plans"):
            Ledger.from_doses([(physical, 28)])


class TestRespaced:
    def test_fills_the_same_volume(self) -> None:
        lattice = make_lattice(low_xyz_mm=(0, 0, 0), high_xyz_mm=(20, 25, 30))
        found = respaced(lattice, 1.0)
        assert found.shape_zyx == (33, 27, 22)
        for axis, low, high in ((found.x_mm, -1, 21), (found.y_mm, -1.25, 26.25), (found.z_mm, -1.5, 31.5)):
            assert axis[0] - 0.5 >= low - 1e-9
            assert axis[-1] + 0.5 <= high + 1e-9
            assert axis[0] - 0.5 - low == pytest.approx(high - axis[-1] - 0.5)
            assert all(b - a == pytest.approx(1.0) for a, b in pairwise(axis))

    def test_nothing_of_it_is_uncovered(self) -> None:
        grid = make_uniform_dose(gy=10)
        for spacing in (1.7, 3.0, 11.0):
            found = dose_map(Ledger.from_doses([(grid, 1)]), respaced(grid.lattice, spacing), Physical())
            assert found.uncovered_voxels == 0

    @pytest.mark.parametrize(
        ("spacing", "message"),
        [
            (0.0, "above 0 mm, found 0"),
            (float("nan"), "above 0 mm, found nan"),
            (90.0, "at most 82 mm along x, found 90"),
            (1e-9, "at most 200,000,000 voxels, found 1e-09 mm"),
            (0.1, "at most 200,000,000 voxels, found 0.1 mm"),
        ],
    )
    def test_refused(self, spacing: float, message: str) -> None:
        with pytest.raises(DosecalcError, match=message):
            respaced(make_lattice(), spacing)


@pytest.mark.parametrize("degrees", [None, 5.0])
def test_memory_is_that_of_the_map(degrees: float | None) -> None:
    """Nine bytes a voxel stay; of points (24 bytes) and single doses (8 each) only those of a slab."""
    wide = make_lattice(low_xyz_mm=(-120, -120, -120), high_xyz_mm=(120, 120, 120), spacing_xyz_mm=(6, 7, 8))
    field = {"field": lambda x, y, z: 20 + 0.01 * x, "lattice": wide}
    grids = [(make_dose(**field, uid=f"2.{n}", frame_uid="1.1"), 3) for n in range(6)]  # type: ignore[arg-type]
    ledger = Ledger.from_doses(grids)
    axes = [np.linspace(-60, 60, n) for n in (130, 140, 150)]
    x_mm, y_mm, z_mm = axes
    where = Lattice(x_mm=x_mm, y_mm=y_mm, z_mm=z_mm)
    frames, frame_uid = Frames(), "1.1"
    if degrees is not None:
        path = turned(degrees=degrees, shift_xyz_mm=(1, 2, 3))
        frames = Frames(registrations=(Registration(from_uid="1.0", to_uid="1.1", transform=path),))
        frame_uid = "1.0"
    tracemalloc.start()
    try:
        found = dose_map(ledger, where, Eqd2(alpha_beta_gy=3), frame_uid=frame_uid, frames=frames)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    output = found.at_least_gy.nbytes + found.covered.nbytes
    assert output == 9 * found.covered.size
    assert found.uncovered_voxels == 0
    assert peak < output + 20e6, f"{peak / 1e6:.0f} MB for a map of {output / 1e6:.0f} MB"


def test_one_session_grids_count_as_they_are() -> None:
    grid = make_uniform_dose(gy=2.0, holds=OneSession())
    assert dose_map(Ledger.from_doses([(grid, 28)]), SMALL, Physical()).max_gy == pytest.approx(56)
