"""A case of clinical size, always the same: structure set, plans and doses as DICOM files.

``python clinical_case.py FOLDER`` writes it; ``cached(CLINICAL)`` gives a folder that holds it, made once
per version of these files. Needs numpy and pydicom alone.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clinical_doses import COARSE, COURSES, FINE, PLANNING, PLANNING_16, Grid, course_gy
from clinical_shapes import Floats
from clinical_structures import DECIMALS, POINTS, regions
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    ImplicitVRLittleEndian,
    RTDoseStorage,
    RTPlanStorage,
    RTStructureSetStorage,
)

CONTOUR_DATA = Tag(0x3006, 0x0050)
DATE = "20240102"


@dataclass(frozen=True, kw_only=True)
class CaseSpec:
    """What to make: contour points in all, how often each structure occurs, and one grid a course."""

    points: int = POINTS
    copies: int = 1
    grids: tuple[Grid, ...] = (PLANNING, PLANNING_16)


CLINICAL = CaseSpec()
"""Two courses, each with a dose of 220 x 160 x 150."""
LARGE = CaseSpec(grids=(PLANNING, FINE))
"""The second course with a dose of 512 x 512 x 200."""
QUICK = CaseSpec(points=12_000, grids=(COARSE, COARSE))


def uid_of(*words: object) -> UID:
    """A UID that depends on the words alone."""
    return UID(
        f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, ' '.join(['dosecalc benchmark', *map(str, words)])).int}"
    )


def _item(**attributes: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def _header(modality: str, sop_class: UID, uid: UID) -> Dataset:
    header = _item(
        SpecificCharacterSet="ISO_IR 192",
        InstanceCreationDate=DATE,
        InstanceCreationTime="120000",
        SOPClassUID=sop_class,
        SOPInstanceUID=uid,
        StudyDate=DATE,
        StudyTime="080000",
        AccessionNumber="",
        Modality=modality,
        Manufacturer="dosecalc benchmark",
        ReferringPhysicianName="",
        PatientName="Benchmark^Clinical",
        PatientID="BENCHMARK",
        PatientBirthDate="19600101",
        PatientSex="O",
        StudyInstanceUID=uid_of("study"),
        SeriesInstanceUID=uid_of("series", uid),
        StudyID="1",
        SeriesNumber=1,
        InstanceNumber=1,
        FrameOfReferenceUID=uid_of("frame"),
        PositionReferenceIndicator="",
        OperatorsName="",
    )
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = sop_class
    header.file_meta.MediaStorageSOPInstanceUID = uid
    # The explicit syntax has no room for contours of more than 64 kB.
    header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return header


def _reference(sop_class: UID, uid: UID) -> Dataset:
    return _item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid)


def structure_set(spec: CaseSpec) -> Dataset:
    """The RT Structure Set of a case."""
    made = _header("RTSTRUCT", RTStructureSetStorage, uid_of("structures"))
    made.StructureSetLabel, made.StructureSetDate, made.StructureSetTime = "BENCHMARK", DATE, "090000"
    frame = made.FrameOfReferenceUID
    made.ReferencedFrameOfReferenceSequence = Sequence([_item(FrameOfReferenceUID=frame)])
    listed = regions(spec.points, copies=spec.copies)
    made.StructureSetROISequence = Sequence(
        _item(
            ROINumber=r.number,
            ReferencedFrameOfReferenceUID=frame,
            ROIName=r.name,
            ROIGenerationAlgorithm="SEMIAUTOMATIC",
        )
        for r in listed
    )
    made.ROIContourSequence = Sequence(
        _item(
            ROIDisplayColor=[(37 * r.number) % 256, (101 * r.number) % 256, (173 * r.number) % 256],
            ReferencedROINumber=r.number,
            ContourSequence=Sequence(_contour(loop) for loop in r.loops_xyz_mm),
        )
        for r in listed
    )
    made.RTROIObservationsSequence = Sequence(
        _item(
            ObservationNumber=r.number,
            ReferencedROINumber=r.number,
            RTROIInterpretedType=r.kind,
            ROIInterpreter="",
        )
        for r in listed
    )
    made.ApprovalStatus = "UNAPPROVED"
    return made


def _contour(points_xyz_mm: Floats) -> Dataset:
    contour = _item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=len(points_xyz_mm))
    text = "\\".join(f"{v:.{DECIMALS}f}" for v in points_xyz_mm.ravel().tolist())
    # As ready text: turning each number into an object first takes ten times as long.
    contour[CONTOUR_DATA] = DataElement(CONTOUR_DATA, "DS", text, already_converted=True)
    return contour


def plan(course: int) -> Dataset:
    """The RT Plan of a course: one fraction group of two beams."""
    fractions, fraction_gy, _, _ = COURSES[course % len(COURSES)]
    made = _header("RTPLAN", RTPlanStorage, uid_of("plan", course))
    made.RTPlanLabel, made.RTPlanDate, made.RTPlanTime = f"course {course + 1}", DATE, "100000"
    made.RTPlanGeometry, made.PlanIntent, made.ApprovalStatus = "PATIENT", "CURATIVE", "UNAPPROVED"
    made.DoseReferenceSequence = Sequence(
        [
            _item(
                DoseReferenceNumber=1,
                DoseReferenceStructureType="VOLUME",
                DoseReferenceType="TARGET",
                ReferencedROINumber=6,
                TargetPrescriptionDose=f"{fractions * fraction_gy:g}",
            )
        ]
    )
    beams = [
        _item(ReferencedBeamNumber=n, BeamDose=f"{fraction_gy / 2:g}", BeamMeterset="100") for n in (1, 2)
    ]
    made.FractionGroupSequence = Sequence(
        [
            _item(
                FractionGroupNumber=1,
                NumberOfFractionsPlanned=fractions,
                NumberOfBeams=2,
                NumberOfBrachyApplicationSetups=0,
                ReferencedBeamSequence=Sequence(beams),
            )
        ]
    )
    made.BeamSequence = Sequence(
        _item(BeamNumber=n, BeamName=f"G{n}", TreatmentDeliveryType="TREATMENT") for n in (1, 2)
    )
    made.ReferencedStructureSetSequence = Sequence([_reference(RTStructureSetStorage, uid_of("structures"))])
    return made


def dose(course: int, grid: Grid) -> Dataset:
    """The RT Dose of a course: the whole plan, in Gy."""
    made = _header("RTDOSE", RTDoseStorage, uid_of("dose", course))
    x, y, z = grid.axes_xyz_mm()
    made.ImagePositionPatient = [f"{axis[0]:g}" for axis in (x, y, z)]
    made.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dx, dy, dz = grid.spacing_xyz_mm
    made.PixelSpacing, made.SliceThickness = [f"{dy:g}", f"{dx:g}"], f"{dz:g}"
    made.Columns, made.Rows, made.NumberOfFrames = grid.columns_rows_frames
    made.FrameIncrementPointer = 0x3004000C
    made.GridFrameOffsetVector = [f"{dz * k:g}" for k in range(z.size)]
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated = made.BitsStored = grid.bits
    made.HighBit = grid.bits - 1
    made.DoseUnits, made.DoseType, made.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    made.DoseGridScaling = scaling = "0.0012" if grid.bits == 16 else "0.00001"
    made.ReferencedRTPlanSequence = Sequence([_reference(RTPlanStorage, uid_of("plan", course))])
    kind = np.dtype(f"<u{grid.bits // 8}")
    made.PixelData = b"".join(
        np.rint(frame / np.float32(scaling)).astype(kind).tobytes() for frame in course_gy(course, grid)
    )
    made["PixelData"].VR = "OW"
    return made


def write(spec: CaseSpec, folder: Path) -> Path:
    """The files of a case in a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    structure_set(spec).save_as(folder / "RS.dcm", enforce_file_format=True)
    for course, grid in enumerate(spec.grids):
        plan(course).save_as(folder / f"RP_{course + 1}.dcm", enforce_file_format=True)
        dose(course, grid).save_as(folder / f"RD_{course + 1}.dcm", enforce_file_format=True)
    return folder


def cached(spec: CaseSpec) -> Path:
    """A folder with the files of a case below the system's temporary folder, made if it is not there."""
    sources = b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob("clinical_*.py")))
    key = hashlib.sha256(sources + repr(spec).encode()).hexdigest()[:16]
    folder = cache_folder() / f"case-{key}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=cache_folder()) as unfinished:
            made = write(spec, Path(unfinished) / "case")
            # Another process may have finished the same case in the meantime.
            with contextlib.suppress(OSError):
                made.rename(folder)
    return folder


def cache_folder() -> Path:
    """Where cases and environments of a benchmark are kept between runs; may be deleted at any time."""
    folder = Path(tempfile.gettempdir()) / "dosecalc-benchmarks"
    folder.mkdir(exist_ok=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--large", action="store_true", help="a dose of 512 x 512 x 200 in the second course")
    arguments = parser.parse_args()
    write(LARGE if arguments.large else CLINICAL, arguments.folder)


if __name__ == "__main__":
    main()
