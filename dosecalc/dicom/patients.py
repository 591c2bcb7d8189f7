"""Whose files the files of a folder are, and what contradicts that they are one patient's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dosecalc.dicom.found import CASE_FILE, LISTED_FILES, SHOWN_ONLY, Found, Planned
from dosecalc.errors import InputError


def of_one_patient(found: list[Found], patient_id: str | None, root: Path) -> tuple[list[Found], list[str]]:
    """The files of one patient as they are, those of others not used; and what is odd about it."""
    ids = sorted({entry.patient_id for entry in found if entry.patient_id})
    if patient_id is None:
        people = _people(found)
        if len(people) > 1:
            files = ", ".join(people[:LISTED_FILES]) + (" and more" if len(people) > LISTED_FILES else "")
            raise InputError(
                f"{root.as_posix()}: PatientID: expected one patient, found {len(people)}: those of {files}; "
                f"say whose: --patient ID, or patient_id in {CASE_FILE}"
            )
        return found, _odd_patients(found, ids)
    if patient_id not in ids:
        raise InputError(f"{root.as_posix()}: PatientID: expected the one asked for, found {len(ids)} others")
    chosen = [_of_patient(entry, patient_id, found) for entry in found]
    return chosen, _odd_patients([e for e in chosen if e.record is not None], [patient_id])


def _of_patient(entry: Found, patient_id: str, found: Sequence[Found]) -> Found:
    """A file as it is, not used where it is another's, and missing where nothing says whose it is.

    A file without PatientID is of the patient of its name, or of the only one there is.
    """
    if not entry.file.kind or entry.patient_id == patient_id:
        return entry
    others = "PatientID is not the one asked for"
    if entry.patient_id:
        return entry.unused(others)
    name = _folded(entry.patient_name)
    of_name = (
        {e.patient_id for e in found if e.patient_id and _folded(e.patient_name) == name} if name else set()
    )
    if of_name and patient_id not in of_name:
        return entry.unused(others)
    owners = of_name or ({e.patient_id for e in found if e.patient_id} if not name else set())
    if owners == {patient_id}:
        return entry
    if entry.record is None and not entry.broken:
        return entry  # of no use, whose ever it is
    nobodys = f"{entry.file.path}: PatientID: expected whose file it is, found none"
    return entry.unused(nobodys, broken=entry.file.kind not in SHOWN_ONLY)


def _people(found: list[Found]) -> list[str]:
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


def _odd_patients(found: list[Found], ids: Sequence[str]) -> list[str]:
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
    births = {entry.born for entry in used if entry.born}
    if len(births) > 1:
        paths = ", ".join(entry.file.path for entry in used if entry.born)
        problems.append(f"{paths}: PatientBirthDate: expected one date, found {len(births)} different ones")
    return problems


def after_birth(found: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """The files without records of before the patient's birth; and plans and doses of before it, in words.

    A file is held against its own birth date; one that has none, against the earliest of the others. What
    was given before the patient was born is another's: it is in no sum, and may be missing in one.
    """
    earliest = min((e.born for e in found if e.record is not None and e.born), default=None)
    kept, problems = [], []
    for entry in found:
        born = entry.born or earliest
        early = next(((name, date) for name, date in entry.dates if born and date < born), None)
        if entry.record is None or early is None:
            kept.append(entry)
            continue
        text = (
            f"{entry.file.path}: {early[0]}: expected a date on or after the patient's birth date, "
            f"found {early[1]}"
        )
        if isinstance(entry.record, Planned):
            problems.append(text)
            kept.append(entry)
        else:
            kept.append(entry.unused(text, broken=True))
    return kept, problems
