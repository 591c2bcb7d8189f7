"""Cells of structures: exact areas, against shapely cell by cell, and volumes in closed form."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from factories import (
    circle,
    make_box,
    make_cylinder,
    make_sphere,
    make_structure,
    make_tube,
    rectangle,
    section_edges,
    slices,
)

from dosecalc.areas import Fractions, area_fractions
from dosecalc.celldoses import quadrature_of
from dosecalc.contours import loop_edges
from dosecalc.errors import ContourError
from dosecalc.sampling import Settings, sample
from dosecalc.solids import solid

Floats = npt.NDArray[np.float64]


def fractions_by_shapely(
    outline: object, shape_yx: tuple[int, int], low_xy_mm: Floats, cell_mm: float
) -> Floats:
    shapely = pytest.importorskip("shapely")
    ny, nx = shape_yx
    x, y = np.meshgrid(low_xy_mm[0] + cell_mm * np.arange(nx), low_xy_mm[1] + cell_mm * np.arange(ny))
    cells = shapely.box(x, y, x + cell_mm, y + cell_mm)
    return np.asarray(shapely.area(shapely.intersection(cells, outline)) / cell_mm**2)


def dense(found: Fractions, shape_syx: tuple[int, int, int]) -> Floats:
    """Area of every cell, ``[section, y, x]``."""
    area = np.zeros(np.prod(shape_syx))
    area[found.held] = found.area
    return area.reshape(shape_syx)


def ragged(rng: np.random.Generator, *, low_mm: float, high_mm: float, points: int) -> Floats:
    """A star polygon around the origin with random radii."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, points))
    radius = rng.uniform(low_mm, high_mm, points)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


@pytest.mark.parametrize("seed", range(12))
def test_area_fractions_of_polygons_with_holes(seed: int) -> None:
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(seed)
    # A hole inside the largest circle that fits into 40 points at 8 mm or more would still cross
    # long edges, so it stays well inside; the island lies apart.
    outer = ragged(rng, low_mm=8, high_mm=11, points=60)
    hole = ragged(rng, low_mm=1, high_mm=3, points=15)
    island = circle(radius_mm=1.7, centre_xy_mm=(14.0, 3.3), points=17)
    outline = shapely.Polygon(outer, [hole]).union(shapely.Polygon(island))
    assert outline.is_valid
    cell_mm = float(rng.uniform(0.4, 3.0))
    low_xy_mm = np.array([-12.0, -12.0]) - rng.uniform(0, cell_mm, 2)
    shape_yx = (int(25 / cell_mm) + 2, int(29 / cell_mm) + 2)
    edges = section_edges([outer, hole, island])
    section = np.zeros(len(edges), dtype=int)
    found = area_fractions(edges, section, (1, *shape_yx), low_xy_mm, cell_mm)
    area = dense(found, (1, *shape_yx))[0]
    moments = np.zeros((2, area.size))
    moments[:, found.cut] = found.along_x, found.along_y
    along_x, along_y = moments.reshape(2, *area.shape)
    expected = fractions_by_shapely(outline, shape_yx, low_xy_mm, cell_mm)
    np.testing.assert_allclose(area, expected, rtol=0, atol=1e-11)
    for j, i in zip(*np.nonzero(expected > 1e-6), strict=True):
        corner = low_xy_mm + cell_mm * np.array([i, j])
        if area[j, i] > 1 - 1e-9:
            continue  # a filled cell has its centroid in its middle
        part = outline.intersection(shapely.box(*corner, *(corner + cell_mm))).centroid
        centroid = corner + cell_mm * np.array([along_x[j, i], along_y[j, i]]) / area[j, i]
        np.testing.assert_allclose(centroid, [part.x, part.y], rtol=0, atol=1e-6)


