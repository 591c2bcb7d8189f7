"""The dose of one plan in its target: coverage, and whether the grid holds what is prescribed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dosecalc.checking.context import Context, each_structure, finding
from dosecalc.checking.judging import (
    band_of,
    bound_word,
    cover_text,
    digits,
    judge_within,
    measured,
    name_of,
    numerical,
    numerical_text,
)
from dosecalc.errors import DosecalcError, MetricError, MissingDoseError
from dosecalc.findings import Finding
from dosecalc.goals import Extreme, Metric, Unit, VolumeAtDose, measure
from dosecalc.intervals import Interval
from dosecalc.quantities import Physical
from dosecalc.roles import AssignedPlan, prescription_for
from dosecalc.rules import Coverage, Rule
from dosecalc.sessions import NoFraction


def coverage(context: Context, rule: Rule, test: Coverage) -> Iterator[Finding]:
    """A goal for a target in the dose of the plan that holds a role."""
    yield from each_structure(rule, (test.structure,), lambda _: _coverage(context, rule, test))


def _coverage(context: Context, rule: Rule, test: Coverage) -> Finding:
    assigned = context.plan_with_role(test.role)
    prescription = prescription_for(assigned, context.protocol.role(test.role))
    structure = context.find(test.structure, context.set_of(assigned))
    ledger = context.treatment.planned.of_plan(assigned.plan.uid).known()
    if not len(ledger):
        raise DosecalcError("; ".join(context.treatment.planned.course(assigned.course).missing()))
    cells = context.cells(structure, ledger)
    curve = cells.curve(ledger, Physical())
    stated, metric = measured(test.goal, curve)
    doubt = numerical(test.goal, metric, curve)
    percent = test.goal.unit is Unit.PERCENT and not _is_volume(metric)
    if percent:
        if prescription is None:
            raise MetricError(f"{assigned.name}: no prescription to take percent of")
        part = _part_used(assigned) * float(prescription.dose_gy)
        stated, doubt = (i.scaled(100 / part) for i in (stated, doubt))
    band = band_of(stated, doubt)
    deciding = band.interval(rule.uncertain_by)
    outcome = judge_within(test.goal, stated, deciding)
    of = f" of {prescription.dose_gy} Gy" if percent and prescription else ""
    unit = test.goal.unit.value
    value = f"{bound_word(stated)}{digits(stated.certain, test.goal.limit)}"
    text = f"{name_of(metric, test.goal)} is {value} {unit}{of}"
    text += f" in the dose of {assigned.plan.label!r}"
    text += f" (goal {test.goal.comparison.value} {test.goal.limit:g} {unit})"
    text += numerical_text(outcome, test.goal, band, unit) + cover_text(cells)
    return replace(
        finding(rule, outcome, text, structure=test.structure),
        band=band,
        deciding=deciding,
        limit=test.goal.limit,
        comparison=test.goal.comparison.value,
        unit=unit,
        decided_by=name_of(metric, test.goal),
    )


def _is_volume(metric: Metric) -> bool:
    return isinstance(metric, VolumeAtDose)


def target_ratio(context: Context, assigned: AssignedPlan) -> tuple[Interval, str]:
    """Median dose in a plan's target over its highest prescription, and the target's name.

    Raises
    ------
    DosecalcError : if the target, the prescription or the dose is not known.
    """
    prescription = assigned.prescription
    if prescription is None or prescription.dose_gy <= 0:
        raise DosecalcError(
            f"{assigned.name}: no TargetPrescriptionDose; state it in case.toml: prescription_gy"
        )
    structure = context.target_of(assigned)
    ledger, part = context.treatment.planned.of_plan(assigned.plan.uid).known(), _part_used(assigned)
    if assigned.used == 0 and assigned.fractions:
        # Only a part of a fraction was given before it was replaced: a whole one shows what its dose is.
        _, ledger, _ = context.treatment.ledger.of_plan(assigned.plan.uid).known().extremes()
        part = len(ledger) / assigned.fractions
    if not len(ledger):
        reasons = [
            c.fraction.reason
            for s in context.treatment.planned
            for c in s.contributions
            if isinstance(c.fraction, NoFraction) and c.fraction.plan_uid == assigned.plan.uid
        ]
        unused = f"{assigned.name}: none of its fractions was given whole before it was replaced"
        raise DosecalcError("; ".join(dict.fromkeys(reasons)) or unused)
    cells = context.cells(structure, ledger)
    curve = cells.curve(ledger, Physical())
    if curve.covered_cm3 <= 0:
        raise MissingDoseError(f"{assigned.name}: no dose of its target is known{cover_text(cells)}")
    median = curve.bounds(lambda c: measure(Extreme.MEDIAN, c))
    return median.scaled(1 / (part * float(prescription.dose_gy))), structure.name


def _part_used(assigned: AssignedPlan) -> float:
    """The part of a plan's fractions that belongs to the treatment: all, unless it was replaced."""
    if assigned.used is None or assigned.fractions is None:
        return 1.0
    return assigned.used / assigned.fractions
