"""DICOM files of the sample plans: RT Structure Set, RT Plan and RT Dose, always the same bytes."""

from __future__ import annotations

import functools
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from anatomy import Floats, Solid
from book import BEAMS
from fields import Grid, Stored
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    RTDoseStorage,
    RTPlanStorage,
    RTStructureSetStorage,
)

MANUFACTURER = "dosecalc sample plans"
COLOURS = ((230, 60, 60), (240, 150, 40), (70, 140, 230), (60, 180, 90), (160, 100, 200))
CONTOUR_DATA = Tag(0x3006, 0x0050)
METERSET_PER_GY = 120  # monitor units of all beams together


def uid_of(*words: str) -> UID:
    """A UID that depends on the words alone (2.25 and a name-based UUID)."""
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, 'dosecalc sample ' + ' '.join(words)).int}")


@dataclass(frozen=True, kw_only=True)
class Patient:
    """Whose files these are; ``study`` and ``frame`` are words that the UIDs are made from."""

    patient_id: str
    name: str
    study: str
    frame: str


@dataclass(frozen=True, kw_only=True)
class PlanText:
    """What a plan says of itself, apart from its UIDs."""

    label: str
    fractions: int
    fraction_gy: float
    targets: tuple[tuple[str, int, float], ...]  # structure, its ROI Number, prescription in Gy
    date: str
    gantry: tuple[int, ...]  # angle of each beam
    replaces: UID | None = None


def raw_numbers(values: Floats, decimals: int) -> RawDataElement:
    """Contour Data as bytes (fast): no trailing zeros, no negative zero, padded to even length."""
    rounded = np.round(values.ravel(), decimals) + 0.0
    text = "\\".join(f"{v:.{decimals}f}".rstrip("0").rstrip(".") for v in rounded.tolist())
    data = (text + " " * (len(text) % 2)).encode("ascii")
    return RawDataElement(CONTOUR_DATA, "DS", len(data), data, 0, False, True)


