"""Solids with exact sections and closed-form volumes; here those of revolution about z, and prisms.

A solid gives, for any z, the closed loops that bound its section there. A loop of a curve is a polygon of
the curve's own area, so that what remains of the polygon is its sagitta, 2 um at 240 points and 20 mm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analytic.outlines import Floats, circle, ellipse, root, rotation_2d

Outline = Callable[[float, int], list[Floats]]

FAMILIES = ("regular", "holes", "parts", "branch", "tube", "small")
SMALL_MM3 = 1100.0
FLAT_LENGTH_MM = 30.0
"""Flat-ended solids are this long: whole slices of 1, 2, 3 and 5 mm, six of them or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticSolid:
    """A solid about the origin of its own frame.

    Parameters
    ----------
    outline : loops (n, 2) in mm of the section at z, each curve in about so many points; even-odd
    low_mm, high_mm : where it starts and ends in z
    flat_low, flat_high : whether it ends there in a face, not in a point or a round top
    edged : whether it ends in an edge or a corner instead
    breaks_mm : other levels where the section changes abruptly, or its number of loops
    parts_mm : from where to where in z each of its parts reaches
    in_one_loop : a hole is reached by a channel of no width (a keyhole)
    yaw_deg : by how much the solid is turned about z before it is placed
    points : points of a curve as contoured
    """

    name: str
    family: str
    volume_mm3: float
    low_mm: float
    high_mm: float
    outline: Outline
    flat_low: bool = False
    flat_high: bool = False
    edged: bool = False
    breaks_mm: tuple[float, ...] = ()
    parts_mm: tuple[tuple[float, float], ...] = ()
    in_one_loop: bool = False
    yaw_deg: float = 0.0
    points: int = 240
    spacings_mm: tuple[float, ...] = (1.0, 2.0, 3.0, 5.0)

    def but(self, **changes: Any) -> AnalyticSolid:
        """The same with other values of some fields."""
        return replace(self, **changes)

    def loops(self, z_mm: float, points: int) -> list[Floats]:
        """The loops of the section at z, turned by the yaw."""
        matrix = rotation_2d(self.yaw_deg)
        return [loop @ matrix.T for loop in self.outline(z_mm, points)]

    def contours(self, z_mm: float) -> list[Floats]:
        """The loops as contoured: holes joined to the outside where the solid is drawn with keyholes."""
        loops = self.loops(z_mm, self.points)
        if self.in_one_loop and len(loops) == 2:
            outer, inner = loops
            return [np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])]
        return loops


def revolved(
    name: str,
    *,
    radius_mm: Callable[[float], float],
    volume_mm3: float,
    half_mm: float,
    flat_low: bool = False,
    flat_high: bool = False,
    breaks_mm: tuple[float, ...] = (),
) -> AnalyticSolid:
    """A stack of circles from -half to +half with a radius given for each z."""

    def outline(z: float, points: int) -> list[Floats]:
        radius = radius_mm(z) if abs(z) <= half_mm else 0.0
        return [circle(radius, points)] if radius > 0 else []

    return AnalyticSolid(
        name=name,
        family="regular",
        volume_mm3=volume_mm3,
        low_mm=-half_mm,
        high_mm=half_mm,
        outline=outline,
        flat_low=flat_low,
        flat_high=flat_high,
        breaks_mm=breaks_mm,
    )


def sphere(radius_mm: float) -> AnalyticSolid:
    points = max(240, int(np.ceil(np.pi * np.sqrt(radius_mm / 0.004))))
    return revolved(
        f"sphere {radius_mm:g}",
        radius_mm=lambda z: root(radius_mm**2 - z**2),
        volume_mm3=4 / 3 * np.pi * radius_mm**3,
        half_mm=radius_mm,
    ).but(points=points)


def cylinder(radius_mm: float, length_mm: float) -> AnalyticSolid:
    return revolved(
        f"cylinder {radius_mm:g} x {length_mm:g}",
        radius_mm=lambda z: radius_mm,
        volume_mm3=np.pi * radius_mm**2 * length_mm,
        half_mm=length_mm / 2,
        flat_low=True,
        flat_high=True,
    )


def cone(radius_mm: float, height_mm: float, *, top_mm: float = 0.0) -> AnalyticSolid:
    """A cone along z, its base below; cut off where its radius is ``top_mm`` above zero."""
    r, t = radius_mm, top_mm
    return revolved(
        f"cone {r:g} to {t:g} x {height_mm:g}",
        radius_mm=lambda z: r + (t - r) * (z / height_mm + 0.5),
        volume_mm3=np.pi * height_mm * (r * r + r * t + t * t) / 3,
        half_mm=height_mm / 2,
        flat_low=True,
        flat_high=top_mm > 0,
    )


def lens(sphere_mm: float, thickness_mm: float) -> AnalyticSolid:
    """What two spheres have in common, its flat diameter in the plane z = 0."""
    half = thickness_mm / 2
    return revolved(
        f"lens {sphere_mm:g} x {thickness_mm:g}",
        radius_mm=lambda z: root(sphere_mm**2 - (abs(z) + sphere_mm - half) ** 2),
        volume_mm3=2 * np.pi * half**2 * (3 * sphere_mm - half) / 3,
        half_mm=half,
        breaks_mm=(0.0,),
    )


