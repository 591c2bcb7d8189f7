"""The shape between slices and at its ends, against bodies whose sections have a closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from factories import CIRCLE_POINTS, circle, rectangle
from scipy.integrate import quad

from dosecalc.contours import loop_edges, loops_of
from dosecalc.sampling import Settings, sample
from dosecalc.shapes import Between, EndCaps
from dosecalc.solids import EndCap, Solid, layers, solid, volume_mm3

Floats = npt.NDArray[np.float64]
Section = Callable[[float], Sequence[Floats]]

THIN_MM = 1e-4
"""Thickness of a layer whose mean section stands for the section in its middle."""
HALF_STEP = math.pi / CIRCLE_POINTS
UNIT = circle(radius_mm=1) @ np.array(
    [[math.cos(HALF_STEP), math.sin(HALF_STEP)], [-math.sin(HALF_STEP), math.cos(HALF_STEP)]]
)


def contours(section: Section, planes_mm: Sequence[float]) -> list[Floats]:
    return [np.column_stack([loop, np.full(len(loop), z)]) for z in planes_mm for loop in section(z)]


def cut_at(body: Solid, z_mm: float) -> Floats:
    """The edges of the section at one height."""
    edges, layer = body.sections(np.array([z_mm - THIN_MM / 2]), np.array([z_mm + THIN_MM / 2]))
    assert not layer.any()
    return edges


def area_and_centroid(edges: Floats) -> tuple[float, Floats]:
    """By Gauss's rule of two points along each edge, for the flux of x/1, x^2/2 and y^2/2."""
    off = 1 / (2 * math.sqrt(3))
    start, step = edges[:, :2], edges[:, 2:] - edges[:, :2]
    x, y = np.moveaxis(np.stack([start + (0.5 + s * off) * step for s in (-1, 1)]), -1, 0)
    dx, dy = step.T
    area = float(np.sum(x * dy) / 2)
    return area, np.array([np.sum(x**2 / 2 * dy) / 2, -np.sum(y**2 / 2 * dx) / 2]) / area


def assert_section(body: Solid, z_mm: float, area: float, centroid: Sequence[float], rel: float) -> None:
    found, where = area_and_centroid(cut_at(body, z_mm))
    assert found == pytest.approx(area, rel=rel)
    np.testing.assert_allclose(where, centroid, rtol=0, atol=rel * math.sqrt(area))


def ball(radius_mm: float, *, centre_xyz_mm: Sequence[float] = (0.0, 0.0, 0.0)) -> Section:
    x, y, middle = centre_xyz_mm

    def section(z: float) -> list[Floats]:
        square = radius_mm**2 - (z - middle) ** 2
        return [math.sqrt(square) * UNIT + [x, y]] if square > 0 else []

    return section


def ball_mm3(radius_mm: float) -> float:
    return 4 / 3 * math.pi * radius_mm**3


def test_sphere_comes_back_from_its_slices() -> None:
    body = solid(contours(ball(10, centre_xyz_mm=(3, -4, 0)), np.arange(-9, 9.5, 3)))
    assert volume_mm3(body) == pytest.approx(ball_mm3(10), rel=1e-4)
    for z in (-8.0, -4.7, 0.5, 1.5, 7.9):
        assert_section(body, z, math.pi * (100 - z * z), (3, -4), 1e-6)


@pytest.mark.parametrize("offset_mm", [0.3, 0.6, 1.1, 1.7])
def test_sphere_is_rounded_off_to_its_poles(offset_mm: float) -> None:
    """Wherever the slices lie: the poles are within one slice of the last one."""
    planes = [z for z in np.arange(-12, 12, 2.0) + offset_mm if abs(z) < 9.9]
    body = solid(contours(ball(10), planes))
    assert body.breaks_mm[0] == pytest.approx(-10, abs=0.1)
    assert body.breaks_mm[-1] == pytest.approx(10, abs=0.1)
    assert volume_mm3(body) == pytest.approx(ball_mm3(10), rel=1e-3)
    assert body.notes == ()


