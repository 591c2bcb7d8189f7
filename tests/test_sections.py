"""Records of sections: where points lie in a picture, and what cannot be one."""

from __future__ import annotations

import numpy as np
import pytest

from dosecalc.errors import DosecalcError
from dosecalc.sections import Extent, GreyImage, Loop, Outline, OutlineKind, Plane, Section

LEFT_FRONT_TOP = (10.0, -20.0, 30.0)
"""In the patient system x rises to the left, y to the back and z to the head."""


@pytest.mark.parametrize(
    ("plane", "right", "lower", "through"),
    [
        (Plane.AXIAL, "left", "posterior", 2),
        (Plane.CORONAL, "left", "inferior", 1),
        (Plane.SAGITTAL, "posterior", "inferior", 0),
    ],
)
def test_what_lies_where(plane: Plane, right: str, lower: str, through: int) -> None:
    towards = {"left": (1, 0, 0), "posterior": (0, 1, 0), "inferior": (0, 0, -1)}
    assert plane.across_down(towards[right]).tolist() == [1.0, 0.0]
    assert plane.across_down(towards[lower]).tolist() == [0.0, 1.0]
    assert (plane.edges[1], plane.edges[3]) == (right, lower)
    assert plane.axes[2] == through
    opposite = {"left": "right", "posterior": "anterior", "inferior": "superior"}
    assert (plane.edges[0], plane.edges[2]) == (opposite[right], opposite[lower])


def test_many_points_at_once() -> None:
    points = np.tile(LEFT_FRONT_TOP, (4, 5, 1))
    assert Plane.SAGITTAL.across_down(points).shape == (4, 5, 2)
    assert Plane.SAGITTAL.across_down(points)[3, 4].tolist() == [-20.0, -30.0]


def test_what_is_no_picture() -> None:
    with pytest.raises(DosecalcError, match="expected a width and a height above 0 mm"):
        Extent(left_mm=1, right_mm=1, top_mm=0, bottom_mm=2)
    with pytest.raises(DosecalcError, match=r"expected two points or more, \(n, 2\), found \(1, 2\)"):
        Loop(points_mm=np.zeros((1, 2)), closed=True)
    extent = Extent(left_mm=0, right_mm=1, top_mm=0, bottom_mm=2)
    with pytest.raises(DosecalcError, match="expected uint8 of rows and columns, found float64"):
        GreyImage(grey=np.zeros((2, 2)), extent=extent, low_hu=0, high_hu=1, source="")  # type: ignore[arg-type]


def test_arrays_are_copied_and_locked() -> None:
    points = np.zeros((3, 2))
    loop = Loop(points_mm=points, closed=True)
    points[:] = 1
    assert not loop.points_mm.any()
    assert not loop.points_mm.flags.writeable


def test_outlines_of_a_kind() -> None:
    loop = Loop(points_mm=np.zeros((3, 2)), closed=True)
    lines = tuple(Outline(name=k.value, kind=k, loops=(loop,)) for k in OutlineKind)
    extent = Extent(left_mm=0, right_mm=1, top_mm=0, bottom_mm=2)
    section = Section(plane=Plane.AXIAL, position_mm=0.0, extent=extent, outlines=lines)
    assert [o.name for o in section.of(OutlineKind.TARGET)] == ["target"]
