"""Solids that lie across the slices or oblique to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analytic.outlines import Floats, between_ends, circle, root, rotation
from analytic.solids import AnalyticSolid


def cylinder_across(radius_mm: float, length_mm: float) -> AnalyticSolid:
    """A cylinder along x."""

    def outline(z: float, points: int) -> list[Floats]:
        x, y = length_mm / 2, root(radius_mm**2 - z**2)
        return [np.array([[-x, -y], [x, -y], [x, y], [-x, y]])] if y > 0 else []

    return AnalyticSolid(
        name=f"cylinder across {radius_mm:g} x {length_mm:g}",
        family="regular",
        volume_mm3=np.pi * radius_mm**2 * length_mm,
        low_mm=-radius_mm,
        high_mm=radius_mm,
        outline=outline,
    )


def cone_across(radius_mm: float, height_mm: float) -> AnalyticSolid:
    """A cone along x with its base at x = 0: hyperbolas cut off by the base."""

    def outline(z: float, points: int) -> list[Floats]:
        if abs(z) >= radius_mm:
            return []
        if abs(z) < 1e-9 * radius_mm:
            return [np.array([[0, radius_mm], [0, -radius_mm], [height_mm, 0.0]])]
        end = np.arccosh(radius_mm / abs(z))

        def curve(t: Floats) -> Floats:
            u = end * (2 * t - 1)
            x = height_mm * (1 - abs(z) * np.cosh(u) / radius_mm)
            return np.stack([x, abs(z) * np.sinh(u)], axis=1)

        return [between_ends(curve, 2 * points)]

    return AnalyticSolid(
        name=f"cone across {radius_mm:g} x {height_mm:g}",
        family="regular",
        volume_mm3=np.pi * radius_mm**2 * height_mm / 3,
        low_mm=-radius_mm,
        high_mm=radius_mm,
        outline=outline,
        breaks_mm=(0.0,),
    )


def lens_across(sphere_mm: float, thickness_mm: float) -> AnalyticSolid:
    """A lens whose flat diameter lies in the plane x = 0: each section is bounded by two arcs."""
    away = sphere_mm - thickness_mm / 2
    high = root(sphere_mm**2 - away**2)

    def outline(z: float, points: int) -> list[Floats]:
        if abs(z) >= high:
            return []
        radius = np.sqrt(sphere_mm**2 - z**2)
        number = points // 2
        end = np.arccos(away / radius)
        step = 2 * end / (number - 1)
        angle = np.linspace(-end, end, number)
        # The bow beyond its chord keeps its area; the tips stay where they are.
        bow = (2 * end - np.sin(2 * end)) / ((number - 1) * np.sin(step) - np.sin(2 * end))
        x = bow * (radius * np.cos(angle) - away)
        y = radius * np.sin(angle)
        arc = np.stack([x, y], axis=1)[:-1]
        return [np.concatenate([arc, -arc])]

    return AnalyticSolid(
        name=f"lens across {sphere_mm:g} x {thickness_mm:g}",
        family="regular",
        volume_mm3=2 * np.pi * (thickness_mm / 2) ** 2 * (3 * sphere_mm - thickness_mm / 2) / 3,
        low_mm=-high,
        high_mm=high,
        outline=outline,
    )


def ellipsoid(
    half_xyz_mm: Sequence[float],
    *,
    tilt_deg: float = 0.0,
    roll_deg: float = 0.0,
    bend_per_mm: float = 0.0,
) -> AnalyticSolid:
    """An ellipsoid in any orientation; ``bend`` shears it by ``bend z^2`` in x, as a banana."""
    turn = rotation(tilt_deg, roll_deg)
    form = turn @ np.diag(1 / np.square(half_xyz_mm)) @ turn.T
    # At z: (p - z m)' Q (p - z m) <= 1 - z^2 / high^2.
    flat = form[:2, :2]
    moved = -np.linalg.solve(flat, form[:2, 2])
    high = float(np.sqrt(np.linalg.inv(form)[2, 2]))
    axes = np.linalg.inv(np.linalg.cholesky(flat).T)

    def outline(z: float, points: int) -> list[Floats]:
        radius = root(1 - (z / high) ** 2)
        if radius == 0:
            return []
        centre = z * moved + [bend_per_mm * z * z, 0.0]
        return [centre + circle(radius, points) @ axes.T]

    a, b, c = half_xyz_mm
    kind = "banana" if bend_per_mm else "ellipsoid"
    return AnalyticSolid(
        name=f"{kind} {a:g} x {b:g} x {c:g}" + (f" at {tilt_deg:g}, {roll_deg:g}" if tilt_deg else ""),
        family="regular",
        volume_mm3=4 / 3 * np.pi * a * b * c,
        low_mm=-high,
        high_mm=high,
        outline=outline,
    )


def tilted_box(size_xyz_mm: Sequence[float], *, tilt_deg: float, roll_deg: float = 0.0) -> AnalyticSolid:
    """A box that stands on an edge, or on a corner."""
    turn = rotation(tilt_deg, roll_deg)
    signs = np.array([[(k >> axis & 1) * 2 - 1 for axis in range(3)] for k in range(8)])
    corner = signs * np.array(size_xyz_mm) / 2 @ turn.T
    pairs = [(i, j) for i in range(8) for j in range(i) if np.sum(signs[i] != signs[j]) == 1]
    start, stop = (corner[[pair[k] for pair in pairs]] for k in (0, 1))

    def outline(z: float, _: int) -> list[Floats]:
        crossed = (start[:, 2] <= z) != (stop[:, 2] <= z)
        if not crossed.any():
            return []
        a, b = start[crossed], stop[crossed]
        points = a[:, :2] + ((z - a[:, 2]) / (b[:, 2] - a[:, 2]))[:, None] * (b - a)[:, :2]
        away = points - points.mean(axis=0)
        return [points[np.argsort(np.arctan2(away[:, 1], away[:, 0]))]]

    levels = np.unique(np.round(corner[:, 2], 9))
    a, b, c = size_xyz_mm
    return AnalyticSolid(
        name=f"box {a:g} x {b:g} x {c:g} at {tilt_deg:g}, {roll_deg:g}",
        family="regular",
        volume_mm3=a * b * c,
        low_mm=float(levels[0]),
        high_mm=float(levels[-1]),
        outline=outline,
        edged=True,
        breaks_mm=tuple(levels[1:-1].tolist()),
    )