MATRIX = np.array([[0.9, 0.2, 0.1], [-0.1, 0.5, 0.3], [0.35, -0.2, 1.1]])
"""Turns the ball of 10 mm into a tilted ellipsoid."""


def test_tilted_ellipsoid() -> None:
    """Sections of x A x = 1 by z: ellipses whose middles move evenly with z."""
    inner = np.linalg.inv(10 * MATRIX)
    a = inner.T @ inner
    way = -np.linalg.solve(a[:2, :2], a[:2, 2])
    half_mm = 1 / math.sqrt(a[2, 2] + a[2, :2] @ way)
    values, axes = np.linalg.eigh(a[:2, :2])
    root = (axes / np.sqrt(values)) @ axes.T

    def section(z: float) -> list[Floats]:
        return [math.sqrt(1 - (z / half_mm) ** 2) * UNIT @ root + way * z]

    planes = np.arange(-9.5, half_mm - 0.3, 2.4)
    assert abs(planes).max() < half_mm
    body = solid(contours(section, planes))
    assert volume_mm3(body) == pytest.approx(ball_mm3(10) * np.linalg.det(MATRIX), rel=1e-3)
    whole_mm2 = math.pi / math.sqrt(np.linalg.det(a[:2, :2]))
    for z in (-8.0, -1.1, 3.3, 7.0):
        assert_section(body, z, whole_mm2 * (1 - (z / half_mm) ** 2), way * z, 1e-6)


def test_cone_frustum() -> None:
    """Radius 4 at z = 0 to 13 at z = 18, its axis leaning."""
    body = solid(
        contours(lambda z: [(4 + z / 2) * UNIT + [0.3 * z, -0.2 * z]], np.arange(0, 19, 3)),
        end_caps=EndCaps.NONE,
    )
    assert volume_mm3(body) == pytest.approx(math.pi * 18 / 3 * (16 + 4 * 13 + 169), rel=1e-6)
    for z in (0.4, 4.5, 10.1, 17.0):
        assert_section(body, z, math.pi * (4 + z / 2) ** 2, (0.3 * z, -0.2 * z), 1e-6)


@pytest.mark.parametrize("slope", [0.4, 1.5])
def test_oblique_cylinder(slope: float) -> None:
    """Circles that move by a slice and a half per slice: extruded, they would be stairs."""
    body = solid(contours(lambda z: [5 * UNIT + [slope * z, 1]], np.arange(0, 25, 3)))
    assert volume_mm3(body) == pytest.approx(math.pi * 25 * 27, rel=1e-6)
    for z in (-1.0, 1.5, 7.2, 23.0, 25.0):
        assert_section(body, z, math.pi * 25, (slope * z, 1), 1e-6)


def test_tilted_round_vessel() -> None:
    """A round rod of 3 mm at 55 degrees: ellipses longer by 1/cos along its way, and no stairs."""
    tilt = math.radians(55)
    stretch = np.array([1 / math.cos(tilt), 1.0])
    body = solid(
        contours(lambda z: [3 * UNIT * stretch + [math.tan(tilt) * z, 0]], np.arange(0, 31, 5)),
        end_caps=EndCaps.HALF,
    )
    assert volume_mm3(body) == pytest.approx(math.pi * 9 / math.cos(tilt) * 35, rel=1e-6)
    assert_section(body, 12.5, math.pi * 9 / math.cos(tilt), (12.5 * math.tan(tilt), 0), 1e-6)


ANGLE = np.array([[0, 0], [12, 0], [12, 4], [4, 4], [4, 10], [0, 10]], dtype=np.float64)
ANGLE_MM2 = 12 * 4 + 4 * 6
ANGLE_CENTROID = ((48 * 6 + 24 * 2) / 72, (48 * 2 + 24 * 7) / 72)