def header(patient: Patient, sop_class: UID, uid: UID, modality: str, date: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.FileMetaInformationVersion = b"\x00\x01"
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = uid
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.ImplementationClassUID = uid_of("implementation")
    ds.file_meta.ImplementationVersionName = "DOSECALC_SAMPLE"
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, uid
    ds.InstanceCreationDate, ds.InstanceCreationTime = date, "120000"
    ds.StudyDate, ds.StudyTime = date, "080000"
    ds.Modality, ds.AccessionNumber = modality, ""
    ds.Manufacturer, ds.ManufacturerModelName = MANUFACTURER, "closed form"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "1", "1"
    ds.ReferringPhysicianName = ""
    ds.OperatorsName = ""
    ds.PatientName, ds.PatientID = patient.name, patient.patient_id
    ds.PatientBirthDate, ds.PatientSex = "19600101", "O"
    ds.StudyInstanceUID = uid_of(patient.study, "study")
    ds.SeriesInstanceUID = uid_of(str(uid), "series")
    ds.StudyID, ds.SeriesNumber = "1", "1"
    if modality != "RTRECORD":  # nothing in a record has a place
        ds.FrameOfReferenceUID = uid_of(patient.frame, "frame")
        ds.PositionReferenceIndicator = ""
    return ds


def approve(ds: Dataset, date: str) -> None:
    ds.ApprovalStatus = "APPROVED"
    ds.ReviewDate, ds.ReviewTime, ds.ReviewerName = date, "100000", "Sample^Physicist"


def reference(sop_class: UID, uid: UID) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item


def structure_set(patient: Patient, uid: UID, solids: list[Solid], date: str) -> Dataset:
    """An RT Structure Set; ROI Numbers are 1, 2, ... in the order of ``solids``."""
    ds = header(patient, RTStructureSetStorage, uid, "RTSTRUCT", date)
    ds.InstanceNumber = "1"
    ds.StructureSetLabel = "SAMPLE"
    ds.StructureSetDate, ds.StructureSetTime = date, "090000"
    frame = Dataset()
    frame.FrameOfReferenceUID = ds.FrameOfReferenceUID
    ds.ReferencedFrameOfReferenceSequence = Sequence([frame])
    rois, contours, observations = [], [], []
    for number, solid in enumerate(solids, start=1):
        roi, observation = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = str(number), solid.name
        roi.ReferencedFrameOfReferenceUID = ds.FrameOfReferenceUID
        roi.ROIGenerationAlgorithm = "AUTOMATIC"
        rois.append(roi)
        contours.append(roi_contour(number, solid))
        observation.ObservationNumber = observation.ReferencedROINumber = str(number)
        observation.RTROIInterpretedType, observation.ROIInterpreter = solid.kind, ""
        observations.append(observation)
    ds.StructureSetROISequence = Sequence(rois)
    ds.ROIContourSequence = Sequence(contours)
    ds.RTROIObservationsSequence = Sequence(observations)
    approve(ds, date)
    return ds


@functools.cache
def roi_contour(number: int, solid: Solid) -> Dataset:
    """Most cases have the same solids, and these the same item: nothing in it is of the patient."""
    item, contours = Dataset(), []
    item.ROIDisplayColor = list(COLOURS[number % len(COLOURS)])
    for points in solid.contours():
        contour = Dataset()
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = str(len(points))
        contour[CONTOUR_DATA] = raw_numbers(points, solid.decimals)
        contours.append(contour)
    item.ContourSequence = Sequence(contours)
    item.ReferencedROINumber = str(number)
    return item


def plan(patient: Patient, uid: UID, structures: UID, text: PlanText) -> Dataset:
    """A photon plan of five static beams; each beam gives a fifth of the dose per fraction."""
    ds = header(patient, RTPlanStorage, uid, "RTPLAN", text.date)
    ds.InstanceNumber = "1"
    ds.RTPlanLabel = text.label
    ds.RTPlanDate, ds.RTPlanTime = text.date, "100000"
    ds.PlanIntent, ds.RTPlanGeometry = "CURATIVE", "PATIENT"
    ds.ReferencedStructureSetSequence = Sequence([reference(RTStructureSetStorage, structures)])
    if text.replaces:
        before = reference(RTPlanStorage, text.replaces)
        before.RTPlanRelationship = "PREDECESSOR"
        ds.ReferencedRTPlanSequence = Sequence([before])
    ds.DoseReferenceSequence = Sequence(
        dose_reference(str(uid), i, *target) for i, target in enumerate(text.targets, start=1)
    )
    ds.FractionGroupSequence = Sequence([fraction_group(text)])
    setup = Dataset()
    setup.PatientSetupNumber, setup.PatientPosition = "1", "HFS"
    ds.PatientSetupSequence = Sequence([setup])
    ds.BeamSequence = Sequence(beam(i, angle) for i, angle in enumerate(text.gantry, start=1))
    approve(ds, text.date)
    return ds


def dose_reference(words: str, number: int, name: str, roi: int, gy: float) -> Dataset:
    item = Dataset()
    item.DoseReferenceNumber = str(number)
    item.DoseReferenceUID = uid_of(words, "prescription", str(number))
    item.DoseReferenceStructureType, item.DoseReferenceType = "VOLUME", "TARGET"
    item.DoseReferenceDescription = name
    item.ReferencedROINumber = str(roi)
    item.TargetPrescriptionDose = f"{gy:g}"
    return item


def fraction_group(text: PlanText) -> Dataset:
    group, beams = Dataset(), []
    group.FractionGroupNumber = "1"
    group.NumberOfFractionsPlanned = str(text.fractions)
    group.NumberOfBeams, group.NumberOfBrachyApplicationSetups = str(BEAMS), "0"
    for number in range(1, BEAMS + 1):
        item = Dataset()
        item.ReferencedBeamNumber = str(number)
        item.BeamDose = f"{text.fraction_gy / BEAMS:g}"
        item.BeamMeterset = f"{beam_meterset(text.fraction_gy):g}"
        beams.append(item)
    group.ReferencedBeamSequence = Sequence(beams)
    return group


def beam_meterset(fraction_gy: float) -> float:
    """Monitor units of one beam, of which each gives the same."""
    return METERSET_PER_GY * fraction_gy / BEAMS


def beam(number: int, gantry: int) -> Dataset:
    ds = Dataset()
    ds.BeamNumber, ds.BeamName = str(number), f"G{gantry:03d}"
    ds.BeamType, ds.RadiationType, ds.TreatmentDeliveryType = "STATIC", "PHOTON", "TREATMENT"
    ds.TreatmentMachineName, ds.PrimaryDosimeterUnit = "SAMPLE", "MU"
    ds.Manufacturer, ds.SourceAxisDistance = MANUFACTURER, "1000"
    ds.BeamLimitingDeviceSequence = Sequence([jaws("ASYMX"), jaws("ASYMY")])
    ds.NumberOfWedges = ds.NumberOfCompensators = ds.NumberOfBoli = ds.NumberOfBlocks = "0"
    ds.FinalCumulativeMetersetWeight, ds.NumberOfControlPoints = "1", "2"
    ds.ReferencedPatientSetupNumber = "1"
    last = Dataset()
    last.ControlPointIndex, last.CumulativeMetersetWeight = "1", "1"
    ds.ControlPointSequence = Sequence([first_control_point(gantry), last])
    return ds


def jaws(kind: str) -> Dataset:
    item = Dataset()
    item.RTBeamLimitingDeviceType, item.NumberOfLeafJawPairs = kind, "1"
    return item


def first_control_point(gantry: int) -> Dataset:
    ds, positions = Dataset(), []
    for kind in ("ASYMX", "ASYMY"):
        item = Dataset()
        item.RTBeamLimitingDeviceType, item.LeafJawPositions = kind, ["-30", "30"]
        positions.append(item)
    ds.ControlPointIndex, ds.CumulativeMetersetWeight = "0", "0"
    ds.NominalBeamEnergy, ds.DoseRateSet = "6", "600"
    ds.BeamLimitingDevicePositionSequence = Sequence(positions)
    ds.GantryAngle, ds.GantryRotationDirection = str(gantry), "NONE"
    ds.BeamLimitingDeviceAngle, ds.BeamLimitingDeviceRotationDirection = "0", "NONE"
    ds.PatientSupportAngle, ds.PatientSupportRotationDirection = "0", "NONE"
    ds.TableTopEccentricAngle, ds.TableTopEccentricRotationDirection = "0", "NONE"
    ds.TableTopPitchAngle, ds.TableTopPitchRotationDirection = 0.0, "NONE"
    ds.TableTopRollAngle, ds.TableTopRollRotationDirection = 0.0, "NONE"
    ds.TableTopVerticalPosition = ds.TableTopLongitudinalPosition = ""
    ds.TableTopLateralPosition = ""
    ds.IsocenterPosition = ["0", "0", "0"]
    return ds


def dose(
    patient: Patient, plan_uid: UID, grid: Grid, stored: Stored, date: str, *, beam: int | None = None
) -> Dataset:
    """An RT Dose of a whole plan, or of one of its beams: 16 bits, GY, PHYSICAL, PLAN or BEAM."""
    uid = uid_of("dose of", str(plan_uid)) if beam is None else uid_of("beam", str(beam), "of", str(plan_uid))
    ds = header(patient, RTDoseStorage, uid, "RTDOSE", date)
    ds.ContentDate, ds.ContentTime = date, "110000"
    ds.InstanceNumber = "1"
    (x, y, z), (dx, dy, dz) = grid.first_mm, grid.step_mm
    ds.ImagePositionPatient = [f"{v:g}" for v in (x, y, z)]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.PixelSpacing, ds.SliceThickness = [f"{dy:g}", f"{dx:g}"], f"{dz:g}"
    frames, rows, columns = stored.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.NumberOfFrames, ds.FrameIncrementPointer = str(frames), 0x3004000C
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.DoseUnits, ds.DoseType, ds.DoseSummationType = "GY", "PHYSICAL", "PLAN" if beam is None else "BEAM"
    ds.DoseComment = "closed form, no patient"
    ds.TissueHeterogeneityCorrection = "IMAGE"
    ds.GridFrameOffsetVector = [f"{i * dz:g}" for i in range(frames)]
    ds.DoseGridScaling = f"{grid.unit_gy:g}"
    ds.ReferencedRTPlanSequence = Sequence([reference(RTPlanStorage, plan_uid)])
    if beam is not None:
        ds.ReferencedRTPlanSequence[0].ReferencedFractionGroupSequence = Sequence([group_of(beam)])
    ds.PixelData = stored.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def group_of(beam: int) -> Dataset:
    """The fraction group that a dose of one beam names."""
    group, one = Dataset(), Dataset()
    one.ReferencedBeamNumber = str(beam)
    group.ReferencedFractionGroupNumber, group.ReferencedBeamSequence = "1", Sequence([one])
    return group


def save(ds: Dataset, path: Path) -> None:
    """Write with a preamble. Odd-length pixel data cannot occur: two bytes a voxel."""
    ds.save_as(path, enforce_file_format=True)
