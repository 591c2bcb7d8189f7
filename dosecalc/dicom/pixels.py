"""Stored pixels, plain, deflated, big-endian or RLE; those of a RT Dose have 16 or 32 bits."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
from pydicom.config import IGNORE
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from dosecalc.dicom.attributes import Item
from dosecalc.dicom.files import DicomFile, reading

_NATIVE_SYNTAXES = frozenset(
    {
        "",  # a file without meta information; its encoding was found out on opening
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    }
)


def stored_numbers(file: DicomFile, item: Item, shape: tuple[int, int, int]) -> npt.NDArray[np.generic]:
    """The stored numbers of a dose, ``[frame, row, column]``, as :func:`stored_as`."""
    return stored_as(file, item, shape, _pixel_type(item))


def stored_as(
    file: DicomFile, item: Item, shape: tuple[int, int, int], dtype: np.dtype[np.generic]
) -> npt.NDArray[np.generic]:
    """The stored numbers, ``[frame, row, column]``, in the byte order of the machine.

    Little-endian pixels are a view of the bytes of the file, not a copy.

    Raises
    ------
    DicomError : for pixels that are absent, of another size, or compressed otherwise than by RLE.
    """
    samples = item.required_count("SamplesPerPixel")
    if samples != 1:
        raise item.error("SamplesPerPixel", expected="1", found=str(samples))
    if file.encapsulated:
        return _decoded(file, item, shape, dtype)
    if file.transfer_syntax not in _NATIVE_SYNTAXES:
        syntax = _syntax_name(file)
        expected = "pixels as that transfer syntax has them"
        raise item.error("PixelData", expected=expected, found=f"plain pixels in a file of {syntax}")
    if file.pixels is None or not len(file.pixels):
        raise item.error("PixelData", expected="pixels", found=item.nothing("PixelData"))
    expected_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if len(file.pixels) != expected_bytes:
        raise item.error(
            "PixelData",
            expected=f"{expected_bytes} bytes for {shape[0]} x {shape[1]} x {shape[2]} voxels",
            found=str(len(file.pixels)),
        )
    stored = np.frombuffer(file.pixels, dtype=dtype.newbyteorder(">" if file.big_endian else "<"))
    swap = file.big_endian == (sys.byteorder == "little")
    return (stored.astype(dtype) if swap else stored).reshape(shape)


def _syntax_name(file: DicomFile) -> str:
    """The name of the transfer syntax, or its UID where that is none of the standard's."""
    return UID(file.transfer_syntax, IGNORE).name or "none"


def _pixel_type(item: Item) -> np.dtype[np.generic]:
    bits = item.required_count("BitsAllocated")
    if bits not in (16, 32):
        raise item.error("BitsAllocated", expected="16 or 32", found=str(bits))
    for keyword, expected in (("BitsStored", bits), ("HighBit", bits - 1)):
        found = item.required_count(keyword)
        if found != expected:
            wanted = f"{expected} with BitsAllocated {bits}"
            raise item.error(keyword, expected=wanted, found=str(found))
    signed = item.required_count("PixelRepresentation")
    if signed not in (0, 1):
        raise item.error("PixelRepresentation", expected="0 or 1", found=str(signed))
    return np.dtype(f"{'i' if signed else 'u'}{bits // 8}")


def _decoded(
    file: DicomFile, item: Item, shape: tuple[int, int, int], dtype: np.dtype[np.generic]
) -> npt.NDArray[np.generic]:
    """Pixels of a compressed file: RLE, which loses nothing and needs no further package."""
    if file.transfer_syntax != RLELossless:
        raise item.error(
            "TransferSyntaxUID",
            expected="an uncompressed file, RLE or deflated",
            found=_syntax_name(file),
        )
    with reading(file.name, "PixelData", "RLE pixels of the stated size"):
        decoded = np.asarray(pixel_array(file.dataset, raw=True))
    if decoded.size != np.prod(shape, dtype=object) or decoded.dtype != dtype:
        found = f"{decoded.size} of {decoded.dtype}"
        expected = f"{shape[0]} x {shape[1]} x {shape[2]} voxels of {dtype}"
        raise item.error("PixelData", expected=expected, found=found)
    return decoded.reshape(shape)
