"""Spatial and Deformable Spatial Registration files of the sample plans, always the same bytes."""

from __future__ import annotations

from dicom_out import Patient, header
from places import Bent, Floats
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

SPATIAL = UID("1.2.840.10008.5.1.4.1.1.66.1")
DEFORMABLE = UID("1.2.840.10008.5.1.4.1.1.66.3")
UNMOVED = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
LONGEST = 16  # characters of a decimal string


def spatial(patient: Patient, uid: UID, source: UID, matrix: Floats, date: str) -> Dataset:
    """Source frame into the patient's: an item that leaves the latter as it is, and one with the matrix."""
    ds = registration(patient, SPATIAL, uid, date)
    ds.RegistrationSequence = Sequence(
        [spatial_item(ds.FrameOfReferenceUID, UNMOVED), spatial_item(source, matrix.ravel().tolist())]
    )
    return ds


def deformable(patient: Patient, uid: UID, source: UID, place: Bent, date: str) -> Dataset:
    """The patient's frame into the source's: from each point of the former to where it was in the latter."""
    ds, item, grid = registration(patient, DEFORMABLE, uid, date), Dataset(), Dataset()
    grid.ImagePositionPatient = [decimal(v) for v in place.grid.first_mm]
    grid.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    grid.GridDimensions, grid.GridResolution = list(place.grid.count), list(place.grid.step_mm)
    grid.VectorGridData = place.vectors_mm().astype("<f4").tobytes()
    item.SourceFrameOfReferenceUID = source
    item.RegistrationTypeCodeSequence = Sequence([])
    item.DeformableRegistrationGridSequence = Sequence([grid])
    item.PreDeformationMatrixRegistrationSequence = Sequence([matrix_item(UNMOVED)])
    after = place.then.matrix.ravel().tolist()
    item.PostDeformationMatrixRegistrationSequence = Sequence([matrix_item(after)])
    ds.DeformableRegistrationSequence = Sequence([item])
    return ds


def registration(patient: Patient, sop_class: UID, uid: UID, date: str) -> Dataset:
    ds = header(patient, sop_class, uid, "REG", date)
    ds.ContentDate, ds.ContentTime = date, "113000"
    ds.InstanceNumber, ds.ContentLabel = "1", "SAMPLE"
    ds.BodyPartExamined = "HEADNECK"  # not paired, so that there is no laterality
    ds.ContentDescription, ds.ContentCreatorName = "", ""
    return ds


def spatial_item(frame: UID, matrix: tuple[float, ...] | list[float]) -> Dataset:
    item, registration = Dataset(), Dataset()
    registration.RegistrationTypeCodeSequence = Sequence([])
    registration.MatrixSequence = Sequence([matrix_item(matrix)])
    item.FrameOfReferenceUID = frame
    item.MatrixRegistrationSequence = Sequence([registration])
    return item


def matrix_item(matrix: tuple[float, ...] | list[float]) -> Dataset:
    item = Dataset()
    item.FrameOfReferenceTransformationMatrixType = "RIGID"
    item.FrameOfReferenceTransformationMatrix = [decimal(v) for v in matrix]
    return item


def decimal(value: float) -> str:
    """A number in as many digits as a decimal string holds."""
    text = f"{round(value, 12) + 0.0:.12f}"[:LONGEST]
    return text.rstrip("0").rstrip(".")
