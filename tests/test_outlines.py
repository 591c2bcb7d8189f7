"""Outlines: moments in closed form and by triangles, frames and their roots, and forms."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from factories import circle, rectangle
from hypothesis import given
from hypothesis import strategies as st

from dosecalc.outlines import (
    DIRECTIONS,
    Outlines,
    circles_its_centroid,
    finer,
    forms,
    inverse,
    outlines,
    root,
    turned_into,
)

Floats = npt.NDArray[np.float64]


def one(loop: Floats, *, hole: bool = False) -> Outlines:
    return outlines([loop], np.array([0.0]), np.array([hole]))


def several(loops: Sequence[Floats]) -> Outlines:
    return outlines(loops, np.zeros(len(loops)), np.zeros(len(loops), dtype=np.bool_))


def turned(points: Floats, angle: float) -> Floats:
    c, s = math.cos(angle), math.sin(angle)
    return points @ np.array([[c, s], [-s, c]])


def star(*, inner_mm: float, outer_mm: float, points: int = 5) -> Floats:
    angle = np.pi * np.arange(2 * points) / points
    radius = np.where(np.arange(2 * points) % 2, inner_mm, outer_mm)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


HORSESHOE = np.array([[0, 0], [10, 0], [10, 9], [8, 9], [8, 2], [2, 2], [2, 9], [0, 9]], dtype=np.float64)
FIGURE_EIGHT = np.array([[0, 0], [4, 3], [4, 0], [0, 3]], dtype=np.float64)


def keyhole(*, outer_mm: float, inner_mm: float) -> Floats:
    outer, inner = circle(radius_mm=outer_mm), circle(radius_mm=inner_mm)
    return np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])


def signed_area(loop: Floats) -> float:
    """By trapezia under the edges."""
    following = np.roll(loop, -1, axis=0)
    return float(np.sum((loop[:, 0] - following[:, 0]) * (loop[:, 1] + following[:, 1])) / 2)


def by_triangles(loop: Floats) -> tuple[float, Floats, Floats]:
    """Area, centroid and central moments from a fan of triangles, by the rule of their edges' middles.

    That rule is exact for parabolas.
    """
    mean = loop.mean(axis=0)
    p, q = loop[1:-1] - loop[0], loop[2:] - loop[0]
    area = (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]) / 2
    corner = loop[0] - mean
    middles = corner + np.stack([p / 2, q / 2, (p + q) / 2])
    weight = area / 3
    whole = area.sum()
    centroid = np.einsum("kni,n->i", middles, weight) / whole
    off = middles - centroid
    second = np.einsum("kni,knj,n->ij", off, off, weight) / whole
    return float(whole), mean + centroid, second[[0, 0, 1], [0, 1, 1]]


FAR = (3000.0, -2500.0)


@pytest.mark.parametrize("low_xy_mm", [(0.0, 0.0), (-7.0, 3.0), FAR])
def test_moments_of_a_rectangle(low_xy_mm: tuple[float, float]) -> None:
    low = np.array(low_xy_mm)
    found = one(rectangle(low_xy_mm=low, high_xy_mm=low + np.array([6, 2])))
    assert found.area_mm2[0] == pytest.approx(12, rel=1e-12)
    np.testing.assert_allclose(found.centroid_xy_mm[0], low + np.array([3, 1]), rtol=1e-12)
    np.testing.assert_allclose(found.moments_mm2[0], [36 / 12, 0, 4 / 12], rtol=1e-9, atol=1e-12)
    assert found.sound.all()


@pytest.mark.parametrize("centre_xy_mm", [(0.0, 0.0), (12.0, -31.0), FAR])
@pytest.mark.parametrize("angle", [0.0, 0.4, 2.0])
@pytest.mark.parametrize("points", [5, 36])
def test_moments_of_a_rotated_ellipse_polygon(
    centre_xy_mm: tuple[float, float], angle: float, points: int
) -> None:
    """A regular polygon about the unit circle's corners has the moments (2 + cos(2 pi/n))/12 on any axis."""
    step = 2 * np.pi / points
    around = step * np.arange(points)
    long_mm, short_mm = 0.9, 0.25
    unit = np.stack([np.cos(around), np.sin(around)], axis=1)
    found = one(turned(unit * [long_mm, short_mm], angle) + np.array(centre_xy_mm))
    assert found.area_mm2[0] == pytest.approx(points / 2 * math.sin(step) * long_mm * short_mm, rel=1e-9)
    np.testing.assert_allclose(found.centroid_xy_mm[0], centre_xy_mm, rtol=0, atol=1e-9)
    c, s = math.cos(angle), math.sin(angle)
    xx, yy = (
        long_mm**2 * c * c + short_mm**2 * s * s,
        long_mm**2 * s * s + short_mm**2 * c * c,
    )
    xy = (long_mm**2 - short_mm**2) * s * c
    share = (2 + math.cos(step)) / 12
    np.testing.assert_allclose(found.moments_mm2[0], share * np.array([xx, xy, yy]), rtol=0, atol=1e-9)


