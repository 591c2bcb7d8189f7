"""Sections of contours, against shapely and against areas known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from factories import circle, rectangle, section_edges

from dosecalc import contours
from dosecalc.contours import NO_EDGES, boundary, loop_edges, signed_area_mm2
from dosecalc.errors import ContourError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Combination = Callable[[Bools, Bools], Bools]

COMBINATIONS: dict[str, Combination] = {
    "union": lambda a, b: a | b,
    "intersection": lambda a, b: a & b,
    "difference": lambda a, b: a & ~b,
    "symmetric difference": lambda a, b: a ^ b,
}
ON_GRID_MM2 = 1e-5
"""Vertices on whole millimetres stay where they are; only meeting points are put on a grid of 1e-7 mm."""
OFF_GRID_MM2 = 2e-3
"""Other vertices may move by half of 1e-5 mm, in the worst case of 1e-4 mm, along 40 mm of outline."""


def edges_of(loops: Sequence[Floats]) -> Floats:
    return np.concatenate([loop_edges(loop) for loop in loops]) if loops else NO_EDGES


def area_mm2(edges: Floats) -> float:
    return signed_area_mm2(edges) if len(edges) else 0.0


def within(loops: Sequence[Floats], x: float, y: float) -> bool:
    """Even-odd, by counting crossings of a ray from a point that lies on no edge."""
    inside = False
    for loop in loops:
        for (x0, y0), (x1, y1) in zip(loop, np.roll(loop, -1, axis=0), strict=True):
            if (y0 <= y) != (y1 <= y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x:
                inside = not inside
    return inside


def faces(first: Sequence[Floats], second: Sequence[Floats]) -> list[tuple[float, bool, bool]]:
    """The plane cut by all edges, by shapely: area of each face, and in which section it lies."""
    shapely = pytest.importorskip("shapely")
    lines = [
        shapely.LineString([start, stop])
        for start, stop in ((e[:2], e[2:]) for e in edges_of([*first, *second]))
    ]
    pieces = shapely.polygonize([shapely.unary_union(lines)])
    points = [(face.area, face.representative_point()) for face in pieces.geoms]
    return [(area, within(first, p.x, p.y), within(second, p.x, p.y)) for area, p in points]


def reference_mm2(pieces: list[tuple[float, bool, bool]], inside: Combination) -> float:
    return math.fsum(a for a, p, q in pieces if bool(inside(np.array(p), np.array(q))))


def star(rng: np.random.Generator, *, points: int = 12, reach: int = 4) -> Floats:
    """A star polygon with vertices on a coarse grid, so that two of them share vertices and edges."""
    corners = np.unique(rng.integers(-reach, reach + 1, (points, 2)), axis=0).astype(float)
    centre = corners.mean(axis=0) + 1e-3 * rng.normal(size=2)
    return corners[np.argsort(np.arctan2(*(corners - centre).T))]


def tangle(rng: np.random.Generator, *, points: int) -> Floats:
    """A loop that crosses and retraces itself, vertices on a coarse grid."""
    return rng.integers(-4, 5, (points, 2)).astype(float)


def assert_combinations(
    first: Sequence[Floats],
    second: Sequence[Floats],
    pieces: list[tuple[float, bool, bool]],
    *,
    tolerance_mm2: float,
    scale: float = 1.0,
) -> None:
    for name, inside in COMBINATIONS.items():
        found = area_mm2(boundary(edges_of(first), edges_of(second), inside))
        expected = scale**2 * reference_mm2(pieces, inside)
        assert found == pytest.approx(expected, abs=tolerance_mm2), name


@pytest.mark.parametrize("seed", range(40))
def test_stars_that_share_vertices_and_edges(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = [star(rng)], [star(rng)]
    assert_combinations(first, second, faces(first, second), tolerance_mm2=ON_GRID_MM2)


@pytest.mark.parametrize("seed", range(40))
def test_loops_that_cross_themselves_are_even_odd(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    first, second = [tangle(rng, points=9), tangle(rng, points=5)], [tangle(rng, points=7)]
    assert_combinations(first, second, faces(first, second), tolerance_mm2=ON_GRID_MM2)


@pytest.mark.parametrize("seed", range(40))
def test_many_edges_through_one_point_that_is_no_exact_number(seed: int) -> None:
    """Thirds of millimetres, turned: the same picture as on whole ones, but nothing meets exactly."""
    rng = np.random.default_rng(2000 + seed)
    exact = [[tangle(rng, points=14)], [star(rng, points=14)]]
    cosine, sine = math.cos(0.7), math.sin(0.7)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    first, second = ([loop @ turn / 3 + [55.1, -33.3] for loop in loops] for loops in exact)
    pieces = faces(*exact)
    assert_combinations(first, second, pieces, tolerance_mm2=OFF_GRID_MM2, scale=1 / 3)


@pytest.mark.parametrize("offset_mm", [1e-7, 5e-7, 1e-6, 1e-5, 1e-4])
@pytest.mark.parametrize("seed", range(8))
def test_contours_written_with_different_decimals(seed: int, offset_mm: float) -> None:
    """The same contour from two systems: less itself it leaves nothing, with itself all of it."""
    rng = np.random.default_rng(3000 + seed)
    first = star(rng, points=14, reach=5)
    second = first + offset_mm * rng.choice([0.0, 1.0, -1.0, 0.5, 3.0], first.shape)
    whole = abs(signed_area_mm2(loop_edges(first)))
    slack = 200 * 4 * max(offset_mm, 1e-5)  # less than 200 mm of outline, moved by up to 4 offsets
    areas = {
        name: area_mm2(boundary(loop_edges(first), loop_edges(second), inside))
        for name, inside in COMBINATIONS.items()
    }
    assert areas["union"] == pytest.approx(whole, abs=slack)
    assert areas["intersection"] == pytest.approx(whole, abs=slack)
    assert areas["difference"] == pytest.approx(0, abs=slack)
    assert areas["symmetric difference"] == pytest.approx(0, abs=slack)


def test_a_section_less_itself_is_nothing() -> None:
    loop = loop_edges(circle(radius_mm=7.3, centre_xy_mm=(12.3, -4.5)))
    turned = np.roll(loop, 31, axis=0)[:, [2, 3, 0, 1]]
    assert len(boundary(loop, turned, COMBINATIONS["difference"])) == 0
    assert len(boundary(NO_EDGES, NO_EDGES, COMBINATIONS["union"])) == 0


def test_result_has_its_inside_to_the_left_however_the_loops_run() -> None:
    outer = loop_edges(rectangle(low_xy_mm=(0, 0), high_xy_mm=(6, 5)))
    inner = loop_edges(rectangle(low_xy_mm=(1, 1), high_xy_mm=(3, 4)))
    for first in (outer, outer[:, [2, 3, 0, 1]]):
        for second in (inner, inner[:, [2, 3, 0, 1]]):
            assert signed_area_mm2(boundary(first, second, COMBINATIONS["difference"])) == pytest.approx(
                24, rel=1e-12
            )
            both = boundary(np.concatenate([first, second]), NO_EDGES, lambda a, _: a)
            assert signed_area_mm2(both) == pytest.approx(24, rel=1e-12)


@pytest.mark.parametrize("pull_mm", [0.0, 1.0])
def test_squares_that_touch_add_up(pull_mm: float) -> None:
    """Side by side with a whole edge in common, and with a part of it."""
    left = loop_edges(rectangle(low_xy_mm=(0, 0), high_xy_mm=(2, 2)))
    right = loop_edges(rectangle(low_xy_mm=(2, pull_mm), high_xy_mm=(4, 2 + pull_mm)))
    assert signed_area_mm2(boundary(left, right, COMBINATIONS["union"])) == pytest.approx(8, rel=1e-12)
    assert len(boundary(left, right, COMBINATIONS["intersection"])) == 0
    assert signed_area_mm2(boundary(left, right, COMBINATIONS["difference"])) == pytest.approx(4, rel=1e-12)


def test_keyhole_and_nested_contour_are_one_ring() -> None:
    outer, inner = circle(radius_mm=9), circle(radius_mm=4)
    expected = math.pi * (81 - 16)
    keyholes = [
        np.concatenate([outer, outer[:1], ring, ring[:1]])
        for ring in (np.concatenate([inner[:1], inner[:0:-1]]), inner)
    ]
    mended = [boundary(loop_edges(k), NO_EDGES, lambda a, _: a) for k in keyholes]
    assert signed_area_mm2(section_edges([outer, inner])) == pytest.approx(expected, rel=1e-12)
    for edges in mended:
        assert signed_area_mm2(edges) == pytest.approx(expected, abs=OFF_GRID_MM2)


def test_island_in_a_hole_counts_again() -> None:
    rings = [circle(radius_mm=r, centre_xy_mm=(3, -2)) for r in (10, 7, 4, 1)]
    expected = math.pi * (100 - 49 + 16 - 1)
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]):
        loops = [rings[k][:: 1 if k % 2 else -1] for k in order]
        assert signed_area_mm2(section_edges(loops)) == pytest.approx(expected, rel=1e-12)


def test_first_point_given_again_at_the_end_adds_no_edge() -> None:
    square = rectangle(low_xy_mm=(0, 0), high_xy_mm=(2, 3))
    closed = np.concatenate([square, square[:1]])
    assert len(loop_edges(closed)) == 4
    assert signed_area_mm2(loop_edges(closed)) == 6.0


def test_edges_that_do_not_close_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No loops are known that get this far, so the last step is made to lose an edge."""
    square = loop_edges(rectangle(low_xy_mm=(0, 0), high_xy_mm=(2, 3)))
    monkeypatch.setattr(contours, "_directed", lambda pieces, _: pieces[1:])
    with pytest.raises(ContourError, match="between x, y = 0, 0 and 2, 3 mm"):
        boundary(square, NO_EDGES, lambda a, _: a)
