"""RT Dose: pixels, scaling, position, and what the dose is the dose of."""

from __future__ import annotations

import math
from pathlib import Path

from dosecalc.dicom.attributes import Item, check_kind, timestamp, top
from dosecalc.dicom.axes import planes
from dosecalc.dicom.files import DicomFile, open_dicom, read_bytes
from dosecalc.dicom.pixels import stored_numbers
from dosecalc.doses import (
    Beams,
    DoseGrid,
    DoseType,
    FractionGroup,
    Holds,
    OneSession,
    SeveralPlans,
    Unstated,
    WholePlan,
)

SOP_CLASSES = {"1.2.840.10008.5.1.4.1.1.481.2": "RT Dose"}


def read_dose(path: Path | str) -> DoseGrid:
    """A RT Dose file as a dose grid in patient axes.

    Parameters
    ----------
    path : the file; its name and its transfer syntax do not matter

    Returns
    -------
    grid with voxel centres in mm of the patient system, ``stored * scaling_gy`` in Gy

    Raises
    ------
    InputError : if there is no such file, or it is not DICOM.
    DicomError : if it is no RT Dose in Gy, oblique, inconsistent or broken.

    Notes
    -----
    A FRACTION dose that names no fraction group is read as ``FractionGroup(number=None)``. A file
    without UIDs, DoseType or DoseSummationType is read too (empty, ``DoseType.UNSTATED``,
    ``Unstated()``): its numbers and positions are sound, but what it is the dose of is not known.
    `read_folder` does not use such a file.

    Examples
    --------
    >>> read_dose("nowhere.dcm")
    Traceback (most recent call last):
    dosecalc.errors.InputError: nowhere.dcm: expected a file, found nothing of that name
    """
    name = Path(path).as_posix()
    return dose_of(open_dicom(read_bytes(Path(path), name), name))


def linked_dose_of(file: DicomFile) -> DoseGrid:
    """The dose grid of an opened file that says what it is, as a case needs it."""
    item = top(file)
    check_kind(item, "RTDOSE", SOP_CLASSES)
    for keyword in ("SOPInstanceUID", "FrameOfReferenceUID", "DoseType", "DoseSummationType"):
        item.required_code(keyword)
    return dose_of(file)


def dose_of(file: DicomFile) -> DoseGrid:
    """The dose grid of an opened file."""
    item = top(file)
    check_kind(item, "RTDOSE", SOP_CLASSES)
    dose_type = _dose_type(item)
    plan_uids, holds = _meaning(item)
    scaling_gy = _scaling(item)
    rows, columns = (_positive_count(item, keyword) for keyword in ("Rows", "Columns"))
    frames = item.integer("NumberOfFrames") if item.has("NumberOfFrames") else 1
    if frames is None or frames < 1:
        found = item.nothing("NumberOfFrames") if frames is None else str(frames)
        raise item.error("NumberOfFrames", expected="1 or more", found=found)
    where = planes(item, frames=frames, rows=rows, columns=columns)
    stored = where.arrange(stored_numbers(file, item, (frames, rows, columns)))
    if stored.dtype.kind == "i" and stored.min() < 0:
        raise item.error("PixelData", expected="doses of 0 or more", found=str(stored.min()))
    return DoseGrid(
        uid=item.code("SOPInstanceUID"),
        frame_uid=item.code("FrameOfReferenceUID"),
        lattice=where.lattice,
        stored=stored,
        scaling_gy=scaling_gy,
        dose_type=dose_type,
        holds=holds,
        plan_uids=plan_uids,
        created=timestamp(item, "InstanceCreationDate", "InstanceCreationTime")
        or timestamp(item, "ContentDate", "ContentTime"),
        made_by=_made_by(item),
        source=file.name,
    )


def _made_by(item: Item) -> str:
    """The system that computed the dose and how it treats heterogeneity, where the file says."""
    words = [
        item.text(keyword)
        for keyword in ("Manufacturer", "ManufacturerModelName", "SoftwareVersions")
        if item.has(keyword)
    ]
    if item.has("TissueHeterogeneityCorrection"):
        words.append(f"heterogeneity {item.text('TissueHeterogeneityCorrection')}")
    return " ".join(w for w in words if w)