def test_moments_of_an_angle_piece_are_those_of_its_two_rectangles() -> None:
    """Parallel axes: 8 x 2 below, 2 x 6 on top of its left end."""
    loop = np.array([[0, 0], [8, 0], [8, 2], [2, 2], [2, 8], [0, 8]], dtype=np.float64)
    area = np.array([16.0, 12.0])
    middle = np.array([[4.0, 1.0], [1.0, 5.0]])
    own = np.array([[64 / 12, 4 / 12], [4 / 12, 36 / 12]])
    centroid = area @ middle / 28
    off = middle - centroid
    xx, yy = area @ (own + off**2) / 28
    xy = area @ (off[:, 0] * off[:, 1]) / 28
    found = one(loop)
    assert found.area_mm2[0] == pytest.approx(28, rel=1e-12)
    np.testing.assert_allclose(found.centroid_xy_mm[0], centroid, rtol=1e-12)
    np.testing.assert_allclose(found.moments_mm2[0], [xx, xy, yy], rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_moments_of_ragged_loops_by_triangles_and_shapely(seed: int) -> None:
    """All loops at once, so that one loop's sums do not run into the next's."""
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(seed)
    loops = []
    for count in (3, 17, 60):
        angle = 2 * np.pi * (np.arange(count) + rng.uniform(0, 0.9, count)) / count
        radius = rng.uniform(2, 9, count)
        loop = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        loops.append((loop + rng.uniform(-300, 300, 2))[:: rng.choice([1, -1])])
    found = several(loops)
    for k, loop in enumerate(loops):
        area, centroid, moments = by_triangles(loop)
        assert found.area_mm2[k] == pytest.approx(abs(area), rel=1e-9)
        assert found.area_mm2[k] == pytest.approx(shapely.Polygon(loop).area, rel=1e-9)
        where = shapely.Polygon(loop).centroid
        np.testing.assert_allclose(found.centroid_xy_mm[k], centroid, rtol=0, atol=1e-9)
        np.testing.assert_allclose(found.centroid_xy_mm[k], [where.x, where.y], rtol=0, atol=1e-9)
        np.testing.assert_allclose(found.moments_mm2[k], moments, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("hole", [False, True])
def test_loops_run_with_the_inside_to_their_left(backward: bool, hole: bool) -> None:
    loop = np.array([[0, 0], [5, 0], [5, 1], [2, 4], [0, 3]], dtype=np.float64)
    found = one(loop[::-1] if backward else loop, hole=hole)
    assert math.copysign(1, signed_area(found.loop(0))) == (-1 if hole else 1)
    assert found.area_mm2[0] == pytest.approx(abs(signed_area(loop)), rel=1e-12)
    assert sorted(map(tuple, found.loop(0))) == sorted(map(tuple, loop))


def test_only_the_loops_that_run_the_wrong_way_are_turned() -> None:
    box = rectangle(low_xy_mm=(0, 0), high_xy_mm=(6, 2))
    small = box / 4 + [1, 1]
    found = outlines([box, small, box[::-1]], np.array([0.0, 0.0, 3.0]), np.array([False, True, False]))
    assert [signed_area(found.loop(k)) for k in range(3)] == pytest.approx([12, -0.75, 12])
    assert np.array_equal(found.loop(0), box)
    assert found.owner().tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert len(found) == 3


@pytest.mark.parametrize(
    "loop",
    [
        np.array([[0.0, 0], [3, 1], [6, 2]]),
        FIGURE_EIGHT,
        np.array([[0.0, 0], [5, 0], [5, 1e-9], [0, 1e-9]]),
    ],
    ids=["line", "figure of eight", "hair"],
)
def test_loops_that_bound_nothing_have_no_frame(loop: Floats) -> None:
    found = several([loop, circle(radius_mm=2)])
    assert found.sound.tolist() == [False, True]
    assert found.moments_mm2[0].tolist() == [0, 0, 0]
    assert not forms(found).star[0]


moments = st.tuples(
    st.floats(1e-3, 1e4), st.floats(1e-3, 1e4), st.floats(-0.99, 0.99, allow_subnormal=False)
).map(lambda m: np.array([m[0], m[2] * math.sqrt(m[0] * m[1]), m[1]]))


def matrix(symmetric: Floats) -> Floats:
    xx, xy, yy = symmetric
    return np.array([[xx, xy], [xy, yy]])


@given(moments)
def test_root_squares_to_the_moments(m: Floats) -> None:
    """And is the positive one, as the eigenvectors give it."""
    s = matrix(root(m))
    size = float(np.abs(m).max())
    np.testing.assert_allclose(s @ s, matrix(m), rtol=0, atol=1e-9 * size)
    values, axes = np.linalg.eigh(matrix(m))
    np.testing.assert_allclose(s, (axes * np.sqrt(values)) @ axes.T, rtol=0, atol=1e-6 * math.sqrt(size))


@given(moments, st.tuples(st.floats(-50, 50), st.floats(-50, 50)))
def test_inverse_inverts(m: Floats, vector: tuple[float, float]) -> None:
    turned_back = matrix(inverse(m)) @ matrix(m)
    condition = float(m.max() ** 2 / (m[0] * m[2] - m[1] ** 2))
    np.testing.assert_allclose(turned_back, np.eye(2), rtol=0, atol=1e-13 * max(condition, 1e3))
    there = turned_into(m, np.array(vector))
    np.testing.assert_allclose(there, matrix(m) @ np.array(vector), rtol=1e-12, atol=1e-9)


def test_roots_of_many_at_once() -> None:
    m = np.array([[[4.0, 0, 9], [2, 1, 2]], [[1, 0, 1], [5, -2, 3]]])
    each = np.array([[root(one_m) for one_m in row] for row in m])
    np.testing.assert_allclose(root(m), each, rtol=1e-15)
    np.testing.assert_allclose(root(m)[0, 0], [2, 0, 3], rtol=1e-15)


@pytest.mark.parametrize(
    ("loop", "is_star"),
    [
        (rectangle(low_xy_mm=(2, 3), high_xy_mm=(7, 5)), True),
        (star(inner_mm=3, outer_mm=8) + np.array([20, -3]), True),
        (circle(radius_mm=4)[::-1], True),
        (HORSESHOE, False),
        (keyhole(outer_mm=9, inner_mm=4), False),
        (FIGURE_EIGHT, False),
    ],
    ids=["box", "star", "circle", "horseshoe", "keyhole", "figure of eight"],
)
@pytest.mark.parametrize("hole", [False, True])
def test_loops_that_are_star_shaped_about_their_centroid(loop: Floats, is_star: bool, hole: bool) -> None:
    form = forms(one(loop, hole=hole))
    assert form.star.tolist() == [is_star]
    if not is_star:
        assert np.array_equal(form.radius, np.ones((1, DIRECTIONS)))


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.1])
@pytest.mark.parametrize("size_xy_mm", [(5.0, 5.0), (12.0, 3.0)])
@pytest.mark.parametrize("hole", [False, True])
def test_form_of_any_rectangle_is_a_square_turned_as_it_is(
    angle: float, size_xy_mm: tuple[float, float], hole: bool
) -> None:
    """M = R diag(a^2, b^2)/12 R^T, so that the half edges of R S^-1 are the root of 3, whatever a and b."""
    half = np.array(size_xy_mm) / 2
    loop = turned(rectangle(low_xy_mm=-half, high_xy_mm=half), angle) + np.array([40, -7])
    form = forms(one(loop, hole=hole))
    direction = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS - angle
    wanted = math.sqrt(3) / np.maximum(np.abs(np.cos(direction)), np.abs(np.sin(direction)))
    np.testing.assert_allclose(form.radius[0], wanted, rtol=1e-9)
    np.testing.assert_allclose(np.hypot(*form.u.T), math.sqrt(6), rtol=1e-9)
    way = 2 * np.pi * form.turn / DIRECTIONS
    np.testing.assert_allclose(math.sqrt(6) * np.stack([np.cos(way), np.sin(way)], axis=1), form.u, atol=1e-9)


