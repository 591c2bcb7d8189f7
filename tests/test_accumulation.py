"""Doses of a ledger at the cells of a structure, against worked numbers and laws of addition."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pytest
from factories import (
    make_box,
    make_cylinder,
    make_dose,
    make_lattice,
    make_ledger,
    make_structure,
    make_uniform_dose,
    rectangle,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from dosecalc.accumulation import accumulate, course_parts, dvh, high_dose_overlap, session_curves
from dosecalc.celldoses import cell_doses, quadrature_of
from dosecalc.curves import Curve
from dosecalc.doses import DoseGrid, OneSession
from dosecalc.errors import FrameError, MetricError, MissingDoseError, NotCoveredError, QuantityError
from dosecalc.ledger import Ledger
from dosecalc.quantities import Bed, Eqd2, LqL, PerFraction, Physical, Quantity
from dosecalc.registrations import Frames, Registration
from dosecalc.sessions import Contribution, NoFraction, Session
from dosecalc.structures import Structure, difference
from dosecalc.transforms import Affine

Floats = npt.NDArray[np.float64]

EQD2_3 = Eqd2(alpha_beta_gy=3.0)
BOX = quadrature_of(make_box())
"""2.52 cm3 within every grid of these tests."""


def everywhere_gy(ledger: Ledger, quantity: Quantity) -> float:
    """The one value that a sum of uniform doses has in every cell."""
    curve = accumulate(ledger, BOX, quantity)
    assert curve.min_gy == curve.max_gy
    return curve.max_gy


# --- worked numbers -----------------------------------------------------------------------------

PRIOR, LOW, BOOST, SIB, DEFINITIVE = (70.0, 35), (4.5, 3), (15.0, 3), (15.0, 3), (56.0, 28)
Course = tuple[float, int]
Together = Sequence[Sequence[int]]


@pytest.mark.parametrize(
    ("courses", "together", "eqd2_gy"),
    [
        ([PRIOR, SIB, DEFINITIVE], [], 150.0),
        ([PRIOR, LOW, BOOST, DEFINITIVE], [], 154.05),
        ([PRIOR, LOW, BOOST, DEFINITIVE], [(1, 2)], 163.05),
        ([LOW, BOOST], [(0, 1)], 37.05),
        ([LOW, BOOST], [], 28.05),
        ([PRIOR, BOOST], [], 94.0),
    ],
    ids=["SIB", "apart", "one session", "induction together", "induction apart", "not pooled"],
)
def test_core_point(courses: list[Course], together: Together, eqd2_gy: float) -> None:
    ledger = make_ledger(*courses, together=together)
    assert everywhere_gy(ledger, EQD2_3) == pytest.approx(eqd2_gy, abs=1e-9)
    physical_gy = sum(gy for gy, _ in courses)
    assert everywhere_gy(ledger, Physical()) == pytest.approx(physical_gy, abs=1e-9)


def test_courses_are_converted_one_by_one_and_never_pooled() -> None:
    """85 Gy in 38 fractions, which is what pooling makes of 70/35 and 15/3, would be 89.026."""
    pooled = everywhere_gy(make_ledger((85.0, 38)), EQD2_3)
    apart = everywhere_gy(make_ledger(PRIOR, BOOST), EQD2_3)
    assert pooled == pytest.approx(89.026, abs=5e-4)
    assert apart == pytest.approx(94.0, abs=1e-9)


def test_one_session_has_15_gy_of_bed_more_than_two() -> None:
    bed = Bed(alpha_beta_gy=3.0)
    together = everywhere_gy(make_ledger(LOW, BOOST, together=[(0, 1)]), bed)
    apart = everywhere_gy(make_ledger(LOW, BOOST), bed)
    assert together - apart == pytest.approx(15.0, abs=1e-9)


def test_mean_of_eqd2_is_not_eqd2_of_the_mean() -> None:
    """Halves at 0.5 and 3.5 Gy per fraction, 28 times: 68.6 Gy where the mean dose has 56.0."""
    halves = [rectangle(low_xy_mm=(low, -7), high_xy_mm=(low + 10, 7)) for low in (-15.0, 5.0)]
    structure = make_structure(sections=[(z, halves) for z in (-3.0, 0.0, 3.0)])
    dose = make_dose(field=lambda x, y, z: np.where(x < 0, 0.5 * 28, 3.5 * 28))
    ledger = Ledger.from_doses([(dose, 28)])
    assert accumulate(ledger, structure, EQD2_3).mean_gy == pytest.approx(68.6, abs=1e-6)
    assert accumulate(ledger, structure, Physical()).mean_gy == pytest.approx(56.0, abs=1e-6)


def test_mean_of_eqd2_in_a_linear_dose() -> None:
    """``D = 30 + 2x`` over 10 mm: the mean of D is 30 Gy, of its square 900 + 4 (10^2)/12 Gy2."""
    ledger = Ledger.from_doses([(make_dose(field=lambda x, y, z: np.maximum(30 + 2 * x, 0)), 28)])
    expected = (30 + (900 + 400 / 12) / (28 * 3)) / (1 + 2 / 3)
    assert accumulate(ledger, make_box(), EQD2_3).mean_gy == pytest.approx(expected, abs=2e-3)


def test_model_is_applied_to_the_dose_of_the_session() -> None:
    """LQ-L bends at 6 Gy per session: 3 x 6.5 together is 61.5 Gy, neither dose alone reaches it."""
    quantity = Bed(alpha_beta_gy=3.0, model=LqL(threshold_gy=6, gamma_over_alpha_gy=5))
    together = everywhere_gy(make_ledger(LOW, BOOST, together=[(0, 1)]), quantity)
    apart = everywhere_gy(make_ledger(LOW, BOOST), quantity)
    assert together == pytest.approx(61.5, abs=1e-9)
    assert apart == pytest.approx(46.75, abs=1e-9)


def test_dose_of_each_point_is_divided_not_that_of_the_prescription() -> None:
    """1.05 Gy per fraction lies beside 2 Gy in one plan; each is converted at its own."""
    dose = make_dose(field=lambda x, y, z: np.where(x < 0, 1.05 * 28, 2.0 * 28))
    ledger = Ledger.from_doses([(dose, 28)])
    cold = make_box(low_xyz_mm=(-15, -7, -9), high_xyz_mm=(-5, 7, 9))
    expected = 28 * 1.05 * (1 + 1.05 / 3) / (1 + 2 / 3)
    assert accumulate(ledger, cold, EQD2_3).max_gy == pytest.approx(expected, abs=1e-9)


# --- laws ---------------------------------------------------------------------------------------


def slanted_doses() -> list[tuple[DoseGrid, int]]:
    """Three doses that differ from point to point, on three lattices."""
    return [
        (make_dose(field=lambda x, y, z: 40 + x), 20),
        (
            make_dose(
                field=lambda x, y, z: 50 + 0.5 * y,
                lattice=make_lattice(spacing_xyz_mm=(3.1, 1.9, 2.3)),
            ),
            28,
        ),
        (
            make_dose(
                field=lambda x, y, z: 60 + 0.3 * z,
                lattice=make_lattice(spacing_xyz_mm=(1.7, 3.3, 4.1)),
            ),
            3,
        ),
    ]


@pytest.mark.parametrize("quantity", [Physical(), Bed(alpha_beta_gy=2.0), EQD2_3])
def test_order_of_doses_does_not_matter(quantity: Quantity) -> None:
    curves = [
        accumulate(Ledger.from_doses(doses), BOX, quantity)
        for doses in itertools.permutations(slanted_doses())
    ]
    for curve in curves[1:]:
        np.testing.assert_allclose(curve.dose_gy, curves[0].dose_gy, rtol=1e-13)


def test_sum_has_a_closed_form_at_every_cell() -> None:
    doses = slanted_doses()
    ledger = Ledger.from_doses(doses, together=[])
    cells = cell_doses(BOX, ledger.grids())
    x, y, z = cells.quadrature.centres_xyz_mm().T
    session_gy = [(40 + x) / 20, (50 + 0.5 * y) / 28, (60 + 0.3 * z) / 3]
    counts = [20, 28, 3]
    bed = sum(n * d * (1 + d / 3) for n, d in zip(counts, session_gy, strict=True))
    np.testing.assert_allclose(cells.total_gy(ledger, EQD2_3), bed / (1 + 2 / 3), rtol=1e-12)
    physical = sum(n * d for n, d in zip(counts, session_gy, strict=True))
    np.testing.assert_allclose(cells.total_gy(ledger, Physical()), physical, rtol=1e-12)


@given(
    courses=st.lists(st.tuples(st.floats(0, 80), st.integers(1, 40)), min_size=1, max_size=4),
    alpha_beta_gy=st.floats(0.5, 20),
)
@settings(max_examples=15, deadline=None)
def test_cumulative_identity_at_a_point(courses: list[Course], alpha_beta_gy: float) -> None:
    found = everywhere_gy(make_ledger(*courses), Eqd2(alpha_beta_gy=alpha_beta_gy))
    total_gy = sum(gy for gy, _ in courses)
    excess = sum(gy * (gy / n - 2) for gy, n in courses) / (2 + alpha_beta_gy)
    assert found == pytest.approx(total_gy + excess, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("quantity", [Physical(), EQD2_3])
def test_dose_in_two_parts_of_one_session_is_that_dose(quantity: Quantity) -> None:
    whole = make_dose(field=lambda x, y, z: 140 + x)
    parts = [make_dose(field=lambda x, y, z: 90 + x - y), make_dose(field=lambda x, y, z: 50 + y)]
    split = Ledger.from_doses([(p, 20) for p in parts], together=[(0, 1)])
    cells = replace(BOX, body=None)  # each dose may ask for finer cells of its own
    expected = accumulate(Ledger.from_doses([(whole, 20)]), cells, quantity)
    np.testing.assert_allclose(accumulate(split, cells, quantity).dose_gy, expected.dose_gy, rtol=1e-12)


def test_half_a_fraction_twice_is_a_fraction_of_dose_but_less_effect() -> None:
    (session,) = make_ledger((6.0, 1)).sessions
    fraction = session.contributions[0].fraction
    half = Contribution(fraction=fraction, share=Decimal("0.5"))
    halves = Ledger(sessions=(replace(session, contributions=(half,)),) * 2)
    assert everywhere_gy(halves, Physical()) == pytest.approx(6.0, abs=1e-12)
    assert everywhere_gy(halves, Bed(alpha_beta_gy=3.0)) == pytest.approx(2 * 3 * 2, abs=1e-12)
    at_once = Ledger(sessions=(replace(session, contributions=(half, half)),))
    assert everywhere_gy(at_once, Bed(alpha_beta_gy=3.0)) == pytest.approx(6 * 3, abs=1e-12)


def test_one_session_grid_is_not_divided() -> None:
    ledger = Ledger.from_doses([(make_uniform_dose(gy=2.0, holds=OneSession()), 28)])
    assert everywhere_gy(ledger, Physical()) == pytest.approx(56.0, abs=1e-12)


def test_session_curves_give_the_dose_of_one_session_of_each_kind() -> None:
    ledger = make_ledger(LOW, BOOST, DEFINITIVE, together=[(0, 1)])
    found = [(g.count, c.max_gy, c.quantity) for g, c in session_curves(ledger, BOX)]
    assert [(n, q) for n, _, q in found] == [(3, PerFraction()), (28, PerFraction())]
    assert [gy for _, gy, _ in found] == pytest.approx([6.5, 2.0], abs=1e-12)


def test_three_gray_of_nine_in_three_is_three_to_the_last_digit() -> None:
    """The limit is strict: 3.00 fails, so a uniform 9 Gy in 3 must not come out below."""
    ((_, curve),) = session_curves(make_ledger((9.0, 3)), BOX)
    assert curve.dose_at_volume(0.03) == 3.0


def test_no_state_goes_from_one_sum_to_the_next() -> None:
    first = accumulate(make_ledger(PRIOR), BOX, EQD2_3).mean_gy
    accumulate(make_ledger(PRIOR, BOOST), make_box(low_xyz_mm=(0, 0, 0)), Physical())
    assert accumulate(make_ledger(PRIOR), BOX, EQD2_3).mean_gy == first


# --- what cannot be summed ----------------------------------------------------------------------


def test_dose_per_fraction_is_no_sum() -> None:
    with pytest.raises(QuantityError, match="session_curves gives a curve for each session"):
        accumulate(make_ledger(LOW), BOX, PerFraction())


def with_unknown_boost() -> Ledger:
    (low, *_) = make_ledger(LOW).sessions
    unknown = Contribution(fraction=NoFraction(plan_uid="9", reason="plan 9: no dose"))
    both = replace(low, contributions=(*low.contributions, unknown))
    return Ledger(sessions=(low, both))


def test_unknown_dose_is_refused_and_its_known_part_is_a_lower_bound() -> None:
    ledger = with_unknown_boost()
    with pytest.raises(MissingDoseError, match="plan 9: no dose"):
        accumulate(ledger, BOX, Physical())
    assert everywhere_gy(ledger.known(), Physical()) == pytest.approx(3.0, abs=1e-12)


def test_unknown_dose_within_a_session_makes_the_session_unknown() -> None:
    ledger = with_unknown_boost()
    cells = cell_doses(BOX, ledger.known().grids())
    known, unknown = ledger.sessions
    assert np.all(np.isfinite(cells.session_gy(known.contributions)))
    assert np.all(np.isnan(cells.session_gy(unknown.contributions)))


def ends_at_zero(*, upwards: bool) -> DoseGrid:
    """10 Gy on one side of z = 0, where the outermost face lies."""
    low, high = (1.5, 43.5) if upwards else (-43.5, -1.5)
    lattice = make_lattice(low_xyz_mm=(-40, -40, low), high_xyz_mm=(40, 40, high))
    return make_dose(field=lambda x, y, z: np.full_like(x, 10.0), lattice=lattice)


def test_a_cell_is_covered_when_every_dose_reaches_it() -> None:
    cylinder = make_cylinder(radius_mm=6, low_mm=-12, high_mm=12, spacing_mm=3)
    whole_cm3 = math.pi * 36 * 24 / 1000
    full, up, down = (
        make_uniform_dose(gy=10),
        ends_at_zero(upwards=True),
        ends_at_zero(upwards=False),
    )

    def total(*doses: DoseGrid) -> Curve:
        return accumulate(Ledger.from_doses([(d, 5) for d in doses]), cylinder, Physical())

    assert total(full).uncovered_cm3 == 0
    assert total(full, up).uncovered_cm3 == pytest.approx(whole_cm3 / 2, rel=1e-9)
    assert total(full, up, down).uncovered_cm3 == pytest.approx(whole_cm3, rel=1e-9)
    with pytest.raises(NotCoveredError):
        _ = total(full, up).max_gy
    assert total(full, up).covered_part.max_gy == pytest.approx(20.0, abs=1e-12)


# --- frames of reference ------------------------------------------------------------------------

# Turns a quarter about z and shifts: (x, y, z) -> (-y + 4, x + 3, z - 2).
TURN = np.array([[0, -1, 0, 4], [1, 0, 0, 3], [0, 0, 1, -2], [0, 0, 0, 1]], dtype=np.float64)


def in_frame(frame_uid: str, *, shift_x_mm: float = 0.0) -> Structure:
    low, high = (-5 + shift_x_mm, -7, -9), (5 + shift_x_mm, 7, 9)
    return make_box(low_xyz_mm=low, high_xyz_mm=high, frame_uid=frame_uid)


@pytest.mark.parametrize("given_backwards", [False, True])
def test_points_go_from_the_structure_to_the_dose(given_backwards: bool) -> None:
    """The dose is 40 + y of its own frame, which is 40 + (x + 3) in the structure's."""
    dose = make_dose(field=lambda x, y, z: 40 + y, frame_uid="planning")
    forward = Affine(matrix=TURN)
    registration = (
        Registration(from_uid="planning", to_uid="old", transform=forward.inverse())
        if given_backwards
        else Registration(from_uid="old", to_uid="planning", transform=forward)
    )
    frames = Frames(registrations=(registration,))
    structure = in_frame("old", shift_x_mm=6.0)
    curve = dvh(dose, structure, frames=frames)
    direct = dvh(make_dose(field=lambda x, y, z: 43 + x, frame_uid="old"), structure)
    # Cells cut by the surface count at their centres, which moves this mean by 1/500 of a cell.
    assert curve.mean_gy == pytest.approx(49.0, abs=2e-3)
    np.testing.assert_allclose(curve.dose_gy, direct.dose_gy, rtol=0, atol=1e-9)


