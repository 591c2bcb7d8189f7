"""Dose at the cells of a structure, and cells that are divided where dose asks for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_box, make_cylinder, make_dose, make_lattice, make_sphere, make_uniform_dose, slices
from scipy.optimize import brentq

from dosecalc.accumulation import accumulate, dvh
from dosecalc.celldoses import quadrature_of
from dosecalc.doses import DoseGrid
from dosecalc.evaluation import AtCells, _corners_mm, _near, at_cells, evaluated, stencil
from dosecalc.lattices import Lattice
from dosecalc.ledger import Ledger
from dosecalc.quantities import Eqd2, Physical
from dosecalc.registrations import ONE_FRAME, Frames, Registration
from dosecalc.sampling import Block, Quadrature, Settings, refined
from dosecalc.structures import Contour, Structure
from dosecalc.transforms import Affine

Floats = npt.NDArray[np.float64]

COARSE = Settings(cells=2000)


def all_over(grid: DoseGrid, quadrature: Quadrature) -> tuple[Quadrature, AtCells]:
    after, found = evaluated(quadrature, {grid: None})
    return after, found[grid]


def ball(radius_mm: float, *, spacing_mm: float) -> Structure:
    planes = slices(low_mm=-radius_mm, high_mm=radius_mm, spacing_mm=spacing_mm)
    return make_sphere(radius_mm=radius_mm, planes_mm=planes)


def rod() -> Structure:
    return make_cylinder(radius_mm=12, low_mm=-15, high_mm=15, spacing_mm=3)


def hill(x: Floats, y: Floats, z: Floats) -> Floats:
    """60 Gy that fall off within 6 mm around a point off all lattices."""
    return np.asarray(5 + 60 * np.exp(-((x - 3.3) ** 2 + (y + 2.1) ** 2 + (z - 1.7) ** 2) / 72))


def test_cells_are_divided_where_dose_bends_and_keep_the_volume() -> None:
    for structure in (rod(), ball(15, spacing_mm=3), make_box()):
        before = quadrature_of(structure, COARSE)
        after, found = all_over(make_dose(field=hill), before)
        assert len(after.weights_cm3()) > 1.3 * len(before.weights_cm3())
        assert len(found.gy) == len(after.weights_cm3()) == found.change_gy.shape[1] == len(found.bend_gy)
        assert after.volume_cm3 == pytest.approx(before.volume_cm3, rel=1e-3)
        widths = {round(block.width_mm / before.cell_mm, 9) for block in after.blocks}
        assert 0.5 in widths
        assert widths <= {round(0.5**k, 9) for k in range(9)}


def corners_inside(corner_mm: Floats, size_mm: Floats, radius_mm: float) -> bool:
    furthest = np.maximum(np.abs(corner_mm), np.abs(corner_mm + size_mm))
    return bool(np.hypot(furthest[0], furthest[1]) < radius_mm)


def test_cells_cover_every_place_once() -> None:
    """Boxes between planes of the lattice, within the structure: their volume is that of their cells."""
    before = quadrature_of(rod(), COARSE)
    after, _ = all_over(make_dose(field=hill), before)
    points, volumes = after.centres_xyz_mm(), after.weights_cm3() * 1000
    rng = np.random.default_rng(3)
    seen = 0
    for _ in range(200):
        corner = rng.integers(-9, 8, 2) * before.cell_mm
        size = rng.integers(1, 5, 2) * before.cell_mm
        if not corners_inside(corner, size, 11.9):
            continue
        low = np.array([*corner, 3.0 * rng.integers(-4, 2)])  # planes lie half a slice off these
        high = low + np.array([*size, 6.0])
        inside = np.all((points > low) & (points < high), axis=1)
        assert volumes[inside].sum() == pytest.approx(float(np.prod(high - low)), rel=1e-9)
        seen += 1
    assert seen > 30


def segment_mm2(radius_mm: float, from_mm: float) -> float:
    """Area of a circle beyond a chord."""
    return radius_mm**2 * math.acos(from_mm / radius_mm) - from_mm * math.sqrt(radius_mm**2 - from_mm**2)


@pytest.mark.parametrize("steps", [0, 2, 4])
def test_divided_cells_at_the_surface_hold_what_is_inside(steps: int) -> None:
    """All of a cylinder beyond a plane of the lattice: a segment of its circle."""
    before = quadrature_of(rod(), COARSE)
    after, _ = all_over(make_dose(field=lambda x, y, z: hill(x - 6, y, z)), before)
    chord = steps * before.cell_mm
    beyond = after.centres_xyz_mm()[:, 0] > chord
    found = after.weights_cm3()[beyond].sum() * 1000
    assert found == pytest.approx(segment_mm2(12, chord) * 30, rel=1e-3)


def test_points_of_a_block_are_all_that_its_cells_hold_and_few_others() -> None:
    """Points on its outer faces too: what is left out before its cells are asked is in none of them."""
    rng = np.random.default_rng(1)
    for block in quadrature_of(rod(), COARSE).blocks:
        points = rng.uniform(-40, 40, (5000, 3))
        low, high = _corners_mm(block)
        for corner in (low, high):
            on_face = rng.uniform(low, high, (3, 200, 3))
            for axis in range(3):
                on_face[axis, :, axis] = corner[axis]
            points = np.concatenate([points, *on_face])
        _, held = block.cells_of(points)
        near = _near(points, block)
        assert held.any()
        assert set(np.flatnonzero(held)) <= set(near.tolist())
        assert np.all((points[near] > low - 0.01) & (points[near] < high + 0.01))
        assert len(near) < len(points) / 2


@pytest.mark.parametrize("seed", range(3))
def test_refined_cells_and_the_rest_are_the_block(seed: int) -> None:
    """Any cells may be chosen: volume and first moments of the whole stay."""
    quadrature = quadrature_of(rod(), COARSE)
    assert quadrature.body is not None
    rng = np.random.default_rng(seed)
    for block in quadrature.blocks:
        chosen = rng.random(len(block.held)) < 0.3
        parts: list[Block] = [*refined(quadrature.body, block, chosen), block.kept(~chosen)]
        assert sum(len(part.held) for part in parts) > len(block.held)
        volume = sum(part.volume_cm3.sum() for part in parts)
        assert volume == pytest.approx(block.volume_cm3.sum(), rel=1e-6)
        moment = sum(part.volume_cm3 @ part.centres_xyz_mm() for part in parts)
        np.testing.assert_allclose(
            moment, block.volume_cm3 @ block.centres_xyz_mm(), rtol=0, atol=1e-3 * volume
        )


@pytest.mark.parametrize(
    "direction", [(1, 0, 0), (0, 0, 1), (0, 0, -1), (0.6, 0.8, 0), (0.48, 0.6, 0.64)], ids=str
)
def test_hottest_of_a_large_ball_in_a_linear_dose(direction: tuple[float, float, float]) -> None:
    """0.03 cm3 are a cap of height h with pi h^2 (3 R - h)/3 = 30 mm3: 0.4 mm of 120, cells are 4 mm."""
    a, b, c = direction
    lattice = make_lattice(low_xyz_mm=(-70, -70, -72), high_xyz_mm=(70, 70, 72), spacing_xyz_mm=(4, 5, 3))
    dose = make_dose(field=lambda x, y, z: 150 + a * x + b * y + c * z, lattice=lattice)
    curve = dvh(dose, ball(60, spacing_mm=3))
    height = brentq(lambda h: math.pi * h**2 * (180 - h) / 3 - 30, 0, 10)
    assert curve.dose_at_volume(0.03) == pytest.approx(210 - height, abs=0.05)
    if sum(np.abs(direction)) == 1:
        assert curve.max_gy == pytest.approx(210, abs=0.05)
    assert curve.mean_gy == pytest.approx(150, abs=0.02)


LATTICE = make_lattice(low_xyz_mm=(-60,) * 3, high_xyz_mm=(60,) * 3, spacing_xyz_mm=(2.5,) * 3)


def tent(share: float) -> float:
    """What a voxel's value, linear between voxels, has at least in a share of the 5 mm cube around it.

    There it is a product of three even spreads, of which p (1 - ln p + (ln p)^2/2) lies below p.
    """
    return float(brentq(lambda p: p * (1 - math.log(p) + math.log(p) ** 2 / 2) - (1 - share), 1e-9, 1))


@pytest.mark.parametrize("place_kji", [(24, 24, 24), (20, 27, 31), (29, 18, 22), (24, 25, 33)])
@pytest.mark.parametrize("background_gy", [0.0, 1.0])
def test_single_hot_voxel_in_a_large_structure_is_found(
    place_kji: tuple[int, int, int], background_gy: float
) -> None:
    gy = np.full(LATTICE.shape_zyx, background_gy)
    gy[place_kji] = 10.0
    structure = make_box(low_xyz_mm=(-41, -43, -42), high_xyz_mm=(41, 43, 42))
    assert quadrature_of(structure).cell_mm > 2.5
    curve = dvh(DoseGrid.from_array(LATTICE, gy), structure)
    rise_gy = 10 - background_gy
    assert curve.dose_at_volume(0.03) == pytest.approx(background_gy + rise_gy * tent(30 / 125), rel=0.05)
    furthest = (30 / 64) ** (1 / 3) / 2  # 0.03 cm3 are 64 cells or more: the top lies in one of these
    assert background_gy + rise_gy * (1 - furthest / 2.5) ** 3 < curve.max_gy <= 10 * (1 + 1e-9)


@pytest.mark.parametrize(
    "make", [make_box, lambda: make_cylinder(radius_mm=5, low_mm=-9, high_mm=9, spacing_mm=3)]
)
@pytest.mark.parametrize(
    "high",
    [
        lambda x, y, z: x < 6.5,
        lambda x, y, z: y > -8,
        lambda x, y, z: np.abs(z) < 10,
        lambda x, y, z: x * x + y * y < 10**2,
    ],
    ids=["beside", "in front", "above and below", "around"],
)
@pytest.mark.parametrize("beyond_gy", [0.0, 80.0])
def test_step_of_dose_beside_a_structure_is_not_in_it(
    make: Callable[[], Structure], high: Callable[..., npt.NDArray[np.bool_]], beyond_gy: float
) -> None:
    """The lattice's points within reach of the structure all have 50 Gy, those further out do not."""
    dose = make_dose(field=lambda x, y, z: np.where(high(x, y, z), 50.0, beyond_gy))
    curve = dvh(dose, make())
    for percent in (0.1, 2, 50, 98, 99.9, 100):
        assert curve.dose_at_percent(percent) == pytest.approx(50, rel=1e-9)
    assert (curve.min_gy, curve.max_gy) == (pytest.approx(50, rel=1e-9), pytest.approx(50, rel=1e-9))


