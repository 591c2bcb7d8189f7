"""Writes CT images whose pixels hold a function of their place, in any axial orientation and encoding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import dicom_files as make
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

Floats = npt.NDArray[np.float64]
Hounsfield = Callable[[Floats], Floats]

POSITION_XY_MM = (-10.0, -12.0)
ROW_SPACING_MM, COLUMN_SPACING_MM = 2.5, 2.0


def make_ct(
    number: int,
    z_mm: float,
    *,
    hu: Hounsfield,
    orientation: Sequence[float] = make.HEAD_FIRST_SUPINE,
    position_xy_mm: Sequence[float] = POSITION_XY_MM,
    spacing_mm: tuple[float, float] = (ROW_SPACING_MM, COLUMN_SPACING_MM),
    rows_columns: tuple[int, int] = (9, 11),
    frame_uid: str = make.FRAME_UID,
    series_uid: str = "1.2.826.0.1.70",
    slope: str = "1",
    intercept: str = "-1024",
    bits: int = 12,
    signed: bool = False,
    junk: bool = False,
) -> Dataset:
    """One slice whose first pixel lies at ``position_xy_mm``; ``junk`` fills the bits above those stored."""
    rows, columns = rows_columns
    down, across = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    centres = (
        np.array([*position_xy_mm, z_mm])
        + across[..., None] * spacing_mm[1] * np.array(orientation[:3])
        + down[..., None] * spacing_mm[0] * np.array(orientation[3:])
    )
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"{series_uid}.{number + 1}"
    image.Modality, image.PatientID, image.PatientName = "CT", "P-1", "Doe^Jane"
    image.SeriesInstanceUID, image.FrameOfReferenceUID = series_uid, frame_uid
    image.ImagePositionPatient = [*position_xy_mm, z_mm]
    image.ImageOrientationPatient = list(orientation)
    image.PixelSpacing, (image.Rows, image.Columns) = list(spacing_mm), rows_columns
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, bits, bits - 1
    image.PixelRepresentation = int(signed)
    image.RescaleSlope, image.RescaleIntercept = slope, intercept
    stored = np.rint((hu(centres) - float(intercept)) / float(slope)).astype(np.int64)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    assert stored.min() >= low and stored.max() < high, "the function does not fit the bits"
    pattern = stored & (2**bits - 1)
    if junk:
        pattern |= ((7 * across + 3 * down) % 2 ** (16 - bits)) << bits
    image.PixelData = pattern.astype("<u2").tobytes()
    return image


def save_ct(
    folder: Path,
    z_mm: Sequence[float],
    *,
    hu: Hounsfield,
    syntax: str = str(ExplicitVRLittleEndian),
    prefix: str = "CT",
    **fields: object,
) -> None:
    """A series, its files numbered by place in ``z_mm``."""
    for number, z in enumerate(z_mm):
        dataset = make_ct(number, z, hu=hu, **fields)  # type: ignore[arg-type]
        make.save(dataset, folder / f"{prefix}{number}.dcm", syntax=syntax)
