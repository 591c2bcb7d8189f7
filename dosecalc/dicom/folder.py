"""A folder of DICOM files as a case: every file is listed, used or with the reason why not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dosecalc.case import Case, InputFile
from dosecalc.dicom.attributes import Item, top
from dosecalc.dicom.birthdates import birth_date, dates_of
from dosecalc.dicom.dose import linked_dose_of
from dosecalc.dicom.files import DicomFile, open_dicom, read_bytes
from dosecalc.dicom.found import CASE_FILE, LISTED_FILES, SHOWN_ONLY, Found, Planned, Read
from dosecalc.dicom.image import slice_of
from dosecalc.dicom.links import link_problems
from dosecalc.dicom.patients import after_birth, of_one_patient
from dosecalc.dicom.plan import plan_of
from dosecalc.dicom.record import record_of, why_not_read
from dosecalc.dicom.registration import registrations_of
from dosecalc.dicom.structures import structures_of
from dosecalc.doses import DoseGrid
from dosecalc.errors import DicomError, DosecalcError, InputError
from dosecalc.images import ImageSlice, stacked
from dosecalc.plans import Plan
from dosecalc.progress import Progress, counted, silent
from dosecalc.records import TreatmentRecord, TreatmentSummary
from dosecalc.structures import StructureSet

_READERS: dict[str, Callable[[DicomFile], Read]] = {
    "RTPLAN": plan_of,
    "RTDOSE": linked_dose_of,
    "RTSTRUCT": structures_of,
    "RTRECORD": record_of,
    "REG": registrations_of,
    "CT": slice_of,
}
_NOT_USED = {
    "DICOMDIR": "an index of other files",
}


def read_folder(folder: Path | str, *, patient_id: str | None = None, progress: Progress = silent) -> Case:
    """Everything in a folder, and below it, as one case.

    Parameters
    ----------
    folder : any file names; what is not DICOM or not used is listed with the reason. Files and
        folders whose names start with a dot are passed over, and so is the folder's ``case.toml``.
    patient_id : the PatientID to take, where files of several patients lie together
    progress : told how many files are read

    Returns
    -------
    case in the order of relative paths, without a statement. A file that cannot be used is in
    ``inputs`` with the reason and, if it should have been usable, in ``problems``.

    Raises
    ------
    InputError : if there is no such folder, nothing usable in it, or it holds several patients.

    Examples
    --------
    >>> read_folder("nowhere")
    Traceback (most recent call last):
    dosecalc.errors.InputError: nowhere: expected a folder, found nothing of that name
    """
    root = Path(folder)
    if not root.is_dir():
        what = "a file" if root.exists() else "nothing of that name"
        raise InputError(f"{root.as_posix()}: expected a folder, found {what}")
    paths, closed = _files(root)
    found = [_inspect(root, relative) for relative in counted(progress, "reading files", paths)]
    unseen = [InputFile(path=t.partition(":")[0], sha256="", used=False, lost=True, reason=t) for t in closed]
    found, odd_patients = of_one_patient(found, patient_id, root)
    found, before_birth = after_birth(found)
    found, duplicates = _without_duplicates(found)
    if not any(isinstance(entry.record, Planned) for entry in found):
        raise InputError(_nothing_usable(root, found))
    broken = [entry.file.reason for entry in found if entry.broken]
    case = _case(root, found, (*closed, *odd_patients, *before_birth, *broken, *duplicates))
    return replace(case, inputs=(*case.inputs, *unseen))


def _case(root: Path, found: Sequence[Found], problems: Sequence[str]) -> Case:
    used = [entry for entry in found if entry.record is not None]
    read = [entry.record for entry in used]
    plans = tuple(r for r in read if isinstance(r, Plan))
    doses = tuple(r for r in read if isinstance(r, DoseGrid))
    structure_sets = tuple(r for r in read if isinstance(r, StructureSet))
    records = tuple(r for r in read if isinstance(r, TreatmentRecord))
    summaries = tuple(r for r in read if isinstance(r, TreatmentSummary))
    registrations = tuple(r for several in read if isinstance(several, tuple) for r in several)
    images, odd_images = stacked(r for r in read if isinstance(r, ImageSlice))
    links = link_problems(plans, doses, structure_sets, (*records, *summaries))
    return Case(
        folder=root,
        plans=plans,
        doses=doses,
        structure_sets=structure_sets,
        registrations=registrations,
        images=images,
        records=records,
        summaries=summaries,
        inputs=tuple(entry.file for entry in found),
        problems=(*problems, *odd_images, *links),
        patient_id=next((entry.patient_id for entry in used if entry.patient_id), ""),
        patient_name=next((entry.patient_name for entry in used if entry.patient_name), ""),
    )


def _files(root: Path) -> tuple[list[str], list[str]]:
    """Paths of all files below a folder, relative to it and in one order on every machine.

    Second, the folders that were not looked into, in words.
    """
    found: list[str] = []
    closed: list[str] = []

    def name_closed(error: OSError) -> None:
        below = Path(error.filename).relative_to(root).as_posix()
        closed.append(f"{below}: expected a readable folder, found {error.strerror}")

    for directory, subdirectories, names in os.walk(root, onerror=name_closed):
        subdirectories[:] = [name for name in subdirectories if not name.startswith(".")]
        below = Path(directory).relative_to(root)
        found.extend((below / name).as_posix() for name in names if not name.startswith("."))
        closed.extend(
            f"{(below / name).as_posix()}: expected a folder, found a link to one (not followed)"
            for name in subdirectories
            if (Path(directory) / name).is_symlink()
        )
    return sorted(path for path in found if path != CASE_FILE), sorted(closed)


def _inspect(root: Path, relative: str) -> Found:
    """One file, read once: hashed, opened, and turned into a record where it is of use."""
    try:
        content = read_bytes(root / relative, relative)
    except InputError as error:
        unread = InputFile(path=relative, sha256="", used=False, lost=True, reason=str(error))
        return Found(file=unread, broken=True)
    listed = Found(file=InputFile(path=relative, sha256=hashlib.sha256(content).hexdigest()))
    try:
        file = open_dicom(content, relative)
    except DicomError as error:
        return listed.unused(str(error), broken=True)
    except InputError:
        what = "not a DICOM file" if content else "an empty file"
        if relative.lower().endswith(".dcm"):  # it was one, and what it held is missing
            return listed.unused(f"{relative}: expected a DICOM file, found {what}", broken=True)
        if PurePosixPath(relative).name == CASE_FILE:
            return listed.unused("a case file below the folder, which is not read unless it is named")
        return listed.unused(what)
    return _understand(listed, file)


def _understand(listed: Found, file: DicomFile) -> Found:
    item = top(file)
    kind = ""
    try:
        kind = _kind(item)
        listed = replace(
            listed,
            file=replace(listed.file, kind=kind, uid=item.code("SOPInstanceUID")),
            patient_id=item.text("PatientID"),
            patient_name=item.text("PatientName"),
            born=birth_date(item),
        )
        reader = _READERS.get(kind)
        if reader is None:
            return listed.unused(_NOT_USED.get(kind, f"objects of modality {kind} are not needed"))
        if kind == "RTRECORD" and (reason := why_not_read(item)):
            return listed.unused(reason)
        return replace(listed, record=reader(file), dates=dates_of(item, kind))
    except DicomError as error:
        return listed.unused(str(error), broken=kind not in SHOWN_ONLY)
    except DosecalcError as error:  # from a record, which does not know its file
        return listed.unused(f"{listed.file.path}: {error}", broken=True)


def _kind(item: Item) -> str:
    if item.code("Modality"):
        return item.code("Modality")
    return "DICOMDIR" if item.has("DirectoryRecordSequence") else "without Modality"


def _without_duplicates(found: list[Found]) -> tuple[list[Found], list[str]]:
    """Each object once: a second copy is not used, and of two contents under one UID neither is."""
    by_uid: dict[str, list[Found]] = {}
    for entry in found:
        if entry.file.kind in _READERS and entry.file.uid:
            by_uid.setdefault(entry.file.uid, []).append(entry)
    problems, replaced = [], {}
    for uid, entries in by_uid.items():
        paths = ", ".join(entry.file.path for entry in entries)
        if len({entry.file.sha256 for entry in entries}) > 1:
            problems.append(
                f"{paths}: SOPInstanceUID: expected one content under one UID, "
                f"found different ones under {uid}; none of these files is used"
            )
            for entry in entries:
                reason = "other content under the same SOPInstanceUID: " + paths
                # What was not wanted anyway, such as a brachytherapy record, leaves nothing missing.
                lost = entry.record is not None and entry.file.kind not in SHOWN_ONLY
                file = replace(entry.file, used=False, reason=reason, lost=lost)
                replaced[entry.file.path] = entry if entry.broken else replace(entry, file=file, record=None)
        else:
            for entry in entries[1:]:
                copied = f"the same file as {entries[0].file.path}"
                replaced[entry.file.path] = entry.unused(copied)
    return [replaced.get(entry.file.path, entry) for entry in found], problems


def _nothing_usable(root: Path, found: Iterable[Found]) -> str:
    listed = [f"{entry.file.path}: {_reason(entry)}" for entry in found]
    more = len(listed) - LISTED_FILES
    shown = "; ".join(listed[:LISTED_FILES]) + (f"; and {more} more" if more > 0 else "")
    return (
        f"{root.as_posix()}: expected a readable RTPLAN, RTDOSE or RTSTRUCT file, "
        f"found {shown or 'no file at all'}"
    )


def _reason(entry: Found) -> str:
    if entry.record is not None:
        what = {"RTRECORD": "a treatment record", "REG": "a registration"}.get(entry.file.kind, "an image")
        return f"{what} without them"
    return entry.file.reason.removeprefix(f"{entry.file.path}: ")
