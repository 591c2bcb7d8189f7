"""Lines of a picture against closed forms: isodoses of known doses, sections of known solids."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_box, make_cylinder, make_sphere, make_structure, make_tube, rectangle, slices

from dosecalc.celldoses import body_of
from dosecalc.checking.tracing import clipped, isodose, outlined, unknown_area
from dosecalc.errors import DosecalcError
from dosecalc.sections import Extent, Loop, Plane
from dosecalc.solids import Body
from dosecalc.structures import Structure

Floats = npt.NDArray[np.float64]

X_MM, Y_MM = np.linspace(-20.0, 30.0, 51), np.linspace(-10.0, 15.0, 26)
LAYER_OFF_MM = 0.4
"""At the pole of a ball of 12 mm half a layer is missing: sqrt(12**2 + 3**2) - 12 mm at most."""
WIDE = Extent(left_mm=-50, right_mm=50, top_mm=-50, bottom_mm=50)


def area_mm2(loop: Loop) -> float:
    """By the shoelace formula."""
    x, y = loop.points_mm.T
    return abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2


class TestIsodose:
    @pytest.mark.parametrize(("slope_x", "slope_y"), [(0.3, 0.0), (0.0, -0.2), (0.17, 0.11)])
    def test_of_a_linear_dose_is_a_straight_line(self, slope_x: float, slope_y: float) -> None:
        gy = 10 + slope_x * X_MM + slope_y * Y_MM[:, None]
        (line,) = isodose(X_MM, Y_MM, gy, 10.3)
        assert not line.closed
        x, y = line.points_mm.T
        assert np.allclose(slope_x * x + slope_y * y, 0.3)
        to_edge = np.stack([x - X_MM[0], x - X_MM[-1], y - Y_MM[0], y - Y_MM[-1]])
        on_edge = np.abs(to_edge).min(axis=0) < 1e-9
        assert on_edge[0] and on_edge[-1]

    def test_of_a_cone_is_a_circle(self) -> None:
        gy = 20 - np.hypot(X_MM - 4, Y_MM[:, None] - 2)
        (line,) = isodose(X_MM, Y_MM, gy, 12.0)
        assert line.closed
        radius = np.hypot(*(line.points_mm - [4, 2]).T)
        assert radius.min() == pytest.approx(8.0, abs=0.02)
        assert radius.max() == pytest.approx(8.0, abs=0.02)

    def test_ends_where_dose_is_not_known(self) -> None:
        gy = 10 + 0.3 * X_MM + 0 * Y_MM[:, None]
        gy[Y_MM > 3.5] = np.nan
        (line,) = isodose(X_MM, Y_MM, gy, 11.0)
        assert line.points_mm[:, 1].max() == 3.0

    def test_what_does_not_occur(self) -> None:
        gy = np.full((26, 51), 3.0)
        assert isodose(X_MM, Y_MM, gy, 4.0) == ()
        assert isodose(X_MM, Y_MM, gy * np.nan, 3.0) == ()

    def test_a_uniform_dose_at_the_level_has_none(self) -> None:
        noise = 1e-14 * np.random.default_rng(1).normal(size=(26, 51))
        assert isodose(X_MM, Y_MM, 3.0 + noise, 3.0) == ()

    def test_without_contourpy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "contourpy", None)
        with pytest.raises(DosecalcError, match=r"expected the package contourpy, found none; pip install"):
            isodose(X_MM, Y_MM, np.zeros((26, 51)), 1.0)


class TestUnknownArea:
    def test_two_corners(self) -> None:
        gy = np.ones((26, 51))
        gy[:6, :11], gy[-6:, -11:] = np.nan, np.nan
        found = unknown_area(X_MM, Y_MM, gy)
        assert [loop.closed for loop in found] == [True, True]
        # Up to half a step beyond 5 x 10 mm, but for the corner that is cut off.
        assert [area_mm2(loop) for loop in found] == pytest.approx([5.5 * 10.5 - 0.125] * 2, abs=1e-3)

    def test_all_and_nothing(self) -> None:
        assert unknown_area(X_MM, Y_MM, np.ones((26, 51))) == ()
        (loop,) = unknown_area(X_MM, Y_MM, np.full((26, 51), np.nan))
        assert area_mm2(loop) == pytest.approx(50 * 25, rel=1e-5)


def ball(radius_mm: float = 12.0) -> Structure:
    planes = [7 + 2.0 * k for k in range(-8, 9)]
    return make_sphere(radius_mm=radius_mm, planes_mm=planes, centre_xyz_mm=(3.0, -5.0, 7.0), points=360)


def outline(body: Body, plane: Plane, position_mm: float, extent: Extent) -> tuple[Loop, ...]:
    return outlined(body, {plane: (position_mm, extent)})[plane]


class TestOutlined:
    def test_of_all_planes_at_once_is_that_of_each(self) -> None:
        low = Extent(left_mm=-20, right_mm=20, top_mm=-6, bottom_mm=50)
        cuts = {Plane.AXIAL: (4.0, WIDE), Plane.CORONAL: (-3.0, low), Plane.SAGITTAL: (1.0, WIDE)}
        body = body_of(ball())
        together = outlined(body, cuts)
        assert list(together) == list(cuts)
        for plane, cut in cuts.items():
            (line,), (alone,) = together[plane], outline(body, plane, *cut)
            assert line.points_mm == pytest.approx(alone.points_mm, abs=1e-9), plane

    @pytest.mark.parametrize("plane", Plane)
    @pytest.mark.parametrize("off_mm", [0.0, 4.3, -8.1])
    def test_of_a_ball_is_a_circle(self, plane: Plane, off_mm: float) -> None:
        centre = np.array([3.0, -5.0, 7.0])
        (line,) = outline(body_of(ball()), plane, float(centre[plane.axes[2]] + off_mm), WIDE)
        assert line.closed
        radius = np.hypot(*(line.points_mm - plane.across_down(centre)).T)
        expected = np.sqrt(12.0**2 - off_mm**2)
        assert np.abs(radius - expected).max() < LAYER_OFF_MM
        assert np.abs(radius - expected).mean() < 0.06
        assert area_mm2(line) == pytest.approx(np.pi * expected**2, rel=0.01)

    @pytest.mark.parametrize("plane", Plane)
    def test_beside_a_ball_is_nothing(self, plane: Plane) -> None:
        centre = np.array([3.0, -5.0, 7.0])
        for off_mm in (12.5, -13.0):
            position = float(centre[plane.axes[2]] + off_mm)
            assert outline(body_of(ball()), plane, position, WIDE) == ()

    @pytest.mark.parametrize("plane", Plane)
    def test_of_a_box_is_a_rectangle(self, plane: Plane) -> None:
        low, high = np.array([-5.0, -7.0, -9.0]), np.array([5.0, 7.0, 9.0])
        (line,) = outline(body_of(make_box()), plane, 1.3, WIDE)
        corners = plane.across_down(np.stack([low, high]))
        assert line.points_mm.min(axis=0) == pytest.approx(corners.min(axis=0), abs=1e-6)
        assert line.points_mm.max(axis=0) == pytest.approx(corners.max(axis=0), abs=1e-6)
        assert area_mm2(line) == pytest.approx(float(np.prod(np.ptp(corners, axis=0))), rel=0.01)

    def test_of_a_tilted_cylinder_is_a_slanting_band(self) -> None:
        """Centres move 1 mm across for 2 mm of z: straight walls, joined by lines that slant as they do."""
        planes = slices(low_mm=-15.0, high_mm=15.0, spacing_mm=3.0)
        box = [(z, [rectangle(low_xy_mm=(z / 2 - 4, -6), high_xy_mm=(z / 2 + 4, 6))]) for z in planes]
        (line,) = outline(body_of(make_structure(sections=box)), Plane.CORONAL, 0.0, WIDE)
        across, z_mm = line.points_mm[:, 0], -line.points_mm[:, 1]
        inner = np.abs(z_mm) < 13
        assert np.abs(np.abs(across - z_mm / 2) - 4)[inner].max() < 0.02

    @pytest.mark.parametrize("keyhole", [False, True])
    @pytest.mark.parametrize("plane", Plane)
    def test_of_a_tube_has_its_hole(self, plane: Plane, keyhole: bool) -> None:
        tube = make_tube(outer_mm=15, inner_mm=6, low_mm=-12, high_mm=12, spacing_mm=3, keyhole=keyhole)
        found = outline(body_of(tube), plane, 0.2, WIDE)
        assert len(found) == 2
        areas = sorted(map(area_mm2, found))
        expected = [np.pi * 36, np.pi * 225] if plane is Plane.AXIAL else [9 * 24.0, 9 * 24.0]
        assert areas == pytest.approx(expected, rel=0.02)

    @pytest.mark.parametrize("radius_mm", [0.8, 1.5])
    def test_of_a_thin_vessel(self, radius_mm: float) -> None:
        vessel = make_cylinder(radius_mm=radius_mm, low_mm=-12, high_mm=12, spacing_mm=2)
        (line,) = outline(body_of(vessel), Plane.SAGITTAL, 0.0, WIDE)
        assert np.ptp(line.points_mm[:, 0]) == pytest.approx(2 * radius_mm, abs=0.02)

    def test_two_parts_along_z(self) -> None:
        square = rectangle(low_xy_mm=(-5, -5), high_xy_mm=(5, 5))
        planes = [-21.0, -18.0, -15.0, 15.0, 18.0, 21.0]
        apart = make_structure(sections=[(z, [square + (0 if z < 0 else 12)]) for z in planes])
        for y_mm, z_mm in ((0.0, -18.0), (12.0, 18.0)):
            (part,) = outline(body_of(apart), Plane.CORONAL, y_mm, WIDE)
            assert np.ptp(part.points_mm, axis=0) == pytest.approx([10, 9], abs=0.6)
            assert -part.points_mm[:, 1].mean() == pytest.approx(z_mm, abs=0.6)

    @pytest.mark.parametrize("plane", Plane)
    def test_is_cut_off_at_the_frame(self, plane: Plane) -> None:
        centre = np.array([3.0, -5.0, 7.0])
        across, down = plane.across_down(centre).tolist()
        half = Extent(left_mm=across, right_mm=across + 30, top_mm=down - 30, bottom_mm=down + 4.0)
        (line,) = outline(body_of(ball()), plane, float(centre[plane.axes[2]]), half)
        assert not line.closed
        assert line.points_mm.min(axis=0)[0] == pytest.approx(across)
        assert line.points_mm.max(axis=0)[1] == pytest.approx(down + 4.0)
        assert np.abs(np.hypot(*(line.points_mm - [across, down]).T) - 12).max() < LAYER_OFF_MM


def test_clipping_cuts_a_line_into_its_pieces() -> None:
    """A zigzag across a band, open and closed: by hand."""
    points = np.array([[0.0, 0], [1, 4], [2, 0], [3, 4]])
    band = Extent(left_mm=-1, right_mm=9, top_mm=1, bottom_mm=3)
    found = list(clipped(Loop(points_mm=points, closed=False), band))
    assert [p.points_mm.tolist() for p in found] == [
        [[0.25, 1.0], [0.75, 3.0]],
        [[1.25, 3.0], [1.75, 1.0]],
        [[2.25, 1.0], [2.75, 3.0]],
    ]
    assert len(list(clipped(Loop(points_mm=points, closed=True), band))) == 4
    nowhere = Extent(left_mm=20, right_mm=30, top_mm=1, bottom_mm=3)
    assert list(clipped(Loop(points_mm=points, closed=True), nowhere)) == []
