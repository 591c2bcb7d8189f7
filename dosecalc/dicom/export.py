"""Writes sums over sessions as RT Dose files: PHYSICAL, or EFFECTIVE for BED and EQD2."""

from __future__ import annotations

import contextlib
import enum
import hashlib
import io
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, RTDoseStorage, RTPlanStorage
from pydicom.valuerep import validate_value

from dosecalc.dicom.attributes import Item, top
from dosecalc.dicom.export_grid import describe_pixels, place, require_storable, stored_doses
from dosecalc.dicom.export_text import Identity, dose_comment, image_comments, series_description
from dosecalc.dicom.files import PIXEL_DATA, open_dicom, read_bytes, reading
from dosecalc.dicom.plan import plan_of
from dosecalc.dosemap import DoseMap, dose_type_of
from dosecalc.doses import OWN_MAKER, DoseType
from dosecalc.errors import DosecalcError, InputError, MissingDoseError
from dosecalc.plans import Plan

Floats = npt.NDArray[np.float64]

_COPIED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Attributes of type 2, which may be empty but must be there."""


class Uncovered(enum.Enum):
    """What becomes of a map that some dose of its sum does not reach everywhere."""

    REFUSED = "refused"
    AT_LEAST = "what reaches a voxel counts, as the least it has"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDose:
    """A file that was written: its SOP Instance UID and how finely doses are stored in it."""

    path: Path
    uid: str
    quantum_gy: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PlanFile:
    plan: Plan
    sop_class: str


def write_dose(
    path: Path | str,
    dose: DoseMap,
    *,
    like: Path | str,
    plans: Sequence[Path | str],
    uncovered: Uncovered = Uncovered.REFUSED,
    identity: Identity = Identity.COPIED,
) -> WrittenDose:
    """Write a map as a RT Dose file, whole or not at all, and never over another file.

    BED and EQD2 are EFFECTIVE and say in words that they are no physical dose. The sum over one plan is
    PLAN, over several MULTI_PLAN. UIDs are derived from the content: the same map, files and versions
    make the same bytes. All 32 bits are unsigned, the quantum is a power of ten.

    Parameters
    ----------
    path : the new file
    dose : what to write; its frame of reference must have a UID
    like : a DICOM file of the patient, whose patient and study the new file belongs to
    plans : the RT Plan files of the plans that are in the sum, each once
    uncovered : what becomes of voxels that not every dose reaches
    identity : whether patient and study attributes are copied from ``like``

    Raises
    ------
    MissingDoseError : if voxels are not covered, unless what reaches them is asked for.
    DosecalcError : for spacings, sizes or a frame of reference that DICOM cannot hold, and for a physical
        sum over a part of one plan, which nothing would tell from the dose of the whole plan.
    InputError : if a file cannot be read, is in the way or cannot be written, or plans are missing.

    Examples
    --------
    >>> from dosecalc.dicom import read_dose
    >>> from dosecalc.ledger import Ledger
    >>> from dosecalc.mapping import dose_map
    >>> from dosecalc.quantities import Eqd2
    >>> import tempfile
    >>> folder = Path("sample_plans/redefine_compliant")
    >>> low, boost = (read_dose(folder / name) for name in ("RD_low.dcm", "RD_boost.dcm"))
    >>> ledger = Ledger.from_doses([(low, 3), (boost, 3)], together=[(0, 1)])
    >>> eqd2 = dose_map(ledger, low.lattice, Eqd2(alpha_beta_gy=3.0), frame_uid=low.frame_uid)
    >>> with tempfile.TemporaryDirectory() as out:
    ...     written = write_dose(
    ...         Path(out) / "EQD2.dcm", eqd2, like=folder / "RD_low.dcm",
    ...         plans=[folder / "RP_low.dcm", folder / "RP_boost.dcm"])
    ...     again = read_dose(written.path)
    >>> again.dose_type.value, abs(again.max_gy - eqd2.max_gy) < written.quantum_gy
    ('EFFECTIVE', True)
    """
    path = Path(path)
    if dose.uncovered_voxels and uncovered is Uncovered.REFUSED:
        raise MissingDoseError(
            f"{path}: expected doses that reach every voxel of the map, found {dose.uncovered_text}"
        )
    require_storable(dose)
    files = _plan_files(dose, plans)
    _require_whole(dose, files)
    source = top(open_dicom(read_bytes(Path(like), str(like)), str(like)))
    stored = stored_doses(dose)
    dataset = _header(dose, source, files, identity)
    place(dataset, dose.lattice)
    describe_pixels(dataset, stored)
    _add_uids(dataset, stored.pixels)
    dataset.add_new(PIXEL_DATA, "OW", stored.pixels)
    _save(dataset, path)
    return WrittenDose(path=path, uid=str(dataset.SOPInstanceUID), quantum_gy=stored.quantum_gy)


def _plan_files(dose: DoseMap, paths: Sequence[Path | str]) -> list[_PlanFile]:
    """The plans of the sum, in its order."""
    found: dict[str, _PlanFile] = {}
    for path in paths:
        file = open_dicom(read_bytes(Path(path), str(path)), str(path))
        plan = plan_of(file)
        sop_class = top(file).code("SOPClassUID") or str(RTPlanStorage)
        if plan.uid in found:
            raise InputError(f"{path}: expected each plan once, found {plan.uid} again")
        found[plan.uid] = _PlanFile(plan=plan, sop_class=sop_class)
    wanted = [uid for uid, _ in dose.fractions]
    if set(wanted) != set(found):
        lacking = [uid or "a dose that refers to no plan" for uid in wanted if uid not in found]
        beyond = [uid for uid in found if uid not in wanted]
        raise InputError(
            "plans: expected the files of all plans in the sum and of no other, found "
            + " and ".join(
                f"{what} {', '.join(uids)}"
                for what, uids in (("none of", lacking), ("besides them", beyond))
                if uids
            )
        )
    return [found[uid] for uid in wanted]


def _require_whole(dose: DoseMap, files: Sequence[_PlanFile]) -> None:
    """A physical dose of one plan is read as that of all its fractions, so it must be."""
    if len(files) != 1 or dose_type_of(dose.quantity) is not DoseType.PHYSICAL:
        return
    planned, summed = files[0].plan.fractions, dose.fractions[0][1]
    if planned is None or summed != planned:
        raise DosecalcError(
            f"plan {files[0].plan.uid}: expected all of its fractions ({planned or 'not stated'}) in a "
            f"physical dose of this plan alone, found {summed:f}: it would be read as that of the whole plan"
        )


def _header(dose: DoseMap, source: Item, files: Sequence[_PlanFile], identity: Identity) -> Dataset:
    """All attributes but UIDs of the instance and the pixels."""
    own_version = _version()
    made = _described(source, identity)
    made.Modality = "RTDOSE"
    made.Manufacturer, made.ManufacturerModelName = OWN_MAKER
    made.SoftwareVersions = own_version
    made.SOPClassUID = RTDoseStorage
    made.SeriesNumber, made.InstanceNumber, made.OperatorsName = 1, 1, ""
    made.SeriesDescription = series_description(dose)
    made.DoseComment = dose_comment(dose, own_version)
    made.ImageComments = image_comments(dose, own_version, identity)
    made.FrameOfReferenceUID = dose.frame_uid
    same = source.code("FrameOfReferenceUID") == dose.frame_uid
    made.PositionReferenceIndicator = source.text("PositionReferenceIndicator") if same else ""
    made.DoseUnits, made.DoseType = "GY", dose_type_of(dose.quantity).value
    made.DoseSummationType = "MULTI_PLAN" if len(files) > 1 else "PLAN"
    made.ReferencedRTPlanSequence = [_reference(file) for file in files]
    return made


def _described(source: Item, identity: Identity) -> Dataset:
    """Patient and study: the same study, with or without what names the patient."""
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.StudyInstanceUID = _allowed(source, "StudyInstanceUID", source.required_code("StudyInstanceUID"))
    for keyword in _COPIED:
        value = source.text(keyword) if identity is Identity.COPIED else ""
        setattr(made, keyword, _allowed(source, keyword, value))
    return made


def _allowed(source: Item, keyword: str, value: str) -> str:
    """A value as it is copied; what no file may hold is refused, and not quoted, as it is the patient's."""
    with reading(source.name, keyword, "a value that DICOM allows"):
        validate_value(dictionary_VR(keyword), value, RAISE)
    return value


def _reference(file: _PlanFile) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = file.sop_class
    reference.ReferencedSOPInstanceUID = file.plan.uid
    return reference


def _add_uids(made: Dataset, pixels: bytes) -> None:
    """UIDs of instance and series from all that the file holds."""
    encoded = io.BytesIO()
    dcmwrite(encoded, made, implicit_vr=False, little_endian=True)
    digest = hashlib.sha256(encoded.getvalue())
    digest.update(pixels)
    made.SOPInstanceUID = _uid(digest.digest(), b"instance")
    made.SeriesInstanceUID = _uid(digest.digest(), b"series")
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = RTDoseStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID


def _uid(digest: bytes, what: bytes) -> UID:
    """A UID of the root 2.25 from a hash, in the form of a UUID made from a name."""
    return UID(f"2.25.{uuid.UUID(bytes=hashlib.sha256(digest + what).digest()[:16], version=5).int}")


def _save(made: Dataset, path: Path) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        made.save_as(part, enforce_file_format=True)
        if path.exists():
            raise InputError(f"{path}: expected no file of that name, found one; it stays as it is")
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _version() -> str:
    try:
        return version("dosecalc")
    except PackageNotFoundError:  # run from its sources
        return "not installed"