def test_uniform_dose_does_not_change_at_all() -> None:
    before = quadrature_of(rod(), COARSE)
    after, found = all_over(make_uniform_dose(gy=47.3), before)
    assert len(after.weights_cm3()) == len(before.weights_cm3())
    assert not found.change_gy.any()
    assert not found.bend_gy.any()
    assert (found.gy == 47.3).all()


GRADIENT = np.array([0.7, -0.4, 1.1])


def linear() -> DoseGrid:
    return make_dose(field=lambda x, y, z: 120 + GRADIENT[0] * x + GRADIENT[1] * y + GRADIENT[2] * z)


@pytest.mark.parametrize("structure", [rod(), ball(15, spacing_mm=3), make_box()], ids=["rod", "ball", "box"])
def test_linear_dose_changes_by_the_size_of_a_filled_cell(structure: Structure) -> None:
    for block in quadrature_of(structure, COARSE).blocks:
        found = at_cells(linear(), stencil(block), None)
        filled = np.ones(len(block.held), dtype=np.bool_)
        filled[block.cut] = False
        layer = block.held // (block.lattice.shape_zyx[1] * block.lattice.shape_zyx[2])
        flat = np.full(len(block.held), block.width_mm)
        size = np.stack([flat, flat, block.height_mm[layer]])
        assert filled.sum() > 100
        np.testing.assert_allclose(
            found.change_gy[:, filled], (GRADIENT[:, None] * size)[:, filled], rtol=0, atol=1e-9
        )
        np.testing.assert_allclose(found.bend_gy[filled], 0, rtol=0, atol=1e-9)
        wanted = 120 + block.centres_xyz_mm() @ GRADIENT
        np.testing.assert_allclose(found.gy, wanted, rtol=0, atol=1e-9)


def test_linear_dose_changes_by_the_part_of_a_cut_cell() -> None:
    """A box of 10 x 14 mm: its outermost cells reach from the last line of the lattice to the wall."""
    quadrature = quadrature_of(make_box(), COARSE)
    cell = quadrature.cell_mm
    part_x, part_y = 5 - math.floor(5 / cell) * cell, 7 - math.floor(7 / cell) * cell
    assert min(part_x, part_y) > 0.1 * cell
    for block in quadrature.blocks:
        found = at_cells(linear(), stencil(block), None)
        x, y, _ = np.abs(block.centres_xyz_mm()).T
        at_x, at_y = x > 5 - part_x, y > 7 - part_y
        wanted = np.stack([np.where(at_x, part_x, cell), np.where(at_y, part_y, cell)]) * GRADIENT[:2, None]
        np.testing.assert_allclose(found.change_gy[:2], wanted, rtol=0, atol=1e-9)


def test_cells_that_the_dose_does_not_reach_are_not_known() -> None:
    lattice = make_lattice(high_xyz_mm=(2.0, 40, 42))  # its last voxels end at x = 3 mm
    after, found = all_over(make_dose(field=hill, lattice=lattice), quadrature_of(rod(), COARSE))
    x = after.centres_xyz_mm()[:, 0]
    assert np.array_equal(np.isnan(found.gy), x > 3)
    assert np.isfinite(found.change_gy[:, x < 3 - 2 * COARSE.max_cell_mm]).all()


