"""Solids from contours, and solids combined, against volumes in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

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
    slices,
)

from dosecalc.celldoses import body_of, quadrature_of, solid_of
from dosecalc.errors import ContourError
from dosecalc.sampling import DEFAULT_SETTINGS, Settings
from dosecalc.shapes import Between, EndCaps
from dosecalc.solids import Solid, combine, solid, volume_mm3
from dosecalc.structures import Contour, Derived, Structure, difference, intersection

Floats = npt.NDArray[np.float64]

SQUARE = rectangle(low_xy_mm=(-1, 3), high_xy_mm=(4, 7))
SQUARE_MM2 = 20.0


def loops(*planes: tuple[float, Floats]) -> list[Floats]:
    return [np.column_stack([loop, np.full(len(loop), z)]) for z, loop in planes]


def squares(*z_mm: float) -> list[Floats]:
    return loops(*((z, SQUARE) for z in z_mm))


def capped(contours: Sequence[Floats], *, slice_mm: float | None = None) -> Solid:
    """Extruded: each section holds for its slice, the outer ones too."""
    return solid(contours, slice_mm=slice_mm, end_caps=EndCaps.HALF, between=Between.EXTRUDED)


def test_each_section_holds_for_its_slice() -> None:
    small, large = rectangle(low_xy_mm=(0, 0), high_xy_mm=(1, 2)), SQUARE
    body = capped(loops((0, small), (3, large), (6, small)))
    assert volume_mm3(body) == pytest.approx(3 * (2 + 20 + 2), rel=1e-12)
    assert body.held_mm == ((-1.5, 1.5), (1.5, 4.5), (4.5, 7.5))
    assert body.notes == ()


def test_without_end_caps_the_solid_ends_at_its_outermost_planes() -> None:
    body = solid(squares(0, 3, 6, 9), end_caps=EndCaps.NONE)
    assert volume_mm3(body) == pytest.approx(9 * SQUARE_MM2, rel=1e-12)


def test_order_of_contours_does_not_matter() -> None:
    shapes = loops((6, SQUARE), (0, SQUARE / 2), (3, SQUARE * 2))
    forward, backward = capped(shapes), capped(shapes[::-1])
    assert volume_mm3(forward) == volume_mm3(backward)
    assert forward.held_mm == backward.held_mm == ((-1.5, 1.5), (1.5, 4.5), (4.5, 7.5))


def test_uneven_slices_fill_all_of_the_length() -> None:
    """From half a usual slice below the first plane to half a one above the last, nothing twice."""
    body = capped(squares(0, 2, 5, 7, 9))
    assert body.held_mm == ((-1, 1), (1, 3.5), (3.5, 6), (6, 8), (8, 10))
    assert volume_mm3(body) == pytest.approx(11 * SQUARE_MM2, rel=1e-12)


@pytest.mark.parametrize("missing", [(12.0,), (12.0, 15.0), (9.0, 12.0, 15.0)])
def test_missing_slices_are_bridged_and_said(missing: tuple[float, ...]) -> None:
    """Three slices of ten left out must not lose a third of the volume in silence."""
    planes = [z for z in np.arange(0.0, 30, 3) if z not in missing]
    body = capped(squares(*planes))
    assert volume_mm3(body) == pytest.approx(30 * SQUARE_MM2, rel=1e-12)
    low, high = min(missing) - 3, max(missing) + 3
    assert body.notes == (
        f"no contours between z = {low:g} and {high:g} mm, where slices are 3 mm apart: the gap is bridged",
    )


def test_separate_parts_stay_separate_and_have_caps_of_their_own() -> None:
    far = SQUARE + np.array([50, 0])
    body = capped(loops((0, SQUARE), (3, SQUARE), (6, SQUARE), (30, far), (33, far)))
    assert volume_mm3(body) == pytest.approx(15 * SQUARE_MM2, rel=1e-12)
    assert body.notes == ("separate parts below z = 6 mm and above z = 30 mm",)


def test_two_single_slices_far_apart_are_not_one_thick_structure() -> None:
    """Two nodes of one slice each, 30 mm apart in a set of 3 mm slices: 6 mm of volume, not 60."""
    contours = loops((0, SQUARE), (30, SQUARE + np.array([50, 0])))
    body = capped(contours, slice_mm=3)
    assert volume_mm3(body) == pytest.approx(6 * SQUARE_MM2, rel=1e-12)
    assert body.notes == ("separate parts below z = 0 mm and above z = 30 mm",)


def test_structure_contoured_on_every_other_slice_is_whole_and_says_so() -> None:
    body = capped(squares(0, 6, 12), slice_mm=3)
    assert volume_mm3(body) == pytest.approx(15 * SQUARE_MM2, rel=1e-12)
    assert len(body.notes) == 2


def test_one_plane_needs_the_thickness_of_a_slice() -> None:
    assert volume_mm3(capped(squares(5), slice_mm=2.5)) == pytest.approx(2.5 * SQUARE_MM2, rel=1e-12)
    with pytest.raises(ContourError, match="all contours lie in one plane, z = 5 mm: expected two planes"):
        capped(squares(5))


def test_contours_of_one_plane_may_differ_in_the_last_decimals() -> None:
    ring = [*squares(0, 3, 6), *loops((3.004, rectangle(low_xy_mm=(0, 4), high_xy_mm=(1, 5))))]
    body = capped(ring)
    assert len(set(body.held_mm)) == 3
    assert volume_mm3(body) == pytest.approx(9 * SQUARE_MM2 - 3, rel=1e-12)


MIDPOINTS = np.stack([SQUARE, (SQUARE + np.roll(SQUARE, -1, axis=0)) / 2], axis=1).reshape(-1, 2)
REPEATS = {
    "the same": SQUARE,
    "the other way round": SQUARE[::-1],
    "from another point": np.roll(SQUARE, 2, axis=0),
    "closed": np.concatenate([SQUARE, SQUARE[:1]]),
    "with other decimals": SQUARE + np.array([[1e-3, 0], [0, -1e-3], [1e-6, 1e-4], [-1e-3, 1e-3]]),
    "with more points": MIDPOINTS,
}


@pytest.mark.parametrize("again", REPEATS.values(), ids=REPEATS)
def test_contour_that_occurs_twice_does_not_cancel(again: Floats) -> None:
    body = capped([*squares(0, 3, 6), *loops((3, again))])
    assert volume_mm3(body) == pytest.approx(9 * SQUARE_MM2, rel=1e-12)
    assert body.notes == ("the same contour occurs twice at z = 3 mm; it is taken once",)


def test_two_contours_that_share_box_and_area_are_not_the_same() -> None:
    """A square cut along its diagonal: the halves have one box and one area between them."""
    square = rectangle(low_xy_mm=(0, 0), high_xy_mm=(4, 4))
    body = capped(loops(*((z, square[half]) for z in (0, 3) for half in ([0, 1, 2], [2, 3, 0]))))
    assert volume_mm3(body) == pytest.approx(6 * 16, rel=1e-12)
    assert body.notes == ()


@pytest.mark.parametrize(
    ("contours", "message"),
    [
        ([np.zeros((2, 3))], "contour 1: expected 3 points or more, found 2"),
        (
            [*squares(0), np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 2.5]])],
            "contour 2: expected points in a plane of constant z, found z from 0 to 2.5 mm",
        ),
    ],
)
def test_contours_that_bound_nothing_are_refused(contours: list[Floats], message: str) -> None:
    with pytest.raises(ContourError) as caught:
        capped(contours)
    assert str(caught.value) == message


def test_no_contours_are_no_solid() -> None:
    assert capped([]).held_mm == ()


SPHERE_CAP_CM3 = {3: 0.11310, 5: 0.52360, 12: 7.23823}


@pytest.mark.parametrize(("radius_mm", "volume_cm3"), SPHERE_CAP_CM3.items())
def test_spheres_of_the_reference_table(radius_mm: float, volume_cm3: float) -> None:
    """Slices of R/30: their middles overestimate a sphere by (spacing/2R)^2/2, here 0.014 %."""
    planes = slices(low_mm=-radius_mm, high_mm=radius_mm, spacing_mm=radius_mm / 30)
    found = quadrature_of(make_sphere(radius_mm=radius_mm, planes_mm=planes)).volume_cm3
    assert found == pytest.approx(volume_cm3, rel=3e-4)


def test_cylinder_of_the_reference_table() -> None:
    found = quadrature_of(make_cylinder(radius_mm=3, low_mm=-30, high_mm=30, spacing_mm=3)).volume_cm3
    assert found == pytest.approx(1.69646, abs=0.5e-5)


def test_end_caps_of_a_structure_of_three_slices_are_a_third() -> None:
    cylinder = make_cylinder(radius_mm=3, low_mm=0, high_mm=9, spacing_mm=3)
    volumes = {caps: volume_mm3(solid_of(cylinder, Settings(end_caps=caps))) for caps in EndCaps}
    assert volumes[EndCaps.NONE] == pytest.approx(math.pi * 9 * 6, rel=1e-9)
    assert volumes[EndCaps.HALF] == pytest.approx(math.pi * 9 * 9, rel=1e-9)


VOLUME_SHARE = 0.005
"""Combined structures are held to 0.5 % of their volume."""


EXTRUDED = Settings(end_caps=EndCaps.HALF, between=Between.EXTRUDED)


def cm3(where: Structure | Derived, settings: Settings = DEFAULT_SETTINGS) -> float:
    return quadrature_of(where, settings).volume_cm3


def test_cylinder_less_a_concentric_one_on_other_slices() -> None:
    outer = make_cylinder(radius_mm=9, low_mm=-15, high_mm=15, spacing_mm=3)
    inner = make_cylinder(radius_mm=4, low_mm=-8.5, high_mm=9, spacing_mm=2.5)
    wanted_inner = math.pi * 16 * 17.5 / 1000
    wanted_outer = math.pi * 81 * 30 / 1000
    assert cm3(intersection(outer, inner)) == pytest.approx(wanted_inner, rel=1e-6)
    assert cm3(difference(outer, inner)) == pytest.approx(wanted_outer - wanted_inner, rel=1e-6)
    tube = make_tube(outer_mm=9, inner_mm=4, low_mm=-15, high_mm=15, spacing_mm=2, keyhole=True)
    assert cm3(intersection(tube, outer)) == pytest.approx(cm3(tube), rel=1e-6)
    with pytest.raises(ContourError, match="the contours bound no volume"):
        cm3(intersection(tube, make_cylinder(radius_mm=4, low_mm=-15, high_mm=15, spacing_mm=3)))


@pytest.mark.parametrize("shift_xyz_mm", [(3, 0, 0), (0, 4, 1), (2.2, -3.1, 5.3), (0, 0, 2.5)])
def test_boxes_shifted_against_each_other(shift_xyz_mm: tuple[float, float, float]) -> None:
    size = np.array([10.0, 14.0, 18.0])
    low = np.array([-5.0, -7.0, -9.0])
    shift = np.array(shift_xyz_mm)
    first = make_box()
    second = make_box(low_xyz_mm=low + shift, high_xyz_mm=low + shift + size, spacing_mm=2)
    common = float(np.prod(size - np.abs(shift))) / 1000
    # Vertices lie on a grid of 1e-5 mm, so that these faces stay where they are.
    assert cm3(intersection(first, second)) == pytest.approx(common, rel=1e-9)
    assert cm3(difference(first, second)) == pytest.approx(2.52 - common, rel=1e-9)
    assert cm3(difference(second, first)) == pytest.approx(2.52 - common, rel=1e-9)


def test_parts_with_a_face_in_common() -> None:
    first = make_box()
    beside = make_box(low_xyz_mm=(5, -7, -9), high_xyz_mm=(9, 7, 9), spacing_mm=2)
    above = make_box(low_xyz_mm=(-5, -7, 9), high_xyz_mm=(5, 7, 15), spacing_mm=2)
    for other in (beside, above):
        assert cm3(difference(first, other)) == pytest.approx(2.52, rel=1e-9)
        with pytest.raises(ContourError, match=r"structure 'box and box': the contours bound no volume"):
            cm3(intersection(first, other))


def lens_mm2(first_mm: float, second_mm: float, distance_mm: float) -> float:
    """Area that two circles have in common."""
    small, large = sorted((first_mm, second_mm))
    if distance_mm >= small + large or small <= 0:
        return 0.0
    if distance_mm <= large - small:
        return math.pi * small**2
    a = (distance_mm**2 + small**2 - large**2) / (2 * distance_mm)
    b = distance_mm - a
    return (
        small**2 * math.acos(a / small)
        + large**2 * math.acos(b / large)
        - a * math.sqrt(small**2 - a**2)
        - b * math.sqrt(large**2 - b**2)
    )


def ball_lens_mm3(first_mm: float, second_mm: float, distance_mm: float) -> float:
    """Volume that two balls have in common."""
    gap = first_mm + second_mm - distance_mm
    spread = 3 * (first_mm - second_mm) ** 2
    inner = distance_mm**2 + 2 * distance_mm * (first_mm + second_mm) - spread
    return math.pi * gap**2 * inner / (12 * distance_mm)


def extruded_lens_mm3(
    first: tuple[float, list[float], float],
    second: tuple[float, list[float], float],
    distance_mm: float,
) -> float:
    """Common volume of two stacks of discs: (radius of the ball, planes, spacing) of each."""

    def discs(ball: tuple[float, list[float], float]) -> list[tuple[float, float, float]]:
        radius, planes, spacing = ball
        return [
            (z - spacing / 2, z + spacing / 2, math.sqrt(radius**2 - z**2)) for z in planes if abs(z) < radius
        ]

    return sum(
        max(0.0, min(top, other_top) - max(bottom, other_bottom)) * lens_mm2(r, other_r, distance_mm)
        for bottom, top, r in discs(first)
        for other_bottom, other_top, other_r in discs(second)
    )


@pytest.mark.parametrize("offset_mm", [0.0, 0.2, 0.37])
def test_sphere_less_a_shifted_sphere_on_offset_planes(offset_mm: float) -> None:
    """Extruded the pair of stacks, whose sections are polygons of the circles' area; else the balls."""
    planes = slices(low_mm=-12, high_mm=12, spacing_mm=1)
    offset_planes = [z + offset_mm for z in slices(low_mm=-10, high_mm=10, spacing_mm=1)]
    first = make_sphere(radius_mm=12, planes_mm=planes, points=360)
    second = make_sphere(radius_mm=9, planes_mm=offset_planes, centre_xyz_mm=(7, 0, 0), points=360)
    extruded = extruded_lens_mm3((12, planes, 1.0), (9, offset_planes, 1.0), 7) / 1000
    exact = ball_lens_mm3(12, 9, 7) / 1000
    whole = cm3(first, EXTRUDED)
    ball = 4 / 3 * math.pi * 12**3 / 1000
    assert cm3(intersection(first, second), EXTRUDED) == pytest.approx(extruded, rel=5e-4)
    assert cm3(difference(first, second), EXTRUDED) == pytest.approx(whole - extruded, rel=5e-4)
    assert cm3(intersection(first, second)) == pytest.approx(exact, rel=1e-3)
    assert cm3(difference(first, second)) == pytest.approx(ball - exact, rel=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        make_box,
        lambda: make_sphere(radius_mm=9, planes_mm=slices(low_mm=-9, high_mm=9, spacing_mm=1.5)),
        lambda: make_tube(outer_mm=9, inner_mm=4, low_mm=0, high_mm=9, spacing_mm=3, keyhole=True),
        lambda: make_tube(outer_mm=9, inner_mm=4, low_mm=0, high_mm=9, spacing_mm=3, keyhole=False),
    ],
    ids=["box", "sphere", "keyhole", "nested"],
)
def test_structure_less_itself_is_nothing_and_with_itself_is_itself(
    make: Callable[[], Structure],
) -> None:
    structure = make()
    again = Structure(
        number=2,
        name="again",
        contours=tuple(
            # Another writer: other first points, other direction, fewer decimals.
            Contour(points_xyz_mm=np.roll(c.points_xyz_mm, 5, axis=0)[::-1].round(6))
            for c in structure.contours
        ),
    )
    for other in (structure, again):
        # The slabs are mended, so what is left can only be slivers of the rounding.
        left = volume_mm3(body_of(difference(structure, other)))
        assert left == pytest.approx(0, abs=1e-4 * cm3(structure) * 1000)
        assert cm3(intersection(structure, other)) == pytest.approx(cm3(structure), rel=1e-4)