def test_area_fractions_of_edges_on_the_lines_between_cells() -> None:
    shapely = pytest.importorskip("shapely")
    stairs = np.array([[0, 0], [4, 0], [4, 1], [3, 1], [3, 3], [1, 3], [1, 2], [0, 2]], dtype=float)
    edges = loop_edges(stairs)
    found = area_fractions(edges, np.zeros(len(edges), dtype=int), (1, 4, 5), np.zeros(2), 1.0)
    expected = fractions_by_shapely(shapely.Polygon(stairs), (4, 5), np.zeros(2), 1.0)
    assert np.array_equal(dense(found, (1, 4, 5))[0], expected)


def test_sections_are_kept_apart() -> None:
    first = loop_edges(rectangle(low_xy_mm=(0, 0), high_xy_mm=(1.5, 1)))
    second = loop_edges(rectangle(low_xy_mm=(0.5, 0), high_xy_mm=(3, 2)))
    edges, section = np.concatenate([first, second]), np.repeat([0, 1], 4)
    found = dense(area_fractions(edges, section, (2, 2, 3), np.zeros(2), 1.0), (2, 2, 3))
    assert found[0].tolist() == [[1, 0.5, 0], [0, 0, 0]]
    assert found[1].tolist() == [[0.5, 1, 1], [0.5, 1, 1]]


def test_cells_stand_inside_the_structure() -> None:
    """Also those that the surface cuts, whose own centre may lie outside: no dose from beyond the wall."""
    quadrature = quadrature_of(make_cylinder(radius_mm=5, low_mm=0, high_mm=12, spacing_mm=3), COARSE)
    x, y, _ = quadrature.centres_xyz_mm().T
    assert quadrature.cell_mm > 1
    assert np.hypot(x, y).max() < 5
    weights = quadrature.weights_cm3()
    # Points stand for cells: each square cell of edge h hides a second moment of h^2/6.
    expected = 5**2 / 2 - quadrature.cell_mm**2 / 6
    assert np.average(x**2 + y**2, weights=weights) == pytest.approx(expected, rel=0.01)


COARSE = Settings(cells=300)
FINE = Settings(cells=200_000)


@pytest.mark.parametrize("settings", [COARSE, Settings(), FINE], ids=["coarse", "default", "fine"])
def test_volume_does_not_depend_on_the_cells(settings: Settings) -> None:
    cylinder = make_cylinder(radius_mm=7, low_mm=-20, high_mm=19, spacing_mm=3, centre_xy_mm=(31.7, -8.2))
    tube = make_tube(outer_mm=9, inner_mm=4, low_mm=0, high_mm=10, spacing_mm=2.5, keyhole=True)
    nested = make_tube(outer_mm=9, inner_mm=4, low_mm=0, high_mm=10, spacing_mm=2.5, keyhole=False)
    ring_cm3 = math.pi * (81 - 16) * 10 / 1000
    for structure, expected in (
        (make_box(), 2.52),
        (cylinder, math.pi * 49 * 39 / 1000),
        (tube, ring_cm3),
        (nested, ring_cm3),
    ):
        found = quadrature_of(structure, settings).volume_cm3
        # Keyholes are cut into an outline and a hole, on a grid of 1e-5 mm.
        assert found == pytest.approx(expected, rel=1e-6 if structure is tube else 1e-9), structure.name


def test_moments_of_the_cells_are_those_of_the_solid() -> None:
    box = quadrature_of(make_box(low_xyz_mm=(1, 2, 3), high_xyz_mm=(11, 16, 21)))
    centroid = box.weights_cm3() @ box.centres_xyz_mm() / box.volume_cm3
    assert np.abs(centroid - [6, 9, 12]).max() < 1e-9


def test_cell_size_follows_the_volume_within_its_bounds() -> None:
    wire = make_cylinder(radius_mm=0.5, low_mm=0, high_mm=6, spacing_mm=3, points=12)
    body = make_box(low_xyz_mm=(-150, -100, -150), high_xyz_mm=(150, 100, 150), spacing_mm=50)
    assert quadrature_of(wire).cell_mm == 0.1
    assert quadrature_of(body).cell_mm == 4.0
    middle = quadrature_of(make_box()).cell_mm
    assert middle == pytest.approx((2520 / Settings().cells) ** (1 / 3), rel=1e-12)


