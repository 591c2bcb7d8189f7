"""The doses of the clinical case: plateaus with steep sides on a low bath, on any grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from clinical_shapes import Floats, Triple

DECIMALS = 2


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where a dose is stored: numbers of voxels, their size, and the bits of each number."""

    columns_rows_frames: tuple[int, int, int]
    spacing_xyz_mm: Triple
    bits: int = 16

    @property
    def voxels(self) -> int:
        return int(np.prod(self.columns_rows_frames))

    def axes_xyz_mm(self) -> tuple[Floats, Floats, Floats]:
        """Voxel centres, about the middle of the patient and on no round number."""
        middle = (1.1, -0.7, 1.3)
        x, y, z = (
            m + d * (np.arange(n) - (n - 1) / 2)
            for n, d, m in zip(self.columns_rows_frames, self.spacing_xyz_mm, middle, strict=True)
        )
        return x.round(DECIMALS), y.round(DECIMALS), z.round(DECIMALS)


PLANNING = Grid(columns_rows_frames=(220, 160, 150), spacing_xyz_mm=(2.5, 2.5, 2.5), bits=32)
PLANNING_16 = Grid(columns_rows_frames=(220, 160, 150), spacing_xyz_mm=(2.5, 2.5, 2.5))
FINE = Grid(columns_rows_frames=(512, 512, 200), spacing_xyz_mm=(0.98, 0.98, 2.0))
COARSE = Grid(columns_rows_frames=(55, 41, 39), spacing_xyz_mm=(10.0, 10.0, 10.0))


@dataclass(frozen=True, kw_only=True)
class Hill:
    """A plateau with steep sides: ``height_gy`` inside an ellipsoid, a logistic fall-off around it."""

    centre_xyz_mm: Triple
    radii_xyz_mm: Triple
    height_gy: float
    steepness: float


HIGH = Hill(centre_xyz_mm=(12.0, -8.0, 20.0), radii_xyz_mm=(42.0, 38.0, 42.0), height_gy=57.5, steepness=4.0)
LOW = tuple(
    Hill(centre_xyz_mm=(x, 8.0, -5.0), radii_xyz_mm=(25.0, 29.0, 86.0), height_gy=51.5, steepness=3.0)
    for x in (47.0, -47.0)
)
BOOST = Hill(
    centre_xyz_mm=(15.0, -10.0, 20.0), radii_xyz_mm=(25.0, 23.0, 27.0), height_gy=15.4, steepness=3.5
)
BATH = Hill(centre_xyz_mm=(0.0, 0.0, 0.0), radii_xyz_mm=(110.0, 95.0, 130.0), height_gy=9.0, steepness=1.2)
COURSES: tuple[tuple[int, float, tuple[Hill, ...], float], ...] = (
    (28, 2.0, (HIGH, *LOW), 1.0),
    (3, 5.0, (BOOST,), 0.25),
)
"""By course: fractions, Gy per fraction, where the dose is high, and the share of the bath around it."""


def course_gy(course: int, grid: Grid) -> Iterator[npt.NDArray[np.float32]]:
    """The dose of a course frame by frame, each ``[y, x]`` in Gy; courses repeat after the second."""
    x, y, z = grid.axes_xyz_mm()
    _, _, hills, bath = COURSES[course % len(COURSES)]
    weight = np.float32(1 + 0.01 * (course // len(COURSES)))
    peaks = [_peak(hill, x, y, z) for hill in hills]
    around = _peak(BATH, x, y, z)
    ripple = (
        np.float32(0.02) * np.sin(y / 17.0, dtype=np.float32)[:, None] * np.cos(x / 23.0, dtype=np.float32)
    )
    for k, height in enumerate(z.tolist()):
        parts = [np.outer(b, a * c[k]) for a, b, c in peaks]
        low_a, low_b, low_c = around
        wide = np.outer(low_b, low_a * low_c[k])
        top = sum(np.float32(h.height_gy) * part for h, part in zip(hills, parts, strict=True))
        dose = top / (1 + sum(parts)) + np.float32(bath * BATH.height_gy) * wide / (1 + wide)
        yield weight * dose * (1 + ripple * np.float32(np.cos(height / 19.0)))


def _peak(hill: Hill, x: Floats, y: Floats, z: Floats) -> tuple[npt.NDArray[np.float32], ...]:
    """Three factors, one an axis, of ``exp(steepness (1 - rho^2))``."""
    # The sixth root of the smallest normal number: products of three never slow the processor down.
    faint = 1e-12
    return tuple(
        np.maximum(np.exp(hill.steepness * (1 / 3 - ((axis - centre) / radius) ** 2)), faint).astype(
            np.float32
        )
        for axis, centre, radius in zip((x, y, z), hill.centre_xyz_mm, hill.radii_xyz_mm, strict=True)
    )