def test_two_parts_of_one_structure_add_up_to_it() -> None:
    sphere = make_sphere(radius_mm=9, planes_mm=slices(low_mm=-9, high_mm=9, spacing_mm=1.5))
    box = make_box(low_xyz_mm=(-2, -3, -4), high_xyz_mm=(20, 5, 6), spacing_mm=2)
    parts = cm3(difference(sphere, box)) + cm3(intersection(sphere, box))
    # The mean section of a layer is that of each solid, and of their combination to second order.
    assert parts == pytest.approx(cm3(sphere), rel=1e-5)


def test_derived_structures_nest() -> None:
    outer = make_cylinder(radius_mm=9, low_mm=0, high_mm=12, spacing_mm=3)
    middle = make_cylinder(radius_mm=6, low_mm=0, high_mm=12, spacing_mm=2)
    inner = make_cylinder(radius_mm=2, low_mm=0, high_mm=12, spacing_mm=4)
    shell_and_core = difference(outer, difference(middle, inner))
    assert cm3(shell_and_core) == pytest.approx(math.pi * (81 - 36 + 4) * 12 / 1000, rel=1e-6)


@pytest.mark.parametrize(
    ("structure", "message"),
    [
        (
            make_structure(sections=[], name="cord", number=7),
            "structure 'cord' (ROI Number 7): expected contours, found none",
        ),
        (
            make_structure(sections=[(0, [circle(radius_mm=2)])], geometric_type="POINT", name="iso"),
            "structure 'iso' (ROI Number 1): ContourGeometricType: expected CLOSED_PLANAR, found POINT",
        ),
        (
            make_structure(sections=[], name="eye", problem="ContourData: expected numbers"),
            "structure 'eye' (ROI Number 1): ContourData: expected numbers",
        ),
        (
            make_structure(sections=[(4, [circle(radius_mm=2)])], name="node"),
            "structure 'node' (ROI Number 1): all contours lie in one plane, z = 4 mm: expected two "
            "planes or more, or the spacing of the slices, to know how thick the structure is",
        ),
    ],
    ids=["empty", "point", "unreadable", "one plane"],
)
def test_structures_without_a_solid_say_why(structure: Structure, message: str) -> None:
    with pytest.raises(ContourError) as caught:
        solid_of(structure)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("planes_mm", "length_mm"),
    [((0, 3, 9), 12), ((0, 6, 9, 12, 18), 21), ((0, 3, 9, 12, 18), 21), ((0, 3, 6, 9, 15), 18)],
)
def test_usual_gap_is_one_that_there_is(planes_mm: tuple[float, ...], length_mm: float) -> None:
    """Half a usual slice beyond each end, and where slices are missing, a word."""
    square = np.array([[0.0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]])
    made = solid([square + np.array([0.0, 0, z]) for z in planes_mm], slice_mm=3.0, end_caps=EndCaps.HALF)
    assert volume_mm3(made) / 100 == pytest.approx(length_mm)
    assert any("no contours between" in note for note in made.notes)


def test_end_caps_of_what_is_taken_away_are_no_caps_of_the_rest() -> None:
    def box(low: float) -> Solid:
        square = np.array([[0.0, 0, low], [9, 0, low], [9, 9, low], [0, 9, low]])
        return solid([square + np.array([0.0, 0, z]) for z in (0, 3, 6)], end_caps=EndCaps.HALF)

    first, second = box(0), box(3)
    assert combine(first, second, lambda a, b: a & ~b).caps == first.caps
    assert combine(first, second, lambda a, b: a & b).caps == first.caps + second.caps
