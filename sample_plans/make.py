"""Write the sample cases: ``python sample_plans/make.py [FOLDER]`` (by default, beside this file).

Synthetic patients for the rules of the protocol ``redefine``: RT Plan, RT Dose and RT Structure Set
files, Spatial Registrations where an image has a frame of its own, RT Beams Treatment Records where
treatment has begun, the statement ``case.toml``, and ``expected.json`` with what must come out and
why. The expected values do not come from dosecalc, which is not imported here. The same bytes result
every time.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import book
import cases
import derive
import dicom_out
import explain
import record_out
import registration_out
from anatomy import Solid
from book import frame_word
from cases import CaseSpec, Link, PlanSpec
from catalogue import CASES
from dicom_out import Patient, PlanText, uid_of
from pydicom.dataset import Dataset
from pydicom.uid import UID


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    for number, case in enumerate(CASES, start=1):
        write_case(case, number, folder / case.name)
    return 0


def write_case(case: CaseSpec, number: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_treatment(case, number, folder)
    if case.new_ct:
        write_new_ct(case, number, folder)
    if case.prior:
        write_prior(case, number, folder)
    ds = registration(case, number)
    if ds is not None:
        dicom_out.save(ds, folder / "REG.dcm")
    if case.progress:
        write_records(case, number, folder / "records")
    (folder / "case.toml").write_text(case_toml(case), encoding="utf-8", newline="\n")
    expected = {**derive.expected(case), "derivation": explain.derivation(case)}
    text = json.dumps(expected, indent=1, ensure_ascii=False) + "\n"
    (folder / "expected.json").write_text(text, encoding="utf-8", newline="\n")


def patient_of(case: CaseSpec, number: int, study: str) -> Patient:
    return Patient(
        patient_id=f"SAMPLE-{number:02d}",
        name=f"Sample^{case.name.removeprefix('redefine_').replace('_', ' ').title()}",
        study=f"{case.name} {study}",
        frame=frame_word(case, study),
    )


def write_treatment(case: CaseSpec, number: int, folder: Path) -> None:
    """Induction and definitive plans with their doses, and the structure set they share."""
    patient = patient_of(case, number, "treatment")
    solids = case.solids()
    write_structures(case, patient, solids, folder / "RS.dcm", cases.PLANNED_ON)
    for plan in case.induction() if case.new_ct else case.plans():
        if plan.course != "prior":
            write_plan(case, patient, plan, solids, folder)


def write_new_ct(case: CaseSpec, number: int, folder: Path) -> None:
    """The definitive plan on an image of its own: another frame of reference and structure set."""
    patient, solids = patient_of(case, number, "definitive"), case.sum_solids()
    write_structures(case, patient, solids, folder / "RS_definitive.dcm", cases.NEW_CT_ON)
    for plan in case.definitive_plans():
        write_plan(case, patient, plan, solids, folder)


def registration(case: CaseSpec, number: int) -> Dataset | None:
    """What links the frames of the case, where anything does."""
    uid, treatment = uid_of(case.name, "registration"), uid_of(frame_word(case, "treatment"), "frame")
    prior = uid_of(frame_word(case, "prior"), "frame")
    if case.new_ct:
        patient = patient_of(case, number, "definitive")
        return registration_out.spatial(patient, uid, treatment, cases.NEW_CT.matrix, cases.NEW_CT_ON)
    match case.link:
        case Link.REGISTERED | Link.INVERTED:
            matrix = cases.OLD_CT.matrix if case.link is Link.REGISTERED else cases.OLD_CT.inverse
            patient = patient_of(case, number, "prior")
            return registration_out.spatial(patient, uid, treatment, matrix, cases.PLANNED_ON)
        case Link.DEFORMED:
            patient = patient_of(case, number, "treatment")
            return registration_out.deformable(patient, uid, prior, cases.BENT_CT, cases.PLANNED_ON)
    return None


def write_prior(case: CaseSpec, number: int, folder: Path) -> None:
    """The prior course: a study and a structure set of its own, and in some cases a frame of reference."""
    patient = patient_of(case, number, "prior")
    solids = case.prior_solids()
    write_structures(case, patient, solids, folder / "RS_prior.dcm", cases.PRIOR_PLANNED_ON)
    for plan in case.plans():
        if plan.course == "prior":
            write_plan(case, patient, plan, solids, folder)


def write_records(case: CaseSpec, number: int, folder: Path) -> None:
    """A file for each fraction of each plan, and one for the rest of a fraction that was broken off."""
    folder.mkdir(exist_ok=True)
    patient = patient_of(case, number, "treatment")
    counts: Counter[str] = Counter()
    for delivery in book.deliveries(case):
        key = delivery.plan.key
        counts[key] += 1
        ds = record_out.record(patient, plan_uid(case, key), delivery, counts[key])
        rest = "_rest" if delivery.continued else ""
        dicom_out.save(ds, folder / f"RT_{key}_{delivery.fraction:02d}{rest}.dcm")


def write_structures(case: CaseSpec, patient: Patient, solids: list[Solid], path: Path, date: str) -> None:
    uid = structures_uid(case, patient)
    dicom_out.save(dicom_out.structure_set(patient, uid, solids, date), path)


def write_plan(case: CaseSpec, patient: Patient, plan: PlanSpec, solids: list[Solid], folder: Path) -> None:
    """A plan and its dose, or those of its beams."""
    numbers = {solid.name: i for i, solid in enumerate(solids, start=1)}
    text = PlanText(
        label=plan.key.upper(),
        fractions=plan.fractions,
        fraction_gy=plan.fraction_gy,
        targets=tuple((name, numbers[name], gy) for name, gy in plan.targets),
        date=plan.planned_on,
        gantry=plan.gantry,
        replaces=plan_uid(case, plan.replaces) if plan.replaces else None,
    )
    uid = plan_uid(case, plan.key)
    ds = dicom_out.plan(patient, uid, structures_uid(case, patient), text)
    dicom_out.save(ds, folder / f"RP_{plan.key}.dcm")
    for beam, one in enumerate(plan.beams(), start=1) if plan.beam_fields else [(None, plan)]:
        stored = one.grid.store(one.fields, one.stored_fractions, one.place)
        ds = dicom_out.dose(patient, uid, one.grid, stored, plan.planned_on, beam=beam)
        of_beam = f"_beam{beam}" if beam else ""
        dicom_out.save(ds, folder / f"RD_{plan.key}{of_beam}.dcm")


def structures_uid(case: CaseSpec, patient: Patient) -> UID:
    return uid_of(case.name, "structures", patient.study)


def plan_uid(case: CaseSpec, key: str) -> UID:
    return uid_of(case.name, "plan", key)


def case_toml(case: CaseSpec) -> str:
    """What DICOM cannot say of the case."""
    blocks = [f"# {case.title}\nformat_version = 1"]
    for plan in case.plans():
        roles = ", ".join(f'"{role}"' for role in plan.roles)
        blocks.append(f'[[plans]]\nuid = "{plan_uid(case, plan.key)}"\nroles = [{roles}]')
    blocks += [prior_toml(case), induction_toml(case)]
    blocks.append(f"[courses.definitive]\nfirst_date = {cases.DEFINITIVE_FIRST_DATE}")
    blocks.append(
        f'[[events]]\nkind = "recurrence"\ndate = {cases.RECURRENCE_DATE}\n'
        'detail = "biopsy of the nasopharynx"'
    )
    blocks += [f'[[events]]\nkind = "anti_pd1"\ndate = {day}' for day in book.drugs_given(case)]
    if case.progress and case.progress.complete_response:
        blocks.append(
            f'[[events]]\nkind = "complete_response"\ndate = {cases.RESPONSE_DATE}\n'
            'detail = "endoscopy and MRI at 50 Gy"'
        )
    return "\n\n".join(blocks) + "\n"


def prior_toml(case: CaseSpec) -> str:
    """The prior course; without DICOM of it, its prescription as numbers."""
    lines = ["[courses.prior]"]
    if not case.prior:
        lines += [
            f'prescription_gy = "{cases.PRIOR_GY:g}"', f"fractions = {cases.PRIOR_FRACTIONS}"
        ]  # fmt: skip
    lines.append(f"last_date = {cases.PRIOR_LAST_DATE}")
    if case.prior_numbers:
        lines += [
            f"\n[courses.prior.structures.{cases.UNIFORM}]\nuniform_gy = {cases.UNIFORM_GY:g}",
            f"\n[courses.prior.structures.{cases.BOUNDED}]\nmax_gy = {cases.MAX_GY:g}",
            f"near_max_gy = {cases.NEAR_MAX_GY:g}",
        ]
    return "\n".join(lines)


def induction_toml(case: CaseSpec) -> str:
    lines = ["[courses.induction]"]
    if case.grouping and not case.sib:
        lines.append('grouping = "one_session"')
    return "\n".join([*lines, f"dates = [{', '.join(cases.INDUCTION_DATES)}]"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