@pytest.mark.parametrize(
    ("end_caps", "length_mm"), [(EndCaps.AUTO, 15), (EndCaps.HALF, 15), (EndCaps.NONE, 12)]
)
def test_straight_prism(end_caps: EndCaps, length_mm: float) -> None:
    """Corners stay corners: the section between planes is the outline itself."""
    shapely = pytest.importorskip("shapely")
    body = solid(contours(lambda z: [ANGLE], (0, 3, 6, 9, 12)), end_caps=end_caps)
    assert volume_mm3(body) == pytest.approx(ANGLE_MM2 * length_mm, rel=1e-9)
    for z in (0.7, 4.5, 11.2):
        assert_section(body, z, ANGLE_MM2, ANGLE_CENTROID, 1e-9)
        (loop,) = loops_of(cut_at(body, z))
        apart = shapely.Polygon(loop).symmetric_difference(shapely.Polygon(ANGLE)).area
        assert apart < 1e-4


def test_pyramid_keeps_its_corners() -> None:
    """Squares that grow evenly, turned by 20 degrees: 4/3 of the half edge, and square in between."""
    shapely = pytest.importorskip("shapely")
    c, s = math.cos(0.35), math.sin(0.35)
    square = rectangle(low_xy_mm=(-1, -1), high_xy_mm=(1, 1)) @ np.array([[c, s], [-s, c]])
    body = solid(
        contours(lambda z: [(2 + z / 2) * square], np.arange(0, 13, 3)),
        end_caps=EndCaps.NONE,
    )
    assert volume_mm3(body) == pytest.approx(4 * 12 / 3 * (4 + 2 * 8 + 64), rel=1e-6)
    (loop,) = loops_of(cut_at(body, 7.5))
    assert shapely.Polygon(loop).symmetric_difference(shapely.Polygon(5.75 * square)).area < 1e-3


def rod(z: float) -> list[Floats]:
    return [5 * UNIT]


def test_cylinder_has_half_a_slice_at_each_flat_end() -> None:
    body = solid(contours(rod, (0, 3, 6, 9)))
    assert volume_mm3(body) == pytest.approx(math.pi * 25 * 12, rel=1e-9)
    assert body.caps == (
        EndCap(plane_mm=0.0, end_mm=-1.5, flat=True),
        EndCap(plane_mm=9.0, end_mm=10.5, flat=True),
    )


@pytest.mark.parametrize("section", [rod, ball(10, centre_xyz_mm=(0, 0, 4))], ids=["cylinder", "ball"])
def test_without_end_caps_nothing_lies_beyond_the_planes(section: Section) -> None:
    body = solid(contours(section, (0, 2, 4, 6, 8)), end_caps=EndCaps.NONE)
    assert body.caps == ()
    assert (body.breaks_mm[0], body.breaks_mm[-1]) == (0, 8)


def test_extruded_is_a_stack_of_slabs() -> None:
    planes = (-8.0, -5.0, -2.0, 1.0, 4.0, 7.0)
    body = solid(contours(ball(10), planes), end_caps=EndCaps.HALF, between=Between.EXTRUDED)
    slabs = [math.pi * (100 - z * z) for z in planes]
    assert volume_mm3(body) == pytest.approx(3 * sum(slabs), rel=1e-9)
    for z, area in zip(planes, slabs, strict=True):
        for off in (-1.4, 0.0, 1.4):
            assert_section(body, z + off, area, (0, 0), 1e-9)
    assert [(cap.plane_mm, cap.end_mm, cap.flat) for cap in body.caps] == [(-8, -9.5, True), (7, 8.5, True)]


def test_ends_of_a_dome() -> None:
    """Half a ball on its equator: flat below, where it is as wide as ever, rounded off above."""
    body = solid(contours(ball(10), np.arange(0, 9.5, 1.8)))
    below, above = body.caps
    assert (below.plane_mm, below.flat) == (0, True)
    assert below.end_mm == pytest.approx(-0.9, abs=1e-9)
    assert (above.plane_mm, above.flat) == (9, False)
    assert above.end_mm == pytest.approx(10, abs=0.1)


