"""Makes synthetic DICOM RT files for tests: in memory, or into a folder.

Each ``make_*`` returns a data set that a test may still change; ``save`` writes it. Sizes, spacings
and positions differ on the three axes, so that a mixed-up axis shows.
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

Floats = npt.NDArray[np.float64]

PLAN_UID, DOSE_UID, STRUCTURES_UID = "1.2.826.0.1.1", "1.2.826.0.1.2", "1.2.826.0.1.3"
RECORD_UID, SUMMARY_UID = "1.2.826.0.1.4", "1.2.826.0.1.5"
FRAME_UID = "1.2.826.0.1.9"

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
BEAMS_RECORD = "1.2.840.10008.5.1.4.1.1.481.4"
RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
BRACHY_RECORD = "1.2.840.10008.5.1.4.1.1.481.6"
SUMMARY_RECORD = "1.2.840.10008.5.1.4.1.1.481.7"
ION_RECORD = "1.2.840.10008.5.1.4.1.1.481.9"

SHAPE_FRAMES_ROWS_COLUMNS = (5, 4, 6)
ROW_SPACING_MM, COLUMN_SPACING_MM, FRAME_SPACING_MM = 2.5, 2.0, 3.0
POSITION_XYZ_MM = (-11.0, 23.5, -40.0)

HEAD_FIRST_SUPINE = (1, 0, 0, 0, 1, 0)
ORIENTATIONS: Mapping[str, tuple[int, ...]] = {
    "HFS": HEAD_FIRST_SUPINE,
    "HFP": (-1, 0, 0, 0, -1, 0),
    "FFS": (-1, 0, 0, 0, 1, 0),
    "FFP": (1, 0, 0, 0, -1, 0),
    "HFDL": (0, -1, 0, 1, 0, 0),
    "HFDR": (0, 1, 0, -1, 0, 0),
    "FFDL": (0, 1, 0, 1, 0, 0),
    "FFDR": (0, -1, 0, -1, 0, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
}
"""Direction cosines of the eight patient positions as planning systems write them, and two more."""


def voxel_centres_xyz_mm(
    *,
    orientation: Sequence[float] = HEAD_FIRST_SUPINE,
    shape: tuple[int, int, int] = SHAPE_FRAMES_ROWS_COLUMNS,
    offsets_mm: Sequence[float] | None = None,
) -> Floats:
    """Centres as PS3.3 C.7.6.2.1.1 and C.8.8.3.2 place them, (frames, rows, columns, 3)."""
    frames, rows, columns = shape
    along_row, along_column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(along_row, along_column)
    offsets = FRAME_SPACING_MM * np.arange(frames) if offsets_mm is None else np.array(offsets_mm)
    k, j, i = np.meshgrid(offsets, np.arange(rows), np.arange(columns), indexing="ij")
    return np.asarray(
        np.array(POSITION_XYZ_MM)
        + i[..., None] * COLUMN_SPACING_MM * along_row
        + j[..., None] * ROW_SPACING_MM * along_column
        + k[..., None] * normal
    )


def linear_dose_gy(xyz_mm: Floats) -> Floats:
    """A dose that tells every point apart: 50 + 0.3 x + 0.05 y + 0.011 z Gy."""
    return np.asarray(50 + xyz_mm @ np.array([0.3, 0.05, 0.011]))


def make_dose(
    *,
    gy: Callable[[Floats], Floats] = linear_dose_gy,
    orientation: Sequence[float] = HEAD_FIRST_SUPINE,
    shape: tuple[int, int, int] = SHAPE_FRAMES_ROWS_COLUMNS,
    offsets_mm: Sequence[float] | None = None,
    absolute_offsets: bool = False,
    dtype: str = "u4",
    scaling_gy: str = "0.0005",
    uid: str = DOSE_UID,
    plan_uids: Sequence[str] = (PLAN_UID,),
    summation: str = "PLAN",
    group_number: int | None = None,
    beam_numbers: Sequence[int] = (),
    frame_uid: str = FRAME_UID,
) -> Dataset:
    """A RT Dose whose voxels hold ``gy`` of their centres in mm of the patient system."""
    frames, rows, columns = shape
    offsets = [FRAME_SPACING_MM * n for n in range(frames)] if offsets_mm is None else offsets_mm
    centres_xyz_mm = voxel_centres_xyz_mm(orientation=orientation, shape=shape, offsets_mm=offsets)
    dose = _basic("RTDOSE", RT_DOSE, uid)
    dose.FrameOfReferenceUID = frame_uid
    dose.Rows, dose.Columns, dose.NumberOfFrames = rows, columns, frames
    dose.PixelSpacing = [ROW_SPACING_MM, COLUMN_SPACING_MM]
    dose.ImagePositionPatient = list(POSITION_XYZ_MM)
    dose.ImageOrientationPatient = list(orientation)
    z_mm = centres_xyz_mm[:, 0, 0, 2]
    dose.GridFrameOffsetVector = [float(z) for z in z_mm] if absolute_offsets else list(offsets)
    dose.FrameIncrementPointer = 0x3004000C
    kind = np.dtype(dtype)
    dose.SamplesPerPixel, dose.PhotometricInterpretation = 1, "MONOCHROME2"
    dose.BitsAllocated = dose.BitsStored = 8 * kind.itemsize
    dose.HighBit, dose.PixelRepresentation = 8 * kind.itemsize - 1, int(kind.kind == "i")
    dose.DoseUnits, dose.DoseType, dose.DoseSummationType = "GY", "PHYSICAL", summation
    dose.DoseGridScaling = scaling_gy
    dose.ReferencedRTPlanSequence = [
        _plan_reference(plan_uid, group_number, beam_numbers) for plan_uid in plan_uids
    ]
    stored = np.rint(gy(centres_xyz_mm) / float(scaling_gy))
    dose.PixelData = stored.astype(kind.newbyteorder("<")).tobytes()
    return dose


def _plan_reference(plan_uid: str, group_number: int | None, beam_numbers: Sequence[int]) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = RT_PLAN, plan_uid
    if group_number is not None or beam_numbers:
        group = Dataset()
        group.ReferencedFractionGroupNumber = 1 if group_number is None else group_number
        if beam_numbers:
            group.ReferencedBeamSequence = [_item(ReferencedBeamNumber=n) for n in beam_numbers]
        reference.ReferencedFractionGroupSequence = [group]
    return reference


def make_plan(
    *,
    fractions: int | None = 28,
    prescription_gy: str = "56",
    target_roi: int | None = 1,
    beam_doses_gy: Sequence[str] = ("1.25", "0.75"),
    label: str = "definitive",
    uid: str = PLAN_UID,
    structures_uid: str = STRUCTURES_UID,
) -> Dataset:
    """A RT Plan of one fraction group, with a setup beam after its treatment beams."""
    plan = _basic("RTPLAN", RT_PLAN, uid)
    plan.FrameOfReferenceUID = FRAME_UID
    plan.RTPlanLabel, plan.RTPlanDate, plan.RTPlanTime = label, "20240102", "090000"
    plan.RTPlanGeometry, plan.PlanIntent, plan.ApprovalStatus = "PATIENT", "CURATIVE", "APPROVED"
    reference = _item(
        DoseReferenceNumber=1,
        DoseReferenceStructureType="SITE" if target_roi is None else "VOLUME",
        DoseReferenceType="TARGET",
        TargetPrescriptionDose=prescription_gy,
    )
    if target_roi is not None:
        reference.ReferencedROINumber = target_roi
    plan.DoseReferenceSequence = [reference]
    setup = len(beam_doses_gy) + 1
    beams = [
        _item(ReferencedBeamNumber=n, BeamDose=dose, BeamMeterset=f"{100 + n}.5")
        for n, dose in enumerate(beam_doses_gy, start=1)
    ]
    plan.FractionGroupSequence = [
        _item(
            FractionGroupNumber=1,
            NumberOfFractionsPlanned=fractions,
            NumberOfBeams=setup,
            NumberOfBrachyApplicationSetups=0,
            ReferencedBeamSequence=[*beams, _item(ReferencedBeamNumber=setup)],
        )
    ]
    plan.BeamSequence = [
        _item(BeamNumber=n, TreatmentDeliveryType="SETUP" if n == setup else "TREATMENT")
        for n in range(1, setup + 1)
    ]
    plan.ReferencedStructureSetSequence = [
        _item(ReferencedSOPClassUID=RT_STRUCTURE_SET, ReferencedSOPInstanceUID=structures_uid)
    ]
    return plan


def make_record(
    *,
    plan_uid: str = PLAN_UID,
    uid: str = RECORD_UID,
    fraction: int | None = 1,
    beams: Sequence[tuple[int | None, str | None, str | None]] = ((1, "100", "100"), (2, "80", "80")),
    kind: str = "TREATMENT",
    date: str = "20260105",
    time: str = "101500",
    group: int | None = 1,
    ended: str = "NORMAL",
    fractions_planned: int = 28,
    sop_class: str = BEAMS_RECORD,
) -> Dataset:
    """A RT Beams Treatment Record, or a RT Ion one, with every attribute of type 1 and 2.

    ``beams`` are (number, specified, delivered meterset); what is None is absent. The beams begin a
    minute after each other, the first a minute after ``time``, and take 30 s.
    """
    record = _record(sop_class, uid, plan_uid, date, time)
    if group is not None:
        record.ReferencedFractionGroupNumber = group
    record.NumberOfFractionsPlanned = fractions_planned
    record.PrimaryDosimeterUnit = "MU"
    sequence = (
        "TreatmentSessionIonBeamSequence" if sop_class == ION_RECORD else "TreatmentSessionBeamSequence"
    )
    delivered = [
        _delivered_beam(
            number, specified, given, start=(date, _later(time, seconds=60 * n)), ion=sop_class == ION_RECORD
        )
        for n, (number, specified, given) in enumerate(beams, start=1)
    ]
    for beam in delivered:
        beam.CurrentFractionNumber = fraction
        beam.TreatmentDeliveryType, beam.TreatmentTerminationStatus = kind, ended
    setattr(record, sequence, delivered)
    return record


def make_summary(
    *,
    plan_uid: str = PLAN_UID,
    uid: str = SUMMARY_UID,
    status: str = "ON_TREATMENT",
    planned: int | None = 28,
    given: Sequence[tuple[int | None, str, str, str]] = (
        (1, "20260105", "101500", "NORMAL"),
        (2, "20260106", "111500", "OPERATOR"),
    ),
    group: int | None = 1,
) -> Dataset:
    """A RT Treatment Summary Record of one fraction group; ``given`` are (fraction, date, time, ended)."""
    first, last = (given[0], given[-1]) if given else ((0, "", "", ""),) * 2
    summary = _record(SUMMARY_RECORD, uid, plan_uid, last[1], last[2])
    summary.CurrentTreatmentStatus = status
    summary.FirstTreatmentDate, summary.MostRecentTreatmentDate = first[1], last[1]
    of_group = _item(
        FractionGroupType="EXTERNAL_BEAM",
        NumberOfFractionsPlanned=planned,
        NumberOfFractionsDelivered=len(given),
    )
    if group is not None:
        of_group.ReferencedFractionGroupNumber = group
    if given:
        of_group.FractionStatusSummarySequence = [
            _item(
                ReferencedFractionNumber=number,
                TreatmentDate=date,
                TreatmentTime=time,
                TreatmentTerminationStatus=ended,
            )
            for number, date, time, ended in given
        ]
    summary.FractionGroupSummarySequence = [of_group]
    return summary


def _record(sop_class: str, uid: str, plan_uid: str, date: str, time: str) -> Dataset:
    """What all treatment records have: patient, study, equipment, plan and day."""
    record = _basic("RTRECORD", sop_class, uid)
    record.PatientBirthDate, record.PatientSex = "", ""
    record.StudyTime, record.StudyID = "080000", "1"
    record.AccessionNumber, record.ReferringPhysicianName = "", ""
    record.SeriesNumber, record.OperatorsName = 1, ""
    record.InstanceNumber = 1
    record.TreatmentDate, record.TreatmentTime = date, time
    record.ReferencedRTPlanSequence = (
        [_item(ReferencedSOPClassUID=RT_PLAN, ReferencedSOPInstanceUID=plan_uid)] if plan_uid else []
    )
    if sop_class != SUMMARY_RECORD:
        record.TreatmentMachineSequence = [
            _item(
                TreatmentMachineName="LINAC1",
                Manufacturer="synthetic",
                InstitutionName="",
                ManufacturerModelName="",
                DeviceSerialNumber="",
            )
        ]
    return record


def _delivered_beam(
    number: int | None, specified: str | None, delivered: str | None, *, start: tuple[str, str], ion: bool
) -> Dataset:
    beam = _item(
        BeamType="STATIC",
        RadiationType="PROTON" if ion else "PHOTON",
        TreatmentVerificationStatus="",
        NumberOfWedges=0,
        NumberOfCompensators=0,
        NumberOfBoli=0,
        NumberOfBlocks=0,
        NumberOfControlPoints=2,
    )
    for keyword, value in [
        ("ReferencedBeamNumber", number),
        ("SpecifiedPrimaryMeterset", specified),
        ("DeliveredPrimaryMeterset", delivered),
    ]:
        if value is not None:
            setattr(beam, keyword, value)
    date, time = start
    points = [
        _item(
            ReferencedControlPointIndex=n,
            TreatmentControlPointDate=date,
            TreatmentControlPointTime=_later(time, seconds=30 * n),
            SpecifiedMeterset=(specified or "0") if n else "0",
            DeliveredMeterset=(delivered or "0") if n else "0",
        )
        for n in (0, 1)
    ]
    if ion:
        beam.BeamName, beam.ScanMode, beam.PatientSupportType = f"beam {number}", "NONE", "TABLE"
        beam.NumberOfRangeShifters = beam.NumberOfLateralSpreadingDevices = beam.NumberOfRangeModulators = 0
        beam.IonControlPointDeliverySequence = points
    else:
        beam.BeamLimitingDeviceLeafPairsSequence = [
            _item(RTBeamLimitingDeviceType=kind, NumberOfLeafJawPairs=1) for kind in ("X", "Y")
        ]
        for point in points:
            point.DoseRateSet, point.DoseRateDelivered = "600", "598"
        beam.ControlPointDeliverySequence = points
    return beam


def _later(time: str, *, seconds: int) -> str:
    """A time of day some seconds after another, both as DICOM writes them."""
    hours, minutes, rest = (int(time.ljust(6, "0")[n : n + 2]) for n in (0, 2, 4))
    total = 3600 * hours + 60 * minutes + rest + seconds
    return f"{total // 3600 % 24:02}{total // 60 % 60:02}{total % 60:02}"


def square(z_mm: float, *, half_mm: float = 5.0) -> list[float]:
    """The corners of a square about (0, 0) in the plane of ``z_mm``, as ContourData holds them."""
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return [float(v) for x, y in corners for v in (half_mm * x, half_mm * y, z_mm)]


def make_structures(
    *,
    rois: Mapping[int, str] | Sequence[tuple[int, str]] = ((1, "PTV"), (2, "SpinalCord")),
    contours: Mapping[int, Sequence[Sequence[float] | str]] | None = None,
    geometric_type: str = "CLOSED_PLANAR",
    uid: str = STRUCTURES_UID,
    frame_uid: str = FRAME_UID,
) -> Dataset:
    """A RT Structure Set; without ``contours`` each ROI is three squares, 3 mm apart.

    A contour is a flat list of coordinates, or ContourData as text.
    """
    listed = list(rois.items() if isinstance(rois, Mapping) else rois)
    if contours is None:
        contours = {number: [square(z) for z in (-3.0, 0.0, 3.0)] for number, _ in listed}
    made = _basic("RTSTRUCT", RT_STRUCTURE_SET, uid)
    made.StructureSetLabel, made.StructureSetDate, made.StructureSetTime = "set", "20240101", "0800"
    made.ReferencedFrameOfReferenceSequence = [_item(FrameOfReferenceUID=frame_uid)]
    made.StructureSetROISequence = [
        _item(ROINumber=number, ReferencedFrameOfReferenceUID=frame_uid, ROIName=name)
        for number, name in listed
    ]
    made.ROIContourSequence = [
        _item(
            ReferencedROINumber=number,
            ContourSequence=[_contour(points, geometric_type) for points in of_roi],
        )
        for number, of_roi in contours.items()
    ]
    made.RTROIObservationsSequence = [
        _item(ObservationNumber=n, ReferencedROINumber=number, RTROIInterpretedType="ORGAN")
        for n, (number, _) in enumerate(listed, start=1)
    ]
    return made


def _contour(points: Sequence[float] | str, geometric_type: str) -> Dataset:
    if isinstance(points, str):
        text, count = points, None
    else:
        text, count = "\\".join(repr(float(v)) for v in points), len(points) // 3
    contour = _item(ContourGeometricType=geometric_type)
    if count is not None:
        contour.NumberOfContourPoints = count
    # Ready text: writing numbers one by one takes ten times as long.
    set_text(contour, "ContourData", text)
    return contour


def as_bytes(dataset: Dataset, *, syntax: str = str(ExplicitVRLittleEndian), preamble: bool = True) -> bytes:
    """The file that holds a data set; without ``preamble`` no meta information either."""
    dataset = _encoded(dataset, syntax)
    little = syntax != ExplicitVRBigEndian
    buffer = io.BytesIO()
    if not preamble:
        implicit = not syntax.startswith("1.2.840.10008.1.2.")
        dcmwrite(buffer, dataset, implicit_vr=implicit, little_endian=little)
        return buffer.getvalue()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", RT_DOSE)
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3")
    meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta = meta
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def set_text(dataset: Dataset, keyword: str, text: str) -> None:
    """Sets a text attribute to text as it is, unchecked, such as a number that is none."""
    tag = Tag(keyword)
    dataset[tag] = DataElement(tag, dictionary_VR(tag), text, already_converted=True)


def with_transfer_syntax(content: bytes, uid: bytes) -> bytes:
    """The same file under another transfer syntax, its pixels as they were."""
    tag = b"\x02\x00\x10\x00UI"
    at = content.index(tag)
    length = struct.unpack("<H", content[at + 6 : at + 8])[0]
    value = uid + b"\0" * (len(uid) % 2)
    group = content.index(b"\x02\x00\x00\x00UL\x04\x00") + 8
    total = struct.unpack("<L", content[group : group + 4])[0] + len(value) - length
    head = content[:group] + struct.pack("<L", total) + content[group + 4 : at]
    return head + tag + struct.pack("<H", len(value)) + value + content[at + 8 + length :]


def save(
    dataset: Dataset, path: Path, *, syntax: str = str(ExplicitVRLittleEndian), preamble: bool = True
) -> Path:
    """Writes a data set, and returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_bytes(dataset, syntax=syntax, preamble=preamble))
    return path


