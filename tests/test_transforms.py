"""Maps of points: matrices, displacements and their inverses, against SimpleITK and closed forms."""

from __future__ import annotations

import math
import tracemalloc
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dosecalc.doses import DoseGrid
from dosecalc.errors import FrameError
from dosecalc.lattices import Lattice
from dosecalc.transforms import (
    IDENTITY,
    Affine,
    Chain,
    Deformation,
    Inverse,
    Transform,
    VectorGrid,
    apply,
    bounds,
    chained,
    describe,
    folds,
    is_rigid,
    jacobian,
    same,
    unrigid,
)

Floats = npt.NDArray[np.float64]

RNG = np.random.default_rng(20260301)
COUNTS, RESOLUTION_MM, ORIGIN_MM = (23, 19, 16), (3.0, 2.5, 4.0), (-30.0, -22.0, 15.0)


@pytest.fixture
def sitk() -> ModuleType:
    module: ModuleType = pytest.importorskip("SimpleITK")
    return module


def rotation(*, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Floats:
    """Turns about the axes in degrees, z first."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(math.radians(a)), math.sin(math.radians(a))) for a in (x, y, z))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_x @ about_y @ about_z)


def affine(linear: Floats, shift_xyz_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Affine:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, shift_xyz_mm
    return Affine(matrix=matrix)


RIGID = affine(rotation(x=3, y=-6, z=8), (12.0, -7.5, 4.0))
SHEARED = affine(np.array([[1.05, 0.1, 0], [0, 0.95, 0.04], [0.02, 0, 1.01]]), (1.0, -2.0, 3.0))
OBLIQUE = rotation(x=20, y=-15, z=35)


def make_grid(
    field: Any,
    *,
    counts: tuple[int, int, int] = COUNTS,
    resolution_mm: tuple[float, float, float] = RESOLUTION_MM,
    origin_xyz_mm: tuple[float, float, float] = ORIGIN_MM,
    directions: Floats | None = None,
) -> VectorGrid:
    """A grid of displacements that are a function of points (n, 3), as 32-bit floats."""
    axes = np.eye(3) if directions is None else directions
    k, j, i = np.meshgrid(*(np.arange(count) for count in counts[::-1]), indexing="ij")
    places = np.stack([i, j, k], axis=-1) * resolution_mm
    points = np.asarray(origin_xyz_mm) + places @ axes
    vectors = np.asarray(field(points.reshape(-1, 3)), dtype=np.float32).reshape(points.shape)
    return VectorGrid(
        origin_xyz_mm=np.array(origin_xyz_mm),
        resolution_mm=np.array(resolution_mm),
        vectors_mm=vectors,
        directions=axes,
    )


def waves(xyz_mm: Floats) -> Floats:
    """Displacements of up to 20 mm that bend along all axes."""
    x, y, z = xyz_mm.T
    return np.stack(
        [14 + 6 * np.sin(y / 25), 5 * np.cos(x / 20) - 8, 4 * np.sin(z / 30 + x / 40)],
        axis=1,
    )


def inside(grid: VectorGrid, count: int = 2000) -> Floats:
    return grid.points_xyz_mm(RNG.random((count, 3)) * (grid.counts - 1))


BENT = Deformation(
    grid=make_grid(waves, directions=OBLIQUE), pre=affine(rotation(z=4), (5, -8, 3)), post=SHEARED
)


# --- against SimpleITK --------------------------------------------------------------------------


def itk_affine(sitk: Any, transform: Affine) -> Any:
    made = sitk.AffineTransform(3)
    made.SetMatrix(transform.linear.ravel().tolist())
    made.SetTranslation(transform.shift_xyz_mm.tolist())
    return made


def itk_field(sitk: Any, grid: VectorGrid, moved_by: Affine | None = None) -> Any:
    """The same displacements; the place of each vector may be moved."""
    place = affine(np.eye(3)) if moved_by is None else moved_by
    image = sitk.GetImageFromArray(grid.vectors_mm.astype(np.float64), isVector=True)
    image.SetOrigin(apply(place, grid.origin_xyz_mm[None])[0].tolist())
    image.SetSpacing(grid.resolution_mm.tolist())
    image.SetDirection((place.linear @ grid.directions.T).ravel().tolist())
    return sitk.DisplacementFieldTransform(image)


def through(itk_transform: Any, xyz_mm: Floats) -> Floats:
    return np.array([itk_transform.TransformPoint(point.tolist()) for point in xyz_mm])


def test_rigid_points_as_euler_transform(sitk: Any) -> None:
    """ITK turns about z, then x, then y, and about a centre."""
    angles, centre, shift = (0.1, -0.2, 0.3), (20.0, -5.0, 11.0), (3.0, 4.0, -5.0)
    theirs = sitk.Euler3DTransform()
    theirs.SetRotation(*angles)
    theirs.SetCenter(centre)
    theirs.SetTranslation(shift)
    x, y, z = (math.degrees(angle) for angle in angles)
    turn = rotation(z=z) @ rotation(x=x) @ rotation(y=y)
    ours = affine(turn, tuple(np.array(centre) + shift - turn @ centre))
    points = RNG.uniform(-300, 300, (500, 3))
    np.testing.assert_allclose(apply(ours, points), through(theirs, points), rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        apply(ours.inverse(), points), through(theirs.GetInverse(), points), rtol=0, atol=1e-9
    )


def test_sheared_points_as_affine_transform(sitk: Any) -> None:
    points = RNG.uniform(-300, 300, (500, 3))
    theirs = itk_affine(sitk, SHEARED)
    np.testing.assert_allclose(apply(SHEARED, points), through(theirs, points), rtol=0, atol=1e-9)


@pytest.mark.parametrize("directions", [None, OBLIQUE], ids=["straight", "oblique"])
def test_displaced_points_as_displacement_field(sitk: Any, directions: Floats | None) -> None:
    grid = make_grid(waves, directions=directions)
    points = inside(grid)
    theirs = through(itk_field(sitk, grid), points)
    np.testing.assert_allclose(apply(Deformation(grid=grid), points), theirs, rtol=0, atol=1e-9)


def test_matrices_around_displacements_as_composite(sitk: Any) -> None:
    """Displacements belong to points before ``pre``: for ITK the grid is moved by it."""
    composite = sitk.CompositeTransform(3)  # applies what was added last first
    for part in (
        itk_affine(sitk, BENT.post),
        itk_field(sitk, BENT.grid, BENT.pre),
        itk_affine(sitk, BENT.pre),
    ):
        composite.AddTransform(part)
    points = inside(BENT.grid)
    np.testing.assert_allclose(apply(BENT, points), through(composite, points), rtol=0, atol=1e-9)


def test_chain_as_composite(sitk: Any) -> None:
    grid = make_grid(waves)
    composite = sitk.CompositeTransform(3)
    for part in (itk_affine(sitk, SHEARED), itk_field(sitk, grid), itk_affine(sitk, RIGID)):
        composite.AddTransform(part)
    points = apply(RIGID.inverse(), inside(grid))
    chain = chained([RIGID, Deformation(grid=grid), SHEARED])
    np.testing.assert_allclose(apply(chain, points), through(composite, points), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "transform", [RIGID, SHEARED, BENT, BENT.inverse(), chained([BENT, RIGID])], ids=describe
)
def test_linear_dose_at_registered_points(sitk: Any, transform: Transform) -> None:
    """40 + 0.1 x + 0.05 y - 0.02 z Gy, interpolated on both sides at the points of SimpleITK."""
    axis = np.arange(-120.0, 121, 5)
    lattice = Lattice(x_mm=axis, y_mm=axis, z_mm=axis)
    slope = np.array([0.1, 0.05, -0.02])
    dose = DoseGrid.from_array(lattice, 40 + lattice.points_xyz_mm() @ slope)
    points = inside(BENT.grid, 400)
    if isinstance(transform, Inverse):
        points = apply(BENT, points)
    image = sitk.GetImageFromArray(dose.gy)
    image.SetOrigin([-120.0] * 3)
    image.SetSpacing([5.0] * 3)
    there = apply(transform, points)
    theirs = [image.EvaluateAtPhysicalPoint(point.tolist()) for point in there]
    np.testing.assert_allclose(dose.at_points(points, transform), theirs, rtol=0, atol=1e-9)
    np.testing.assert_allclose(dose.at_points(points, transform), 40 + there @ slope, rtol=0, atol=1e-9)


# --- displacements by hand ----------------------------------------------------------------------


def test_pre_displacement_and_post_in_their_order_by_hand() -> None:
    """A quarter turn and a shift do not commute. From (1, 2, 3): turned to (-2, 1, 3), displaced by 10 + x
    of the point itself to (9, 1, 3), shifted by (0, 0, 5) and doubled to (18, 2, 16)."""
    quarter = affine(rotation(z=90))
    post = affine(2 * np.eye(3), (0.0, 0.0, 10.0))
    field = make_grid(lambda p: np.stack([10 + p[:, 0], 0 * p[:, 0], 0 * p[:, 0]], axis=1))
    moved = Deformation(grid=field, pre=quarter, post=post)
    point = np.array([[1.0, 2.0, 16.0]])
    np.testing.assert_allclose(apply(moved, point), [[18, 2, 42]], rtol=0, atol=1e-5)
    np.testing.assert_allclose(apply(moved.inverse(), np.array([[18.0, 2, 42]])), point, rtol=0, atol=1e-5)


def test_vectors_are_found_by_their_indices() -> None:
    vectors = np.zeros((4, 3, 2, 3), dtype=np.float32)
    vectors[2, 1, 0] = (1, 2, 4)
    grid = VectorGrid(
        origin_xyz_mm=np.array([10.0, 20, 30]),
        resolution_mm=np.array([3.0, 5, 7]),
        vectors_mm=vectors,
        directions=np.array([[0, 1, 0], [0, 0, 1], [1.0, 0, 0]]),
    )
    # 2 steps of 7 mm along the third axis, which is x, 1 of 5 mm along the second, which is z.
    there = np.array([[10 + 14, 20, 35.0]])
    np.testing.assert_allclose(grid.points_xyz_mm(np.array([[0, 1, 2]])), there)
    np.testing.assert_allclose(grid.at(there), [[1, 2, 4]])
    np.testing.assert_allclose(grid.at(there + np.array([3.5, 0, 0])), [[0.5, 1, 2]])
    np.testing.assert_allclose(grid.at(there + np.array([3.5, 0.75, 0])), [[0.375, 0.75, 1.5]])


def test_an_array_of_any_order_and_precision_gives_the_same() -> None:
    grid = make_grid(waves)
    turned = np.asfortranarray(grid.vectors_mm)
    other = VectorGrid(
        origin_xyz_mm=grid.origin_xyz_mm, resolution_mm=grid.resolution_mm, vectors_mm=turned.astype(float)
    )
    points = inside(grid, 100)
    np.testing.assert_array_equal(other.at(points), grid.at(points))


def test_beyond_the_grid_nothing_is_known() -> None:
    grid = make_grid(waves)
    low, high = np.array(ORIGIN_MM), grid.points_xyz_mm(grid.counts[None] - 1)[0]
    moved = Deformation(grid=grid)
    for axis, (end, sign) in ((a, e) for a in range(3) for e in ((low, -1), (high, 1))):
        point = ((low + high) / 2)[None]
        point[0, axis] = end[axis] + sign * 1e-7
        assert np.isfinite(apply(moved, point)).all()
        point[0, axis] = end[axis] + sign * 1e-3
        assert np.isnan(apply(moved, point)).all()
        assert np.isnan(jacobian(moved, point)).all()
    assert np.isnan(apply(moved, np.array([[np.nan, 0.0, 20.0]]))).all()


def test_unknown_vectors_spread_as_far_as_they_are_used() -> None:
    vectors = np.full((3, 3, 3, 3), 2.0, dtype=np.float32)
    vectors[1, 1, 1] = (0, np.nan, 0)
    grid = VectorGrid(origin_xyz_mm=np.zeros(3), resolution_mm=np.array([2.0, 3, 4]), vectors_mm=vectors)
    assert (grid.unknown, grid.largest_mm) == (1, pytest.approx(math.sqrt(12)))
    moved = Deformation(grid=grid)
    unknown = np.array([[2.0, 3, 4], [1.9, 2.9, 3.9], [2.1, 3, 4], [2, 3, 0.1]])
    assert np.isnan(apply(moved, unknown)).all()
    known = np.array([[0.0, 3, 4], [4, 3, 4], [2, 3, 0], [2, 3, 8], [1.9, 0, 3.9]])
    np.testing.assert_allclose(apply(moved, known), known + 2)


def test_a_plane_of_vectors_holds_for_half_a_step() -> None:
    grid = make_grid(lambda p: 0 * p + 1.5, counts=(5, 4, 1))
    centre = np.array([-28.0, -20.0, 15.0])
    points = centre + np.array([[0, 0, -1.99], [0, 0, 1.99], [0, 0, 2.01], [0, 0, -2.01]])
    found = Deformation(grid=grid)
    np.testing.assert_allclose(apply(found, points)[:2], points[:2] + 1.5)
    assert np.isnan(apply(found, points)[2:]).all()
    np.testing.assert_allclose(jacobian(found, points[:2]), 1.0)
    assert folds(found) == 0


def test_memory_is_that_of_the_points() -> None:
    """3.2 million vectors of 32 bits are 38 MB; looking up some takes a hundredth of that."""
    vectors = np.zeros((160, 200, 100, 3), dtype=np.float32)
    grid = VectorGrid(origin_xyz_mm=np.zeros(3), resolution_mm=np.ones(3), vectors_mm=vectors)
    assert grid.vectors_mm is vectors
    moved = Deformation(grid=grid)
    points = RNG.random((1000, 3)) * 90
    tracemalloc.start()
    apply(moved, points)
    apply(moved.inverse(), points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < vectors.nbytes / 20


# --- inverses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [RIGID, SHEARED, BENT, Deformation(grid=make_grid(waves)), chained([RIGID.inverse(), BENT])],
    ids=describe,
)
def test_there_and_back(transform: Transform) -> None:
    points = inside(transform.grid if isinstance(transform, Deformation) else BENT.grid, 3000)
    if isinstance(transform, Chain):
        points = apply(RIGID, points)
    back = apply(transform.inverse(), apply(transform, points))
    np.testing.assert_allclose(back, points, rtol=0, atol=1e-6)
    again = apply(transform, back)
    np.testing.assert_allclose(again, apply(transform, points), rtol=0, atol=1e-6)


def test_inverse_of_an_inverse_is_the_original() -> None:
    assert BENT.inverse().inverse() is BENT
    there_and_back = chained([BENT, RIGID]).inverse().inverse()
    assert same(there_and_back, chained([BENT, RIGID]))


def test_inverse_starts_where_vectors_are_known() -> None:
    """Known in the middle alone and 60 mm long: a search from the point itself would meet NaN."""
    grid = make_grid(lambda p: waves(p) + 60)
    vectors = grid.vectors_mm.copy()
    vectors[:4], vectors[12:], vectors[:, :, :6] = np.nan, np.nan, np.nan
    some = Deformation(
        grid=VectorGrid(
            origin_xyz_mm=grid.origin_xyz_mm, resolution_mm=grid.resolution_mm, vectors_mm=vectors
        )
    )
    points = inside(grid, 2000)
    there = apply(some, points)
    places = (points - ORIGIN_MM) / RESOLUTION_MM
    known = np.all((places > (6.01, 0, 4.01)) & (places < (22, 18, 10.99)), axis=1)
    assert np.isfinite(there[known]).all()
    assert 500 < known.sum() < 1500
    np.testing.assert_allclose(apply(some.inverse(), there[known]), points[known], rtol=0, atol=1e-6)


def test_inverse_is_unknown_where_nothing_is_mapped_to() -> None:
    grid = make_grid(lambda p: 0 * p + 10.0)
    back = Deformation(grid=grid).inverse()
    low, high = np.array(ORIGIN_MM), grid.points_xyz_mm(grid.counts[None] - 1)[0]
    middle = (low + high) / 2
    beside = np.array([low + 9.99, high + 10.01, middle + 1000, [np.nan, 0, 0]])
    assert np.isnan(apply(back, beside)).all()
    np.testing.assert_allclose(apply(back, middle[None]), middle[None] - 10, atol=1e-6)
    assert np.isnan(jacobian(back, beside)).all()


def folded(strength: float) -> Deformation:
    """``x -> x + a sin(k x)`` along x with ``a k`` of so much, finely sampled."""
    wave = 2 * math.pi / 40
    return Deformation(
        grid=make_grid(
            lambda p: np.stack([strength / wave * np.sin(wave * p[:, 0]), 0 * p[:, 0], 0 * p[:, 0]], axis=1),
            counts=(161, 5, 5),
            resolution_mm=(0.25, 4.0, 4.0),
            origin_xyz_mm=(-20.0, 0.0, 0.0),
        )
    )


def test_where_it_is_folded_the_inverse_is_unknown_or_maps_back() -> None:
    back = folded(1.5).inverse()
    points = np.array([[x, 8.0, 8.0] for x in np.linspace(-19, 19, 77)])
    found = apply(back, points)
    known = np.isfinite(found[:, 0])
    np.testing.assert_allclose(apply(back.of, found[known]), points[known], rtol=0, atol=1e-6)
    assert np.all(jacobian(back.of, found[known]) > 0)


# --- volumes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.5, 1.5])
def test_jacobian_of_a_wave_in_closed_form(strength: float) -> None:
    """The determinant of ``x + a sin(k x)`` is ``1 + a k cos(k x)``."""
    moved = folded(strength)
    x = np.linspace(-19.9, 19.9, 333)
    points = np.stack([x, np.full_like(x, 7.0), np.full_like(x, 9.0)], axis=1)
    expected = 1 + strength * np.cos(2 * math.pi / 40 * x)
    # The slope is that between two vectors: off by half a step of the wave at most.
    slack = strength * (2 * math.pi / 40) * 0.25
    np.testing.assert_allclose(jacobian(moved, points), expected, rtol=0, atol=slack)
    there = apply(moved, points)
    if strength < 1:
        np.testing.assert_allclose(jacobian(moved.inverse(), there), 1 / jacobian(moved, points), rtol=1e-6)


def test_folding_is_found() -> None:
    """``1 + 1.5 cos(k x)`` is negative within 14.65 to 20 mm of the middle: 42 of 160 steps on both sides."""
    turning = math.acos(-1 / 1.5) / (2 * math.pi / 40)
    expected = 2 * (20 - turning) / 0.25 * 4 * 4
    found = folds(folded(1.5))
    assert found == pytest.approx(expected, abs=2 * 16)
    assert folds(folded(0.99)) == 0
    assert np.all(jacobian(folded(1.5), np.array([[-19.0, 7, 7], [19.0, 7, 7]])) < 0)
    mirrored = affine(np.diag([-1.0, 1, 1]))
    assert folds(Deformation(grid=folded(0.99).grid, pre=mirrored)) == 0


@pytest.mark.parametrize(
    "transform",
    [SHEARED, BENT, BENT.inverse(), chained([RIGID, SHEARED.inverse()]), chained([BENT, SHEARED])],
    ids=describe,
)
def test_jacobian_against_finite_differences(transform: Transform) -> None:
    step_mm = 1e-3
    places = RNG.integers(0, BENT.grid.counts - 1, (300, 3)) + RNG.uniform(0.05, 0.95, (300, 3))
    points = BENT.grid.points_xyz_mm(places)
    if isinstance(transform, Inverse):
        points = apply(BENT, points)
    slopes = [
        (apply(transform, points + step_mm * axis) - apply(transform, points - step_mm * axis)) / step_mm / 2
        for axis in np.eye(3)
    ]
    expected = np.linalg.det(np.stack(slopes, axis=-1))
    np.testing.assert_allclose(jacobian(transform, points), expected, rtol=0, atol=2e-4)


# --- bounds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform", [RIGID, SHEARED, BENT, BENT.inverse(), chained([BENT, RIGID]), IDENTITY], ids=describe
)
def test_images_lie_within_their_bounds(transform: Transform) -> None:
    middle = BENT.grid.points_xyz_mm((BENT.grid.counts[None] - 1) / 2)[0]
    if isinstance(transform, Inverse):
        middle = apply(BENT, middle[None])[0]
    half = np.array([9.0, 12.0, 15.0])
    low, high = bounds(transform, middle - half, middle + half)
    there = apply(transform, RNG.uniform(middle - half, middle + half, (3000, 3)))
    there = there[np.isfinite(there[:, 0])]
    assert len(there) > 1000
    assert np.all(there.min(axis=0) >= low - 1e-5)
    assert np.all(there.max(axis=0) <= high + 1e-5)
    assert np.all(high - low < 90)


@pytest.mark.parametrize("transform", [BENT, BENT.inverse(), chained([BENT, RIGID])], ids=describe)
def test_bounds_of_what_no_image_is_known_of_are_empty(transform: Transform) -> None:
    low, high = bounds(transform, np.full(3, 900.0), np.full(3, 950.0))
    assert np.any(low > high)


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transform", "words", "rigid"),
    [
        (IDENTITY, "the identity", True),
        (
            affine(rotation(x=0, y=0.001, z=0), (1, 0, 0)),
            "rigid: turned by 0.00 degrees, shifted by (1.0, 0.0, 0.0) mm",
            True,
        ),
        (
            chained([affine(rotation(z=30), (1, 0, 0)), affine(rotation(z=-10))]),
            "rigid: turned by 20.00 degrees, shifted by (1.0, -0.2, 0.0) mm",
            True,
        ),
        (
            affine(np.diag([1.02, 1, 0.98]) @ rotation(z=15)),
            "scaled by 1.0200, 1.0000 and 0.9800, turned by 15.00 degrees, shifted by (0.0, 0.0, 0.0) mm",
            False,
        ),
        (
            affine(rotation(z=15) @ np.diag([1.02, 1, 0.98])),
            "scaled by 1.0200, 1.0000 and 0.9800, turned by 15.00 degrees, shifted by (0.0, 0.0, 0.0) mm",
            False,
        ),
        (
            affine(np.array([[1, 0.1, 0], [0, 1.05, 0], [0, 0, 1]])),
            "sheared (volumes times 1.0500), shifted by (0.0, 0.0, 0.0) mm",
            False,
        ),
        (
            affine(np.diag([-1.0, 1, 1]), (2, 0, 0)),
            "mirrored (determinant -1.0000), shifted by (2.0, 0.0, 0.0) mm",
            False,
        ),
        (
            Deformation(grid=make_grid(lambda p: 0 * p + [0, 3, 4]), post=affine(rotation(z=90))),
            "deformable: 23 x 19 x 16 vectors 3 x 2.5 x 4 mm apart, the longest 5.0 mm, "
            "0 of 6992 not known; after them rigid: turned by 90.00 degrees, shifted by (0.0, 0.0, 0.0) mm",
            False,
        ),
    ],
)
def test_a_transform_in_words(transform: Transform, words: str, rigid: bool) -> None:
    assert describe(transform) == words
    assert is_rigid(transform) is rigid
    assert bool(unrigid(transform)) is not rigid
    if isinstance(transform, Deformation):
        assert describe(transform.inverse()) == f"backwards {words}"
        assert describe(chained([RIGID, transform])) == f"{describe(RIGID)}, then {words}"


def test_reasons_why_it_is_not_rigid() -> None:
    moved = Deformation(grid=folded(1.5).grid, pre=affine(np.diag([1.1, 1, 1])))
    of_grid, scaled, folding = unrigid(Deformation(grid=moved.grid, pre=moved.pre))
    assert of_grid.startswith("deformable: 161 x 5 x 5 vectors 0.25 x 4 x 4 mm apart, the longest 9.5 mm")
    assert scaled == "scaled by 1.1000, 1.0000 and 1.0000 before its displacements"
    assert folding == f"folded in {folds(moved)} of its cells: tissue lies upon itself there"
    assert folding in unrigid(moved.inverse())


# --- equal in content ---------------------------------------------------------------------------


def test_equal_in_content() -> None:
    copied = Deformation(grid=make_grid(waves, directions=OBLIQUE), pre=BENT.pre, post=BENT.post)
    assert same(copied, BENT)
    assert same(copied.inverse(), BENT.inverse())
    assert not same(copied.inverse(), BENT)
    assert not same(Deformation(grid=BENT.grid, pre=BENT.pre), BENT)
    assert not same(Deformation(grid=make_grid(waves), pre=BENT.pre, post=BENT.post), BENT)
    rounded = Affine(matrix=np.round(RIGID.matrix, 6))
    assert same(rounded.inverse(), RIGID.inverse())
    assert not same(RIGID, RIGID.inverse())
    assert not same(RIGID, chained([RIGID, BENT]))
    assert chained([RIGID]) is RIGID


# --- what is refused ----------------------------------------------------------------------------


def _matrix(change: Any) -> Floats:
    matrix = np.eye(4)
    change(matrix)
    return matrix


def _set(*place: int, to: float) -> Any:
    return lambda matrix: matrix.__setitem__(place, to)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3), r"registration matrix: expected 4x4 finite numbers, found \[\[1\. 0\. 0\.\]"),
        (_matrix(_set(0, 3, to=np.nan)), "registration matrix: expected 4x4 finite numbers, found"),
        (_matrix(_set(3, 0, to=0.5)), r"expected last row 0 0 0 1, found \[0\.5 0\.  0\.  1\. \]"),
        (_matrix(_set(1, 1, to=0.0)), "expected one that can be inverted, found singular"),
    ],
)
def test_matrices_that_are_refused(matrix: Floats, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        Affine(matrix=matrix)


VECTORS = np.zeros((2, 3, 4, 3), dtype=np.float32)


def _infinite() -> npt.NDArray[np.float32]:
    vectors = VECTORS.copy()
    vectors[1, 2, 3, 0] = np.inf
    return vectors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"origin_xyz_mm": [0, 0]}, r"origin_xyz_mm: expected 3 finite numbers, found \[0\. 0\.\]"),
        ({"origin_xyz_mm": [0, 0, np.nan]}, r"origin_xyz_mm: expected 3 finite numbers, found \[ 0\."),
        ({"resolution_mm": [1, 0, 2]}, r"resolution_mm: expected steps above 0, found \[1\. 0\. 2\.\]"),
        ({"resolution_mm": [1, -1, 2]}, r"resolution_mm: expected steps above 0, found \[ 1\. -1\."),
        ({"directions": np.eye(2)}, "directions: expected 3x3 finite numbers, found"),
        ({"directions": 1.01 * np.eye(3)}, "directions: expected unit vectors at right angles, found"),
        ({"vectors_mm": VECTORS[0]}, r"vectors_mm: expected one vector or more.*found \(3, 4, 3\)"),
        ({"vectors_mm": VECTORS[..., :2]}, r"vectors_mm: expected one vector or more.*found \(2, 3, 4, 2\)"),
        ({"vectors_mm": VECTORS[:0]}, r"vectors_mm: expected one vector or more.*found \(0, 3, 4, 3\)"),
        ({"vectors_mm": VECTORS.astype(int)}, "vectors_mm: expected floats of 32 or 64 bits, found int64"),
        ({"vectors_mm": _infinite()}, "vectors_mm: expected finite numbers, or NaN where not known, found"),
        ({"vectors_mm": VECTORS * np.nan}, "vectors_mm: expected vectors that are known, found NaN alone"),
    ],
)
def test_grids_that_are_refused(change: dict[str, Any], message: str) -> None:
    given = {"origin_xyz_mm": [0, 0, 0], "resolution_mm": [3, 4, 5], "vectors_mm": VECTORS.copy()}
    with pytest.raises(FrameError, match=f"displacement grid: {message}"):
        VectorGrid(**{**given, **change})


def test_records_cannot_be_changed() -> None:
    for array in (RIGID.matrix, BENT.grid.vectors_mm, BENT.grid.directions, BENT.grid.origin_xyz_mm):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