def test_two_frames_without_a_registration_are_refused_by_name() -> None:
    dose = make_dose(field=lambda x, y, z: 40 + y, frame_uid="planning")
    with pytest.raises(FrameError) as caught:
        dvh(dose, in_frame("old"))
    assert str(caught.value) == (
        "dose 1.2.3: no registration links frame of reference old with planning; "
        "add the Spatial Registration (REG) object that does"
    )


def test_two_registrations_of_one_pair_are_refused() -> None:
    one = Registration(from_uid="old", to_uid="new", transform=Affine(matrix=TURN), source="a.dcm")
    two = Registration(from_uid="new", to_uid="old", transform=Affine(matrix=TURN), source="b.dcm")
    frames = Frames(registrations=(one, two))
    dose = make_dose(field=lambda x, y, z: 40 + y, frame_uid="new")
    with pytest.raises(FrameError, match=r"expected one registration, found 2: a\.dcm, b\.dcm"):
        dvh(dose, in_frame("old"), frames=frames)


def test_uniform_dose_stays_exact_through_a_rotation() -> None:
    angle = math.radians(7)
    matrix = np.eye(4)
    matrix[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    turned = Registration(from_uid="old", to_uid="new", transform=Affine(matrix=matrix))
    dose = make_dose(field=lambda x, y, z: np.full_like(x, 3.0), frame_uid="new")
    curve = dvh(dose, in_frame("old"), frames=Frames(registrations=(turned,)))
    assert (curve.min_gy, curve.max_gy, curve.percent_at_dose(3)) == (3.0, 3.0, 100.0)


# --- places -------------------------------------------------------------------------------------


def test_hottest_point_is_where_the_dose_peaks() -> None:
    dose = make_dose(field=lambda x, y, z: 200 - 0.5 * np.abs(x - 4) - np.abs(y + 5) - np.abs(z - 6))
    cells = cell_doses(BOX, (dose,))
    found = cells.hottest_xyz_mm(cells.gy[dose])
    assert found is not None
    np.testing.assert_allclose(found, (4.0, -5.0, 6.0), atol=0.5)
    assert cells.hottest_xyz_mm(np.full_like(cells.gy[dose], np.nan)) is None


def test_derived_structures_are_summed_like_others() -> None:
    """The ring between two cylinders in a dose that rises with the radius squared."""
    outer = make_cylinder(radius_mm=12, low_mm=0, high_mm=9, spacing_mm=3)
    inner = make_cylinder(radius_mm=8, low_mm=0, high_mm=9, spacing_mm=1.5)
    fine = make_lattice(low_xyz_mm=(-14, -14, -1), high_xyz_mm=(14, 14, 10), spacing_xyz_mm=(0.5, 0.7, 2))
    dose = make_dose(field=lambda x, y, z: 0.1 * (x**2 + y**2), lattice=fine)
    curve = dvh(dose, difference(outer, inner))
    assert curve.volume_cm3 == pytest.approx(math.pi * (144 - 64) * 9 / 1000, rel=1e-6)
    # The mean of r^2 over a ring is the mean of the two squares; linear interpolation of a parabola
    # on this grid adds up to 0.1 (0.5^2 + 0.7^2)/8 Gy.
    assert curve.mean_gy == pytest.approx(0.1 * (144 + 64) / 2, abs=0.015)


def test_a_session_without_dose_is_no_dose() -> None:
    empty = Ledger(sessions=(Session(course="a", number=1, day=1, contributions=()),))
    assert everywhere_gy(empty, Physical()) == 0.0


class TestParts:
    """Two linear doses across a box of 10 mm: the hottest points of one are the coldest of the other."""

    def doses(self) -> Ledger:
        rising = make_dose(field=lambda x, y, z: np.maximum(60 + 2 * x, 0))
        falling = make_dose(field=lambda x, y, z: np.maximum(30 - x, 0))
        return Ledger.from_doses([(rising, 30), (falling, 10)])

    def test_they_add_up_to_the_mean(self) -> None:
        first, second = course_parts(self.doses(), make_box(), Physical())
        assert (first.gy, second.gy) == (pytest.approx(60.0), pytest.approx(30.0))
        assert (first.percent, second.percent) == (pytest.approx(200 / 3), pytest.approx(100 / 3))

    def test_of_the_hottest_part_of_the_sum(self) -> None:
        """The sum is 90 + x: its hottest 0.252 of 2.52 cm3 are the last mm, on average at x = 4.5."""
        first, second = course_parts(self.doses(), make_box(), Physical(), hottest_cm3=0.252)
        # As near as cells of 0.7 mm tell: what counts is a share in percent.
        assert (first.gy, second.gy) == (pytest.approx(69.0, abs=0.1), pytest.approx(25.5, abs=0.05))
        assert first.percent + second.percent == pytest.approx(100.0)

    def test_of_effect(self) -> None:
        """Where one dose is everywhere: BED 70/35 and 9/3 at a/b 3 are 116.6667 and 18 Gy."""
        ledger = Ledger.from_doses([(make_uniform_dose(gy=70.0), 35), (make_uniform_dose(gy=9.0), 3)])
        parts = course_parts(ledger, make_box(), Bed(alpha_beta_gy=3.0), hottest_cm3=0.03)
        assert [p.gy for p in parts] == [pytest.approx(116.6667, abs=1e-4), pytest.approx(18.0)]

    def test_refused(self) -> None:
        with pytest.raises(MetricError, match=r"hottest_cm3: expected above 0 and up to 2\.52"):
            course_parts(self.doses(), make_box(), Physical(), hottest_cm3=3.0)
        far = make_box(low_xyz_mm=(35, -7, -9), high_xyz_mm=(45, 7, 9))
        with pytest.raises(NotCoveredError, match="reach all of the structure"):
            course_parts(self.doses(), far, Physical())


class TestHighDoseOverlap:
    """A prior dose of 60 + 2 x Gy, a target from x = -5 to 5 mm."""

    @pytest.mark.parametrize(("gy", "percent"), [(50.0, 100.0), (60.0, 50.0), (66.0, 20.0), (71.0, 0.0)])
    def test_types(self, gy: float, percent: float) -> None:
        earlier = Ledger.from_doses([(make_dose(field=lambda x, y, z: np.maximum(60 + 2 * x, 0)), 30)])
        found = high_dose_overlap(earlier, make_box(), at_least_gy=gy)
        assert found.percent == pytest.approx(percent, abs=0.05)
        assert found.volume_cm3 == pytest.approx(2.52 * percent / 100, abs=0.002)
        assert found.is_type_one is (percent > 0)

    def test_by_effect(self) -> None:
        earlier = Ledger.from_doses([(make_uniform_dose(gy=70.0), 35)])
        quantity = Bed(alpha_beta_gy=3.0)
        assert high_dose_overlap(earlier, make_box(), at_least_gy=116.6, quantity=quantity).percent == 100
        assert high_dose_overlap(earlier, make_box(), at_least_gy=116.7, quantity=quantity).percent == 0

    def test_a_target_that_the_dose_does_not_reach_is_refused(self) -> None:
        far = make_box(low_xyz_mm=(35, -7, -9), high_xyz_mm=(45, 7, 9))
        with pytest.raises(NotCoveredError):
            high_dose_overlap(Ledger.from_doses([(make_uniform_dose(gy=70.0), 35)]), far, at_least_gy=60)