def save_case(folder: Path) -> Path:
    """A plan, its dose and its structure set in a folder."""
    save(make_plan(), folder / "RP.dcm")
    save(make_dose(), folder / "RD.dcm")
    save(make_structures(), folder / "RS.dcm")
    return folder


def _encoded(dataset: Dataset, syntax: str) -> Dataset:
    """The data set with its pixels as the transfer syntax wants them."""
    copied = Dataset()
    copied.update(dataset)
    if "PixelData" not in copied:
        return copied
    size = copied.BitsAllocated // 8
    if syntax == ExplicitVRBigEndian:
        numbers = np.frombuffer(copied.PixelData, dtype=f"<u{size}")
        copied.PixelData = numbers.astype(f">u{size}").tobytes()
    if syntax == RLELossless:
        frame_bytes, pixels = copied.Rows * copied.Columns * size, bytes(copied.PixelData)
        frames = [
            _rle_frame(pixels[at : at + frame_bytes], size) for at in range(0, len(pixels), frame_bytes)
        ]
        copied.PixelData = encapsulate(frames)
        copied["PixelData"].is_undefined_length = True
    copied["PixelData"].VR = "OW" if syntax != RLELossless else "OB"
    return copied


def _rle_frame(pixels: bytes, size: int) -> bytes:
    """One frame as PS3.5 annex G has it: run-length coded byte planes, most significant first.

    pydicom encodes no 32 bits, though it decodes them.
    """
    segments = [_rle_segment(pixels[size - 1 - n :: size]) for n in range(size)]
    starts = [64 + sum(map(len, segments[:n])) for n in range(size)]
    header = struct.pack("<16L", size, *starts, *[0] * (15 - size))
    return header + b"".join(segments)


def _rle_segment(values: bytes) -> bytes:
    """Runs of equal bytes as such, all else byte by byte; padded to an even length."""
    coded = bytearray()
    for value, run in itertools.groupby(values):
        length = len(list(run))
        while length:
            part = min(length, 128)
            coded += bytes([0 if part == 1 else 257 - part, value])
            length -= part
    return bytes(coded) + b"\x80" * (len(coded) % 2)


def _basic(modality: str, sop_class: str, uid: str) -> Dataset:
    return _item(
        SpecificCharacterSet="ISO_IR 192",
        InstanceCreationDate="20240103",
        InstanceCreationTime="101112",
        SOPClassUID=sop_class,
        SOPInstanceUID=uid,
        StudyDate="20240101",
        Modality=modality,
        Manufacturer="synthetic",
        PatientName="Doe^Jane",
        PatientID="P-1",
        StudyInstanceUID="1.2.826.0.1.7",
        SeriesInstanceUID=f"{uid}.1",
    )


def _item(**attributes: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset
