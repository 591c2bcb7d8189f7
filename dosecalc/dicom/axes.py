"""From the planes of a RT Dose to a lattice in patient axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.dicom.attributes import Item
from dosecalc.errors import DosecalcError
from dosecalc.lattices import Lattice

Floats = npt.NDArray[np.float64]

ORIENTATION_TOLERANCE = 1e-4
"""Direction cosines this close to -1, 0 or 1 count as such: 0.05 mm at the end of a 500 mm grid,
while files round their cosines to 1e-6."""

ABSOLUTE_OFFSET_TOLERANCE_MM = 1e-3
"""How far the first frame offset may lie from the position's z: the rounding of two decimals."""

ZERO_OFFSET_TOLERANCE_MM = 1e-6
"""How far from zero a first frame offset may lie and still mean zero."""

_AXES = "xyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Direction:
    """A direction along a patient axis (0 x, 1 y, 2 z), forwards or backwards."""

    axis: int
    sign: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planes:
    """How the array ``[frame, row, column]`` of a file lies in the patient."""

    lattice: Lattice
    order: tuple[int, int, int]
    flips: tuple[slice, slice, slice]

    def arrange(self, stored: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The same numbers as ``[z, y, x]``, each axis ascending: a view, not a copy."""
        return np.transpose(stored, self.order)[self.flips]


def planes(item: Item, *, frames: int, rows: int, columns: int) -> Planes:
    """Where the voxels of a RT Dose lie.

    Raises
    ------
    DicomError : for an oblique orientation, spacings that are not positive, or frame offsets that
        follow neither convention of the standard (PS3.3 C.8.8.3.2).
    """
    along_row, along_column = _orientation(item)
    position_xyz_mm = item.required_floats("ImagePositionPatient", 3)
    row_spacing_mm, column_spacing_mm = item.required_floats("PixelSpacing", 2)
    if not (row_spacing_mm > 0 and column_spacing_mm > 0):
        found = f"{row_spacing_mm:g} and {column_spacing_mm:g}"
        raise item.error("PixelSpacing", expected="spacings above 0 mm", found=found)
    normal = _cross(along_row, along_column)
    lines = (
        (normal, _frame_positions(item, frames, normal, position_xyz_mm)),
        (along_column, _steps(along_column, position_xyz_mm, row_spacing_mm, rows)),
        (along_row, _steps(along_row, position_xyz_mm, column_spacing_mm, columns)),
    )
    order, flips, axes_mm = [], [], []
    for axis in (2, 1, 0):
        place = next(n for n, (direction, _) in enumerate(lines) if direction.axis == axis)
        positions_mm = lines[place][1]
        falls = positions_mm.size > 1 and positions_mm[1] < positions_mm[0]
        flip = slice(None, None, -1 if falls else 1)
        order.append(place)
        flips.append(flip)
        axes_mm.append(positions_mm[flip])
    z_mm, y_mm, x_mm = axes_mm
    try:
        lattice = Lattice(x_mm=x_mm, y_mm=y_mm, z_mm=z_mm)
    except DosecalcError as error:  # spacings that vanish beside the position
        expected = "voxels apart from each other"
        raise item.error("PixelSpacing", expected=expected, found=str(error)) from error
    return Planes(
        lattice=lattice,
        order=(order[0], order[1], order[2]),
        flips=(flips[0], flips[1], flips[2]),
    )


def _orientation(item: Item) -> tuple[_Direction, _Direction]:
    """The patient axes along a row (to the next column) and along a column (to the next row)."""
    keyword = "ImageOrientationPatient"
    cosines = np.array(item.required_floats(keyword, 6))
    nearest = np.rint(cosines)
    rows = nearest.reshape(2, 3)
    aligned = (
        np.all(np.abs(cosines - nearest) <= ORIENTATION_TOLERANCE)
        and np.all(np.abs(rows).sum(axis=1) == 1)
        and not np.any(np.all(rows != 0, axis=0))
    )
    if not aligned:
        found = "\\".join(f"{cosine:g}" for cosine in cosines)
        raise item.error(keyword, expected="rows and columns along patient axes (not oblique)", found=found)
    along = [int(np.argmax(np.abs(row))) for row in rows]
    first, second = (
        _Direction(axis=axis, sign=int(row[axis])) for axis, row in zip(along, rows, strict=True)
    )
    return first, second


def _cross(first: _Direction, second: _Direction) -> _Direction:
    """The third direction of the right-handed system: first x second."""
    axis = 3 - first.axis - second.axis
    handed = 1 if (first.axis + 1) % 3 == second.axis else -1
    return _Direction(axis=axis, sign=handed * first.sign * second.sign)


def _steps(
    direction: _Direction, position_xyz_mm: tuple[float, ...], spacing_mm: float, count: int
) -> Floats:
    steps_mm = np.arange(count, dtype=np.float64) * (direction.sign * spacing_mm)
    return np.asarray(position_xyz_mm[direction.axis] + steps_mm, dtype=np.float64)


def _frame_positions(
    item: Item, frames: int, normal: _Direction, position_xyz_mm: tuple[float, ...]
) -> Floats:
    """Where the frames lie along their normal, in the order of the file."""
    keyword = "GridFrameOffsetVector"
    start_mm = position_xyz_mm[normal.axis]
    offsets_mm = np.array(item.floats(keyword))
    if offsets_mm.size == 0 and frames == 1:
        return np.array([start_mm])
    if offsets_mm.size != frames:
        found = f"{offsets_mm.size}" if offsets_mm.size else item.nothing(keyword)
        raise item.error(keyword, expected=f"{frames} offsets, one per frame", found=found)
    steps_mm = np.diff(offsets_mm)
    if not (np.all(steps_mm > 0) or np.all(steps_mm < 0)):
        expected = "offsets that only rise or only fall"
        bad = next(n for n, s in enumerate(steps_mm) if s * steps_mm[0] <= 0)
        found = f"{offsets_mm[bad]:g} then {offsets_mm[bad + 1]:g}"
        raise item.error(keyword, expected=expected, found=found)
    if abs(offsets_mm[0]) <= ZERO_OFFSET_TOLERANCE_MM:
        return np.asarray(start_mm + normal.sign * offsets_mm, dtype=np.float64)
    if _AXES[normal.axis] == "z" and abs(offsets_mm[0] - start_mm) <= ABSOLUTE_OFFSET_TOLERANCE_MM:
        return offsets_mm
    raise item.error(
        keyword,
        expected=f"a first offset of 0, or on axial planes ImagePositionPatient z ({start_mm:g})",
        found=f"{offsets_mm[0]:g}",
    )
