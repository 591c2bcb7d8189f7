"""Interpolation, against scipy's regular grid and functions that linear interpolation reproduces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_lattice
from scipy.interpolate import RegularGridInterpolator

from dosecalc.errors import DosecalcError
from dosecalc.lattices import Lattice, interpolate, interpolate_at

Floats = npt.NDArray[np.float64]

UNEVEN = Lattice(
    x_mm=[-11.0, -9.0, -6.5, 0.0, 1.0, 8.0],
    y_mm=[-20.0, -14.0, -13.0, -5.0],
    z_mm=[100.0, 103.0, 104.0, 109.0, 110.5],
)


def trilinear(x: Floats, y: Floats, z: Floats) -> Floats:
    return np.asarray(5 + 0.3 * x - 0.7 * y + 0.11 * z + 0.01 * x * y - 0.02 * y * z + 0.003 * x * y * z)


def on(lattice: Lattice) -> Floats:
    return trilinear(*np.moveaxis(lattice.points_xyz_mm(), -1, 0))


def inner_lattice(seed: int) -> Lattice:
    """Random uneven positions between the outermost centres of the uneven lattice."""
    rng = np.random.default_rng(seed)
    axes = (UNEVEN.x_mm, UNEVEN.y_mm, UNEVEN.z_mm)
    x, y, z = (np.sort(rng.uniform(a[0], a[-1], n)) for a, n in zip(axes, (7, 5, 6), strict=True))
    return Lattice(x_mm=x, y_mm=y, z_mm=z)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scipy_inside(seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0, 70, UNEVEN.shape_zyx)
    target = inner_lattice(seed)
    reference = RegularGridInterpolator((UNEVEN.z_mm, UNEVEN.y_mm, UNEVEN.x_mm), values)
    expected = reference(target.points_xyz_mm()[..., ::-1])
    np.testing.assert_allclose(interpolate(UNEVEN, values, target), expected, rtol=0, atol=1e-11)
    found = interpolate_at(UNEVEN, values, target.points_xyz_mm())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


def test_trilinear_functions_are_exact_on_uneven_spacings() -> None:
    target = inner_lattice(9)
    found = interpolate(UNEVEN, on(UNEVEN), target)
    np.testing.assert_allclose(found, on(target), rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.float32])
def test_stored_numbers_of_any_kind(dtype: type[np.generic]) -> None:
    values = np.random.default_rng(4).integers(0, 65535, UNEVEN.shape_zyx).astype(dtype)
    target = inner_lattice(4)
    expected = interpolate(UNEVEN, values.astype(np.float64), target)
    assert np.array_equal(interpolate(UNEVEN, values, target), expected)
    assert np.array_equal(interpolate_at(UNEVEN, values, target.points_xyz_mm()), expected)


def test_largest_stored_number_does_not_wrap_around() -> None:
    falling = np.array([2**32 - 1, 0], dtype=np.uint32).reshape(1, 1, 2)
    line = Lattice(x_mm=[0, 4], y_mm=[0], z_mm=[0])
    at = Lattice(x_mm=[1, 3], y_mm=[0], z_mm=[0])
    expected = [0.75 * (2**32 - 1), 0.25 * (2**32 - 1)]
    assert interpolate(line, falling, at).ravel().tolist() == expected
    assert interpolate_at(line, falling, at.points_xyz_mm()).ravel().tolist() == expected


def test_half_a_voxel_of_rim_holds_the_outermost_value_and_then_nothing() -> None:
    values = on(UNEVEN)
    # The faces are half a spacing out: x -12 and 11.5, y -23 and -1, z 98.5 and 111.25.
    inside = {"x": (-12.0, 11.5), "y": (-23.0, -1.0), "z": (98.5, 111.25)}
    centre = {"x": 0.0, "y": -13.0, "z": 104.0}
    for axis, ends in inside.items():
        for end, sign, column in zip(ends, (-1, 1), (0, -1), strict=True):
            for beyond, known in ((0.0, True), (1e-3, False)):
                where = {**centre, axis: end + sign * beyond}
                target = Lattice(x_mm=[where["x"]], y_mm=[where["y"]], z_mm=[where["z"]])
                for found in (
                    interpolate(UNEVEN, values, target).item(),
                    interpolate_at(UNEVEN, values, target.points_xyz_mm()).item(),
                ):
                    if not known:
                        assert np.isnan(found), (axis, end)
                        continue
                    edge = {**centre, axis: getattr(UNEVEN, f"{axis}_mm")[column]}
                    expected = trilinear(*(np.array(edge[k]) for k in "xyz"))
                    assert found == pytest.approx(float(expected), abs=1e-11), (axis, end)


def test_outside_is_unknown_point_by_point() -> None:
    target = Lattice(x_mm=[-99.0, 0.0, 99.0], y_mm=[-13.0, 50.0], z_mm=[0.0, 104.0])
    found = interpolate(UNEVEN, on(UNEVEN), target)
    known = np.zeros((2, 2, 3), dtype=bool)
    known[1, 0, 1] = True
    assert np.array_equal(np.isnan(found), ~known)


def test_both_ways_agree_inside_on_the_rim_and_outside() -> None:
    rng = np.random.default_rng(12)
    values = rng.uniform(0, 70, UNEVEN.shape_zyx)
    target = Lattice(
        x_mm=np.sort(rng.uniform(-14, 13, 30)),
        y_mm=np.sort(rng.uniform(-25, 1, 30)),
        z_mm=np.sort(rng.uniform(97, 113, 30)),
    )
    first = interpolate(UNEVEN, values, target)
    second = interpolate_at(UNEVEN, values, target.points_xyz_mm())
    assert 0.2 < np.isnan(first).mean() < 0.8, "the case must hold points of both kinds"
    np.testing.assert_allclose(second, first, rtol=0, atol=1e-11)


def test_point_without_image_is_unknown() -> None:
    points_xyz_mm = np.array([[0.0, -13.0, 104.0], [np.nan, -13.0, 104.0], [0.0, -13.0, np.inf]])
    found = interpolate_at(UNEVEN, on(UNEVEN), points_xyz_mm)
    assert np.isnan(found).tolist() == [False, True, True]


@pytest.mark.parametrize("gy", [3.0, 0.1, 2.999999999999999, 70.7])
def test_uniform_field_is_uniform_to_the_last_digit(gy: float) -> None:
    lattice = make_lattice()
    values = np.full(lattice.shape_zyx, gy)
    rng = np.random.default_rng(1)
    points_xyz_mm = rng.uniform(-38, 38, (500, 3))
    x, y, z = np.sort(rng.uniform(-38, 38, (3, 20)), axis=1)
    target = Lattice(x_mm=x, y_mm=y, z_mm=z)
    assert set(interpolate(lattice, values, target).ravel().tolist()) == {gy}
    assert set(interpolate_at(lattice, values, points_xyz_mm).tolist()) == {gy}


def test_single_plane_holds_in_itself_only() -> None:
    plane = Lattice(x_mm=[0, 2], y_mm=[0, 3], z_mm=[7])
    values = np.array([[[1.0, 3.0], [1.0, 3.0]]])
    target = Lattice(x_mm=[1.0], y_mm=[1.5], z_mm=[6.9, 7.0, 7.1])
    found = interpolate(plane, values, target).ravel()
    assert np.isnan(found).tolist() == [True, False, True]
    assert found[1] == 2.0


def test_points_are_in_the_order_of_arrays() -> None:
    points = UNEVEN.points_xyz_mm()
    assert points.shape == (5, 4, 6, 3)
    assert points[4, 1, 2].tolist() == [-6.5, -14.0, 110.5]


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ([], "Lattice: y_mm: expected finite numbers"),
        ([0.0, np.nan], "Lattice: y_mm: expected finite numbers"),
        ([0.0, 2.0, 2.0], "Lattice: y_mm: expected strictly ascending positions"),
        ([3.0, 2.0], "Lattice: y_mm: expected strictly ascending positions"),
    ],
)
def test_axes_that_are_none(axis: list[float], message: str) -> None:
    with pytest.raises(DosecalcError, match=message):
        Lattice(x_mm=[0, 1], y_mm=axis, z_mm=[0, 1])


def test_axes_cannot_change() -> None:
    with pytest.raises(ValueError, match="read-only"):
        UNEVEN.x_mm[0] = 5
