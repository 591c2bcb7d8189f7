"""RT Structure Set: regions of interest and their contours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dosecalc.dicom.attributes import Item, check_kind, top
from dosecalc.dicom.files import DicomFile, open_dicom, read_bytes
from dosecalc.errors import DicomError
from dosecalc.structures import Contour, Structure, StructureSet

SOP_CLASSES = {"1.2.840.10008.5.1.4.1.1.481.3": "RT Structure Set"}

_CLOSED = "CLOSED"
"""How the geometric types of closed contours begin: CLOSED_PLANAR, CLOSEDPLANAR_XOR."""

_FEWEST_POINTS_OF_A_CLOSED_CONTOUR = 3

_PLANE_DECIMALS = 3
"""Contours whose z agrees to this many decimals of a mm lie in one plane."""


def read_structures(path: Path | str) -> StructureSet:
    """A RT Structure Set file.

    Parameters
    ----------
    path : the file; its name and its transfer syntax do not matter

    Returns
    -------
    structures in file order, contour points in mm of the patient system. A structure whose contours
    cannot be trusted has none, and its ``problem`` says why; the others stay usable.

    Raises
    ------
    InputError : if there is no such file, or it is not DICOM.
    DicomError : if it is no RT Structure Set, or broken as a whole.

    Examples
    --------
    >>> read_structures("nowhere.dcm")
    Traceback (most recent call last):
    dosecalc.errors.InputError: nowhere.dcm: expected a file, found nothing of that name
    """
    name = Path(path).as_posix()
    return structures_of(open_dicom(read_bytes(Path(path), name), name))


def structures_of(file: DicomFile) -> StructureSet:
    """The structure set of an opened file."""
    item = top(file)
    check_kind(item, "RTSTRUCT", SOP_CLASSES)
    uid = item.required_code("SOPInstanceUID")
    rois = _required_items(item, "StructureSetROISequence")
    contours = _by_roi(_required_items(item, "ROIContourSequence"), "ReferencedROINumber")
    types = _interpreted_types(item)
    numbers = [roi.required_integer("ROINumber") for roi in rois]
    structures = tuple(
        _structure(
            roi,
            number,
            contours.get(number, []),
            repeated=numbers.count(number) > 1,
            interpreted_type=types.get(number, ""),
            common_frame_uid=_common_frame_uid(item),
        )
        for roi, number in zip(rois, numbers, strict=True)
    )
    unknown = sorted(set(contours) - set(numbers))
    slice_mm = _usual_plane_spacing_mm(structures)
    return StructureSet(
        structures=tuple(replace(structure, slice_mm=slice_mm) for structure in structures),
        uid=uid,
        label=item.text("StructureSetLabel"),
        source=file.name,
        problems=tuple(
            f"{file.name}: ROIContourSequence: expected ROI Numbers of StructureSetROISequence, "
            f"found {number}; its contours are not used"
            for number in unknown
        ),
    )


def _required_items(item: Item, keyword: str) -> tuple[Item, ...]:
    items = item.items(keyword)
    if not items:
        raise item.error(keyword, expected="at least one item", found=item.nothing(keyword))
    return items


def _by_roi(items: tuple[Item, ...], keyword: str) -> dict[int, list[Item]]:
    found: dict[int, list[Item]] = {}
    for item in items:
        found.setdefault(item.required_integer(keyword), []).append(item)
    return found


def _interpreted_types(item: Item) -> dict[int, str]:
    """RTROIInterpretedType by ROI Number; of several observations the first that states one."""
    found: dict[int, str] = {}
    for observation in item.items("RTROIObservationsSequence"):
        number = observation.required_integer("ReferencedROINumber")
        stated = observation.code("RTROIInterpretedType")
        if not found.get(number):
            found[number] = stated
    return found


def _common_frame_uid(item: Item) -> str:
    """The frame of a structure set as a whole; empty where it names none or several."""
    frames = item.items("ReferencedFrameOfReferenceSequence")
    uids = {frame.code("FrameOfReferenceUID") for frame in frames}
    return uids.pop() if len(uids) == 1 else item.code("FrameOfReferenceUID") if not uids else ""


def _structure(
    roi: Item,
    number: int,
    contours: list[Item],
    *,
    repeated: bool,
    interpreted_type: str,
    common_frame_uid: str,
) -> Structure:
    name = roi.text("ROIName")
    frame_uid = roi.code("ReferencedFrameOfReferenceUID") or common_frame_uid
    problem = ""
    points: tuple[Contour, ...] = ()
    try:
        if repeated:
            raise roi.error("ROINumber", expected="each number once", found=f"{number} again")
        if not frame_uid:
            keyword = "ReferencedFrameOfReferenceUID"
            raise roi.error(keyword, expected="a UID", found=roi.nothing(keyword))
        if len(contours) > 1:
            raise contours[1].error(
                "ReferencedROINumber", expected="each number once", found=f"{number} again"
            )
        points = _contours(contours[0]) if contours else ()
    except DicomError as error:
        problem = f"ROI {number}: {error}"
    return Structure(
        number=number,
        name=name,
        frame_uid=frame_uid,
        contours=points,
        interpreted_type=interpreted_type,
        problem=problem,
    )


def _usual_plane_spacing_mm(structures: tuple[Structure, ...]) -> float | None:
    """The spacing that half of the contoured length lies in, over all structures; None without any.

    The plain median would be misled by contours that lie a little off their planes.
    """
    spacings_mm: list[float] = []
    for structure in structures:
        z_mm = {
            round(float(contour.points_xyz_mm[0, 2]), _PLANE_DECIMALS)
            for contour in structure.contours
            if contour.geometric_type.startswith(_CLOSED)
        }
        spacings_mm.extend(np.diff(sorted(z_mm)).tolist())
    if not spacings_mm:
        return None
    ascending = np.sort(spacings_mm)
    return float(ascending[np.searchsorted(np.cumsum(ascending), ascending.sum() / 2)])


def _contours(item: Item) -> tuple[Contour, ...]:
    return tuple(_contour(contour) for contour in item.items("ContourSequence"))


def _contour(item: Item) -> Contour:
    geometric_type = item.required_code("ContourGeometricType")
    points_xyz_mm = _points(item)
    stated = item.integer("NumberOfContourPoints")
    if stated is not None and stated != len(points_xyz_mm):
        raise item.error(
            "ContourData",
            expected=f"{stated} points (NumberOfContourPoints)",
            found=str(len(points_xyz_mm)),
        )
    closed = geometric_type.startswith(_CLOSED)
    if closed and len(points_xyz_mm) < _FEWEST_POINTS_OF_A_CLOSED_CONTOUR:
        raise item.error(
            "ContourData",
            expected=f"{_FEWEST_POINTS_OF_A_CLOSED_CONTOUR} points or more in a closed contour",
            found=str(len(points_xyz_mm)),
        )
    return Contour(points_xyz_mm=points_xyz_mm, geometric_type=geometric_type)


def _points(item: Item) -> npt.NDArray[np.float64]:
    """The points of a contour, shape (n, 3), straight from the bytes of the element.

    pydicom makes an object of every number: ten times slower, and 700 MB for 500,000 points.
    """
    keyword = "ContourData"
    raw = item.raw(keyword)
    if not raw:
        raise item.error(keyword, expected="points", found=item.nothing(keyword))
    try:
        # Python's digit separator and NULs within a number are no DICOM, but numpy lets them pass.
        numbers = np.array([] if b"_" in raw or b"\0" in raw else raw.split(b"\\"), dtype=np.float64)
    except ValueError:
        numbers = np.array([])
    if not (numbers.size and np.all(np.isfinite(numbers))):
        raise item.error(keyword, expected="finite numbers", found="other text")
    if numbers.size % 3:
        raise item.error(keyword, expected="a multiple of 3 numbers", found=str(numbers.size))
    return numbers.reshape(-1, 3)
