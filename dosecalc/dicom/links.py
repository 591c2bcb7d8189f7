"""What is odd about how the objects of a folder refer to each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dosecalc.doses import Beams, DoseGrid, DoseType, FractionGroup, OneSession, WholePlan, is_earlier
from dosecalc.plans import Plan
from dosecalc.records import TreatmentRecord, TreatmentSummary
from dosecalc.structures import StructureSet


def link_problems(
    plans: Sequence[Plan],
    doses: Sequence[DoseGrid],
    structure_sets: Sequence[StructureSet],
    records: Sequence[TreatmentRecord | TreatmentSummary] = (),
) -> tuple[str, ...]:
    """Sentences on links that lead nowhere or contradict each other: file, attribute, values."""
    plan_of = {plan.uid: plan for plan in plans}
    set_of = {structures.uid: structures for structures in structure_sets}
    found: list[str] = []
    for structures in structure_sets:
        found.extend(_in_structure_set(structures))
    for plan in plans:
        found.extend(_of_plan(plan, doses, set_of))
    for dose in doses:
        found.extend(_of_dose(dose, plan_of))
        for uid in dose.plan_uids:
            if uid in plan_of:
                found.extend(_between(dose, plan_of[uid], set_of))
    for record in records:
        found.extend(_of_record(record, plan_of))
    return tuple(dict.fromkeys(found))


def _in_structure_set(structures: StructureSet) -> Iterator[str]:
    yield from structures.problems
    for structure in structures:
        if structure.problem:
            yield structure.problem
    numbers: dict[str, list[int]] = {}
    for structure in structures:
        numbers.setdefault(structure.name.strip(), []).append(structure.number)
    for name, same in numbers.items():
        if len(same) > 1:
            listed = ", ".join(map(str, same))
            yield (
                f"{structures.source}: ROIName: expected each name once, "
                f"found {name!r} for ROI Numbers {listed}"
            )


def _of_plan(plan: Plan, doses: Sequence[DoseGrid], set_of: dict[str, StructureSet]) -> Iterator[str]:
    where = f"{plan.source}: ReferencedStructureSetSequence"
    if not plan.structure_set_uid:
        yield f"{where}: expected the structure set of this plan, found none"
    elif plan.structure_set_uid not in set_of:
        yield f"{where}: expected a structure set that is here, found {plan.structure_set_uid}"
    own = [dose for dose in doses if plan.uid in dose.plan_uids]
    if not own:
        yield f"{plan.source}: SOPInstanceUID: expected a dose that refers to this plan, found none"
    whole = [dose.source for dose in own if isinstance(dose.holds, WholePlan)]
    if len(whole) > 1:
        yield (
            f"{plan.source}: expected one dose of the whole plan (DoseSummationType PLAN), "
            f"found {', '.join(whole)}"
        )


def _of_dose(dose: DoseGrid, plan_of: dict[str, Plan]) -> Iterator[str]:
    where = f"{dose.source}: ReferencedRTPlanSequence"
    if not dose.plan_uids:
        yield f"{where}: expected the plan of this dose, found none"
    for uid in dose.plan_uids:
        if uid not in plan_of:
            yield f"{where}: expected a plan that is here, found {uid}"
    if dose.dose_type is not DoseType.PHYSICAL:
        yield f"{dose.source}: DoseType: expected PHYSICAL, found {dose.dose_type.value}"


def _of_record(record: TreatmentRecord | TreatmentSummary, plan_of: dict[str, Plan]) -> Iterator[str]:
    where = f"{record.source}: ReferencedRTPlanSequence"
    if not record.plan_uid:
        yield f"{where}: expected the plan of this record, found none"
    elif record.plan_uid not in plan_of:
        yield f"{where}: expected a plan that is here, found {record.plan_uid}"


def _between(dose: DoseGrid, plan: Plan, set_of: dict[str, StructureSet]) -> Iterator[str]:
    """A dose against its plan and against the structure set of that plan."""
    if is_earlier(dose.created, plan.created):
        yield (
            f"{dose.source}: InstanceCreationDate: expected a dose not older than its plan "
            f"{plan.source} ({plan.created}), found {dose.created}"
        )
    yield from _parts(dose, plan)
    structures = set_of.get(plan.structure_set_uid)
    frame_uids = {s.frame_uid for s in structures or () if s.contours}
    if structures is not None and frame_uids and dose.frame_uid not in frame_uids:
        yield (
            f"{dose.source}: FrameOfReferenceUID: expected that of {structures.source} "
            f"({', '.join(sorted(frame_uids))}), found {dose.frame_uid}"
        )


def _parts(dose: DoseGrid, plan: Plan) -> Iterator[str]:
    """Fraction group and beams that a dose names, against those of its plan."""
    where = f"{dose.source}: ReferencedRTPlanSequence"
    groups = [group.number for group in plan.groups]
    match dose.holds:
        case FractionGroup(number=number) | OneSession(group_number=number):
            listed = ", ".join(map(str, groups)) or "none"
            if number is None and len(groups) > 1:
                yield f"{where}: expected one of the fraction groups {listed}, found no group named"
            elif number is not None and number not in groups:
                yield f"{where}: expected a group of {plan.source} ({listed}), found {number}"
        case Beams(numbers=numbers):
            known = {beam.number for group in plan.groups for beam in group.beams}
            unknown = [number for number in numbers if number not in known]
            if unknown:
                listed = ", ".join(map(str, sorted(known))) or "none"
                yield (
                    f"{where}: expected beams of {plan.source} ({listed}), "
                    f"found {', '.join(map(str, unknown))}"
                )
