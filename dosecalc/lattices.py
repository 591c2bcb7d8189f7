"""Rectilinear lattices of points, and linear interpolation from one onto another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dosecalc.errors import DosecalcError

Floats = npt.NDArray[np.float64]

_ON_EDGE_MM = 1e-6
"""Points this close to the outer face of a lattice count as on it: the rounding of DICOM decimals."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """The points ``(x_i, y_j, z_k)`` of three ascending axes, in mm of the patient system (LPS).

    Arrays on a lattice are indexed ``[z, y, x]``. Spacings may be uneven.

    Raises
    ------
    DosecalcError : if an axis is empty, not finite or not strictly ascending.

    Examples
    --------
    >>> Lattice(x_mm=[0, 2, 4], y_mm=[0, 3], z_mm=[-1, 0, 1, 2]).shape_zyx
    (4, 2, 3)
    """

    x_mm: Floats
    y_mm: Floats
    z_mm: Floats

    def __post_init__(self) -> None:
        for name in ("x_mm", "y_mm", "z_mm"):
            axis = np.array(getattr(self, name), dtype=np.float64)
            if axis.ndim != 1 or axis.size == 0 or not np.all(np.isfinite(axis)):
                raise DosecalcError(f"Lattice: {name}: expected finite numbers, found {axis}")
            if np.any(np.diff(axis) <= 0):
                raise DosecalcError(f"Lattice: {name}: expected strictly ascending positions")
            axis.setflags(write=False)
            object.__setattr__(self, name, axis)

    def __repr__(self) -> str:
        """One line: where the lattice lies and how many points it has."""
        axes = (("x", self.x_mm), ("y", self.y_mm), ("z", self.z_mm))
        ends = ", ".join(f"{name} {a[0]:g} to {a[-1]:g} mm ({a.size})" for name, a in axes)
        return f"<Lattice of {ends}>"

    @property
    def shape_zyx(self) -> tuple[int, int, int]:
        return self.z_mm.size, self.y_mm.size, self.x_mm.size

    def points_xyz_mm(self) -> Floats:
        """All points, shape (nz, ny, nx, 3)."""
        z, y, x = np.meshgrid(self.z_mm, self.y_mm, self.x_mm, indexing="ij")
        return np.stack([x, y, z], axis=-1)


def _faces(axis: Floats) -> tuple[float, float]:
    """The outer faces of the first and last voxel: half a spacing beyond their centres."""
    if axis.size == 1:
        return float(axis[0]), float(axis[0])
    return (
        float(axis[0] - (axis[1] - axis[0]) / 2),
        float(axis[-1] + (axis[-1] - axis[-2]) / 2),
    )


def _locate(axis: Floats, positions: Floats) -> tuple[npt.NDArray[np.intp], Floats, npt.NDArray[np.bool_]]:
    """Lower neighbour, weight of the upper neighbour, and whether the position is on the lattice."""
    low, high = _faces(axis)
    inside = (positions >= low - _ON_EDGE_MM) & (positions <= high + _ON_EDGE_MM)
    if axis.size == 1:
        return np.zeros(positions.shape, dtype=np.intp), np.zeros(positions.shape), inside
    lower = np.clip(np.searchsorted(axis, positions, side="right") - 1, 0, axis.size - 2)
    weight = np.clip((positions - axis[lower]) / (axis[lower + 1] - axis[lower]), 0.0, 1.0)
    return lower, weight, inside


def interpolate(source: Lattice, values: npt.NDArray[Any], target: Lattice) -> Floats:
    """Values of a lattice at the points of another, linear along each axis.

    Parameters
    ----------
    source : lattice of ``values``
    values : real numbers, shape ``source.shape_zyx``
    target : lattice whose points are asked for

    Returns
    -------
    array of ``target.shape_zyx``; NaN outside the voxels of ``source``. A value stands for its whole
    voxel, so the outermost values hold for half a spacing beyond the outermost centres.

    Notes
    -----
    Both lattices share their axes, so the interpolation is separable: one axis at a time, on the part
    of the source that the target touches only.

    Examples
    --------
    >>> row = Lattice(x_mm=[0.0, 10.0], y_mm=[0.0, 1.0], z_mm=[0.0, 1.0])
    >>> ramp = np.broadcast_to([0.0, 5.0], (2, 2, 2))
    >>> interpolate(row, ramp, Lattice(x_mm=[2.0, 99.0], y_mm=[0.5], z_mm=[0.5])).ravel().tolist()
    [1.0, nan]
    """
    pairs = ((source.z_mm, target.z_mm), (source.y_mm, target.y_mm), (source.x_mm, target.x_mm))
    found = [_locate(axis, positions) for axis, positions in pairs]
    starts = [int(lower.min()) for lower, _, _ in found]
    touched = tuple(
        slice(start, int(lower.max()) + 2) for start, (lower, _, _) in zip(starts, found, strict=True)
    )
    result: Floats = np.asarray(values)[touched].astype(np.float64)
    for number, (start, (lower, weight, _)) in enumerate(zip(starts, found, strict=True)):
        below = lower - start
        above = np.minimum(below + 1, result.shape[number] - 1)
        base = np.take(result, below, axis=number)
        # base + w (next - base) keeps a uniform field uniform to the last digit.
        result = np.take(result, above, axis=number)
        result -= base
        result *= weight.reshape([-1 if k == number else 1 for k in range(3)])
        result += base
    outside = [~inside for _, _, inside in found]
    for number, missing in enumerate(outside):
        if missing.any():
            cut_out: list[slice | npt.NDArray[np.bool_]] = [slice(None)] * 3
            cut_out[number] = missing
            result[tuple(cut_out)] = np.nan
    return result


def interpolate_at(source: Lattice, values: npt.NDArray[Any], xyz_mm: Floats) -> Floats:
    """Values of a lattice at any points, shape (..., 3); NaN outside and where a point is NaN."""
    known = np.isfinite(xyz_mm[..., 0] + xyz_mm[..., 1] + xyz_mm[..., 2])
    origin_xyz_mm = np.array([source.x_mm[0], source.y_mm[0], source.z_mm[0]])
    safe = np.where(known[..., None], xyz_mm, origin_xyz_mm)
    ix, wx, in_x = _locate(source.x_mm, safe[..., 0])
    iy, wy, in_y = _locate(source.y_mm, safe[..., 1])
    iz, wz, in_z = _locate(source.z_mm, safe[..., 2])
    nz, ny, nx = source.shape_zyx
    steps = [(axis, np.minimum(axis + 1, count - 1)) for axis, count in ((iz, nz), (iy, ny), (ix, nx))]

    def corner(dz: int, dy: int, dx: int) -> Floats:
        at_z, at_y, at_x = steps[0][dz], steps[1][dy], steps[2][dx]
        if values.flags.c_contiguous:
            found = values.reshape(-1).take((at_z * ny + at_y) * nx + at_x)
        else:
            found = values[at_z, at_y, at_x]
        return found.astype(np.float64)

    def between(low: Floats, high: Floats, weight: Floats) -> Floats:
        # A sum of eight weighted corners would not keep a uniform field uniform to the last digit.
        return low + weight * (high - low)

    def column(dy: int, dx: int) -> Floats:
        return between(corner(0, dy, dx), corner(1, dy, dx), wz)

    def row(dx: int) -> Floats:
        return between(column(0, dx), column(1, dx), wy)

    result = between(row(0), row(1), wx)
    result[~(known & in_x & in_y & in_z)] = np.nan
    return result
