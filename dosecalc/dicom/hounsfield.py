"""Pixels of CT images as Hounsfield units, slice by slice and only where asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dosecalc.dicom.attributes import Item, top
from dosecalc.dicom.axes import planes
from dosecalc.dicom.files import DicomFile, open_dicom, read_bytes
from dosecalc.dicom.image import slice_of
from dosecalc.dicom.pixels import stored_as
from dosecalc.errors import DicomError
from dosecalc.images import ImageGrid

Floats = npt.NDArray[np.float64]


def read_slices(folder: Path, image: ImageGrid, numbers: Iterable[int]) -> Iterator[tuple[int, Floats]]:
    """Slices of a CT series in HU, ``[y, x]`` on its lattice, each with its number; one at a time.

    Parameters
    ----------
    folder : the case folder that the series was found in
    image : the series
    numbers : places of the wanted slices in ``image.lattice.z_mm``

    Raises
    ------
    InputError : if a file is no longer there, or another one is.
    DicomError : for pixels that are compressed otherwise than by RLE, cut off, or in no known unit.
    """
    for number in numbers:
        name = image.sources[number]
        file = open_dicom(read_bytes(folder / name, name), name)
        _require_same(file, image, number)
        yield number, _hounsfield(file)


def _require_same(file: DicomFile, image: ImageGrid, number: int) -> None:
    """Refuses a file that took the place of the one that was read."""
    found, lattice = slice_of(file), image.lattice
    expected = (lattice.z_mm[number : number + 1], lattice.y_mm, lattice.x_mm)
    here = (found.lattice.z_mm, found.lattice.y_mm, found.lattice.x_mm)
    same = (found.series_uid, found.frame_uid) == (image.uid, image.frame_uid) and all(
        a.shape == b.shape and np.allclose(a, b) for a, b in zip(here, expected, strict=True)
    )
    if not same:
        wanted = f"the image of z = {lattice.z_mm[number]:g} mm that was here"
        raise DicomError(file.name, "ImagePositionPatient", expected=wanted, found="another image")


def _hounsfield(file: DicomFile) -> Floats:
    item = top(file)
    kind = item.code("RescaleType")
    if kind not in ("", "HU"):
        raise item.error("RescaleType", expected="HU", found=kind)
    slope, intercept = (item.required_floats(k, 1)[0] for k in ("RescaleSlope", "RescaleIntercept"))
    rows, columns = item.required_count("Rows"), item.required_count("Columns")
    stored = stored_as(file, item, (1, rows, columns), _allocated(item))
    where = planes(item, frames=1, rows=rows, columns=columns)
    return np.asarray(where.arrange(_meant(item, stored))[0] * slope + intercept, dtype=np.float64)


def _allocated(item: Item) -> np.dtype[np.generic]:
    bits = item.required_count("BitsAllocated")
    if bits != 16:
        raise item.error("BitsAllocated", expected="16", found=str(bits))
    signed = item.required_count("PixelRepresentation")
    if signed not in (0, 1):
        raise item.error("PixelRepresentation", expected="0 or 1", found=str(signed))
    return np.dtype("i2" if signed else "u2")


def _meant(item: Item, stored: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The bits that hold the pixel, with its sign: what lies above them is no part of it."""
    allocated, used = 8 * stored.dtype.itemsize, item.required_count("BitsStored")
    if not 1 <= used <= allocated:
        raise item.error("BitsStored", expected=f"1 to {allocated}", found=str(used))
    high = item.required_count("HighBit")
    if high != used - 1:
        raise item.error("HighBit", expected=str(used - 1), found=str(high))
    unused = allocated - used
    return np.asarray(np.right_shift(np.left_shift(stored, unused), unused)) if unused else stored