def egg(radius_mm: float, half_mm: float) -> AnalyticSolid:
    """A round solid with a blunt and a slender end: radius^2 = R^2 (1 - u^2) exp(u)."""
    # The integral of (1 - u^2) e^u over -1 to 1 is 4/e.
    return revolved(
        f"egg {radius_mm:g} x {2 * half_mm:g}",
        radius_mm=lambda z: radius_mm * root((1 - (z / half_mm) ** 2) * np.exp(z / half_mm)),
        volume_mm3=np.pi * radius_mm**2 * half_mm * 4 / np.e,
        half_mm=half_mm,
    )


def hourglass(radius_mm: float, waist_mm: float, length_mm: float) -> AnalyticSolid:
    """Radius^2 = a + b cos(2 pi z / length): a waist at either end and a belly in between."""
    a, b = (radius_mm**2 + waist_mm**2) / 2, (radius_mm**2 - waist_mm**2) / 2
    return revolved(
        f"hourglass {radius_mm:g} to {waist_mm:g} x {length_mm:g}",
        radius_mm=lambda z: root(a - b * np.cos(2 * np.pi * z / length_mm)),
        volume_mm3=np.pi * a * length_mm,
        half_mm=length_mm / 2,
        flat_low=True,
        flat_high=True,
    )


def capsule(radius_mm: float, length_mm: float) -> AnalyticSolid:
    """A cylinder along z with hemispheres on its ends; ``length`` is that of the cylinder."""
    r, half = radius_mm, length_mm / 2
    return revolved(
        f"capsule {r:g} x {length_mm:g}",
        radius_mm=lambda z: root(r * r - max(abs(z) - half, 0.0) ** 2),
        volume_mm3=np.pi * r * r * (length_mm + 4 / 3 * r),
        half_mm=half + r,
        breaks_mm=(-half, half),
    )


def dome(radius_mm: float) -> AnalyticSolid:
    """Half a ball on its flat side."""
    half = radius_mm / 2
    return revolved(
        f"dome {radius_mm:g}",
        radius_mm=lambda z: root(radius_mm**2 - (z + half) ** 2),
        volume_mm3=2 / 3 * np.pi * radius_mm**3,
        half_mm=half,
        flat_low=True,
    )


def prism(
    name: str, section: Callable[[int], list[Floats]], *, area: float, top: float = 1.0
) -> AnalyticSolid:
    """A section that shrinks linearly to ``top`` of its size, from z = -L/2 to L/2."""
    half = FLAT_LENGTH_MM / 2

    def outline(z: float, points: int) -> list[Floats]:
        if abs(z) > half:
            return []
        size = 1 + (top - 1) * (z / (2 * half) + 0.5)
        return [size * loop for loop in section(points)] if size > 0 else []

    return AnalyticSolid(
        name=name if top == 1 else f"{name} to {top:g}",
        family="regular",
        volume_mm3=area * 2 * half * (1 + top + top * top) / 3,
        low_mm=-half,
        high_mm=half,
        outline=outline,
        flat_low=True,
        flat_high=top > 0,
    )


L_MM = np.array([[-12.0, -15.0], [13.0, -15.0], [13.0, -6.0], [-3.0, -6.0], [-3.0, 14.0], [-12.0, 14.0]])


def l_shape(_: int) -> list[Floats]:
    return [L_MM]


def star(_: int) -> list[Floats]:
    """A five-pointed star."""
    angle = np.pi / 2 + np.pi / 5 * np.arange(10)
    radius = np.where(np.arange(10) % 2 == 0, 18.0, 8.0)
    return [np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)]


SHOE_MM = (8.0, 16.0)
SHOE_RAD = np.radians(270)


def horseshoe(points: int) -> list[Floats]:
    """Three quarters of a ring."""
    number = points // 2
    step = SHOE_RAD / (number - 1)
    angle = np.linspace(0, SHOE_RAD, number)
    ring = np.sqrt(step / np.sin(step)) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return [np.concatenate([SHOE_MM[1] * ring, SHOE_MM[0] * ring[::-1]])]


def ring(outer_mm: float, inner_mm: float) -> Callable[[int], list[Floats]]:
    return lambda points: [circle(outer_mm, points), circle(inner_mm, points)]


def twisted(a_mm: float, b_mm: float, turn_deg: float) -> AnalyticSolid:
    """An ellipse that turns as it goes up."""
    half = FLAT_LENGTH_MM / 2

    def outline(z: float, points: int) -> list[Floats]:
        matrix = rotation_2d(turn_deg * z / (2 * half))
        return [ellipse(a_mm, b_mm, points) @ matrix.T] if abs(z) <= half else []

    return AnalyticSolid(
        name=f"twisted {a_mm:g} x {b_mm:g} by {turn_deg:g}",
        family="regular",
        volume_mm3=np.pi * a_mm * b_mm * 2 * half,
        low_mm=-half,
        high_mm=half,
        outline=outline,
        flat_low=True,
        flat_high=True,
    )