def test_sum_is_hottest_where_no_dose_by_itself_is() -> None:
    """40 + x and 40 + y Gy: their sum rises by root 2 Gy/mm towards (1, 1), where neither is at its best.

    The cap of 30 mm3 at that pole is pi h^2 (R - h/3) high.
    """
    radius_mm = 60.0
    lattice = make_lattice(low_xyz_mm=(-72,) * 3, high_xyz_mm=(72,) * 3, spacing_xyz_mm=(4,) * 3)
    first = make_dose(field=lambda x, y, z: 80 + x, lattice=lattice, uid="1.1")
    second = make_dose(field=lambda x, y, z: 80 + y, lattice=lattice, uid="1.2")
    height = float(brentq(lambda h: np.pi * h**2 * (radius_mm - h / 3) - 30, 0, radius_mm))
    ledger = Ledger.from_doses([(first, 10), (second, 10)])
    total = accumulate(ledger, ball(radius_mm, spacing_mm=3), Physical())
    expected = 160 + np.sqrt(2) * (radius_mm - height)
    assert total.dose_at_volume(0.03) == pytest.approx(expected, abs=0.05)


TURNED = Affine(
    matrix=np.array([[0.8, -0.6, 0, 7], [0.6, 0.8, 0, -3], [0, 0, 1, 2.5], [0, 0, 0, 1]], dtype=np.float64)
)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("radius_mm", [10, 40, 70])
def test_hot_voxel_is_the_maximum_however_large_the_structure(radius_mm: float, turned: bool) -> None:
    """4 Gy everywhere but in one voxel, which has 10: cells of 4 mm lie around it, smaller ones beside it."""
    axis = np.arange(-100.0, 101, 2.5)
    lattice = Lattice(x_mm=axis, y_mm=axis, z_mm=axis)
    gy = np.full(lattice.shape_zyx, 4.0)
    gy[42, 39, 41] = 10.0  # at x, y, z = 2.5, -2.5, 5
    dose = DoseGrid.from_array(lattice, gy, frame_uid="dose" if turned else "")
    structure = ball(radius_mm, spacing_mm=2.5)
    frames = ONE_FRAME
    if turned:
        structure = replace(structure, frame_uid="old")
        frames = Frames(registrations=(Registration(from_uid="old", to_uid="dose", transform=TURNED),))
    curve = dvh(dose, structure, frames=frames)
    assert curve.max_gy == pytest.approx(10.0, abs=0.06)
    assert curve.min_gy == pytest.approx(4.0, abs=1e-9)


