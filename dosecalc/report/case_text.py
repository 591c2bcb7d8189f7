"""What a folder holds, as plain text: plans with their doses, structure sets, and what was not used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from dosecalc.case import Case
from dosecalc.doses import DoseGrid
from dosecalc.fractions import holds_text
from dosecalc.plans import POINTS, Plan, Prescription
from dosecalc.registrations import Registration
from dosecalc.report.blocks import Block, Heading, Paragraph, Table, Tone
from dosecalc.report.tables import clean, page
from dosecalc.structures import StructureSet
from dosecalc.transforms import describe


def case_text(case: Case, *, patient: str = "") -> str:
    """The whole inspection as text."""
    return page(case_blocks(case, patient=patient))


def case_blocks(case: Case, *, patient: str = "") -> Iterator[Block]:
    """The same as what it is made of, for whoever lays it out."""
    yield (
        f"{case.folder}: {_count(len(case.plans), 'plan')}, {_count(len(case.doses), 'dose')}, "
        f"{_count(len(case.structure_sets), 'structure set')}"
        + (f"   patient: {clean(patient)}" if patient else "")
    )
    for plan in case.plans:
        yield ""
        yield from _plan(case, plan)
    linked = {p.uid for p in case.plans}
    loose = [d for d in case.doses if not set(d.plan_uids) & linked]
    if loose:
        yield ""
        yield Heading("Doses of no plan in the folder")
        for dose in loose:
            yield from _dose(dose)
    for structure_set in case.structure_sets:
        yield ""
        yield from _structure_set(structure_set)
    for registration in case.registrations:
        yield ""
        yield from _registration(case, registration)
    if case.statement.source:
        yield ""
        yield Heading(f"Stated in {case.statement.source}")
        yield from _statement(case)
    unused = [f for f in case.inputs if not f.used]
    if unused:
        yield ""
        yield Heading("Not used")
        for file in unused:
            kind = f"{file.kind}: " if file.kind else ""
            yield Paragraph(f"{clean(file.path)}: ", f"{kind}{clean(file.reason)}")
    if case.problems:
        yield ""
        yield Heading("Odd", Tone.OPEN)
        for problem in case.problems:
            yield Paragraph("- ", clean(problem), indent=2)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _plan(case: Case, plan: Plan) -> Iterator[Block]:
    structure_set = case.structure_set_of(plan)
    fractions = "unknown fractions" if plan.fractions is None else _count(plan.fractions, "fraction")
    status = plan.approval or "approval not stated"
    yield Heading(f"Plan {clean(plan.label)!r}  {clean(plan.source)}  {fractions}, {status}")
    yield f"  uid: {plan.uid}"
    for prescription in plan.prescriptions:
        yield f"  {_prescription(prescription, plan, structure_set)}"
    if not plan.prescriptions:
        yield "  prescription: none (TargetPrescriptionDose)"
    if structure_set is None:
        yield f"  structure set: {plan.structure_set_uid or 'none referenced'}, not in the folder"
    else:
        yield f"  structure set: {clean(structure_set.source)}"
    doses = case.doses_of(plan.uid)
    for dose in doses:
        yield from _dose(dose)
    if not doses:
        yield "  dose: none in the folder"
    yield from _given(case, plan)


def _given(case: Case, plan: Plan) -> Iterator[Block]:
    """What treatment records and summaries say of a plan."""
    records = [r for r in case.records if r.plan_uid == plan.uid]
    if records:
        numbers = {d.fraction for r in records for d in r.deliveries if d.counts}
        dates = sorted(r.date for r in records if r.date is not None)
        of = f", of fraction {min(numbers)} to {max(numbers)}" if numbers else ", of no treatment beam"
        when = f", {dates[0]} to {dates[-1]}" if dates else ", without dates"
        yield f"  {_count(len(records), 'treatment record')}{of}{when}"
    for summary in case.summaries:
        if summary.plan_uid == plan.uid:
            counts = [g.delivered for g in summary.groups if g.is_of_beams and g.delivered is not None]
            counted = _count(sum(counts), "fraction") if counts else "no fractions"
            yield f"  treatment summary: {clean(summary.source)}, counts {counted}"


def _registration(case: Case, registration: Registration) -> Iterator[Block]:
    """A registration with the files that lie in its two frames of reference."""
    yield Heading(f"R{clean(registration.name)[1:]}  {describe(registration.transform)}")
    for word, uid in (("from", registration.from_uid), ("into", registration.to_uid)):
        inside = [d.source for d in case.doses if d.frame_uid == uid]
        inside += [s.source for s in case.structure_sets if uid in {roi.frame_uid for roi in s}]
        files = ", ".join(clean(source) for source in inside) or "no dose and no structure set"
        yield Paragraph(f"{word} frame of reference {uid}: ", files)


def _prescription(prescription: Prescription, plan: Plan, structure_set: StructureSet | None) -> str:
    if prescription.structure_type in POINTS:
        return f"dose at a point, no prescription: {float(prescription.dose_gy):.4g} Gy"
    text = f"{prescription.dose_gy} Gy"
    if plan.fractions:
        text += f" ({float(prescription.dose_gy) / plan.fractions:.4g} Gy x {plan.fractions})"
    if prescription.roi_number is None:
        about = f" for {clean(prescription.description)!r}" if prescription.description else ""
        return f"prescription: {text}{about}, no structure named: state it in case.toml: target"
    names = [s.name for s in structure_set or () if s.number == prescription.roi_number]
    name = repr(clean(names[0])) if names else "a structure that is not in the folder"
    return f"prescription: {text} to {name}, ROI Number {prescription.roi_number}"


def _dose(dose: DoseGrid) -> Iterator[Block]:
    lattice = dose.lattice
    nz, ny, nx = lattice.shape_zyx
    steps = " x ".join(_step(a) for a in (lattice.x_mm, lattice.y_mm, lattice.z_mm))
    yield (
        f"  dose: {clean(dose.source)}, {holds_text(dose)}, {dose.dose_type.value.lower()}, "
        f"{nx} x {ny} x {nz} voxels of {steps} mm, maximum {dose.max_gy:.2f} Gy"
    )
    yield f"    uid: {dose.uid}"


def _step(axis: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    steps = np.diff(axis)
    if not steps.size:
        return "?"
    if np.ptp(steps) < 1e-3:
        return f"{steps.mean():.3g}"
    return f"{steps.min():.3g} to {steps.max():.3g}"


def _structure_set(structure_set: StructureSet) -> Iterator[Block]:
    label = f" {clean(structure_set.label)!r}" if structure_set.label else ""
    count = _count(len(structure_set), "structure")
    yield Heading(f"Structure set{label}  {clean(structure_set.source)}  {count}")
    rows = []
    for structure in structure_set:
        kinds = Counter(c.geometric_type for c in structure.contours)
        what = structure.problem or ", ".join(f"{n} {k}" for k, n in sorted(kinds.items())) or "no contours"
        rows.append([str(structure.number), clean(structure.name), structure.interpreted_type, clean(what)])
    yield Table(header=["no.", "name", "type", "contours"], rows=rows, words=4)


def _statement(case: Case) -> Iterator[Block]:
    statement = case.statement
    for plan in statement.plans:
        said = f"left out: {plan.ignore}" if plan.ignore else f"roles {', '.join(plan.roles) or 'not stated'}"
        yield f"  plan {plan.uid}: {clean(said)}"
    for name, course in statement.courses.items():
        parts = []
        if course.grouping is not None:
            parts.append(course.grouping.value.replace("_", " "))
        if course.prescription_gy is not None:
            parts.append(f"{course.prescription_gy} Gy")
        if course.fractions is not None:
            parts.append(_count(course.fractions, "fraction"))
        parts.extend(str(d) for d in course.dates)
        parts.extend(f"from {d}" for d in [course.first_date] if d)
        parts.extend(f"until {d}" for d in [course.last_date] if d)
        yield f"  course {name}: {', '.join(parts) or 'nothing more'}"
    for name, roi in statement.structures.items():
        yield f"  structure {name} = {roi!r}"
    for event in statement.events:
        yield f"  event {event.date}: {event.kind.value} {clean(event.detail)}".rstrip()
