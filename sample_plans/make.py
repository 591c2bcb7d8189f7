"""Write the sample cases: ``python sample_plans/make.py [FOLDER]`` (by default, beside this file).

Synthetic patients for the rules of the protocol ``redefine``: RT Plan, RT Dose and RT Structure Set
files, RT Beams Treatment Records where treatment has begun, the statement ``case.toml``, and
``expected.json`` with what must come out and why. The expected values do not come from dosecalc,
which is not imported here. The same bytes result every time.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import anatomy
import book
import cases
import derive
import dicom_out
import explain
import record_out
from anatomy import Solid
from cases import CaseSpec, PlanSpec
from dicom_out import Patient, PlanText, uid_of
from pydicom.uid import UID


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    for number, case in enumerate(cases.CASES, start=1):
        write_case(case, number, folder / case.name)
    return 0


def write_case(case: CaseSpec, number: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_treatment(case, number, folder)
    if case.prior:
        write_prior(case, number, folder)
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
        frame=case.name,
    )


def write_treatment(case: CaseSpec, number: int, folder: Path) -> None:
    """Induction and definitive plans with their doses, and the structure set they share."""
    patient = patient_of(case, number, "treatment")
    solids = case.solids()
    write_structures(case, patient, solids, folder / "RS.dcm", cases.PLANNED_ON)
    for plan in case.plans():
        if plan.course != "prior":
            write_plan(case, patient, plan, solids, folder)


def write_prior(case: CaseSpec, number: int, folder: Path) -> None:
    """The prior course: a study and a structure set of its own, in the same frame of reference."""
    patient = patient_of(case, number, "prior")
    solids = anatomy.prior_head()
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
        stored = one.grid.store(one.fields, one.stored_fractions)
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
    return "\n".join([*lines, f"last_date = {cases.PRIOR_LAST_DATE}"])


def induction_toml(case: CaseSpec) -> str:
    lines = ["[courses.induction]"]
    if case.grouping and not case.sib:
        lines.append('grouping = "one_session"')
    return "\n".join([*lines, f"dates = [{', '.join(cases.INDUCTION_DATES)}]"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
