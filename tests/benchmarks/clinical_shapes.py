"""Shapes of organs and targets in closed form: what each looks like in a plane of constant z.

Lengths are in mm of the patient system (x to the left, y to the back, z to the head). Every shape
answers ``outlines(z)``: what a person would draw there, finely divided.

An outline is a list of pieces, each (m, 2). A single piece is a loop; several are drawn one after another
and meet in corners, which stay where they are when points are taken from the pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Outline = list[Floats]
Pair = tuple[float, float]
Triple = tuple[float, float, float]

ANGLES = np.linspace(0.0, 2 * np.pi, 721)
SMALLEST_SCALE = 0.2
"""Sections below this part of the largest are not drawn: nobody contours the tip of an ellipsoid."""
WAVES = np.array([2, 3, 4, 5])
"""Lobes around an outline that is not quite an ellipse."""


class Shape(Protocol):
    """Anything with outlines in a plane."""

    def outlines(self, z_mm: float) -> list[Outline]:
        """The outlines in the plane of ``z_mm``; none where the shape is not."""
        ...


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A superellipsoid whose outline wobbles smoothly around it and along z.

    ``lean`` is how far the centre moves in x and y per mm of z, ``dent`` an angle (degrees), a depth (part
    of the radius) and a width (degrees) that make it concave; ``ends_mm`` cuts it flat.
    """

    centre_xyz_mm: Triple
    radii_xyz_mm: Triple
    power: float = 2.0
    wobble: float = 0.04
    lean: Pair = (0.0, 0.0)
    dent: Triple | None = None
    ends_mm: Pair = (-np.inf, np.inf)
    seed: int = 0

    def outlines(self, z_mm: float) -> list[Outline]:
        cx, cy, cz = self.centre_xyz_mm
        a, b, c = self.radii_xyz_mm
        t = abs(z_mm - cz) / c
        if t >= 1 or not self.ends_mm[0] <= z_mm <= self.ends_mm[1]:
            return []
        scale = (1 - t**self.power) ** (1 / self.power)
        if scale < SMALLEST_SCALE:
            return []
        cos, sin = np.cos(ANGLES), np.sin(ANGLES)
        radius = (np.abs(cos / a) ** self.power + np.abs(sin / b) ** self.power) ** (-1 / self.power)
        radius = radius * scale * self._wobbled((z_mm - cz) / c)
        x, y = cx + self.lean[0] * (z_mm - cz), cy + self.lean[1] * (z_mm - cz)
        return [[np.stack([x + radius * cos, y + radius * sin], axis=1)]]

    def _wobbled(self, height: float) -> Floats:
        phases = np.random.default_rng([self.seed, 7]).uniform(0, 2 * np.pi, WAVES.size)
        waves = np.cos(WAVES * ANGLES[:, None] + phases + 1.5 * height)
        factor = 1 + self.wobble * (waves / WAVES).sum(axis=1)
        if self.dent is not None:
            angle, depth, width = self.dent
            off = np.angle(np.exp(1j * (ANGLES - np.deg2rad(angle))))
            factor = factor * (1 - depth * np.exp(-((off / np.deg2rad(width)) ** 2)))
        return np.asarray(factor)


@dataclass(frozen=True, kw_only=True)
class Tube:
    """A round tube along a smooth centre line ``x(z), y(z)``, flat at both ends.

    Where the line is oblique to the slices the section is an ellipse, longer along the slope.
    ``sway_mm`` bends the line by a sine of ``sway_length_mm``.
    """

    ends_mm: Pair
    start_xy_mm: Pair
    slope_xy: Pair = (0.0, 0.0)
    radius_mm: float
    flatten: float = 1.0
    sway_mm: Pair = (0.0, 0.0)
    sway_length_mm: float = 90.0

    def outlines(self, z_mm: float) -> list[Outline]:
        low, high = self.ends_mm
        if not low <= z_mm <= high:
            return []
        turn = 2 * np.pi / self.sway_length_mm
        phase = turn * (z_mm - low)
        along = z_mm - low
        sway = np.array(self.sway_mm)
        centre = np.array(self.start_xy_mm) + along * np.array(self.slope_xy) + sway * np.sin(phase)
        slope = np.array(self.slope_xy) + sway * turn * np.cos(phase)
        circle = np.stack([np.cos(ANGLES), np.sin(ANGLES) * self.flatten], axis=1) * self.radius_mm
        steep = float(np.hypot(*slope))
        if steep > 0:
            direction = slope / steep
            circle = circle + np.outer(circle @ direction, direction) * (np.hypot(1, steep) - 1)
        return [[centre + circle]]


