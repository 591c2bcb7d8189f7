"""How an exported dose is stored: position, spacing, and 32 bits a voxel."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from dosecalc.dosemap import DoseMap
from dosecalc.errors import DosecalcError
from dosecalc.lattices import Lattice

Floats = npt.NDArray[np.float64]

_LARGEST_STORED = 2**31 - 1
"""Half of what 32 unsigned bits hold: a reader that takes them as signed still reads the dose."""
_FINEST_EXPONENT = -9
"""Finer than any dose is known."""
_MOST_ROWS = 2**16 - 1
_MOST_PIXEL_BYTES = 2**32 - 2
_MOST_TEXT_BYTES = 2**16 - 2
_EVEN_MM = 1e-3
"""How far rows or columns may lie from even spacing: DICOM has one spacing for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDoses:
    """Doses as whole numbers of a quantum of ``10^exponent`` Gy, little-endian, 32 bits each."""

    pixels: bytes = field(repr=False)
    exponent: int

    @property
    def scaling(self) -> str:
        """DoseGridScaling as it is written."""
        return f"1e{self.exponent}"

    @property
    def quantum_gy(self) -> float:
        return float(self.scaling)


def require_storable(dose: DoseMap) -> None:
    """Refuse what the attributes of a RT Dose cannot hold."""
    if not dose.frame_uid:
        raise DosecalcError("dose map: frame_uid: expected a Frame of Reference UID, found none")
    planes, rows, columns = dose.lattice.shape_zyx
    if max(rows, columns) > _MOST_ROWS or 4 * planes * rows * columns > _MOST_PIXEL_BYTES:
        raise DosecalcError(
            f"dose map: expected at most {_MOST_ROWS} rows and columns and {_MOST_PIXEL_BYTES // 4} voxels, "
            f"found {planes} x {rows} x {columns}"
        )
    if len(_offsets(dose.lattice)) > _MOST_TEXT_BYTES:
        raise DosecalcError(f"dose map: expected fewer planes than {planes}: their offsets fill no attribute")
    for name in ("x_mm", "y_mm"):
        _spacing_mm(getattr(dose.lattice, name), name)


def _spacing_mm(axis: Floats, name: str) -> float:
    """The one spacing of an axis.

    Raises
    ------
    DosecalcError : if there is none.
    """
    if axis.size < 2:
        raise DosecalcError(f"dose map: {name}: expected two voxels or more, found {axis.size}")
    step = float(axis[-1] - axis[0]) / (axis.size - 1)
    if np.abs(axis[0] + step * np.arange(axis.size) - axis).max() > _EVEN_MM:
        widths = np.diff(axis)
        raise DosecalcError(
            f"dose map: {name}: expected voxels evenly spaced, as DICOM has them in a plane, found "
            f"{widths.min():g} to {widths.max():g} mm; choose a spacing for the map"
        )
    return step


def place(made: Dataset, lattice: Lattice) -> None:
    """Where the voxels lie: axial planes, as many offsets as planes, even or not."""
    x_mm, y_mm, z_mm = lattice.x_mm, lattice.y_mm, lattice.z_mm
    made.ImagePositionPatient = [_decimal(axis[0]) for axis in (x_mm, y_mm, z_mm)]
    made.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    made.PixelSpacing = [_decimal(_spacing_mm(y_mm, "y_mm")), _decimal(_spacing_mm(x_mm, "x_mm"))]
    steps = np.diff(z_mm)
    even = steps.size and np.ptp(steps) <= _EVEN_MM
    made.SliceThickness = _decimal(float(steps.mean())) if even else None
    made.Rows, made.Columns = y_mm.size, x_mm.size
    if z_mm.size > 1:
        made.NumberOfFrames, made.FrameIncrementPointer = z_mm.size, 0x3004000C
        made.GridFrameOffsetVector = _offsets(lattice).split("\\")


def _offsets(lattice: Lattice) -> str:
    return "\\".join(_decimal(z) for z in lattice.z_mm - lattice.z_mm[0])


def _decimal(value: float) -> str:
    """A number in the 16 characters that DICOM has for it."""
    return format_number_as_ds(float(value) + 0.0)  # without the sign of -0.0


def stored_doses(dose: DoseMap) -> StoredDoses:
    """The doses of a map as they are stored; where it is not covered, what it holds at least."""
    exponent = _FINEST_EXPONENT
    if dose.max_gy > 0:
        exponent = max(exponent, math.ceil(math.log10(dose.max_gy / _LARGEST_STORED)))
    stored = np.empty(dose.lattice.shape_zyx, dtype="<u4")
    for plane, gy in zip(stored, dose.at_least_gy, strict=True):
        plane[:] = np.rint(gy * 10.0**-exponent)
    return StoredDoses(pixels=stored.tobytes(), exponent=exponent)


def describe_pixels(made: Dataset, stored: StoredDoses) -> None:
    """How the pixels are to be read."""
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 32, 32, 31, 0
    made.DoseGridScaling = stored.scaling