def test_ends_beside_which_the_solid_goes_on_are_no_caps() -> None:
    def section(z: float) -> list[Floats]:
        tall, short = 5 * UNIT, 4 * UNIT + [20, 0]
        return [tall, short] if 5 < z < 13 else [tall]

    body = solid(contours(section, np.arange(0, 19, 3)))
    assert [(cap.plane_mm, cap.end_mm) for cap in body.caps] == [(0, -1.5), (18, 19.5)]
    assert volume_mm3(body) == pytest.approx(math.pi * (25 * 21 + 16 * 9), rel=1e-6)


def test_hole_that_appears_between_slices() -> None:
    """A shell: its hole is a ball that begins and ends between planes."""
    outer, inner = ball(12), ball(5.3)
    body = solid(contours(lambda z: [*outer(z), *inner(z)], np.arange(-11, 12, 2.0)))
    assert volume_mm3(body) == pytest.approx(ball_mm3(12) - ball_mm3(5.3), rel=1e-3)
    assert_section(body, 2.0, math.pi * (144 - 5.3**2), (0, 0), 1e-6)
    assert_section(body, 5.8, math.pi * (144 - 5.8**2), (0, 0), 1e-6)


@pytest.mark.parametrize("last_mm", [7.5, 9.0])
def test_bored_ball_ends_where_bore_and_ball_meet(last_mm: float) -> None:
    """pi h^3 / 6, whatever the layers: not where the ball would end, and no lid on the bore."""
    outer, half_mm = ball(10), math.sqrt(100 - 16)
    body = solid(contours(lambda z: [*outer(z), 4 * UNIT], np.arange(-last_mm, last_mm + 1, 3)))
    np.testing.assert_allclose(body.breaks_mm[[0, -1]], [-half_mm, half_mm], atol=0.01)
    for cells in (1_000, 10_000, 100_000):
        found = sample(body, Settings(cells=cells)).volume_cm3 * 1000
        assert found == pytest.approx(math.pi * (2 * half_mm) ** 3 / 6, rel=1e-4)
    assert not any(cap.flat for cap in body.caps)


def test_hole_that_closes_before_its_outline() -> None:
    """A shell of 0.8 mm: both balls end beyond the last slice, and the wall between them never does."""
    outer, inner = ball(10), ball(9.2)
    body = solid(contours(lambda z: [*outer(z), *inner(z)], np.linspace(-8.5, 8.5, 9)))
    assert volume_mm3(body) == pytest.approx(ball_mm3(10) - ball_mm3(9.2), rel=1e-4)
    assert_section(body, 9.4, math.pi * (100 - 9.4**2), (0, 0), 1e-6)
    np.testing.assert_allclose(body.breaks_mm[[0, -1]], [-10, 10], atol=0.01)


def test_hole_ends_with_a_flat_outline() -> None:
    """A cylinder with a conical pit whose tip would lie above its end: no solid tip stands there."""
    body = solid(contours(lambda z: [9 * UNIT, (14.4 - z) / 2 * UNIT], np.arange(0, 13, 3)))
    wanted = math.pi * (81 * 15 - (7.2**3 - 0.45**3) * 2 / 3 - 7.2**2 * 1.5)
    assert body.breaks_mm[-1] == pytest.approx(13.5)
    assert sample(body).volume_cm3 * 1000 == pytest.approx(wanted, rel=1e-6)


def two_discs_mm2(radius_mm: float, apart_mm: float) -> float:
    """Area of two circles of one size together."""
    whole = 2 * math.pi * radius_mm**2
    if apart_mm >= 2 * radius_mm:
        return whole
    half = apart_mm / 2
    lens = 2 * radius_mm**2 * math.acos(half / radius_mm) - apart_mm * math.sqrt(radius_mm**2 - half**2)
    return whole - lens


