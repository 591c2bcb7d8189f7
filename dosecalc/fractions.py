"""The dose of one fraction of a plan, from the dose grids that refer to it, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import assert_never

from dosecalc.case import Case
from dosecalc.doses import (
    OWN_MAKER,
    Beams,
    DoseGrid,
    DoseType,
    FractionGroup,
    OneSession,
    SeveralPlans,
    Unstated,
    WholePlan,
)
from dosecalc.plans import Plan
from dosecalc.sessions import FractionDose, GridFraction, NoFraction, Part
from dosecalc.statement import PlanStatement


def plan_name(plan: Plan) -> str:
    """A plan as it is called in messages: label and file."""
    return f"plan {plan.label!r} ({plan.source or plan.uid})"


def fractions_of(plan: Plan, stated: PlanStatement) -> int | None:
    """Number of fractions, as stated by a person or else as planned."""
    return stated.fractions if stated.fractions is not None else plan.fractions


def fraction_of(case: Case, plan: Plan, stated: PlanStatement) -> FractionDose:
    """The dose of one fraction of a plan.

    What a grid holds is taken from DoseSummationType alone; whether it is so is for the rule that
    holds the dose against the prescription to say. Two grids that hold the same are never added and
    never chosen between: ``doses`` in the case file says which one counts.
    """
    doses = [d for d in case.doses_of(plan.uid) if not isinstance(d.holds, SeveralPlans)]
    if stated.dose_uids:
        absent = set(stated.dose_uids) - {d.uid for d in doses}
        if absent:
            return _no(plan, f"case file: doses: {', '.join(sorted(absent))} is no dose of it")
        doses = [d for d in doses if d.uid in stated.dose_uids]
    if not doses:
        several = [d.source for d in case.doses_of(plan.uid)]
        also = f"; {', '.join(several)} is a sum of several plans" if several else ""
        return _no(plan, f"no RT Dose refers to it{also}")
    unstated = [d.source or d.uid for d in doses if isinstance(d.holds, Unstated)]
    if unstated:
        return _no(plan, f"{', '.join(unstated)} does not say what it holds (DoseSummationType)")
    unphysical = [d for d in doses if d.dose_type is not DoseType.PHYSICAL]
    own = [d for d in unphysical if d.made_by.startswith(" ".join(OWN_MAKER))]
    if own:
        listed = ", ".join(d.source or d.uid for d in own)
        return _no(plan, f"expected a dose of a planning system, found {listed}: an exported BED or EQD2")
    weighted = all(d.dose_type is DoseType.EFFECTIVE for d in unphysical)
    if unphysical and not (stated.effective and weighted):
        kinds = ", ".join(f"{d.source}: DoseType {d.dose_type.value}" for d in unphysical)
        hint = "; if it is weighted by RBE, case.toml may declare it: effective" if weighted else ""
        return _no(plan, f"expected a PHYSICAL dose, found {kinds}{hint}")
    fractions = fractions_of(plan, stated)
    if fractions is None and any(not _is_session(d) for d in doses):
        return _no(plan, "NumberOfFractionsPlanned is missing; state fractions for it in the case file")
    if all(isinstance(d.holds, Beams) for d in doses):
        return _from_beams(plan, doses, fractions)
    if len(doses) > 1:
        listed = ", ".join(f"{d.source} ({holds_text(d)})" for d in doses)
        return _no(plan, f"several doses hold it: {listed}; state which in the case file: doses")
    return _from_one(plan, doses[0], fractions)


def holds_text(dose: DoseGrid) -> str:
    """What a grid holds, in words."""
    match dose.holds:
        case WholePlan():
            return "whole plan"
        case FractionGroup(number=number):
            return f"fraction group {number}" if number is not None else "a fraction group"
        case OneSession():
            return "one session"
        case Beams(numbers=numbers, one_session=one_session):
            listed = ", ".join(str(n) for n in numbers)
            return f"beam {listed}, {'one session' if one_session else 'all fractions'}"
        case SeveralPlans():
            return "several plans"
        case Unstated():
            return "not stated"
        case _:
            assert_never(dose.holds)


def _no(plan: Plan, reason: str) -> NoFraction:
    return NoFraction(plan_uid=plan.uid, reason=f"{plan_name(plan)}: {reason}")


def _is_session(dose: DoseGrid) -> bool:
    holds = dose.holds
    return isinstance(holds, OneSession) or (isinstance(holds, Beams) and holds.one_session)


def _from_one(plan: Plan, dose: DoseGrid, fractions: int | None) -> FractionDose:
    if len(plan.groups) > 1:
        return _no(
            plan,
            f"{len(plan.groups)} fraction groups: {dose.source} ({holds_text(dose)}) cannot be divided "
            "into fractions without guessing",
        )
    number = None
    if isinstance(dose.holds, FractionGroup):
        number = dose.holds.number
    elif isinstance(dose.holds, OneSession):
        number = dose.holds.group_number
    if number is not None and all(g.number != number for g in plan.groups):
        return _no(plan, f"{dose.source}: it has no fraction group {number}")
    scale = Fraction(1) if _is_session(dose) else Fraction(1, fractions or 1)
    return GridFraction(plan_uid=plan.uid, parts=(Part(dose=dose, scale=scale),))


def _from_beams(plan: Plan, doses: Sequence[DoseGrid], fractions: int | None) -> FractionDose:
    """Beam doses, which must be those of all treatment beams, each once."""
    if len(plan.groups) > 1:
        return _no(plan, f"{len(plan.groups)} fraction groups with doses of single beams")
    wanted = sorted(b.number for g in plan.groups for b in g.beams if b.treats)
    held = sorted(n for d in doses if isinstance(d.holds, Beams) for n in d.holds.numbers)
    if held != wanted:
        return _no(plan, f"expected doses of beams {wanted}, each once, found {held}")
    return GridFraction(
        plan_uid=plan.uid,
        parts=tuple(
            Part(
                dose=d,
                scale=Fraction(1) if _is_session(d) else Fraction(1, fractions or 1),
                beam=d.holds.numbers[0] if isinstance(d.holds, Beams) and len(d.holds.numbers) == 1 else None,
            )
            for d in sorted(
                doses, key=lambda d: (d.holds.numbers if isinstance(d.holds, Beams) else (), d.uid)
            )
        ),
    )
