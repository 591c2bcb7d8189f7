"""A folder of DICOM files as a case: every file is listed, used or with the reason why not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dosecalc.case import Case, InputFile
from dosecalc.dicom.attributes import Item, top
from dosecalc.dicom.dose import linked_dose_of
from dosecalc.dicom.files import DicomFile, open_dicom, read_bytes
from dosecalc.dicom.links import link_problems
from dosecalc.dicom.plan import plan_of
from dosecalc.dicom.record import record_of, why_not_read
from dosecalc.dicom.structures import structures_of
from dosecalc.doses import DoseGrid
from dosecalc.errors import DicomError, DosecalcError, InputError
from dosecalc.plans import Plan
from dosecalc.records import TreatmentRecord, TreatmentSummary
from dosecalc.structures import StructureSet

CASE_FILE = "case.toml"

_Planned = Plan | DoseGrid | StructureSet
"""What a case is about: a folder needs one of them to be a case."""

_Read = _Planned | TreatmentRecord | TreatmentSummary

_READERS: dict[str, Callable[[DicomFile], _Read]] = {
    "RTPLAN": plan_of,
    "RTDOSE": linked_dose_of,
    "RTSTRUCT": structures_of,
    "RTRECORD": record_of,
}

_NOT_USED = {
    "REG": "registrations between frames of reference are not read",
    "DICOMDIR": "an index of other files",
}

_LISTED_FILES = 8
"""How many unusable files a message names before it only counts them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """One file of the folder and what it turned out to be."""

    file: InputFile
    record: _Read | None = None
    patient_id: str = ""
    patient_name: str = ""
    broken: bool = False

    def unused(self, reason: str, *, broken: bool = False) -> _Found:
        file = replace(self.file, used=False, reason=reason, lost=broken)
        return replace(self, file=file, record=None, broken=broken)