def test_radii_of_several_loops_do_not_mix() -> None:
    """Star-shaped and other ones by turns: each has the radii that it has alone."""
    loops = [star(inner_mm=3, outer_mm=8), HORSESHOE, circle(radius_mm=3), FIGURE_EIGHT, HORSESHOE[:4]]
    together = forms(several(loops))
    alone = [forms(one(loop)) for loop in loops]
    assert np.array_equal(together.star, np.concatenate([form.star for form in alone]))
    np.testing.assert_allclose(together.radius, np.concatenate([form.radius for form in alone]), rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_radii_are_where_rays_leave_the_form(seed: int) -> None:
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(90) / 90 + 0.01
    radius = 8 + np.cumsum(rng.normal(0, 0.05, 90))
    loop = np.stack([2 * radius * np.cos(angle), radius * np.sin(angle)], axis=1) + rng.uniform(-50, 50, 2)
    form = forms(one(loop))
    assert form.star.all()
    outline = shapely.Polygon(form.u)
    for k in range(DIRECTIONS):
        way = 2 * np.pi * k / DIRECTIONS
        ray = shapely.LineString([(0, 0), (99 * math.cos(way), 99 * math.sin(way))])
        assert form.radius[0, k] == pytest.approx(outline.intersection(ray).length, rel=1e-9)


def test_finer_adds_points_on_long_edges_only() -> None:
    """A strip of 100 x 2 mm in parts of 204/16 mm: eight of each long edge, the short ones as they are."""
    strip = rectangle(low_xy_mm=(30, -4), high_xy_mm=(130, -2))
    ring = circle(radius_mm=6)  # 180 edges, each shorter than a 16th
    before = several([strip, ring])
    after = finer(before, 16)
    assert np.diff(after.start).tolist() == [18, 180]
    assert np.array_equal(after.loop(1), ring)
    x, y = after.loop(0).T
    np.testing.assert_allclose(x, [*(30 + 12.5 * np.arange(9)), *(130 - 12.5 * np.arange(9))], rtol=1e-12)
    np.testing.assert_allclose(y, [-4] * 9 + [-2] * 9, rtol=1e-12)
    assert (np.hypot(*np.diff(after.loop(0), axis=0).T) <= 204 / 16).all()


@pytest.mark.parametrize("loop", [HORSESHOE, star(inner_mm=3, outer_mm=8), FIGURE_EIGHT[:3]])
def test_finer_leaves_area_and_moments(loop: Floats) -> None:
    before = one(loop)
    after = finer(before, DIRECTIONS)
    assert len(after.points_xy_mm) > len(loop)
    area, centroid, moments_mm2 = by_triangles(after.loop(0))
    assert area == pytest.approx(before.area_mm2[0], rel=1e-12)
    np.testing.assert_allclose(centroid, before.centroid_xy_mm[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(moments_mm2, before.moments_mm2[0], rtol=0, atol=1e-11)
    assert set(map(tuple, before.points_xy_mm)) <= set(map(tuple, after.points_xy_mm))


PENTAGRAM = star(inner_mm=1, outer_mm=8)[::2][[0, 2, 4, 1, 3]]


@pytest.mark.parametrize(
    ("loop", "circles"),
    [
        (circle(radius_mm=5, centre_xy_mm=(70, 3)), True),
        (circle(radius_mm=5)[::-1], True),
        (np.concatenate([HORSESHOE[:4], HORSESHOE[:1]]), True),
        (star(inner_mm=3, outer_mm=8), True),
        (HORSESHOE, False),
        (keyhole(outer_mm=9, inner_mm=4), False),
        (FIGURE_EIGHT, False),
        (PENTAGRAM, False),
    ],
    ids=["circle", "backward", "closed", "star", "horseshoe", "keyhole", "figure of eight", "pentagram"],
)
def test_loops_that_circle_their_centroid(loop: Floats, circles: bool) -> None:
    assert circles_its_centroid([loop]).tolist() == [circles]
    assert circles_its_centroid([HORSESHOE, loop, PENTAGRAM]).tolist() == [False, circles, False]


def test_loops_that_circle_their_centroid_do_not_meet_themselves() -> None:
    """Random loops of few points, against shapely: some of both kinds, and none that is wrongly passed."""
    shapely = pytest.importorskip("shapely")
    rng = np.random.default_rng(5)
    loops = [rng.normal(size=(int(count), 2)) for count in rng.integers(3, 7, 2000)]
    passed = circles_its_centroid(loops)
    valid = np.array([shapely.Polygon(loop).is_valid for loop in loops])
    assert passed.sum() > 200
    assert (~valid).sum() > 200
    assert valid[passed].all()


def test_point_just_below_the_x_axis_does_not_touch_the_next_loop() -> None:
    """An angle of -1e-17 is all the way around less nothing: it rounds to the first direction."""
    angle = 2 * np.pi * (np.arange(5) + 0.5) / 5
    second = 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    both = forms(outlines([circle(radius_mm=2), second], np.zeros(2), np.zeros(2, dtype=bool)))
    alone = forms(outlines([second], np.zeros(1), np.zeros(1, dtype=bool)))
    assert both.turn.max() < DIRECTIONS
    np.testing.assert_allclose(both.radius[1], alone.radius[0], rtol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_points_on_a_line_have_no_frame(seed: int) -> None:
    rng = np.random.default_rng(seed)
    line = np.array([0, 1 / 3, 1, 0.7])[:, None] * rng.normal(size=2) + rng.normal(size=2) * 50
    assert not outlines([line], np.zeros(1), np.zeros(1, dtype=bool)).sound[0]
    assert not circles_its_centroid([line])[0]