@pytest.mark.parametrize("offset_mm", [0.0, 0.9, 1.7])
def test_branch_is_no_worse_than_extruded(offset_mm: float) -> None:
    """Two rods of 4 mm that lean apart from one foot: one outline up to z = 8, and then two."""
    shapely = pytest.importorskip("shapely")

    def section(z: float) -> list[Floats]:
        discs = [shapely.Polygon(4 * UNIT + [side * z / 2, 0]) for side in (-1, 1)]
        whole = discs[0].union(discs[1])
        return [np.array(part.exterior.coords)[:-1] for part in getattr(whole, "geoms", [whole])]

    planes = offset_mm + np.arange(0, 19, 3.0)
    low, high = planes[0], planes[-1]
    exact, _ = quad(lambda z: two_discs_mm2(4, z), low, high, points=[8])
    made = [
        volume_mm3(solid(contours(section, planes), end_caps=EndCaps.NONE, between=between))
        for between in (Between.INTERPOLATED, Between.EXTRUDED)
    ]
    interpolated, extruded = (abs(volume / exact - 1) for volume in made)
    assert interpolated <= extruded + 1e-3
    assert interpolated < 0.02


def test_structure_of_one_slice() -> None:
    body = solid(contours(rod, (6,)), slice_mm=3)
    assert volume_mm3(body) == pytest.approx(math.pi * 25 * 3, rel=1e-9)
    assert body.caps == (
        EndCap(plane_mm=6.0, end_mm=4.5, flat=True),
        EndCap(plane_mm=6.0, end_mm=7.5, flat=True),
    )


UNEVEN = (-9.0, -7.5, -5.0, -2.2, 0.0, 2.9, 4.0, 6.6, 9.1)


def test_uneven_slices() -> None:
    body = solid(contours(ball(10), UNEVEN))
    assert volume_mm3(body) == pytest.approx(ball_mm3(10), rel=1e-3)
    for z in (-8.0, -3.0, 1.7, 5.5):
        assert_section(body, z, math.pi * (100 - z * z), (0, 0), 1e-6)
    leaning = solid(contours(lambda z: [5 * UNIT + [z, -z]], UNEVEN), end_caps=EndCaps.NONE)
    assert volume_mm3(leaning) == pytest.approx(math.pi * 25 * 18.1, rel=1e-6)


def test_layers_lie_between_breaks_and_fill_the_solid() -> None:
    body = solid(contours(ball(10), UNEVEN))
    low, high = layers(body, 0.8)
    assert (high - low).max() <= 0.8 + 1e-9
    np.testing.assert_allclose(low[1:], high[:-1], rtol=0, atol=1e-12)
    assert np.isin(body.breaks_mm.round(9), np.append(low, high[-1]).round(9)).all()
    edges, layer = body.sections(low, high)
    assert (np.diff(layer) >= 0).all()
    area = [area_and_centroid(edges[layer == k])[0] for k in range(len(low))]
    assert float(np.sum(area * (high - low))) == pytest.approx(ball_mm3(10), rel=1e-3)
    assert float(np.sum(area * (high - low))) == pytest.approx(volume_mm3(body), rel=1e-4)


def test_mean_section_of_a_thick_layer_has_its_mean_area() -> None:
    """Of a ball between z = 0 and 3: pi (R^2 - 3^2/3), not the area in the middle."""
    body = solid(contours(ball(10), np.arange(-9, 10, 3.0)))
    edges, _ = body.sections(np.array([0.0]), np.array([1.5]))
    assert area_and_centroid(edges)[0] == pytest.approx(math.pi * (100 - 1.5**2 / 3), rel=1e-6)


def test_two_balls_with_an_empty_gap_stay_two() -> None:
    """One above the other, 10 mm of nothing between their planes and 8 mm between the balls."""
    lower, upper = ball(6), ball(6, centre_xyz_mm=(0, 0, 20))
    body = solid(contours(lambda z: [*lower(z), *upper(z)], np.arange(-5, 26, 2.0)))
    assert volume_mm3(body) == pytest.approx(2 * ball_mm3(6), rel=2e-3)
    assert body.bridged_mm == ()
    assert body.notes == ("separate parts below z = 5 mm and above z = 15 mm",)
    assert len(cut_at(body, 10.0)) == 0
    assert [round(cap.end_mm, 1) for cap in body.caps] == [-6, 14, 6, 26]
    assert not any(cap.flat for cap in body.caps)