def read_folder(folder: Path | str, *, patient_id: str | None = None) -> Case:
    """Everything in a folder, and below it, as one case.

    Parameters
    ----------
    folder : any file names; what is not DICOM or not used is listed with the reason. Files and
        folders whose names start with a dot are passed over, and so is the folder's ``case.toml``.
    patient_id : the PatientID to take, where files of several patients lie together

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
    found = [_inspect(root, relative) for relative in paths]
    unseen = [InputFile(path=t.partition(":")[0], sha256="", used=False, lost=True, reason=t) for t in closed]
    found, odd_patients = _one_patient(found, patient_id, root)
    found, duplicates = _without_duplicates(found)
    if not any(isinstance(entry.record, _Planned) for entry in found):
        raise InputError(_nothing_usable(root, found))
    broken = [entry.file.reason for entry in found if entry.broken]
    case = _case(root, found, (*closed, *odd_patients, *broken, *duplicates))
    return replace(case, inputs=(*case.inputs, *unseen))


def _case(root: Path, found: Sequence[_Found], problems: Sequence[str]) -> Case:
    used = [entry for entry in found if entry.record is not None]
    read = [entry.record for entry in used]
    plans = tuple(r for r in read if isinstance(r, Plan))
    doses = tuple(r for r in read if isinstance(r, DoseGrid))
    structure_sets = tuple(r for r in read if isinstance(r, StructureSet))
    records = tuple(r for r in read if isinstance(r, TreatmentRecord))
    summaries = tuple(r for r in read if isinstance(r, TreatmentSummary))
    links = link_problems(plans, doses, structure_sets, (*records, *summaries))
    return Case(
        folder=root,
        plans=plans,
        doses=doses,
        structure_sets=structure_sets,
        records=records,
        summaries=summaries,
        inputs=tuple(entry.file for entry in found),
        problems=(*problems, *links),
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


def _inspect(root: Path, relative: str) -> _Found:
    """One file, read once: hashed, opened, and turned into a record where it is of use."""
    try:
        content = read_bytes(root / relative, relative)
    except InputError as error:
        unread = InputFile(path=relative, sha256="", used=False, lost=True, reason=str(error))
        return _Found(file=unread, broken=True)
    listed = _Found(file=InputFile(path=relative, sha256=hashlib.sha256(content).hexdigest()))
    try:
        file = open_dicom(content, relative)
    except DicomError as error:
        return listed.unused(str(error), broken=True)
    except InputError:
        return listed.unused("not a DICOM file" if content else "an empty file")
    return _understand(listed, file)


def _understand(listed: _Found, file: DicomFile) -> _Found:
    item = top(file)
    kind = ""
    try:
        kind = _kind(item)
        listed = replace(
            listed,
            file=replace(listed.file, kind=kind, uid=item.code("SOPInstanceUID")),
            patient_id=item.text("PatientID"),
            patient_name=item.text("PatientName"),
        )
        reader = _READERS.get(kind)
        if reader is None:
            return listed.unused(_NOT_USED.get(kind, f"objects of modality {kind} are not needed"))
        if kind == "RTRECORD" and (reason := why_not_read(item)):
            return listed.unused(reason)
        return replace(listed, record=reader(file))
    except DicomError as error:
        return listed.unused(str(error), broken=True)
    except DosecalcError as error:  # from a record, which does not know its file
        return listed.unused(f"{listed.file.path}: {error}", broken=True)


def _kind(item: Item) -> str:
    if item.code("Modality"):
        return item.code("Modality")
    return "DICOMDIR" if item.has("DirectoryRecordSequence") else "without Modality"


def _one_patient(found: list[_Found], patient_id: str | None, root: Path) -> tuple[list[_Found], list[str]]:
    """The files of one patient as they are, those of others not used; and what is odd about it."""
    ids = sorted({entry.patient_id for entry in found if entry.patient_id})
    if patient_id is None:
        people = _people(found)
        if len(people) > 1:
            files = ", ".join(people[:_LISTED_FILES]) + (" and more" if len(people) > _LISTED_FILES else "")
            raise InputError(
                f"{root.as_posix()}: PatientID: expected one patient, found {len(people)}: those of {files}; "
                f"say whose: --patient ID, or patient_id in {CASE_FILE}"
            )
        return found, _odd_patients(found, ids)
    if patient_id not in ids:
        raise InputError(f"{root.as_posix()}: PatientID: expected the one asked for, found {len(ids)} others")
    chosen = [
        entry
        if not entry.file.kind or entry.patient_id == patient_id
        else entry.unused("PatientID is not the one asked for")
        for entry in found
    ]
    return chosen, _odd_patients([e for e in chosen if e.record is not None], [patient_id])


def _people(found: list[_Found]) -> list[str]:
    """A file of each patient: messages name no patient, and the files say who it is.

    A file without PatientID belongs to the patient of its name; a file without either could be anyone's.
    """
    id_of_name = {_folded(e.patient_name): e.patient_id for e in found if e.patient_id and e.patient_name}
    people: dict[str, str] = {}
    for entry in found:
        name = _folded(entry.patient_name)
        who = entry.patient_id or id_of_name.get(name) or (f"named {name}" if name else "")
        if who:
            people.setdefault(who, entry.file.path)
    return list(people.values())


def _folded(name: str) -> str:
    return name.strip(" ^").casefold()


def _odd_patients(found: list[_Found], ids: Sequence[str]) -> list[str]:
    used = [entry for entry in found if entry.record is not None]
    problems = [
        f"{entry.file.path}: PatientID: expected that of the other files, found none"
        for entry in used
        if ids and not entry.patient_id
    ]
    names = {entry.patient_name.upper() for entry in used if entry.patient_name}
    if len(names) > 1:
        paths = ", ".join(entry.file.path for entry in used)
        problems.append(f"{paths}: PatientName: expected one name, found {len(names)} different ones")
    return problems


def _without_duplicates(found: list[_Found]) -> tuple[list[_Found], list[str]]:
    """Each object once: a second copy is not used, and of two contents under one UID neither is."""
    by_uid: dict[str, list[_Found]] = {}
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
                lost = entry.record is not None
                file = replace(entry.file, used=False, reason=reason, lost=lost)
                replaced[entry.file.path] = entry if entry.broken else replace(entry, file=file, record=None)
        else:
            for entry in entries[1:]:
                copied = f"the same file as {entries[0].file.path}"
                replaced[entry.file.path] = entry.unused(copied)
    return [replaced.get(entry.file.path, entry) for entry in found], problems


def _nothing_usable(root: Path, found: Iterable[_Found]) -> str:
    listed = [f"{entry.file.path}: {_reason(entry)}" for entry in found]
    more = len(listed) - _LISTED_FILES
    shown = "; ".join(listed[:_LISTED_FILES]) + (f"; and {more} more" if more > 0 else "")
    return (
        f"{root.as_posix()}: expected a readable RTPLAN, RTDOSE or RTSTRUCT file, "
        f"found {shown or 'no file at all'}"
    )


def _reason(entry: _Found) -> str:
    if entry.record is not None:
        return "a treatment record without them"
    return entry.file.reason.removeprefix(f"{entry.file.path}: ")