def test_large_structures_come_in_blocks_that_add_up() -> None:
    body = make_box(low_xyz_mm=(-150, -100, -150), high_xyz_mm=(150, 100, 150), spacing_mm=3)
    quadrature = quadrature_of(body, Settings(max_cell_mm=2.0))
    sizes = [math.prod(b.lattice.shape_zyx) for b in quadrature.blocks]
    assert len(sizes) > 1
    assert max(sizes) <= 1_000_000
    assert quadrature.volume_cm3 == pytest.approx(18_000, rel=1e-9)
    z_mm = np.concatenate([b.lattice.z_mm for b in quadrature.blocks])
    assert np.all(np.diff(z_mm) > 0), "no layer may be there twice"


def test_contour_that_crosses_itself_is_even_odd() -> None:
    """A bow tie of two triangles, 12 and 3 mm2: its signed area is 9, its area 15."""
    bow_tie = np.array([[-4.0, -3], [-4, 3], [2, -1.5], [2, 1.5]])
    structure = make_structure(sections=[(z, [bow_tie]) for z in (0.0, 2.0, 4.0)])
    assert quadrature_of(structure).volume_cm3 == pytest.approx(15 * 6 / 1000, rel=1e-6)


def test_contours_that_overlap_are_even_odd() -> None:
    loops = [
        rectangle(low_xy_mm=(0, 0), high_xy_mm=(6, 4)),
        rectangle(low_xy_mm=(4, 1), high_xy_mm=(9, 3)),
    ]
    structure = make_structure(sections=[(z, loops) for z in (0.0, 2.0, 4.0)])
    assert quadrature_of(structure).volume_cm3 == pytest.approx((24 + 10 - 2 * 4) * 6 / 1000, rel=1e-6)


@pytest.mark.parametrize("first_point", range(4))
def test_hole_that_touches_the_outline(first_point: int) -> None:
    """Some points of the hole lie on the outline, where inside and outside cannot be told."""
    outer = rectangle(low_xy_mm=(0, 0), high_xy_mm=(8, 8))
    hole = np.roll(rectangle(low_xy_mm=(0, 3), high_xy_mm=(3, 5)), first_point, axis=0)
    structure = make_structure(sections=[(z, [outer, hole]) for z in (0.0, 2.0, 4.0)])
    assert quadrature_of(structure).volume_cm3 == pytest.approx((64 - 6) * 6 / 1000, rel=1e-6)


def test_cells_hold_no_more_than_their_own_volume() -> None:
    sphere = make_sphere(radius_mm=9, planes_mm=slices(low_mm=-9, high_mm=9, spacing_mm=1.5))
    quadrature = quadrature_of(sphere)
    for block in quadrature.blocks:
        z_mm = block.lattice.z_mm
        thickest_mm = np.diff(z_mm).max()
        assert block.volume_cm3.min() >= 0
        assert block.volume_cm3.max() <= quadrature.cell_mm**2 * thickest_mm / 1000 * (1 + 1e-9)


def test_centres_and_weights_belong_together() -> None:
    quadrature = quadrature_of(make_cylinder(radius_mm=5, low_mm=0, high_mm=12, spacing_mm=3))
    centres, weights = quadrature.centres_xyz_mm(), quadrature.weights_cm3()
    assert centres.shape == (len(weights), 3)
    upper = weights[centres[:, 2] > 6].sum()
    right = weights[centres[:, 0] > 0].sum()
    assert upper == pytest.approx(weights.sum() / 2, rel=1e-9)
    assert right == pytest.approx(weights.sum() / 2, rel=1e-9)


FLAT = np.array([[0.0, 0, 0], [4, 0, 0], [2, 0, 0]])


@pytest.mark.parametrize("loops", [[], [FLAT, np.add(FLAT, [0, 0, 1])]])
def test_solid_without_volume_is_refused(loops: list[Floats]) -> None:
    with pytest.raises(ContourError, match="the contours bound no volume"):
        sample(solid(loops))