def test_hot_voxel_beside_a_structure_is_not_in_it() -> None:
    axis = np.arange(-60.0, 61, 2.5)
    lattice = Lattice(x_mm=axis, y_mm=axis, z_mm=axis)
    gy = np.full(lattice.shape_zyx, 4.0)
    gy[24, 24, 35] = 10.0  # at x = 27.5: 2.5 mm further out than its dose reaches in
    curve = dvh(DoseGrid.from_array(lattice, gy), ball(24.9, spacing_mm=2.49))
    assert curve.max_gy == pytest.approx(4.0, abs=0.05)


def cube_dose(gy: Floats, spacing_mm: float, *, uid: str = "") -> DoseGrid:
    axis = (np.arange(gy.shape[0]) - gy.shape[0] // 2) * spacing_mm
    return DoseGrid.from_array(Lattice(x_mm=axis, y_mm=axis, z_mm=axis), gy, uid=uid)


def test_hot_voxel_of_a_sum_need_be_none_of_its_doses_hottest() -> None:
    """3.5 Gy nearly everywhere in the sum, 4.6 in one voxel that is the hottest of neither dose."""
    first, second = np.full((61, 61, 61), 2.0), np.full((61, 61, 61), 1.5)
    first[:, :, 45:], second[:, :, 42:] = 3.2, 0.0
    first[30, 30, 30] = 3.1
    doses = [cube_dose(gy, 2.5, uid=str(n)) for n, gy in enumerate((first, second))]
    ledger = Ledger.from_doses([(dose, 1) for dose in doses], together=[(0, 1)])
    found = accumulate(ledger, ball(60, spacing_mm=2.5), Physical())
    assert found.max_gy == pytest.approx(4.6, abs=0.03)


@pytest.mark.parametrize("place", [(10, 12, 12), (14, 12, 12), (12, 14, 12), (12, 12, 14), (14, 14, 14)])
def test_hot_voxel_on_a_face_belongs_to_the_structure(place: tuple[int, int, int]) -> None:
    gy = np.full((25, 25, 25), 50.0)
    gy[place[::-1]] = 60.0
    box = make_box(low_xyz_mm=(-24, -24, -24), high_xyz_mm=(24, 24, 24), spacing_mm=3)
    assert dvh(cube_dose(gy, 12.0), box).max_gy == pytest.approx(60.0, abs=0.1)


def test_noise_around_nothing_makes_no_negative_dose() -> None:
    gy = np.random.default_rng(5).uniform(0, 0.03, (40, 40, 40))
    gy[gy < 0.02] = 0.0
    curve = accumulate(
        Ledger.from_doses([(cube_dose(gy, 1.0), 1)]), ball(15, spacing_mm=3), Eqd2(alpha_beta_gy=3.0)
    )
    assert curve.min_gy >= 0


def test_dot_on_a_plane_of_its_own_is_no_volume_and_no_fault() -> None:
    body = make_box(low_xyz_mm=(-10, -10, -6), high_xyz_mm=(10, 10, 0), spacing_mm=3)
    dot = Contour(points_xyz_mm=np.tile([0.0, 0.0, 1.5], (3, 1)))
    with_dot = replace(body, contours=(*body.contours, dot))
    found, plain = (dvh(make_dose(field=lambda x, y, z: 80 + x), s) for s in (with_dot, body))
    assert found.volume_cm3 == pytest.approx(plain.volume_cm3, rel=0.3)


def test_plateau_of_many_cells_is_a_step() -> None:
    """Three quarters of a large structure have exactly 50 Gy: V50Gy is 75 %."""
    gy = np.full((81, 81, 81), 50.0)
    gy[:, :, :30] = 0.0
    curve = dvh(
        cube_dose(gy, 2.0), make_box(low_xyz_mm=(-61, -40, -40), high_xyz_mm=(79, 40, 40), spacing_mm=4)
    )
    assert curve.percent_at_dose(50) == pytest.approx(100 * (79 - -20) / 140, abs=1.0)
