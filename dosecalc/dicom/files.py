"""Opens DICOM files of any encoding; nothing that pydicom raises leaves this package."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from dosecalc.errors import DicomError, DosecalcError, InputError

PIXEL_DATA = 0x7FE00010
_UNDEFINED_LENGTH = 0xFFFFFFFF
_PREFIX_AT = 128
_LONG_VRS = frozenset({b"OB", b"OW", b"UN", b"OL", b"OD", b"OF", b"OV"})
"""Value representations whose length takes four bytes, after two reserved ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DicomFile:
    """One file: its attributes, and its pixel bytes as they stand in the file (not copied).

    ``pixels`` is None where there are none; ``encapsulated`` pixels are left to pydicom.
    """

    name: str
    dataset: Dataset
    pixels: memoryview | None = None
    encapsulated: bool = False
    big_endian: bool = False
    transfer_syntax: str = ""


@contextmanager
def reading(name: str, attribute: str, expected: str) -> Iterator[None]:
    """Turns whatever pydicom raises into a `DicomError`; its warnings are not for our users."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DosecalcError:
        raise
    except Exception as error:  # pydicom raises struct.error, EOFError, OSError, KeyError ... too
        # The text of the error may quote the file, and with it the patient: its type must do.
        found = f"bytes that cannot be understood ({type(error).__name__})"
        raise DicomError(name, attribute, expected=expected, found=found) from error


def read_bytes(path: Path, name: str) -> bytes:
    """The whole file.

    Raises
    ------
    InputError : if it is not there, no file, or not readable.
    """
    try:
        if not path.exists():
            raise InputError(f"{name}: expected a file, found nothing of that name")
        if not path.is_file():
            raise InputError(f"{name}: expected a file, found something else")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{name}: expected a readable file, found {error.strerror or 'an error'}") from error


def looks_like_dicom(content: bytes) -> bool:
    """Whether the bytes start as DICOM does, with or without the preamble of 128 bytes."""
    if content[_PREFIX_AT : _PREFIX_AT + 4] == b"DICM":
        return True
    # Without preamble: the first element belongs to group 0002 or 0008, whose elements are low.
    little = content[:2] in (b"\x02\x00", b"\x08\x00") and content[3:4] == b"\x00"
    return (little or content[:3] == b"\x00\x08\x00") and len(content) > 8


class _Stream(io.BytesIO):
    """Notes when the file ends within the header of an element, which pydicom passes over."""

    cut = False

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        if size == 8 and 0 < len(content) < 8:
            self.cut = True
        return content


def open_dicom(content: bytes, name: str) -> DicomFile:
    """A file's attributes from its bytes.

    Parameters
    ----------
    content : the whole file
    name : what messages call it

    Raises
    ------
    InputError : if it is not DICOM.
    DicomError : if it is broken, truncated above all.
    """
    if not looks_like_dicom(content):
        what = "an empty file" if not content else "other content"
        raise InputError(f"{name}: expected a DICOM file, found {what}")
    stream = _Stream(content)
    with reading(name, "file", "a complete DICOM data set"):
        dataset = dcmread(stream, force=True, stop_before_pixels=True)
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
        _implicit, little = dataset.original_encoding
    if stream.cut:
        raise _truncated(name, "file", len(content))
    pixels, encapsulated = _pixels(dataset, content, stream, name)
    if encapsulated or syntax == DeflatedExplicitVRLittleEndian:
        with reading(name, "file", "a complete DICOM data set"):
            dataset = dcmread(io.BytesIO(content), force=True)
        if not encapsulated:
            pixels = _inflated_pixels(dataset)
    check_complete(dataset, name)
    if not any(keyword in dataset for keyword in ("SOPClassUID", "Modality")):
        raise InputError(f"{name}: expected a DICOM file, found other content")
    return DicomFile(
        name=name,
        dataset=dataset,
        pixels=pixels,
        encapsulated=encapsulated,
        big_endian=not little,
        transfer_syntax=syntax,
    )


def check_complete(dataset: Dataset, name: str) -> None:
    """Refuses a data set in which a value is shorter than its length says."""
    for element in dataset.values():
        length, value = getattr(element, "length", None), element.value
        if length is None or length == _UNDEFINED_LENGTH or not isinstance(value, bytes | None):
            continue
        if len(value or b"") != length:
            keyword = keyword_for_tag(element.tag) or str(element.tag)
            raise _truncated(name, keyword, len(value or b""), length)


def _truncated(name: str, attribute: str, found: int, expected: int | None = None) -> DicomError:
    return DicomError(
        name,
        attribute,
        expected="a complete file" if expected is None else f"{expected} bytes",
        found=f"the end of the data after {found} bytes",
    )


def _inflated_pixels(dataset: FileDataset) -> memoryview | None:
    element = dataset.get_item(PIXEL_DATA, keep_deferred=True)
    value = None if element is None else element.value
    return memoryview(value) if isinstance(value, bytes) else None


def _pixels(
    dataset: FileDataset, content: bytes, stream: io.BytesIO, name: str
) -> tuple[memoryview | None, bool]:
    """The pixel bytes where they lie, and whether they are encapsulated instead.

    pydicom stopped at the element; its header is read here, so that a grid of 200 MB is not copied.
    """
    implicit, little = dataset.original_encoding
    order = "<" if little else ">"
    at = stream.tell()
    header = content[at : at + 12]
    if len(header) < 8 or struct.unpack(f"{order}HH", header[:4]) != (0x7FE0, 0x0010):
        return None, False
    if implicit:
        (length,), start = struct.unpack(f"{order}L", header[4:8]), at + 8
    elif header[4:6] in _LONG_VRS and len(header) == 12:
        (length,), start = struct.unpack(f"{order}L", header[8:12]), at + 12
    else:
        raise DicomError(name, "PixelData", expected="value representation OB or OW", found=repr(header[4:6]))
    if length == _UNDEFINED_LENGTH:
        return None, True
    if start + length > len(content):
        raise _truncated(name, "PixelData", len(content) - start, length)
    return memoryview(content)[start : start + length], False
