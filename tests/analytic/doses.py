"""Doses as functions of place, stored on grids, and the contours of a solid where it stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from analytic.outlines import Floats
from analytic.solids import AnalyticSolid
from dosecalc.doses import DoseGrid
from dosecalc.lattices import Lattice
from dosecalc.structures import Contour, Structure

CENTRE_XYZ_MM = np.array([13.7, -41.3, -207.45])
"""Where the solids stand: on no round number of any axis."""
PRESCRIBED_GY = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseShape:
    """A dose as a function of place, and the spacing of the grid that it is stored on.

    ``direction`` is that of a gradient of 1 Gy/mm; without one the dose is curved: a Gaussian whose top
    lies ``away_mm`` from the middle of the solid, or a bowl with its bottom there.
    """

    name: str
    spacing_xyz_mm: tuple[float, float, float]
    direction: tuple[float, float, float] | None = None
    away_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bowl: bool = False

    def gradient(self) -> Floats:
        """Gy/mm of a linear dose."""
        assert self.direction is not None
        steps = np.array(self.direction, dtype=np.float64)
        return np.asarray(steps / np.linalg.norm(steps))


_G1, _G2, _G3 = (2.0, 2.5, 3.0), (3.0, 2.0, 2.5), (1.5, 3.5, 2.0)
ALONG_Z = DoseShape(name="z", direction=(0, 0, 1), spacing_xyz_mm=_G1)
LINEAR = (
    DoseShape(name="x", direction=(1, 0, 0), spacing_xyz_mm=_G2),
    DoseShape(name="-z", direction=(0, 0, -1), spacing_xyz_mm=_G3),
    DoseShape(name="xyz", direction=(1, 1, 1), spacing_xyz_mm=_G1),
    DoseShape(name="-y", direction=(0, -1, 0), spacing_xyz_mm=_G3),
    DoseShape(name="x-z", direction=(1, 0, -1), spacing_xyz_mm=_G2),
    DoseShape(name="-x+yz", direction=(-1, 1, 1), spacing_xyz_mm=_G3),
    DoseShape(name="y+2z", direction=(0, 1, 2), spacing_xyz_mm=_G1),
    DoseShape(name="-x-y", direction=(-1, -1, 0), spacing_xyz_mm=_G2),
)
CURVED = (
    DoseShape(name="gauss", away_mm=(9.0, -5.0, 12.0), spacing_xyz_mm=_G2),
    DoseShape(name="bowl", away_mm=(3.0, 4.0, -2.0), spacing_xyz_mm=_G1, bowl=True),
    DoseShape(name="gauss inside", away_mm=(2.0, 1.0, -1.5), spacing_xyz_mm=_G3),
)


@dataclass(frozen=True, slots=True, eq=False)
class Dose:
    """A dose as stored; linear ones with their gradient and their dose at the origin of the solid."""

    grid: DoseGrid
    gradient: Floats | None
    base_gy: float

    def at(self, xyz_mm: Floats) -> Floats:
        """Trilinear interpolant at points (..., 3) of the solid's own frame."""
        if self.gradient is not None:
            return np.asarray(self.base_gy + xyz_mm @ self.gradient)
        lattice = self.grid.lattice
        axes = (lattice.z_mm, lattice.y_mm, lattice.x_mm)
        where = (xyz_mm + CENTRE_XYZ_MM)[..., ::-1]
        index = [(where[..., k] - a[0]) / (a[1] - a[0]) for k, a in enumerate(axes)]
        return np.asarray(map_coordinates(self.grid.stored, index, order=1, mode="nearest"))


def extent_mm(solid: AnalyticSolid) -> Floats:
    """How far the solid reaches from its origin along x and y (the larger of the two) and z."""
    levels = np.linspace(solid.low_mm, solid.high_mm, 41)[1:-1]
    loops = [loop for z in levels for loop in solid.loops(float(z), 64)]
    across = max(float(np.abs(loop).max()) for loop in loops)
    return np.array([across, across, max(-solid.low_mm, solid.high_mm)])


def dose_on(solid: AnalyticSolid, shape: DoseShape) -> Dose:
    """The dose stored on a grid that reaches beyond the solid, and beyond its slices, on all sides."""
    reach = extent_mm(solid) + 8.0
    spacing = np.array(shape.spacing_xyz_mm)
    low = CENTRE_XYZ_MM - reach - np.array([0.3, 0.6, 0.9]) * spacing
    x_mm, y_mm, z_mm = (
        low[k] + spacing[k] * np.arange(int(np.ceil(2 * reach[k] / spacing[k])) + 3) for k in range(3)
    )
    lattice = Lattice(x_mm=x_mm, y_mm=y_mm, z_mm=z_mm)
    points = lattice.points_xyz_mm() - CENTRE_XYZ_MM
    away = np.array(shape.away_mm)
    size = max(28.0, float(reach.max()))
    if shape.direction is not None:
        gradient = shape.gradient()
        base = max(PRESCRIBED_GY, float(-(points @ gradient).min()) + 1)
        return Dose(DoseGrid.from_array(lattice, base + points @ gradient), gradient, base)
    square = np.sum((points - away * size / 28.0) ** 2, axis=-1)
    if shape.bowl:
        return Dose(DoseGrid.from_array(lattice, 20 + 40 * square / size**2), None, 0.0)
    return Dose(DoseGrid.from_array(lattice, PRESCRIBED_GY * np.exp(-square / (2 * size**2))), None, 0.0)


def planes_mm(solid: AnalyticSolid, spacing_mm: float, phase: float) -> Floats:
    """Image planes that cut the solid; the first lies a part of a slice (the phase) above its low end."""
    first = solid.low_mm + phase * spacing_mm
    count = int(np.ceil((solid.high_mm - first) / spacing_mm + 1e-9))
    z_mm = first + spacing_mm * np.arange(max(count, 0))
    return np.array([z for z in z_mm if z < solid.high_mm and solid.loops(float(z), 32)])


def structure_on(solid: AnalyticSolid, z_mm: Floats, spacing_mm: float) -> Structure:
    """The contours of the solid in planes given in its own frame, where the solid stands."""
    contours = tuple(
        Contour(points_xyz_mm=np.column_stack([loop, np.full(len(loop), z)]) + CENTRE_XYZ_MM)
        for z in z_mm.tolist()
        for loop in solid.contours(z)
    )
    return Structure(number=1, name=solid.name, contours=contours, slice_mm=spacing_mm)
