"""Thin tubes: straight, bent, and with round ends."""

from __future__ import annotations

import numpy as np

from analytic.outlines import Floats, circle, ellipse, root, sampled
from analytic.solids import FLAT_LENGTH_MM, AnalyticSolid


def tube(radius_mm: float, tilt_deg: float) -> AnalyticSolid:
    """A tube at an angle to z, round across its axis, cut off level."""
    half = FLAT_LENGTH_MM / 2
    slope, a = np.tan(np.radians(tilt_deg)), radius_mm / np.cos(np.radians(tilt_deg))

    def outline(z: float, points: int) -> list[Floats]:
        return [ellipse(a, radius_mm, points, z * slope)] if abs(z) <= half else []

    return AnalyticSolid(
        name=f"tube {radius_mm:g} at {tilt_deg:g}",
        family="tube",
        volume_mm3=np.pi * a * radius_mm * 2 * half,
        low_mm=-half,
        high_mm=half,
        outline=outline,
        flat_low=True,
        flat_high=True,
        spacings_mm=(2.0, 3.0, 5.0),
    )


def bent_tube(radius_mm: float, ring_mm: float) -> AnalyticSolid:
    """The part of a torus about y that lies at x > 0 and |z| <= L/2, cut off level."""
    half = FLAT_LENGTH_MM / 2
    big, small = ring_mm, radius_mm

    def outline(z: float, points: int) -> list[Floats]:
        def curve(t: Floats) -> Floats:
            angle = 2 * np.pi * t
            rho = big + small * np.cos(angle)
            return np.stack([np.sqrt(rho**2 - z**2) - big, small * np.sin(angle)], axis=1)

        return [sampled(curve, points)] if abs(z) <= half else []

    # In polar coordinates of the xz plane: arcs of 2 rho asin(half / rho), by Chebyshev quadrature.
    node = np.cos(np.pi * (np.arange(64) + 1) / 65)
    weight = np.pi / 65 * (1 - node**2)
    rho = big + small * node
    volume = float(np.sum(weight * 2 * small**2 * 2 * rho * np.arcsin(half / rho)))
    return AnalyticSolid(
        name=f"bent tube {small:g} on {big:g}",
        family="tube",
        volume_mm3=volume,
        low_mm=-half,
        high_mm=half,
        outline=outline,
        flat_low=True,
        flat_high=True,
        spacings_mm=(2.0, 3.0, 5.0),
    )


def bow(radius_mm: float, reach_mm: float) -> AnalyticSolid:
    """A vessel on a sine: circles in each slice, moved by ``reach sin(2 pi z / L)`` in x."""
    half = FLAT_LENGTH_MM / 2

    def outline(z: float, points: int) -> list[Floats]:
        x = reach_mm * np.sin(np.pi * z / half)
        return [circle(radius_mm, points, x)] if abs(z) <= half else []

    return AnalyticSolid(
        name=f"bow {radius_mm:g} by {reach_mm:g}",
        family="tube",
        volume_mm3=np.pi * radius_mm**2 * 2 * half,
        low_mm=-half,
        high_mm=half,
        outline=outline,
        flat_low=True,
        flat_high=True,
        spacings_mm=(2.0, 3.0, 5.0),
    )


def tilted_capsule(radius_mm: float, length_mm: float, tilt_deg: float) -> AnalyticSolid:
    """A tube with round ends at an angle to z; ``length`` is that of the straight part."""
    r, a = radius_mm, np.radians(tilt_deg)
    axis = np.array([np.sin(a), np.cos(a)])  # x, z
    reach = length_mm / 2 * axis
    high = float(reach[1] + r)

    def half_width(x: Floats, z: float) -> Floats:
        along = np.clip(x * axis[0] + z * axis[1], -length_mm / 2, length_mm / 2)
        square = (x - along * axis[0]) ** 2 + (z - along * axis[1]) ** 2
        return np.asarray(np.sqrt(np.maximum(r * r - square, 0)))

    def ends(z: float) -> tuple[float, float] | None:
        """Where the section starts and ends in x: on the straight sides or on the round ends."""
        found = []
        for side in (-1, 1):
            # On the axis' side line: x cos a - z sin a = side r; else on a ball's circle.
            x = (z * axis[0] + side * r) / axis[1]
            if abs(x * axis[0] + z * axis[1]) <= length_mm / 2:
                found.append(x)
            for centre in (-reach, reach):
                w = root(r * r - (z - centre[1]) ** 2)
                x = float(centre[0] + side * w)
                if w > 0 and (x * axis[0] + z * axis[1]) * np.sign(centre[1]) >= length_mm / 2:
                    found.append(x)
        return (min(found), max(found)) if len(found) > 1 else None

    def outline(z: float, points: int) -> list[Floats]:
        span = ends(z)
        if span is None:
            return []
        middle, half = (span[0] + span[1]) / 2, (span[1] - span[0]) / 2

        def curve(t: Floats) -> Floats:
            x = middle + half * np.cos(2 * np.pi * t)
            return np.stack([x, np.where(t < 0.5, 1, -1) * half_width(x, z)], axis=1)

        return [sampled(curve, points)]

    return AnalyticSolid(
        name=f"capsule {r:g} x {length_mm:g} at {tilt_deg:g}",
        family="tube",
        volume_mm3=np.pi * r * r * (length_mm + 4 / 3 * r),
        low_mm=-high,
        high_mm=high,
        outline=outline,
        breaks_mm=tuple(float(end * reach[1] + side * r * axis[0]) for end in (-1, 1) for side in (-1, 1)),
        spacings_mm=(2.0, 3.0, 5.0),
    )
