"""Solids with holes, of several parts, and that branch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analytic.outlines import Floats, area_mm2, circle, root, sampled, twins, with_area
from analytic.solids import FLAT_LENGTH_MM, AnalyticSolid


def shell(
    outer_mm: float, inner_mm: float, *, offset_xz_mm: tuple[float, float] = (0.0, 0.0)
) -> AnalyticSolid:
    """A ball with a round cavity."""
    dx, dz = offset_xz_mm

    def outline(z: float, points: int) -> list[Floats]:
        radii = root(outer_mm**2 - z**2), root(inner_mm**2 - (z - dz) ** 2)
        return [circle(r, points, x) for r, x in zip(radii, (0.0, dx), strict=True) if r > 0]

    return AnalyticSolid(
        name=f"shell {outer_mm:g} - {inner_mm:g}" + (" off centre" if dx or dz else ""),
        family="holes",
        volume_mm3=4 / 3 * np.pi * (outer_mm**3 - inner_mm**3),
        low_mm=-outer_mm,
        high_mm=outer_mm,
        outline=outline,
        breaks_mm=(dz - inner_mm, dz + inner_mm),
    )


def torus(ring_mm: float, tube_mm: float) -> AnalyticSolid:
    """A torus whose axis is z: a ring in each slice."""

    def outline(z: float, points: int) -> list[Floats]:
        w = root(tube_mm**2 - z**2)
        return [circle(ring_mm + w, points), circle(ring_mm - w, points)] if w > 0 else []

    return AnalyticSolid(
        name=f"torus {ring_mm:g}, {tube_mm:g}",
        family="holes",
        volume_mm3=2 * np.pi**2 * ring_mm * tube_mm**2,
        low_mm=-tube_mm,
        high_mm=tube_mm,
        outline=outline,
    )


def torus_across(ring_mm: float, tube_mm: float, *, half: bool = False) -> AnalyticSolid:
    """A torus about y, a wheel that stands up; or its upper half, an arch on two feet."""
    big, small = ring_mm, tube_mm

    def outline(z: float, points: int) -> list[Floats]:
        if abs(z) >= big + small or (half and z < 0):
            return []
        if abs(z) < big - small:

            def leg(t: Floats) -> Floats:
                angle = 2 * np.pi * t
                rho = big + small * np.cos(angle)
                return np.stack([np.sqrt(rho**2 - z**2), small * np.sin(angle)], axis=1)

            right = sampled(leg, points)
            return [right, right * [-1, 1]]
        end = np.arccos((abs(z) - big) / small)

        def right_side(t: Floats) -> Floats:
            angle = end * np.sin(np.pi * (t - 0.5))
            rho = big + small * np.cos(angle)
            x = np.sqrt(np.maximum(rho**2 - z**2, 0))
            x[[0, -1]] = 0.0
            return np.stack([x, small * np.sin(angle)], axis=1)

        def around(number: int) -> Floats:
            side = right_side(np.linspace(0, 1, number))
            return np.concatenate([side[:-1], -side[:-1]])

        return [with_area(around(points), area_mm2(around(8 * points)))]

    return AnalyticSolid(
        name=f"{'arch' if half else 'torus across'} {big:g}, {small:g}",
        family="branch",
        volume_mm3=(1 if half else 2) * np.pi**2 * big * small**2,
        low_mm=0.0 if half else -big - small,
        high_mm=big + small,
        outline=outline,
        flat_low=half,
        breaks_mm=(big - small,) if half else (small - big, big - small),
    )


def two_spheres(radii_mm: tuple[float, float], centres_xz_mm: Sequence[tuple[float, float]]) -> AnalyticSolid:
    """Two balls that do not touch."""
    parts = tuple((z - r, z + r) for r, (_, z) in zip(radii_mm, centres_xz_mm, strict=True))

    def outline(z: float, points: int) -> list[Floats]:
        found = []
        for r, (x, centre) in zip(radii_mm, centres_xz_mm, strict=True):
            radius = root(r * r - (z - centre) ** 2)
            if radius > 0:
                found.append(circle(radius, points, x))
        return found

    ends = sorted({e for part in parts for e in part})
    return AnalyticSolid(
        name=f"spheres {radii_mm[0]:g} and {radii_mm[1]:g}",
        family="parts",
        volume_mm3=4 / 3 * np.pi * sum(r**3 for r in radii_mm),
        low_mm=ends[0],
        high_mm=ends[-1],
        outline=outline,
        breaks_mm=tuple(ends[1:-1]),
        parts_mm=parts,
    )


def peanut(radius_mm: float, apart_mm: float) -> AnalyticSolid:
    """Two balls that overlap, side by side: two outlines above and below, one in between."""
    c, r = apart_mm / 2, radius_mm

    def outline(z: float, points: int) -> list[Floats]:
        rho = root(r * r - z * z)
        return twins(c, rho, rho, points) if rho > 0 else []

    level = root(r * r - c * c)
    common = 2 * np.pi * (r - c) ** 2 * (2 * r + c) / 3
    return AnalyticSolid(
        name=f"peanut {r:g} by {apart_mm:g}",
        family="branch",
        volume_mm3=8 / 3 * np.pi * r**3 - common,
        low_mm=-r,
        high_mm=r,
        outline=outline,
        breaks_mm=(-level, level),
    )


def y_vessel(radius_mm: float, spread_deg: float) -> AnalyticSolid:
    """A vertical stem that divides into two oblique branches of its own radius, cut off level."""
    half = FLAT_LENGTH_MM / 2
    r, slope = radius_mm, np.tan(np.radians(spread_deg))
    a = r / np.cos(np.radians(spread_deg))

    def outline(z: float, points: int) -> list[Floats]:
        if abs(z) > half:
            return []
        if z <= 0:
            return [circle(r, points)]
        return twins(z * slope, a, r, points)

    overlap = 4 / 3 * a * r * a / slope
    return AnalyticSolid(
        name=f"Y vessel {r:g} at {spread_deg:g}",
        family="branch",
        volume_mm3=np.pi * r * r * half + 2 * np.pi * a * r * half - overlap,
        low_mm=-half,
        high_mm=half,
        outline=outline,
        flat_low=True,
        flat_high=True,
        breaks_mm=(0.0, a / slope),
    )
