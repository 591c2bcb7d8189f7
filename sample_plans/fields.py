"""Doses with a closed form: plateaus with a smooth radial fall-off, beams of them, and their grids."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from places import Floats, Place, back
from scipy.interpolate import RegularGridInterpolator

Stored = npt.NDArray[np.uint16]

BATH = 0.1  # share of the dose that falls off slowly, as scatter and leakage do
BATH_SIGMA_MM = 45.0
FORMULA = (
    "S(r) = 1 for r <= r0; beyond, with u = r - r0: "
    "0.9 * (1 + cos(pi * min(u/w, 1))) / 2 + 0.1 * exp(-u^2 / (2 * 45^2)); r in mm from the centre"
)

SIDE = 0.8  # by how much a beam gives more on the side that it comes from, and less on the other
SIDE_MM = 10.0
BEAM_FORMULA = (
    "A beam from gantry angle g, one of five 72 degrees apart, gives its plan's dose times (1 + 0.8 t) / 5, "
    "t = (X sin g - Y cos g) / sqrt(X^2 + Y^2 + 10^2), X and Y in mm from the field's centre to the left and "
    "to the back: more on the side that it comes from. The five sines and cosines sum to 0, so the beams sum "
    "to the plan exactly"
)


@dataclass(frozen=True, kw_only=True)
class Field:
    """Dose of one fraction: ``gy * S(r)`` about ``centre_mm``; plateau radius r0, fall-off w.

    ``stretch``: by how much r is stretched along x, y and z, which makes isodoses ellipsoids of balls.
    """

    gy: float
    centre_mm: tuple[float, float, float]
    plateau_mm: float
    fall_mm: float
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __call__(self, x: Floats, y: Floats, z: Floats) -> Floats:
        (cx, cy, cz), (a, b, c) = self.centre_mm, self.stretch
        r = np.sqrt(((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2)
        beyond = np.maximum(r - self.plateau_mm, 0.0)
        ramp = 0.5 * (1 + np.cos(np.pi * np.minimum(beyond / self.fall_mm, 1.0)))
        bath = np.exp(-0.5 * (beyond / BATH_SIGMA_MM) ** 2)
        dose: Floats = self.gy * ((1 - BATH) * ramp + BATH * bath)
        return dose

    def words(self) -> str:
        (x, y, z), (a, b, c) = self.centre_mm, self.stretch
        text = (
            f"{self.gy:g} Gy * S(r), centre ({x:g}, {y:g}, {z:g}), "
            f"r0 = {self.plateau_mm:g}, w = {self.fall_mm:g}"
        )
        if self.stretch != (1.0, 1.0, 1.0):
            text += f", r = sqrt((X/{a:g})^2 + (Y/{b:g})^2 + (Z/{c:g})^2) with X, Y, Z from the centre"
        return text


@dataclass(frozen=True, kw_only=True)
class BeamField:
    """Dose of one fraction of one beam of five that sum to ``whole``; ``gantry`` in degrees."""

    whole: Field
    gantry: int

    def __call__(self, x: Floats, y: Floats, z: Floats) -> Floats:
        cx, cy, _ = self.whole.centre_mm
        left, back, angle = x - cx, y - cy, np.radians(self.gantry)
        toward = (left * np.sin(angle) - back * np.cos(angle)) / np.sqrt(left**2 + back**2 + SIDE_MM**2)
        dose: Floats = self.whole(x, y, z) * (1 + SIDE * toward) / 5
        return dose


Fields = tuple[Field | BeamField, ...]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Nodes of a dose grid: first node, spacing and count on x, y and z, and the stored unit."""

    first_mm: tuple[float, float, float]
    step_mm: tuple[float, float, float]
    count: tuple[int, int, int]
    unit_gy: float

    def axes(self) -> tuple[Floats, Floats, Floats]:
        (x, y, z), (dx, dy, dz), (nx, ny, nz) = self.first_mm, self.step_mm, self.count
        return (
            x + dx * np.arange(nx, dtype=np.float64),
            y + dy * np.arange(ny, dtype=np.float64),
            z + dz * np.arange(nz, dtype=np.float64),
        )

    def without_x(self, low_mm: float, high_mm: float) -> Grid:
        """The same nodes, only those with low <= x <= high."""
        x = self.axes()[0]
        kept = x[(x >= low_mm) & (x <= high_mm)]
        return Grid(
            first_mm=(float(kept[0]), *self.first_mm[1:]),
            step_mm=self.step_mm,
            count=(len(kept), *self.count[1:]),
            unit_gy=self.unit_gy,
        )

    def store(self, fields: Fields, times: float, place: Place | None = None) -> Stored:
        """The dose of ``times`` fractions at the nodes as 16-bit integers [z, y, x].

        ``place``: the frame of the grid, where it is not that in which the fields are.
        """
        return _stored(self, fields, times, place)

    def interpolator(
        self, fields: Fields, times: float, place: Place | None = None
    ) -> RegularGridInterpolator:
        """What a trilinear reader of the stored grid sees; points are (z, y, x)."""
        return _interpolator(self, fields, times, place)


@functools.cache
def _stored(grid: Grid, fields: Fields, times: float, place: Place | None) -> Stored:
    """Most cases have the same doses, which are asked for with every structure and in every quantity."""
    x, y, z = grid.axes()
    zz, yy, xx = np.meshgrid(z, y, x, indexing="ij")
    dose = times * total(fields, *back(place, (xx, yy, zz)))
    found: Stored = np.round(dose / grid.unit_gy).astype(np.uint16)
    found.setflags(write=False)
    return found


@functools.cache
def _interpolator(grid: Grid, fields: Fields, times: float, place: Place | None) -> RegularGridInterpolator:
    x, y, z = grid.axes()
    return RegularGridInterpolator((z, y, x), grid.store(fields, times, place) * grid.unit_gy)


def total(fields: Fields, x: Floats, y: Floats, z: Floats) -> Floats:
    """Dose of one fraction of several fields together."""
    dose = np.zeros(np.broadcast_shapes(x.shape, y.shape, z.shape))
    for field in fields:
        dose = dose + field(x, y, z)
    return dose
