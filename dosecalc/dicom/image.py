"""Where an axial CT image lies; its pixels are not looked at."""

from __future__ import annotations

from dosecalc.dicom.attributes import check_kind, top
from dosecalc.dicom.axes import planes
from dosecalc.dicom.files import DicomFile
from dosecalc.images import ImageSlice

SOP_CLASSES = {"1.2.840.10008.5.1.4.1.1.2": "CT Image Storage"}


def slice_of(file: DicomFile) -> ImageSlice:
    """The plane of an opened CT image."""
    item = top(file)
    check_kind(item, "CT", SOP_CLASSES)
    rows, columns = item.required_count("Rows"), item.required_count("Columns")
    lattice = planes(item, frames=1, rows=rows, columns=columns).lattice
    if lattice.z_mm.size != 1:
        raise item.error("ImageOrientationPatient", expected="an axial image", found="another one")
    return ImageSlice(
        series_uid=item.required_code("SeriesInstanceUID"),
        frame_uid=item.required_code("FrameOfReferenceUID"),
        lattice=lattice,
        source=file.name,
    )