def _dose_type(item: Item) -> DoseType:
    units = item.required_code("DoseUnits")
    if units != "GY":
        raise item.error("DoseUnits", expected="GY", found=units)
    match item.code("DoseType"):
        case "PHYSICAL":
            return DoseType.PHYSICAL
        case "EFFECTIVE":
            return DoseType.EFFECTIVE
        case "":
            return DoseType.UNSTATED
        case found:
            raise item.error("DoseType", expected="PHYSICAL or EFFECTIVE", found=found)


def _scaling(item: Item) -> float:
    value = item.decimal("DoseGridScaling")
    if value is None:
        found = item.nothing("DoseGridScaling")
        raise item.error("DoseGridScaling", expected="a number above 0", found=found)
    scaling_gy = float(value)
    if not (scaling_gy > 0 and math.isfinite(scaling_gy)):
        raise item.error("DoseGridScaling", expected="a number above 0", found=str(value))
    for keyword, identity in (("RescaleSlope", 1), ("RescaleIntercept", 0)):
        other = item.decimal(keyword)
        if other is not None and other != identity:
            expected = f"none beside DoseGridScaling, or {identity}"
            raise item.error(keyword, expected=expected, found=str(other))
    return scaling_gy


def _positive_count(item: Item, keyword: str) -> int:
    count = item.required_count(keyword)
    if count < 1:
        raise item.error(keyword, expected="1 or more", found=str(count))
    return count


def _meaning(item: Item) -> tuple[tuple[str, ...], Holds]:
    """The plans of a dose, and which part of their treatment it is."""
    references = item.items("ReferencedRTPlanSequence")
    plan_uids = tuple(plan.required_code("ReferencedSOPInstanceUID") for plan in references)
    kind = item.code("DoseSummationType")
    if kind == "MULTI_PLAN":
        return plan_uids, SeveralPlans()
    if len(references) > 1:
        raise item.error(
            "ReferencedRTPlanSequence",
            expected=f"one plan for DoseSummationType {kind or 'not stated'}",
            found=str(len(references)),
        )
    match kind:
        case "":
            return plan_uids, Unstated()
        case "PLAN":
            return plan_uids, WholePlan()
        case "FRACTION":
            return plan_uids, FractionGroup(number=_group_number(references))
        case "FRACTION_SESSION":
            return plan_uids, OneSession(group_number=_group_number(references))
        case "BEAM" | "BEAM_SESSION":
            numbers = _beam_numbers(item, references)
            return plan_uids, Beams(numbers=numbers, one_session=kind == "BEAM_SESSION")
    expected = "PLAN, FRACTION, FRACTION_SESSION, BEAM, BEAM_SESSION or MULTI_PLAN"
    raise item.error("DoseSummationType", expected=expected, found=kind)


def _group_number(references: tuple[Item, ...]) -> int | None:
    """The fraction group that a dose names, None where it names none."""
    if not references:
        return None
    plan = references[0]
    groups = plan.items("ReferencedFractionGroupSequence")
    if len(groups) > 1:
        raise plan.error("ReferencedFractionGroupSequence", expected="one group", found=str(len(groups)))
    return groups[0].required_integer("ReferencedFractionGroupNumber") if groups else None


def _beam_numbers(item: Item, references: tuple[Item, ...]) -> tuple[int, ...]:
    beams = [
        beam.required_integer("ReferencedBeamNumber")
        for plan in references
        for group in plan.items("ReferencedFractionGroupSequence")
        for beam in group.items("ReferencedBeamSequence")
    ]
    if not beams or len(set(beams)) != len(beams):
        raise item.error(
            "ReferencedRTPlanSequence item 1, ReferencedBeamSequence",
            expected="each beam of this dose once",
            found=", ".join(map(str, beams)) or "none",
        )
    return tuple(beams)