def test_two_bored_balls_with_an_empty_gap_stay_two() -> None:
    """Balls and bores both end in the gap: the bores alone must not bridge it, as a rod."""
    lower, upper = ball(10), ball(10, centre_xyz_mm=(0, 0, 30))
    planes = [*np.arange(-9, 10, 3), *np.arange(21, 40, 3)]
    body = solid(contours(lambda z: [*lower(z), *upper(z), 4 * UNIT], planes))
    assert sample(body).volume_cm3 * 1000 == pytest.approx(2 * math.pi / 6 * (4 * 84) ** 1.5, rel=1e-4)
    assert body.notes == ("separate parts below z = 9 mm and above z = 21 mm",)


def test_cylinder_with_a_missing_slice_is_bridged_and_it_is_noted() -> None:
    planes = [z for z in np.arange(0, 31, 3.0) if z != 15]
    body = solid(contours(rod, planes))
    assert volume_mm3(body) == pytest.approx(math.pi * 25 * 33, rel=1e-9)
    assert body.bridged_mm == ((12.0, 18.0),)
    assert body.notes == (
        "no contours between z = 12 and 18 mm, where slices are 3 mm apart: the gap is bridged",
    )
    assert_section(body, 15.0, math.pi * 25, (0, 0), 1e-9)


def pear(angle: float) -> Section:
    """A form that is no ellipse and changes from plane to plane, turned about z."""
    around = 2 * np.pi * np.arange(120) / 120
    c, s = math.cos(angle), math.sin(angle)

    def section(z: float) -> list[Floats]:
        radius = 8 + 2 * np.cos(3 * around) * z / 15 + np.sin(around + z / 9)
        loop = np.stack([radius * np.cos(around), 0.7 * radius * np.sin(around)], axis=1)
        return [(loop + np.array([0.4 * z, 3])) @ np.array([[c, s], [-s, c]])]

    return section


@pytest.mark.parametrize(("angle", "rel"), [(np.pi / 2, 1e-9), (11 * 2 * np.pi / 64, 1e-9), (0.7, 1e-3)])
def test_shape_turns_with_its_contours(angle: float, rel: float) -> None:
    """To the last digits where the directions of the table fall on each other, closely where not."""
    shapely = pytest.importorskip("shapely")
    planes = np.arange(-12, 13, 3.0)
    plain, rotated = (solid(contours(pear(a), planes)) for a in (0.0, angle))
    assert volume_mm3(rotated) == pytest.approx(volume_mm3(plain), rel=rel)
    np.testing.assert_allclose(rotated.breaks_mm, plain.breaks_mm, rtol=0, atol=1e-6)
    c, s = math.cos(angle), math.sin(angle)
    for z in (-10.0, 1.5, 7.1):
        (here,), (there,) = loops_of(cut_at(plain, z)), loops_of(cut_at(rotated, z))
        turned = shapely.Polygon(here @ np.array([[c, s], [-s, c]]))
        apart = turned.symmetric_difference(shapely.Polygon(there)).area
        assert apart < max(rel, 1e-6) * 3 * turned.area


def test_edges_close_around_each_section() -> None:
    """Each loop ends where it began: as many edges leave a point as reach it."""
    body = solid(contours(pear(0.3), np.arange(-12, 13, 3.0)))
    edges = cut_at(body, 4.4)
    assert len(loop_edges(edges[:, :2])) == len(edges)
    assert sorted(map(tuple, edges[:, :2])) == sorted(map(tuple, edges[:, 2:]))


@pytest.mark.parametrize("offset_mm", [0.0, 1e-3, -1e-3])
def test_pole_one_slice_beyond_the_last_plane_is_rounded_off(offset_mm: float) -> None:
    """A ball on its middle plane, its radius a multiple of the slice: rounding must not decide its ends."""
    contours = [
        np.column_stack([loop, np.full(len(loop), z + offset_mm)])
        for z in np.arange(-8.0, 9, 2)
        for loop in [circle(radius_mm=math.sqrt(100 - z * z))]
    ]
    ends = solid(contours).breaks_mm[[0, -1]]
    np.testing.assert_allclose(ends, [-10 + offset_mm, 10 + offset_mm], atol=0.01)