@dataclass(frozen=True, kw_only=True)
class Arch:
    """A horseshoe around a centre, open to the back, thinner towards its lower and upper ends."""

    centre_xyz_mm: Triple
    radii_xy_mm: Pair
    thickness_mm: float
    half_height_mm: float
    opening_degrees: float = 70.0

    def outlines(self, z_mm: float) -> list[Outline]:
        cx, cy, cz = self.centre_xyz_mm
        t = (z_mm - cz) / self.half_height_mm
        if abs(t) >= 1:
            return []
        thickness = self.thickness_mm * (0.4 + 0.6 * np.sqrt(1 - t**2))
        half = np.deg2rad(self.opening_degrees / 2 + 12 * t)
        # The back is at +90 degrees, as y points there.
        angle = np.linspace(np.pi / 2 + half, 5 * np.pi / 2 - half, 400)
        cos, sin = np.cos(angle), np.sin(angle)
        a, b = self.radii_xy_mm
        outer = np.stack([cx + a * cos, cy + b * sin], axis=1)
        inner = np.stack([cx + (a - thickness) * cos, cy + (b - thickness) * sin], axis=1)
        return [[outer, inner[::-1]]]


@dataclass(frozen=True, kw_only=True)
class Torso:
    """The outline of head, neck and shoulders: half-widths that change smoothly with z."""

    def outlines(self, z_mm: float) -> list[Outline]:
        dome = np.sqrt(max(1 - (max(z_mm - 95.0, 0.0) / 88.0) ** 2, 0.0))
        if dome < SMALLEST_SCALE:
            return []
        neck, chest = _step((65.0 - z_mm) / 55.0), _step((-5.0 - z_mm) / 85.0)
        half_width = dome * (84 - 18 * neck) + 150 * chest
        half_depth = dome * (103 - 33 * neck) + 50 * chest
        centre_y = 12.0 * neck - 8.0 * chest
        power = 2.0 + 0.9 * chest
        cos, sin = np.cos(ANGLES), np.sin(ANGLES)
        radius = (np.abs(cos / half_width) ** power + np.abs(sin / half_depth) ** power) ** (-1 / power)
        radius = radius * (1 + 0.012 * np.cos(3 * ANGLES + z_mm / 60) + 0.008 * np.cos(7 * ANGLES))
        return [[np.stack([radius * cos, centre_y + radius * sin], axis=1)]]


@dataclass(frozen=True, kw_only=True)
class Hollow:
    """One shape inside another: its outline is a loop of its own, or joined to the outer by a keyhole."""

    outer: Shape
    inner: Shape
    keyhole: bool = False

    def outlines(self, z_mm: float) -> list[Outline]:
        outer, inner = self.outer.outlines(z_mm), self.inner.outlines(z_mm)
        if not (outer and inner):
            return outer
        if not self.keyhole:
            return [*outer, *inner]
        (ring,), (hole,) = outer[0], inner[0]
        return [[ring, hole[::-1]]]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Several separate shapes under one name."""

    of: Sequence[Shape]

    def outlines(self, z_mm: float) -> list[Outline]:
        return [outline for shape in self.of for outline in shape.outlines(z_mm)]


def _step(t: float) -> float:
    """From 0 to 1 without a kink."""
    t = min(max(t, 0.0), 1.0)
    return t * t * (3 - 2 * t)
