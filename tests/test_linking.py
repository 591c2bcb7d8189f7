"""Which outlines of neighbouring planes continue each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from factories import circle

from dosecalc.contours import depths
from dosecalc.linking import NONE, Links, linked
from dosecalc.outlines import outlines

Floats = npt.NDArray[np.float64]
Plane = tuple[float, Sequence[Floats]]


def links_of(*planes: Plane, missing: Sequence[bool] | None = None) -> Links:
    loops = [loop for _, around in planes for loop in around]
    z_mm = np.array([z for z, around in planes for _ in around])
    hole = np.array([depth % 2 == 1 for _, around in planes for depth in depths(list(around))])
    starts = np.concatenate([[0], np.cumsum([len(around) for _, around in planes])])
    gaps = np.zeros(len(planes) - 1, dtype=np.bool_) if missing is None else np.array(missing)
    return linked(outlines(loops, z_mm, hole), starts, gaps)


def no_splits(links: Links) -> bool:
    return not (links.splits_above.any() or links.splits_below.any())


def ellipse(*, long_mm: float, short_mm: float, along: float, centre_xy_mm: Sequence[float]) -> Floats:
    c, s = math.cos(along), math.sin(along)
    turn = np.array([[c, s], [-s, c]])
    return np.asarray(circle(radius_mm=1) * [long_mm, short_mm] @ turn + np.asarray(centre_xy_mm))


def test_one_over_one() -> None:
    links = links_of(*((z, [circle(radius_mm=5, centre_xy_mm=(z, 0))]) for z in (0.0, 2.0, 4.0)))
    assert links.above.tolist() == [1, 2, NONE]
    assert links.below.tolist() == [NONE, 0, 1]
    assert no_splits(links)


def test_one_within_another_is_linked() -> None:
    """No edges meet, one is all inside the other."""
    links = links_of((0, [circle(radius_mm=9)]), (3, [circle(radius_mm=1, centre_xy_mm=(2, 2))]))
    assert links.above.tolist() == [1, NONE]


@pytest.mark.parametrize("upside_down", [False, True])
def test_branch_splits_and_links_nothing(upside_down: bool) -> None:
    one: Plane = (0, [circle(radius_mm=8)])
    two: Plane = (3, [circle(radius_mm=3, centre_xy_mm=(x, 0)) for x in (-5, 5)])
    links = links_of((0, two[1]), (3, one[1])) if upside_down else links_of(one, two)
    assert (links.above == NONE).all()
    assert (links.below == NONE).all()
    assert links.splits_above.tolist() == ([True, True, False] if upside_down else [True, False, False])
    assert links.splits_below.tolist() == ([False, False, True] if upside_down else [False, True, True])


def test_parts_after_a_branch_go_on_as_one_over_one() -> None:
    arms = [[circle(radius_mm=3, centre_xy_mm=(side * x, 0)) for side in (-1, 1)] for x in (5, 6)]
    links = links_of((0, [circle(radius_mm=8)]), (3, arms[0]), (6, arms[1][::-1]))
    assert links.above.tolist() == [NONE, 4, 3, NONE, NONE]
    assert links.below.tolist() == [NONE, NONE, NONE, 2, 1]
    assert links.splits_above.tolist() == [True, False, False, False, False]
    assert links.splits_below.tolist() == [False, True, True, False, False]


def test_parts_side_by_side_link_each_to_its_own() -> None:
    """Whatever their order in a plane, and though the boxes around them overlap."""
    leaning = [ellipse(long_mm=9, short_mm=2, along=math.pi / 4, centre_xy_mm=c) for c in ((-3, 3), (3, -3))]
    links = links_of((0, leaning), (3, leaning[::-1]))
    assert links.above.tolist() == [3, 2, NONE, NONE]
    assert links.below.tolist() == [NONE, NONE, 1, 0]
    assert no_splits(links)


def vessel(*, radius_mm: float, tilt: float, along: float, planes_mm: Sequence[float]) -> list[Plane]:
    """Sections of a round vessel at an angle to z: 1/cos longer than wide, moved by tan times z."""
    way = math.tan(tilt) * np.array([math.cos(along), math.sin(along)])
    long_mm = radius_mm / math.cos(tilt)
    return [
        (z, [ellipse(long_mm=long_mm, short_mm=radius_mm, along=along, centre_xy_mm=way * z)])
        for z in planes_mm
    ]


@pytest.mark.parametrize("along", [0.0, 0.5, 2.2, -1.0])
@pytest.mark.parametrize("tilt_deg", [60, 70])
def test_oblique_vessel_is_linked_where_its_sections_do_not_overlap(along: float, tilt_deg: float) -> None:
    shapely = pytest.importorskip("shapely")
    planes = vessel(radius_mm=3, tilt=math.radians(tilt_deg), along=along, planes_mm=(0, 8, 16, 24))
    first, second = (shapely.Polygon(loops[0]) for _, loops in planes[:2])
    assert first.disjoint(second)
    links = links_of(*planes)
    assert links.above.tolist() == [1, 2, 3, NONE]
    assert links.below.tolist() == [NONE, 0, 1, 2]
    assert no_splits(links)


def test_section_goes_on_where_the_last_step_led() -> None:
    """Round sections have no slant of their own: 5 mm a slice and then 7 is one way, 5 and then 12 is not."""
    for step, above in ((7.0, [1, 2, NONE]), (12.0, [1, NONE, NONE])):
        centres = (0.0, 5.0, 5.0 + step)
        planes: list[Plane] = [
            (3.0 * k, [circle(radius_mm=3, centre_xy_mm=(x, 0))]) for k, x in enumerate(centres)
        ]
        assert links_of(*planes).above.tolist() == above


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (circle(radius_mm=4), circle(radius_mm=4, centre_xy_mm=(15, 0))),
        # Long ones beside each other: a vessel moves along its length, not across.
        (
            ellipse(long_mm=9, short_mm=3, along=0, centre_xy_mm=(0, 0)),
            ellipse(long_mm=9, short_mm=3, along=0, centre_xy_mm=(0, 20)),
        ),
        # On course but three times as large.
        (
            ellipse(long_mm=9, short_mm=3, along=0, centre_xy_mm=(-12, 0)),
            ellipse(long_mm=9 * 3**0.5, short_mm=3 * 3**0.5, along=0, centre_xy_mm=(15, 0)),
        ),
    ],
    ids=["round", "across", "another size"],
)
def test_nodes_that_do_not_overlap_stay_apart(first: Floats, second: Floats) -> None:
    links = links_of((0, [first]), (8, [second]))
    assert (links.above == NONE).all()
    assert (links.below == NONE).all()
    assert no_splits(links)


def test_across_missing_slices_only_what_overlaps_is_linked() -> None:
    oblique = vessel(radius_mm=3, tilt=math.radians(70), along=0.5, planes_mm=(0, 8, 16))
    assert links_of(*oblique, missing=[False, True]).above.tolist() == [1, NONE, NONE]
    straight = [(z, [circle(radius_mm=5)]) for z in (0.0, 3.0, 9.0)]
    assert links_of(*straight, missing=[False, True]).above.tolist() == [1, 2, NONE]


@pytest.mark.parametrize("back_to_front", [False, True])
def test_holes_link_to_holes(back_to_front: bool) -> None:
    ring = [circle(radius_mm=9), circle(radius_mm=4, centre_xy_mm=(1, 0))]
    links = links_of((0, ring), (3, ring[::-1] if back_to_front else ring))
    assert links.above.tolist() == ([3, 2] if back_to_front else [2, 3]) + [NONE, NONE]
    assert no_splits(links)


def test_hole_does_not_link_to_a_part_in_its_place() -> None:
    ring, core = [circle(radius_mm=9), circle(radius_mm=4)], circle(radius_mm=4)
    links = links_of((0, ring), (3, [core]))
    assert links.above.tolist() == [2, NONE, NONE]
    assert links.below.tolist() == [NONE, NONE, 0]
    assert no_splits(links)
